"""Every limit of the settings holds at it and not over it, and going over is counted.

Those of sessions, logins and handshakes are tested with the transports that keep them: tests/transport.
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from agent.app.files import KeptFiles
from agent.app.limits import ike_settings
from agent.app.running import DeviceLimits
from agent.app.settings import ExponentReuse, Limits
from agent.core.events import DropReason
from agent.core.identifiers import Endpoint
from agent.core.pki import CertificateLimits
from agent.datastore.xpath import XPathLimits
from agent.netconf.framing import ChunkedFramer, MessageTooBig
from agent.netconf.limits import SessionLimits
from agent.netconf.messages import DocumentLimits, DocumentTooComplex, MalformedMessage, parse_document
from agent.netconf.server import Client
from agent.netconf.subscribed.delivery import ReceiverLimits
from agent.netconf.url import FileLimits
from tests.core.ike.test_engine import first_message, with_cookie
from tests.support.chapter import Emulation, registry
from tests.support.gateways import Pair
from tests.support.netconf_wire import BASE_1_1, Wire, chunk, envelope, error
from tests.support.terminal import Typist

LIMITS = Limits()
CLIENT = Client("admin", "::1", "netconf-ssh")
PEM = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def connect(emulation: Emulation, limits: SessionLimits) -> Wire:
    """Open a session with limits of its own."""
    emulation.gateway.server.limits = limits
    wire = Wire(emulation.gateway.server.open_session(CLIENT, lambda: None), SCHEMA)
    wire.hello(BASE_1_1)
    return wire


SCHEMA = registry().schema


def nested(depth: int) -> bytes:
    """Return a document of so many elements within one another."""
    return b"<a>" * depth + b"</a>" * depth


def with_attributes(count: int) -> bytes:
    """Return a document with an element of so many attributes, of which the root has none."""
    listed = " ".join(f'a{number}=""' for number in range(count))
    return f"<a><b {listed}/></a>".encode()


# XML


def test_depth_holds_at_the_limit_and_not_over_it() -> None:
    limits = DocumentLimits(depth=20)
    assert parse_document(nested(20), limits).tag == "a"
    with pytest.raises(DocumentTooComplex, match="20 elements") as refused:
        parse_document(nested(21), limits)
    assert refused.value.limit == "message-depth"


def test_what_libxml2_itself_does_not_take_is_refused_whatever_the_limit() -> None:
    with pytest.raises(MalformedMessage):
        parse_document(nested(100_000), DocumentLimits(depth=1_000_000))


def test_attributes_hold_at_the_limit_and_not_over_it() -> None:
    limits = DocumentLimits(attributes=20)
    assert parse_document(with_attributes(20), limits).tag == "a"
    with pytest.raises(DocumentTooComplex) as refused:
        parse_document(with_attributes(21), limits)
    assert refused.value.limit == "message-attributes"


def test_elements_hold_at_the_limit_and_not_over_it() -> None:
    limits = DocumentLimits(elements=100)
    assert parse_document(b"<a>" + b"<b></b>" * 99 + b"</a>", limits).tag == "a"
    with pytest.raises(DocumentTooComplex) as refused:
        parse_document(b"<a>" + b"<b></b>" * 100 + b"</a>", limits)
    assert refused.value.limit == "message-elements"


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>",
        b"<a>&x;</a>",
        b"<?xml version='1.0'?><!-- c --><!DOCTYPE a><a/>",
    ],
)
def test_neither_a_document_type_nor_an_entity_is_taken(document: bytes) -> None:
    with pytest.raises(MalformedMessage):
        parse_document(document)


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("message-depth", nested(200)),
        ("message-attributes", with_attributes(200)),
        ("message-elements", b"<a>" + b"<b></b>" * 300 + b"</a>"),
    ],
)
def test_a_message_that_is_too_complex_is_refused_counted_and_costs_no_session(limit: str, message: bytes) -> None:
    emulation = Emulation()
    wire = connect(emulation, SessionLimits(document=DocumentLimits(elements=250)))
    assert error(wire.exchange(message))["error-tag"] == "malformed-message"
    assert dict(emulation.gateway.server.exceeded_limits) == {limit: 1}
    assert wire.exchange(envelope("<get-config><source><running/></source></get-config>")).find("{*}data") is not None


# Framing


def test_chunks_hold_at_the_limit_and_not_over_it() -> None:
    framer = ChunkedFramer(1000, 3)
    framer.receive(b"\n#1\na" * 3 + b"\n##\n")
    assert framer.next_message() == b"aaa"
    framer.receive(b"\n#1\na" * 4 + b"\n##\n")
    with pytest.raises(MessageTooBig) as refused:
        framer.next_message()
    assert refused.value.limit == "message-chunks"


@pytest.mark.parametrize(
    ("limit", "limits", "octets"),
    [
        ("message-chunks", SessionLimits(message_chunks=3), b"\n#1\na" * 4),
        ("message-bytes", SessionLimits(message_bytes=1000), chunk("a" * 1001)),
    ],
)
def test_a_message_that_is_too_large_ends_its_session_and_is_counted(
    limit: str, limits: SessionLimits, octets: bytes
) -> None:
    emulation = Emulation()
    wire = connect(emulation, limits)
    wire.session.receive(octets)
    assert wire.is_finished
    assert dict(emulation.gateway.server.exceeded_limits) == {limit: 1}
    assert emulation.gateway.server.sessions == {}


# Subscriptions


CREATE_SUBSCRIPTION = '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>'

SUBSCRIBE = (
    '<establish-subscription xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications">'
    "<stream>NETCONF</stream></establish-subscription>"
)


def test_subscriptions_hold_at_the_limit_and_not_over_it() -> None:
    emulation = Emulation()
    wire = connect(emulation, SessionLimits(subscriptions=2))
    for _ in range(2):
        assert wire.rpc(SUBSCRIBE).find("{*}id") is not None
    assert "2 subscriptions" in error(wire.rpc(SUBSCRIBE))["error-message"]
    assert dict(emulation.gateway.server.exceeded_limits) == {"subscriptions": 1}
    assert len(emulation.gateway.server.publisher.subscriptions) == 2


# XPath


def selecting(expression: str) -> str:
    """Return a get with an XPath filter."""
    return f'<get><filter type="xpath" xmlns:i="urn:ipsec-agent:ike" select="{expression}"/></get>'


EVALUATED = "/i:ike/i:policy[last()]/i:mode"
"""Takes a look at the data: the schema does not say which policy is the last."""


def least(name: str) -> int:
    """Return the lowest value of a limit at which an expression is still evaluated."""
    low, high = 0, 1 << 20
    while low < high:
        middle = (low + high) // 2
        wire = connect(EMULATION, SessionLimits(xpath=replace(XPathLimits(), **{name: middle})))
        if wire.rpc(selecting(EVALUATED)).find("{*}data") is None:
            low = middle + 1
        else:
            high = middle
    return low


EMULATION = Emulation()


@pytest.mark.parametrize("name", ["characters", "data_characters", "visits"])
def test_the_cost_of_xpath_holds_at_the_limit_and_not_over_it(name: str) -> None:
    enough = least(name)
    server = EMULATION.gateway.server
    server.exceeded_limits.clear()
    assert 0 < enough < getattr(XPathLimits(), name)
    at = connect(EMULATION, SessionLimits(xpath=replace(XPathLimits(), **{name: enough})))
    assert at.rpc(selecting(EVALUATED)).find(".//{*}mode") is not None
    assert dict(server.exceeded_limits) == {}
    over = connect(EMULATION, SessionLimits(xpath=replace(XPathLimits(), **{name: enough - 1})))
    assert error(over.rpc(selecting(EVALUATED)))["error-tag"] == "resource-denied"
    assert dict(server.exceeded_limits) == {f"xpath-{name.replace('_', '-')}": 1}
    assert over.rpc("<get-config><source><running/></source></get-config>").find("{*}data") is not None


NMDA = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
SUBSCRIBED = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
LONG = "/i:ike | " * 40 + "/i:ike"
BY_EVERY_WAY = (
    selecting(LONG),
    f'<get-config><source><running/></source><filter type="xpath" xmlns:i="urn:ipsec-agent:ike" select="{LONG}"/>'
    "</get-config>",
    f'<get-data xmlns="{NMDA}" xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores" xmlns:i="urn:ipsec-agent:ike">'
    f"<datastore>ds:running</datastore><xpath-filter>{LONG}</xpath-filter></get-data>",
    '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0">'
    f'<filter type="xpath" xmlns:i="urn:ipsec-agent:ike" select="{LONG}"/></create-subscription>',
    f'<establish-subscription xmlns="{SUBSCRIBED}" xmlns:i="urn:ipsec-agent:ike"><stream>NETCONF</stream>'
    f"<stream-xpath-filter>{LONG}</stream-xpath-filter></establish-subscription>",
    '<partial-lock xmlns="urn:ietf:params:xml:ns:netconf:partial-lock:1.0" xmlns:i="urn:ipsec-agent:ike">'
    f"<select>{LONG}</select></partial-lock>",
)


@pytest.mark.parametrize("operation", BY_EVERY_WAY, ids=lambda operation: operation[1:].partition(" ")[0])
def test_an_expression_that_is_too_long_is_refused_and_counted_wherever_it_stands(operation: str) -> None:
    EMULATION.gateway.server.exceeded_limits.clear()
    wire = connect(EMULATION, SessionLimits(xpath=XPathLimits(characters=200)))
    assert wire.rpc(operation).find("{*}rpc-error") is not None
    assert dict(EMULATION.gateway.server.exceeded_limits) == {"xpath-characters": 1}


# What a client does not read


@pytest.mark.parametrize("subscribe", [CREATE_SUBSCRIPTION, SUBSCRIBE], ids=["RFC 5277", "RFC 8639"])
def test_notifications_that_wait_hold_at_the_limit_and_not_over_it(subscribe: str) -> None:
    emulation = Emulation()
    wire = connect(emulation, SessionLimits(receiver=ReceiverLimits(notifications=3)))
    wire.rpc(subscribe)
    for _ in range(3):
        emulation.connect().session.lost()
        emulation.gateway.server.settle()
    # each visitor is told of twice: that it has come, and that it has gone
    (session_id, opened), *_ = emulation.gateway.server.sessions.items()
    assert opened.session.waiting_notifications <= 3 + 1
    assert opened.session.counters.dropped_notifications == 6 - 3
    emulation.gateway.server.kill(session_id, 0)
    assert emulation.gateway.server.counters.ended.dropped_notifications == 3


def test_notifications_within_the_limit_are_all_told() -> None:
    emulation = Emulation()
    wire = connect(emulation, SessionLimits(receiver=ReceiverLimits(notifications=2)))
    wire.rpc(CREATE_SUBSCRIPTION)
    emulation.connect().session.lost()
    (opened,) = emulation.gateway.server.sessions.values()
    assert opened.session.waiting_notifications == 2
    assert opened.session.counters.dropped_notifications == 0


def test_input_that_waits_holds_at_the_limit_and_is_counted_over_it() -> None:
    emulation = Emulation()
    request = chunk(envelope("<get/>"))
    connect(emulation, SessionLimits(waiting_input_bytes=2 * len(request)))
    (opened,) = emulation.gateway.server.sessions.values()
    session = opened.session
    session.receive(request)
    session.transmit(1)
    session.receive(2 * request)
    assert session.wants_input
    assert dict(emulation.gateway.server.exceeded_limits) == {}
    session.receive(request[:1])
    assert not session.wants_input
    session.receive(request[1:])
    assert dict(emulation.gateway.server.exceeded_limits) == {"waiting-input-bytes": 1}
    while session.transmit(100_000):
        pass
    assert session.wants_input
    assert session.counters.in_rpcs == 4


def test_replies_that_nobody_reads_wait_as_requests_and_those_as_bytes() -> None:
    emulation = Emulation()
    session = connect(emulation, SessionLimits()).session
    request = chunk(envelope("<get/>"))
    taken = 0
    while session.wants_input and taken < 10_000_000:
        session.receive(request)
        session.transmit(1)
        taken += len(request)
    assert taken < 1_000_000, "from some point on nothing more is taken in"


def test_the_limits_of_ike_reach_the_engine() -> None:
    settings = ike_settings(replace(LIMITS, half_open_ike=5, half_open_ike_of_a_peer=2), ExponentReuse(), None)
    assert (settings.half_open_limit, settings.half_open_limit_per_peer) == (5, 2)


def half_open(emulation: Emulation, number: int) -> int:
    """Begin so many negotiations as a peer that never goes on, and return how many were refused."""
    datagram = first_message(Pair())
    peer, (device, *_) = Endpoint(ip_address("4.4.4.4"), 500), emulation.gateway.device.config.local_addresses
    before = emulation.gateway.device.ike_statistics.dropped[DropReason.HALF_OPEN_LIMIT]
    for cookie in range(1, number + 1):
        emulation.gateway.network.send(peer, Endpoint(device, 500), with_cookie(datagram, cookie))
    emulation.advance(1)
    return emulation.gateway.device.ike_statistics.dropped[DropReason.HALF_OPEN_LIMIT] - before


def test_the_limits_of_a_device_hold_for_the_one_that_it_becomes() -> None:
    emulation = Emulation()
    certificates = CertificateLimits(certificates=7)
    emulation.gateway.limit(DeviceLimits(10, 2, certificates))
    assert half_open(emulation, 5) == 3
    emulation.connect().rpc('<load-scenario xmlns="urn:ipsec-agent:emulation"><name>chapter</name></load-scenario>')
    assert emulation.gateway.device.certificates.limits == certificates
    assert half_open(emulation, 5) == 3


def test_what_a_certificate_database_refuses_is_counted_as_the_settings_name_it() -> None:
    emulation = Emulation()
    emulation.gateway.limit(DeviceLimits(10, 10, CertificateLimits(7, 10, 10)))
    wire = emulation.connect()
    for operation in ("import-certificate", "import-crl"):
        certificate = f'<{operation} xmlns="urn:ipsec-agent:certificates"><pem>{PEM}</pem></{operation}>'
        assert error(wire.rpc(certificate))["error-tag"] == "resource-denied"
    assert dict(emulation.gateway.server.exceeded_limits) == {"certificate-bytes": 1, "crl-bytes": 1}


# Files


COPY = "<copy-config><target><url>file:///{}</url></target><source><running/></source></copy-config>"


def test_files_hold_at_the_limit_and_are_counted_over_it(tmp_path: Path) -> None:
    emulation = Emulation(files=KeptFiles(tmp_path))
    server = emulation.gateway.server
    wire = connect(emulation, SessionLimits(files=FileLimits(files=1)))
    assert wire.rpc(COPY.format("one.xml")).find("{*}ok") is not None
    assert error(wire.rpc(COPY.format("two.xml")))["error-tag"] == "operation-failed"
    assert dict(server.exceeded_limits) == {"files": 1}
    octets = (tmp_path / "files" / "one.xml").stat().st_size
    server.limits = SessionLimits(files=FileLimits(octets=octets))
    assert wire.rpc(COPY.format("one.xml")).find("{*}ok") is not None
    server.limits = SessionLimits(files=FileLimits(octets=octets - 1))
    for operation in (COPY.format("one.xml"), "<validate><source><url>file:///one.xml</url></source></validate>"):
        assert error(wire.rpc(operation))["error-tag"] == "operation-failed"
    assert dict(server.exceeded_limits) == {"files": 1, "file-bytes": 2}
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["one.xml"]


# Filters


def policies(number: int, leaf: str = "mode", value: str = "aggressive") -> str:
    """Return a subtree that tries so many matches with each policy of IKE."""
    tried = f"<policy><{leaf}>{value}</{leaf}></policy>" * number
    return f'<ike xmlns="urn:ipsec-agent:ike">{tried}</ike>'


MATCHING = (
    "<get><filter>{}</filter></get>",
    "<get-config><source><running/></source><filter>{}</filter></get-config>",
    f'<get-data xmlns="{NMDA}" xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">'
    "<datastore>ds:running</datastore><subtree-filter>{}</subtree-filter></get-data>",
    f'<establish-subscription xmlns="{SUBSCRIBED}"><datastore '
    'xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push" xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">'
    'ds:running</datastore><datastore-subtree-filter xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push">{}'
    '</datastore-subtree-filter><on-change xmlns="urn:ietf:params:xml:ns:yang:ietf-yang-push"/>'
    "</establish-subscription>",
)


@pytest.mark.parametrize("operation", MATCHING, ids=lambda operation: operation[1:].partition(" ")[0].partition(">")[0])
def test_matches_that_are_tried_hold_at_the_limit_and_not_over_it(operation: str) -> None:
    EMULATION.gateway.server.exceeded_limits.clear()
    wire = connect(EMULATION, SessionLimits(xpath=XPathLimits(matches=5)))
    assert wire.rpc(operation.format(policies(5))).find("{*}rpc-error") is None
    assert dict(EMULATION.gateway.server.exceeded_limits) == {}
    over = connect(EMULATION, SessionLimits(xpath=XPathLimits(matches=5)))
    assert over.rpc(operation.format(policies(6))).find("{*}rpc-error") is not None
    assert dict(EMULATION.gateway.server.exceeded_limits) == {"filter-matches": 1}


def test_matches_of_an_expression_are_counted_as_those_of_a_subtree() -> None:
    EMULATION.gateway.server.exceeded_limits.clear()
    wire = connect(EMULATION, SessionLimits(xpath=XPathLimits(matches=5)))
    wanted = [f"/i:ike/i:policy[i:remote-port='{port}']" for port in range(500, 506)]
    assert wire.rpc(selecting(" | ".join(wanted[:5]))).find("{*}data") is not None
    assert error(wire.rpc(selecting(" | ".join(wanted))))["error-tag"] == "resource-denied"
    assert dict(EMULATION.gateway.server.exceeded_limits) == {"filter-matches": 1}


def test_entries_that_are_looked_up_by_their_keys_are_as_many_as_somebody_wants() -> None:
    EMULATION.gateway.server.exceeded_limits.clear()
    wire = connect(EMULATION, SessionLimits(xpath=XPathLimits(matches=0)))
    found = wire.get(policies(50, "peer-address", "4.4.4.4"))
    assert len(found.findall(".//{*}policy")) == 1
    assert dict(EMULATION.gateway.server.exceeded_limits) == {}


# The prompt


LINE = "show version".ljust(30)


@pytest.mark.parametrize(
    ("command", "has_terminal"), [(LINE, False), (None, False), (None, True)], ids=["command", "script", "prompt"]
)
def test_a_line_at_the_prompt_holds_at_the_limit_and_not_over_it(command: str | None, has_terminal: bool) -> None:
    emulation = Emulation()
    server = emulation.gateway.server
    for limit, is_over in ((30, False), (29, True)):
        server.limits = SessionLimits(command_characters=limit)
        typist = Typist(emulation, command=command, has_terminal=has_terminal)
        if command is None:
            typist.type(LINE, "\r" if has_terminal else "\n")
        assert ("Hostname: host" in typist.screen.text) == (not is_over or has_terminal), "a prompt takes what has room"
        assert dict(server.exceeded_limits) == ({"command-characters": 1} if is_over else {})
        assert typist.console.exit_status == (is_over and not has_terminal)


def test_a_command_over_netconf_is_as_long_as_a_line_at_the_prompt() -> None:
    emulation = Emulation()
    server = emulation.gateway.server
    wire = emulation.connect()
    line = '<command>show version | match "' + "x" * 60 + '"</command>'
    server.limits = SessionLimits(command_characters=len(line) - len("<command></command>"))
    assert wire.rpc(line).find("{*}rpc-error") is None
    server.limits = SessionLimits(command_characters=len(line) - len("<command></command>") - 1)
    assert "too long" in error(wire.rpc(line))["error-message"]
    assert dict(server.exceeded_limits) == {"command-characters": 1}
