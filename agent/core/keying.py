"""The policy manager of a gateway: what its configuration demands becomes IKE SAs, and stays so.

Each tunnel demands an IKE SA with its destination. One that fails is tried again with growing delays, one that is
about to end is replaced before (make before break), one that is gone is negotiated anew. What others ask for is
decided here too: a peer with a policy is answered by it.
"""

from collections.abc import Callable, Mapping
from typing import Final

from agent.core.config import IKE_PORT, DeviceConfig, ExchangeMode, IkePolicy, IkeSettings, Tunnel
from agent.core.events import DeletionReason, FailureReason, PeerReachable, PeerUnreachable
from agent.core.identifiers import Address, Endpoint, IkeSaId
from agent.core.ike.engine import IkeEngine, IkeStatistics, Send
from agent.core.ike.phase1 import Role
from agent.core.ike.sa import IkeSa
from agent.core.world import SECOND, Bus, Timer, World

FIRST_RETRY_US: Final = 5 * SECOND
LONGEST_RETRY_US: Final = 60 * SECOND
"""A failed negotiation is tried again after the first delay, which doubles up to the longest."""

PEER_FIRST_US: Final = 1 * SECOND
"""How long a peer that deleted its IKE SA is left to negotiate a new one itself, lest both do."""

LEAST_MARGIN_US: Final = 60 * SECOND
"""An IKE SA is replaced when a tenth of its lifetime is left, or this much, but not before half of it is over."""

_ANSWERED: Final = frozenset(
    {
        FailureReason.NO_PROPOSAL_CHOSEN,
        FailureReason.AUTHENTICATION_FAILED,
        FailureReason.INVALID_KEY,
        FailureReason.INVALID_IDENTITY,
        FailureReason.MALFORMED_MESSAGE,
    }
)
"""Failures that only a peer which answers can bring about."""


class UnknownPeer(Exception):
    """There is neither a policy for an address nor an IKE SA with it."""

    def __init__(self, address: Address) -> None:
        super().__init__(f"no IKE peer {address}")
        self.address = address


class _Demand:
    """What a tunnel wants, and what is being done about it: a negotiation, or a timer that will begin one."""

    __slots__ = ("negotiation", "retry_us", "timer", "tunnel")

    def __init__(self, tunnel: Tunnel) -> None:
        self.tunnel = tunnel
        self.retry_us = FIRST_RETRY_US
        self.negotiation: IkeSa | None = None
        self.timer: Timer | None = None

    @property
    def is_idle(self) -> bool:
        return self.negotiation is None and self.timer is None

    def rearm(self, timer: Timer | None) -> None:
        """Have this timer, or none, instead of the one before."""
        if self.timer is not None:
            self.timer.cancel()
        self.timer = timer


class Keying:
    """Keeps the IKE SAs of one gateway as its configuration wants them."""

    def __init__(
        self, *, world: World, name: str, config: DeviceConfig, settings: IkeSettings, send: Send, bus: Bus
    ) -> None:
        self._world = world
        self._config = config
        self._bus = bus
        self._engine = IkeEngine(world=world, name=name, settings=settings, policies=self, send=send, bus=bus)
        self._demands: dict[Tunnel, _Demand] = {tunnel: _Demand(tunnel) for tunnel in config.tunnels}
        self._unreachable: set[Address] = set()

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

    def start(self) -> None:
        """Begin to negotiate what the tunnels demand."""
        for demand in self._demands.values():
            self._pursue(demand)

    def receive(self, source: Endpoint, destination: Endpoint, datagram: bytes) -> None:
        """Take a datagram of IKE off the wire."""
        self._engine.receive(source, destination, datagram)

    def clear(self, peer: Address | None) -> int:
        """Remove the IKE SAs with one peer or with all, and return how many.

        Those in demand are negotiated again at once. Raises UnknownPeer for an address with neither a policy nor an
        IKE SA.
        """
        sas = tuple(self.ike_sas.values()) if peer is None else self._engine.sas_with(peer)
        if peer is not None and not sas and self._config.ike.policy_for(peer) is None:
            raise UnknownPeer(peer)
        for sa in sas:
            self._engine.delete(sa, DeletionReason.CLEARED)
        for demand in self._demands.values():
            if peer in (None, demand.tunnel.destination):
                demand.retry_us = FIRST_RETRY_US
                self._pursue(demand)
        return len(sas)

    # Configuration

    def reconfigure(self, config: DeviceConfig) -> None:
        """Do as another configuration wants from now on.

        IKE SAs go whose policy, tunnel or address is gone. A policy that changed applies to the next phase 1; where
        none succeeded so far, that is now.
        """
        before, self._config = self._config, config
        removed = [tunnel for tunnel in self._demands if tunnel not in config.tunnels]
        for tunnel in removed:
            self._demands.pop(tunnel).rearm(None)
        for sa in tuple(self.ike_sas.values()):
            if not self._is_wanted(sa, removed):
                self._engine.delete(sa, DeletionReason.RECONFIGURED)
        for tunnel in config.tunnels:
            self._reconsider(tunnel, before)

    def _is_wanted(self, sa: IkeSa, removed: list[Tunnel]) -> bool:
        return (
            self._config.ike.policy_for(sa.remote.address) is not None
            and sa.local.address in self._config.addresses
            and Tunnel(sa.local.address, sa.remote.address) not in removed
        )

    def _reconsider(self, tunnel: Tunnel, before: DeviceConfig) -> None:
        """Pursue a tunnel that is new, or whose negotiations may now come out otherwise."""
        policy = self._config.ike.policy_for(tunnel.destination)
        is_changed = before.ike.policy_for(tunnel.destination) != policy
        demand = self._demands.get(tunnel)
        if demand is None:
            demand = self._demands[tunnel] = _Demand(tunnel)
            is_changed = True
        if is_changed:
            demand.retry_us = FIRST_RETRY_US
        if policy is None:
            self._unreachable.discard(tunnel.destination)
        if is_changed or (demand.is_idle and policy is not None):
            self._pursue(demand)

    # Demands

    def _pursue(self, demand: _Demand) -> None:
        """Negotiate unless the demand is met or being negotiated."""
        if demand.negotiation is None and self._sa_of(demand.tunnel) is None:
            self._negotiate(demand)

    def _negotiate(self, demand: _Demand) -> None:
        demand.rearm(None)
        destination = demand.tunnel.destination
        policy = self._config.ike.policy_for(destination)
        if policy is None or policy.mode is not ExchangeMode.MAIN:
            # Nothing would change by itself: another configuration is what helps, and it comes with `reconfigure`.
            self._engine.report_failure(destination, FailureReason.NO_POLICY)
            return
        demand.negotiation = self._engine.initiate(Endpoint(demand.tunnel.source, IKE_PORT), policy)

    def _sa_of(self, tunnel: Tunnel) -> IkeSa | None:
        """Return the newest established IKE SA that meets a demand."""
        with_peer = reversed(self._engine.sas_with(tunnel.destination))
        return next((sa for sa in with_peer if sa.is_matured and sa.local.address == tunnel.source), None)

    def _demand_for(self, sa: IkeSa) -> _Demand | None:
        return self._demands.get(Tunnel(sa.local.address, sa.remote.address))

    def _arm_replacement(self, demand: _Demand, sa: IkeSa) -> None:
        """Replace an IKE SA before it ends.

        Its initiator does so first, and the responder only if that has not happened.
        """
        assert sa.established_at is not None
        assert sa.expires_at is not None
        lifetime_us = sa.expires_at - sa.established_at
        margin_us = min(max(lifetime_us // 10, LEAST_MARGIN_US), lifetime_us // 2)
        if sa.role is Role.RESPONDER:
            margin_us //= 2
        demand.rearm(self._world.call_at(sa.expires_at - margin_us, lambda: self._negotiate(demand)))

    def _retry_later(self, demand: _Demand) -> None:
        demand.rearm(self._world.call_later(demand.retry_us, lambda: self._negotiate(demand)))
        demand.retry_us = min(2 * demand.retry_us, LONGEST_RETRY_US)

    # What the engine asks and tells

    def decide(self, remote: Endpoint, answer: Callable[[IkePolicy | None], None]) -> None:
        """Answer a peer by its policy; one whose policy has another mode is a stranger to Main mode."""
        policy = self._config.ike.policy_for(remote.address)
        answer(policy if policy is not None and policy.mode is ExchangeMode.MAIN else None)

    def on_established(self, sa: IkeSa) -> None:
        """See the demand met, and what it replaces deleted."""
        self._note_answer(sa.remote.address)
        demand = self._demand_for(sa)
        if demand is None:
            return
        demand.retry_us = FIRST_RETRY_US
        is_ours = demand.negotiation is sa
        if is_ours:
            demand.negotiation = None
        self._arm_replacement(demand, sa)
        if is_ours:
            for other in self._engine.sas_with(sa.remote.address):
                if other.is_matured and other is not sa and other.local.address == sa.local.address:
                    self._engine.delete(other, DeletionReason.REPLACED)

    def on_failed(self, sa: IkeSa, reason: FailureReason) -> None:
        """Try again later, when the negotiation was ours."""
        if sa.role is Role.INITIATOR:
            self._note_reachability(sa.remote.address, reason)
        demand = self._demand_for(sa)
        if demand is None or demand.negotiation is not sa:
            return
        demand.negotiation = None
        if reason not in (FailureReason.CLEARED, FailureReason.RECONFIGURED):
            self._retry_later(demand)

    def on_deleted(self, sa: IkeSa, reason: DeletionReason) -> None:
        """Negotiate anew what is still in demand."""
        demand = self._demand_for(sa)
        if demand is None or demand.negotiation is not None or self._sa_of(demand.tunnel) is not None:
            return
        if reason is DeletionReason.PEER_DELETED:
            demand.rearm(self._world.call_later(PEER_FIRST_US, lambda: self._pursue(demand)))
        elif reason is DeletionReason.LIFETIME_EXPIRED:
            self._pursue(demand)

    def _note_reachability(self, peer: Address, reason: FailureReason) -> None:
        if reason in _ANSWERED:
            self._note_answer(peer)
        elif reason is FailureReason.TIMEOUT and peer not in self._unreachable:
            self._unreachable.add(peer)
            self._bus.publish(PeerUnreachable(self._world.now, peer))

    def _note_answer(self, peer: Address) -> None:
        if peer in self._unreachable:
            self._unreachable.discard(peer)
            self._bus.publish(PeerReachable(self._world.now, peer))
