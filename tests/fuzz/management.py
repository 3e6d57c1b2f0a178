"""Entrances of the management plane: framing, hello, every kind of request, commands, configuration of Junos."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from agent.app.router import open_shell
from agent.netconf.capabilities import BadHello, parse_hello
from agent.netconf.framing import ChunkedFramer, EndOfMessageFramer, FramingError, MessageTooBig
from agent.netconf.server import Client
from tests.fuzz.target import Run, Target
from tests.support.chapter import Emulation
from tests.support.netconf_wire import BASE, HELLO, chunk, envelope

READ_AT_ONCE = 65_536
LARGEST = 4_000_000
IKE = "urn:ipsec-agent:ike"


def framing() -> Run:
    """Both framers, with the input in pieces."""

    def run(data: bytes) -> None:
        size = 1 + len(data) % 13
        for framer in (EndOfMessageFramer(4000), ChunkedFramer(4000, 50)):
            try:
                for at in range(0, len(data), size):
                    framer.receive(data[at : at + size])
                    while (message := framer.next_message()) is not None:
                        assert len(message) <= 4000
            except (FramingError, MessageTooBig):
                continue

    return run


def hello() -> Run:
    """The client's hello."""

    def run(data: bytes) -> None:
        try:
            parse_hello(data)
        except BadHello:
            return

    return run


class Defects(logging.Handler):
    """Hears of what the dispatcher had to catch: a defect, whatever the client was told."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it with its traceback."""
        self.found.append(logging.Formatter().format(record))

    @classmethod
    @contextmanager
    def heard(cls) -> Iterator[Defects]:
        """Listen until the block ends."""
        defects, logger = cls(), logging.getLogger("agent")
        logger.addHandler(defects)
        try:
            yield defects
        finally:
            logger.removeHandler(defects)


def requests() -> Run:
    """One session of the gateway of the chapter for each message; no request may be too much for the dispatcher."""
    emulation = Emulation()
    server = emulation.gateway.server

    def run(data: bytes) -> None:
        session = server.open_session(Client("admin", "192.0.2.1", "netconf-ssh"), lambda: None)
        with Defects.heard() as defects:
            session.receive(HELLO.encode())
            session.transmit(READ_AT_ONCE)
            session.receive(chunk(data) if data else b"")
            sent = 0
            while sent < LARGEST and (piece := session.transmit(READ_AT_ONCE)):
                sent += len(piece)
            session.lost()
        assert not defects.found, defects.found.pop()
        assert sent < LARGEST, "an answer without end"

    return run


def commands() -> Run:
    """A line at the prompt: parsed, carried out, completed and explained."""
    emulation = Emulation()
    shell = open_shell(emulation.gateway.server, Client("admin", "192.0.2.1", "cli"))

    def run(data: bytes) -> None:
        line = data.decode("utf-8", "replace")
        shell.complete(line)
        for output in (shell.help(line), shell.feed_line(line)):
            assert sum(len(each) for each in output) < LARGEST

    return run


def rpcs(*operations: str) -> list[bytes]:
    return [envelope(operation).encode() for operation in operations]


def _filtered(*filters: str) -> list[bytes]:
    return rpcs(*(f"<get>{each}</get>" for each in filters))


def _edits(*contents: str) -> list[bytes]:
    start = "<edit-config><target><running/></target><config>"
    return rpcs(*(f"{start}{each}</config></edit-config>" for each in contents))


ENVELOPE = [
    *rpcs("<get/>", "<lock><target><candidate/></target></lock>", "<close-session/>", "<commit/>"),
    envelope("<get/>", "1", 'a:b="c" xmlns:a="urn:a"').encode(),
    f'<?xml version="1.0" encoding="UTF-8"?><!-- c --><nc:rpc xmlns:nc="{BASE}" message-id="&#65;"/>'.encode(),
]
SUBTREE = _filtered(
    f'<filter type="subtree"><ike xmlns="{IKE}"><policy><peer-address>4.4.4.4</peer-address></policy></ike></filter>',
    '<filter><ipsec xmlns="urn:ipsec-agent:ipsec"><security-association><name/><sa/></security-association></ipsec>'
    "</filter>",
    '<filter><interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"/></filter>',
)
XPATH = _filtered(
    f'<filter type="xpath" xmlns:i="{IKE}" select="/i:ike/i:policy[i:peer-address=\'4.4.4.4\']/i:mode"/>',
    f'<filter type="xpath" xmlns:i="{IKE}" select="//i:*[position() &lt; 3 and not(@x)] | /i:ike/*[last()]"/>',
    f'<filter type="xpath" xmlns:i="{IKE}" select="count(//i:name[contains(., \'ike\')]/ancestor::*) + 1"/>',
)
EDIT = _edits(
    f'<ike xmlns="{IKE}"><proposal><name>p</name><dh-group>group1</dh-group></proposal></ike>',
    f'<ike xmlns="{IKE}" xmlns:nc="{BASE}"><policy nc:operation="delete"><peer-address>4.4.4.4</peer-address>'
    "</policy></ike>",
    '<ipsec xmlns="urn:ipsec-agent:ipsec"><security-association xmlns:y="urn:ietf:params:xml:ns:yang:1" '
    'y:insert="after" y:key="[name=\'a\']"><name>b</name></security-association></ipsec>',
)
OTHERS = rpcs(
    "<validate><source><candidate/></source></validate>",
    "<copy-config><target><startup/></target><source><running/></source></copy-config>",
    "<copy-config><target><url>file:///x.xml</url></target><source><running/></source></copy-config>",
    "<commit><confirmed/><confirm-timeout>1</confirm-timeout><persist>x</persist></commit>",
    '<get-schema xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"><identifier>ipsec-agent-ike</identifier>'
    "</get-schema>",
    '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"><startTime>2003-03-10T00:00:00Z'
    "</startTime></create-subscription>",
    '<get-data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda" xmlns:ds="urn:ietf:params:xml:ns:yang:'
    'ietf-datastores"><datastore>ds:operational</datastore><max-depth>3</max-depth></get-data>',
    '<inject-fault xmlns="urn:ipsec-agent:emulation"><kind>delay</kind><seconds>1</seconds></inject-fault>',
    '<import-certificate xmlns="urn:ipsec-agent:certificates"><pem>x</pem></import-certificate>',
    '<establish-subscription xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"><stream>NETCONF</stream>'
    "</establish-subscription>",
)
JUNOS = rpcs(
    "<get-ike-security-associations-information><detail/></get-ike-security-associations-information>",
    '<command format="json">show ipsec security-associations detail | display xml | match a</command>',
    '<load-configuration action="set" format="text"><configuration-set>set system host-name x\n</configuration-set>'
    "</load-configuration>",
    '<load-configuration format="text" action="merge"><configuration-text>security { ike { proposal p { dh-group '
    "group2; } } }</configuration-text></load-configuration>",
    "<load-configuration><configuration><system><host-name>x</host-name></system></configuration></load-configuration>",
    "<get-configuration format='set'/>",
)
XML_WORDS = (b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<?x?>", b"&#0;", b"&amp;", b"xmlns=''", b"\xff", b"<!DOCTYPE a>")
COMMANDS = [
    b"show ike security-associations 4.4.4.4 detail",
    b"show ipsec security-associations sa-dynamic | match ESP | count",
    b"show ipsec certificates detail | except x | no-more",
    b'request ipsec switch interface "es-1/3/0"',
    b"clear ipsec security-associations",
    b"show configuration security ike | display set",
]
TARGETS = (
    Target("framing", framing, [HELLO.encode(), chunk("<rpc/>") * 2, b"\n#1\na\n#2\nbc\n##\n"], (b"\n#", b"\n##\n")),
    Target("hello", hello, [HELLO.removesuffix("]]>]]>").encode()], XML_WORDS),
    Target("envelope", requests, ENVELOPE, XML_WORDS),
    Target("subtree-filter", requests, SUBTREE, XML_WORDS),
    Target("xpath-filter", requests, XPATH, (*XML_WORDS, b"//", b"ancestor::", b"[", b"]", b"string(")),
    Target("edit-config", requests, EDIT, XML_WORDS),
    Target("operations", requests, OTHERS, XML_WORDS),
    Target("junos-rpc", requests, JUNOS, XML_WORDS),
    Target("command", commands, COMMANDS, (b"|", b'"', b"?", b"\t")),
)
"""What clients send."""
