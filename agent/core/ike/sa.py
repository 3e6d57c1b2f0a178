"""One IKE SA: its state, its negotiations, its Informational exchanges (RFC 2408 sec. 4.1 and 5, RFC 2409 sec. 5).

Phase 1 makes it, phase 2 negotiates under it. Which of its negotiations a message is for, message ids, encryption and
counters are here; what is on the wire of each is in the negotiation's own module.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final, Protocol

from agent.core.config import (
    AuthenticationMethod,
    ExchangeMode,
    IkePolicy,
    IkeProposal,
    IkeSettings,
)
from agent.core.events import DropReason, FailureReason
from agent.core.identifiers import Cookie, IkeSaId, MessageId, Spi
from agent.core.ike import lifetime, proposal
from agent.core.ike.agreement import Agreement, Request, Terms
from agent.core.ike.envelope import Envelope
from agent.core.ike.exchange import Discarded
from agent.core.ike.flags import IkeSaFlag
from agent.core.ike.informational_exchanges import InformationalExchanges
from agent.core.ike.lifespan import Lifespan
from agent.core.ike.liveness import Liveness
from agent.core.ike.message import PHASE_1, CookiePair, Header
from agent.core.ike.natt import KEEPALIVE, NO_NAT, Path
from agent.core.ike.numbers import ExchangeType, ProtocolId
from agent.core.ike.payloads import Delete, Notification
from agent.core.ike.phase1 import Draw, Phase1, Role
from agent.core.ike.phase1_negotiation import Phase1Negotiation
from agent.core.ike.phase2_negotiation import Phase2Negotiation as Phase2Negotiation
from agent.core.ike.phase2_negotiations import Phase2Negotiations
from agent.core.ike.refusal import NegotiationRefused
from agent.core.world import World

_QUICK_MODE: Final = ExchangeType.QUICK_MODE
_INFORMATIONAL: Final = ExchangeType.INFORMATIONAL
_MESSAGE_ID_OCTETS: Final = 4
_SPI_OCTETS: Final = 4
_OTHER_KEYS: Final = frozenset({DropReason.DECRYPTION_FAILED, DropReason.AUTHENTICATION_FAILED})
"""What a message looks like that the peer has protected with keys from another pre-shared key."""
_NO_NEGOTIATIONS: Final[Mapping[MessageId, Phase2Negotiation]] = MappingProxyType({})


@dataclass(slots=True)
class IkeSaStatistics:
    """ISAKMP messages of an IKE SA, duplicates included; octets without UDP and IP headers."""

    input_bytes: int = 0
    output_bytes: int = 0
    input_packets: int = 0
    output_packets: int = 0

    @property
    def volume(self) -> int:
        """Octets in both directions."""
        return self.input_bytes + self.output_bytes


class Owner(Protocol):
    """The engine, as its IKE SAs know it."""

    def transmit(self, sa: "IkeSa", datagram: bytes) -> None:
        """Send a datagram along the IKE SA's path."""
        ...

    def on_established(self, sa: "IkeSa") -> None:
        """The peer is authenticated."""
        ...

    def on_lifetime_shortened(self, sa: "IkeSa") -> None:
        """The peer uses the IKE SA for a shorter time than was known, and so does this end."""
        ...

    def on_failed(self, sa: "IkeSa", reason: FailureReason) -> None:
        """The negotiation ended without an IKE SA; what is left lingers."""
        ...

    def on_peer_deleted(self, sa: "IkeSa") -> None:
        """The peer has deleted the IKE SA."""
        ...

    def on_expired(self, sa: "IkeSa") -> None:
        """The lifetime is over."""
        ...

    def on_dead(self, sa: "IkeSa") -> None:
        """The peer does not say that it is there."""
        ...

    def on_lingered(self, sa: "IkeSa") -> None:
        """A failed negotiation has answered duplicates for long enough."""
        ...

    def on_phase2_requested(self, sa: "IkeSa", negotiation: Phase2Negotiation, request: Request) -> None:
        """The peer wants traffic protected, and waits for the negotiation's `on_terms`."""
        ...

    def on_phase2_established(self, sa: "IkeSa", negotiation: Phase2Negotiation, agreement: Agreement) -> None:
        """A pair of IPsec SAs has been agreed on."""
        ...

    def on_phase2_failed(self, sa: "IkeSa", negotiation: Phase2Negotiation, reason: FailureReason) -> None:
        """A phase 2 negotiation ended without a pair."""
        ...

    def on_phase2_over(self, sa: "IkeSa", negotiation: Phase2Negotiation) -> None:
        """A phase 2 negotiation is no longer remembered."""
        ...

    def on_ipsec_deleted(self, sa: "IkeSa", protocol: ProtocolId, spi: Spi) -> None:
        """The peer has deleted the IPsec SA that it received on."""
        ...


class IkeSa:
    """An IKE SA from its first message to its end, whichever end began it.

    `local` and `remote` are where the two ends send from, as far as this end knows: a translator can move them.
    `began_at` is the device time of its first message at this end.
    """

    def __init__(
        self,
        *,
        sa_id: IkeSaId,
        phase1: Phase1,
        path: Path,
        world: World,
        settings: IkeSettings,
        draw: Draw,
        owner: Owner,
    ) -> None:
        self.id = sa_id
        self.began_at = world.now
        self.role: Role = phase1.role
        self.exchange_type: ExchangeMode = phase1.mode
        self.proposal: IkeProposal | None = None
        self.policy: IkePolicy | None = phase1.policy
        self.nat = NO_NAT
        self.remote_identity: bytes | None = None
        self.statistics = IkeSaStatistics()
        self.ipsec_sas_created = 0
        self.ipsec_sas_deleted = 0
        self.local, self.remote = path
        self._world = world
        self._settings = settings
        self._draw = draw
        self._owner = owner
        self._envelope = Envelope(phase1.cookies)
        self._phase1: Phase1Negotiation | None = Phase1Negotiation(
            phase1, path=path, envelope=self._envelope, world=world, settings=settings, host=self
        )
        self._is_caller_notified = False
        self._lifespan: Lifespan | None = None
        self._informational = InformationalExchanges(
            envelope=self._envelope,
            settings=settings,
            subject=self,
        )
        self._knows_dead_peer_detection = False
        self._liveness: Liveness | None = None
        self._phase2: Phase2Negotiations | None = None

    # What the IKE SA shows

    @property
    def cookies(self) -> CookiePair:
        """Both cookies."""
        return self._envelope.cookies

    @property
    def initiator_cookie(self) -> Cookie:
        """The initiator's cookie."""
        return self._envelope.cookies.initiator

    @property
    def responder_cookie(self) -> Cookie:
        """The responder's cookie; zero until it is known."""
        return self._envelope.cookies.responder

    @property
    def is_matured(self) -> bool:
        """Whether the peer is authenticated and the IKE SA in use."""
        return self._lifespan is not None

    @property
    def established_at(self) -> int | None:
        """The device time at which the peer was authenticated."""
        return self._lifespan.began_at if self._lifespan is not None else None

    @property
    def expires_at(self) -> int | None:
        """The device time at which the lifetime will be over; it may come to be earlier."""
        return self._lifespan.ends_at if self._lifespan is not None else None

    @property
    def is_negotiating(self) -> bool:
        """Whether phase 1 is still under way."""
        return self._phase1 is not None and self._phase1.is_negotiating

    @property
    def is_settling(self) -> bool:
        """Whether it is so new that the peer may still ask for the last messages of phase 1 again."""
        return self.is_matured and self._phase1 is not None

    @property
    def remaining_seconds(self) -> int | None:
        """How many whole seconds are left of the lifetime; None before it has begun."""
        return self._lifespan.remaining_seconds if self._lifespan is not None else None

    @property
    def authentication_method(self) -> AuthenticationMethod:
        """How the ends authenticate each other."""
        return AuthenticationMethod.PRE_SHARED_KEYS

    @property
    def flags(self) -> tuple[IkeSaFlag, ...]:
        """The flags that are set, in the order of their definition."""
        phase1 = self._phase1
        conditions = (
            (IkeSaFlag.CALLER_NOTIFICATION_SENT, self._is_caller_notified),
            (IkeSaFlag.WAITING_FOR_DONE, self.is_settling),
            (IkeSaFlag.WAITING_FOR_REMOVE, phase1 is not None and phase1.is_failed),
            (IkeSaFlag.WAITING_FOR_POLICY_MANAGER, phase1 is not None and phase1.awaits_policy),
        )
        return tuple(flag for flag, holds in conditions if holds)

    @property
    def is_initial_contact(self) -> bool:
        """Whether the peer said in phase 1 that it has no other SA with us; known until phase 1 is forgotten."""
        return self._phase1 is not None and self._phase1.is_initial_contact

    @property
    def negotiations(self) -> Mapping[MessageId, Phase2Negotiation]:
        """The phase 2 negotiations in progress, those included whose last messages may still be asked for again."""
        return self._phase2.all if self._phase2 is not None else _NO_NEGOTIATIONS

    # What the engine and the policy manager do with it

    def initiate(self) -> None:
        """Send message 1."""
        assert self._phase1 is not None
        self._phase1.initiate()

    def on_policy(self, policy: IkePolicy) -> None:
        """Go on with the policy that the policy manager found. Raises Discarded when it refuses what message 1 is."""
        if self._phase1 is not None:
            self.policy = policy
            self._phase1.on_policy(policy)

    def negotiate(self, terms: Terms) -> Phase2Negotiation:
        """Begin to negotiate a pair of IPsec SAs under this IKE SA, which must be matured."""
        assert self._phase2 is not None
        return self._phase2.initiate(terms, self.draw_message_id())

    def receive(self, header: Header, datagram: bytes, path: Path) -> None:
        """Take a datagram with the cookies of this IKE SA. Raises Discarded or MalformedMessage when it is dropped."""
        self.statistics.input_packets += 1
        self.statistics.input_bytes += len(datagram)
        if self._lifespan is not None:
            self._lifespan.note_volume(self.statistics.volume)
        exchange_type = header.exchange_type
        if exchange_type == _QUICK_MODE:
            if self._receive_quick_mode(header, datagram):
                self._note_authentic(path)
        elif exchange_type == _INFORMATIONAL:
            if self._receive_informational(header, datagram):
                self._note_authentic(path)
        elif self._phase1 is not None:
            self._phase1.receive(header, datagram, path)
        else:
            raise Discarded(DropReason.UNEXPECTED_MESSAGE)

    def note_sign_of_life(self, at: int | None = None) -> None:
        """See something authentic of the peer, such as a packet under an IPsec SA with it: there is no need to ask.

        `at` is the device time at which it came, where that is not now.
        """
        if self._liveness is not None:
            self._liveness.note_heard(self._world.now if at is None else at)

    @property
    def liveness_due_at(self) -> int | None:
        """When it matters next whether there was a sign of life, in device time; None where it never does."""
        return self._liveness.due_at if self._liveness is not None else None

    def note_packet_sent(self) -> None:
        """See a packet sent where our messages go: a translator remembers us by it as by a keepalive."""
        if self._liveness is not None:
            self._liveness.note_sent()

    def send_delete(self) -> None:
        """Tell the peer that this IKE SA is deleted."""
        spi = self.cookies.spi
        self._informational.send((Delete(ProtocolId.ISAKMP, len(spi), (spi,)),), is_protected=True)

    def send_ipsec_delete(self, spis: Mapping[ProtocolId, Spi]) -> None:
        """Tell the peer that the IPsec SAs are deleted on which we received by these SPIs."""
        deletes = (Delete(protocol, _SPI_OCTETS, (spi.to_bytes(_SPI_OCTETS),)) for protocol, spi in spis.items())
        self._informational.send(tuple(deletes), is_protected=True)

    def close(self) -> None:
        """Stop every timer: the IKE SA is gone."""
        if self._phase1 is not None:
            self._phase1.close()
        if self._lifespan is not None:
            self._lifespan.close()
        if self._phase2 is not None:
            self._phase2.close()
        if self._liveness is not None:
            self._liveness.close()

    # Messages

    def _note_authentic(self, path: Path) -> None:
        """See a new message of the peer: it is there, and its translator may have another port for it by now."""
        self.note_sign_of_life()
        if self.nat.is_remote_behind_nat:
            self.remote = path.remote

    # What phase 1 reports

    def transmit(self, datagram: bytes) -> None:
        """Send a datagram, and count it."""
        self.statistics.output_packets += 1
        self.statistics.output_bytes += len(datagram)
        if self._lifespan is not None:
            self._lifespan.note_volume(self.statistics.volume)
        self._owner.transmit(self, datagram)
        if self._liveness is not None:
            self._liveness.note_sent()

    def adopt(self, phase1: Phase1, path: Path) -> None:
        """Take over what the last step has agreed."""
        self._envelope.cookies = phase1.cookies
        self.proposal = phase1.proposal
        self.nat = phase1.nat
        self.remote_identity = phase1.peer_identity
        self._knows_dead_peer_detection = phase1.knows_dead_peer_detection
        if self._envelope.keys is None and phase1.keys is not None:
            self._envelope.take_keys(phase1.keys)
        if self.nat.is_detected:
            self._float(phase1, path)

    def _float(self, phase1: Phase1, path: Path) -> None:
        """Leave port 500 (RFC 3947 sec. 4).

        The initiator does as soon as it knows of a translator, the responder once the message that moved is authentic.
        """
        if self.role is Role.RESPONDER and phase1.is_established:
            self.local, self.remote = path
        elif self.role is Role.INITIATOR:
            self.local, self.remote = phase1.floated(path)

    def refuse(self, phase1: Phase1, refusal: NegotiationRefused) -> bytes | None:
        """Tell the peer that there will be no IKE SA; where it may have one already, that this one is deleted."""
        if phase1.may_be_established_remotely:
            self.send_delete()
            return None
        self._envelope.cookies = phase1.cookies
        notification = Notification(ProtocolId.ISAKMP, self.cookies.spi, refusal.notify)
        return self._informational.send((notification,), is_protected=False)

    def on_phase1_established(self) -> None:
        """Begin to live."""
        self._phase2 = Phase2Negotiations(
            path=Path(self.local, self.remote),
            is_udp_encapsulated=self.nat.is_detected,
            envelope=self._envelope,
            world=self._world,
            settings=self._settings,
            draw=self._draw,
            host=self,
        )
        assert self.proposal is not None
        self._lifespan = Lifespan(self._world, proposal.lifetimes_of(self.proposal), self._on_expired)
        assert self._phase1 is not None
        for notice in self._phase1.notices:
            self.notify(notice)
        self._liveness = self._make_liveness()
        self._is_caller_notified = True
        self._owner.on_established(self)

    def _on_expired(self) -> None:
        self._owner.on_expired(self)

    def _make_liveness(self) -> Liveness:
        """Begin to ask and to keep alive, where the policy, the peer and the path call for it."""
        liveness = Liveness(self._world, self._draw, self.cookies)
        detection = self.policy.dead_peer_detection if self.policy is not None else None
        if detection is not None and self._knows_dead_peer_detection:
            liveness.watch(detection, self.notify, lambda: self._owner.on_dead(self))
        if self.nat.is_local_behind_nat:
            send = partial(self._owner.transmit, self, KEEPALIVE)
            liveness.keep_alive(self._settings.nat_keepalive_us, send)
        return liveness

    def on_phase1_failed(self, reason: FailureReason) -> None:
        """Linger, for duplicates that may come."""
        self._is_caller_notified = True
        self._owner.on_failed(self, reason)

    def on_phase1_over(self) -> None:
        """Drop what was kept to answer duplicates of phase 1; without an IKE SA there is nothing left."""
        if self.is_matured:
            self._phase1 = None
            self._envelope.rest()
        else:
            self._owner.on_lingered(self)

    # Phase 2

    def _receive_quick_mode(self, header: Header, datagram: bytes) -> bool:
        if self._phase2 is None or not header.is_encrypted or header.message_id == PHASE_1:
            raise Discarded(DropReason.UNEXPECTED_MESSAGE)
        return self._phase2.receive(header, datagram)

    def on_phase2_requested(self, negotiation: Phase2Negotiation, request: Request) -> None:
        """Ask for the terms of an answer."""
        self._owner.on_phase2_requested(self, negotiation, request)

    def on_phase2_established(self, negotiation: Phase2Negotiation, agreement: Agreement) -> None:
        """Count the pair."""
        self.ipsec_sas_created += 2
        self._owner.on_phase2_established(self, negotiation, agreement)

    def on_phase2_failed(self, negotiation: Phase2Negotiation, reason: FailureReason) -> None:
        """Report it."""
        self._owner.on_phase2_failed(self, negotiation, reason)

    def on_phase2_over(self, negotiation: Phase2Negotiation) -> None:
        """Forget all of a negotiation but its message id."""
        assert self._phase2 is not None
        self._phase2.forget(negotiation)
        self._owner.on_phase2_over(self, negotiation)

    def notify(self, notification: Notification) -> bytes:
        """Send a notification, protected, and return the datagram."""
        return self._informational.send((notification,), is_protected=True)

    # Informational exchanges

    def _receive_informational(self, header: Header, datagram: bytes) -> bool:
        try:
            return self._informational.receive(header, datagram, is_matured=self.is_matured)
        except Discarded as discarded:
            if self._phase1 is not None and discarded.reason in _OTHER_KEYS:
                self._phase1.on_unreadable_answer()
            raise

    def on_notification(self, notification: Notification) -> Notification | None:
        """Hear an error of the peer, which ends a negotiation, or a status; return the answer, if there is one.

        To an established IKE SA an error means nothing by itself.
        """
        if not notification.is_error:
            return self._on_status(notification)
        if self.is_negotiating and self._phase1 is not None:
            self._phase1.on_error(notification)
        elif self._phase2 is not None and notification.protocol != ProtocolId.ISAKMP:
            self._phase2.on_error(notification)
        return None

    def _on_status(self, notification: Notification) -> Notification | None:
        if self._lifespan is None or self._liveness is None:
            return None
        said = lifetime.notified((notification,), (ProtocolId.ISAKMP,))
        if said is not None and self.role is Role.INITIATOR and self._lifespan.shorten(said):
            self._owner.on_lifetime_shortened(self)
        return self._liveness.on_notification(notification)

    def on_delete(self, delete: Delete) -> None:
        """Hear of a delete; one of this IKE SA ends it."""
        if not self.is_matured:
            return
        if delete.protocol == ProtocolId.ISAKMP:
            if self.cookies.spi in delete.spis:
                self._owner.on_peer_deleted(self)
        elif delete.protocol in (ProtocolId.AH, ProtocolId.ESP) and delete.spi_octets == _SPI_OCTETS:
            for spi in delete.spis:
                self._owner.on_ipsec_deleted(self, ProtocolId(delete.protocol), Spi(int.from_bytes(spi)))

    def draw_message_id(self) -> MessageId:
        """Draw a message id that no exchange has; 0 is phase 1's."""
        while True:
            message_id = MessageId(int.from_bytes(self._draw("message-id", _MESSAGE_ID_OCTETS)))
            if message_id != PHASE_1 and (self._phase2 is None or not self._phase2.knows(message_id)):
                return message_id
