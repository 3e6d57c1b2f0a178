"""NETCONF over SSH (RFC 6242), on asyncssh's callbacks.

Invariants: only the subsystem ``netconf`` is served: no shell, no command, no forwarding, no agent; a client that does
not read makes its sessions wait, whether it is its SSH window that is used up or its TCP connection; no password is
checked in the loop's thread; what was written before the end of a session is delivered before its channel closes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncssh

from agent.transport.endpoint import Authenticator, Peer, SessionFactory
from agent.transport.pump import Pump

RECEIVE_WINDOW_BYTES: Final = 262_144
"""What a client may send ahead on one channel while its session wants no input."""

SUBSYSTEM: Final = "netconf"
TRANSPORT: Final = "netconf-ssh"
SOFTWARE_VERSION: Final = "ipsec_agent"


@dataclass(frozen=True, slots=True)
class SshLimits:
    """What one client, and all together, may take of the server."""

    login_seconds: float = 60
    """Time to log in, time a connection may stay without a session, and time to read the rest of an ended one."""
    login_attempts: int = 3
    sessions: int = 256


@dataclass(frozen=True, slots=True)
class SshService:
    """What the server serves, and to whom."""

    authenticator: Authenticator
    sessions: SessionFactory
    before_input: Callable[[], object]
    """Called before a session receives anything: brings the device up to now."""
    limits: SshLimits


class Channel(asyncssh.SSHServerSession[bytes]):
    """One SSH channel: the stream of one session."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._service = connection.listener.service
        self._loop = asyncio.get_running_loop()
        self._channel: asyncssh.SSHServerChannel[bytes] | None = None
        self._pump: Pump | None = None
        self._window_is_full = False
        self._end_timer: asyncio.TimerHandle | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        """The channel is open; what it is for is not yet known."""
        self._channel = chan

    def subsystem_requested(self, subsystem: str) -> bool:
        """Only NETCONF is served, and only so many sessions of it."""
        return subsystem == SUBSYSTEM and len(self._connection.listener.channels) < self._service.limits.sessions

    def session_started(self) -> None:
        """The subsystem was granted: the session begins, and may speak first."""
        peer = self._connection.peer()
        self._pump = Pump(self, lambda wake: self._service.sessions(peer, wake), self._loop)
        self._connection.add(self)
        self._pump.arrange_turn()  # not at once: asyncssh resumes reading after this, and a pause would be lost

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Input for the session."""
        if self._pump is not None:
            self._service.before_input()
            self._pump.receive(data)

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
        if self._end_timer is not None:
            self._end_timer.cancel()
        if self._pump is not None:
            self._pump.lost()
            self._connection.remove(self)

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
        if self._channel is not None:
            self._channel.exit(0)
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

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.is_congested = False
        """Whether the client does not read its TCP connection."""
        self._limits = listener.service.limits
        self._loop = asyncio.get_running_loop()
        self._connection: asyncssh.SSHServerConnection | None = None
        self._channels: dict[Channel, None] = {}
        self._failures = 0
        self._idle_timer: asyncio.TimerHandle | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """A client has connected; it has not logged in."""
        self._connection = conn
        self.listener.connections[self] = None
        # asyncio tells the protocol when the TCP connection is congested, and asyncssh does nothing with it: a client
        # with a large window that reads no more would make us hold as much as its window allows.
        conn.pause_writing = self._pause  # type: ignore[method-assign]
        conn.resume_writing = self._resume  # type: ignore[method-assign]

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; its channels have been told before."""
        self._connection = None
        self._cancel_idle_timer()
        self.listener.connections.pop(self, None)

    def begin_auth(self, username: str) -> bool:
        """Everyone has to authenticate."""
        lines = self.listener.service.authenticator.authorized_keys(username)
        if self._connection is not None and lines:
            self._connection.set_authorized_keys(asyncssh.import_authorized_keys("\n".join(lines)))
        return True

    def auth_completed(self) -> None:
        """Logged in: a session is due within the time of a login."""
        self._start_idle_timer()

    def password_auth_supported(self) -> bool:
        """Passwords are accepted, by the methods password and keyboard-interactive."""
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        """Check a password outside the loop's thread. Too many wrong ones end the connection."""
        check = self.listener.service.authenticator.check_password
        if await self._loop.run_in_executor(None, check, username, password):
            return True
        self._failures += 1
        if self._failures >= self._limits.login_attempts:
            raise asyncssh.DisconnectError(
                asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "Too many authentication failures"
            )
        return False

    def session_requested(self) -> Channel:
        """A channel is opened; what it may be used for is the channel's decision."""
        return Channel(self)

    def peer(self) -> Peer:
        """Who is at the other end."""
        if self._connection is None:
            raise ConnectionError("the connection is closed")
        host, port = self._connection.get_extra_info("peername")[:2]
        return Peer(self._connection.get_extra_info("username"), host, port, TRANSPORT)

    def add(self, channel: Channel) -> None:
        """Learn that a session has begun."""
        self._channels[channel] = self.listener.channels[channel] = None
        self._cancel_idle_timer()

    def remove(self, channel: Channel) -> None:
        """Learn that a session has ended."""
        del self._channels[channel]
        del self.listener.channels[channel]
        if not self._channels:
            self._start_idle_timer()

    def close(self) -> None:
        """Disconnect."""
        if self._connection is not None:
            self._connection.close()

    def _pause(self) -> None:
        self.is_congested = True

    def _resume(self) -> None:
        self.is_congested = False
        for channel in self._channels:
            channel.arrange_turn()

    def _start_idle_timer(self) -> None:
        self._cancel_idle_timer()
        self._idle_timer = self._loop.call_later(self._limits.login_seconds, self.close)

    def _cancel_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None


class Listener:
    """The addresses that are listened on, and the connections that came in by them."""

    def __init__(self, service: SshService) -> None:
        self.service = service
        self.connections: dict[Connection, None] = {}
        self.channels: dict[Channel, None] = {}
        self._acceptors: list[asyncssh.SSHAcceptor] = []

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Every (host, port) listened on, with the ports that were taken for 0."""
        return tuple(address[:2] for acceptor in self._acceptors for address in acceptor.get_addresses())

    async def open(self, host: str, port: int, host_keys: Sequence[Path]) -> None:
        """Listen on one more address. OSError when it cannot be had."""
        acceptor = await asyncssh.listen(
            host,
            port,
            server_factory=lambda: Connection(self),
            server_host_keys=[str(path) for path in host_keys],
            server_version=SOFTWARE_VERSION,
            login_timeout=self.service.limits.login_seconds,
            encoding=None,
            window=RECEIVE_WINDOW_BYTES,
            line_editor=False,
            allow_pty=False,
            agent_forwarding=False,
            gss_host=None,
        )
        self._acceptors.append(acceptor)

    async def close(self, grace_seconds: float = 2.0) -> None:
        """Take no more connections, let sessions send what they have, and disconnect; return when all is closed."""
        for acceptor in self._acceptors:
            acceptor.close()
        for channel in self.channels:
            channel.drain()
        await self._until(lambda: not self.channels, grace_seconds)
        for connection in self.connections:
            connection.close()
        await self._until(lambda: not self.connections, grace_seconds)

    async def _until(self, condition: Callable[[], bool], limit_seconds: float) -> None:
        end = asyncio.get_running_loop().time() + limit_seconds
        while not condition() and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.01)


async def listen(
    addresses: Sequence[tuple[str, int]],
    *,
    host_keys: Sequence[Path],
    authenticator: Authenticator,
    sessions: SessionFactory,
    before_input: Callable[[], object] = lambda: None,
    limits: SshLimits = SshLimits(),
) -> Listener:
    """Serve NETCONF on every address (host, port); port 0 takes a free one.

    ``host_keys`` are private key files. OSError when an address cannot be had, and then none is listened on.
    """
    listener = Listener(SshService(authenticator, sessions, before_input, limits))
    try:
        for host, port in addresses:
            await listener.open(host, port, host_keys)
    except OSError:
        await listener.close()
        raise
    return listener
