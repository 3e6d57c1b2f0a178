"""Packets that are really sent: protected at one end, carried, and opened at the other, all at one instant.

They fare as the path between the ends has it, but for its delay: who sends them by hand may have stopped the time.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from agent.core.ipsec.refusal import Drop
from agent.core.link import Network
from agent.core.traffic.sample import sample
from agent.core.traffic.sides import Way

_TURNED = 8
"""Packets that arrive in the reverse order of their sending, when order is to be disturbed."""


class Variant(Enum):
    """What happens to packets on their way, by the names of the published module."""

    NORMAL = "normal"
    REPLAYED = "replayed"
    """Each arrives a second time, later."""
    REORDERED = "reordered"
    """Eight at a time arrive in the reverse order."""
    CORRUPTED = "corrupted"
    """A bit of each is another when it arrives."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How many packets were handed on, and how many arrivals and departures were refused or came to nothing."""

    delivered: int = 0
    dropped: int = 0

    def __add__(self, other: "Delivery") -> "Delivery":
        return Delivery(self.delivered + other.delivered, self.dropped + other.dropped)


def send(network: Network, way: Way, packets: int, octets: int, variant: Variant) -> Delivery:
    """Send packets of a length in octets along a way. Raises ValueError for a length that no packet has."""
    association, protection = way.sender.association, way.sender.protection
    if association is None:
        return Delivery(dropped=packets)
    packet, name = sample(association.plan, octets), association.name
    sent = (protection.protect(name, packet) for _ in range(packets))
    total = Delivery()
    for wire in _on_the_way(sent, variant):
        total += Delivery(dropped=1) if isinstance(wire, Drop) else _arrive(network, way, wire)
    return total


Wire = tuple[bytes, ...] | Drop


def _on_the_way(sent: Iterable[Wire], variant: Variant) -> Iterator[Wire]:
    """Yield what was sent in the order and the state in which it arrives."""
    if variant is Variant.REORDERED:
        waiting = list[Wire]()
        for wire in sent:
            waiting.append(wire)
            if len(waiting) == _TURNED:
                yield from reversed(waiting)
                waiting.clear()
        yield from reversed(waiting)
        return
    for wire in sent:
        if variant is Variant.CORRUPTED and not isinstance(wire, Drop):
            yield tuple(map(_corrupted, wire))
        else:
            yield wire
        if variant is Variant.REPLAYED and not isinstance(wire, Drop):
            yield wire


def _corrupted(wire: bytes) -> bytes:
    """Return a packet with another last bit: one of the protection, whatever that is."""
    return wire[:-1] + bytes((wire[-1] ^ 1,))


def _arrive(network: Network, way: Way, wire: tuple[bytes, ...]) -> Delivery:
    """Return what becomes of one packet, which may be in pieces."""
    source, destination = way.sender.address, way.receiver.address
    is_heard = way.sender.is_on_the_network and way.receiver.is_on_the_network
    copies = [network.copies(source, destination) if is_heard else 0 for _ in wire]
    if not all(copies):
        return Delivery(dropped=1)
    total = Delivery()
    for turn in range(max(copies)):
        for piece, count in zip(wire, copies, strict=True):
            opened = way.receiver.protection.open(piece) if turn < count else None
            if isinstance(opened, bytes):
                total += Delivery(delivered=1)
            elif opened is not None:
                total += Delivery(dropped=1)
    return total
