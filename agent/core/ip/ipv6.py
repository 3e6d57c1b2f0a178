"""IPv6 headers (RFC 8200 sec. 3) and the extension headers between them and what they carry (sec. 4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address
from struct import Struct
from typing import Final

from agent.core.ip.packet import (
    DESTINATION_OPTIONS,
    FRAGMENT,
    HOP_BY_HOP,
    IPV6_OCTETS,
    ROUTING,
    MalformedPacket,
    whole,
)

_HEADER: Final = Struct("!IHBB16s16s")
_UNIT: Final = 8
_NEXT_HEADER_AT: Final = 6
_EXTENSIONS: Final = frozenset({HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS})
_ON_THE_WAY: Final = frozenset({HOP_BY_HOP, ROUTING, FRAGMENT})
"""Extensions that are read on the way: they and what is in front of them stay outside of what is protected."""
PAD1: Final = 0


@dataclass(frozen=True, slots=True)
class Ipv6Header:
    """An IPv6 header without its length."""

    next_header: int
    source: IPv6Address
    destination: IPv6Address
    hop_limit: int = 64
    traffic_class: int = 0
    flow_label: int = 0

    def encode(self, payload_octets: int) -> bytes:
        """Return the header for a payload, extension headers included, of a length."""
        first = 6 << 28 | self.traffic_class << 20 | self.flow_label
        addresses = self.source.packed, self.destination.packed
        return _HEADER.pack(first, payload_octets, self.next_header, self.hop_limit, *addresses)


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension header: its kind, where it begins and ends, and which octet of the packet names its kind."""

    kind: int
    start: int
    end: int
    named_at: int


@dataclass(frozen=True, slots=True)
class Layout:
    """How a packet is laid out: its extensions, then a protocol, where that begins, which octet names it."""

    extensions: tuple[Extension, ...]
    protocol: int
    offset: int
    named_at: int

    @property
    def fragment(self) -> Extension | None:
        """The fragment header."""
        return next((each for each in self.extensions if each.kind == FRAGMENT), None)

    def protected_part(self) -> tuple[int, int]:
        """Return where AH or ESP is to be inserted, and which octet names what follows (RFC 2402 sec. 3.1.1).

        That is behind whatever is read on the way; destination options in front of a routing header are, too.
        """
        start, named_at = IPV6_OCTETS, _NEXT_HEADER_AT
        for each in self.extensions:
            if each.kind in _ON_THE_WAY:
                start, named_at = each.end, each.start
        return start, named_at


def decode(packet: bytes) -> tuple[Ipv6Header, bytes]:
    """Return the header and what follows it, extensions included. Raises MalformedPacket."""
    packet = whole(packet)
    if packet[0] >> 4 != 6:
        raise MalformedPacket("not version 6")
    first, _, next_header, hop_limit, source, destination = _HEADER.unpack_from(packet)
    header = Ipv6Header(
        next_header=next_header,
        source=IPv6Address(source),
        destination=IPv6Address(destination),
        hop_limit=hop_limit,
        traffic_class=first >> 20 & 0xFF,
        flow_label=first & 0xFFFFF,
    )
    return header, packet[IPV6_OCTETS:]


def layout(packet: bytes) -> Layout:
    """Return how a whole packet is laid out. Raises MalformedPacket where an extension header is cut.

    Of a fragment that is not the first, nothing behind its fragment header can be read, so it ends there.
    """
    extensions: list[Extension] = []
    kind, start, named_at = packet[_NEXT_HEADER_AT], IPV6_OCTETS, _NEXT_HEADER_AT
    while kind in _EXTENSIONS:
        if start + _UNIT > len(packet):
            raise MalformedPacket("an extension header that is cut")
        end = start + (_UNIT if kind == FRAGMENT else _UNIT * (1 + packet[start + 1]))
        if end > len(packet):
            raise MalformedPacket("an extension header that is cut")
        extensions.append(Extension(kind, start, end, named_at))
        is_later_fragment = kind == FRAGMENT and (packet[start + 2] << 8 | packet[start + 3]) >> 3
        kind, named_at, start = packet[start], start, end
        if is_later_fragment:
            break
    return Layout(tuple(extensions), kind, start, named_at)


def options(octets: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield the type of each option of an extension header, and where its data begin and end.

    Raises MalformedPacket where one is cut.
    """
    at = start + 2
    while at < end:
        if octets[at] == PAD1:
            at += 1
            continue
        if at + 2 > end or at + 2 + octets[at + 1] > end:
            raise MalformedPacket("an option that is cut")
        yield octets[at], at + 2, at + 2 + octets[at + 1]
        at += 2 + octets[at + 1]
