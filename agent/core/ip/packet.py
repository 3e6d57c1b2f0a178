"""What packets of either version have in common: whole or not, protocol numbers, what they carry, hops.

Invariant: what `whole` has let through has a header that is there in full, and is as long as it says.
"""

from typing import Final

from agent.core.ip.checksum import MODULUS, complement

IPV4_OCTETS: Final = 20
"""An IPv4 header without options."""
IPV6_OCTETS: Final = 40
"""An IPv6 header without extensions."""
MOST_OCTETS: Final = 0xFFFF
"""The longest IPv4 packet, and the longest payload of an IPv6 one."""
IPV6_LEAST_MTU: Final = 1280
"""Every IPv6 path carries that much (RFC 8200 sec. 5)."""

ICMP: Final = 1
IPV4: Final = 4
TCP: Final = 6
UDP: Final = 17
IPV6: Final = 41
ESP: Final = 50
AH: Final = 51
ICMPV6: Final = 58
SCTP: Final = 132

HOP_BY_HOP: Final = 0
ROUTING: Final = 43
FRAGMENT: Final = 44
DESTINATION_OPTIONS: Final = 60

MORE_FRAGMENTS: Final = 0x2000
DONT_FRAGMENT: Final = 0x4000
OFFSET_MASK: Final = 0x1FFF

_TTL_UNIT: Final = 1 << 8
"""What one hop is worth in the header's sum: the time to live is the upper half of its word."""


class MalformedPacket(Exception):
    """Octets are no packet, or none that can be handled."""


class HopsExceeded(Exception):
    """A packet may not be forwarded once more."""


def whole(packet: bytes) -> bytes:
    """Return a packet without what follows it. Raises MalformedPacket where it is cut or its header is damaged."""
    size = len(packet)
    if size >= IPV4_OCTETS:
        first = packet[0]
        if first >> 4 == 4:
            header, total = (first & 15) << 2, packet[2] << 8 | packet[3]
            if IPV4_OCTETS <= header <= total <= size and not int.from_bytes(packet[:header]) % MODULUS:
                return packet if total == size else packet[:total]
        elif first >> 4 == 6 and size >= IPV6_OCTETS:
            total = IPV6_OCTETS + (packet[4] << 8 | packet[5])
            if total <= size:
                return packet if total == size else packet[:total]
    raise MalformedPacket("no whole packet with an intact header")


def forwarded(packet: bytes) -> bytes:
    """Return a whole packet with one hop less to live (RFC 1812 sec. 5.3.1). Raises HopsExceeded."""
    if packet[0] >> 4 == 6:
        if packet[7] <= 1:
            raise HopsExceeded
        return b"%b%c%b" % (packet[:7], packet[7] - 1, packet[8:])
    if packet[8] <= 1:
        raise HopsExceeded
    # The checksum is the complement of the sum, which gets smaller by the hop.
    total = (MODULUS - (packet[10] << 8 | packet[11])) - _TTL_UNIT
    return b"%b%c%c%b%b" % (
        packet[:8],
        packet[8] - 1,
        packet[9],
        complement(total + MODULUS).to_bytes(2),
        packet[12:],
    )
