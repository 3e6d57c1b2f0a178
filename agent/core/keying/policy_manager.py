"""The policy manager itself: it owns the IKE engine and the database of IPsec SAs, and hears what both have to say.

What others ask for is decided here too: a peer with a policy is answered by it, and traffic for which a security
association is configured is protected.
"""

from collections.abc import Callable, Mapping

from agent.core.config import DeviceConfig, ExchangeMode, IkePolicy, IkeSettings
from agent.core.events import DeletionReason, FailureReason
from agent.core.identifiers import Address, Endpoint, IkeSaId, Spi
from agent.core.ike.agreement import Agreement, Request, Terms
from agent.core.ike.engine import IkeEngine, IkeStatistics, Send
from agent.core.ike.numbers import ProtocolId
from agent.core.ike.phase2_negotiation import Phase2Negotiation
from agent.core.ike.sa import IkeSa
from agent.core.ipsec.sad import Sad
from agent.core.keying.association import TunnelSa
from agent.core.keying.ike_sas import IkeSas
from agent.core.keying.pairs import Pairs
from agent.core.keying.plan import Ends, Plan, plans
from agent.core.world import Bus, World


class Keying:
    """Keeps the IKE SAs and the IPsec SAs of one gateway as its configuration wants them.

    A gateway that `answers_only` negotiates nothing of its own accord.
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
    ) -> None:
        self._config = config
        self._engine = IkeEngine(world=world, name=name, settings=settings, policies=self, send=send, bus=bus)
        self._sad = Sad(lambda purpose, count: world.entropy.draw(f"{name}/ipsec/{purpose}", count))
        self._ike_sas = IkeSas(world, self._engine, bus, config, answers_only=answers_only)
        self._pairs = Pairs(world, bus, self._sad, self._ike_sas, settings, answers_only=answers_only)
        self._apply(config)

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

    @property
    def security_associations(self) -> Mapping[str, TunnelSa]:
        """Every configured security association by its name, in the order of the configuration."""
        return self._pairs.associations

    @property
    def sad(self) -> Sad:
        """The database of the IPsec SAs that packets can use."""
        return self._sad

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
        self._apply(config)
        self._pairs.pursue()

    def _apply(self, config: DeviceConfig) -> None:
        planned = plans(config)
        self._pairs.apply(planned)
        self._ike_sas.apply(config, _demands(planned))

    # What the engine asks and tells

    def decide(self, remote: Endpoint, answer: Callable[[IkePolicy | None], None]) -> None:
        """Answer a peer by its policy; one whose policy has another mode is a stranger to Main mode."""
        policy = self._config.ike.policy_for(remote.address)
        answer(policy if policy is not None and policy.mode is ExchangeMode.MAIN else None)

    def on_established(self, sa: IkeSa) -> None:
        """Negotiate under it."""
        if sa.is_initial_contact:
            self._pairs.on_first_contact(sa.remote.address)
        self._ike_sas.on_established(sa)
        self._pairs.on_ike_sa(sa)

    def on_failed(self, sa: IkeSa, reason: FailureReason) -> None:
        """Try again later, when the negotiation was ours."""
        self._ike_sas.on_failed(sa, reason)

    def on_deleted(self, sa: IkeSa, reason: DeletionReason) -> None:
        """Negotiate anew what is still in demand."""
        self._ike_sas.on_deleted(sa, reason)

    def has_pairs_with(self, peer: Address) -> bool:
        """Whether there are IPsec SAs with a peer."""
        return self._pairs.has_pairs_with(peer)

    def decide_phase2(self, sa: IkeSa, request: Request, answer: Callable[[Terms | None], None]) -> None:
        """Answer by the security association that is configured for the traffic."""
        answer(self._pairs.decide(sa, request))

    def on_phase2_established(self, sa: IkeSa, negotiation: Phase2Negotiation, agreement: Agreement) -> None:
        """Install the pair."""
        self._pairs.on_established(sa, negotiation, agreement)

    def on_phase2_failed(self, sa: IkeSa, negotiation: Phase2Negotiation, reason: FailureReason) -> None:
        """Try again later; a peer that does not answer under its IKE SA gets a new one."""
        if self._pairs.on_failed(sa, negotiation, reason):
            self._engine.delete(sa, DeletionReason.PEER_UNREACHABLE)

    def on_phase2_over(self, sa: IkeSa, negotiation: Phase2Negotiation) -> None:
        """Delete an IKE SA that has only been waiting for this."""
        self._ike_sas.on_phase2_over(sa)

    def on_ipsec_deleted(self, sa: IkeSa, protocol: ProtocolId, spi: Spi) -> None:
        """Remove the pair that the peer has deleted."""
        self._pairs.on_peer_deleted(sa, protocol, spi)


def _demands(planned: Mapping[str, Plan]) -> tuple[Ends, ...]:
    return tuple(plan.demand for plan in planned.values() if plan.demand is not None)
