"""The IKE engine of one gateway: it finds the IKE SA of a datagram, makes new ones, and tells what became of them.

The engine takes octets and gives octets, events and calls to the policy manager; time is the World's. Whatever arrives,
nothing is raised: what cannot be used is a `DatagramDropped` event and a counter. State for a stranger is limited, per
address and in all (RFC 2408 sec. 2.5.3 wants little of it).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from agent.core.config import ExchangeMode, IkePolicy, IkeSettings
from agent.core.events import (
    DatagramDropped,
    DeletionReason,
    DropReason,
    FailureReason,
    IkeNegotiationFailed,
    IkeSaDeleted,
    IkeSaEstablished,
    Outcome,
)
from agent.core.identifiers import Address, Cookie, Endpoint, IkeSaId, Spi
from agent.core.ike.agreement import Agreement, Request, Terms
from agent.core.ike.exchange import Discarded
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.main_mode import MainModeInitiator, MainModeResponder
from agent.core.ike.message import ZERO_COOKIE, Header
from agent.core.ike.natt import Path
from agent.core.ike.numbers import ExchangeType, NotifyType, ProtocolId
from agent.core.ike.phase1 import Phase1, Role
from agent.core.ike.phase2_negotiation import Phase2Negotiation
from agent.core.ike.sa import IkeSa
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
_SUPPORTED: Final = frozenset({ExchangeType.MAIN, ExchangeType.INFORMATIONAL, ExchangeType.QUICK_MODE})
_FAILURE_BY_DELETION: Final[Mapping[DeletionReason, FailureReason]] = MappingProxyType(
    {DeletionReason.RECONFIGURED: FailureReason.RECONFIGURED}
)

Send = Callable[[Endpoint, Endpoint, bytes], None]
"""Takes the source, the destination and the octets of a datagram."""


class UnsupportedExchange(Exception):
    """A policy asks for an exchange that the engine does not have."""

    def __init__(self, mode: ExchangeMode) -> None:
        super().__init__(f"{mode.value} mode is not supported")
        self.mode = mode


class PolicyManager(Protocol):
    """Who decides what the engine may agree to, and uses what comes of it."""

    def decide(self, remote: Endpoint, answer: Callable[[IkePolicy | None], None]) -> None:
        """Find the policy to answer a peer by, and call `answer` with it, now or later; None refuses the peer."""
        ...

    def on_established(self, sa: IkeSa) -> None:
        """An IKE SA came into being."""
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
        self, *, world: World, name: str, settings: IkeSettings, policies: PolicyManager, send: Send, bus: Bus
    ) -> None:
        self._world = world
        self._name = name
        self._settings = settings
        self._policies = policies
        self._send = send
        self._bus = bus
        self._last_id = 0
        self._sas: dict[IkeSaId, IkeSa] = {}
        self._by_peer: dict[Address, dict[IkeSaId, IkeSa]] = {}
        self._by_cookies: dict[bytes, IkeSa] = {}
        # A first message has but one cookie: our own go by it, others' by their sender and it.
        self._initiated: dict[Cookie, IkeSa] = {}
        self._answered: dict[tuple[Address, Cookie], IkeSa] = {}
        self._half_open = 0
        self._dropped = dict.fromkeys(DropReason, 0)
        self._outcomes = dict.fromkeys(Outcome, 0)

    @property
    def sas(self) -> Mapping[IkeSaId, IkeSa]:
        """Every IKE SA in the order of the ids: in negotiation, established, or failed and not yet removed."""
        return MappingProxyType(self._sas)

    @property
    def statistics(self) -> IkeStatistics:
        """A copy of the counters."""
        dropped, outcomes = MappingProxyType(dict(self._dropped)), MappingProxyType(dict(self._outcomes))
        return IkeStatistics(dropped, self._half_open, outcomes)

    def sas_with(self, address: Address) -> tuple[IkeSa, ...]:
        """Return the IKE SAs with one peer, in the order of their ids."""
        return tuple(self._by_peer.get(address, {}).values())

    # Verbs

    def receive(self, source: Endpoint, destination: Endpoint, datagram: bytes) -> None:
        """Take a datagram off the wire."""
        path = Path(destination, source)
        try:
            header = Header.decode(datagram)
            if header.exchange_type not in _SUPPORTED:
                raise Discarded(DropReason.UNSUPPORTED_EXCHANGE)
            sa = self._find(header, path)
            if sa is None:
                self._answer(header, datagram, path)
            else:
                sa.receive(header, datagram, path)
                self._index(sa)
        except MalformedMessage as malformed:
            self._drop(source, _DROP_BY_NOTIFY.get(malformed.notify, DropReason.MALFORMED_MESSAGE))
        except Discarded as discarded:
            self._drop(source, discarded.reason)

    def initiate(self, local: Endpoint, policy: IkePolicy) -> IkeSa:
        """Begin to negotiate with the policy's peer. Raises UnsupportedExchange unless the policy's mode is main."""
        if policy.mode is not ExchangeMode.MAIN:
            raise UnsupportedExchange(policy.mode)
        remote = Endpoint(policy.peer_address, policy.remote_port)

        def has_other_sa() -> bool:
            address = policy.peer_address
            return any(sa.is_matured for sa in self.sas_with(address)) or self._policies.has_pairs_with(address)

        phase1 = MainModeInitiator(self._settings, self._draw, policy, has_other_sa)
        sa = self._make(phase1, Path(local, remote))
        self._initiated[sa.initiator_cookie] = sa
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

    # Finding and making IKE SAs

    def _find(self, header: Header, path: Path) -> IkeSa | None:
        """Return the IKE SA of a datagram, or None when it may be the first message of a new one."""
        if header.initiator_cookie == ZERO_COOKIE:
            raise Discarded(DropReason.MALFORMED_MESSAGE)
        sa = self._by_cookies.get(header.initiator_cookie + header.responder_cookie)
        is_first = header.responder_cookie == ZERO_COOKIE and header.exchange_type == ExchangeType.MAIN
        if sa is None and is_first:
            if header.initiator_cookie in self._initiated:
                # Our own message 1 has come back to us.
                raise Discarded(DropReason.UNEXPECTED_MESSAGE)
            sa = self._answered.get((path.remote.address, header.initiator_cookie))
            if sa is None:
                return None
        sa = sa or self._initiated.get(header.initiator_cookie)
        if sa is None or sa.remote.address != path.remote.address:
            raise Discarded(DropReason.UNKNOWN_COOKIE)
        return sa

    def _answer(self, header: Header, datagram: bytes, path: Path) -> None:
        """Begin an IKE SA as the responder to message 1."""
        address = path.remote.address
        with_peer = sum(_is_half_open(sa) for sa in self.sas_with(address))
        settings = self._settings
        if self._half_open >= settings.half_open_limit or with_peer >= settings.half_open_limit_per_peer:
            raise Discarded(DropReason.HALF_OPEN_LIMIT)
        sa = self._make(MainModeResponder(settings, self._draw), path)
        self._half_open += 1
        self._answered[address, header.initiator_cookie] = sa
        try:
            sa.receive(header, datagram, path)
        except (MalformedMessage, Discarded):
            self._forget(sa)
            raise
        self._by_cookies[sa.cookies.spi] = sa
        self._policies.decide(path.remote, lambda policy: self._on_decision(sa, policy))

    def _on_decision(self, sa: IkeSa, policy: IkePolicy | None) -> None:
        if sa.id not in self._sas:
            return
        if policy is not None:
            sa.on_policy(policy)
        else:
            self._forget(sa)
            self._drop(sa.remote, DropReason.NO_POLICY)

    def _make(self, phase1: Phase1, path: Path) -> IkeSa:
        self._last_id += 1
        sa = IkeSa(
            sa_id=IkeSaId(self._last_id),
            phase1=phase1,
            path=path,
            world=self._world,
            settings=self._settings,
            draw=self._draw,
            owner=self,
        )
        self._sas[sa.id] = sa
        self._by_peer.setdefault(path.remote.address, {})[sa.id] = sa
        return sa

    def _index(self, sa: IkeSa) -> None:
        """Once the responder's cookie is known, the pair of them finds the IKE SA."""
        if sa.responder_cookie != ZERO_COOKIE and self._initiated.pop(sa.initiator_cookie, None) is not None:
            self._by_cookies[sa.cookies.spi] = sa

    def _forget(self, sa: IkeSa) -> None:
        """Take an IKE SA out of every index; its id is not used again."""
        sa.close()
        if _is_half_open(sa):
            self._half_open -= 1
        address = sa.remote.address
        del self._sas[sa.id]
        del self._by_peer[address][sa.id]
        if not self._by_peer[address]:
            del self._by_peer[address]
        self._by_cookies.pop(sa.cookies.spi, None)
        if sa.role is Role.INITIATOR:
            self._initiated.pop(sa.initiator_cookie, None)
        else:
            self._answered.pop((address, sa.initiator_cookie), None)

    # What the IKE SAs report

    def transmit(self, sa: IkeSa, datagram: bytes) -> None:
        """Send a datagram of an IKE SA."""
        self._send(sa.local, sa.remote, datagram)

    def on_established(self, sa: IkeSa) -> None:
        """Count and publish; where the peer said that it has no other IKE SA with us, drop the older ones."""
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
                if other.is_matured and other.id < sa.id:
                    self.delete(other, DeletionReason.INITIAL_CONTACT)

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


def _is_half_open(sa: IkeSa) -> bool:
    """Say whether somebody else began this and has not been authenticated."""
    return sa.role is Role.RESPONDER and not sa.is_matured
