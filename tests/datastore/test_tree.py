"""The data tree: look-ups by name, with the defaults of the schema."""

from __future__ import annotations

import pytest

from agent.datastore.nacm import NACM
from agent.datastore.tree import Branch, child, entries, find, instances, lineage
from tests.support.access import nacm
from tests.support.shop import configuration, toy_schema

CONFIG = """
<shop xmlns="urn:toy"><name>corner</name><tag>b</tag><tag>a</tag>
<shelf><row>2</row><column>x</column></shelf><shelf><row>1</row><column>x</column></shelf></shop>
"""


def shop(config: str = CONFIG) -> Branch:
    """Return the shop of a configuration."""
    branch = find(toy_schema(), configuration(config), "/toy:shop")
    assert branch is not None
    return branch


def test_a_leaf_has_its_value_its_default_or_none() -> None:
    assert shop().leaf("name") == "corner"
    assert shop().leaf("secret") is None
    rules = find(toy_schema(), configuration(nacm()), NACM)
    assert rules is not None
    assert rules.leaf("exec-default") == "permit", "the module's default"


def test_a_leaf_list_keeps_its_order() -> None:
    assert shop().leaf_list("tag") == ("b", "a")
    assert shop('<shop xmlns="urn:toy"><name>x</name></shop>').leaf_list("tag") == ()


def test_entries_are_found_by_all_their_keys_in_their_order() -> None:
    assert list(shop().entries("shelf")) == [("2", "x"), ("1", "x")]
    assert shop().entries("shelf")["1", "x"].leaf("row") == "1"


def test_an_absent_container_is_empty_unless_its_presence_means_something() -> None:
    assert shop().container("open") is None
    opened = shop('<shop xmlns="urn:toy"><open/></shop>').container("open")
    assert opened is not None
    assert opened.leaf("since") is None
    groups = Branch(toy_schema().node(NACM)).container("groups")
    assert groups is not None
    assert dict(groups.entries("group")) == {}


def test_a_name_may_have_its_module_in_front() -> None:
    node = toy_schema().node("/toy:shop")
    assert child(node, "toy:name") is child(node, "name")


@pytest.mark.parametrize("name", ["nonsense", "other:name", ""])
def test_a_name_that_is_not_there_is_an_error_of_the_programmer(name: str) -> None:
    with pytest.raises(KeyError, match="/toy:shop"):
        shop().leaf(name)


def test_a_whole_datastore_has_no_module_to_look_in() -> None:
    with pytest.raises(KeyError):
        configuration("").leaf("name")


def test_a_container_that_is_not_configured_is_not_found() -> None:
    assert find(toy_schema(), configuration(""), "/toy:shop") is None
    assert find(toy_schema(), configuration(CONFIG), "/toy:shop/open") is None


def test_the_lineage_of_a_node_begins_at_the_top() -> None:
    node = toy_schema().node("/toy:shop/customer/purchase/count")
    assert [step.name for step in lineage(node)] == ["shop", "customer", "purchase", "count"]


def test_the_instances_of_an_item_come_with_their_keys() -> None:
    branch = shop()
    shelves = branch.children[branch.node("shelf")]
    assert [key for key, _ in instances(shelves)] == [("2", "x"), ("1", "x")]
    assert list(instances(branch)) == [((), branch)]
    assert list(instances("a leaf")) == list(instances(None)) == []


def test_what_is_no_list_has_no_entries() -> None:
    assert dict(entries(None)) == dict(entries("a leaf")) == {}
