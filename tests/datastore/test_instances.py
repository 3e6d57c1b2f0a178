"""Instances of a tree: found by a selection or a path, named, and taken out."""

from __future__ import annotations

from typing import Final

import pytest

from agent.datastore.errors import InstancePath, PathStep
from agent.datastore.instances import can_be_named, identifier, instance, instances_of, is_same, topmost, without
from agent.datastore.selection import WHOLE, Match, Selection
from tests.support.edits import serialized
from tests.support.edits import shop as shop_xml
from tests.support.shop import configuration, toy_schema

TREE: Final = shop_xml(
    "<name>corner</name><tag>a</tag><tag>b</tag><rules><limit>9</limit></rules>"
    "<shelf><row>1</row><column>x</column><label>tea</label></shelf><shelf><row>2</row><column>x</column></shelf>"
)


def path(*steps: str | tuple[str, tuple[str, ...]]) -> InstancePath:
    """Return a path of names in the shop, an entry with its keys."""
    names, found = "/toy:shop", [PathStep(toy_schema().node("/toy:shop"))]
    for step in steps:
        name, keys = (step, ()) if isinstance(step, str) else step
        names += f"/{name}"
        found.append(PathStep(toy_schema().node(names), keys))
    return tuple(found)


SHELF: Final = ("shelf", ("1", "x"))


@pytest.mark.parametrize(
    ("of", "is_there"),
    [
        (path("name"), True),
        (path("kind"), False),
        (path(("tag", ("b",))), True),
        (path(("tag", ("c",))), False),
        (path(SHELF, "label"), True),
        (path(("shelf", ("2", "x")), "label"), False),
        (path(("shelf", ("3", "x"))), False),
    ],
)
def test_an_instance_is_found_by_its_path(of: InstancePath, is_there: bool) -> None:
    assert (instance(configuration(TREE), of) is not None) is is_there


@pytest.mark.parametrize(
    ("of", "gone"),
    [
        (path("name"), "<name>corner</name>"),
        (path(("tag", ("a",))), "<tag>a</tag>"),
        (path("rules", "limit"), "<rules><limit>9</limit></rules>"),
        (path("rules"), "<rules><limit>9</limit></rules>"),
        (path(SHELF), "<shelf><row>1</row><column>x</column><label>tea</label></shelf>"),
        (path(SHELF, "label"), "<label>tea</label>"),
    ],
)
def test_what_is_taken_out_leaves_everything_else(of: InstancePath, gone: str) -> None:
    tree = configuration(TREE)
    before = serialized(tree)
    assert gone in before
    assert serialized(without(tree, of)) == before.replace(gone, "")
    assert serialized(tree) == before, "the tree itself is as it was"


def test_two_instances_are_the_same_if_they_hold_the_same() -> None:
    one, other = configuration(TREE), configuration(TREE.replace("tea", "soap"))
    for of in (path("name"), path(("shelf", ("2", "x"))), path("rules")):
        assert is_same(instance(one, of), instance(other, of))
    assert not is_same(instance(one, path(SHELF)), instance(other, path(SHELF)))
    assert not is_same(None, None)


def test_a_selection_means_the_instances_that_it_selects_as_a_whole() -> None:
    schema = toy_schema()
    shelf, label, row = (schema.node(f"/toy:shop/{of}") for of in ("shelf", "shelf/label", "shelf/row"))
    second = Selection(whole=True, matches=(Match(row, "2"),))
    labels = Selection(children={label: (WHOLE,)})
    shop = {schema.node("/toy:shop"): (Selection(children={shelf: (second, labels)}),)}
    found = list(instances_of(configuration(TREE), shop))
    assert found == [path(SHELF, "label"), path(("shelf", ("2", "x")))]


def test_of_nodes_within_one_another_the_topmost_are_meant() -> None:
    found = topmost(iter([path(SHELF, "label"), path("name"), path(SHELF), path("name")]))
    assert found == (path("name"), path(SHELF))


def test_a_node_is_named_with_its_keys() -> None:
    assert identifier(path(SHELF, "label")) == "/toy:shop/toy:shelf[toy:row='1'][toy:column='x']/toy:label"
    assert identifier(path(("tag", ("it's",)))) == '/toy:shop/toy:tag[.="it\'s"]'


@pytest.mark.parametrize(
    ("of", "can"),
    [
        (path(SHELF), True),
        (path("shelf"), False),
        (path("tag"), False),
        (path(("tag", ("'\"",))), False),
        (path("name"), True),
    ],
)
def test_what_cannot_be_told_from_others_cannot_be_named(of: InstancePath, can: bool) -> None:
    assert can_be_named(of[-1]) is can
