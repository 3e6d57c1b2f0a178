"""The life of a NETCONF session as an engine, from hello to end: RFC 6241 sections 4 and 8.1."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Final

import pytest

from agent.datastore.stores import Datastore
from agent.netconf.limits import SessionLimits
from tests.support.collector import without_collector
from tests.support.netconf_wire import BASE, BASE_1_0, BASE_1_1, HELLO, Wire, chunk, envelope, error, texts
from tests.support.shop import Customer, ShopServer, buy

CLOSE: Final = "<close-session/>"
WAIT: Final = '<wait xmlns="urn:toy"/>'
LOCK: Final = "<lock><target><running/></target></lock>"
CUSTOMERS: Final = '<get><filter><shop xmlns="urn:toy"><customer/></shop></filter></get>'


# From hello to the first request.


def test_the_servers_hello_waits_for_nobody() -> None:
    """Row A1."""
    wire = ShopServer().open()
    hello = wire.receive()
    assert hello is not None
    assert hello.tag == f"{{{BASE}}}hello"


def test_a_client_of_base_1_0_keeps_the_end_of_message_mark() -> None:
    """Row A3."""
    wire = ShopServer().open()
    wire.hello(BASE_1_0)
    assert texts(wire.rpc(CLOSE), "nc:ok") == [""]
    assert wire.is_finished


def test_a_client_of_both_versions_gets_chunks() -> None:
    """Row A3."""
    wire = ShopServer().open()
    wire.hello(BASE_1_0, BASE_1_1)
    wire.send(envelope(CLOSE))
    assert wire.session.transmit(65536).startswith(b"\n#")


def test_the_hello_and_a_request_in_one_read_are_both_handled() -> None:
    """Row A10: the framing changes at the end of the hello, not at the end of the read."""
    server = ShopServer()
    wire = server.open()
    wire.session.receive(HELLO.encode() + chunk(envelope(buy("tea"))) + chunk(envelope(buy("soap"))))
    wire.is_finished  # noqa: B018 - asking pulls the output
    assert [article for _, article in server.shop.bought] == ["tea", "soap"]


def test_bytes_one_by_one_are_as_good_as_all_at_once() -> None:
    """Row B7."""
    server = ShopServer()
    wire = server.open()
    for octet in HELLO.encode() + chunk(envelope(buy("té"))):
        wire.session.receive(bytes([octet]))
        wire.session.transmit(65536)
    assert server.shop.bought == [("admin", "té")]


@pytest.mark.parametrize(
    "message",
    [
        envelope(buy("tea")),
        HELLO.removesuffix("]]>]]>").replace(BASE_1_1, "urn:ietf:params:netconf:base:1.2"),
        HELLO.removesuffix("]]>]]>").replace("</hello>", "<session-id>1</session-id></hello>"),
        HELLO.removesuffix("]]>]]>").replace(BASE, "urn:other"),
        "nonsense",
        "",
    ],
)
def test_what_is_no_acceptable_hello_ends_the_session_without_a_word(message: str) -> None:
    """Rows A2, A4, A8 and A9."""
    server = ShopServer()
    wire = server.open()
    wire.receive()
    wire.send(message)
    wire.send(envelope(buy("tea")))
    assert wire.receive() is None
    assert wire.session.is_finished
    assert server.shop.bought == []
    assert server.server.counters.in_bad_hellos == 1


def test_without_a_hello_in_time_the_session_ends() -> None:
    """Row A12."""
    server = ShopServer(limits=SessionLimits(hello_seconds=60.0))
    session = server.open().session
    assert session.next_deadline() == 60.0
    session.advance(59.9)
    assert not session.is_finished
    session.advance(60.0)
    assert session.is_finished
    assert server.server.sessions == {}


# Management timers.


def test_a_session_that_has_said_hello_has_no_deadline_unless_one_is_set() -> None:
    session = ShopServer().connect().session
    assert session.next_deadline() is None
    session.advance(1e9)
    assert not session.is_finished


def test_an_idle_session_ends_and_a_busy_one_does_not() -> None:
    server = ShopServer(limits=SessionLimits(idle_seconds=600.0))
    wire = server.connect()
    server.management_now = 500.0
    wire.rpc(buy("tea"))
    assert wire.session.next_deadline() == 1100.0
    wire.session.advance(1099.0)
    assert not wire.session.is_finished
    wire.session.advance(1100.0)
    assert wire.session.is_finished


def test_a_session_that_waits_for_its_answer_is_not_idle() -> None:
    server = ShopServer(limits=SessionLimits(idle_seconds=600.0))
    wire = server.connect()
    wire.send(envelope(WAIT))
    assert wire.receive() is None
    wire.session.advance(5000.0)
    assert not wire.session.is_finished
    server.management_now = 5000.0
    server.shop.pending[0].complete({"waited": 1})
    assert wire.receive() is not None
    assert wire.session.next_deadline() == 5600.0, "quiet since the answer was sent"


# One request after the other.


def test_pipelined_requests_are_answered_in_order() -> None:
    """Row C16."""
    server = ShopServer()
    wire = server.connect()
    for number in range(20):
        wire.send(envelope(buy(str(number)), f"id-{number}"))
    replies = [wire.receive() for _ in range(20)]
    assert [reply.get("message-id") for reply in replies if reply is not None] == [f"id-{n}" for n in range(20)]
    assert [article for _, article in server.shop.bought] == [str(n) for n in range(20)]


def test_requests_before_a_close_session_are_answered_and_those_after_are_not_carried_out() -> None:
    """Rows D7 and B9."""
    server = ShopServer()
    wire = server.connect()
    wire.send(envelope(buy("before"), "1"))
    wire.send(envelope(CLOSE, "2"))
    wire.send(envelope(buy("after"), "3"))
    replies = [wire.receive() for _ in range(3)]
    assert [None if reply is None else reply.get("message-id") for reply in replies] == ["1", "2", None]
    wire.send(envelope(buy("much later"), "4"))
    assert wire.receive() is None
    assert server.shop.bought == [("admin", "before")]


def test_the_answer_to_close_session_is_out_before_the_session_is_finished() -> None:
    """Row D7."""
    wire = ShopServer().connect()
    wire.send(envelope(CLOSE))
    assert not wire.session.is_finished
    assert b"<ok/>" in wire.session.transmit(1)
    assert not wire.session.is_finished
    assert wire.session.transmit(1) == b""
    assert wire.session.is_finished


# What is wrong with a message, and what it costs.


@pytest.mark.parametrize("bad", ["<rpc", "<!DOCTYPE rpc><rpc/>", envelope(""), "<a>" * 1000, b"<rpc>\xff</rpc>"])
def test_a_malformed_message_in_chunks_is_answered_and_the_session_goes_on(bad: str | bytes) -> None:
    """Rows C4 to C8."""
    server = ShopServer()
    wire = server.connect()
    found = error(wire.exchange(bad))
    assert (found["error-type"], found["error-tag"]) == ("rpc", "malformed-message")
    assert texts(wire.rpc(buy("tea")), "toy:bought/toy:article") == ["tea", "bag"]


def test_a_malformed_message_in_base_1_0_ends_the_session() -> None:
    """Row C5: the tag malformed-message must not be sent to a client of base:1.0."""
    server = ShopServer()
    wire = server.open()
    wire.hello(BASE_1_0)
    wire.send("<rpc")
    wire.send(envelope(buy("tea")))
    assert wire.receive() is None
    assert wire.session.is_finished
    assert server.shop.bought == []


def test_an_error_reply_has_the_attributes_of_the_request() -> None:
    """Row C2."""
    wire = ShopServer().connect()
    reply = wire.exchange(envelope("<nonsense/>", "7", 'xmlns:ex="urn:ex" ex:who="me"'))
    assert dict(reply.attrib.items()) == {"message-id": "7", "{urn:ex}who": "me"}
    assert error(reply)["error-tag"] == "unknown-element"


def test_a_missing_message_id_is_answered_without_one() -> None:
    """Row C1."""
    wire = ShopServer().connect()
    reply = wire.exchange(f'<rpc xmlns="{BASE}" a="1">{buy("tea")}</rpc>')
    assert dict(reply.attrib.items()) == {"a": "1"}
    assert error(reply)["error-tag"] == "missing-attribute"


@pytest.mark.parametrize("bad", [b"\n#0\n", b"\n##\n", b"#5\nhello", b"<rpc/>]]>]]>", b"\n#+5\nhello"])
def test_broken_framing_ends_the_session_without_a_word(bad: bytes) -> None:
    """Rows B1, B2, B3 and B8."""
    server = ShopServer()
    wire = server.connect()
    wire.session.receive(bad + chunk(envelope(buy("tea"))))
    assert wire.receive() is None
    assert wire.session.is_finished
    assert server.shop.bought == []


def test_a_message_over_the_limit_ends_the_session_before_it_has_arrived() -> None:
    """Row B10."""
    wire = ShopServer(limits=SessionLimits(message_bytes=1000)).connect()
    wire.session.receive(b"\n#1001\n")
    assert wire.is_finished


def test_the_end_mark_in_a_value_is_data_both_ways_in_chunks() -> None:
    """Rows B4 and B5."""
    server = ShopServer('<shop xmlns="urn:toy"><name>]]&gt;]]&gt;</name></shop>')
    wire = server.connect()
    wire.send(envelope('<buy xmlns="urn:toy"><article>]]>]]></article></buy>'.replace("]]>", "]]&gt;"), "]]&gt;]]&gt;"))
    assert b"]]>" not in wire.session.transmit(65536)
    assert server.shop.bought == [("admin", "]]>]]>")]
    assert texts(wire.get('<shop xmlns="urn:toy"><name>]]&gt;]]&gt;</name></shop>'), "toy:shop/toy:name") == ["]]>]]>"]


def test_the_end_mark_never_stands_in_what_a_client_of_base_1_0_gets() -> None:
    """Row B5."""
    wire = ShopServer('<shop xmlns="urn:toy"><name>]]&gt;]]&gt;</name></shop>').open()
    wire.hello(BASE_1_0)
    assert texts(wire.get('<shop xmlns="urn:toy"/>'), "toy:shop/toy:name") == ["]]>]]>"]
    reply = wire.exchange(envelope("<nonsense/>", "]]&gt;]]&gt;"))
    assert reply.get("message-id") == "]]>]]>"


def test_what_xml_cannot_carry_never_reaches_a_client() -> None:
    server = ShopServer()
    server.shop.customers[1] = Customer(1, "nul \x00, bell \x07, noncharacter \uffff", {})
    assert texts(server.connect().get('<shop xmlns="urn:toy"/>'), ".//toy:customer/toy:name") == [
        "nul \\x00, bell \\x07, noncharacter \\xffff"
    ]


# The end, however it comes.


def end_by_close(server: ShopServer, wire: Wire) -> None:
    wire.rpc(CLOSE)
    wire.receive()


def end_by_loss(server: ShopServer, wire: Wire) -> None:
    wire.session.lost()


def end_by_kill(server: ShopServer, wire: Wire) -> None:
    server.connect("killer").rpc("<kill-session><session-id>1</session-id></kill-session>")


def end_by_idling(server: ShopServer, wire: Wire) -> None:
    wire.session.advance(1e6)


def end_by_broken_framing(server: ShopServer, wire: Wire) -> None:
    wire.session.receive(b"nonsense")
    wire.receive()


def end_in_mid_reply(server: ShopServer, wire: Wire) -> None:
    server.shop.welcome(3000)
    wire.send(envelope(CUSTOMERS))
    wire.session.transmit(1)
    wire.session.lost()


def end_while_waiting(server: ShopServer, wire: Wire) -> None:
    wire.send(envelope(WAIT))
    wire.receive()
    wire.session.lost()


@pytest.mark.parametrize(
    "end",
    [
        end_by_close,
        end_by_loss,
        end_by_kill,
        end_by_idling,
        end_by_broken_framing,
        end_in_mid_reply,
        end_while_waiting,
    ],
)
def test_however_a_session_ends_its_locks_are_released(end: Callable[[ShopServer, Wire], None]) -> None:
    server = ShopServer(
        '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><enable-nacm>false</enable-nacm></nacm>',
        SessionLimits(idle_seconds=600.0),
    )
    wire = server.connect()
    wire.rpc(LOCK)
    assert server.stores.lock_of(Datastore.RUNNING) is not None
    end(server, wire)
    assert wire.session.is_finished
    assert server.stores.lock_of(Datastore.RUNNING) is None
    assert 1 not in server.server.sessions
    assert wire.session.transmit(65536) == b""


def test_the_end_of_another_session_leaves_a_lock_alone() -> None:
    server = ShopServer()
    wire, other = server.connect(), server.connect()
    wire.rpc(LOCK)
    other.session.lost()
    held = server.stores.lock_of(Datastore.RUNNING)
    assert held is not None
    assert held.session_id == 1


def test_a_session_ends_once() -> None:
    server = ShopServer()
    wire = server.connect()
    wire.rpc(buy("tea"))
    wire.session.lost()
    wire.session.lost()
    wire.session.advance(1e9)
    assert server.server.counters.ended.in_rpcs == 1
    assert server.server.counters.dropped_sessions == 1


# What is left of it.


@pytest.mark.parametrize("last", [CLOSE, CUSTOMERS, "<nothing/>"])
def test_nothing_of_a_session_is_left_to_the_garbage_collector(last: str) -> None:
    server = ShopServer()
    with without_collector():
        wire = server.open()
        wire.hello(BASE_1_0)
        wire.send(envelope(last))
        wire.session.transmit(65536)
        wire.session.lost()
        ended = weakref.ref(wire.session)
        del wire
        assert ended() is None
