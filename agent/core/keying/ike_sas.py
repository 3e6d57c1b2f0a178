"""Keeps the IKE SAs that are in demand: between the ends of every tunnel whose security association is negotiated.

One that fails is tried again with growing delays, one that is about to end is replaced before (make before break), one
that is gone is negotiated anew. An IKE SA that was replaced goes when the negotiations under it are over.
"""

from collections.abc import Callable, Mapping
from typing import Final

from agent.core.config import DeviceConfig
from agent.core.events import DeletionReason, FailureReason, PeerReachable, PeerUnreachable
from agent.core.identifiers import Address, Endpoint, IkeSaId
from agent.core.ike.engine import IkeEngine
from agent.core.ike.phase1 import Role
from agent.core.ike.sa import IkeSa
from agent.core.keying.plan import Ends
from agent.core.keying.retry import Retry
from agent.core.world import SECOND, Bus, World

PEER_FIRST_US: Final = 1 * SECOND
"""How long a peer that deleted its IKE SA is left to negotiate a new one itself, lest both do."""

ADOPTION_US: Final = 2 * SECOND
"""How long a peer has to take the IPsec SAs of a replaced IKE SA over to its successor; some drop them with it."""

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
    """What two ends want, and what is being done about it: a negotiation, or a timer that will begin one."""

    __slots__ = ("_negotiate", "ends", "negotiation", "retry")

    def __init__(self, world: World, ends: Ends, negotiate: "Callable[[_Demand], None]") -> None:
        self.ends = ends
        self.negotiation: IkeSa | None = None
        self.retry = Retry(world)
        self._negotiate = negotiate

    def replace(self) -> None:
        """Begin to negotiate an IKE SA in place of the one that there is."""
        self._negotiate(self)

    @property
    def is_idle(self) -> bool:
        return self.negotiation is None and not self.retry.is_armed


def ends_of(sa: IkeSa) -> Ends:
    """Return the gateways that an IKE SA is between."""
    return Ends(sa.local.address, sa.remote.address)


class IkeSas:
    """The IKE SAs of one gateway as the tunnels want them. A gateway that `answers_only` begins none of its own."""

    def __init__(self, world: World, engine: IkeEngine, bus: Bus, config: DeviceConfig, *, answers_only: bool) -> None:
        self._world = world
        self._engine = engine
        self._bus = bus
        self._config = config
        self._answers_only = answers_only
        self._is_started = False
        self._demands: dict[Ends, _Demand] = {}
        self._negotiating = self._negotiate  # One bound method for all.
        self._retiring: set[IkeSaId] = set()
        self._unreachable: set[Address] = set()

    def start(self) -> None:
        """Begin to negotiate what is in demand."""
        self._is_started = True
        for demand in self._demands.values():
            self._pursue(demand)

    def find(self, ends: Ends) -> IkeSa | None:
        """Return the newest established IKE SA between two ends that is not about to go."""
        for sa in reversed(self._engine.sas_with(ends.remote)):
            if sa.is_matured and sa.id not in self._retiring and sa.local.address == ends.local:
                return sa
        return None

    def all_between(self, ends: Ends) -> tuple[IkeSa, ...]:
        """Return every IKE SA between two ends, whatever has become of it."""
        return tuple([sa for sa in self._engine.sas_with(ends.remote) if sa.local.address == ends.local])

    def clear(self, peer: Address | None) -> int:
        """Remove the IKE SAs with one peer or with all, and return how many.

        Those in demand are negotiated again at once. Raises UnknownPeer for an address with neither a policy nor an
        IKE SA.
        """
        sas = tuple(self._engine.sas.values()) if peer is None else self._engine.sas_with(peer)
        if peer is not None and not sas and self._config.ike.policy_for(peer) is None:
            raise UnknownPeer(peer)
        for sa in sas:
            self._engine.delete(sa, DeletionReason.CLEARED)
        for demand in self._demands.values():
            if peer in (None, demand.ends.remote):
                demand.retry.reset()
                self._pursue(demand)
        return len(sas)

    # Configuration

    def apply(self, config: DeviceConfig, wanted: Mapping[Ends, int], reason: DeletionReason) -> None:
        """Keep IKE SAs between these ends, each from a device time on.

        Those go, for a reason, whose policy, demand or address is gone. A policy that changed applies to the next
        phase 1; where none succeeded so far, that is now.
        """
        before, self._config = self._config, config
        removed = [each for each in self._demands if each not in wanted]
        for each in removed:
            self._demands.pop(each).retry.cancel()
        for sa in tuple(self._engine.sas.values()):
            if not self._is_wanted(sa, removed):
                self._engine.delete(sa, reason)
        for each, not_before in wanted.items():
            self._reconsider(each, not_before, before)

    def _is_wanted(self, sa: IkeSa, removed: list[Ends]) -> bool:
        return (
            self._config.ike.policy_for(sa.remote.address) is not None
            and sa.local.address in self._config.local_addresses
            and ends_of(sa) not in removed
        )

    def _reconsider(self, ends: Ends, not_before: int, before: DeviceConfig) -> None:
        """Pursue a demand that is new, or whose negotiations may now come out otherwise."""
        policy = self._config.ike.policy_for(ends.remote)
        is_changed = before.ike is not self._config.ike and before.ike.policy_for(ends.remote) != policy
        demand = self._demands.get(ends)
        if demand is None:
            demand = self._demands[ends] = self._new_demand(ends, not_before)
            is_changed = demand.is_idle
        if is_changed:
            demand.retry.reset()
        if policy is None:
            self._unreachable.discard(ends.remote)
        if is_changed or (demand.is_idle and policy is not None):
            self._pursue(demand)

    # Demands

    def _new_demand(self, ends: Ends, not_before: int) -> _Demand:
        demand = _Demand(self._world, ends, self._negotiating)
        if not_before > self._world.now:
            demand.retry.at(not_before, lambda: self._pursue(demand))
        return demand

    def _pursue(self, demand: _Demand) -> None:
        """Negotiate unless the demand is met or being negotiated."""
        if demand.negotiation is None and self.find(demand.ends) is None:
            self._negotiate(demand)

    def _negotiate(self, demand: _Demand) -> None:
        demand.retry.cancel()
        if self._answers_only or not self._is_started:
            return
        remote = demand.ends.remote
        policy = self._config.ike.policy_for(remote)
        if policy is None:
            # Nothing would change by itself: another configuration is what helps, and it comes with `apply`.
            self._engine.report_failure(remote, FailureReason.NO_POLICY)
            return
        if not policy.proposals:
            return  # Who allows nothing has nothing to offer.
        demand.negotiation = self._engine.initiate(Endpoint(demand.ends.local, self._engine.local_port), policy)

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
        demand.retry.at(sa.expires_at - margin_us, demand.replace)

    # What the engine tells

    def on_established(self, sa: IkeSa) -> None:
        """See the demand met, and let go what it replaces."""
        self._note_answer(sa.remote.address)
        demand = self._demands.get(ends_of(sa))
        if demand is None:
            return
        demand.retry.reset()
        if demand.negotiation is sa:
            demand.negotiation = None
        self._arm_replacement(demand, sa)
        self._let_go(sa, demand)

    def on_lifetime_shortened(self, sa: IkeSa) -> None:
        """Replace it earlier, unless that has begun, or another has taken its place."""
        demand = self._demands.get(ends_of(sa))
        if demand is not None and demand.negotiation is None and self.find(demand.ends) is sa:
            self._arm_replacement(demand, sa)

    def _let_go(self, sa: IkeSa, demand: _Demand) -> None:
        """Retire whatever the new IKE SA makes needless: others, or itself."""
        others = [each for each in self.all_between(demand.ends) if each.is_matured and each is not sa]
        for other in others:
            needless = self._needless(sa, other)
            if needless is not None and needless.id not in self._retiring:
                self._retire(needless)
            if needless is sa:
                return

    def _needless(self, sa: IkeSa, other: IkeSa) -> IkeSa | None:
        """Decide between a new IKE SA and another one; None leaves it to the peer.

        Where both ends began at once there are two new ones, and both ends must let go the same: the one with the
        higher cookie. Otherwise the new one replaces the old one, which the initiator deletes.
        """
        if sa.role is not other.role and other.is_settling and sa.is_settling:
            return max(sa, other, key=lambda each: each.initiator_cookie)
        return other if sa.role is Role.INITIATOR else None

    def _retire(self, sa: IkeSa) -> None:
        """Use an IKE SA no more, and delete it once neither the peer nor a negotiation under it can need it."""
        self._retiring.add(sa.id)
        self._world.call_later(ADOPTION_US, lambda: self.on_phase2_over(sa))

    def on_phase2_over(self, sa: IkeSa) -> None:
        """Delete an IKE SA that has only been waiting for this."""
        if sa.id in self._retiring and not sa.negotiations:
            self._engine.delete(sa, DeletionReason.REPLACED)

    def on_failed(self, sa: IkeSa, reason: FailureReason) -> None:
        """Try again later, when the negotiation was ours."""
        if sa.role is Role.INITIATOR:
            self._note_reachability(sa.remote.address, reason)
        demand = self._demands.get(ends_of(sa))
        if demand is None or demand.negotiation is not sa:
            return
        demand.negotiation = None
        if reason not in (FailureReason.CLEARED, FailureReason.RECONFIGURED):
            demand.retry.back_off(lambda: self._negotiate(demand))

    def on_deleted(self, sa: IkeSa, reason: DeletionReason) -> None:
        """Negotiate anew what is still in demand."""
        self._retiring.discard(sa.id)
        if reason is DeletionReason.PEER_UNREACHABLE and self.find(ends_of(sa)) is None:
            self._note_silence(sa.remote.address)
        demand = self._demands.get(ends_of(sa))
        if demand is None or demand.negotiation is not None or self.find(demand.ends) is not None:
            return
        if reason is DeletionReason.PEER_DELETED:
            demand.retry.later(PEER_FIRST_US, lambda: self._pursue(demand))
        elif reason in (DeletionReason.LIFETIME_EXPIRED, DeletionReason.PEER_UNREACHABLE):
            # At once, but after whoever turns to another peer: then there is nothing in demand any more.
            demand.retry.later(0, lambda: self._pursue(demand))

    def _note_reachability(self, peer: Address, reason: FailureReason) -> None:
        if reason in _ANSWERED:
            self._note_answer(peer)
        elif reason is FailureReason.TIMEOUT:
            self._note_silence(peer)

    def _note_silence(self, peer: Address) -> None:
        if peer not in self._unreachable:
            self._unreachable.add(peer)
            self._bus.publish(PeerUnreachable(self._world.now, peer))

    def _note_answer(self, peer: Address) -> None:
        if self._unreachable and peer in self._unreachable:
            self._unreachable.discard(peer)
            self._bus.publish(PeerReachable(self._world.now, peer))
