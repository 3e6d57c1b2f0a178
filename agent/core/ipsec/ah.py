"""The Authentication Header (RFC 2402): next header, length, SPI, sequence number, ICV, in front of the payload.

The ICV covers the IP header as well, as the destination will see it, with zeros for what may change on the way
(sec. 3.3.3 and appendix A).
"""

from hmac import compare_digest
from struct import Struct
from typing import Final

from agent.core.ip import ipv4, ipv6
from agent.core.ip.packet import (
    DESTINATION_OPTIONS,
    HOP_BY_HOP,
    IPV4_OCTETS,
    IPV6_OCTETS,
    ROUTING,
    MalformedPacket,
)
from agent.core.ipsec.authentication import ICV_OCTETS, mac
from agent.core.ipsec.refusal import DropReason, Refused
from agent.core.ipsec.sa import IpsecSa, SaProtocol

OCTETS: Final = 24
"""AH with an ICV of 96 bits: whole 64-bit words, as IPv6 wants it."""

_HEADER: Final = Struct("!BBHII")
_LENGTH: Final = OCTETS // 4 - 2
"""In 32-bit words, less two (sec. 2.2)."""
_NO_ICV: Final = bytes(ICV_OCTETS)

_IMMUTABLE_OPTIONS: Final = frozenset({ipv4.NO_OPERATION, 130, 133, 134, 148, 149})
"""Security, extended and commercial security, router alert, selective directed delivery (appendix A1)."""
_SOURCE_ROUTES: Final = frozenset({131, 137})
_ADDRESS_OCTETS: Final = 4
_MAY_CHANGE: Final = 0x20
"""Bit of an IPv6 option's type: its data may change on the way (RFC 8200 sec. 4.2)."""


def aux_spi(sa: IpsecSa) -> int:
    """Return the SPI of the SA's AH."""
    return int(sa.aux_spi if sa.protocol is SaProtocol.AH_ESP else sa.spi)


class AhSealer:
    """Authenticates the packets of one outbound SA."""

    __slots__ = ("_mac", "_spi")

    def __init__(self, sa: IpsecSa) -> None:
        assert sa.authentication_algorithm is not None
        self._mac = mac(sa.authentication_algorithm, sa.keys.authentication)
        self._spi = aux_spi(sa)

    def seal(self, number: int, header: bytes, payload: bytes, next_header: int) -> bytes:
        """Return AH and payload. `header` is the IP header, extensions included, of the packet that they make.

        Raises MalformedPacket where its options or extensions are cut.
        """
        front = _HEADER.pack(next_header, _LENGTH, 0, self._spi, number)
        covered = immutable(at_destination(header))
        return front + self._mac(b"".join((covered, front, _NO_ICV, payload)))[:ICV_OCTETS] + payload


class AhOpener:
    """Verifies the packets of one inbound SA."""

    __slots__ = ("_mac",)

    def __init__(self, sa: IpsecSa) -> None:
        assert sa.authentication_algorithm is not None
        self._mac = mac(sa.authentication_algorithm, sa.keys.authentication)

    def open(self, header: bytes, octets: bytes) -> tuple[bytes, int]:
        """Return the payload of AH and its protocol. Raises Refused, and MalformedPacket for the IP header."""
        if len(octets) < OCTETS or octets[1] != _LENGTH:
            raise Refused(DropReason.MALFORMED)
        covered = b"".join((immutable(header), octets[: _HEADER.size], _NO_ICV, octets[OCTETS:]))
        if not compare_digest(self._mac(covered)[:ICV_OCTETS], octets[_HEADER.size : OCTETS]):
            raise Refused(DropReason.AUTHENTICATION)
        return octets[OCTETS:], octets[0]


def immutable(header: bytes) -> bytes:
    """Return an IP header with zeros for all that may change on the way. Raises MalformedPacket."""
    if header[0] >> 4 == 6:
        # Class, flow label and hop limit.
        fixed = b"\x60\0\0\0" + header[4:7] + b"\0" + header[8:IPV6_OCTETS]
        return fixed if len(header) == IPV6_OCTETS else fixed + _immutable_extensions(header)
    # Type of service, flags and fragment offset, time to live, checksum.
    fixed = b"".join((header[:1], b"\0", header[2:6], b"\0\0\0", header[9:10], b"\0\0", header[12:IPV4_OCTETS]))
    return fixed if len(header) == IPV4_OCTETS else fixed + _immutable_options(header[IPV4_OCTETS:])


def _immutable_options(octets: bytes) -> bytes:
    kept = bytearray(octets)
    for kind, start, end in ipv4.options(octets):
        if kind not in _IMMUTABLE_OPTIONS:
            kept[start:end] = bytes(end - start)
    return bytes(kept)


def _immutable_extensions(header: bytes) -> bytes:
    kept = bytearray(header)
    for each in _extensions(header):
        if each.kind in (HOP_BY_HOP, DESTINATION_OPTIONS):
            for kind, start, end in ipv6.options(header, each.start, each.end):
                if kind & _MAY_CHANGE:
                    kept[start:end] = bytes(end - start)
    return bytes(kept[IPV6_OCTETS:])


def _extensions(header: bytes) -> tuple[ipv6.Extension, ...]:
    """Return the extensions of a header without what follows: AH, which is no extension that is looked into."""
    return ipv6.layout(header).extensions


def at_destination(header: bytes) -> bytes:
    """Return an IP header as it will arrive where a source route ends (appendix A). Raises MalformedPacket."""
    if header[0] >> 4 == 6:
        return header if len(header) == IPV6_OCTETS else _after_routing(header)
    return header if len(header) == IPV4_OCTETS else _after_source_route(header)


def _after_source_route(header: bytes) -> bytes:
    for kind, start, end in ipv4.options(header[IPV4_OCTETS:]):
        if kind in _SOURCE_ROUTES:
            octets = header[IPV4_OCTETS + start : IPV4_OCTETS + end]
            if len(octets) < 3 + _ADDRESS_OCTETS or octets[2] > len(octets):
                # No address, or all of them passed.
                continue
            return header[:16] + octets[-_ADDRESS_OCTETS:] + header[IPV4_OCTETS:]
    return header


def _after_routing(header: bytes) -> bytes:
    for each in _extensions(header):
        if each.kind == ROUTING and header[each.start + 2] == 0:
            return _rotated(header, each.start, each.end)
    return header


def _rotated(header: bytes, start: int, end: int) -> bytes:
    """Return a header of which the addresses in a routing header of type 0 have all been visited."""
    left = header[start + 3]
    first = end - 16 * left
    if first < start + 8:
        raise MalformedPacket("a routing header with more segments than addresses")
    if not left:
        return header
    visited = header[24:40] + header[first : end - 16]
    destination = header[end - 16 : end]
    return (
        header[:24] + destination + header[40 : start + 3] + b"\0" + header[start + 4 : first] + visited + header[end:]
    )
