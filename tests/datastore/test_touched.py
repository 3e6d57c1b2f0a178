"""What may have changed, and whether a selection may show it."""

from __future__ import annotations

import pytest
from lxml import etree

from agent.datastore.touched import Interest, Touched, touched_by_commit, touched_by_event
from agent.netconf.filters import parse_subtree
from tests.support.market import CustomerSeen, Moved, registry
from tests.support.shop import configuration, toy_schema

CUSTOMER = registry().schema.node("/toy:shop/customer")
NAME = registry().schema.node("/toy:shop/customer/name")


def commits(before: str, after: str) -> set[tuple[str, tuple[str, ...]]]:
    """Return what differs between two shops, by path and keys."""
    trees = (configuration(f'<shop xmlns="urn:toy">{each}</shop>') for each in (before, after))
    return {(touched.node.path, touched.keys) for touched in touched_by_commit(*trees)}


def test_an_event_touches_what_its_binding_says() -> None:
    assert list(touched_by_event(registry(), CustomerSeen(0, 7))) == [Touched(CUSTOMER, ("7",))]
    assert list(touched_by_event(registry(), Moved(0))) == [Touched(NAME)]
    assert list(touched_by_event(registry(), "an event that nothing is bound to")) == []


def test_what_an_event_touches_of_nodes_that_nobody_wants_is_left_out() -> None:
    assert list(touched_by_event(registry(), CustomerSeen(0, 7), lambda node: node is CUSTOMER)) != []
    assert list(touched_by_event(registry(), CustomerSeen(0, 7), lambda node: node is NAME)) == []


@pytest.mark.parametrize(
    ("before", "after", "touched"),
    [
        ("<name>a</name>", "<name>b</name>", {("/toy:shop/name", ())}),
        ("", "<open><since>x</since></open>", {("/toy:shop/open", ())}),
        ("", "<queue><name>a</name><since>x</since></queue>", {("/toy:shop/queue", ("a",))}),
        (
            "<queue><name>a</name><since>x</since></queue>",
            "<queue><name>a</name><since>y</since></queue>",
            {("/toy:shop/queue/since", ("a",))},
        ),
        ("<tag>a</tag>", "<tag>b</tag>", {("/toy:shop/tag", ())}),
        (
            "<queue><name>a</name></queue><queue><name>b</name></queue>",
            "<queue><name>b</name></queue><queue><name>a</name></queue>",
            {("/toy:shop/queue", ())},
        ),
        ("<name>a</name>", "<name>a</name>", set()),
    ],
)
def test_a_commit_touches_the_topmost_of_what_differs(
    before: str, after: str, touched: set[tuple[str, tuple[str, ...]]]
) -> None:
    assert commits(before, after) == touched


@pytest.mark.parametrize(
    ("filter_", "path", "keys", "is_concerned"),
    [
        ("", "shop/customer", ("7",), True),
        ("<customer/>", "shop/customer", ("7",), True),
        ("<customer/>", "shop/customer/name", (), True),
        ("<customer/>", "shop/totals", (), False),
        ("<customer><name/></customer>", "shop/customer", ("7",), True),
        ("<customer><name/></customer>", "shop/customer/purchase", ("7", "tea"), False),
        ("<customer><number>7</number></customer>", "shop/customer", ("7",), True),
        ("<customer><number>7</number></customer>", "shop/customer", ("8",), False),
        ("<customer><number>7</number></customer>", "shop/customer/name", (), True),
        ("<customer><name>x</name><purchase/></customer>", "shop/customer/name", ("7",), True),
        ("<customer><name>x</name><purchase/></customer>", "shop/customer", ("7",), True),
        ("<totals/>", "shop", (), True),
    ],
)
def test_a_selection_is_concerned_by_what_it_may_show(
    filter_: str, path: str, keys: tuple[str, ...], is_concerned: bool
) -> None:
    element = etree.fromstring(f'<filter><shop xmlns="urn:toy">{filter_}</shop></filter>')
    selected = parse_subtree(toy_schema().roots, element)
    interest, node = Interest(selected), toy_schema().node(f"/toy:{path}")
    for _ in range(2):  # The second time it is known.
        assert interest.includes(Touched(node, keys)) is is_concerned
    assert interest.reaches(node) or not is_concerned
