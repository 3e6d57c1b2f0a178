"""Entrances beside NETCONF's own: keys at the prompt, configuration of Junos as text, URLs, certificates of clients."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.sax.saxutils import escape

from agent.app.console import ConsoleLimits
from agent.app.consoles import open_console
from agent.app.router import open_shell
from agent.netconf.server import Client
from agent.netconf.url import file_name
from agent.transport.certificate_names import CertificateNames
from agent.transport.endpoint import ConsoleRequest, Terminal
from agent.transport.name_rules import Fingerprint, MapType, NameRule
from tests.fuzz.management import COMMANDS, LARGEST, READ_AT_ONCE, Defects, requests
from tests.fuzz.target import Run, Target
from tests.support.chapter import Emulation
from tests.support.client_certificates import authority, dns, identity, ip, mail
from tests.support.netconf_wire import envelope

KEY_OCTETS = 50_000
"""What one key may have shown: a long line anew, or what it can be completed by."""
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def keys(*terminals: Terminal | None) -> Callable[[], Run]:
    """What is typed at a shell, on one of some terminals or none, in pieces; the display is read as it comes."""

    def open_() -> Run:
        emulation = Emulation()
        client = Client("admin", "192.0.2.1", "cli")

        def run(data: bytes) -> None:
            shell = open_shell(emulation.gateway.server, client)
            terminal = terminals[len(data) % len(terminals)]
            console = open_console(lambda: shell, ConsoleRequest(None, terminal), ConsoleLimits(lambda: 0.0))
            size, sent, most = 1 + len(data) % 7, 0, LARGEST + KEY_OCTETS * len(data)
            with Defects.heard() as defects:
                for at in range(0, len(data), size):
                    if not console.wants_input:
                        break
                    console.receive(data[at : at + size])
                    while sent < most and (piece := console.transmit(READ_AT_ONCE)):
                        sent += len(piece)
            console.lost()
            assert not defects.found, defects.found.pop()
            assert sent < most, "a display without end"

        return run

    return open_


def loading(format_: str, action: str, element: str) -> Callable[[], Run]:
    """A configuration of Junos that is loaded, compared and thrown away."""

    def open_() -> Run:
        ask = requests()

        def run(data: bytes) -> None:
            text = escape(NOT_XML.sub("?", data.decode("utf-8", "replace")))
            content = f"<{element}>{text}</{element}>"
            ask(
                envelope(
                    f'<load-configuration format="{format_}" action="{action}">{content}</load-configuration>'
                ).encode()
            )
            ask(envelope('<get-configuration compare="rollback" rollback="0" format="text"/>').encode())
            ask(envelope("<discard-changes/>").encode())

        return run

    return open_


def urls() -> Run:
    """A URL: it names a file in the folder, or none."""

    def run(data: bytes) -> None:
        try:
            name = file_name(data.decode("utf-8", "replace"))
        except ValueError:
            return
        assert "/" not in name
        assert not name.startswith(".")

    return run


def certificate_names() -> Run:
    """The certificate of a client, as OpenSSL may have let it in."""
    trusted = CertificateNames(
        [NameRule(Fingerprint.parse(CLIENTS.fingerprint), each) for each in MapType if each is not MapType.SPECIFIED],
        CLIENTS.pem,
    )

    def run(data: bytes) -> None:
        assert trusted.user(data) != ""

    return run


CLIENTS = authority("clients")
CERTIFICATES = [
    identity("ann", CLIENTS).der,
    identity(None, CLIENTS, [mail("ann@Example.net"), dns("Example.net"), ip("192.0.2.1"), ip("2001:db8::1")]).der,
]
TEXT = [
    b"security { ike { proposal p { authentication-method pre-shared-keys; dh-group group2; } } }",
    b"replace: security {\n    ipsec {\n        /* note */\n        policy ipsec-policy {\n"
    b"            proposals [ a b ];\n        }\n    }\n}\n",
    b'interfaces { es-1/3/0 { unit 0 { tunnel { source 4.4.4.5; destination "4.4.4.4"; } family inet; } } }',
    b"system { host-name x; }\ndelete: security;\ninactive: interfaces { }\n",
]
SET = [
    b"set system host-name x\nset security ike proposal p dh-group group2\n",
    b"set security ike proposal p authentication-algorithm md5\ndelete security ipsec\n",
    b'set interfaces es-1/3/0 unit 0 tunnel source 4.4.4.5\ndelete interfaces "es-1/3/0" unit 0\n',
]
JSON = [
    b'{"configuration": {"system": {"host-name": "x"}, "security": {"ike": {"proposal": [{"name": "p", "dh-group": '
    b'"group2"}]}}}}',
    b'{"configuration": {"@": {"junos:commit-seconds": "1"}, "security": {"ipsec": {"policy": [{"name": "q", '
    b'"proposals": ["a", "b"]}]}}}}',
]
KEYS = [
    *(each + b"\r" for each in COMMANDS),
    b"show ike sec\t\r",
    b"show ?\x1b[A\x1b[B\x1b[C\x1b[D\x01\x05\x0b\x15\x17\x19\x7f\x08\x14\x1b[3~\x12ike\r",
    b"show ipsec certificates detail\r   \rq",
    b"set cli screen-width 20\rshow configuration\r \x03exit\r",
]
TERMINALS = [Terminal(kind, columns, 24) for kind in ("xterm", "dumb") for columns in (0, 1, 13, 14, 80, 2**32 - 1)]
KEY_WORDS = (
    b"\x1b[",
    b"\x1b",
    b"\x03",
    b"\x04",
    b"\x1a",
    b"\t",
    b"?",
    b" ",
    b"\r\n",
    b"\xc3\xa4",
    b"\xff",
    b"\xe2\x80\xae",
)
SIGNS = (b"{", b"}", b";", b'"', b"[", b"]", b"/*", b"*/", b"#", b"##", b"\\", b"replace:", b"delete:", b"<*>")
TARGETS = (
    Target("prompt-keys", keys(*TERMINALS), KEYS, KEY_WORDS, inputs=30),
    Target("script-lines", keys(None), KEYS, KEY_WORDS),
    Target("configuration-text", loading("text", "merge", "configuration-text"), TEXT, SIGNS),
    Target("configuration-replaced", loading("text", "replace", "configuration-text"), TEXT, SIGNS),
    Target("configuration-set", loading("text", "set", "configuration-set"), SET, SIGNS),
    Target(
        "configuration-json", loading("json", "merge", "configuration-json"), JSON, (*SIGNS, b":", b"null", b"1e999")
    ),
    Target(
        "url", urls, [b"file:///x.xml", b"file://localhost/a%2eb?c#d"], (b"%2f", b"..", b"//", b"[", b"%00", b"%ff")
    ),
    Target("client-certificate", certificate_names, CERTIFICATES),
)
"""What comes in by another door."""
