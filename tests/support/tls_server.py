"""A TLS listener with toy sessions behind it, and a client's way in."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from agent.transport.admission import Admission, AdmissionCounters, AdmissionLimits
from agent.transport.certificate_names import CertificateNames
from agent.transport.endpoint import Peer
from agent.transport.name_rules import Fingerprint, MapType, NameRule
from agent.transport.tls import Listener, TlsService, make_context
from tests.support.client_certificates import Identity, authority, identity, ip
from tests.support.sessions import ToySession

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class TlsFolder:
    """The certificates of both ends, and where they lie as files."""

    path: Path
    clients: Identity = field(default_factory=lambda: authority("clients"))
    server: Identity = field(default_factory=lambda: identity("server", names=[ip("127.0.0.1")]))

    @cached_property
    def ann(self) -> Identity:
        return identity("ann", self.clients)

    @property
    def revocation_lists(self) -> Path:
        """Where revocation lists lie, once a test has written some."""
        return self.path / "crls.pem"

    def server_context(self) -> ssl.SSLContext:
        lists = self.revocation_lists if self.revocation_lists.exists() else None
        return make_context(*self.server.write(self.path, "server"), self.clients.write(self.path, "clients")[0], lists)

    def client_context(self, who: Identity | None) -> ssl.SSLContext:
        """What a client has that trusts our server; None has no certificate of its own."""
        context = ssl.create_default_context(cadata=self.server.pem.decode())
        if who is not None:
            context.load_cert_chain(*who.write(self.path, "client"))
        return context


@dataclass
class TlsServer:
    """A listener on a loopback address, and the sessions it has opened."""

    listener: Listener
    folder: TlsFolder
    sessions: list[ToySession] = field(default_factory=list)
    inputs: int = 0
    refused: list[str] = field(default_factory=list)
    """Where certificates came from that nobody was let in with."""

    @property
    def port(self) -> int:
        return self.listener.addresses[0][1]

    @property
    def counters(self) -> AdmissionCounters:
        return self.listener.service.admission.counters

    @asynccontextmanager
    async def connect(self, context: ssl.SSLContext | None = None) -> AsyncIterator[Stream]:
        """Connect as ann, or as somebody else's context says."""
        context = context or self.folder.client_context(self.folder.ann)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=context)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


@dataclass
class TlsStage:
    """Runs a scene against a server of its own, and checks that the end of it is clean."""

    folder: TlsFolder
    admission: AdmissionLimits = field(default_factory=AdmissionLimits)
    login_seconds: float = 60
    prototype: Callable[[], ToySession] = ToySession

    def run(self, scene: Callable[[TlsServer], Awaitable[None]]) -> TlsServer:
        """Play the scene; returns the server for what is to be seen afterwards."""
        return asyncio.run(self._run(scene))

    async def _run(self, scene: Callable[[TlsServer], Awaitable[None]]) -> TlsServer:
        troubles: list[dict[str, object]] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: troubles.append(context))

        def make(peer: Peer, wake: Callable[[], None]) -> ToySession:
            session = self.prototype()
            session.peer, session.wake = peer, wake
            server.sessions.append(session)
            return session

        def count_input() -> None:
            server.inputs += 1

        clients = self.folder.clients
        rules = (NameRule(Fingerprint.parse(clients.fingerprint), MapType.COMMON_NAME),)
        user_of = CertificateNames(rules, clients.pem).user
        admission = Admission(self.admission)
        service = TlsService(
            self.folder.server_context(),
            user_of,
            make,
            count_input,
            admission,
            self.login_seconds,
            refused=lambda host: server.refused.append(host),
        )
        listener = Listener(service)
        server = TlsServer(listener, self.folder)
        await listener.open("127.0.0.1", 0)
        try:
            await scene(server)
        finally:
            await listener.close()
        assert listener.connections == 0, "every connection is closed in the end"
        assert (admission.sessions, admission.logins) == (0, 0), "what was taken was given back"
        assert all(session.losses == 1 for session in server.sessions), "every session learns of its end, once"
        assert troubles == [], "nothing was raised into the loop"
        return server
