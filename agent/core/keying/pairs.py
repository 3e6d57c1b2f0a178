"""Keeps the pairs of IPsec SAs that are in demand, and lets go those that are not.

A dynamic security association that a family which is up names has a pair as soon as there is an IKE SA to negotiate it
under, and from then on is never without one: its soft lifetime calls for the successor, and the old pair stays until
the new one is in use at both ends. A manual one is installed while it is wanted. Whatever is deleted here the peer is
told of, and what the peer deletes is negotiated anew.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from agent.core.config import IkeSettings, ManualSa
from agent.core.events import (
    FailureReason,
    IpsecDeletionReason,
    IpsecNegotiationFailed,
    IpsecSaExpired,
    IpsecSaRekeyed,
    LifetimeKind,
)
from agent.core.identifiers import Address, Spi
from agent.core.ike.agreement import Agreement, Request, Terms
from agent.core.ike.numbers import ProtocolId
from agent.core.ike.phase1 import Role
from agent.core.ike.phase2_negotiation import Phase2Negotiation
from agent.core.ike.sa import IkeSa
from agent.core.ipsec.lifetime import LifetimeTimers
from agent.core.keying.association import TunnelSa
from agent.core.keying.ike_sas import PEER_FIRST_US, IkeSas, ends_of
from agent.core.keying.installation import Installation, wire_spis
from agent.core.keying.pair import SaPair, manual_pair, negotiated_pair
from agent.core.keying.plan import Ends, InterfaceFamilyState, Plan
from agent.core.keying.protection import Protection
from agent.core.keying.retry import Retry
from agent.core.world import Bus, World

BeforeChange = Callable[[str], object]
"""Is called before other packets than until now can use a security association, by its name."""


class UnknownSecurityAssociation(Exception):
    """No security association is configured by a name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no security association {name}")
        self.name = name


class NotDynamic(Exception):
    """A security association is manual, so that there is nothing to negotiate."""

    def __init__(self, name: str) -> None:
        super().__init__(f"security association {name} is manual")
        self.name = name


class _Work:
    """A security association, and what is being done for it: a negotiation of ours, or a timer that will begin one."""

    __slots__ = ("association", "demand", "is_doubtful", "negotiation", "retry")

    def __init__(self, world: World, association: TunnelSa) -> None:
        self.association = association
        self.demand: Ends | None = None  # What its plan says, once that has been looked at.
        self.negotiation: Phase2Negotiation | None = None
        self.is_doubtful = False
        self.retry = Retry(world)

    @property
    def needs_pair(self) -> bool:
        """Whether there is no pair, or one that the peer may not have any more, or one whose soft lifetime is over."""
        current = self.association.current
        return current is None or self.is_doubtful or current.is_spent


class _Watcher:
    """Hears when the lifetimes of a pair are over; satisfies Watcher."""

    __slots__ = ("_pair", "_pairs", "_work")

    def __init__(self, pairs: "Pairs", work: _Work, pair: SaPair) -> None:
        self._pairs = pairs
        self._work = work
        self._pair = pair

    def on_soft_time(self) -> None:
        """Leave the end that began the pair half of what is left."""
        soft, hard = self._pair.inbound.soft_lifetime, self._pair.inbound.hard_lifetime
        assert soft is not None
        assert hard is not None
        self._pairs.on_soft(self._work, self._pair, (hard.ends_at - soft.ends_at) // 2)

    def on_soft_octets(self) -> None:
        """Leave the end that began the pair a moment: traffic may not last for more."""
        self._pairs.on_soft(self._work, self._pair, PEER_FIRST_US)

    def on_hard(self) -> None:
        """Have the pair deleted."""
        self._pairs.on_hard(self._work, self._pair)


class Pairs:
    """The pairs of one gateway as its security associations want them."""

    def __init__(
        self,
        world: World,
        bus: Bus,
        protection: Protection,
        ike_sas: IkeSas,
        settings: IkeSettings,
        *,
        answers_only: bool,
        before_change: BeforeChange,
    ) -> None:
        self._world = world
        self._bus = bus
        self._sad = protection.sad
        self._before_change = before_change
        self._ike_sas = ike_sas
        self._answers_only = answers_only
        self._handover_us = settings.retransmission.span_us
        self._pairs_end_with_ike_sa = settings.pairs_end_with_ike_sa
        self._installation = Installation(world, bus, protection, ike_sas)
        self._is_started = False
        self._associations: dict[str, TunnelSa] = {}
        self._work: dict[str, _Work] = {}
        self._by_ends: dict[Ends, tuple[_Work, ...]] = {}

    @property
    def associations(self) -> Mapping[str, TunnelSa]:
        """Every configured security association by its name, in the order of the configuration."""
        return MappingProxyType(self._associations)

    def start(self) -> None:
        """Install the manual ones, and negotiate the others as soon as there are IKE SAs."""
        self._is_started = True
        for association in self._associations.values():
            self._install_manual(association)

    def has_pairs_with(self, peer: Address) -> bool:
        """Whether there are negotiated pairs with a peer."""
        return self._installation.has_pairs_with(peer)

    def clear(self, name: str | None) -> int:
        """Delete the pairs of one dynamic security association or of all, and return how many SAs that were.

        New ones are negotiated at once. Raises UnknownSecurityAssociation or NotDynamic.
        """
        cleared = 0
        for work in self._named(name):
            cleared += len(work.association.sas)
            self._remove_all(work.association, IpsecDeletionReason.CLEARED)
            work.retry.reset()
            self._pursue(work)
        return cleared

    def _named(self, name: str | None) -> tuple[_Work, ...]:
        if name is None:
            return tuple(self._work.values())
        if name not in self._associations:
            raise UnknownSecurityAssociation(name)
        if name not in self._work:
            raise NotDynamic(name)
        return (self._work[name],)

    # Configuration

    def apply(self, plans: Mapping[str, Plan], reason: IpsecDeletionReason) -> None:
        """Let go, for a reason, what is not wanted any more, or not like this.

        `pursue` then negotiates what is missing.
        """
        for name, association in self._associations.items():
            self._let_go(association, plans.get(name), reason)
        kept = {name: each for name, each in self._associations.items() if name in plans}
        self._associations = {name: self._adapted(kept.get(name), plan) for name, plan in plans.items()}
        self._work = {
            name: self._work.get(name) or _Work(self._world, each)
            for name, each in self._associations.items()
            if each.plan.dynamic is not None
        }
        by_ends: dict[Ends, list[_Work]] = {}
        for work in self._work.values():
            work.demand = work.association.plan.demand
            if work.demand is not None:
                by_ends.setdefault(work.demand, []).append(work)
        self._by_ends = {ends: tuple(each) for ends, each in by_ends.items()}

    def _let_go(self, association: TunnelSa, plan: Plan | None, reason: IpsecDeletionReason) -> None:
        """Remove the pairs of a security association unless the new plan wants the same pairs as the old."""
        if plan is not None and plan.wants_the_same_as(association.plan):
            return
        is_down = plan is not None and plan.interface_family is InterfaceFamilyState.DOWN
        self._remove_all(association, IpsecDeletionReason.INTERFACE_DOWN if is_down else reason)
        work = self._work.pop(association.name, None)
        if work is not None:
            work.retry.cancel()
            self._abandon(association)

    def _abandon(self, association: TunnelSa) -> None:
        """End every negotiation for a security association, whichever end began it."""
        ends = association.plan.ends
        for sa in self._ike_sas.all_between(ends) if ends is not None else ():
            for negotiation in tuple(sa.negotiations.values()):
                if negotiation.terms is not None and negotiation.terms.name == association.name:
                    negotiation.abandon(FailureReason.RECONFIGURED)

    def _adapted(self, association: TunnelSa | None, plan: Plan) -> TunnelSa:
        """Return the security association as it is planned now; what it has carried stays counted."""
        if association is None:
            association = TunnelSa(plan)
        association.plan = plan
        manual = plan.config.keying
        if isinstance(manual, ManualSa) and not association.pairs:
            association.add(manual_pair(manual, plan.config.mode))
        self._install_manual(association)
        return association

    def _install_manual(self, association: TunnelSa) -> None:
        plan = association.plan
        for pair in association.pairs if self._is_started and plan.dynamic is None and plan.is_wanted else ():
            if not pair.inbound.is_installed:
                self._installation.install(association, pair)

    # Demands

    def pursue(self) -> None:
        """Negotiate whatever is missing."""
        for work in self._work.values():
            self._pursue(work)

    def _pursue(self, work: _Work) -> None:
        """Negotiate unless there is a pair that will do, or a negotiation; without an IKE SA wait for it."""
        if self._answers_only or not self._is_started or work.negotiation is not None or not work.needs_pair:
            return
        ike_sa = self._ike_sas.find(work.demand) if work.demand is not None else None
        if ike_sa is not None:
            work.retry.cancel()
            work.negotiation = ike_sa.negotiate(self._terms(work))

    def _pursue_later(self, work: _Work, delay_us: int) -> None:
        if work.negotiation is None and work.demand is not None and not self._answers_only:
            work.retry.later(delay_us, lambda: self._pursue(work))

    def _terms(self, work: _Work) -> Terms:
        plan = work.association.plan
        dynamic, (local, remote) = plan.dynamic, plan.identities
        assert dynamic is not None
        return Terms(
            name=work.association.name,
            policy=dynamic.policy,
            mode=plan.config.mode,
            local_identity=local,
            remote_identity=remote,
            allocate_spi=self._sad.allocate,
        )

    # What IKE asks and tells

    def decide(self, sa: IkeSa, request: Request) -> Terms | None:
        """Return the terms for the traffic that a peer wants protected; None when no security association is for it."""
        for work in self._by_ends.get(ends_of(sa), ()):
            if work.association.plan.identities == (request.local_identity, request.remote_identity):
                return self._terms(work)
        return None

    def on_ike_sa(self, sa: IkeSa) -> None:
        """Negotiate under a new IKE SA; a peer that made it is left to begin, lest both do."""
        for work in self._by_ends.get(ends_of(sa), ()):
            work.is_doubtful = self._pairs_end_with_ike_sa and self._has_outlived_its_ike_sa(work)
            if sa.role is Role.INITIATOR:
                self._pursue(work)
            elif work.needs_pair:
                self._pursue_later(work, PEER_FIRST_US)

    def _has_outlived_its_ike_sa(self, work: _Work) -> bool:
        current, ends = work.association.current, work.demand
        return current is not None and ends is not None and current.ike_sa not in self._ike_sas.all_between(ends)

    def on_first_contact(self, sa: IkeSa) -> None:
        """Drop the pairs from before with a peer that has said that it knew of none (RFC 2407 sec. 4.6.3.3)."""
        peer = sa.remote.address
        if self.has_pairs_with(peer):
            for ends, works in self._by_ends.items():
                for work in works if ends.remote == peer else ():
                    self._drop_unknown(work, sa)

    def _drop_unknown(self, work: _Work, sa: IkeSa) -> None:
        unknown = [pair for pair in work.association.pairs if pair.began_at < sa.began_at]
        for pair in unknown:
            self._remove(work.association, pair, IpsecDeletionReason.PEER_DELETED, tell_peer=False)
        if unknown:
            self._pursue_later(work, PEER_FIRST_US)

    def on_established(self, sa: IkeSa, negotiation: Phase2Negotiation, agreement: Agreement) -> None:
        """Install the pair that was agreed, and let its predecessor go."""
        work = self._work_of(negotiation)
        if work is None:
            self._release(negotiation.spis)
            return
        if work.negotiation is negotiation:
            work.negotiation = None
        association = work.association
        self._before_change(association.name)
        dynamic = association.plan.dynamic
        assert dynamic is not None
        pair = negotiated_pair(self._world, agreement, dynamic.replay_window_size)
        pair.ike_sa, pair.role, pair.began_at = sa, negotiation.role, negotiation.began_at
        # The last message was the initiator's: its answerer has both, but may lack the message itself.
        patience_us = self._handover_us // 2 if pair.role is Role.INITIATOR else 0
        pair.sends_from = self._world.now + patience_us
        self._arm(work, pair)
        other = association.current
        association.add(pair)
        work.is_doubtful = False
        self._installation.install(association, pair)
        self._release(negotiation.spis)
        work.retry.reset()
        work.retry.cancel()
        if other is not None:
            self._succeed(work, other, pair)

    def _work_of(self, negotiation: Phase2Negotiation) -> _Work | None:
        return self._work.get(negotiation.terms.name) if negotiation.terms is not None else None

    def _release(self, spis: tuple[Spi, ...]) -> None:
        """Give back what a negotiation took and no SA came to use."""
        for spi in spis:
            self._sad.release(spi)

    def _succeed(self, work: _Work, other: SaPair, pair: SaPair) -> None:
        """Decide between a new pair and the one that was in use.

        Where both ends began at once there are two new ones, and both ends must keep the same: the one with the lowest
        SPI. Otherwise the new one is the successor.
        """
        if pair.is_rival_of(other) and other.lowest_spi < pair.lowest_spi:
            self._retire(work, pair, other)
            return
        association = work.association
        association.rekeys += 1
        rekeyed = IpsecSaRekeyed(
            self._world.now,
            association.name,
            other.inbound.spi,
            pair.inbound.spi,
            other.outbound.spi,
            pair.outbound.spi,
        )
        self._bus.publish(rekeyed)
        self._retire(work, other, pair)

    def _retire(self, work: _Work, pair: SaPair, successor: SaPair) -> None:
        """Delete a pair once the other end is sure to use its successor: the end that began it does so first.

        Where messages were lost, the other end may take for rivals what here came one after the other, and keep the
        one with the lowest SPI: it is then let have its way.
        """
        may_be_kept = pair.role is not successor.role and pair.lowest_spi < successor.lowest_spi
        is_first = pair.role is Role.INITIATOR and not may_be_kept
        delay_us = self._handover_us * (1 if is_first else 2)
        pair.handover = self._world.call_later(delay_us, lambda: self._on_handed_over(work, pair))

    def _reinstate(self, work: _Work, lost: SaPair) -> None:
        """Use a retired pair again whose successor the other end has deleted, having chosen otherwise."""
        if work.association.current is None:
            rivals = [each for each in work.association.pairs if each.role is not lost.role]
            if rivals:
                rivals[-1].reinstate()

    def on_failed(self, sa: IkeSa, negotiation: Phase2Negotiation, reason: FailureReason) -> bool:
        """Try again later when the negotiation was ours, and return whether it was and the peer does not answer."""
        self._release(negotiation.spis)
        work = self._work_of(negotiation)
        if negotiation.terms is not None:
            failed = IpsecNegotiationFailed(self._world.now, negotiation.terms.name, sa.remote.address, reason)
            self._bus.publish(failed)
        if work is None or work.negotiation is not negotiation:
            return False
        work.negotiation = None
        if reason is FailureReason.TIMEOUT:
            return True
        if reason is FailureReason.CLEARED:
            self._pursue_later(work, PEER_FIRST_US)
        elif reason is not FailureReason.RECONFIGURED:
            work.retry.back_off(lambda: self._pursue(work))
        return False

    def on_peer_deleted(self, sa: IkeSa, protocol: ProtocolId, spi: Spi) -> None:
        """Remove the pair whose packets the peer takes no longer, and negotiate another where it was in use."""
        for work in self._by_ends.get(ends_of(sa), ()):
            for pair in work.association.pairs:
                if wire_spis(pair.outbound).get(protocol) == spi:
                    reason = IpsecDeletionReason.REPLACED if pair.is_retired else IpsecDeletionReason.PEER_DELETED
                    self._remove(work.association, pair, reason, tell_peer=False)
                    self._reinstate(work, pair)
                    if work.needs_pair:
                        self._pursue_later(work, PEER_FIRST_US)
                    return

    # Lifetimes

    def _arm(self, work: _Work, pair: SaPair) -> None:
        soft, hard = pair.inbound.soft_lifetime, pair.inbound.hard_lifetime
        assert soft is not None
        assert hard is not None

        watcher = _Watcher(self, work, pair)
        pair.timers = LifetimeTimers(self._world, soft, hard, watcher)
        for sa in (pair.inbound, pair.outbound):
            assert sa.soft_lifetime is not None
            assert sa.hard_lifetime is not None
            sa.usage.watch(sa.soft_lifetime, sa.hard_lifetime, watcher)

    def on_soft(self, work: _Work, pair: SaPair, peer_first_us: int) -> None:
        """Have the successor negotiated.

        The end that began the pair does so at once, the other only if it has not been done by then.
        """
        if pair.is_retired or pair.is_spent:
            return
        pair.is_spent = True
        self._expire(work.association, pair, LifetimeKind.SOFT)
        if pair.role is Role.INITIATOR:
            self._pursue(work)
        else:
            self._pursue_later(work, peer_first_us)

    def on_hard(self, work: _Work, pair: SaPair) -> None:
        """Delete the pair, whether or not there is another."""
        if not pair.inbound.is_installed:
            return
        if pair.is_retired:
            self._on_handed_over(work, pair)
            return
        self._expire(work.association, pair, LifetimeKind.HARD)
        self._remove(work.association, pair, IpsecDeletionReason.EXPIRED)
        self._pursue(work)

    def _expire(self, association: TunnelSa, pair: SaPair, lifetime: LifetimeKind) -> None:
        expired = IpsecSaExpired(self._world.now, association.name, pair.inbound.spi, pair.outbound.spi, lifetime)
        self._bus.publish(expired)

    def _on_handed_over(self, work: _Work, pair: SaPair) -> None:
        self._remove(work.association, pair, IpsecDeletionReason.REPLACED)

    # Removal

    def _remove_all(self, association: TunnelSa, reason: IpsecDeletionReason, *, tell_peer: bool = True) -> None:
        for pair in association.pairs:
            self._remove(association, pair, reason, tell_peer=tell_peer)

    def _remove(
        self, association: TunnelSa, pair: SaPair, reason: IpsecDeletionReason, *, tell_peer: bool = True
    ) -> None:
        self._before_change(association.name)
        association.remove(pair)
        self._installation.remove(association, pair, reason, tell_peer=tell_peer)
