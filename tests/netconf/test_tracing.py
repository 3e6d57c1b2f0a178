"""The trace of a request (W3C Trace Context), from the attributes of its rpc into the log."""

from __future__ import annotations

import logging
from typing import Final

import pytest
from lxml import etree

from agent.netconf.tracing import Trace, trace_of
from tests.support.netconf_wire import envelope, texts
from tests.support.shop import ShopServer, buy

W3C: Final = 'xmlns:w3ctc="urn:ietf:params:xml:ns:netconf:w3ctc:1.0"'
TRACE: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN: Final = "00f067aa0ba902b7"
PARENT: Final = f"00-{TRACE}-{SPAN}-01"
"""The example of W3C Trace Context, section 3.2."""


def attributes(parent: str, state: str | None = None) -> str:
    """Return the attributes of a trace."""
    given = "" if state is None else f' w3ctc:tracestate="{state}"'
    return f'{W3C} w3ctc:traceparent="{parent}"{given}'


def traced(parent: str, state: str | None = None) -> Trace | None:
    """Return the trace of an rpc with these attributes."""
    return trace_of(etree.fromstring(envelope("<get/>", "1", attributes(parent, state))))


def test_a_trace_is_taken_from_the_attributes() -> None:
    assert traced(PARENT) == Trace(TRACE, SPAN)
    assert traced(PARENT, "rojo=1,congo=t61") == Trace(TRACE, SPAN, "rojo=1,congo=t61")


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "nonsense",
        PARENT.upper(),
        PARENT[:-1],
        f"{PARENT}-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}\n-{SPAN}-01",
    ],
)
def test_what_is_no_trace_is_ignored(parent: str) -> None:
    assert traced(parent) is None


def test_a_later_version_may_have_more() -> None:
    assert traced(f"01-{TRACE}-{SPAN}-01-more") == Trace(TRACE, SPAN)


@pytest.mark.parametrize("state", ["x" * 513, "a=\u00e9", "a=1&#10;b=2"])
def test_a_state_that_cannot_be_carried_is_left_out(state: str) -> None:
    assert traced(PARENT, state) == Trace(TRACE, SPAN)


def test_the_attributes_of_another_namespace_are_no_trace() -> None:
    rpc = etree.fromstring(envelope("<get/>", "1", f'traceparent="{PARENT}"'))
    assert trace_of(rpc) is None


def test_a_traced_request_is_in_the_log_with_its_trace_and_the_attributes_come_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    wire = ShopServer().connect()
    with caplog.at_level(logging.INFO, "agent.netconf.session"):
        reply = wire.exchange(envelope(buy("tea"), "1", attributes(PARENT, "rojo=1")))
    (record,) = caplog.records
    assert record.getMessage() == f"session 1: buy, trace {TRACE} span {SPAN} state rojo=1"
    assert (record.__dict__["trace_id"], record.__dict__["span_id"]) == (TRACE, SPAN)
    assert reply.get("{urn:ietf:params:xml:ns:netconf:w3ctc:1.0}traceparent") == PARENT
    assert texts(reply, "toy:bought/toy:article") == ["tea", "bag"]


def test_a_request_without_a_trace_is_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    wire = ShopServer().connect()
    with caplog.at_level(logging.INFO, "agent.netconf.session"):
        wire.exchange(envelope(buy("tea"), "1", attributes("nonsense")))
    assert caplog.records == []


def test_a_defect_of_ours_is_logged_with_the_trace_of_its_request(caplog: pytest.LogCaptureFixture) -> None:
    wire = ShopServer().connect()
    wire.exchange(envelope('<break xmlns="urn:toy"/>', "1", attributes(PARENT)))
    (record,) = (record for record in caplog.records if record.levelno == logging.ERROR)
    assert record.__dict__["trace_id"] == TRACE
