"""A configuration that is read again is the one that there is, and shown as the reader may see it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lxml import etree

from agent.datastore.kept_texts import SHORTEST_CHARACTERS
from tests.support.access import nacm, path, rule
from tests.support.editor import is_ok
from tests.support.netconf_wire import Wire, envelope
from tests.support.shop import ShopServer

WAITING = "".join(f"<queue><name>customer {number}</name><since>noon</since></queue>" for number in range(400))
SHOP = f'<shop xmlns="urn:toy"><name>before</name><secret>open sesame</secret>{WAITING}</shop>'
READ = "<get-config><source><{}/></source></get-config>"
RUNNING = READ.format("running")
TARGET = "<target><{}/></target>"
RENAME = '<config><shop xmlns="urn:toy"><name>{}</name></shop></config>'
WITH_DEFAULTS = (
    "<get-config><source><running/></source>"
    '<with-defaults xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults">{}</with-defaults></get-config>'
)


def edit(of: str, name: str) -> str:
    return f"<edit-config>{TARGET.format(of)}{RENAME.format(name)}</edit-config>"


def open_shop(rules: str = "") -> ShopServer:
    server = ShopServer(SHOP + rules, recovery_users=frozenset({"admin"}))
    assert server.server.texts.size == 0
    return server


def read(wire: Wire, operation: str = RUNNING) -> bytes:
    wire.send(envelope(operation))
    reply = wire.receive()
    assert reply is not None
    return etree.tostring(reply)


def afresh(server: ShopServer, wire: Wire, operation: str = RUNNING) -> bytes:
    """Read when nothing is kept of what was read before."""
    server.server.texts.forget()
    return read(wire, operation)


def test_what_is_read_again_is_the_same_and_kept() -> None:
    server = open_shop()
    wire = server.connect()
    first = read(wire)
    assert len(first) > SHORTEST_CHARACTERS
    assert server.server.texts.size > SHORTEST_CHARACTERS
    assert read(wire) == first == afresh(server, wire)


def change_running(wire: Wire) -> None:
    assert is_ok(wire.rpc(edit("running", "after")))


def commit(wire: Wire) -> None:
    assert is_ok(wire.rpc(edit("candidate", "after")))
    assert b"<name>before</name>" in read(wire)
    assert b"<name>after</name>" in read(wire, READ.format("candidate"))
    assert is_ok(wire.rpc("<commit/>"))


def commit_and_undo(wire: Wire) -> None:
    assert is_ok(wire.rpc(edit("candidate", "for a moment")))
    assert is_ok(wire.rpc("<commit><confirmed/></commit>"))
    assert b"<name>for a moment</name>" in read(wire)
    assert is_ok(wire.rpc("<cancel-commit/>"))


def copy(wire: Wire) -> None:
    source = f"<source>{RENAME.format('after')}</source>"
    assert is_ok(wire.rpc(f"<copy-config>{TARGET.format('running')}{source}</copy-config>"))


@pytest.mark.parametrize(
    ("change", "name"),
    [(change_running, b"after"), (commit, b"after"), (commit_and_undo, b"before"), (copy, b"after")],
)
def test_a_change_is_read_at_once(change: Callable[[Wire], None], name: bytes) -> None:
    server = open_shop()
    wire, other = server.connect(), server.connect()
    read(wire)
    read(other)
    change(wire)
    for reader in (wire, other):
        again = read(reader)
        assert b"<name>%b</name>" % name in again
        assert again == afresh(server, reader)


def test_what_is_dropped_by_a_change_takes_no_memory() -> None:
    server = open_shop()
    wire = server.connect()
    read(wire)
    change_running(wire)
    assert server.server.texts.size == 0


def test_a_refused_change_changes_nothing_that_is_read() -> None:
    server = open_shop()
    wire = server.connect()
    first = read(wire)
    refused = '<config><shop xmlns="urn:toy"><from>not a number</from></shop></config>'
    assert not is_ok(wire.rpc(f"<edit-config>{TARGET.format('running')}{refused}</edit-config>"))
    assert read(wire) == first


def test_nobody_reads_what_another_may_see() -> None:
    rules = nacm(rule("deny", path("/toy:shop/toy:name")), rule("permit", path("/toy:shop/toy:secret")))
    server = open_shop(rules)
    eve, ann = server.connect("eve"), server.connect("ann")
    for _ in range(2):
        assert b"open sesame" not in read(eve)
        assert b"open sesame" in read(ann)
        assert b"<name>before</name>" in read(eve)
        assert b"<name>before</name>" not in read(ann)
    for wire in (ann, eve):
        assert read(wire) == afresh(server, wire)


def test_rules_hold_from_the_commit_on_for_what_was_read_before() -> None:
    server = open_shop(nacm(rule("permit", path("/toy:shop/toy:secret"))))
    ann = server.connect("ann")
    assert b"open sesame" in read(ann)
    server.configure(SHOP + nacm(rule("deny", path("/toy:shop"))))
    assert b"queue" not in read(ann)
    server.server.let_recover(["ann"])
    assert b"open sesame" in read(ann)


def test_each_way_to_show_defaults_has_a_text_of_its_own() -> None:
    server = open_shop()
    wire = server.connect()
    modes = ("report-all", "report-all-tagged", "trim", "explicit")
    first = [read(wire, WITH_DEFAULTS.format(mode)) for mode in modes]
    assert b"<greeting>hello</greeting>" in first[0]
    assert b"<greeting>" not in first[3]
    assert [read(wire, WITH_DEFAULTS.format(mode)) for mode in modes] == first
    assert [afresh(server, wire, WITH_DEFAULTS.format(mode)) for mode in modes] == first


def test_a_get_of_state_is_never_kept() -> None:
    server = open_shop()
    wire = server.connect()
    read(wire, "<get/>")
    assert server.server.texts.size == 0
