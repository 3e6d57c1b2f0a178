"""What is known of the paths of outbound SAs: from routers (RFC 1191, RFC 2401 sec. 6.1.2), and from here.

An error that quotes a packet of ours lowers the MTU of its SA, never below what every path carries, for ten minutes:
nobody authenticates it. What the network here does not take is known, and holds as long.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent.core.ip import flow, icmp
from agent.core.ip.packet import AH, ESP, IPV4_OCTETS, IPV6_LEAST_MTU, IPV6_OCTETS, UDP, MalformedPacket
from agent.core.ip.udp import OCTETS as UDP_OCTETS
from agent.core.ipsec.outbound import OutboundSa
from agent.core.world import SECOND

LASTS_US: Final = 600 * SECOND
"""How long an MTU holds (RFC 1191 sec. 6.3)."""
IPV4_LEAST_MTU: Final = 576
"""Less is not believed, though a path may be smaller: it would make a flood of fragments."""

_SPI_AT: Final[Mapping[int, int]] = MappingProxyType({ESP: 0, AH: 4, UDP: UDP_OCTETS})
_SPI_OCTETS: Final = 4

_Key = tuple[bytes, int]
"""The far end of an SA and its SPI there."""


class PathMtus:
    """Lowers the MTU of outbound SAs and raises it again."""

    def __init__(self) -> None:
        self._outbound: dict[_Key, OutboundSa] = {}
        self._learned: dict[_Key, int] = {}

    def attach(self, outbound: OutboundSa) -> None:
        """Learn of an SA's path from now on."""
        self._outbound[_key(outbound)] = outbound

    def detach(self, outbound: OutboundSa) -> None:
        """Learn nothing of it any more."""
        self._outbound.pop(_key(outbound), None)
        self._learned.pop(_key(outbound), None)

    def learn(self, packet: bytes, now: int) -> bool:
        """Take a whole packet, and return whether it is an error about a packet of ours."""
        error = icmp.read_too_big(packet)
        outbound = self._outbound.get(_quoted(error[1])) if error is not None else None
        if error is None or outbound is None:
            return False
        least = IPV4_LEAST_MTU if packet[0] >> 4 == 4 else IPV6_LEAST_MTU
        self._lower(outbound, max(least, error[0]), now)
        return True

    def note_too_long(self, wire: bytes, mtu: int, now: int) -> None:
        """Take it that a packet of ours could not be sent because it is longer than so many octets."""
        outbound = self._outbound.get(_quoted(wire))
        if outbound is not None:
            self._lower(outbound, mtu, now)

    def _lower(self, outbound: OutboundSa, mtu: int, now: int) -> None:
        if mtu < outbound.mtu:
            outbound.set_mtu(mtu)
            key = _key(outbound)
            self._learned.pop(key, None)
            self._learned[key] = now + LASTS_US

    def expire(self, now: int) -> None:
        """Have paths carry what they are configured to where an error was long ago."""
        while self._learned:
            key, deadline = next(iter(self._learned.items()))
            if deadline > now:
                return
            del self._learned[key]
            self._outbound[key].set_mtu(self._outbound[key].path.mtu)


def _key(outbound: OutboundSa) -> _Key:
    spis = outbound.sa.spis
    return outbound.path.remote.packed, int(spis[0][1])


def _quoted(packet: bytes) -> _Key:
    """Return the far end and the SPI of the beginning of a packet; an SPI that nobody has where it is not ours."""
    nothing = b"", 0
    if len(packet) < IPV4_OCTETS or (packet[0] >> 4 == 6 and len(packet) < IPV6_OCTETS):
        return nothing
    try:
        protocol, start = flow.carried(packet)
    except MalformedPacket:
        return nothing
    if protocol not in _SPI_AT:
        return nothing
    destination = packet[16:20] if packet[0] >> 4 == 4 else packet[24:40]
    start += _SPI_AT[protocol]
    return destination, int.from_bytes(packet[start : start + _SPI_OCTETS])
