"""The errors a gateway answers with when a packet is too big or has no hops left (RFC 792, 1191, 4443).

Nothing is answered that is an error itself, a later fragment, or of no single sender (RFC 1812 sec. 4.3.2.7).
"""

from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import Final

from agent.core.identifiers import Address
from agent.core.ip import flow, ipv6
from agent.core.ip.checksum import checksum, pseudo_header
from agent.core.ip.ipv4 import Ipv4Header, header_octets
from agent.core.ip.packet import ICMP, ICMPV6, IPV6_LEAST_MTU, IPV6_OCTETS, OFFSET_MASK, MalformedPacket

_ERROR: Final = Struct("!BBHI")
_UNREACHABLE: Final = 3
_FRAGMENTATION_NEEDED: Final = 4
_TIME_EXCEEDED: Final = 11
_ICMPV6_TOO_BIG: Final = 2
_ICMPV6_TIME_EXCEEDED: Final = 3
_ICMPV6_FIRST_QUERY: Final = 128
_QUERIES: Final = frozenset({0, 8, 13, 14, 15, 16, 17, 18})
"""Types of ICMP messages that are no errors."""
_QUOTED_OCTETS: Final = 8


def too_big(packet: bytes, mtu: int, sender: Address) -> bytes | None:
    """Return what tells a packet's source the longest packet that passes; None where it must not be told.

    `sender` is the gateway's address, of the same version as the packet.
    """
    if packet[0] >> 4 == 4:
        return _answer(packet, _UNREACHABLE, _FRAGMENTATION_NEEDED, mtu, sender)
    return _answer(packet, _ICMPV6_TOO_BIG, 0, mtu, sender)


def time_exceeded(packet: bytes, sender: Address) -> bytes | None:
    """Return what tells a packet's source that it had no hops left; None where it must not be told."""
    return _answer(packet, _TIME_EXCEEDED if packet[0] >> 4 == 4 else _ICMPV6_TIME_EXCEEDED, 0, 0, sender)


def read_too_big(packet: bytes) -> tuple[int, bytes] | None:
    """Return the MTU that an error names, and the beginning of the packet that was too big; None for anything else."""
    try:
        protocol, offset = flow.carried(packet)
    except MalformedPacket:
        return None
    if len(packet) < offset + _ERROR.size or protocol != (ICMP if packet[0] >> 4 == 4 else ICMPV6):
        return None
    kind, code, _, mtu = _ERROR.unpack_from(packet, offset)
    wanted = (_UNREACHABLE, _FRAGMENTATION_NEEDED) if protocol == ICMP else (_ICMPV6_TOO_BIG, 0)
    covered = packet[offset:] if protocol == ICMP else _with_pseudo_header(packet, offset)
    if (kind, code) != wanted or checksum(covered):
        return None
    return mtu & 0xFFFF if protocol == ICMP else mtu, packet[offset + _ERROR.size :]


def _with_pseudo_header(packet: bytes, offset: int) -> bytes:
    source, destination = flow.endpoints(packet)
    return pseudo_header(source, destination, ICMPV6, len(packet) - offset) + packet[offset:]


def _answer(packet: bytes, kind: int, code: int, parameter: int, sender: Address) -> bytes | None:
    source, _ = flow.endpoints(packet)
    if not _may_be_answered(packet, source):
        return None
    if isinstance(source, IPv4Address):
        assert isinstance(sender, IPv4Address)
        quoted = packet[: header_octets(packet) + _QUOTED_OCTETS]
        message = _ERROR.pack(kind, code, 0, parameter) + quoted
        message = message[:2] + checksum(message).to_bytes(2) + message[4:]
        return Ipv4Header(ICMP, sender, source).encode(len(message)) + message
    assert isinstance(sender, IPv6Address)
    quoted = packet[: IPV6_LEAST_MTU - IPV6_OCTETS - _ERROR.size]
    message = _ERROR.pack(kind, code, 0, parameter) + quoted
    sum_ = checksum(pseudo_header(sender, source, ICMPV6, len(message)) + message)
    message = message[:2] + sum_.to_bytes(2) + message[4:]
    return ipv6.Ipv6Header(ICMPV6, sender, source).encode(len(message)) + message


def _may_be_answered(packet: bytes, source: Address) -> bool:
    if source.is_multicast or source.is_unspecified or source.is_loopback or source == IPv4Address("255.255.255.255"):
        return False
    try:
        protocol, offset = flow.carried(packet)
    except MalformedPacket:
        return False
    if packet[0] >> 4 == 4:
        if int.from_bytes(packet[6:8]) & OFFSET_MASK:
            return False
        return protocol != ICMP or (offset < len(packet) and packet[offset] in _QUERIES)
    return protocol != ICMPV6 or (offset < len(packet) and packet[offset] >= _ICMPV6_FIRST_QUERY)
