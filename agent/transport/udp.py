"""IKE over UDP (RFC 2408 sec. 2.5.1, RFC 3948 sec. 2.2): one address of ours, an IKE port and a NAT traversal port.

Before every IKE message stand four octets of zero, the non-ESP marker, unless one of the two ports is 500. So it is on
port 4500, and so strongSwan has it on any other port.

Invariants: what cannot be sent at once is lost, as on any path of UDP, and counted; nothing is queued without bound.
The rest of the program never sees a marker, nor anything that is not IKE.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final, Generic, TypeVar, cast

from agent.transport.endpoint import IpAddress, UdpEndpoint

UNMARKED_PORT: Final = 500
NON_ESP_MARKER: Final = bytes(4)
KEEPALIVE: Final = b"\xff"
"""Keeps a translator's mapping alive (RFC 3948 sec. 2.3): it is never marked."""

log: Final = logging.getLogger(__name__)

E = TypeVar("E", bound=UdpEndpoint)


class Loss(Enum):
    """Why a datagram was neither carried nor handed over."""

    FOREIGN_SOURCE = "its source is not an endpoint of ours"
    CONGESTED = "the socket takes no more at present"
    UNSENDABLE = "the operating system refused it"
    NOT_IKE = "it is ESP or a keepalive"


@dataclass(frozen=True, slots=True)
class UdpSockets:
    """The two sockets, bound; whoever carries on them closes them."""

    address: IpAddress
    ike: socket.socket
    nat: socket.socket

    @property
    def port(self) -> int:
        """The IKE port."""
        return _port_of(self.ike)

    @property
    def nat_port(self) -> int:
        """The NAT traversal port."""
        return _port_of(self.nat)

    def close(self) -> None:
        """Give both ports back."""
        self.ike.close()
        self.nat.close()


class UdpCarrier(Generic[E]):
    """Carries IKE between one address of ours and real peers.

    `endpoint` makes an endpoint of an address and a port. `deliver` takes the source, the destination and the IKE
    message of a datagram that came in, and `deliver_esp`, where there is one, the encapsulated ESP of one on the port
    for that; `before_input` is called before either, and brings the device up to now.
    """

    def __init__(
        self,
        sockets: UdpSockets,
        *,
        endpoint: Callable[[IpAddress, int], E],
        deliver: Callable[[E, E, bytes], None],
        before_input: Callable[[], object],
        deliver_esp: Callable[[E, E, bytes], object] | None = None,
    ) -> None:
        self._sockets = sockets
        self._deliver_esp = deliver_esp
        self._endpoint = endpoint
        self._deliver = deliver
        self._before_input = before_input
        self._ports: dict[int, _Port] = {}
        self._losses = Counter(dict.fromkeys(Loss, 0))
        self._refused: set[IpAddress] = set()

    @property
    def losses(self) -> Mapping[Loss, int]:
        """A copy of the counters of what was lost here: every reason has an entry."""
        return MappingProxyType(dict(self._losses))

    async def start(self) -> None:
        """Begin to carry."""
        loop = asyncio.get_running_loop()
        for each in (self._sockets.ike, self._sockets.nat):
            number = _port_of(each)
            make_port = partial(_Port, partial(self._receive, number), self._lose)
            _, self._ports[number] = await loop.create_datagram_endpoint(make_port, sock=each)

    def close(self) -> None:
        """Carry no more, and give both ports back."""
        for port in self._ports.values():
            port.close()
        self._ports.clear()
        self._sockets.close()

    def send(self, source: E, destination: E, message: bytes) -> None:
        """Send an IKE message, or a keepalive, from one of our two endpoints to a real peer."""
        port = self._ports.get(source.port)
        if source.address != self._sockets.address or port is None:
            self._refuse(source, destination)
            return
        marker = b"" if message == KEEPALIVE else marker_between(source.port, destination.port)
        port.send(marker + message, (str(destination.address), destination.port))

    def _receive(self, number: int, remote: tuple[str, int], datagram: bytes) -> None:
        marker = marker_between(number, remote[1])
        deliver: Callable[[E, E, bytes], object] | None = self._deliver
        if not datagram.startswith(marker):
            is_esp = number == self._sockets.nat_port and datagram != KEEPALIVE
            deliver = self._deliver_esp if is_esp else None
        if deliver is None:
            self._lose(Loss.NOT_IKE)
            return
        self._before_input()
        source = self._endpoint(ip_address(remote[0]), remote[1])
        deliver(source, self._endpoint(self._sockets.address, number), datagram.removeprefix(marker))

    def _lose(self, loss: Loss) -> None:
        self._losses[loss] += 1

    def _refuse(self, source: E, destination: E) -> None:
        """Lose a datagram that is not ours to send; the log says so once for each address."""
        self._lose(Loss.FOREIGN_SOURCE)
        if source.address not in self._refused:
            self._refused.add(source.address)
            own = self._sockets.address
            log.warning("IKE from %s to %s is lost: real peers hear %s alone", source, destination, own)


class _Port(asyncio.DatagramProtocol):
    """One of the two ports, once it is open."""

    def __init__(self, receive: Callable[[tuple[str, int], bytes], None], lose: Callable[[Loss], None]) -> None:
        self._receive = receive
        self._lose = lose
        self._transport: asyncio.DatagramTransport | None = None
        self._is_congested = False

    def send(self, datagram: bytes, remote: tuple[str, int]) -> None:
        """Send, or lose."""
        if self._is_congested or self._transport is None:
            self._lose(Loss.CONGESTED)
        else:
            self._transport.sendto(datagram, remote)

    def close(self) -> None:
        """Drop what waits, and close the socket."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is watched from now on."""
        # Its methods say what it is, its class does not before Python 3.12.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """A datagram came in; the address of one of IPv6 has more than these two parts."""
        self._receive(addr, data)

    def error_received(self, exc: Exception) -> None:
        """The operating system would not send something, or has heard that something did not arrive."""
        self._lose(Loss.UNSENDABLE)

    def pause_writing(self) -> None:
        """The socket takes no more at present."""
        self._is_congested = True

    def resume_writing(self) -> None:
        """The socket takes datagrams again."""
        self._is_congested = False


def marker_between(local_port: int, remote_port: int) -> bytes:
    """Return what stands before an IKE message between two ports: the marker or nothing."""
    return b"" if UNMARKED_PORT in (local_port, remote_port) else NON_ESP_MARKER


def bind(address: IpAddress, port: int, nat_port: int) -> UdpSockets:
    """Bind both ports of an address; port 0 takes a free one. OSError says which could not be had."""
    ike = _bind(address, port)
    try:
        return UdpSockets(address, ike, _bind(address, nat_port))
    except OSError:
        ike.close()
        raise


def _bind(address: IpAddress, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    try:
        bound.bind((str(address), port))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"UDP port {port} of {address}: {error.strerror}") from error
    return bound


def _port_of(bound: socket.socket) -> int:
    port = bound.getsockname()[1]
    assert isinstance(port, int)
    return port
