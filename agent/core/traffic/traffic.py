"""Traffic between a gateway and its emulated peers: packets sent by hand, and profiles in virtual time.

The packets of a profile are counted, not made, and many bursts at once: when somebody looks, before anything changes
that they depend on, and when they themselves bring something about, which is foreseen. Invariant: whoever looks sees
what the same packets, really sent, would have brought about by then; a burst comes before whatever else happens at its
instant. What is not normal is really sent.
"""

from collections.abc import Callable, Iterable, Mapping

from agent.core.config import Direction
from agent.core.identifiers import Address
from agent.core.ipsec.processor import Run
from agent.core.keying import Protection, TunnelSa, UnknownSecurityAssociation
from agent.core.link import Network
from agent.core.peer import Peer
from agent.core.traffic import bursts
from agent.core.traffic.bursts import Delivery, Variant
from agent.core.traffic.forecast import next_due
from agent.core.traffic.profile import TrafficProfile
from agent.core.traffic.sample import sample
from agent.core.traffic.sides import NotEmulated, Side, Way, find_way
from agent.core.world import Timer, World


class _Flow:
    """A profile at work: what is counted of it, up to which instant, and when it has to be looked at again."""

    __slots__ = ("counted_to", "peer", "profile", "timer")

    def __init__(self, profile: TrafficProfile, now: int) -> None:
        self.profile = profile
        self.counted_to = min(now, profile.starts_at) - 1
        self.peer: Peer | None = None
        self.timer: Timer | None = None


class Traffic:
    """The traffic of one gateway. `find` returns one of its security associations by name."""

    def __init__(
        self,
        world: World,
        network: Network,
        protection: Callable[[], Protection],
        find: Callable[[str], TunnelSa | None],
        peers: Mapping[Address, Peer],
    ) -> None:
        self._world = world
        self._network = network
        self._protection = protection
        self._find = find
        self._peers = peers
        self._flows: dict[str, list[_Flow]] = {}
        self._by_peer: dict[Peer, dict[str, None]] = {}
        self._outdated: dict[str, None] = {}
        self._counted_to: int | None = None
        self._is_counting = False

    def begin(self, profiles: Iterable[TrafficProfile]) -> None:
        """Have packets be sent by profiles from now on. Raises UnknownSecurityAssociation, and ValueError for lengths
        that no packet has, and then no profile of these is at work."""
        profiles = tuple(profiles)
        for profile in profiles:
            association = self._find(profile.security_association)
            if association is None:
                raise UnknownSecurityAssociation(profile.security_association)
            sample(association.plan, profile.packet_octets)
        for profile in profiles:
            flow = _Flow(profile, self._world.now)
            self._flows.setdefault(profile.security_association, []).append(flow)
            self._outdate(profile.security_association)
        self._counted_to = None

    def send(self, name: str, direction: Direction, packets: int, octets: int, variant: Variant) -> Delivery:
        """Really send packets of a length in octets through a security association, all now.

        Raises UnknownSecurityAssociation, NotEmulated, and ValueError for a length that no packet has.
        """
        association = self._find(name)
        if association is None:
            raise UnknownSecurityAssociation(name)
        way = find_way(self._protection(), association, self._peers, direction)
        self.settle(name)
        return bursts.send(self._network, way, packets, octets, variant)

    # Counting

    def look(self) -> None:
        """Count all that was sent up to now: somebody looks."""
        now = self._world.now
        if self._flows and not self._is_counting and self._counted_to != now:
            self._count(tuple(self._flows), now)
            self._counted_to = now

    def look_at(self, peer: Peer) -> None:
        """Count all that was sent up to now to and from a peer: somebody looks at it."""
        if self._flows and not self._is_counting:
            self._count(tuple(self._by_peer.get(peer, ())), self._world.now)

    def settle(self, name: str | None = None) -> None:
        """Count all that was sent up to now through one security association, or through all: its packets will fare
        otherwise from now on."""
        names = tuple(self._flows) if name is None else (name,) if name in self._flows else ()
        self._settle(names)

    def settle_with(self, peer: Peer) -> None:
        """Count all that was sent up to now to and from a peer: its packets will fare otherwise from now on."""
        self._settle(tuple(self._by_peer.get(peer, ())))

    def _settle(self, names: tuple[str, ...]) -> None:
        if not self._is_counting:
            self._count(names, self._world.now)
            for name in names:
                self._outdate(name)

    def _count(self, names: tuple[str, ...], now: int) -> None:
        self._is_counting = True
        try:
            # What is due just now comes after all that was before, in the order of the profiles.
            for until in (now - 1, now):
                for name in names:
                    for flow in self._flows[name]:
                        self._count_flow(flow, until)
        finally:
            self._is_counting = False

    def _count_flow(self, flow: _Flow, until: int) -> None:
        profile = flow.profile
        count = profile.bursts(flow.counted_to, until)
        flow.counted_to = max(flow.counted_to, until)
        way = self._way(flow) if count else None
        if way is None:
            return
        if profile.variant is not Variant.NORMAL:
            for _ in range(count):
                bursts.send(self._network, way, profile.packets, profile.packet_octets, profile.variant)
            return
        association = way.sender.association
        if association is not None:
            packet = sample(association.plan, profile.packet_octets)
            packets = count * profile.packets
            for run in way.sender.protection.account_protect(association.name, packet, packets):
                self._carry(way, packet, run, profile.last_burst(until))

    def _way(self, flow: _Flow) -> Way | None:
        """Return the way of a flow's packets now; None where they find no peer."""
        association = self._find(flow.profile.security_association)
        if association is None:
            return None
        try:
            return find_way(self._protection(), association, self._peers, flow.profile.direction)
        except NotEmulated:
            return None

    def _carry(self, way: Way, packet: bytes, run: Run, at: int) -> None:
        """Count a run as arrived, but for what the path loses, which is the first of it; some arrives twice."""
        source, destination = way.sender.address, way.receiver.address
        if not (way.sender.is_on_the_network and way.receiver.is_on_the_network):
            return
        lost, doubled = self._network.share(source, destination, run.count)
        for count in (run.count - lost, doubled):
            if count:
                arrived = Run(run.protocol, run.spi, run.first + lost, count)
                way.receiver.protection.account_open(packet, arrived, destination, at)

    # What comes next

    def _outdate(self, name: str) -> None:
        """Look again, once whatever goes on is over, at when the flows of a security association have to be counted."""
        if not self._outdated:
            self._world.call_later(0, self._look_again)
        self._outdated[name] = None

    def _look_again(self) -> None:
        names, self._outdated = tuple(self._outdated), {}
        for name in names:
            for flow in self._flows.get(name, ()):
                self._arrange(flow, self._flows[name])

    def _arrange(self, flow: _Flow, others: Iterable[_Flow]) -> None:
        if flow.timer is not None:
            flow.timer.cancel()
            flow.timer = None
        way = self._way(flow)
        self._note_peer(flow, way)
        at = self._next(flow, way, others)
        if at is not None:
            flow.timer = self._world.call_at(at, lambda: self.settle(flow.profile.security_association))

    def _next(self, flow: _Flow, way: Way | None, others: Iterable[_Flow]) -> int | None:
        profile, now = flow.profile, self._world.now
        if way is None:
            return None
        if profile.variant is not Variant.NORMAL:
            return profile.next_burst(now)
        alike = [each.profile for each in others if each.profile.direction is profile.direction]
        return next_due(way, alike, now)

    def _note_peer(self, flow: _Flow, way: Way | None) -> None:
        """Note whose changes concern a flow."""
        peer = _peer_of(way.sender, way.receiver) if way is not None else None
        if peer is flow.peer:
            return
        name = flow.profile.security_association
        if peer is not None:
            self._by_peer.setdefault(peer, {})[name] = None
        flow.peer = peer


def _peer_of(*sides: Side) -> Peer | None:
    return next((side.peer for side in sides if side.peer is not None), None)
