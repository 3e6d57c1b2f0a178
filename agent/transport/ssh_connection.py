"""One SSH connection to us, and the channels on it (RFC 4252, RFC 4254, RFC 6242), as asyncssh's callbacks.

Invariants: a channel is one session, NETCONF's or a console's, and nothing else: no forwarding, no agent; a client that
does not read makes its sessions wait, whether it is its SSH window that is used up or its TCP connection; no password
whose check takes long is checked in the loop's thread; what was written before the end of a session is delivered before
its channel closes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

import asyncssh
from asyncssh.constants import MSG_IGNORE

from agent.transport.admission import Admission, Visit
from agent.transport.endpoint import (
    Authenticator,
    Console,
    ConsoleFactory,
    ConsoleRequest,
    Peer,
    Session,
    SessionFactory,
    Terminal,
    Wake,
)
from agent.transport.login_throttle import LoginThrottle
from agent.transport.pump import Pump
from agent.transport.turns import Turns

SUBSYSTEM: Final = "netconf"
FALLBACK_COMMAND: Final = "xml-mode netconf need-trailer"
"""What clients of Junos run where the subsystem is refused; it is the same session."""
TRANSPORT: Final = "netconf-ssh"
SIGNED_BY_SHA1: Final = tuple(len(name).to_bytes(4) + name for name in (b"ssh-rsa", b"ssh-dss"))
"""How such signatures begin: with the name of their algorithm (RFC 4253 section 6.6)."""
LOGIN_IS_LATE: Final = "Login timeout expired"
"""What asyncssh says when it ends a connection because nobody has logged in in time."""


@dataclass(frozen=True, slots=True)
class SshLimits:
    """What one connection may take of the server. Times in seconds; 0 for no limit."""

    login_seconds: float = 60
    """Time to log in, time a connection may stay without a session, and time to read the rest of an ended one."""
    login_attempts: int = 3
    """Wrong passwords that end the connection."""
    channels: int = 256
    """How many may be open at a time, whatever they are for."""
    rekey_bytes: int = 1 << 30
    """After how much traffic new keys are agreed on."""


def refuse_consoles(peer: Peer, request: ConsoleRequest, wake: Wake) -> Console | None:
    """Serve neither a shell nor commands."""
    return None


@dataclass(frozen=True, slots=True)
class SshService:
    """What the server serves, and to whom."""

    authenticator: Authenticator
    sessions: SessionFactory
    before_input: Callable[[], object]
    """Called before a session receives anything: brings the device up to now."""
    limits: SshLimits
    admission: Admission
    throttle: LoginThrottle
    consoles: ConsoleFactory = refuse_consoles
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    """Waits for some seconds."""
    refused: Callable[[str, str], object] = lambda user, host: None
    """Learns of a wrong password: whose it was to be, and where it came from."""
    turns: Turns = field(default_factory=Turns)
    after_input: Callable[[], object] = lambda: None
    """Called after a session has received something, and has answered what it could at once."""


@dataclass(slots=True)
class Connections:
    """The connections of one listener, and the sessions on them."""

    service: SshService
    """What connections to come are served."""
    connections: dict[Connection, None] = field(default_factory=dict)
    channels: dict[Channel, None] = field(default_factory=dict)


class Channel(asyncssh.SSHServerSession[bytes]):
    """One SSH channel: the stream of one session."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._service = connection.place.service
        self._loop = asyncio.get_running_loop()
        self._channel: asyncssh.SSHServerChannel[bytes] | None = None
        self._make_session: Callable[[Wake], Session] | None = None
        self._console: Console | None = None
        self._terminal: Terminal | None = None
        self._pump: Pump | None = None
        self._admitted: str | None = None
        self._window_is_full = False
        self._end_timer: asyncio.TimerHandle | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        """The channel is open; what it is for is not yet known."""
        self._channel = chan
        self._connection.opened()

    def subsystem_requested(self, subsystem: str) -> bool:
        """NETCONF is the one subsystem."""
        return subsystem == SUBSYSTEM and self._grant_netconf()

    def exec_requested(self, command: str) -> bool:
        """A command: that which stands for the subsystem, or one for a console."""
        return self._grant_netconf() if command == FALLBACK_COMMAND else self._grant_console(command)

    def shell_requested(self) -> bool:
        """A shell, if there are consoles."""
        return self._grant_console(None)

    def pty_requested(self, term_type: str, term_size: tuple[int, int, int, int], term_modes: object) -> bool:
        """A terminal, for a console to come."""
        self._terminal = Terminal(term_type, *term_size[:2])
        return True

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        """The terminal has another size."""
        if self._console is not None:
            self._console.resized(width, height)

    def _grant_netconf(self) -> bool:
        peer = self._connection.peer()
        if not self._admit(peer):
            return False
        self._make_session = lambda wake: self._service.sessions(peer, wake)
        return True

    def _grant_console(self, command: str | None) -> bool:
        peer = self._connection.peer()
        if not self._admit(peer):
            return False
        console = self._service.consoles(peer, ConsoleRequest(command, self._terminal), self.arrange_turn)
        if console is None:
            self._release()
            return False
        self._console = console
        self._make_session = lambda wake: console
        return True

    def _admit(self, peer: Peer) -> bool:
        if self._service.admission.admit(peer.user):
            self._admitted = peer.user
        return self._admitted is not None

    def _release(self) -> None:
        if self._admitted is not None:
            self._service.admission.release(self._admitted)
            self._admitted = None

    def session_started(self) -> None:
        """What was asked for was granted: the session begins, and may speak first."""
        if self._make_session is not None:
            self._pump = Pump(self, self._make_session, self._loop, self._service.turns)
            self._connection.add(self)
            self._pump.arrange_turn()  # not at once: asyncssh resumes reading after this, and a pause would be lost

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Input for the session."""
        if self._pump is not None:
            self._service.before_input()
            self._pump.receive(data)
            self._service.after_input()

    def eof_received(self) -> bool:
        """The client sends no more: it gets what is ready for it, then the channel ends."""
        self.drain()
        return True

    def pause_writing(self) -> None:
        """The client's window is used up, and enough waits for it."""
        self._window_is_full = True

    def resume_writing(self) -> None:
        """The client has made room."""
        self._window_is_full = False
        self.arrange_turn()

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is gone, in whatever way."""
        self._channel = None
        self._connection.closed()
        self._release()
        if self._end_timer is not None:
            self._end_timer.cancel()
        if self._pump is not None:
            self._pump.lost()
            self._connection.remove(self)
        self._pump = self._make_session = self._console = None  # they know the channel; no collector need look for that

    @property
    def is_congested(self) -> bool:
        """Whether the client has to read before it is sent more."""
        return self._window_is_full or self._connection.is_congested

    def write(self, data: bytes) -> None:
        """Send on the channel."""
        if self._channel is not None and not self._channel.is_closing():
            self._channel.write(data)

    def pause_reading(self) -> None:
        """Let the client's window run out."""
        if self._channel is not None:
            self._channel.pause_reading()

    def resume_reading(self) -> None:
        """Open the window again."""
        if self._channel is not None:
            self._channel.resume_reading()

    def finish(self) -> None:
        """Close the channel behind what was written; a client that does not read that in time loses it."""
        if self._channel is None:
            return
        if self._console is not None and self._console.complaint:
            self._channel.write_stderr(self._console.complaint)
        self._channel.exit(0 if self._console is None else self._console.exit_status)
        if self._service.limits.login_seconds:
            self._end_timer = self._loop.call_later(self._service.limits.login_seconds, self._connection.close)

    def arrange_turn(self) -> None:
        """Look at the session in the loop's next turn."""
        if self._pump is not None:
            self._pump.arrange_turn()

    def drain(self) -> None:
        """End the session as soon as it has nothing more to send."""
        if self._pump is not None:
            self._pump.drain()


class Connection(asyncssh.SSHServer):
    """One SSH connection: who is at its other end, and the sessions on it."""

    def __init__(self, place: Connections) -> None:
        self.place = place
        self.is_congested = False
        """Whether the client does not read its TCP connection."""
        self._limits = place.service.limits
        self._loop = asyncio.get_running_loop()
        self._connection: asyncssh.SSHServerConnection | None = None
        self._visit: Visit | None = None
        self._channels: dict[Channel, None] = {}
        self._open_channels = 0
        self._failures = 0
        self._idle_timer: asyncio.TimerHandle | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """A client has connected; it has not logged in."""
        self._connection = conn
        self.place.connections[self] = None
        self._visit = self.place.service.admission.arrive()
        if self._visit is None:
            conn.abort()
        # asyncio tells the protocol when the TCP connection is congested, and asyncssh does nothing with it: a client
        # with a large window that reads no more would make us hold as much as its window allows.
        conn.pause_writing = self._pause  # type: ignore[method-assign]
        conn.resume_writing = self._resume  # type: ignore[method-assign]
        conn.send_packet = _but_empty(conn.send_packet)  # type: ignore[method-assign]
        conn.validate_public_key = _but_by_sha1(conn.validate_public_key)  # type: ignore[method-assign,assignment]

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; its channels have been told before."""
        if self._connection is not None:  # What stood in for its methods knows it; no collector need look for that.
            del self._connection.send_packet, self._connection.validate_public_key
        self._connection = None
        self._cancel_idle_timer()
        self.place.connections.pop(self, None)
        if self._visit is not None:
            self._visit.gone(is_late=isinstance(exc, asyncssh.ConnectionLost) and exc.reason == LOGIN_IS_LATE)

    def begin_auth(self, username: str) -> bool:
        """Everyone has to authenticate."""
        lines = self.place.service.authenticator.authorized_keys(username)
        if self._connection is not None and lines:
            self._connection.set_authorized_keys(asyncssh.import_authorized_keys("\n".join(lines)))
        return True

    def auth_completed(self) -> None:
        """Logged in: a session is due within the time of a login."""
        if self._visit is not None:
            self._visit.logged_in()
        self._start_idle_timer()

    def password_auth_supported(self) -> bool:
        """Passwords are accepted, by the methods password and keyboard-interactive."""
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Check a password when it is its turn. Too many wrong ones end the connection."""
        service, host = self.place.service, self._host()
        wait = service.throttle.reserve(host, self._loop.time())
        service.admission.counters.slowed_tries += wait != 0
        if wait is None:
            raise _no_more_tries()
        if wait:
            await service.pause(wait)
        if await self._is_right(username, password):
            service.throttle.succeeded(host)
            return True
        service.throttle.failed(host, self._loop.time())
        service.admission.counters.failed_passwords += 1
        service.refused(username, host)
        self._failures += 1
        if self._failures >= self._limits.login_attempts:
            raise _no_more_tries()
        return False

    async def _is_right(self, username: str, password: str) -> bool:
        """Check a password, outside the loop's thread where that takes long."""
        authenticator = self.place.service.authenticator
        if authenticator.is_quick:
            return authenticator.check_password(username, password)
        return await self._loop.run_in_executor(None, authenticator.check_password, username, password)

    def session_requested(self) -> Channel | bool:
        """A channel is opened; what it may be used for is the channel's decision."""
        if self._open_channels >= self._limits.channels:
            self.place.service.admission.counters.refused_channels += 1
            return False
        return Channel(self)

    def peer(self) -> Peer:
        """Who is at the other end."""
        if self._connection is None:
            raise ConnectionError("the connection is closed")
        host, port = self._connection.get_extra_info("peername")[:2]
        return Peer(self._connection.get_extra_info("username"), host, port, TRANSPORT)

    def opened(self) -> None:
        """Learn that a channel has been opened."""
        self._open_channels += 1

    def closed(self) -> None:
        """Learn that a channel has been closed."""
        self._open_channels -= 1

    def add(self, channel: Channel) -> None:
        """Learn that a session has begun."""
        self._channels[channel] = self.place.channels[channel] = None
        self._cancel_idle_timer()

    def remove(self, channel: Channel) -> None:
        """Learn that a session has ended."""
        del self._channels[channel]
        del self.place.channels[channel]
        if not self._channels:
            self._start_idle_timer()

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            self._connection.close()

    def _host(self) -> str:
        peername = self._connection.get_extra_info("peername") if self._connection is not None else None
        return str(peername[0]) if peername else ""

    def _pause(self) -> None:
        self.is_congested = True

    def _resume(self) -> None:
        self.is_congested = False
        for channel in self._channels:
            channel.arrange_turn()

    def _start_idle_timer(self) -> None:
        self._cancel_idle_timer()
        if self._limits.login_seconds:
            self._idle_timer = self._loop.call_later(self._limits.login_seconds, self.close)

    def _cancel_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None


ValidateKey = Callable[[str, bytes, bytes, bytes], Coroutine[Any, Any, bool]]
"""Tells whether a user has a key, and has signed a message with it: user, key, message and signature."""


def _but_empty(send: Callable[..., None]) -> Callable[..., None]:
    """Return what sends packets but those with nothing in them, of which asyncssh puts one before each other.

    They hide the initialization vector of CBC (RFC 4251 section 9.3.1), and no cipher of ours has that; they cost both
    ends as much as a small reply does.
    """

    def send_packet(kind: int, *parts: bytes, handler: asyncssh.packet.SSHPacketLogger | None = None) -> None:
        if kind != MSG_IGNORE:
            send(kind, *parts, handler=handler)

    return send_packet


def _but_by_sha1(validate: ValidateKey) -> ValidateKey:
    """Return what accepts users' keys, and no signature with SHA-1, which asyncssh takes though it is not announced."""

    async def validate_public_key(username: str, key: bytes, message: bytes, signature: bytes) -> bool:
        return not signature.startswith(SIGNED_BY_SHA1) and await validate(username, key, message, signature)

    return validate_public_key


def _no_more_tries() -> asyncssh.DisconnectError:
    code = asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE
    return asyncssh.DisconnectError(code, "Too many authentication failures")
