"""The IKE engine of one gateway: it finds the IKE SA of a datagram, makes new ones, and tells what became of them.

The engine takes octets and gives octets, events and calls to the policy manager; time is the World's. Whatever arrives,
nothing is raised: what cannot be used is a `DatagramDropped` event and a counter. State for a stranger is limited, per
address and in all (RFC 2408 sec. 2.5.3 wants little of it).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Protocol

from agent.core.config import ExchangeMode, IkePolicy, IkeSettings
from agent.core.events import (
    DatagramDropped,
    DeletionReason,
    DropReason,
    FailureReason,
    IkeNegotiationFailed,
    IkeSaChanged,
    IkeSaDeleted,
    IkeSaEstablished,
    Outcome,
)
from agent.core.identifiers import Address, Endpoint, IkeSaId, MessageId, Spi
from agent.core.ike.aggressive_mode import AggressiveModeInitiator, AggressiveModeResponder
from agent.core.ike.agreement import Agreement, Request, Terms
from agent.core.ike.cookies import CookieMaker, KeyedCookies
from agent.core.ike.exchange import Discarded
from agent.core.ike.exponents import Exponents
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.informational import early_notification
from agent.core.ike.main_mode import MainModeInitiator, MainModeResponder
from agent.core.ike.message import ZERO_COOKIE, CookiePair, Header
from agent.core.ike.natt import KEEPALIVE, Path
from agent.core.ike.numbers import ExchangeType, NotifyType, ProtocolId
from agent.core.ike.payloads import Notification
from agent.core.ike.phase1 import Phase1, Role
from agent.core.ike.phase2_negotiation import Phase2Negotiation
from agent.core.ike.sa import IkeSa
from agent.core.ike.sa_index import PHASE_1_EXCHANGES, IkeSaIndex
from agent.core.world import Bus, World

_DROP_BY_NOTIFY: Final[Mapping[NotifyType, DropReason]] = MappingProxyType(
    {
        NotifyType.INVALID_MAJOR_VERSION: DropReason.UNSUPPORTED_VERSION,
        NotifyType.INVALID_MINOR_VERSION: DropReason.UNSUPPORTED_VERSION,
    }
)
_OUTCOME: Final[Mapping[FailureReason, Outcome]] = MappingProxyType(
    {
        FailureReason.TIMEOUT: Outcome.TIMEOUT,
        FailureReason.NO_PROPOSAL_CHOSEN: Outcome.REFUSED,
        FailureReason.AUTHENTICATION_FAILED: Outcome.AUTHENTICATION_FAILED,
    }
)
_SUPPORTED: Final = PHASE_1_EXCHANGES | {ExchangeType.INFORMATIONAL, ExchangeType.QUICK_MODE}
_FAILURE_BY_DELETION: Final[Mapping[DeletionReason, FailureReason]] = MappingProxyType(
    {DeletionReason.RECONFIGURED: FailureReason.RECONFIGURED}
)

Send = Callable[[Endpoint, Endpoint, bytes], None]
"""Takes the source, the destination and the octets of a datagram."""


class PolicyManager(Protocol):
    """Who decides what the engine may agree to, and uses what comes of it."""

    def decide(self, remote: Endpoint, answer: Callable[[IkePolicy | None], None]) -> None:
        """Find the policy to answer a peer by, and call `answer` with it, now or later; None ignores the peer.

        A policy of another mode than the peer began with refuses it.
        """
        ...

    def on_established(self, sa: IkeSa) -> None:
        """An IKE SA came into being."""
        ...

    def on_lifetime_shortened(self, sa: IkeSa) -> None:
        """An IKE SA will end earlier than it said when it came into being."""
        ...

    def on_failed(self, sa: IkeSa, reason: FailureReason) -> None:
        """A negotiation ended without an IKE SA."""
        ...

    def on_deleted(self, sa: IkeSa, reason: DeletionReason) -> None:
        """An IKE SA is gone."""
        ...

    def has_pairs_with(self, peer: Address) -> bool:
        """Whether there are IPsec SAs with a peer, which must not be told that this is the first contact."""
        ...

    def decide_phase2(self, sa: IkeSa, request: Request, answer: Callable[[Terms | None], None]) -> None:
        """Find the terms to answer a phase 2 request on, and call `answer`, now or later; None refuses the traffic."""
        ...

    def on_phase2_established(self, sa: IkeSa, negotiation: Phase2Negotiation, agreement: Agreement) -> None:
        """A pair of IPsec SAs has been agreed on."""
        ...

    def on_phase2_failed(self, sa: IkeSa, negotiation: Phase2Negotiation, reason: FailureReason) -> None:
        """A phase 2 negotiation ended without a pair."""
        ...

    def on_phase2_over(self, sa: IkeSa, negotiation: Phase2Negotiation) -> None:
        """Nothing of a phase 2 negotiation can come any more."""
        ...

    def on_ipsec_deleted(self, sa: IkeSa, protocol: ProtocolId, spi: Spi) -> None:
        """The peer has deleted the IPsec SA that it received on by an SPI."""
        ...


@dataclass(frozen=True, slots=True)
class IkeStatistics:
    """Counters of an engine: every reason and every outcome has an entry."""

    dropped: Mapping[DropReason, int]
    half_open: int
    negotiations: Mapping[Outcome, int]


class IkeEngine:
    """All IKE SAs of one gateway. `name` sets its entropy apart from that of other gateways in the same World."""

    def __init__(
        self,
        *,
        world: World,
        name: str,
        settings: IkeSettings,
        policies: PolicyManager,
        send: Send,
        bus: Bus,
        cookies: CookieMaker | None = None,
    ) -> None:
        self._world = world
        self._name = name
        self._settings = settings
        self._policies = policies
        self._send = send
        self._bus = bus
        self._cookies = cookies or KeyedCookies(world, self._draw)
        self._exponents = Exponents(world, settings, self._draw)
        self._drawing = self._draw  # One bound method for all IKE SAs.
        self._last_id = 0
        self._index = IkeSaIndex()
        self._half_open = 0
        self._dropped = dict.fromkeys(DropReason, 0)
        self._outcomes = dict.fromkeys(Outcome, 0)

    @property
    def sas(self) -> Mapping[IkeSaId, IkeSa]:
        """Every IKE SA in the order of the ids: in negotiation, established, or failed and not yet removed."""
        return self._index.all

    @property
    def statistics(self) -> IkeStatistics:
        """A copy of the counters."""
        dropped, outcomes = MappingProxyType(dict(self._dropped)), MappingProxyType(dict(self._outcomes))
        return IkeStatistics(dropped, self._half_open, outcomes)

    @property
    def local_port(self) -> int:
        """The port that negotiations begin on."""
        return self._settings.local_port

    def limit_half_open(self, in_all: int, of_a_peer: int) -> None:
        """Let so many negotiations be half-open from now on; those that there are go on."""
        self._settings = replace(self._settings, half_open_limit=in_all, half_open_limit_per_peer=of_a_peer)

    def sas_with(self, address: Address) -> tuple[IkeSa, ...]:
        """Return the IKE SAs with one peer, in the order of their ids."""
        return self._index.with_peer(address)

    # Verbs

    def receive(self, source: Endpoint, destination: Endpoint, datagram: bytes) -> None:
        """Take a datagram off the wire."""
        if datagram == KEEPALIVE:
            return
        path = Path(destination, source)
        try:
            header = Header.decode(datagram)
            if header.exchange_type not in _SUPPORTED:
                self._refuse_first(header, path, NotifyType.INVALID_EXCHANGE_TYPE)
                raise Discarded(DropReason.UNSUPPORTED_EXCHANGE)
            sa = self._index.find(header, path)
            if sa is None:
                self._answer(header, datagram, path)
            else:
                remote, was_matured = sa.remote, sa.is_matured
                sa.receive(header, datagram, path)
                if not was_matured:
                    self._index.note_cookies(sa)
                if not was_matured or sa.remote != remote:
                    self._tell_changed(sa)
        except MalformedMessage as malformed:
            self._drop(source, _DROP_BY_NOTIFY.get(malformed.notify, DropReason.MALFORMED_MESSAGE))
        except Discarded as discarded:
            self._drop(source, discarded.reason)

    def initiate(self, local: Endpoint, policy: IkePolicy) -> IkeSa:
        """Begin to negotiate with the policy's peer, by the exchange that the policy names."""
        path = Path(local, Endpoint(policy.peer_address, policy.remote_port))
        sa = self._make(self._initiator(policy, path), path)
        sa.initiate()
        return sa

    def delete(self, sa: IkeSa, reason: DeletionReason) -> None:
        """Remove an IKE SA, whatever has become of it: an established one tells its peer, a negotiation fails."""
        if sa.is_matured:
            if reason is not DeletionReason.PEER_DELETED:
                sa.send_delete()
            self._forget(sa)
            deleted = IkeSaDeleted(
                self._world.now, sa.id, sa.remote.address, sa.initiator_cookie, sa.responder_cookie, reason
            )
            self._bus.publish(deleted)
            for negotiation in sa.negotiations.values():
                negotiation.abandon(_FAILURE_BY_DELETION.get(reason, FailureReason.CLEARED))
            sa.close()
            self._policies.on_deleted(sa, reason)
        elif sa.is_negotiating:
            self._forget(sa)
            self.on_failed(sa, _FAILURE_BY_DELETION.get(reason, FailureReason.CLEARED))
        else:
            self._forget(sa)

    def report_failure(self, peer: Address, reason: FailureReason) -> None:
        """Count and publish a negotiation that could not even begin."""
        self._outcomes[_OUTCOME.get(reason, Outcome.FAILED)] += 1
        self._bus.publish(IkeNegotiationFailed(self._world.now, None, peer, ZERO_COOKIE, ZERO_COOKIE, reason))

    def _initiator(self, policy: IkePolicy, path: Path) -> Phase1:
        address = policy.peer_address

        def has_other_sa() -> bool:
            return any(sa.is_matured for sa in self.sas_with(address)) or self._policies.has_pairs_with(address)

        cookies = CookiePair(self._cookies.make(path, ZERO_COOKIE), ZERO_COOKIE)
        mode = MainModeInitiator if policy.mode is ExchangeMode.MAIN else AggressiveModeInitiator
        return mode(
            cookies=cookies,
            settings=self._settings,
            draw=self._draw,
            exponents=self._exponents,
            policy=policy,
            has_other_sa=has_other_sa,
        )

    def _responder(self, header: Header, path: Path) -> Phase1:
        cookies = CookiePair(header.initiator_cookie, self._cookies.make(path, header.initiator_cookie))
        mode = MainModeResponder if header.exchange_type == ExchangeType.MAIN else AggressiveModeResponder
        return mode(cookies=cookies, settings=self._settings, draw=self._draw, exponents=self._exponents)

    # Finding and making IKE SAs

    def _answer(self, header: Header, datagram: bytes, path: Path) -> None:
        """Begin an IKE SA as the responder to message 1."""
        address = path.remote.address
        with_peer = sum(_is_half_open(sa) for sa in self.sas_with(address))
        settings = self._settings
        if self._half_open >= settings.half_open_limit or with_peer >= settings.half_open_limit_per_peer:
            raise Discarded(DropReason.HALF_OPEN_LIMIT)
        sa = self._make(self._responder(header, path), path)
        self._half_open += 1
        try:
            sa.receive(header, datagram, path)
        except MalformedMessage as malformed:
            self._forget(sa)
            self._refuse_first(header, path, malformed.notify)
            raise
        except Discarded:
            self._forget(sa)
            raise
        self._policies.decide(path.remote, lambda policy: self._on_decision(sa, policy))

    def _refuse_first(self, header: Header, path: Path, notify: NotifyType) -> None:
        """Tell a peer with a policy what is wrong with its first message; nothing is kept of it.

        Later messages are not answered so: who forges one could have us end what the true peer began.
        """

        def answer(policy: IkePolicy | None) -> None:
            if policy is not None:
                cookies = CookiePair(header.initiator_cookie, self._cookies.make(path, header.initiator_cookie))
                refusal = Notification(ProtocolId.ISAKMP, cookies.spi, notify)
                message_id = MessageId(int.from_bytes(self._draw("message-id", 4)))
                self._send(path.local, path.remote, early_notification(cookies, message_id, refusal))

        if header.responder_cookie == ZERO_COOKIE != header.initiator_cookie:
            self._policies.decide(path.remote, answer)

    def _on_decision(self, sa: IkeSa, policy: IkePolicy | None) -> None:
        if sa.id not in self._index.all:
            return
        if policy is None:
            self._forget(sa)
            self._drop(sa.remote, DropReason.NO_POLICY)
            return
        try:
            sa.on_policy(policy)
        except Discarded as discarded:
            self._drop(sa.remote, discarded.reason)
        self._tell_changed(sa)

    def _make(self, phase1: Phase1, path: Path) -> IkeSa:
        self._last_id += 1
        sa = IkeSa(
            sa_id=IkeSaId(self._last_id),
            phase1=phase1,
            path=path,
            world=self._world,
            settings=self._settings,
            draw=self._drawing,
            owner=self,
        )
        self._index.add(sa)
        self._tell_changed(sa)
        return sa

    def _forget(self, sa: IkeSa) -> None:
        """Remove all of an IKE SA."""
        sa.close()
        if _is_half_open(sa):
            self._half_open -= 1
        self._index.remove(sa)
        self._tell_changed(sa)

    def _tell_changed(self, sa: IkeSa) -> None:
        if self._bus.is_heard(IkeSaChanged):
            self._bus.publish(IkeSaChanged(self._world.now, sa.id, sa.remote.address))

    # What the IKE SAs report

    def transmit(self, sa: IkeSa, datagram: bytes) -> None:
        """Send a datagram of an IKE SA."""
        self._send(sa.local, sa.remote, datagram)

    def on_established(self, sa: IkeSa) -> None:
        """Count and publish; where the peer said that it has no other IKE SA with us, drop those from before."""
        if sa.role is Role.RESPONDER:
            self._half_open -= 1
        self._outcomes[Outcome.ESTABLISHED] += 1
        established = IkeSaEstablished(
            self._world.now, sa.id, sa.remote.address, sa.initiator_cookie, sa.responder_cookie
        )
        self._bus.publish(established)
        self._policies.on_established(sa)
        if sa.is_initial_contact:
            for other in self.sas_with(sa.remote.address):
                if _is_superseded(sa, other):
                    self.delete(other, DeletionReason.INITIAL_CONTACT)

    def on_lifetime_shortened(self, sa: IkeSa) -> None:
        """Tell the policy manager."""
        self._tell_changed(sa)
        self._policies.on_lifetime_shortened(sa)

    def on_failed(self, sa: IkeSa, reason: FailureReason) -> None:
        """Count and publish; what is left of the negotiation goes on answering duplicates for a while."""
        self._outcomes[_OUTCOME.get(reason, Outcome.FAILED)] += 1
        failed = IkeNegotiationFailed(
            self._world.now, sa.id, sa.remote.address, sa.initiator_cookie, sa.responder_cookie, reason
        )
        self._bus.publish(failed)
        self._policies.on_failed(sa, reason)

    def on_peer_deleted(self, sa: IkeSa) -> None:
        """Remove the IKE SA that the peer has removed."""
        self.delete(sa, DeletionReason.PEER_DELETED)

    def on_expired(self, sa: IkeSa) -> None:
        """Remove the IKE SA at the end of its lifetime."""
        self.delete(sa, DeletionReason.LIFETIME_EXPIRED)

    def on_dead(self, sa: IkeSa) -> None:
        """Remove the IKE SA with a peer that does not answer."""
        self.delete(sa, DeletionReason.PEER_UNREACHABLE)

    def on_lingered(self, sa: IkeSa) -> None:
        """Remove what was left of a failed negotiation."""
        self._forget(sa)

    def on_phase2_requested(self, sa: IkeSa, negotiation: Phase2Negotiation, request: Request) -> None:
        """Ask the policy manager."""
        self._policies.decide_phase2(sa, request, negotiation.on_terms)

    def on_phase2_established(self, sa: IkeSa, negotiation: Phase2Negotiation, agreement: Agreement) -> None:
        """Tell the policy manager."""
        self._policies.on_phase2_established(sa, negotiation, agreement)

    def on_phase2_failed(self, sa: IkeSa, negotiation: Phase2Negotiation, reason: FailureReason) -> None:
        """Tell the policy manager."""
        self._policies.on_phase2_failed(sa, negotiation, reason)

    def on_phase2_over(self, sa: IkeSa, negotiation: Phase2Negotiation) -> None:
        """Tell the policy manager."""
        self._policies.on_phase2_over(sa, negotiation)

    def on_ipsec_deleted(self, sa: IkeSa, protocol: ProtocolId, spi: Spi) -> None:
        """Tell the policy manager."""
        self._policies.on_ipsec_deleted(sa, protocol, spi)

    def _draw(self, purpose: str, count: int) -> bytes:
        return self._world.entropy.draw(f"{self._name}/ike/{purpose}", count)

    def _drop(self, source: Endpoint, reason: DropReason) -> None:
        self._dropped[reason] += 1
        self._bus.publish(DatagramDropped(self._world.now, source, reason))


def _is_superseded(sa: IkeSa, other: IkeSa) -> bool:
    """Say whether an IKE SA was there before a peer began another as its first, and so cannot have it any more.

    One that came into being meanwhile the peer could not know: it had begun to negotiate as we had.
    """
    return other.established_at is not None and other.established_at < sa.began_at and _is_same_peer(sa, other)


def _is_same_peer(sa: IkeSa, other: IkeSa) -> bool:
    """Say whether two IKE SAs with one address are with one peer: behind a translator there can be many."""
    return not sa.nat.is_remote_behind_nat or sa.remote_identity == other.remote_identity


def _is_half_open(sa: IkeSa) -> bool:
    """Say whether somebody else began this and has not been authenticated."""
    return sa.role is Role.RESPONDER and not sa.is_matured
