"""The difference between two configurations."""

from __future__ import annotations

import pytest

from agent.datastore.diff import differences
from tests.support.edits import edited, op, shop
from tests.support.shop import configuration


def differing(old: str, new: str) -> list[str]:
    """Return what differs between two shops: change, names and keys."""
    found = []
    for difference in differences(configuration(shop(old)), configuration(shop(new))):
        steps = [step.node.name + "".join(f"[{key}]" for key in step.keys) for step in difference.path[1:]]
        found.append(f"{difference.change.value} {'/'.join(steps)}")
    return found


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "<name>a</name>", ["create name"]),
        ("<name>a</name>", "", ["delete name"]),
        ("<name>a</name>", "<name>b</name>", ["update name"]),
        ("<tag>a</tag><tag>b</tag>", "<tag>b</tag><tag>c</tag>", ["delete tag[a]", "create tag[c]"]),
        ("", "<open><since>8</since></open>", ["create open", "create open/since"]),
        ("<open><since>8</since></open>", "<open/>", ["delete open/since"]),
        (
            "<queue><name>a</name><since>1</since></queue>",
            "",
            ["delete queue[a]", "delete queue[a]/name", "delete queue[a]/since"],
        ),
        (
            "",
            "<shelf><row>1</row><column>a</column></shelf>",
            ["create shelf[1][a]", "create shelf[1][a]/row", "create shelf[1][a]/column"],
        ),
        (
            "<shelf><row>1</row><column>a</column><label>x</label></shelf>",
            "<shelf><row>1</row><column>a</column><label>y</label></shelf>",
            ["update shelf[1][a]/label"],
        ),
        ('<notes><a xmlns="urn:n"/></notes>', '<notes><b xmlns="urn:n"/></notes>', ["update notes"]),
        ("<always/>", "<from>8</from>", ["delete always", "create from"]),
    ],
)
def test_every_node_that_differs_is_told_parents_first(old: str, new: str, expected: list[str]) -> None:
    assert differing(old, new) == expected


def test_a_container_without_presence_is_no_difference_of_its_own() -> None:
    """RFC 7950 section 7.5.1: it means nothing without what is in it."""
    assert differing("", "<rules><limit>7</limit></rules>") == ["create rules/limit"]
    assert differing("<rules><limit>7</limit></rules>", "") == ["delete rules/limit"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("abc", "acb", ["update aisle"]),
        ("abc", "bc", ["delete aisle[a]"]),
        ("abc", "bcd", ["delete aisle[a]", "create aisle[d]"]),
        ("abc", "cbd", ["delete aisle[a]", "create aisle[d]", "update aisle"]),
    ],
)
def test_another_order_is_an_update_of_what_the_user_orders(old: str, new: str, expected: list[str]) -> None:
    def aisles(names: str) -> str:
        return "".join(f"<aisle>{name}</aisle>" for name in names)

    def queue(names: str) -> str:
        return "".join(f"<queue><name>{name}</name></queue>" for name in names)

    assert differing(aisles(old), aisles(new)) == expected
    entries = [found for found in differing(queue(old), queue(new)) if not found.endswith("/name")]
    assert entries == [found.replace("aisle", "queue") for found in expected]


def test_entries_that_only_moved_are_told_though_each_is_what_it_was() -> None:
    before = shop("<queue><name>a</name></queue><queue><name>b</name></queue>")
    moved = edited(before, shop('<queue yang:insert="first"><name>b</name></queue>')).root
    old = configuration(before)
    assert [found.change.value for found in differences(old, moved)] == ["update"]


def test_another_order_of_what_the_system_orders_is_no_difference() -> None:
    assert differing("<tag>a</tag><tag>b</tag>", "<tag>b</tag><tag>a</tag>") == []
    shelves = [f"<shelf><row>{row}</row><column>a</column></shelf>" for row in (1, 2)]
    assert differing("".join(shelves), "".join(reversed(shelves))) == []


def test_a_tree_that_was_edited_to_what_it_was_does_not_differ() -> None:
    before = shop("<name>a</name><shelf><row>1</row><column>a</column></shelf><open/>")
    again = edited(before, before.replace("<shop", f'<shop xmlns:x="urn:x"{op("replace")}')).root
    assert list(differences(configuration(before), again)) == []
