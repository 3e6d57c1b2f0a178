"""A NETCONF session under stress: slow clients, answers that come later, defects of ours, and whatever bytes come."""

from __future__ import annotations

import logging
import tracemalloc
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agent.datastore.errors import RpcErrors, invalid_value, operation_failed
from agent.datastore.registry import Pending
from tests.support.netconf_wire import BASE_1_0, BASE_1_1, HELLO, chunk, envelope, error, text, texts
from tests.support.shop import Customer, ShopServer, Unreadable, buy

CLOSE: Final = "<close-session/>"
WAIT: Final = '<wait xmlns="urn:toy"/>'
LOCK: Final = "<lock><target><running/></target></lock>"
CUSTOMERS: Final = '<get><filter><shop xmlns="urn:toy"><customer/></shop></filter></get>'


# Defects of ours.


def test_a_defect_in_a_handler_is_answered_and_logged_and_the_session_lives(caplog: pytest.LogCaptureFixture) -> None:
    wire = ShopServer().connect()
    with caplog.at_level(logging.ERROR, "agent.netconf.session"):
        found = error(wire.rpc('<break xmlns="urn:toy"/>'))
    assert found["error-tag"] == "operation-failed"
    assert "a defect" not in found["error-message"], "what is wrong inside is the log's matter"
    assert "RuntimeError: a defect" in caplog.text
    assert texts(wire.rpc(buy("tea")), "toy:bought/toy:article") == ["tea", "bag"]


def test_a_defect_before_the_first_byte_is_an_rpc_error(caplog: pytest.LogCaptureFixture) -> None:
    server = ShopServer()
    server.shop.customers[1] = Customer(1, "Ann", Unreadable(RuntimeError("a defect")))
    wire = server.connect()
    assert error(wire.rpc(CUSTOMERS))["error-tag"] == "operation-failed"
    assert "RuntimeError: a defect" in caplog.text
    assert texts(wire.rpc(buy("tea")), "toy:bought/toy:article") == ["tea", "bag"]


def test_a_refusal_before_the_first_byte_is_that_rpc_error_and_no_defect(caplog: pytest.LogCaptureFixture) -> None:
    server = ShopServer()
    server.shop.customers[1] = Customer(1, "Ann", Unreadable(operation_failed("not now", app_tag="later")))
    assert error(server.connect().rpc(CUSTOMERS))["error-app-tag"] == "later"
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("failure", [RuntimeError("a defect"), operation_failed("not now")])
def test_an_error_after_the_first_byte_ends_the_session(failure: Exception) -> None:
    server = ShopServer()
    server.shop.welcome(3000)
    server.shop.customers[3000] = Customer(3000, "Ann", Unreadable(failure))
    wire = server.connect()
    wire.send(envelope(CUSTOMERS))
    wire.send(envelope(buy("tea")))
    received = b""
    while piece := wire.session.transmit(65536):
        received += piece
    assert received.startswith(b"\n#")
    assert b"rpc-error" not in received
    assert not received.endswith(b"\n##\n"), "what was cut off must not look whole"
    assert wire.session.is_finished
    assert server.shop.bought == []


# Answers that come later.


def test_later_requests_wait_for_a_pending_answer_and_other_sessions_do_not() -> None:
    server = ShopServer()
    wire, other = server.connect(), server.connect("other")
    wire.send(envelope(WAIT, "1"))
    wire.send(envelope(buy("tea"), "2"))
    assert wire.receive() is None
    assert texts(other.rpc(buy("soap")), "toy:bought/toy:article") == ["soap", "bag"]
    assert server.shop.bought == [("other", "soap")]
    server.shop.pending[0].complete({"waited": 5})
    first, second = wire.receive(), wire.receive()
    assert first is not None
    assert second is not None
    assert (first.get("message-id"), text(first, "toy:waited")) == ("1", "5")
    assert second.get("message-id") == "2"


def test_the_completion_of_an_answer_wakes_the_transport() -> None:
    server = ShopServer()
    wire = server.connect()
    wire.send(envelope(WAIT))
    assert wire.receive() is None
    assert server.woken == 0
    server.shop.pending[0].complete({})
    assert server.woken == 1
    reply = wire.receive()
    assert reply is not None
    assert texts(reply, "nc:ok") == [""], "an output without content is ok"


def test_an_answer_that_is_there_at_once_is_sent_at_once() -> None:
    server = ShopServer()

    class Ready(list[Pending]):
        def append(self, pending: Pending) -> None:
            super().append(pending)
            pending.complete({"waited": 0})

    server.shop.pending = Ready()
    assert text(server.connect().rpc(WAIT), "toy:waited") == "0"


@pytest.mark.parametrize(
    ("failure", "tags"),
    [
        (invalid_value("no"), ["invalid-value"]),
        (RpcErrors([invalid_value("no"), operation_failed("never")]), ["invalid-value", "operation-failed"]),
        (RuntimeError("a defect"), ["operation-failed"]),
    ],
)
def test_a_pending_answer_can_be_a_refusal_or_a_defect(failure: Exception, tags: list[str]) -> None:
    server = ShopServer()
    wire = server.connect()
    wire.send(envelope(WAIT, "7"))
    assert wire.receive() is None
    server.shop.pending[0].fail(failure)
    reply = wire.receive()
    assert reply is not None
    assert reply.get("message-id") == "7"
    assert texts(reply, "nc:rpc-error/nc:error-tag") == tags
    assert not wire.is_finished


def test_an_answer_for_a_session_that_is_gone_goes_nowhere() -> None:
    server = ShopServer()
    wire = server.connect()
    wire.send(envelope(WAIT))
    assert wire.receive() is None
    wire.session.lost()
    server.shop.pending[0].complete({"waited": 1})
    assert wire.session.transmit(65536) == b""


# Back-pressure.


def test_a_long_list_is_streamed_as_it_is_pulled() -> None:
    """Row B12: in each turn about what was asked for, and other sessions are answered meanwhile."""
    server = ShopServer()
    server.shop.welcome(100_000)
    wire, other = server.connect(), server.connect()
    wire.send(envelope(CUSTOMERS))
    tracemalloc.start()
    try:
        first = wire.session.transmit(65536)
        visited = server.shop.visited
        answered = texts(other.rpc(buy("tea")), "toy:bought/toy:article")
        sizes = [len(first)]
        while piece := wire.session.transmit(65536):
            sizes.append(len(piece))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert visited < 2000, "the first bytes do not wait for the rest"
    assert answered == ["tea", "bag"]
    assert max(sizes) <= 65536 + 34_000
    assert sum(sizes) > 6_000_000
    assert peak_bytes < 2_000_000, "of which the snapshot of the keys is 800 kB"


def test_a_client_that_does_not_read_is_not_read_from() -> None:
    """Row B12: requests that nobody can answer yet do not pile up."""
    server = ShopServer()
    server.shop.welcome(3000)
    wire = server.connect()
    assert wire.session.wants_input
    wire.send(envelope(CUSTOMERS))
    wire.session.transmit(1)
    assert wire.session.wants_input, "a little may wait"
    for _ in range(1000):
        wire.send(envelope(buy("tea")))
    assert not wire.session.wants_input
    assert server.shop.bought == []
    received = b""
    while piece := wire.session.transmit(65536):
        received += piece
    assert received.count(b"</rpc-reply>") == 1001
    assert len(server.shop.bought) == 1000
    assert wire.session.wants_input


def test_a_large_message_is_wanted_while_nothing_is_being_answered() -> None:
    wire = ShopServer().connect()
    wire.session.receive(b"\n#1000000\n" + b" " * 200_000)
    wire.session.transmit(65536)
    assert wire.session.wants_input


def test_entries_that_vanish_on_the_way_are_skipped() -> None:
    server = ShopServer()
    server.shop.welcome(3000)
    wire = server.connect()
    wire.send(envelope(CUSTOMERS))
    first = wire.session.transmit(1)
    assert len(first) > 1000
    for number in range(1500, 3001):
        del server.shop.customers[number]
    server.shop.customers[9999] = Customer(9999, "late", {})
    rest = b""
    while piece := wire.session.transmit(65536):
        rest += piece
    numbers = (first + rest).count(b"<number>")
    assert numbers == 1499
    assert b"9999" not in rest, "those that come on the way are not in the snapshot"
    assert rest.endswith(b"</data></rpc-reply>\n##\n")


def test_a_reply_reads_the_configuration_it_began_with() -> None:
    shelves = "".join(f"<shelf><row>1</row><column>{n}</column></shelf>" for n in range(3000))
    server = ShopServer(f'<shop xmlns="urn:toy">{shelves}</shop>')
    wire = server.connect()
    wire.send(envelope("<get-config><source><running/></source></get-config>"))
    received = wire.session.transmit(1)
    server.configure('<shop xmlns="urn:toy"><name>new</name></shop>')
    while piece := wire.session.transmit(65536):
        received += piece
    assert received.count(b"<column>") == 3000
    assert b"new" not in received


# Whatever comes.


PIECES: Final = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [
            HELLO.encode(),
            HELLO.replace(BASE_1_1, BASE_1_0).encode(),
            b"]]>]]>",
            b"\n##\n",
            b"\n#3\n",
            chunk(envelope("<get/>")),
            chunk(envelope(CLOSE)),
            chunk(envelope(WAIT)),
            chunk("<rpc"),
            chunk(envelope("<get><filter><x xmlns=''/></filter></get>")),
            envelope(buy("tea")).encode() + b"]]>]]>",
        ]
    ),
)


@settings(deadline=None, max_examples=150)
@given(st.booleans(), st.lists(PIECES, max_size=8))
def test_arbitrary_bytes_never_raise_and_leave_a_session_or_its_end(greeted: bool, pieces: list[bytes]) -> None:
    server = ShopServer()
    wire = server.connect() if greeted else server.open()
    for piece in pieces:
        wire.session.receive(piece)
        while wire.session.transmit(65536):
            pass
    if wire.session.is_finished:
        assert server.server.sessions == {}
    else:
        assert list(server.server.sessions) == [1]
    other = server.connect()
    assert texts(other.rpc(buy("tea")), "toy:bought/toy:article") == ["tea", "bag"], "nobody else is hurt"


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=60), st.sampled_from(["get", "buy", "get-config", "kill-session", "lock", "x"]))
def test_any_content_of_an_operation_is_answered(content: str, name: str) -> None:
    wire = ShopServer().connect()
    reply = wire.exchange(envelope(f"<{name}>{content}</{name}>"))
    assert etree.QName(reply).localname == "rpc-reply"
    assert len(reply) > 0
    assert not wire.is_finished
