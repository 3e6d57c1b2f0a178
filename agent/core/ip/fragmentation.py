"""Cuts packets that are too long for a path into fragments (RFC 791 sec. 3.2, RFC 8200 sec. 4.5)."""

from struct import Struct
from typing import Final

from agent.core.ip import ipv4, ipv6
from agent.core.ip.packet import DONT_FRAGMENT, FRAGMENT, IPV4_OCTETS, IPV6_OCTETS, MORE_FRAGMENTS, OFFSET_MASK

UNIT: Final = 8
"""Fragments but the last are a multiple of that long."""

_FRAGMENT_HEADER: Final = Struct("!BxHI")
_COPIED: Final = 0x80
"""Options of a type with this bit are in every fragment (RFC 791 sec. 3.1)."""
_WORD_OCTETS: Final = 4


def may_fragment(packet: bytes) -> bool:
    """Whether somebody on the way may cut a whole packet."""
    return packet[0] >> 4 == 4 and not (packet[6] << 8) & DONT_FRAGMENT


def fragment(packet: bytes, mtu: int, identification: int = 0) -> tuple[bytes, ...]:
    """Return a whole packet in pieces of at most `mtu` octets; the packet alone where it fits.

    An IPv4 packet has its identification already; an IPv6 one is given it. Raises ValueError where not one unit of
    the payload fits, and MalformedPacket where extension headers are cut.
    """
    if len(packet) <= mtu:
        return (packet,)
    return _ipv4(packet, mtu) if packet[0] >> 4 == 4 else _ipv6(packet, mtu, identification)


def _ipv4(packet: bytes, mtu: int) -> tuple[bytes, ...]:
    header, payload = packet[: ipv4.header_octets(packet)], packet[ipv4.header_octets(packet) :]
    field = int.from_bytes(packet[6:8])
    first, is_last_cut = field & OFFSET_MASK, not field & MORE_FRAGMENTS
    later = _later_header(header)
    pieces, start = list[bytes](), 0
    while start < len(payload):
        front = later if start else header
        end = start + _fitting(mtu - len(front), len(payload) - start)
        more = 0 if end == len(payload) and is_last_cut else MORE_FRAGMENTS
        offset = first + start // UNIT | more | field & DONT_FRAGMENT
        front = front[:2] + (len(front) + end - start).to_bytes(2) + front[4:6] + offset.to_bytes(2) + front[8:]
        pieces.append(ipv4.with_checksum(front) + payload[start:end])
        start = end
    return tuple(pieces)


def _later_header(header: bytes) -> bytes:
    """Return the header of every fragment but the first: only the options that are copied are in it."""
    octets = header[IPV4_OCTETS:]
    kept = b"".join(octets[start:end] for kind, start, end in ipv4.options(octets) if kind & _COPIED)
    kept += bytes(-len(kept) % _WORD_OCTETS)
    return bytes((4 << 4 | (IPV4_OCTETS + len(kept)) // _WORD_OCTETS,)) + header[1:IPV4_OCTETS] + kept


def _ipv6(packet: bytes, mtu: int, identification: int) -> tuple[bytes, ...]:
    start, named_at = ipv6.layout(packet).protected_part()
    kind, payload = packet[named_at], packet[start:]
    front = packet[:named_at] + bytes((FRAGMENT,)) + packet[named_at + 1 : start]
    room = mtu - len(front) - _FRAGMENT_HEADER.size
    pieces, at = list[bytes](), 0
    while at < len(payload):
        end = at + _fitting(room, len(payload) - at)
        cut = _FRAGMENT_HEADER.pack(kind, at | (end < len(payload)), identification)
        octets = len(front) - IPV6_OCTETS + len(cut) + end - at
        pieces.append(front[:4] + octets.to_bytes(2) + front[6:] + cut + payload[at:end])
        at = end
    return tuple(pieces)


def _fitting(room: int, left: int) -> int:
    if left <= room:
        return left
    if room < UNIT:
        raise ValueError(f"{room} octets of a payload do not make a fragment")
    return room // UNIT * UNIT
