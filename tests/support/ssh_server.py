"""An SSH listener with toy sessions behind it, and a client's way in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh

from agent.transport.admission import Admission, AdmissionCounters, AdmissionLimits
from agent.transport.endpoint import ConsoleFactory, Peer
from agent.transport.login_throttle import LoginThrottle, ThrottleLimits
from agent.transport.ssh import Listener
from agent.transport.ssh_connection import SshLimits, SshService, refuse_consoles
from tests.support.sessions import ToyAuthenticator, ToySession

Stream = tuple[asyncssh.SSHWriter[bytes], asyncssh.SSHReader[bytes]]


def make_host_keys(folder: Path) -> list[Path]:
    """An Ed25519 and an RSA key file."""
    paths = [folder / "ed25519", folder / "rsa"]
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(paths[0]))
    asyncssh.generate_private_key("ssh-rsa", key_size=2048).write_private_key(str(paths[1]))
    return paths


@dataclass
class Server:
    """A listener on a loopback address, and the sessions it has opened."""

    listener: Listener
    sessions: list[ToySession] = field(default_factory=list)
    inputs: int = 0
    ends_of_input: int = 0

    @property
    def port(self) -> int:
        return self.listener.addresses[0][1]

    @property
    def counters(self) -> AdmissionCounters:
        return self.listener.service.admission.counters

    @asynccontextmanager
    async def connect(
        self, password: str | None = "secret", **options: object
    ) -> AsyncIterator[asyncssh.SSHClientConnection]:
        """Log in as ann, with nothing of this machine's SSH configuration."""
        options = {"host": "127.0.0.1", "port": self.port, "client_keys": None, "agent_path": None, **options}
        async with asyncssh.connect(
            username="ann", password=password, known_hosts=None, config=None, **options
        ) as connection:
            yield connection


@dataclass
class Stage:
    """Runs a scene against a server of its own, and checks that the end of it is clean."""

    host_keys: list[Path]
    authenticator: ToyAuthenticator = field(default_factory=lambda: ToyAuthenticator({"ann": "secret"}))
    limits: SshLimits = field(default_factory=SshLimits)
    admission: AdmissionLimits = field(default_factory=AdmissionLimits)
    throttle: ThrottleLimits = field(default_factory=ThrottleLimits)
    prototype: Callable[[], ToySession] = ToySession
    consoles: ConsoleFactory = refuse_consoles
    waits: list[float] = field(default_factory=list)
    """How long the server would have waited, had it not been a test."""

    def run(self, scene: Callable[[Server], Awaitable[None]]) -> Server:
        """Play the scene; returns the server for what is to be seen afterwards."""
        return asyncio.run(self._run(scene))

    async def _run(self, scene: Callable[[Server], Awaitable[None]]) -> Server:
        def make(peer: Peer, wake: Callable[[], None]) -> ToySession:
            session = self.prototype()
            session.peer, session.wake = peer, wake
            server.sessions.append(session)
            return session

        def count_input() -> None:
            server.inputs += 1

        def count_end() -> None:
            server.ends_of_input += 1

        async def note_wait(seconds: float) -> None:
            self.waits.append(seconds)

        service = SshService(
            authenticator=self.authenticator,
            sessions=make,
            before_input=count_input,
            limits=self.limits,
            admission=Admission(self.admission),
            throttle=LoginThrottle(self.throttle),
            consoles=self.consoles,
            pause=note_wait,
            after_input=count_end,
        )
        listener = Listener(service, self.host_keys)
        await listener.open("127.0.0.1", 0)
        server = Server(listener)
        try:
            await scene(server)
        finally:
            await listener.close()
        assert listener.connections == 0, "every connection is closed in the end"
        assert (service.admission.sessions, service.admission.logins) == (0, 0), "what was taken was given back"
        assert all(session.losses == 1 for session in server.sessions), "every session learns of its end, once"
        return server


async def open_netconf(connection: asyncssh.SSHClientConnection, **options: int) -> Stream:
    """Open a channel for the subsystem netconf."""
    writer, reader, _ = await connection.open_session(subsystem="netconf", encoding=None, **options)
    return writer, reader


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so; pytest's time-out is the limit."""
    while not condition():
        await asyncio.sleep(0.001)
