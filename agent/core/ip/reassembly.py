"""Puts fragments together again (RFC 791 sec. 3.2, RFC 815, RFC 8200 sec. 4.5).

A datagram of which two fragments overlap is thrown away as a whole, for either version (RFC 5722): overlaps serve
attacks alone. Memory and work are bounded: the oldest datagrams make room. Time is passed in.
"""

from dataclasses import dataclass, field
from typing import Final

from agent.core.ip import ipv4, ipv6
from agent.core.ip.fragmentation import UNIT
from agent.core.ip.packet import IPV6_OCTETS, MORE_FRAGMENTS, MOST_OCTETS, OFFSET_MASK, MalformedPacket
from agent.core.world import SECOND

TIMEOUT_US: Final = 60 * SECOND
"""How long the first fragment that arrives waits for the others (RFC 1122 sec. 3.3.2, RFC 8200 sec. 4.5)."""
MOST_HELD_OCTETS: Final = 1 << 20
"""How much of datagrams that are not complete is held."""
MOST_DATAGRAMS: Final = 1024
"""How many of them."""
MOST_PIECES: Final = 256
"""How many fragments a datagram may have: twice what the longest one has on a path of 576 octets."""

_Key = tuple[bytes, int, int]


@dataclass(frozen=True, slots=True)
class _Fragment:
    key: _Key
    header: bytes
    payload: bytes
    offset: int
    is_last: bool


@dataclass(slots=True)
class _Datagram:
    deadline: int
    pieces: dict[int, bytes] = field(default_factory=dict)
    header: bytes | None = None
    total: int | None = None
    octets: int = 0
    is_refused: bool = False


class Reassembler:
    """Holds fragments until their datagram is complete.

    Counts the datagrams that were `refused` (their fragments overlap, or are too many), `timed_out` and `evicted`.
    """

    def __init__(self, most_octets: int = MOST_HELD_OCTETS) -> None:
        self._most_octets = most_octets
        self._datagrams: dict[_Key, _Datagram] = {}
        self.held_octets = 0
        self.refused = 0
        self.timed_out = 0
        self.evicted = 0

    def __len__(self) -> int:
        return len(self._datagrams)

    @property
    def failed(self) -> int:
        """How many datagrams never became complete."""
        return self.refused + self.timed_out + self.evicted

    def add(self, packet: bytes, now: int) -> bytes | None:
        """Take a whole packet that is a fragment, and return the datagram that it completes.

        `now` is device time. Raises MalformedPacket for one that no datagram has.
        """
        self.expire(now)
        piece = _read(packet)
        datagram = self._datagrams.setdefault(piece.key, _Datagram(now + TIMEOUT_US))
        if datagram.is_refused or datagram.pieces.get(piece.offset) == piece.payload:
            return None
        if _overlaps(datagram, piece) or len(datagram.pieces) == MOST_PIECES:
            self._refuse(datagram)
            return None
        self._keep(datagram, piece)
        if datagram.octets != datagram.total or datagram.header is None:
            self._make_room()
            return None
        payload = b"".join(datagram.pieces[at] for at in sorted(datagram.pieces))
        self._drop(piece.key)
        return _joined(datagram.header, payload)

    def expire(self, now: int) -> None:
        """Throw away what has waited for too long."""
        while self._datagrams:
            key, oldest = next(iter(self._datagrams.items()))
            if oldest.deadline > now:
                return
            self.timed_out += not oldest.is_refused
            self._drop(key)

    def _refuse(self, datagram: _Datagram) -> None:
        """Take no fragment of a datagram any more; it stays known until its time is over."""
        self.refused += 1
        self._empty(datagram)
        datagram.is_refused = True

    def _keep(self, datagram: _Datagram, piece: _Fragment) -> None:
        datagram.pieces[piece.offset] = piece.payload
        datagram.octets += len(piece.payload)
        self.held_octets += len(piece.payload)
        if piece.offset == 0:
            datagram.header = piece.header
        if piece.is_last:
            datagram.total = piece.offset + len(piece.payload)

    def _make_room(self) -> None:
        while self.held_octets > self._most_octets or len(self._datagrams) > MOST_DATAGRAMS:
            key, oldest = next(iter(self._datagrams.items()))
            self.evicted += not oldest.is_refused
            self._drop(key)

    def _drop(self, key: _Key) -> None:
        self._empty(self._datagrams.pop(key))

    def _empty(self, datagram: _Datagram) -> None:
        self.held_octets -= datagram.octets
        datagram.octets = 0
        datagram.pieces.clear()


def _overlaps(datagram: _Datagram, piece: _Fragment) -> bool:
    """Whether a piece lies over another, or beyond an end that is known or that it sets."""
    end = piece.offset + len(piece.payload)
    if datagram.total is not None and (end > datagram.total or piece.is_last):
        return True
    return any(
        (piece.is_last and at + len(each) > end) or (at < end and piece.offset < at + len(each))
        for at, each in datagram.pieces.items()
    )


def _read(packet: bytes) -> _Fragment:
    piece = _read_ipv4(packet) if packet[0] >> 4 == 4 else _read_ipv6(packet)
    if not piece.payload or not (piece.is_last or len(piece.payload) % UNIT == 0):
        raise MalformedPacket("a fragment that is not whole units")
    if len(piece.header) + piece.offset + len(piece.payload) > MOST_OCTETS:
        raise MalformedPacket("a fragment beyond the longest packet")
    return piece


def _read_ipv4(packet: bytes) -> _Fragment:
    octets, cut = ipv4.header_octets(packet), int.from_bytes(packet[6:8])
    key = packet[12:20], packet[9], int.from_bytes(packet[4:6])
    offset = (cut & OFFSET_MASK) * UNIT
    return _Fragment(key, packet[:octets], packet[octets:], offset, not cut & MORE_FRAGMENTS)


def _read_ipv6(packet: bytes) -> _Fragment:
    extension = ipv6.layout(packet).fragment
    if extension is None:
        raise MalformedPacket("no fragment")
    cut = int.from_bytes(packet[extension.start + 2 : extension.start + 4])
    # The next header is not part of the key (RFC 8200 sec. 4.5); the version is, by the length of the addresses.
    key = packet[8:IPV6_OCTETS], -1, int.from_bytes(packet[extension.start + 4 : extension.end])
    named_at = extension.named_at
    header = packet[:named_at] + packet[extension.start : extension.start + 1] + packet[named_at + 1 : extension.start]
    return _Fragment(key, header, packet[extension.end :], cut & ~(UNIT - 1), not cut & 1)


def _joined(header: bytes, payload: bytes) -> bytes:
    if header[0] >> 4 == 6:
        octets = len(header) - IPV6_OCTETS + len(payload)
        return header[:4] + octets.to_bytes(2) + header[6:] + payload
    octets = len(header) + len(payload)
    return ipv4.with_checksum(header[:2] + octets.to_bytes(2) + header[4:6] + bytes(2) + header[8:]) + payload
