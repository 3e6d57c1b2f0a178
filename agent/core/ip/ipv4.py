"""IPv4 headers (RFC 791 sec. 3.1), and the options in them."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from struct import Struct
from typing import Final

from agent.core.ip.checksum import checksum
from agent.core.ip.packet import (
    DONT_FRAGMENT,
    IPV4_OCTETS,
    MORE_FRAGMENTS,
    OFFSET_MASK,
    MalformedPacket,
    whole,
)

_HEADER: Final = Struct("!BBHHHBBH4s4s")
_WORD_OCTETS: Final = 4
_MOST_OPTION_OCTETS: Final = 40
_FRAGMENT_UNIT: Final = 8

END_OF_OPTIONS: Final = 0
NO_OPERATION: Final = 1


@dataclass(frozen=True, slots=True)
class Ipv4Header:
    """An IPv4 header without what follows from it and its payload: its lengths and its checksum.

    `fragment_offset` is in octets. `options` are as on the wire, filled up to whole words.
    """

    protocol: int
    source: IPv4Address
    destination: IPv4Address
    ttl: int = 64
    tos: int = 0
    identification: int = 0
    dont_fragment: bool = False
    more_fragments: bool = False
    fragment_offset: int = 0
    options: bytes = b""

    @property
    def octets(self) -> int:
        """How long the header is."""
        return IPV4_OCTETS + len(self.options)

    def encode(self, payload_octets: int) -> bytes:
        """Return the header for a payload of a length. Raises ValueError for options that do not fit."""
        if len(self.options) > _MOST_OPTION_OCTETS or len(self.options) % _WORD_OCTETS:
            raise ValueError(f"options of {len(self.options)} octets")
        fragmentation = self.fragment_offset // _FRAGMENT_UNIT
        fragmentation |= DONT_FRAGMENT * self.dont_fragment | MORE_FRAGMENTS * self.more_fragments
        header = _HEADER.pack(
            4 << 4 | self.octets // _WORD_OCTETS,
            self.tos,
            self.octets + payload_octets,
            self.identification,
            fragmentation,
            self.ttl,
            self.protocol,
            0,
            self.source.packed,
            self.destination.packed,
        )
        return with_checksum(header + self.options)


def decode(packet: bytes) -> tuple[Ipv4Header, bytes]:
    """Return the header and the payload of a packet. Raises MalformedPacket."""
    packet = whole(packet)
    if packet[0] >> 4 != 4:
        raise MalformedPacket("not version 4")
    _, tos, _, identification, fragmentation, ttl, protocol, _, source, destination = _HEADER.unpack_from(packet)
    octets = header_octets(packet)
    header = Ipv4Header(
        protocol=protocol,
        source=IPv4Address(source),
        destination=IPv4Address(destination),
        ttl=ttl,
        tos=tos,
        identification=identification,
        dont_fragment=bool(fragmentation & DONT_FRAGMENT),
        more_fragments=bool(fragmentation & MORE_FRAGMENTS),
        fragment_offset=(fragmentation & OFFSET_MASK) * _FRAGMENT_UNIT,
        options=packet[IPV4_OCTETS:octets],
    )
    return header, packet[octets:]


def header_octets(packet: bytes) -> int:
    """Return the length of a whole packet's header."""
    return (packet[0] & 15) * _WORD_OCTETS


def is_fragment(packet: bytes) -> bool:
    """Whether a whole packet is a part of a datagram."""
    return bool((packet[6] << 8 | packet[7]) & (MORE_FRAGMENTS | OFFSET_MASK))


def with_checksum(header: bytes) -> bytes:
    """Return a header with the right checksum in place of the one it has."""
    cleared = header[:10] + b"\0\0" + header[12:]
    return cleared[:10] + checksum(cleared).to_bytes(2) + cleared[12:]


def options(octets: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield the type of each option, and where it begins and ends. Raises MalformedPacket where one is cut."""
    start = 0
    while start < len(octets) and octets[start] != END_OF_OPTIONS:
        end = start + 1
        if octets[start] != NO_OPERATION:
            end = start + octets[start + 1] if start + 1 < len(octets) else 0
            if not start + 2 <= end <= len(octets):
                raise MalformedPacket("an option that is cut")
        yield octets[start], start, end
        start = end
