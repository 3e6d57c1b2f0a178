"""The packets of encryption services PICs, counted by the PIC that carried them, and those that found none.

Invariant: what the PICs of a group have carried is what their security associations have: octets are those within the
protection. A packet that is dropped is counted once, by its reason.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from agent.core.config import Direction
from agent.core.identifiers import Address
from agent.core.ipsec.refusal import DropReason
from agent.core.keying import TunnelSa


def _no_drops() -> dict[DropReason, int]:
    return dict.fromkeys(DropReason, 0)


@dataclass(slots=True)
class PicCounters:
    """Packets and octets of one PIC, and what it dropped in each direction by reason: every reason has an entry."""

    in_octets: int = 0
    in_packets: int = 0
    out_octets: int = 0
    out_packets: int = 0
    in_drops: dict[DropReason, int] = field(default_factory=_no_drops)
    out_drops: dict[DropReason, int] = field(default_factory=_no_drops)

    def dropped(self, reason: DropReason) -> int:
        """Return how many packets it dropped for a reason, whichever way they went."""
        return self.in_drops[reason] + self.out_drops[reason]


class PicMeter:
    """Counts packets where they belong; satisfies keying's Meter.

    `find` returns a security association by its name, `counters_of` the counters of the PIC that carries an interface
    now, and `interface_at` the interface whose tunnel ends at an address. `on_lost` is told of packets for an interface
    that no PIC carries.
    """

    def __init__(
        self,
        find: Callable[[str], TunnelSa | None],
        counters_of: Callable[[str], PicCounters | None],
        interface_at: Callable[[Address], str | None],
        on_lost: Callable[[str, int], object],
    ) -> None:
        self._find = find
        self._counters_of = counters_of
        self._interface_at = interface_at
        self._on_lost = on_lost

    def on_sent(self, name: str, packets: int, octets: int) -> None:
        """Count what was protected."""
        counters = self._counters(self._interface(name))
        if counters is not None:
            counters.out_packets += packets
            counters.out_octets += octets

    def on_received(self, name: str, packets: int, octets: int) -> None:
        """Count what is handed on."""
        counters = self._counters(self._interface(name))
        if counters is not None:
            counters.in_packets += packets
            counters.in_octets += octets

    def on_dropped(
        self, name: str | None, at: Address | None, direction: Direction, reason: DropReason, packets: int
    ) -> None:
        """Count what was dropped: by the PIC that did, or as lost where there was none."""
        interface = self._interface(name) if name is not None else None
        if name is None and at is not None:
            interface = self._interface_at(at)
        if interface is None:
            return
        counters = self._counters_of(interface)
        if counters is None:
            self._on_lost(interface, packets)
            return
        drops = counters.in_drops if direction is Direction.INBOUND else counters.out_drops
        drops[reason] += packets

    def _interface(self, name: str) -> str | None:
        association = self._find(name)
        if association is None or association.interface is None:
            return None
        return association.interface.rpartition(".")[0]

    def _counters(self, interface: str | None) -> PicCounters | None:
        return self._counters_of(interface) if interface is not None else None
