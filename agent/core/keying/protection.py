"""What packets see of the policy manager: the packet processor, told of every pair and of what each is for.

To the processor every security association is an interface of its own with the policies of its traffic, since two units
may be for the same traffic with different peers. It is told of a pair, and of the policies, when their first packet
comes: most pairs of a gateway with many never see one. Invariant: a packet leaves by a pair that the peer has, as far
as that can be known: while a new one is taken into use the one before it protects until the peer has used the new one,
or must have it.
"""

from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, Protocol

from agent.core.config import Direction, ManualSa, SaMode, TrafficIdentity
from agent.core.events import IkeSaChanged
from agent.core.identifiers import Address
from agent.core.ike.sa import IkeSa
from agent.core.ip import flow
from agent.core.ip.packet import MalformedPacket, whole
from agent.core.ipsec.path import Path, UdpPorts
from agent.core.ipsec.processor import Headroom, Processor, Run
from agent.core.ipsec.refusal import Drop, DropReason
from agent.core.ipsec.sa import IpsecSa
from agent.core.ipsec.sad import Sad
from agent.core.ipsec.spd import Policy, Selector, Spd
from agent.core.keying.association import TunnelSa
from agent.core.keying.ike_sas import IkeSas
from agent.core.keying.pair import SaPair
from agent.core.keying.plan import ALL_IPV4, ALL_IPV6, Plan
from agent.core.world import Bus, World


class Meter(Protocol):
    """What counts the packets of a gateway.

    Octets are those within the protection. Each call is about so many packets of a security association, by its name;
    about None, with the address that they came to, where they named none.
    """

    def on_sent(self, name: str, packets: int, octets: int) -> None:
        """Count what was protected."""
        ...

    def on_received(self, name: str, packets: int, octets: int) -> None:
        """Count what was protected by the peer and is handed on."""
        ...

    def on_dropped(
        self, name: str | None, at: Address | None, direction: Direction, reason: DropReason, packets: int
    ) -> None:
        """Count what was dropped."""
        ...


class Unmetered:
    """Counts nothing; satisfies Meter."""

    def on_sent(self, name: str, packets: int, octets: int) -> None:
        """Do nothing."""

    def on_received(self, name: str, packets: int, octets: int) -> None:
        """Do nothing."""

    def on_dropped(
        self, name: str | None, at: Address | None, direction: Direction, reason: DropReason, packets: int
    ) -> None:
        """Do nothing."""


UNMETERED: Final = Unmetered()


class Protection:
    """The data plane of one gateway: its SAs as packets use them. `find` returns a security association by its name."""

    def __init__(
        self,
        world: World,
        bus: Bus,
        name: str,
        ike_sas: IkeSas,
        find: Callable[[str], TunnelSa | None],
        meter: Meter,
        nat_port: int,
    ) -> None:
        def draw(purpose: str, count: int) -> bytes:
            return world.entropy.draw(f"{name}/ipsec/{purpose}", count)

        self.sad = Sad(draw)
        self.processor = Processor(self.sad, draw, nat_port, self._prepare_inbound)
        self._world = world
        self._ike_sas = ike_sas
        self._find = find
        self._meter = meter
        self._plans: Mapping[str, Plan] = {}
        self._known: dict[str, Plan] = {}
        self._owners: dict[IpsecSa, tuple[TunnelSa, SaPair]] = {}
        self._attached: set[SaPair] = set()
        self._in_udp: dict[SaPair, Path] = {}
        self._in_udp_with: dict[Address, dict[SaPair, None]] = {}
        self._sending: dict[str, SaPair] = {}
        self._routes: Spd | None = None
        self._bus = bus
        self._follow_no_more: Callable[[], None] | None = None

    # What the policy manager tells

    def plan(self, plans: Mapping[str, Plan]) -> None:
        """Have packets be treated as it is wanted now."""
        self._plans = plans
        self._routes = None
        for name, plan in tuple(self._known.items()):
            if name not in plans or not plans[name].wants_the_same_as(plan):
                self.processor.remove_interface(name)
                del self._known[name]

    def install(self, association: TunnelSa, pair: SaPair, now: int) -> None:
        """Let packets use a pair from a device time on."""
        self.sad.install(pair.inbound, now)
        self.sad.install(pair.outbound, now)
        self._owners[pair.inbound] = association, pair

    def remove(self, association: TunnelSa, pair: SaPair) -> None:
        """Let packets use a pair no longer."""
        self.sad.remove(pair.inbound)
        self.sad.remove(pair.outbound)
        self._owners.pop(pair.inbound, None)
        if pair in self._attached:
            self._attached.discard(pair)
            self._note_in_udp(pair, None)
            self.processor.detach(pair.inbound)
            self.processor.detach(pair.outbound)
        if self._sending.get(association.name) is pair:
            del self._sending[association.name]
            # It may have come to its end amid packets that go on.
            self._prepare_outbound(association.name)

    # Packets

    def route(self, packet: bytes) -> str | None:
        """Return the security association that is for a packet that leaves; None where there is none."""
        if self._routes is None:
            wanted = (plan for plan in self._plans.values() if plan.is_wanted)
            self._routes = Spd(policy for plan in wanted for policy in _policies(plan))
        try:
            policy = self._routes.outbound(whole(packet))
        except MalformedPacket:
            return None
        return policy.name if policy is not None else None

    def protect(self, name: str, packet: bytes) -> tuple[bytes, ...] | Drop:
        """Return what a packet becomes on the wire that is given to a security association."""
        self._prepare_outbound(name)
        sent = self.processor.outbound(packet, name)
        if isinstance(sent, Drop):
            self._meter.on_dropped(name, None, Direction.OUTBOUND, sent.reason, 1)
        else:
            self._meter.on_sent(name, 1, len(packet))
            self._note_sent(name)
        return sent

    def open(self, wire: bytes) -> bytes | Drop | None:
        """Return the packet that one from the wire has protected; None where there is nothing to hand on yet."""
        opened = self.processor.inbound(wire, self._world.now)
        owner = self._arrival()
        if isinstance(opened, Drop):
            self._count_drop(owner, opened.reason, 1, _destination(wire))
        elif opened is not None and owner is not None:
            self._on_taken(*owner, 1, len(opened), self._world.now)
        return opened

    def note_too_long(self, wire: bytes, mtu: int) -> None:
        """Learn that a packet of ours could not be sent: the way that it goes begins with so many octets at most."""
        self.processor.note_too_long(wire, mtu, self._world.now)

    # Packets that nobody looks at

    def account_protect(self, name: str, packet: bytes, count: int) -> tuple[Run, ...]:
        """Count packets like this as given to a security association, and return those that left, by their numbers."""
        self._prepare_outbound(name)
        before = dict(self.processor.drops)
        runs = self.processor.account_outbound(packet, count, name)
        sent = sum(run.count for run in runs)
        if sent:
            self._meter.on_sent(name, sent, sent * len(packet))
        for reason, dropped in self._dropped_since(before):
            self._meter.on_dropped(name, None, Direction.OUTBOUND, reason, dropped)
        return runs

    def account_open(self, packet: bytes, run: Run, at: Address, taken_at: int) -> int:
        """Count packets of a run as arrived at an address, the last at a device time; return how many were taken."""
        before = dict(self.processor.drops)
        taken = self.processor.account_inbound(packet, run)
        owner = self._arrival()
        for reason, dropped in self._dropped_since(before):
            self._count_drop(owner, reason, dropped, at)
        if taken and owner is not None:
            self._on_taken(*owner, taken, taken * len(packet), taken_at)
        return taken

    def outbound_headroom(self, name: str, packet: bytes) -> Headroom | None:
        """Return how much the pair that sends for a security association can carry; None without one."""
        self._prepare_outbound(name)
        pair = self._sending.get(name)
        return self.processor.headroom(pair.outbound, packet) if pair is not None else None

    def inbound_headroom(self, sa: IpsecSa, packet: bytes) -> Headroom | None:
        """Return how much an inbound SA can carry; None for one that is not installed."""
        if sa not in self._owners:
            return None
        self._prepare_inbound(sa)
        return self.processor.headroom(sa, packet) if self._owners[sa][1] in self._attached else None

    def liveness_due_at(self, association: TunnelSa) -> int | None:
        """Return when it matters next whether packets have come, since none may make the peer be asked; None: never."""
        ike_sa = self._ike_sa(association)
        return ike_sa.liveness_due_at if ike_sa is not None else None

    def _dropped_since(self, before: Mapping[DropReason, int]) -> list[tuple[DropReason, int]]:
        changes = ((reason, count - before[reason]) for reason, count in self.processor.drops.items())
        return [(reason, change) for reason, change in changes if change]

    # What both have in common

    def _arrival(self) -> tuple[TunnelSa, SaPair] | None:
        sa = self.processor.arrived_by
        return self._owners.get(sa) if sa is not None else None

    def _count_drop(
        self, owner: tuple[TunnelSa, SaPair] | None, reason: DropReason, packets: int, at: Address | None
    ) -> None:
        name = owner[0].name if owner is not None else None
        self._meter.on_dropped(name, at, Direction.INBOUND, reason, packets)

    def _on_taken(self, association: TunnelSa, pair: SaPair, packets: int, octets: int, at: int) -> None:
        """Count what came through a pair: the peer has it, and where it is authentic, is there."""
        self._meter.on_received(association.name, packets, octets)
        if pair.sends_from > self._world.now:
            pair.sends_from = self._world.now
        if pair.ike_sa is not None and pair.inbound.authentication_algorithm is not None:
            ike_sa = self._ike_sa(association)
            if ike_sa is not None:
                ike_sa.note_sign_of_life(at)

    def _note_sent(self, name: str) -> None:
        """Have no keepalive be sent so soon after a packet within UDP (RFC 3948 sec. 4)."""
        if self._sending.get(name) in self._in_udp:
            association = self._find(name)
            ike_sa = self._ike_sa(association) if association is not None else None
            if ike_sa is not None:
                ike_sa.note_packet_sent()

    def _ike_sa(self, association: TunnelSa) -> IkeSa | None:
        ends = association.plan.ends
        return self._ike_sas.find(ends) if ends is not None else None

    def _prepare_outbound(self, name: str) -> None:
        """Have the processor send by the pair that protects now."""
        self.processor.expire(self._world.now)
        association = self._find(name)
        if association is None:
            return
        self._know(association)
        pair = association.sending(self._world.now)
        if pair is None or pair is self._sending.get(name) or not pair.outbound.is_installed:
            return
        if self._attach(association, pair):
            self.processor.send_with(pair.outbound)
            self._sending[name] = pair

    def _prepare_inbound(self, sa: IpsecSa) -> None:
        owner = self._owners.get(sa)
        if owner is not None:
            self._attach(*owner)

    def _attach(self, association: TunnelSa, pair: SaPair) -> bool:
        """Tell the processor of a pair and its policies; False for one without ends, which no packet can use."""
        if pair not in self._attached:
            path = self._path(association, pair)
            if path is None:
                return False
            self._attach_along(pair, path)
            self._know(association)
        return True

    def _know(self, association: TunnelSa) -> None:
        """Tell the processor of the policies of a security association."""
        if association.name not in self._known:
            self.processor.set_policies(association.name, _policies(association.plan))
            self._known[association.name] = association.plan

    def _attach_along(self, pair: SaPair, path: Path) -> None:
        self.processor.attach(pair.inbound, path)
        self.processor.attach(pair.outbound, path)
        self._attached.add(pair)
        self._note_in_udp(pair, path if path.ports is not None else None)

    def _note_in_udp(self, pair: SaPair, path: Path | None) -> None:
        """Note along which path a pair's packets go within UDP, and with which peer; None where they do not."""
        before = self._in_udp.pop(pair, None)
        if before is not None:
            del self._in_udp_with[before.remote][pair]
            if not self._in_udp_with[before.remote]:
                del self._in_udp_with[before.remote]
        if path is not None:
            self._in_udp[pair] = path
            self._in_udp_with.setdefault(path.remote, {})[pair] = None
        self._follow_translators()

    def _follow_translators(self) -> None:
        """Hear of changes of IKE SAs while there are pairs within UDP, and else not: there are many changes."""
        if self._in_udp and self._follow_no_more is None:
            self._follow_no_more = self._bus.subscribe(self._on_ike_sa_changed, IkeSaChanged)
        elif not self._in_udp and self._follow_no_more is not None:
            self._follow_no_more()
            self._follow_no_more = None

    def _path(self, association: TunnelSa, pair: SaPair) -> Path | None:
        ends = association.plan.ends
        if ends is None:
            return None
        ports = None
        ike_sa = self._ike_sa(association) or pair.ike_sa
        if pair.is_udp_encapsulated and ike_sa is not None:
            ports = UdpPorts(ike_sa.local.port, ike_sa.remote.port)
        # Whoever gives the packets to the gateway has forwarded them.
        return Path(association.name, association.name, ends.local, ends.remote, ports, forwards=False)

    def _on_ike_sa_changed(self, event: IkeSaChanged) -> None:
        """Follow a translator that has given the peer another port."""
        for pair in tuple(self._in_udp_with.get(event.remote_address, ())):
            path = self._path(self._owners[pair.inbound][0], pair)
            if path is not None and path != self._in_udp[pair]:
                self._attach_along(pair, path)


def _destination(wire: bytes) -> Address | None:
    """Return where a packet from the wire is to; None where that cannot be read."""
    try:
        return flow.endpoints(whole(wire))[1]
    except MalformedPacket:
        return None


def _host(address: Address) -> IPv4Network | IPv6Network:
    return ip_network((address, address.max_prefixlen))


def _policies(plan: Plan) -> tuple[Policy, ...]:
    """Return what a security association is for; a manual one in tunnel mode is for both versions of IP."""
    name, ends = plan.config.name, plan.ends
    if ends is None:
        return ()
    if plan.config.mode is SaMode.TRANSPORT:
        local, remote = TrafficIdentity(_host(ends.local)), TrafficIdentity(_host(ends.remote))
        return (_policy(name, local, remote),)
    if isinstance(plan.config.keying, ManualSa):
        return tuple(_policy(name, everything, everything) for everything in (ALL_IPV4, ALL_IPV6))
    return (_policy(name, plan.local_identity, plan.remote_identity),)


def _policy(name: str, local: TrafficIdentity, remote: TrafficIdentity) -> Policy:
    protocol = local.protocol or remote.protocol
    return Policy(name, Selector(local.network, remote.network, protocol, local.port, remote.port))
