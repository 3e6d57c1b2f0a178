"""What a packet is a part of: its addresses, and the protocol and ports it carries, as far as these can be read."""

from ipaddress import IPv4Address, IPv6Address
from typing import Final

from agent.core.identifiers import Address
from agent.core.ip import ipv4, ipv6
from agent.core.ip.packet import OFFSET_MASK, SCTP, TCP, UDP

_WITH_PORTS: Final = frozenset({TCP, UDP, SCTP})
_PORTS_OCTETS: Final = 4

OPAQUE: Final = -1
"""A port that cannot be read, as in a later fragment (RFC 2401 sec. 4.4.2)."""

Upper = tuple[int, int, int]
"""An upper protocol, its source port and its destination port."""


def endpoints(packet: bytes) -> tuple[Address, Address]:
    """Return source and destination of a whole packet."""
    if packet[0] >> 4 == 4:
        return IPv4Address(packet[12:16]), IPv4Address(packet[16:20])
    return IPv6Address(packet[8:24]), IPv6Address(packet[24:40])


def upper(packet: bytes) -> Upper:
    """Return what a whole packet carries. Raises MalformedPacket where its extension headers are cut."""
    if packet[0] >> 4 == 4:
        is_first = not (packet[6] << 8 | packet[7]) & OFFSET_MASK
        protocol, offset = packet[9], ipv4.header_octets(packet)
    else:
        layout = ipv6.layout(packet)
        fragment = layout.fragment
        is_first = fragment is None or not int.from_bytes(packet[fragment.start + 2 : fragment.start + 4]) >> 3
        protocol, offset = layout.protocol, layout.offset
    if not is_first or protocol not in _WITH_PORTS or offset + _PORTS_OCTETS > len(packet):
        return protocol, OPAQUE, OPAQUE
    return protocol, int.from_bytes(packet[offset : offset + 2]), int.from_bytes(packet[offset + 2 : offset + 4])


def carried(packet: bytes) -> tuple[int, int]:
    """Return the first protocol of a whole packet that is not read on the way, and where it begins.

    Raises MalformedPacket where extension headers are cut.
    """
    if packet[0] >> 4 == 4:
        return packet[9], ipv4.header_octets(packet)
    layout = ipv6.layout(packet)
    return layout.protocol, layout.offset
