"""A NETCONF session with a device elsewhere, that commands are given to: the client's half of RFC 6241 and RFC 6242.

Of the protocol this needs no more than hello, `command` and close-session; asyncssh and the framing of the server do
the rest, and are here anyway. Invariant: no host key is accepted that nothing vouches for, unless the user says so.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from enum import Enum
from itertools import count
from pathlib import Path
from typing import Final

import asyncssh
from lxml import etree

from agent.app.errors import AppError
from agent.app.state import default_state_directory
from agent.app.target import Target
from agent.datastore.markup import escape_text
from agent.junos.terminal import visible
from agent.netconf.framing import ChunkedFramer, EndOfMessageFramer, Framer, FramingError, MessageTooBig

BASE: Final = "urn:ietf:params:xml:ns:netconf:base:1.0"
BASE_1_1: Final = "urn:ietf:params:netconf:base:1.1"
HELLO: Final = (
    f'<hello xmlns="{BASE}"><capabilities><capability>urn:ietf:params:netconf:base:1.0</capability>'
    f"<capability>{BASE_1_1}</capability></capabilities></hello>"
)
SUBSYSTEM: Final = "netconf"
READ_BYTES: Final = 65_536
CONNECT_SECONDS: Final = 15
KNOWN_HOSTS: Final = Path("~/.ssh/known_hosts")
HOST_KEYS: Final = "*/ssh_host_*_key.pub"
"""Of the devices that this user runs, below the state home."""

AskPassword = Callable[[], Awaitable[str | None]]
HostKeys = tuple[Sequence[object], ...]
"""Those that are trusted, those that vouch for others, those that are revoked, and the same of X.509."""


class Unreachable(AppError):
    """There is no session with the device, or there is none any more; the message says why."""


class DeviceRefused(AppError):
    """The device has answered with an error; the message is its own."""

    def __init__(self, message: str, word: str | None) -> None:
        """`word` is that of the command which is to blame, "" for its end, None where the device names none."""
        super().__init__(message)
        self.message = message
        self.word = word


class ReplyFormat(Enum):
    """How a reply is to be written."""

    TEXT = "text"
    XML = "xml"
    JSON = "json"


class Remote:
    """An open session."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        """Use `connected`."""
        self._process = process
        self._framer: Framer = EndOfMessageFramer()
        self._ids = count(1)

    async def greet(self) -> None:
        """Exchange hellos. Unreachable when the other end is no NETCONF server."""
        self._send(HELLO.encode())
        hello = _parsed(await self._receive())
        if hello.tag != f"{{{BASE}}}hello":
            raise Unreachable("the other end does not speak NETCONF")
        if any((each.text or "").strip() == BASE_1_1 for each in hello.iter(f"{{{BASE}}}capability")):
            chunked = ChunkedFramer()
            chunked.receive(self._framer.remainder())
            self._framer = chunked

    async def run(self, command: str, format_: ReplyFormat) -> str:
        """Have a command carried out, and return what it prints. Raises DeviceRefused, Unreachable."""
        reply = await self._call(f'<command format="{format_.value}">{escape_text(command)}</command>')
        if format_ is ReplyFormat.XML:
            return "".join(etree.tostring(each, pretty_print=True, encoding="unicode") for each in reply)
        return "".join(str(text) for text in reply.itertext()).removeprefix("\n")

    async def leave(self) -> None:
        """End the session."""
        await self._call("<close-session/>")

    async def _call(self, operation: str) -> etree._Element:
        self._send(f'<rpc xmlns="{BASE}" message-id="{next(self._ids)}">{operation}</rpc>'.encode())
        reply = _parsed(await self._receive())
        for error in [*reply.iter(f"{{{BASE}}}rpc-error")]:
            if (error.findtext(f"{{{BASE}}}error-severity") or "error").strip() == "error":
                raise _refusal(error)
            error.clear()  # a warning is no part of what is shown
        return reply

    def _send(self, message: bytes) -> None:
        self._process.stdin.write(self._framer.encode(message) + self._framer.end)

    async def _receive(self) -> bytes:
        try:
            while (message := self._framer.next_message()) is None:
                data = await self._process.stdout.read(READ_BYTES)
                if not data:
                    raise Unreachable("the device has ended the session")
                self._framer.receive(data)
        except (FramingError, MessageTooBig) as error:
            raise Unreachable(f"the device sends what is no message: {error}") from error
        return message


def _parsed(message: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        return etree.fromstring(message.strip(), parser)
    except etree.XMLSyntaxError as error:
        raise Unreachable(f"the device sends what is no XML: {error}") from error


def _refusal(error: etree._Element) -> DeviceRefused:
    message = error.findtext(f"{{{BASE}}}error-message") or error.findtext(f"{{{BASE}}}error-tag") or "refused"
    word = next(error.iter(f"{{{BASE}}}bad-element"), None)
    return DeviceRefused(visible(" ".join(message.split())), None if word is None else (word.text or "").strip())


@asynccontextmanager
async def connected(target: Target, ask_password: AskPassword) -> AsyncIterator[Remote]:
    """Log in to a device, open a session, and end it with the block. Unreachable says why there is none.

    `ask_password` is asked where a password is wanted and the target has none.
    """
    try:
        async with asyncssh.connect(
            target.host,
            target.port,
            username=target.user,
            password=target.password,
            client_keys=_client_keys(target),
            agent_path=None if target.password is not None else (),
            known_hosts=None if target.is_insecure else _vouched(target),
            client_factory=lambda: _Login(ask_password),
            config=None,
            connect_timeout=CONNECT_SECONDS,
            login_timeout=None,
        ) as connection:
            remote = Remote(await connection.create_process(subsystem=SUBSYSTEM, encoding=None))
            await remote.greet()
            yield remote
            await remote.leave()
    except asyncssh.HostKeyNotVerifiable as error:
        raise Unreachable(
            f"nothing vouches for the host key of {target}: add it to {KNOWN_HOSTS}, name it with --host-key FILE, "
            "or accept any with --insecure"
        ) from error
    except asyncssh.PermissionDenied as error:
        raise Unreachable(f"{target} does not let {target.user!r} in") from error
    except (OSError, asyncssh.Error) as error:
        raise Unreachable(f"{target}: {getattr(error, 'strerror', None) or error}") from error


class _Login(asyncssh.SSHClient):
    """Asks for a password, once."""

    def __init__(self, ask: AskPassword) -> None:
        self._ask: AskPassword | None = ask

    async def password_auth_requested(self) -> str | None:
        """Return a password, None for no more."""
        ask, self._ask = self._ask, None
        return await ask() if ask is not None else None

    async def kbdint_auth_requested(self) -> None:
        """Return that questions are not answered: the password is."""


def _client_keys(target: Target) -> Sequence[str] | None:
    """Return the keys to log in with: the one that is named, none beside a password, or else the user's own."""
    if target.key is not None:
        return [str(target.key)]
    return None if target.password is not None else ()


def _vouched(target: Target) -> Callable[[str, str, int | None], HostKeys]:
    """Return what tells the host keys that are good for an address.

    AppError when the one that is named, or the file of known hosts, cannot be read.
    """
    try:
        own = [asyncssh.read_public_key(str(path)) for path in _own_host_keys(target)]
        path = KNOWN_HOSTS.expanduser()
        known = asyncssh.read_known_hosts(str(path)) if target.host_key is None and path.exists() else None
    except (OSError, ValueError, asyncssh.KeyImportError) as error:
        raise Unreachable(f"cannot read host keys: {error}") from error

    def match(host: str, address: str, port: int | None) -> HostKeys:
        found = asyncssh.match_known_hosts(known, host, address, port) if known is not None else ([],) * 7
        return ([*found[0], *own], *found[1:])

    return match


def _own_host_keys(target: Target) -> list[Path]:
    """Return the key that is named, or else those of this user's devices, for one of this machine."""
    if target.host_key is not None:
        return [target.host_key]
    if not target.is_on_this_machine:
        return []
    if target.state_directory is not None:
        return sorted(target.state_directory.glob(Path(HOST_KEYS).name))
    return sorted(default_state_directory("any", os.environ).parent.glob(HOST_KEYS))
