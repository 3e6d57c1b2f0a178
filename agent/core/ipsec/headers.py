"""The IP headers in front of what is protected: a tunnel's own (RFC 2401 sec. 5.1.2), or the packet's, adapted.

Of a tunnel's header the type of service is copied from the inner one, congestion bits included, and on the way out of
the tunnel the inner one is left as it is (RFC 2401 sec. 5.1.2.1); the time to live and the addresses are the tunnel's.
"""

from collections.abc import Callable
from struct import Struct
from typing import Final

from agent.core.identifiers import Address
from agent.core.ip import flow, ipv4, ipv6, udp
from agent.core.ip.checksum import MODULUS, checksum, complement, pseudo_header
from agent.core.ip.packet import (
    DONT_FRAGMENT,
    IPV4,
    IPV4_OCTETS,
    IPV6,
    IPV6_OCTETS,
    MOST_OCTETS,
    UDP,
    MalformedPacket,
)
from agent.core.ipsec.path import DfRule, Path

_IPV4: Final = Struct("!BBHHHBBH8s")
_IPV6: Final = Struct("!IHBB32s")
_IDENTIFICATION: Final = 0xFFFF
_IPV4_FIRST: Final = 4 << 4 | IPV4_OCTETS // 4


class TunnelHeader:
    """Makes the outer headers of one SA. `protocol` is what follows: ESP, AH or UDP.

    Around IPv6 an IPv4 header lets routers fragment: its sender is told by the gateway what is too big (RFC 4213
    sec. 3.2.1).
    """

    __slots__ = ("_addresses", "_df", "_fixed_sum", "_identify", "_is_ipv4", "_protocol", "_ttl", "octets")

    def __init__(self, path: Path, protocol: int, identify: Callable[[], int]) -> None:
        self._is_ipv4 = path.local.version == 4
        self._addresses = path.local.packed + path.remote.packed
        self._protocol, self._ttl, self._df = protocol, path.ttl, path.df
        self._identify = identify
        fixed = bytes((_IPV4_FIRST, 0)) + bytes(6) + bytes((path.ttl, protocol)) + bytes(2) + self._addresses
        self._fixed_sum = int.from_bytes(fixed) % MODULUS + MODULUS
        self.octets = IPV4_OCTETS if self._is_ipv4 else IPV6_OCTETS

    def split(self, packet: bytes) -> tuple[bytes, bytes, int]:
        """Return what the header is made after, what is protected, and the protocol of that."""
        return packet, packet, IPV4 if packet[0] >> 4 == 4 else IPV6

    def make(self, inner: bytes, octets: int) -> bytes:
        """Return the header for an inner packet that has become as long as this."""
        is_inner_ipv4 = inner[0] >> 4 == 4
        if not self._is_ipv4:
            first = 6 << 28 | inner[1] << 20 if is_inner_ipv4 else int.from_bytes(inner[:4])
            return _IPV6.pack(first, octets, self._protocol, self._ttl, self._addresses)
        tos = inner[1] if is_inner_ipv4 else (inner[0] & 15) << 4 | inner[1] >> 4
        length = IPV4_OCTETS + octets
        number = self._identify() & _IDENTIFICATION
        if self._df is DfRule.COPY:
            flags = inner[6] << 8 & DONT_FRAGMENT if is_inner_ipv4 else 0
        else:
            flags = DONT_FRAGMENT if self._df is DfRule.SET else 0
        sum_ = complement(self._fixed_sum + tos + length + number + flags)
        return _IPV4.pack(_IPV4_FIRST, tos, length, number, flags, self._ttl, self._protocol, sum_, self._addresses)


class TransportHeader:
    """Adapts the header of each packet of one SA (RFC 2402 sec. 3.1.1, RFC 2406 sec. 3.1.1)."""

    __slots__ = ("_protocol", "octets")

    def __init__(self, protocol: int) -> None:
        self._protocol = protocol
        self.octets = 0

    def split(self, packet: bytes) -> tuple[bytes, bytes, int]:
        """Return the header, what is protected, and the protocol of that. Raises MalformedPacket."""
        if packet[0] >> 4 == 4:
            start, named_at = ipv4.header_octets(packet), 9
            is_fragment = ipv4.is_fragment(packet)
        else:
            layout = ipv6.layout(packet)
            start, named_at = layout.protected_part()
            is_fragment = layout.fragment is not None
        if is_fragment:
            raise MalformedPacket("transport mode protects whole datagrams")
        front = packet[:named_at] + bytes((self._protocol,)) + packet[named_at + 1 : start]
        return front, packet[start:], packet[named_at]

    def make(self, front: bytes, octets: int) -> bytes:
        """Return the header in front of what has become as long as this."""
        return with_length(front, octets)


def with_length(header: bytes, octets: int) -> bytes:
    """Return a header, extensions included, for a payload of another length."""
    if header[0] >> 4 == 4:
        return ipv4.with_checksum(header[:2] + (len(header) + octets).to_bytes(2) + header[4:])
    return header[:4] + (len(header) - IPV6_OCTETS + octets).to_bytes(2) + header[6:]


def restored(header: bytes, named_at: int, protocol: int, payload: bytes) -> bytes:
    """Return the packet that a transport mode packet has protected."""
    return with_length(header[:named_at] + bytes((protocol,)) + header[named_at + 1 :], len(payload)) + payload


def udp_encapsulated(path: Path, esp: bytes) -> bytes:
    """Return the UDP datagram of ESP octets (RFC 3948 sec. 2.1): without a checksum, which IPv6 alone insists on."""
    assert path.ports is not None
    octets = udp.OCTETS + len(esp)
    header = udp.HEADER.pack(path.ports.local, path.ports.remote, octets, 0)
    if path.local.version == 4:
        return header + esp
    sum_ = checksum(pseudo_header(path.local, path.remote, UDP, octets) + header + esp)
    return header[:6] + (sum_ or MOST_OCTETS).to_bytes(2) + esp


def answering_address(path: Path, packet: bytes) -> Address:
    """Return the address a gateway answers a packet's source from: its own where it is a hop, or else the goal's.

    A tunnel may carry another version than its own. Whoever has forwarded the packet to a gateway that is none may have
    the same address, and takes no errors from itself.
    """
    if path.forwards and (packet[0] >> 4) == path.local.version:
        return path.local
    return flow.endpoints(packet)[1]
