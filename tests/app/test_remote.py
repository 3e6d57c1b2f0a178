"""The client's half of a session, against a device that says what a test wants it to."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from agent.app.remote import BASE, DeviceRefused, Remote, ReplyFormat, Unreachable
from agent.app.target import Target

CAPABILITY = "<capability>urn:ietf:params:netconf:base:1.0</capability>"
OLD = f'<hello xmlns="{BASE}"><capabilities>{CAPABILITY}</capabilities></hello>'
NEW = OLD.replace("base:1.0<", "base:1.1<")


class Line:
    """What asyncssh gives for a channel: says what it was told to, in small pieces, and keeps what it is sent."""

    def __init__(self, says: str) -> None:
        self.stdin = self.stdout = self
        self.sent = b""
        self._says = says.encode()

    def write(self, data: bytes) -> None:
        self.sent += data

    async def read(self, size: int) -> bytes:
        piece, self._says = self._says[:7], self._says[7:]
        return piece


def told(hello: str, reply: str, format_: ReplyFormat = ReplyFormat.TEXT) -> tuple[str, bytes]:
    """Greet a device and give it a command; return what is made of its reply, and what it was sent."""
    line = Line(f"{hello}]]>]]>{reply}")

    async def run() -> str:
        remote = Remote(cast(Any, line))
        await remote.greet()
        return await remote.run("show <x>", format_)

    return asyncio.run(run()), line.sent


def replied(content: str) -> str:
    return f'<rpc-reply xmlns="{BASE}" message-id="1">{content}</rpc-reply>'


def chunked(message: str) -> str:
    return f"\n#{len(message)}\n{message}\n##\n"


def test_a_device_of_old_is_spoken_to_with_end_marks() -> None:
    text, sent = told(OLD, replied("<output>\nyes\n</output>") + "]]>]]>")
    assert text == "yes\n"
    assert sent.count(b"]]>]]>") == 2
    assert b"\n#" not in sent


def test_a_device_of_today_is_spoken_to_in_chunks() -> None:
    text, sent = told(NEW, chunked(replied("<output>\nyes\n</output>")))
    assert text == "yes\n"
    assert sent.endswith(b"\n##\n")


def test_a_command_is_written_as_xml() -> None:
    _, sent = told(OLD, replied("<output/>") + "]]>]]>")
    assert b'<command format="text">show &lt;x&gt;</command>' in sent


def test_an_error_has_the_device_s_words() -> None:
    error = (
        "<rpc-error><error-severity>error</error-severity><error-message>\nsyntax\nerror\n</error-message>"
        "<error-info><bad-element>x</bad-element></error-info></rpc-error>"
    )
    with pytest.raises(DeviceRefused, match=r"^syntax error$") as refused:
        told(OLD, replied(error) + "]]>]]>")
    assert refused.value.word == "x"


def test_a_warning_is_neither_an_error_nor_shown() -> None:
    warning = "<rpc-error><error-severity>warning</error-severity><error-message>careful</error-message></rpc-error>"
    text, _ = told(OLD, replied(f"<result>{warning}</result><output>\nyes\n</output>") + "]]>]]>")
    assert text == "yes\n"


@pytest.mark.parametrize(
    ("hello", "reply", "complaint"),
    [
        ("<nonsense/>", "", "does not speak NETCONF"),
        ("SSH?", "", "no XML"),
        (OLD, "", "has ended the session"),
        (NEW, "rubbish", "no message"),
    ],
)
def test_what_is_no_netconf_is_told_in_one_line(hello: str, reply: str, complaint: str) -> None:
    with pytest.raises(Unreachable, match=complaint):
        told(hello, reply)


def test_an_entity_is_not_resolved() -> None:
    bomb = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>{replied("<output>&e;</output>")}]]>]]>'
    assert told(OLD, bomb)[0] == "&e;"


@pytest.mark.parametrize(
    ("host", "is_here"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("192.0.2.1", False)]
)
def test_loopback_addresses_are_this_machine(host: str, is_here: bool) -> None:
    assert Target(host, 830, "admin").is_on_this_machine is is_here


def test_a_password_is_in_no_representation() -> None:
    assert "secret" not in repr(Target("192.0.2.1", 830, "admin", "secret"))
