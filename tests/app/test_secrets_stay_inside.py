"""Planted secrets are looked for in everything that leaves the program: replies, logs, journal, audit, metrics.

They are looked for as they are, in hexadecimal, and in base 64. Sealed values are none: they open with a key that never
leaves the state directory.
"""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import escape

import pytest
from lxml import etree

from agent.app import logs
from agent.app.audit import Audit
from agent.app.gauges import Gauges, Sources
from agent.app.metrics import Metrics
from agent.app.operating import Lost
from agent.app.rotation import RotatingFile
from agent.app.router import open_shell
from agent.app.scenario.journal import written
from agent.app.settings import LogFormat
from agent.junos.grammar import COMMANDS
from agent.junos.rpc import JUNOS
from agent.netconf.server import Client
from agent.transport.admission import Admission, AdmissionLimits
from tests.support.chapter import Emulation, configured, registry
from tests.support.netconf_wire import Wire

OF_IKE = "planted-1f-of-ike"
OF_AH = "planted-of-ah-16"
GIVEN = "planted-3c-given-later"
WRONG = "planted-4d-in-an-error"
PASSWORDS = {"admin": "planted-5e-password", "operator": "planted-6f-password"}
PLANTED = (OF_IKE, OF_AH, GIVEN, WRONG, *PASSWORDS.values())
IKE = "urn:ipsec-agent:ike"
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
NMDA = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
POLICY = (
    f'<ike xmlns="{IKE}"><policy><peer-address>192.0.2.77</peer-address><proposal>ike-proposal</proposal>'
    "<pre-shared-key>{}</pre-shared-key></policy></ike>"
)


def disguises(secret: str) -> Iterator[bytes]:
    """Return the ways in which a secret might stand somewhere."""
    octets = secret.encode()
    yield octets
    yield octets.hex().encode()
    for start in range(3):  # which of the three places it has in base 64 depends on what stands before it
        yield b64encode(bytes(start) + octets)[4:-4]


def found_in(octets: bytes) -> list[str]:
    """Return the secrets that stand in octets."""
    return [secret for secret in PLANTED if any(each.lower() in octets.lower() for each in disguises(secret))]


class Watched:
    """The gateway of the chapter with planted secrets, and everything that it says to anybody."""

    def __init__(self, folder: Path) -> None:
        self.log = io.StringIO()
        self.said = bytearray()
        self._end_of_log = logs.set_up(self.log, "debug", LogFormat.TEXT)
        scenario = configured(
            ("between-4.4.4.5-and-4.4.4.4", OF_IKE), ("of-2908734119-ah", OF_AH), ("of-3494029335-ah", OF_AH)
        )
        self.emulation = Emulation(replace(scenario, passwords=PASSWORDS))
        server, gateway = self.emulation.gateway.server, self.emulation.gateway
        self.metrics = Metrics(registry())
        self.metrics.collectors.register(
            Gauges(Sources(gateway, Admission(AdmissionLimits()), lambda: 0.0, lambda: 0, Lost(lambda: 0, lambda: 0)))
        )
        self.audit = folder / "audit"
        self.journal = folder / "journal"
        self._written = written(self.journal, registry())
        journal = self._written.__enter__()
        audit = Audit(RotatingFile(self.audit, 10**8, 0), registry(), lambda: 0, reads=True)
        for recorder in (logs.EventLog(registry()), audit, self.metrics, journal):
            server.record(recorder)
        self.wire = self.emulation.connect()

    def ask(self, operation: str, wire: Wire | None = None) -> etree._Element:
        """Ask for something, and keep the answer in mind."""
        reply = (wire or self.wire).rpc(operation)
        self.said += etree.tostring(reply)
        return reply

    def type(self, line: str) -> None:
        """Type a line at the prompt, and ask for help with it."""
        shell = open_shell(self.emulation.gateway.server, Client("admin", "192.0.2.1", "cli"))
        for output in (shell.feed_line(line), shell.help(line)):
            self.said += "\n".join(output).encode()

    def close(self) -> None:
        """Write no more."""
        self._written.__exit__(None, None, None)
        self._end_of_log()

    @property
    def leaks(self) -> dict[str, list[str]]:
        """Return where secrets were found, and which."""
        outlets = {
            "replies": bytes(self.said),
            "log": self.log.getvalue().encode(),
            "audit": self.audit.read_bytes(),
            "journal": self.journal.read_bytes(),
            "metrics": self.metrics.exposition(),
        }
        assert all(outlets.values()), "every outlet says something"
        return {name: found for name, octets in outlets.items() if (found := found_in(octets))}


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """The watched gateway."""
    device = Watched(tmp_path)
    yield device
    device.close()


def edit(content: str, target: str = "running") -> str:
    """Return an edit-config."""
    return f"<edit-config><target><{target}/></target><config>{content}</config></edit-config>"


def stores() -> Iterator[str]:
    """Return every operation that reads a datastore."""
    yield "<get/>"
    for store in ("running", "candidate", "startup"):
        yield f"<get-config><source><{store}/></source></get-config>"
    for store in ("running", "candidate", "startup", "intended", "operational"):
        identity = f'<datastore xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">ds:{store}</datastore>'
        yield f'<get-data xmlns="{NMDA}">{identity}</get-data>'


def test_what_is_planted_would_be_found() -> None:
    assert found_in(b"x" + OF_IKE.encode() + b"y") == [OF_IKE]
    assert found_in(GIVEN.encode().hex().upper().encode()) == [GIVEN]
    assert found_in(b64encode(b"ab" + WRONG.encode() + b"xyz")) == [WRONG]
    assert found_in(b"nothing of it") == []


def test_no_datastore_shows_one(watched: Watched) -> None:
    watched.ask(edit(POLICY.format(f"<ascii-text>{GIVEN}</ascii-text>")))
    for operation in stores():
        watched.ask(operation)
    assert b"$sealed$" in watched.said
    assert watched.leaks == {}


def test_no_command_and_no_rpc_of_junos_shows_one(watched: Watched) -> None:
    for name in JUNOS.rpcs:
        watched.ask(f"<{name}/>")
    for format_ in ("text", "xml", "json", "set"):
        watched.ask(f'<get-configuration format="{format_}"/>')
    for command in COMMANDS:
        for tail in ("", " detail", " | display xml", " | display json", " | display set"):
            line = " ".join(command.words) + tail
            watched.ask(f"<command>{line}</command>")
            if not line.startswith(("quit", "exit")):
                watched.type(line)
    assert watched.leaks == {}


def test_what_is_refused_does_not_repeat_one(watched: Watched) -> None:
    for content in (
        POLICY.format(f"<hexadecimal>{WRONG}</hexadecimal>"),
        POLICY.format(f"<ascii-text>{WRONG}</ascii-text><hexadecimal>00</hexadecimal>"),
        POLICY.format(f"<ascii-text>{WRONG}</ascii-text>").replace("192.0.2.77", "nowhere"),
        POLICY.format(f"<ascii-text>{WRONG}</ascii-text>").replace("ike-proposal", "none-of-this-name"),
    ):
        assert watched.ask(edit(content)).find(".//{*}rpc-error") is not None
    assert watched.leaks == {}


def load(content: str, format_: str = "text") -> str:
    """Return a load-configuration."""
    element = {"set": "configuration-set", "json": "configuration-json", "text": "configuration-text"}[format_]
    how = 'action="set"' if format_ == "set" else f'format="{format_}"'
    return f"<load-configuration {how}><{element}>{escape(content)}</{element}></load-configuration>"


def in_blocks(key: str) -> str:
    """Return a policy as text, with what is said of its key."""
    return f"security {{ ike {{ policy 192.0.2.77 {{ proposals ike-proposal; {key} }} }} }}"


def in_json(key: str) -> str:
    """Return a policy as JSON, with what is said of its key."""
    policy = f'{{"name": "192.0.2.77", "proposals": ["ike-proposal"], "pre-shared-key": {key}}}'
    return f'{{"configuration": {{"security": {{"ike": {{"policy": [{policy}]}}}}}}}}'


SET = "set security ike policy 192.0.2.77"
LOADED = {
    "text": load(in_blocks(f"pre-shared-key ascii-text {GIVEN};")),
    "quoted": load(in_blocks(f'pre-shared-key ascii-text "{GIVEN}";')),
    "set": load(f"{SET} proposals ike-proposal\n{SET} pre-shared-key ascii-text {GIVEN}\n", "set"),
    "JSON": load(in_json(f'{{"ascii-text": "{GIVEN}"}}'), "json"),
    "XML": f"<load-configuration><configuration><security><ike><policy><name>192.0.2.77</name><proposals>ike-proposal"
    f"</proposals><pre-shared-key><ascii-text>{GIVEN}</ascii-text></pre-shared-key></policy></ike></security>"
    "</configuration></load-configuration>",
}
XML_KEY = "<load-configuration><configuration><security><ike><policy><name>192.0.2.77</name><pre-shared-key>{}"
XML_END = "</pre-shared-key></policy></ike></security></configuration></load-configuration>"
NOT_LOADED = {
    "no hexadecimal digits": load(in_blocks(f"pre-shared-key hexadecimal {WRONG};")),
    "no kind of key": load(in_blocks(f"pre-shared-key {WRONG};")),
    "no end": load(in_blocks(f"pre-shared-key ascii-text {WRONG}").replace("}", "")),
    "neither kind nor end": load(in_blocks(f"pre-shared-key {WRONG}")),
    "a quote without end": load(in_blocks(f'pre-shared-key ascii-text "{WRONG};')),
    "no kind in set": load(f"{SET} pre-shared-key {WRONG}\n", "set"),
    "no digits in set": load(f"{SET} pre-shared-key hexadecimal {WRONG}\n", "set"),
    "one word too many in set": load(f"{SET} pre-shared-key ascii-text a {WRONG}\n", "set"),
    "no kind in JSON": load(in_json(f'"{WRONG}"'), "json"),
    "no digits in JSON": load(in_json(f'{{"hexadecimal": "{WRONG}"}}'), "json"),
    "no kind in XML": XML_KEY.format(WRONG) + XML_END,
    "no digits in XML": XML_KEY.format(f"<hexadecimal>{WRONG}</hexadecimal>") + XML_END,
}


@pytest.mark.parametrize("operation", LOADED.values(), ids=LOADED)
def test_a_configuration_of_junos_that_is_loaded_does_not_show_one(watched: Watched, operation: str) -> None:
    assert watched.ask(operation).find(".//{*}ok") is not None
    watched.ask('<get-configuration compare="rollback" rollback="0" format="text"/>')
    for format_ in ("text", "xml", "json", "set"):
        watched.ask(f'<get-configuration database="candidate" format="{format_}"/>')
    assert watched.ask("<commit-configuration/>").find(".//{*}rpc-error") is None
    for line in ("show configuration security", "show configuration | display set", "show configuration | display xml"):
        watched.ask(f"<command>{line}</command>")
        watched.type(line)
    assert b"192.0.2.77" in watched.said
    assert watched.leaks == {}


@pytest.mark.parametrize("operation", NOT_LOADED.values(), ids=NOT_LOADED)
def test_a_configuration_of_junos_that_is_refused_does_not_repeat_one(watched: Watched, operation: str) -> None:
    assert watched.ask(operation).find(".//{*}rpc-error") is not None
    assert watched.leaks == {}


def test_no_change_that_is_told_of_repeats_one(watched: Watched) -> None:
    subscriber = watched.emulation.connect()
    subscriber.rpc('<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>')
    for key in (GIVEN, WRONG):
        watched.ask(edit(POLICY.format(f"<ascii-text>{key}</ascii-text>"), "candidate"))
        watched.ask("<commit/>")
    while (told := subscriber.receive()) is not None:
        watched.said += etree.tostring(told)
    assert b"netconf-config-change" in watched.said
    assert watched.leaks == {}


def test_no_module_that_is_dumped_has_one(watched: Watched) -> None:
    for module in registry().schema.modules:
        watched.ask(f'<get-schema xmlns="{MONITORING}"><identifier>{module}</identifier></get-schema>')
    assert watched.leaks == {}


def test_a_defect_that_is_logged_repeats_none(watched: Watched) -> None:
    server = watched.emulation.gateway.server
    server.attach("ipsec-agent-ike", None)  # whoever reads the state of IKE now runs into an exception
    watched.ask(edit(POLICY.format(f"<ascii-text>{GIVEN}</ascii-text>")))
    watched.ask(f'<clear-ike-security-associations xmlns="{IKE}"/>')
    assert "Traceback" in watched.log.getvalue()
    assert watched.leaks == {}


def test_the_traffic_that_keys_protect_leaves_none_in_what_is_shown(watched: Watched) -> None:
    watched.emulation.advance(9 * 3600)
    for operation in stores():
        watched.ask(operation)
    assert watched.leaks == {}
