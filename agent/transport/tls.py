"""NETCONF over TLS with mutual authentication (RFC 7589): one connection is one session, framed as over SSH.

Invariants: TLS 1.2 or later; nobody is served whose certificate was not verified and has no name; a client that does
not read makes its session wait; what was written before the end of a session is delivered before its connection closes;
whatever goes wrong before that is counted, and raises nothing.
"""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from agent.transport.admission import Admission, Visit
from agent.transport.closing import GRACE_SECONDS, wait_until
from agent.transport.endpoint import Peer, SessionFactory
from agent.transport.pump import Pump
from agent.transport.turns import Turns

TRANSPORT: Final = "netconf-tls"
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: forward secrecy and authenticated encryption alone. Those of TLS 1.3 are all so."""
RECORD_BYTES: Final = 4096
"""What goes into one record: ncclient reads this much, and does not see that more of the same record has come."""
KEEPALIVE_SECONDS: Final = 30
log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TlsService:
    """What the server serves, and to whom."""

    context: ssl.SSLContext
    user_of: Callable[[bytes], str | None]
    """Tells whose a verified certificate (DER) is; None for nobody's."""
    sessions: SessionFactory
    before_input: Callable[[], object]
    """Called before a session receives anything: brings the device up to now."""
    admission: Admission
    login_seconds: float = 60
    """Time for the handshake, and time to read the rest of an ended session; 0 for no limit."""
    turns: Turns = field(default_factory=Turns)
    after_input: Callable[[], object] = lambda: None
    """Called after a session has received something, and has answered what it could at once."""
    refused: Callable[[str], object] = lambda host: None
    """Learns of a certificate that nobody is let in with, and where it came from."""


def make_context(
    certificate: Path, key: Path, client_certificates: Path, revocation_lists: Path | None = None
) -> ssl.SSLContext:
    """Return what secures connections: PEM files of our certificate chain, its key, and whom to trust.

    Whom to trust are authorities, or clients' own certificates. With `revocation_lists` (PEM) nobody is let in whose
    issuer has no list among them that holds now, or is named in it: what cannot be looked up is not trusted. OSError
    (ssl.SSLError is one) when a file is of no use, ValueError for revocation lists that are none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET
    context.num_tickets = 0  # a resumed session would not show its certificate again
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # so that one client's own certificate can be trusted
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(client_certificates)
    if revocation_lists is not None:
        _look_up(context, revocation_lists)
    return context


def _look_up(context: ssl.SSLContext, revocation_lists: Path) -> None:
    """Have clients' certificates looked up; ValueError for a file that holds anything else, which would be trusted."""
    before = context.cert_store_stats()
    context.load_verify_locations(revocation_lists)
    after = context.cert_store_stats()
    if after["x509"] != before["x509"] or after["crl"] == before["crl"]:
        raise ValueError("holds something else than revocation lists")
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


class Connection(asyncio.Protocol):
    """One connection: first the handshake, then the session."""

    def __init__(self, service: TlsService, connections: dict[Connection, None]) -> None:
        self.is_logged_in = False
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once nothing is left of the connection."""
        self._service = service
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._visit: Visit | None = None
        self._handshake: asyncio.Task[None] | None = None
        self._early = bytearray()
        """What came right behind the handshake, before the session began."""
        self._is_refused = False
        self._pump: Pump | None = None
        self._user: str | None = None
        self._is_congested = False
        self._is_late = False
        """Whether the handshake took longer than it may."""
        self._end_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected, and has said nothing yet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._connections[self] = None
        self._visit = self._service.admission.arrive()
        if self._visit is None:
            transport.abort()
            return
        transport.pause_reading()  # what comes belongs to TLS
        self._handshake = self._loop.create_task(self._secure(transport))

    async def _secure(self, plain: asyncio.Transport) -> None:
        late_at = self._loop.time() + (self._service.login_seconds or math.inf)
        try:
            secured = await self._loop.start_tls(
                plain,
                self,
                self._service.context,
                server_side=True,
                ssl_handshake_timeout=self._service.login_seconds or math.inf,
            )
        except OSError as error:
            log.info("TLS handshake failed: %s", error)
            if isinstance(error, ssl.SSLCertVerificationError):
                self._refuse_certificate(plain)
            self._is_late = self._loop.time() >= late_at
            self.connection_lost(error)
            return
        if secured is None or self.over.done():
            self.connection_lost(None)  # the client has gone within the same turn
        else:
            self._transport = secured
            self._begin(secured)

    def _begin(self, secured: asyncio.Transport) -> None:
        peer = self._peer(secured)
        if peer is None:
            log.info("a client's certificate has no name")
            self._refuse_certificate(secured)
            self._refuse(secured)
        elif self._service.admission.admit(peer.user):
            self.is_logged_in = True
            self._user = peer.user
            self._pump = Pump(self, lambda wake: self._service.sessions(peer, wake), self._loop, self._service.turns)
            self._pump.arrange_turn()
            if self._early:
                self.data_received(bytes(self._early))
        else:
            self._refuse(secured)

    def _refuse_certificate(self, transport: asyncio.Transport) -> None:
        address = transport.get_extra_info("peername")
        self._service.refused(address[0] if address else "")

    def _refuse(self, secured: asyncio.Transport) -> None:
        self._is_refused = True
        secured.close()

    def _peer(self, secured: asyncio.Transport) -> Peer | None:
        """Return who is at the other end, None for nobody that we know."""
        der = secured.get_extra_info("ssl_object").getpeercert(binary_form=True)
        address = secured.get_extra_info("peername")
        user = self._service.user_of(der) if der is not None and address is not None else None
        if user is None:
            return None
        if self._visit is not None:
            self._visit.logged_in()
        return Peer(user, address[0], address[1], TRANSPORT)

    def data_received(self, data: bytes) -> None:
        """Input for the session; what comes from one who is refused, until its end, is dropped."""
        if self._pump is not None:
            self._service.before_input()
            self._pump.receive(data)
            self._service.after_input()
        elif not self._is_refused:
            self._early += data

    def eof_received(self) -> None:
        """The client has closed: TLS knows no half of a connection."""

    def pause_writing(self) -> None:
        """Enough waits for the client to read it."""
        self._is_congested = True

    def resume_writing(self) -> None:
        """The client has read."""
        self._is_congested = False
        if self._pump is not None:
            self._pump.arrange_turn()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, in whatever way, or was never secured."""
        if self.over.done():
            return
        self.over.set_result(None)
        self._connections.pop(self, None)
        if self._end_timer is not None:
            self._end_timer.cancel()
        if self._visit is not None:
            self._visit.gone(is_late=self._is_late)
        if self._user is not None:
            self._service.admission.release(self._user)
        if self._pump is not None:
            self._pump.lost()
            self._pump = None  # it knows the connection; no collector need look for that

    @property
    def is_congested(self) -> bool:
        """Whether the client has to read before it is sent more."""
        return self._is_congested

    def write(self, data: bytes) -> None:
        """Send."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.writelines(data[at : at + RECORD_BYTES] for at in range(0, len(data), RECORD_BYTES))

    def pause_reading(self) -> None:
        """Let the client's TCP window run out."""
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Take input again."""
        if self._transport is not None:
            self._transport.resume_reading()

    def finish(self) -> None:
        """Close behind what was written; a client that does not read that in time loses it."""
        if self._transport is None:
            return
        self._transport.close()
        if self._service.login_seconds:
            self._end_timer = self._loop.call_later(self._service.login_seconds, self.abort)

    def drain(self) -> None:
        """End the session as soon as it has nothing more to send."""
        if self._pump is not None:
            self._pump.drain()

    def abort(self) -> None:
        """Disconnect at once."""
        if self._handshake is not None and not self._handshake.done():
            self._handshake.cancel()
        if self._transport is not None:
            self._transport.abort()
        self.connection_lost(None)


class Listener:
    """The addresses that are listened on, and every connection, whoever has made it."""

    def __init__(self, service: TlsService) -> None:
        """Listen on nothing yet; another `service` may take this one's place, for connections to come."""
        self.service = service
        self._connections: dict[Connection, None] = {}
        self._servers: list[asyncio.Server] = []

    @property
    def connections(self) -> int:
        """How many connections there are, secured or not."""
        return len(self._connections)

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Every (host, port) listened on, with the ports that were taken for 0."""
        return tuple(each.getsockname()[:2] for server in self._servers for each in server.sockets)

    async def open(self, host: str, port: int) -> None:
        """Listen on one more address; port 0 takes a free one. OSError when it cannot be had."""
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(lambda: Connection(self.service, self._connections), host, port))

    async def adopt(self, connected: socket.socket) -> bool:
        """Serve a connection that we have made (RFC 8071), until it ends; return whether anybody logged in."""
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):  # not every system has them
            if hasattr(socket, option):
                connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), KEEPALIVE_SECONDS)
        connection = Connection(self.service, self._connections)
        await asyncio.get_running_loop().create_connection(lambda: connection, sock=connected)
        await asyncio.shield(connection.over)  # whoever stops waiting leaves the connection as it is
        return connection.is_logged_in

    async def close(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Take no more connections, let sessions send what they have, and disconnect; return when all is closed."""
        for server in self._servers:
            server.close()
        for connection in self._connections:
            connection.drain()
        await wait_until(lambda: not any(each.is_logged_in for each in self._connections), grace_seconds)
        for connection in tuple(self._connections):
            connection.abort()
