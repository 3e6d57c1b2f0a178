"""Takes the protection from the packets of one inbound SA (RFC 2401 sec. 5.2, RFC 2402 and 2406 sec. 3.4).

The number is checked first, then the packet authenticated and decrypted, and only then is the number recorded.
Invariant: a packet is taken at most once, and none that lies below the window.
"""

from typing import Final

from agent.core.config import SaMode
from agent.core.ip.packet import AH, ESP, IPV4, IPV4_OCTETS, IPV6, IPV6_OCTETS, MalformedPacket, whole
from agent.core.ip.udp import OCTETS as UDP_OCTETS
from agent.core.ipsec import ah
from agent.core.ipsec.ah import AhOpener
from agent.core.ipsec.esp import EspOpener, EspShape
from agent.core.ipsec.headers import TransportHeader, restored
from agent.core.ipsec.path import Path
from agent.core.ipsec.refusal import DropReason, Refused, require_usable
from agent.core.ipsec.sa import IpsecSa, SaProtocol

_AH_NUMBER_AT: Final = 8
_ESP_NUMBER_AT: Final = 4
_NUMBER_OCTETS: Final = 4
SPI_OCTETS: Final = 4


class InboundSa:
    """The processing of one inbound SA."""

    __slots__ = ("_ah", "_esp", "_has_ah", "_number_at", "_shape", "_unencrypted", "forwards", "local", "path", "sa")

    def __init__(self, sa: IpsecSa, path: Path) -> None:
        self.sa = sa
        self.path = path
        self._esp: EspOpener | None = None
        self._ah: AhOpener | None = None
        self._shape = None if sa.protocol is SaProtocol.AH else EspShape(sa)
        self.local = path.local.packed
        self.forwards = path.forwards and sa.mode is SaMode.TUNNEL
        self._has_ah = sa.protocol is not SaProtocol.ESP
        self._number_at = _AH_NUMBER_AT if self._has_ah else _ESP_NUMBER_AT
        self._unencrypted = ah.OCTETS * self._has_ah + (0 if self._shape is None else self._shape.plain)

    @property
    def outermost(self) -> SaProtocol:
        """What its packets are on the wire: AH or ESP."""
        return SaProtocol.AH if self._has_ah else SaProtocol.ESP

    def open(self, packet: bytes, start: int, named_at: int) -> bytes:
        """Return the packet that was protected.

        `start` is where AH or ESP begins and `named_at` the octet of the IP header that names it. Raises Refused, and
        MalformedPacket.
        """
        require_usable(self.sa)
        number_at = start + self._number_at
        number = int.from_bytes(packet[number_at : number_at + _NUMBER_OCTETS])
        if not self.sa.replay.is_fresh(number):
            self.sa.statistics.replay_drops += 1
            raise Refused(DropReason.REPLAY)
        try:
            payload, protocol = self._unprotected(packet, start)
        except Refused as refused:
            self._on_refused(refused.drop.reason)
            raise
        sa = self.sa
        if sa.replay.size:
            sa.replay.record(number)
        if sa.mode is SaMode.TUNNEL:
            inner = _inner(payload, protocol)
        else:
            front = packet[: start - UDP_OCTETS] if self.path.ports is not None else packet[:start]
            inner = restored(front, named_at, protocol, payload)
        sa.count(len(payload), len(packet) if self._shape is None else len(packet) - start - self._unencrypted)
        return inner

    def account(self, packet: bytes, first: int, count: int) -> tuple[int, int]:
        """Count packets of the numbers from `first` on, as if as many like this one, protected, had arrived.

        The cost does not grow with them. Return how many were counted, at least one: fewer than `count` where the
        window or a limit divides them, and how many of these were taken. Raises Refused where all are refused.
        """
        require_usable(self.sa)
        replay, usage = self.sa.replay, self.sa.usage
        payload_octets, octets = self._measure(packet)
        if replay.size and first <= replay.top:
            return self._account_old(first, count, payload_octets, octets)
        quiet = max(1, min(count, (usage.mark - usage.bytes - 1) // octets))
        if replay.size:
            replay.record(first)
            replay.record_run(quiet - 1)
        self.sa.count(quiet * payload_octets, quiet * octets, quiet)
        return quiet, quiet

    def octets_of(self, packet: bytes) -> int:
        """Return what a whole packet, before protection, counts for the lifetime."""
        return self._measure(packet)[1]

    def _account_old(self, first: int, count: int, payload_octets: int, octets: int) -> tuple[int, int]:
        """Count numbers that are not above the highest: those below the window at once, those within it one by one."""
        sa = self.sa
        below = min(count, sa.replay.top - sa.replay.size - first + 1)
        if below > 0:
            sa.statistics.replay_drops += below
            return below, 0
        if not sa.replay.is_fresh(first):
            sa.statistics.replay_drops += 1
            return 1, 0
        sa.replay.record(first)
        self.sa.count(payload_octets, octets)
        return 1, 1

    def _measure(self, packet: bytes) -> tuple[int, int]:
        """Return the octets of what is protected of a packet, and those that count for the lifetime."""
        front = b""
        payload = packet
        if self.sa.mode is SaMode.TRANSPORT:
            front, payload, _ = TransportHeader(AH).split(packet)
        if self._shape is not None:
            return len(payload), self._shape.encrypted(len(payload))
        outer = len(front) or (IPV4_OCTETS if self.path.local.version == 4 else IPV6_OCTETS)
        return len(payload), outer + ah.OCTETS + len(payload)

    def _unprotected(self, packet: bytes, start: int) -> tuple[bytes, int]:
        """Return what is protected, and its protocol."""
        octets = packet[start:]
        if not self._has_ah:
            return (self._esp or self._esp_opener()).open(octets)
        octets, protocol = (self._ah or self._ah_opener()).open(packet[:start], octets)
        if self._shape is None:
            return octets, protocol
        if protocol != ESP or int.from_bytes(octets[:SPI_OCTETS]) != self.sa.spi:
            raise Refused(DropReason.POLICY)
        return (self._esp or self._esp_opener()).open(octets)

    def _on_refused(self, reason: DropReason) -> None:
        statistics = self.sa.statistics
        if reason is DropReason.AUTHENTICATION:
            statistics.authentication_failures += 1
        elif reason is DropReason.DECRYPTION:
            statistics.decryption_failures += 1

    def _esp_opener(self) -> EspOpener:
        """Make the contexts of the ciphers, which an SA that carries nothing does without."""
        self._esp = EspOpener(self.sa)
        return self._esp

    def _ah_opener(self) -> AhOpener:
        self._ah = AhOpener(self.sa)
        return self._ah


def _inner(payload: bytes, protocol: int) -> bytes:
    """Return the packet that came through a tunnel. Raises Refused where it is none, and MalformedPacket."""
    if protocol not in (IPV4, IPV6):
        raise Refused(DropReason.POLICY)
    inner = whole(payload)
    if inner[0] >> 4 != (4 if protocol == IPV4 else 6):
        raise MalformedPacket("another version than was announced")
    return inner
