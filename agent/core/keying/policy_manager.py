"""The policy manager itself: it owns the IKE engine and the database of IPsec SAs, and hears what both have to say.

What others ask for is decided here too: a peer with a policy is answered by it, and traffic for which a security
association is configured is protected.
"""

from collections.abc import Callable, Mapping

from agent.core.config import DeviceConfig, IkePolicy, IkeSettings
from agent.core.events import DeletionReason, FailureReason, IpsecDeletionReason
from agent.core.identifiers import Address, Endpoint, IkeSaId, Spi
from agent.core.ike.agreement import Agreement, Request, Terms
from agent.core.ike.engine import IkeEngine, IkeStatistics, Send
from agent.core.ike.numbers import ProtocolId
from agent.core.ike.phase1 import Role
from agent.core.ike.phase2_negotiation import Phase2Negotiation
from agent.core.ike.sa import IkeSa
from agent.core.ipsec.sad import Sad
from agent.core.keying.association import TunnelSa
from agent.core.keying.failover import Failover, TunnelRedundancy
from agent.core.keying.ike_sas import IkeSas, ends_of
from agent.core.keying.pairs import Pairs, UnknownSecurityAssociation
from agent.core.keying.plan import Ends, Plan, plans
from agent.core.keying.protection import UNMETERED, Meter, Protection
from agent.core.world import Bus, World


class Keying:
    """Keeps the IKE SAs and the IPsec SAs of one gateway as its configuration wants them.

    A gateway that `answers_only` negotiates nothing of its own accord. `meter` counts its packets, and `before_change`
    is called before others than until now can use a security association, by its name, or any (None).
    """

    def __init__(
        self,
        *,
        world: World,
        name: str,
        config: DeviceConfig,
        settings: IkeSettings,
        send: Send,
        bus: Bus,
        answers_only: bool = False,
        meter: Meter = UNMETERED,
        before_change: Callable[[str | None], object] = lambda name: None,
    ) -> None:
        self._world = world
        self._config = config
        self._decision_us = settings.decision_us
        self._engine = IkeEngine(world=world, name=name, settings=settings, policies=self, send=send, bus=bus)
        self._before_change = before_change
        self._ike_sas = IkeSas(world, self._engine, bus, config, answers_only=answers_only)
        self.protection = Protection(world, bus, name, self._ike_sas, self._find, meter, settings.local_nat_port)
        self._pairs = Pairs(
            world,
            bus,
            self.protection,
            self._ike_sas,
            settings,
            answers_only=answers_only,
            before_change=before_change,
        )
        self._failover = Failover(world, bus, self._find, self._on_peers_lost)
        self._apply(IpsecDeletionReason.RECONFIGURED, DeletionReason.RECONFIGURED)

    @property
    def config(self) -> DeviceConfig:
        """What the gateway is configured with now."""
        return self._config

    @property
    def ike_sas(self) -> Mapping[IkeSaId, IkeSa]:
        """Every IKE SA, in the order of the ids."""
        return self._engine.sas

    @property
    def ike_statistics(self) -> IkeStatistics:
        """A copy of the engine's counters."""
        return self._engine.statistics

    def limit_half_open(self, in_all: int, of_a_peer: int) -> None:
        """Let so many negotiations of IKE be half-open from now on."""
        self._engine.limit_half_open(in_all, of_a_peer)

    @property
    def security_associations(self) -> Mapping[str, TunnelSa]:
        """Every configured security association by its name, in the order of the configuration."""
        return self._pairs.associations

    @property
    def tunnel_redundancy(self) -> Mapping[str, TunnelRedundancy]:
        """Every tunnel with a backup, by the name of its security association."""
        return self._failover.tunnels

    @property
    def sad(self) -> Sad:
        """The database of the IPsec SAs that packets can use."""
        return self.protection.sad

    def _find(self, name: str) -> TunnelSa | None:
        return self._pairs.associations.get(name)

    def start(self) -> None:
        """Begin to negotiate what is configured."""
        self._pairs.start()
        self._ike_sas.start()

    def receive(self, source: Endpoint, destination: Endpoint, datagram: bytes) -> None:
        """Take a datagram of IKE off the wire."""
        self._engine.receive(source, destination, datagram)

    def clear_ike_sas(self, peer: Address | None) -> int:
        """Do what `Device.clear_ike_sas` says."""
        return self._ike_sas.clear(peer)

    def clear_ipsec_sas(self, name: str | None) -> int:
        """Do what `Device.clear_ipsec_sas` says."""
        return self._pairs.clear(name)

    def reconfigure(self, config: DeviceConfig) -> None:
        """Do as another configuration wants from now on; one that `check` refuses has no meaning here.

        Pairs go first, while there are IKE SAs to tell the peers under, and the IKE SAs that nothing demands any more.
        """
        self._config = config
        self._apply(IpsecDeletionReason.RECONFIGURED, DeletionReason.RECONFIGURED)

    def switch_tunnels(self, name: str | None) -> tuple[str, ...]:
        """Do what `Device.switch_tunnels` says."""
        if name is not None and name not in self._pairs.associations:
            raise UnknownSecurityAssociation(name)
        switched = self._failover.switch(name)
        self._apply(IpsecDeletionReason.SWITCHED, DeletionReason.CLEARED)
        return switched

    def _on_peers_lost(self) -> None:
        self._apply(IpsecDeletionReason.PEER_UNREACHABLE, DeletionReason.PEER_UNREACHABLE)

    def _apply(self, pair_reason: IpsecDeletionReason, ike_sa_reason: DeletionReason) -> None:
        """Let go, for these reasons, what is not wanted any more, and negotiate what is."""
        self._before_change(None)
        self._failover.adapt(self._config)
        planned = plans(self._config, self._failover.remotes)
        self._pairs.apply(planned, pair_reason)
        self.protection.plan(planned)
        self._ike_sas.apply(self._config, self._demands(planned), ike_sa_reason)
        self._pairs.pursue()

    def _demands(self, planned: Mapping[str, Plan]) -> Mapping[Ends, int]:
        """Return the ends that are to have an IKE SA, and from when on: the earliest time of all between them."""
        demands: dict[Ends, int] = {}
        for name, plan in planned.items():
            if plan.demand is not None:
                not_before = self._failover.not_before(name)
                demands[plan.demand] = min(not_before, demands.get(plan.demand, not_before))
        return demands

    # What the engine asks and tells

    def decide(self, remote: Endpoint, answer: Callable[[IkePolicy | None], None]) -> None:
        """Answer a peer by its policy."""
        self._deliberate(lambda: answer(self._config.ike.policy_for(remote.address)))

    def on_established(self, sa: IkeSa) -> None:
        """Negotiate under it."""
        if sa.is_initial_contact:
            self._pairs.on_first_contact(sa)
        self._ike_sas.on_established(sa)
        self._pairs.on_ike_sa(sa)

    def on_lifetime_shortened(self, sa: IkeSa) -> None:
        """Replace it earlier."""
        self._ike_sas.on_lifetime_shortened(sa)

    def on_failed(self, sa: IkeSa, reason: FailureReason) -> None:
        """Try again later, when the negotiation was ours, or with another peer."""
        self._ike_sas.on_failed(sa, reason)
        if reason is FailureReason.TIMEOUT and sa.role is Role.INITIATOR:
            self._failover.on_dead(ends_of(sa))

    def on_deleted(self, sa: IkeSa, reason: DeletionReason) -> None:
        """Negotiate anew what is still in demand, with another peer where this one does not answer."""
        if reason is DeletionReason.PEER_UNREACHABLE and self._ike_sas.find(ends_of(sa)) is None:
            self._failover.on_dead(ends_of(sa))
        self._ike_sas.on_deleted(sa, reason)

    def has_pairs_with(self, peer: Address) -> bool:
        """Whether there are IPsec SAs with a peer."""
        return self._pairs.has_pairs_with(peer)

    def decide_phase2(self, sa: IkeSa, request: Request, answer: Callable[[Terms | None], None]) -> None:
        """Answer by the security association that is configured for the traffic."""
        self._deliberate(lambda: answer(self._pairs.decide(sa, request)))

    def _deliberate(self, answer: Callable[[], None]) -> None:
        """Take the time that a decision takes; it is then made by what is configured by then."""
        if self._decision_us:
            self._world.call_later(self._decision_us, answer)
        else:
            answer()

    def on_phase2_established(self, sa: IkeSa, negotiation: Phase2Negotiation, agreement: Agreement) -> None:
        """Install the pair."""
        self._pairs.on_established(sa, negotiation, agreement)
        if negotiation.terms is not None:
            self._failover.on_connected(negotiation.terms.name)

    def on_phase2_failed(self, sa: IkeSa, negotiation: Phase2Negotiation, reason: FailureReason) -> None:
        """Try again later; a peer that does not answer under its IKE SA gets a new one."""
        if self._pairs.on_failed(sa, negotiation, reason):
            self._engine.delete(sa, DeletionReason.PEER_UNREACHABLE)
            other = self._ike_sas.find(ends_of(sa))
            if other is not None:
                self._pairs.on_ike_sa(other)

    def on_phase2_over(self, sa: IkeSa, negotiation: Phase2Negotiation) -> None:
        """Delete an IKE SA that has only been waiting for this."""
        self._ike_sas.on_phase2_over(sa)

    def on_ipsec_deleted(self, sa: IkeSa, protocol: ProtocolId, spi: Spi) -> None:
        """Remove the pair that the peer has deleted."""
        self._pairs.on_peer_deleted(sa, protocol, spi)
