"""What a server tells of itself: sessions, changed configurations, confirmed commits (RFC 6470). Row F11."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from agent.datastore.stores import Datastore
from agent.datastore.tree import Branch
from agent.netconf.base_notifications import MAXIMUM_EDITS, CapabilitiesChanged, edits
from agent.netconf.server import Client
from agent.netconf.yang_library import tell_changes
from tests.support.access import nacm, rule
from tests.support.candidates import CANCEL, COMMIT, DISCARD, confirmed, edit_candidate, with_id
from tests.support.editor import BEFORE, OPEN_DOORS, copy_config, edit_config, is_ok, option, tags_of
from tests.support.edits import insert, op, shop
from tests.support.netconf_wire import Wire
from tests.support.shop import STARTED_AT, ShopServer, configuration, toy_schema
from tests.support.subscribers import stories, subscribe, subscriber, told

BASE: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"
NEW: Final = shop("<name>new</name>")
ANN: Final = [("username", "ann"), ("session-id", "2"), ("source-host", "192.0.2.1")]


def watched() -> tuple[ShopServer, Wire, Wire]:
    """Return a shop, somebody who is told of everything, and ann, who has just begun."""
    server = ShopServer(OPEN_DOORS + BEFORE, tells_of_itself=True)
    watcher = subscriber(server, user="watcher")
    ann = server.connect("ann")
    told(watcher)
    return server, watcher, ann


def leaves(content: etree._Element) -> list[tuple[str, str]]:
    """Return the leaves of a notification in their order."""
    return [(etree.QName(leaf).localname, leaf.text or "") for leaf in content.iter() if not len(leaf)]


def only(wire: Wire) -> list[tuple[str, str]]:
    """Return the leaves of the one notification that is there."""
    (content,) = told(wire)
    assert etree.QName(content).namespace == BASE
    return leaves(content)


# Sessions.


def test_a_session_is_told_of_when_it_is_usable_and_not_before() -> None:
    """Row F12."""
    server = ShopServer(tells_of_itself=True)
    watcher = subscriber(server)
    wire = server.open("ann")
    assert told(watcher) == []
    wire.hello()
    (content,) = told(watcher)
    assert content.tag == f"{{{BASE}}}netconf-session-start"
    assert leaves(content) == ANN


def test_a_session_that_closes_is_told_of() -> None:
    _, watcher, ann = watched()
    assert is_ok(ann.rpc("<close-session/>"))
    assert ann.is_finished
    assert only(watcher) == [*ANN, ("termination-reason", "closed")]


def test_a_session_that_drops_is_told_of() -> None:
    _, watcher, ann = watched()
    ann.session.lost()
    assert only(watcher) == [*ANN, ("termination-reason", "dropped")]


def test_a_killed_session_is_told_of_with_its_killer() -> None:
    """Row D10."""
    server, watcher, _ = watched()
    server.connect("bob").rpc("<kill-session><session-id>2</session-id></kill-session>")
    start, end = told(watcher)
    assert etree.QName(start).localname == "netconf-session-start"
    assert leaves(end) == [*ANN, ("killed-by", "3"), ("termination-reason", "killed")]


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda wire: wire.session.advance(1e9), "timeout"),
        (lambda wire: wire.send("<nonsense/>") or wire.receive(), "bad-hello"),
    ],
)
def test_a_session_that_never_became_usable_is_told_of_when_it_is_over(end, reason: str) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    server = ShopServer(tells_of_itself=True)
    watcher = subscriber(server)
    wire = server.open("ann")
    end(wire)
    assert only(watcher) == [*ANN, ("termination-reason", reason)]


def test_a_source_that_is_no_address_is_left_out() -> None:
    server = ShopServer(tells_of_itself=True)
    watcher = subscriber(server)
    wire = Wire(server.server.open_session(Client("ann", "a-name", "netconf-ssh"), lambda: None), toy_schema())
    wire.hello()
    assert only(watcher) == ANN[:2]


def test_a_session_is_not_told_of_its_own_beginning() -> None:
    server = ShopServer(tells_of_itself=True)
    assert stories(subscriber(server)) == []


# Changed configurations.


def test_an_edit_is_told_with_who_made_it_and_what_it_did() -> None:
    _, watcher, ann = watched()
    assert is_ok(ann.rpc(edit_config(NEW)))
    assert only(watcher) == [
        *ANN,
        ("datastore", "running"),
        ("target", "/toy:shop/toy:name"),
        ("operation", "replace"),
    ]


def test_the_target_of_an_edit_has_its_prefixes_declared() -> None:
    _, watcher, ann = watched()
    ann.rpc(edit_config(NEW))
    (content,) = told(watcher)
    (target,) = content.iterfind(f"{{{BASE}}}edit/{{{BASE}}}target")
    assert target.nsmap["toy"] == "urn:toy"


def test_a_commit_is_told_as_what_it_changed() -> None:
    _, watcher, ann = watched()
    ann.rpc(edit_candidate(shop("<tag>a</tag>")))
    assert told(watcher) == [], "the candidate is nobody's business"
    assert is_ok(ann.rpc(COMMIT))
    assert only(watcher)[-2:] == [("target", "/toy:shop/toy:tag[.='a']"), ("operation", "create")]


def test_a_saved_startup_is_told() -> None:
    _, watcher, ann = watched()
    assert is_ok(ann.rpc(copy_config("<running/>", "startup")))
    found = only(watcher)
    assert (found[:4], ("target", "/toy:shop/toy:name") in found) == ([*ANN, ("datastore", "startup")], True)
    assert is_ok(ann.rpc("<delete-config><target><startup/></target></delete-config>"))
    assert ("operation", "delete") in only(watcher)


@pytest.mark.parametrize(
    "request_",
    [
        edit_config(shop("<name>corner</name>")),
        edit_config(NEW, option("test-option", "test-only")),
        edit_config(shop("<rules><favourite>nowhere</favourite></rules>")),
        edit_candidate(NEW),
        COMMIT,
        DISCARD,
        "<lock><target><running/></target></lock>",
    ],
)
def test_what_changes_nothing_is_not_told(request_: str) -> None:
    _, watcher, ann = watched()
    ann.rpc(request_)
    assert told(watcher) == []


def test_a_user_can_be_kept_from_knowing() -> None:
    server = ShopServer(
        nacm(rule("deny", "<module-name>ietf-netconf-notifications</module-name>")), tells_of_itself=True
    )
    watcher = subscriber(server, user="ann")
    server.connect("bob").session.lost()
    assert told(watcher) == []
    assert server.server.access_counters.notifications == 2


# Which edits are listed.


def listed(before: str, after: str) -> list[tuple[object, object]]:
    """Return the edits between two shops."""
    found = edits(configuration(shop(before)), configuration(shop(after)))
    return [(edit["target"], edit["operation"]) for edit in found]


def test_a_created_entry_is_one_edit_with_its_keys() -> None:
    entry = "<shelf><row>1</row><column>it's</column><label>x</label></shelf>"
    assert listed("", entry) == [("/toy:shop/toy:shelf[toy:row='1'][toy:column=\"it's\"]", "create")]
    assert listed(entry, "") == [("/toy:shop/toy:shelf[toy:row='1'][toy:column=\"it's\"]", "delete")]


def test_what_stands_beside_a_created_entry_is_an_edit_of_its_own() -> None:
    entries = "".join(f"<queue><name>{name}</name><since>1</since></queue>" for name in "ab")
    found = listed("", f"{entries}<open/><name>x</name>")
    assert len(found) == 4
    assert set(found) == {
        ("/toy:shop/toy:queue[toy:name='a']", "create"),
        ("/toy:shop/toy:queue[toy:name='b']", "create"),
        ("/toy:shop/toy:open", "create"),
        ("/toy:shop/toy:name", "create"),
    }


def test_another_order_is_an_edit_of_what_holds_the_list() -> None:
    assert listed("<aisle>a</aisle><aisle>b</aisle>", "<aisle>b</aisle><aisle>a</aisle>") == [("/toy:shop", "merge")]


def test_what_is_hidden_by_default_is_told_as_a_change_of_what_is_above_it() -> None:
    """Row C18."""
    assert listed("", "<secret>gold</secret>") == [("/toy:shop", "merge")]


def test_a_value_that_no_path_can_hold_is_told_as_a_change_of_what_is_above_it() -> None:
    assert listed("", '<tag>\'"</tag><tag>"</tag>') == [
        ("/toy:shop", "merge"),
        ("/toy:shop/toy:tag[.='\"']", "create"),
    ]


def test_too_many_edits_are_not_listed() -> None:
    tags = [f"<tag>{number}</tag>" for number in range(MAXIMUM_EDITS + 1)]
    assert len(listed("", "".join(tags[1:]))) == MAXIMUM_EDITS
    assert listed("", "".join(tags)) == []


def test_a_change_with_too_many_edits_is_told_all_the_same() -> None:
    server, watcher, _ = watched()
    tags = "".join(f"<tag>{number}</tag>" for number in range(MAXIMUM_EDITS + 1))
    caller = server.server.sessions[2].session.caller
    server.server.changes.store(caller, Datastore.RUNNING, configuration(OPEN_DOORS + shop(tags)))
    assert only(watcher) == [*ANN, ("datastore", "running")]


def test_a_tree_without_anything_is_no_edit() -> None:
    assert edits(Branch(None), Branch(None)) == []


# Confirmed commits.


def progress(wire: Wire) -> list[list[tuple[str, str]]]:
    """Return what is told of confirmed commits."""
    return [leaves(content) for content in told(wire) if content.tag == f"{{{BASE}}}netconf-confirmed-commit"]


def test_every_step_of_a_confirmed_commit_is_told() -> None:
    _, watcher, ann = watched()
    ann.rpc(edit_candidate(NEW))
    for request in (confirmed(60), confirmed(100), COMMIT):
        assert is_ok(ann.rpc(request))
    assert progress(watcher) == [
        [*ANN, ("confirm-event", "start"), ("timeout", "60")],
        [*ANN, ("confirm-event", "extend"), ("timeout", "100")],
        [*ANN, ("confirm-event", "complete")],
    ]


def test_a_canceled_commit_is_told_with_who_canceled_it() -> None:
    server, watcher, ann = watched()
    ann.rpc(edit_candidate(NEW))
    ann.rpc(confirmed(60, persist="me"))
    bob = server.connect("bob")
    told(watcher)
    assert is_ok(bob.rpc(with_id("cancel-commit", "me")))
    change, cancel = told(watcher)
    assert leaves(change)[:2] == [("username", "bob"), ("session-id", "3")]
    assert leaves(cancel)[:2] == [("username", "bob"), ("session-id", "3")]
    assert leaves(cancel)[-1] == ("confirm-event", "cancel")


def test_a_commit_whose_time_ran_out_is_told_as_the_servers_doing() -> None:
    server, watcher, ann = watched()
    ann.rpc(edit_candidate(NEW))
    ann.rpc(confirmed(60))
    told(watcher)
    server.server.advance(60.0)
    change, timeout = told(watcher)
    assert leaves(change) == [
        ("server", ""),
        ("datastore", "running"),
        ("target", "/toy:shop/toy:name"),
        ("operation", "replace"),
    ]
    assert leaves(timeout) == [("confirm-event", "timeout")]


def test_a_session_that_drops_is_told_before_its_commit_is_undone() -> None:
    _, watcher, ann = watched()
    ann.rpc(edit_candidate(NEW))
    ann.rpc(confirmed(60))
    told(watcher)
    ann.session.lost()
    assert stories(watcher) == ["netconf-session-end", "netconf-config-change", "netconf-confirmed-commit"]


def test_what_is_refused_is_no_step() -> None:
    server, watcher, ann = watched()
    ann.rpc(edit_candidate(shop("<rules><favourite>nowhere</favourite></rules>")))
    assert tags_of(ann.rpc(confirmed(60))) == ["data-missing"]
    assert tags_of(ann.rpc(CANCEL)) == ["operation-failed"]
    assert told(watcher) == []
    assert server.world.now == STARTED_AT


def test_what_happened_before_a_subscription_can_be_replayed() -> None:
    server, _, ann = watched()
    ann.rpc(edit_config(NEW))
    late = server.connect("late")
    assert is_ok(late.rpc(subscribe("<startTime>2003-03-10T12:00:00Z</startTime>")))
    assert stories(late) == [
        *["netconf-session-start"] * 2,
        "netconf-config-change",
        "netconf-session-start",
        "replayComplete",
    ]


def test_the_operations_and_attributes_used_here_are_those_of_edits() -> None:
    _, watcher, ann = watched()
    created = edit_config(shop(f"<aisle{insert('first')}>a</aisle><greeting{op('create')}>hi</greeting>"))
    assert is_ok(ann.rpc(created))
    assert [value for name, value in only(watcher) if name == "operation"] == ["create", "create"]


# Capabilities, which change from one start to the next.

FIRST: Final = ("urn:a?revision=1", "urn:b", "urn:c?x=1")


def test_capabilities_are_told_as_added_deleted_and_modified() -> None:
    change = CapabilitiesChanged.between(STARTED_AT, FIRST, ("urn:a?revision=2", "urn:c?x=1", "urn:d"))
    assert change == CapabilitiesChanged(STARTED_AT, ("urn:d",), ("urn:b",), ("urn:a?revision=2",))
    assert CapabilitiesChanged.between(STARTED_AT, FIRST, FIRST) is None


def test_a_server_that_announces_something_else_than_before_tells_so() -> None:
    server = ShopServer(OPEN_DOORS, tells_of_itself=True)
    watcher = subscriber(server)
    told(watcher)
    (library,) = (uri for uri in server.server.capabilities if ":yang-library:1.1?" in uri)
    before = [uri for uri in server.server.capabilities if ":xpath:" not in uri and uri != library]
    tell_changes(server.server, (*before, "urn:gone", f"{library}-before"))
    change, update = told(watcher)
    assert change.tag == f"{{{BASE}}}netconf-capability-change"
    assert leaves(change) == [
        ("server", ""),
        ("added-capability", "urn:ietf:params:netconf:capability:xpath:1.0"),
        ("deleted-capability", "urn:gone"),
        ("modified-capability", library),
    ]
    assert update.tag == "{urn:ietf:params:xml:ns:yang:ietf-yang-library}yang-library-update"
    assert leaves(update) == [("content-id", server.server.registry.schema.content_id)]


def test_a_server_that_announces_the_same_as_before_tells_nothing() -> None:
    server = ShopServer(OPEN_DOORS, tells_of_itself=True)
    watcher = subscriber(server)
    told(watcher)
    tell_changes(server.server, server.server.capabilities)
    assert told(watcher) == []
