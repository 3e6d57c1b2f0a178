"""What a client sees of each fault, through the session engine."""

from __future__ import annotations

import pytest
from lxml import etree

from agent.datastore.faults import FaultKind, FaultRule
from agent.netconf.session import EndReason, State
from tests.support.chapter import Emulation
from tests.support.netconf_wire import NAMESPACES, Wire, chunk, envelope, error

GET = '<get><filter><emulation xmlns="urn:ipsec-agent:emulation"/></filter></get>'
CLEAR = '<clear-ike-security-associations xmlns="urn:ipsec-agent:ike"/>'


class Struck:
    """The chapter with one fault, and a client to be struck by it."""

    def __init__(self, kind: FaultKind, **changes: object) -> None:
        """Inject the fault once the client is there."""
        self.emulation = Emulation()
        self.wire: Wire = self.emulation.connect()
        self.server = self.emulation.gateway.server
        self.server.faults.inject(FaultRule(kind, **changes))  # type: ignore[arg-type]

    def send(self, operation: str) -> None:
        """Send a request without looking at an answer."""
        self.wire.session.receive(chunk(envelope(operation)))

    def bytes(self) -> bytes:
        """Return all bytes that the server has for the client now."""
        output = b""
        while piece := self.wire.session.transmit(65_536):
            output += piece
        return output

    def wait(self, seconds: float) -> None:
        """Let management time pass."""
        self.emulation.management_now += seconds
        self.wire.session.advance(self.emulation.management_now)

    @property
    def is_open(self) -> bool:
        """Whether the session goes on."""
        return not self.wire.session.is_finished

    @property
    def established(self) -> int:
        """The id of the newest IKE SA."""
        return max(self.emulation.gateway.device.ike_sas)


def test_a_delayed_reply_comes_when_its_time_has_passed_and_not_before() -> None:
    struck = Struck(FaultKind.DELAY, seconds=5.0, operation="get")
    struck.send(GET)
    assert struck.bytes() == b""
    assert struck.wire.session.next_deadline() == 5.0
    struck.wait(4.9)
    assert struck.bytes() == b""
    struck.wait(0.2)
    assert struck.bytes().endswith(b"</rpc-reply>\n##\n")
    assert struck.is_open
    assert struck.wire.session.next_deadline() is None


def test_what_is_delayed_is_carried_out_at_once_and_others_do_not_wait() -> None:
    struck = Struck(FaultKind.DELAY, seconds=5.0, user="admin")
    before = struck.established
    struck.send(CLEAR)
    assert struck.bytes() == b""
    assert struck.established > before
    other = struck.emulation.connect("operator")
    assert other.rpc(GET).find("nc:data", NAMESPACES) is not None


def test_an_error_of_choice_is_answered_and_nothing_is_carried_out() -> None:
    struck = Struck(FaultKind.ERROR, error_tag="resource-denied", operation="clear-ike-security-associations")
    before = struck.established
    refused = error(struck.wire.rpc(CLEAR))
    assert (refused["error-tag"], refused["error-type"]) == ("resource-denied", "application")
    assert struck.established == before
    assert struck.wire.rpc(GET).find("nc:data", NAMESPACES) is not None


def test_a_session_that_is_closed_gives_no_reply_though_the_request_was_carried_out() -> None:
    struck = Struck(FaultKind.CLOSE)
    before = struck.established
    struck.send(CLEAR)
    assert struck.bytes() == b""
    assert not struck.is_open
    assert struck.established > before
    assert struck.server.counters.dropped_sessions == 1


def test_a_truncated_reply_stops_in_its_middle_and_ends_the_session() -> None:
    struck = Struck(FaultKind.TRUNCATE)
    struck.send(GET)
    output = struck.bytes()
    assert b"<rpc-reply" in output
    assert b"</rpc-reply>" not in output
    assert not struck.is_open


def test_a_malformed_reply_is_no_xml_in_a_sound_frame() -> None:
    struck = Struck(FaultKind.MALFORMED, count=1)
    struck.send(GET)
    output = struck.bytes()
    header, _, rest = output[2:].partition(b"\n")
    message = rest[: int(header)]
    assert rest[int(header) :] == b"\n##\n"
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(message)
    assert struck.wire.rpc(GET).find("nc:data", NAMESPACES) is not None


def test_a_wrong_message_id_is_all_that_is_wrong_with_the_reply() -> None:
    struck = Struck(FaultKind.WRONG_MESSAGE_ID, count=1)
    reply = struck.wire.exchange(envelope(GET, "77"))
    assert reply.get("message-id") == "not-77"
    assert reply.find("nc:data", NAMESPACES) is not None
    assert struck.wire.exchange(envelope(GET, "78")).get("message-id") == "78"


def test_a_slow_reply_trickles_in_and_is_whole_in_the_end() -> None:
    struck = Struck(FaultKind.SLOW_REPLY, seconds=10.0)
    struck.send(GET)
    pieces = [struck.bytes()]
    for _ in range(25):
        struck.wait(0.5)
        pieces.append(struck.bytes())
    assert all(pieces[:20])
    assert max(map(len, pieces)) <= len(b"".join(pieces)) // 10
    assert b"".join(pieces).endswith(b"</rpc-reply>\n##\n")
    assert struck.is_open


def test_a_refusal_suffers_like_any_other_reply() -> None:
    struck = Struck(FaultKind.DELAY, seconds=1.0)
    struck.send("<unheard-of/>")
    assert struck.bytes() == b""
    struck.wait(1.0)
    assert b"unknown-element" in struck.bytes()


def test_a_session_that_is_killed_while_its_reply_is_held_back_ends_at_once() -> None:
    struck = Struck(FaultKind.DELAY, seconds=60.0, user="admin")
    struck.send(GET)
    assert struck.bytes() == b""
    struck.server.kill(1, 2)
    assert not struck.is_open
    assert struck.wire.session.next_deadline() is None
    assert struck.bytes() == b""


def test_a_fault_that_is_spent_leaves_no_trace() -> None:
    struck = Struck(FaultKind.CLOSE, operation="get-config", count=1)
    assert struck.wire.rpc(GET).find("nc:data", NAMESPACES) is not None
    assert struck.wire.session.state is State.OPEN  # type: ignore[attr-defined]
    assert struck.server.faults.all[1].hits == 0


def test_the_end_of_a_session_that_a_fault_closes_is_told_as_what_it_is() -> None:
    struck = Struck(FaultKind.CLOSE)
    struck.send(GET)
    struck.bytes()
    (ended,) = [each for each in struck.server.log.between(0, None) if each.node.name == "netconf-session-end"]
    assert ended.values["termination-reason"] == EndReason.OTHER.value
