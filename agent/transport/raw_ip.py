"""Protected packets on the real network: whole IP packets out, and those of ESP and AH in (RFC 2402, 2406).

With them come the errors that tell of a path on which they are too long (RFC 1191, RFC 8201). What leaves is sent with
the headers it has, be it ESP, AH, or ESP in UDP; what arrives in UDP comes by the socket that has the port. For root.
Invariant: what cannot be sent at once is lost, and counted; where it is too long, it is told what would not have been.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from struct import pack
from types import MappingProxyType
from typing import Final

from agent.transport.endpoint import IpAddress

ESP: Final = 50
AH: Final = 51
ICMP: Final = 1
ICMPV6: Final = 58
PACKETS_A_TURN: Final = 64

_LONGEST: Final = 0xFFFF
_HOPS: Final = 64
_SOL_RAW, _ICMP_FILTER, _ICMPV6_FILTER = 255, 1, 1
_ICMP_UNREACHABLE, _ICMPV6_TOO_BIG = 3, 2
_MTU_OPTION: Final = MappingProxyType({4: (socket.IPPROTO_IP, 14), 6: (socket.IPPROTO_IPV6, 24)})
"""IP_MTU and IPV6_MTU of Linux, by the version of IP: what the route of a connected socket takes."""
_DISCARD_PORT: Final = 9
_TOO_BIG_CODE: Final[Mapping[int, bytes]] = MappingProxyType({ICMP: b"\x03\x04", ICMPV6: b"\x02\x00"})
"""Type and code of the errors that are heard."""


class RawIp:
    """Sockets for one address of ours: one sends, one is asked about paths, the others receive a protocol each."""

    def __init__(self, address: IpAddress) -> None:
        """Open them. OSError where that is not allowed."""
        self.lost = 0
        """Packets that could not be sent."""
        self.on_too_long: Callable[[bytes, int], object] = lambda packet, mtu: None
        """Called with a packet that could not be sent because it is longer than so many octets."""
        self._address = address
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        self._asking = socket.socket(family, socket.SOCK_DGRAM)
        self._asking.bind((str(address), 0))
        self._out = _raw(family, socket.IPPROTO_RAW)
        self._in = {protocol: _raw(family, protocol) for protocol in (ESP, AH)}
        errors = ICMP if address.version == 4 else ICMPV6
        self._in[errors] = _raw(family, errors)
        _hear_too_big(self._in[errors], errors)
        for each in self._in.values():
            each.bind((str(address), 0))
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(
        self, deliver: Callable[[IpAddress, IpAddress, bytes], object], before_input: Callable[[], object]
    ) -> None:
        """Begin to hand over packets, with where they come from and go to, in the loop that runs.

        `before_input` is called before, and brings the device up to now.
        """
        self._loop = asyncio.get_running_loop()
        for protocol, each in self._in.items():
            self._loop.add_reader(each, self._on_readable, protocol, each, deliver, before_input)

    def send(self, source: IpAddress, destination: IpAddress, packet: bytes) -> None:
        """Send a whole packet as it is, or lose it. Those of another source than our address are not ours to send."""
        if source != self._address:
            self.lost += 1
            return
        try:
            self._out.sendto(packet, (str(destination), 0))
        except OSError as error:
            self.lost += 1
            mtu = self._mtu_towards(destination) if error.errno == errno.EMSGSIZE else None
            if mtu is not None:
                self.on_too_long(packet, mtu)

    def _mtu_towards(self, destination: IpAddress) -> int | None:
        """Return how long a packet to a destination may be, in octets, if the kernel says it."""
        try:
            self._asking.connect((str(destination), _DISCARD_PORT))  # sends nothing: the route is looked up
            return self._asking.getsockopt(*_MTU_OPTION[self._address.version])
        except OSError:
            return None

    def close(self) -> None:
        """Close them."""
        self._asking.close()
        for each in self._in.values():
            if self._loop is not None:
                self._loop.remove_reader(each)
            each.close()
        self._out.close()

    def _on_readable(
        self,
        protocol: int,
        receiving: socket.socket,
        deliver: Callable[[IpAddress, IpAddress, bytes], object],
        before_input: Callable[[], object],
    ) -> None:
        before_input()
        for _ in range(PACKETS_A_TURN):
            try:
                octets, remote = receiving.recvfrom(_LONGEST)
            except OSError:
                return
            if _is_heard(protocol, octets):
                source = ip_address(remote[0])
                deliver(source, self._address, self._whole(protocol, source, octets))

    def _whole(self, protocol: int, source: IpAddress, octets: bytes) -> bytes:
        """Return a packet with its header, which of IPv6 is not handed over: what can change on the way is made up."""
        if self._address.version == 4:
            return octets
        front = pack("!IHBB", 6 << 28, len(octets), protocol, _HOPS)
        return front + source.packed + self._address.packed + octets


def _hear_too_big(errors: socket.socket, protocol: int) -> None:
    """Have the kernel keep the other types of messages to itself: a set bit is a type that is not heard."""
    if protocol == ICMP:
        errors.setsockopt(_SOL_RAW, _ICMP_FILTER, pack("I", ~(1 << _ICMP_UNREACHABLE) & 0xFFFFFFFF))
        return
    errors.setsockopt(
        socket.IPPROTO_ICMPV6, _ICMPV6_FILTER, pack("8I", ~(1 << _ICMPV6_TOO_BIG) & 0xFFFFFFFF, *7 * [0xFFFFFFFF])
    )


def _is_heard(protocol: int, octets: bytes) -> bool:
    """Whether a packet is for the device: of ICMP over IPv4, the header of IP comes with the message."""
    wanted = _TOO_BIG_CODE.get(protocol)
    start = (octets[0] & 0x0F) * 4 if protocol == ICMP else 0
    return wanted is None or octets[start : start + 2] == wanted


def _raw(family: socket.AddressFamily, protocol: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    return made
