"""The two ends of a security association: the gateway, and the emulated peer that it leads to now."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.core.config import Direction, ManualSa
from agent.core.identifiers import Address
from agent.core.keying import Protection, TunnelSa
from agent.core.keying.plan import Ends
from agent.core.peer import Peer


class NotEmulated(Exception):
    """No emulated peer is at the other end of a security association."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no emulated peer is at the other end of {name}")
        self.name = name


@dataclass(frozen=True, slots=True)
class Side:
    """One end: its data plane, and the security association there, which a peer may not have."""

    protection: Protection
    association: TunnelSa | None
    address: Address
    peer: Peer | None = None
    """None is the gateway itself."""

    @property
    def is_on_the_network(self) -> bool:
        """Whether packets leave it and reach it."""
        return self.peer is None or self.peer.is_on_the_network


@dataclass(frozen=True, slots=True)
class Way:
    """From the end that protects to the end that opens."""

    sender: Side
    receiver: Side


def find_way(protection: Protection, association: TunnelSa, peers: Mapping[Address, Peer], direction: Direction) -> Way:
    """Return the way of packets through a security association. Raises NotEmulated."""
    ends = association.plan.ends
    peer = peers.get(ends.remote) if ends is not None else None
    if ends is None or peer is None:
        raise NotEmulated(association.name)
    here = Side(protection, association, ends.local)
    there = Side(peer.protection, _opposite(association, peer), ends.remote, peer)
    return Way(here, there) if direction is Direction.OUTBOUND else Way(there, here)


def _opposite(association: TunnelSa, peer: Peer) -> TunnelSa | None:
    """Return the peer's security association for the same traffic between the same gateways."""
    return next((each for each in peer.security_associations.values() if _mirrors(association, each)), None)


def _mirrors(one: TunnelSa, other: TunnelSa) -> bool:
    here, there = one.plan, other.plan
    if here.ends is None or there.ends != Ends(here.ends.remote, here.ends.local):
        return False
    is_manual = isinstance(here.config.keying, ManualSa)
    if is_manual != isinstance(there.config.keying, ManualSa):
        return False
    if is_manual:
        return _outbound_spis(one) == _inbound_spis(other)
    return (here.local_identity, here.remote_identity) == (there.remote_identity, there.local_identity)


def _outbound_spis(association: TunnelSa) -> list[object]:
    return [pair.outbound.spis for pair in association.pairs]


def _inbound_spis(association: TunnelSa) -> list[object]:
    return [pair.inbound.spis for pair in association.pairs]
