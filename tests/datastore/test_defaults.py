"""Defaults in use, and those that are taken out: RFC 6243 section 3."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.datastore.defaults import DefaultsMode, DefaultValue, settled, without_defaults
from agent.datastore.errors import RpcErrors
from agent.datastore.parsing import unsealed
from agent.datastore.schema import Schema
from agent.datastore.stores import Stores
from agent.datastore.transaction import Transactions
from agent.datastore.tree import Branch, Item, instances
from tests.support.edits import serialized, shop
from tests.support.schemas import load_texts
from tests.support.shop import configuration, toy_registry


def filled(content: str) -> Branch:
    """Return the configuration of a shop with its defaults filled in."""
    return Transactions(toy_registry(), Stores(lambda: 0), (), unsealed).with_defaults(configuration(shop(content)))


def of_the_shop(root: Branch) -> str:
    """Return the content of the shop."""
    (found,) = (item for node, item in root.children.items() if node.name == "shop")
    (node,) = (node for node in root.children if node.name == "shop")
    return serialized(Branch(None, {node: found})).removeprefix('<shop xmlns="urn:toy">').removesuffix("</shop>")


def marked(item: Item) -> Iterator[str]:
    """Iterate over the names of the leaves that nobody has set."""
    for _, branch in instances(item):
        for node, below in branch.children.items():
            if isinstance(below, DefaultValue):
                yield node.name
            yield from marked(below)


def test_defaults_are_filled_in_at_every_level_and_marked() -> None:
    root = filled("<name>corner</name>")
    assert of_the_shop(root) == "<name>corner</name><greeting>hello</greeting><rules><limit>5</limit></rules>"
    shop_names = {"greeting", "limit"}
    assert shop_names <= set(marked(root))
    assert "name" not in set(marked(root))


def test_what_is_set_is_not_marked_though_it_is_the_default() -> None:
    root = filled("<greeting>hello</greeting><rules><limit>5</limit></rules>")
    assert {"greeting", "limit"} & set(marked(root)) == set()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("<from>8</from>", "<from>8</from><until>18</until>"),
        ("<always/>", "<always></always>"),
        ("<name>a</name>", "<name>a</name>"),
    ],
)
def test_the_default_of_a_case_is_in_use_where_the_case_is(content: str, expected: str) -> None:
    """RFC 7950 section 7.6.1."""
    root = of_the_shop(filled(content))
    assert root.replace("<greeting>hello</greeting>", "").replace("<rules><limit>5</limit></rules>", "") == expected


def test_the_tree_that_is_filled_in_stays_what_it_was() -> None:
    root = configuration(shop("<name>corner</name>"))
    Transactions(toy_registry(), Stores(lambda: 0), (), unsealed).with_defaults(root)
    assert serialized(root) == shop("<name>corner</name>")


def test_what_is_not_valid_has_no_defaults_in_use() -> None:
    with pytest.raises(RpcErrors) as refused:
        filled("<rules><favourite>nowhere</favourite></rules>")
    assert [error.tag for error in refused.value.errors] == ["data-missing"]


def test_filled_in_defaults_can_be_made_set_ones() -> None:
    root = filled("<name>corner</name><shelf><row>1</row><column>a</column></shelf><tag>x</tag>")
    explicit = settled(root)
    assert serialized(explicit) == serialized(root)
    assert [name for item in explicit.children.values() for name in marked(item)] == []


def test_defaults_that_are_set_can_be_taken_out() -> None:
    content = (
        "<name>a</name><greeting>hello</greeting><from>8</from><until>18</until><rules><limit>5</limit></rules>"
        "<shelf><row>1</row><column>a</column></shelf><open/>"
    )
    trimmed = without_defaults(configuration(shop(content)))
    kept = "<name>a</name><from>8</from><shelf><row>1</row><column>a</column></shelf><open/>"
    assert serialized(trimmed) == serialized(configuration(shop(kept)))
    assert serialized(without_defaults(trimmed)) == serialized(trimmed)


def test_what_is_filled_in_and_taken_out_again_is_what_was_set() -> None:
    content = "<name>a</name><greeting>hi</greeting><from>8</from><rules><limit>6</limit></rules>"
    assert of_the_shop(without_defaults(filled(content))) == content


@pytest.mark.parametrize(
    ("mode", "shows"),
    [("explicit", False), ("trim", False), ("report-all", True), ("report-all-tagged", True)],
)
def test_two_modes_show_what_nobody_has_set(mode: str, shows: bool) -> None:
    assert DefaultsMode(mode).shows_defaults is shows


KEYED = """module keyed { yang-version 1.1; namespace urn:keyed; prefix k;
  typedef level { type string; default "low"; }
  list floor { key "level"; leaf level { type level; } leaf other { type level; } }
  leaf-list place { type string; default "north"; default "south"; }
}"""


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    """Load a module with a key whose type has a default, and with a leaf-list that has two."""
    return load_texts(Path(tmp_path_factory.mktemp("yang")), KEYED)


def test_a_key_is_never_a_default(keyed: Schema) -> None:
    """RFC 7950 section 7.8.2."""
    assert keyed.node("/keyed:floor/level").defaults == ()
    xml = '<floor xmlns="urn:keyed"><level>low</level><other>low</other></floor>'
    trimmed = without_defaults(configuration(xml, keyed))
    (entry,) = (branch for item in trimmed.children.values() for _, branch in instances(item))
    assert [node.name for node in entry.children] == ["level"]


def test_a_leaf_list_is_a_default_when_it_has_all_of_them_in_order(keyed: Schema) -> None:
    def places(*names: str) -> Branch:
        return configuration("".join(f'<place xmlns="urn:keyed">{name}</place>' for name in names), keyed)

    assert dict(without_defaults(places("north", "south")).children) == {}
    for kept in (("south", "north"), ("north",), ("north", "south", "east")):
        assert list(without_defaults(places(*kept)).children.values()) == [kept]
