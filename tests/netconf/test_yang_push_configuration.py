"""On-change subscriptions to configuration datastores (RFC 8641): a commit is told of, edit by edit."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.support.access import NAMESPACE, nacm, path, rule
from tests.support.editor import is_ok
from tests.support.market import SHOP, Market, edit, registry
from tests.support.netconf_wire import Wire
from tests.support.push import Mirror, datastore, edits, established, facts, get_data, messages, names, told_edits

WRITER: Final = nacm(rule("permit"))
READERS: Final = ("a", "b")
BASE: Final = "urn:ietf:params:xml:ns:netconf:base:1.0"


def watching(market: Market, name: str) -> Wire:
    """Return a subscriber to what changes in a datastore, that has been told everything."""
    wire = market.connect("ann")
    established(wire, datastore(name, SHOP))
    assert names(wire) == ["push-update"]
    return wire


def is_mirrored(market: Market, wire: Wire, mirror: Mirror, name: str, user: str = "ann") -> bool:
    """Tell whether the mirror of a user shows what the server does."""
    mirror.follow(wire)
    shown = facts(get_data(market.connect(user), name, SHOP), registry(), notifiable=True)
    return facts(mirror.data, registry()) == shown


@pytest.mark.parametrize("name", ["running", "intended", "operational"])
def test_a_commit_is_told_of(name: str) -> None:
    market = Market(WRITER + '<shop xmlns="urn:toy"><name>old</name></shop>')
    wire = watching(market, name)
    assert is_ok(market.connect("ann").rpc(edit("<name>new</name><tag>a</tag>")))
    assert told_edits(wire) == [("replace", "/toy:shop/name"), ("create", "/toy:shop/tag=a")]


def test_running_is_told_of_when_the_candidate_is_committed_and_not_before() -> None:
    market = Market(WRITER)
    wire, hand = watching(market, "running"), market.connect("ann")
    assert is_ok(hand.rpc(edit("<name>new</name>", "candidate")))
    assert names(wire) == []
    assert is_ok(hand.rpc("<commit/>"))
    assert told_edits(wire) == [("create", "/toy:shop")]


def test_startup_is_told_of_when_it_is_written() -> None:
    market = Market(WRITER + '<shop xmlns="urn:toy"><name>old</name></shop>')
    wire = watching(market, "startup")
    copy = "<copy-config><target><startup/></target><source><running/></source></copy-config>"
    assert is_ok(market.connect("ann").rpc(copy))
    assert told_edits(wire) == [("create", "/toy:shop")]


def test_defaults_are_part_of_what_is_operational() -> None:
    market = Market(WRITER + '<shop xmlns="urn:toy"><greeting>hi</greeting></shop>')
    wire = watching(market, "operational")
    assert is_ok(market.connect("ann").rpc(edit('<greeting nc:operation="delete"/>')))
    (update,) = messages(wire)
    assert edits(update) == [("replace", "/toy:shop/greeting")]
    assert ">hello<" in etree.tostring(update).decode()


def test_entries_in_the_order_of_the_user_are_inserted_and_moved() -> None:
    market = Market(WRITER)
    mirror = Mirror(registry().schema)
    wire = market.connect("ann")
    established(wire, datastore("running", SHOP))
    hand = market.connect("ann")
    yang = 'xmlns:yang="urn:ietf:params:xml:ns:yang:1"'
    for content in (
        "<queue><name>a</name></queue><queue><name>b</name></queue><aisle>x</aisle><aisle>y</aisle>",
        f'<queue {yang} yang:insert="first"><name>c</name></queue>',
        f'<queue {yang} yang:insert="after" yang:key="[toy:name=\'b\']" xmlns:toy="urn:toy"><name>a</name></queue>',
        f'<aisle {yang} yang:insert="before" yang:value="x">y</aisle>',
        "<queue><name>b</name><since>noon</since></queue>",
        '<queue nc:operation="delete"><name>c</name></queue>',
    ):
        assert is_ok(hand.rpc(edit(content))), content
        assert is_mirrored(market, wire, mirror, "running")


def test_keys_with_any_character_are_named_in_targets() -> None:
    market = Market(WRITER)
    mirror = Mirror(registry().schema)
    wire = market.connect("ann")
    established(wire, datastore("running", SHOP))
    for key in ("a/b", "c,d", "e=f", "g h", "ü&lt;'\"%"):
        assert is_ok(market.connect("ann").rpc(edit(f"<shelf><row>1</row><column>{key}</column></shelf>")))
        assert is_mirrored(market, wire, mirror, "running")


CONTENT: Final = st.sampled_from(
    [
        "<name>{0}</name>",
        '<name nc:operation="remove"/>',
        "<greeting>{0}</greeting>",
        '<greeting nc:operation="remove"/>',
        "<tag>{0}</tag>",
        '<tag nc:operation="remove">{0}</tag>',
        "<aisle>{0}</aisle>",
        '<aisle nc:operation="remove">{0}</aisle>',
        '<aisle xmlns:yang="urn:ietf:params:xml:ns:yang:1" yang:insert="first">{0}</aisle>',
        '<queue xmlns:yang="urn:ietf:params:xml:ns:yang:1" yang:insert="first"><name>{0}</name></queue>',
        "<queue><name>{0}</name><since>{0}</since></queue>",
        '<queue nc:operation="remove"><name>{0}</name></queue>',
        "<from>1</from>",
        "<always/>",
        "<season><name>{0}</name></season>",
        "<festival/>",
        "<rules><limit>{1}</limit></rules>",
        '<rules nc:operation="remove"/>',
        "<open><since>{0}</since></open>",
        '<open nc:operation="remove"/>',
        "<shelf><row>{1}</row><column>{0}</column><label>{0}</label></shelf>",
        '<shelf nc:operation="remove"><row>{1}</row><column>{0}</column></shelf>',
        "<notes><a>{0}</a></notes>",
    ]
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(CONTENT, st.sampled_from("abc"), st.integers(1, 3)), min_size=1, max_size=12))
def test_whatever_is_committed_mirrors_of_running_and_operational_show_it(edits_: list[tuple[str, str, int]]) -> None:
    market = Market(WRITER)
    hand = market.connect("ann")
    mirrors = {name: (market.connect("ann"), Mirror(registry().schema)) for name in ("running", "operational")}
    for name, (wire, _) in mirrors.items():
        established(wire, datastore(name, SHOP))
    for content, text, number in edits_:
        hand.rpc(edit(content.format(text, number)))
        for name, (wire, mirror) in mirrors.items():
            assert is_mirrored(market, wire, mirror, name)


HIDDEN: Final = st.sampled_from(
    [
        rule("deny", path("/toy:shop/toy:name")),
        rule("deny", path("/toy:shop/toy:tag[.='a']")),
        rule("permit", path("/toy:shop/toy:aisle[.='b']")) + "\n" + rule("deny", path("/toy:shop/toy:aisle")),
        rule("deny", path("/toy:shop/toy:queue[toy:name='a']")),
        rule("deny", path("/toy:shop/toy:queue[toy:name=$USER]/toy:since")),
        rule("permit", path("/toy:shop/toy:shelf[toy:row='1']")) + "\n" + rule("deny", path("/toy:shop/toy:shelf")),
        rule("deny", path("/toy:shop/toy:shelf[toy:column='b']/toy:label")),
        rule("deny", path("/toy:shop/toy:shelf/toy:column")),
        rule("deny", path("/toy:shop/toy:open")),
        rule("deny", path("/toy:shop/toy:rules")),
        rule("deny", path("/toy:shop")),
    ]
)


def rules_of_readers(hidden: list[str]) -> str:
    """Return an edit of what those may read who do not write: everything but what is hidden."""
    rules = [*"\n".join(hidden).split("\n"), ""] if hidden else [""]
    listed = "".join(f"<rule><name>{number}</name>{each}</rule>" for number, each in enumerate(rules) if each)
    users = "".join(f"<user-name>{user}</user-name>" for user in READERS)
    return (
        f'<edit-config xmlns:nc="{BASE}"><target><running/></target><config><nacm xmlns="{NAMESPACE}">'
        f"<groups><group><name>readers</name>{users}</group></groups>"
        f'<rule-list nc:operation="replace"><name>readers</name><group>readers</group>{listed}</rule-list>'
        "</nacm></config></edit-config>"
    )


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(CONTENT, st.sampled_from("abc"), st.integers(1, 3)) | st.lists(HIDDEN, max_size=3),
        min_size=2,
        max_size=12,
    )
)
def test_whatever_the_rules_come_to_be_mirrors_show_what_their_readers_may_read(
    steps: list[tuple[str, str, int] | list[str]],
) -> None:
    market = Market(WRITER)
    hand = market.connect("ann")
    mirrors = {
        (user, name): (market.connect(user), Mirror(registry().schema))
        for user in READERS
        for name in ("running", "operational")
    }
    for (_, name), (wire, _) in mirrors.items():
        established(wire, datastore(name, SHOP))
    for step in steps:
        if isinstance(step, list):
            assert is_ok(hand.rpc(rules_of_readers(step)))
        else:
            content, text, number = step
            hand.rpc(edit(content.format(text, number)))
        for (user, name), (wire, mirror) in mirrors.items():
            assert is_mirrored(market, wire, mirror, name, user)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.tuples(CONTENT, st.sampled_from("abc"), st.integers(1, 3)) | st.lists(HIDDEN, max_size=2),
            st.frozensets(st.integers(0, 7), max_size=8),
        ),
        min_size=2,
        max_size=12,
    )
)
def test_whenever_each_of_many_readers_reads_its_mirror_shows_what_it_may_read_then(
    steps: list[tuple[tuple[str, str, int] | list[str], frozenset[int]]],
) -> None:
    market = Market(WRITER)
    hand = market.connect("ann")
    views = [(user, name) for user in READERS for name in ("running", "operational") for _ in range(2)]
    mirrors = [(user, name, market.connect(user), Mirror(registry().schema)) for user, name in views]
    for _, name, wire, _ in mirrors:
        established(wire, datastore(name, SHOP))
    for step, reading in [*steps, (steps[0][0], frozenset(range(len(mirrors))))]:
        if isinstance(step, list):
            assert is_ok(hand.rpc(rules_of_readers(step)))
        else:
            content, text, number = step
            hand.rpc(edit(content.format(text, number)))
        for number, (user, name, wire, mirror) in enumerate(mirrors):
            if number in reading:
                assert is_mirrored(market, wire, mirror, name, user)
