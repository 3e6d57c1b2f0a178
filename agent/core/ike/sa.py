"""One IKE SA: its state, its messages, its timers (RFC 2408 sec. 4.1 and 5, RFC 2409 sec. 5).

Retransmission, duplicates, encryption, message ids and the chain of initialization vectors live here and nowhere else;
exchanges give and take payloads. Only a message that its exchange took moves the chain, stops retransmission and is
remembered: a forged one leaves no trace but a count.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, Protocol

from agent.core.config import (
    NAT_PORT,
    AuthenticationMethod,
    ExchangeMode,
    IkePolicy,
    IkeProposal,
    IkeSettings,
)
from agent.core.events import DropReason, FailureReason
from agent.core.identifiers import Cookie, Endpoint, IkeSaId, MessageId
from agent.core.ike.envelope import Envelope
from agent.core.ike.exchange import Discarded, Reply
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.informational import (
    InformationalInitiator,
    InformationalResponder,
    InitiatorInput,
    ResponderInput,
)
from agent.core.ike.message import PHASE_1, CookiePair, Header, Message
from agent.core.ike.natt import NO_NAT, Path
from agent.core.ike.numbers import ExchangeType, ProtocolId
from agent.core.ike.payloads import Delete, Notification, Payload
from agent.core.ike.phase1 import Draw, Input, Phase1, Role
from agent.core.ike.refusal import NegotiationRefused, authentication_failed, failure_of
from agent.core.ike.retransmission import ReplyMemory, Retransmitter
from agent.core.world import SECOND, Timer, World

_MESSAGE_ID_OCTETS: Final = 4


class IkeSaFlag(Enum):
    """Where an IKE SA stands between the negotiation, its caller and the peer's retransmission timers."""

    CALLER_NOTIFICATION_SENT = "caller-notification-sent"
    WAITING_FOR_DONE = "waiting-for-done"
    WAITING_FOR_REMOVE = "waiting-for-remove"
    WAITING_FOR_POLICY_MANAGER = "waiting-for-policy-manager"


class _Stage(Enum):
    NEGOTIATING = "negotiating"
    MATURED = "matured"
    FAILED = "failed"


@dataclass(slots=True)
class IkeSaStatistics:
    """ISAKMP messages of an IKE SA, duplicates included; octets without UDP and IP headers."""

    input_bytes: int = 0
    output_bytes: int = 0
    input_packets: int = 0
    output_packets: int = 0


class Phase2Negotiation(Protocol):
    """A negotiation of IPsec SAs under an IKE SA."""

    @property
    def message_id(self) -> MessageId:
        """The message id all its messages have."""
        ...

    @property
    def role(self) -> Role:
        """Our part in it."""
        ...

    @property
    def local(self) -> Endpoint:
        """Our end."""
        ...

    @property
    def remote(self) -> Endpoint:
        """The peer's end."""
        ...

    @property
    def local_identity(self) -> str:
        """The traffic at our end: id-type-name(proto-name:port,[0..id-data-len]=presentation)."""
        ...

    @property
    def remote_identity(self) -> str:
        """The traffic at the peer's end, in the same form."""
        ...

    @property
    def flags(self) -> tuple[IkeSaFlag, ...]:
        """The flags that are set, in the order of their definition."""
        ...


class Owner(Protocol):
    """The engine, as its IKE SAs know it."""

    def transmit(self, sa: "IkeSa", datagram: bytes) -> None:
        """Send a datagram along the IKE SA's path."""
        ...

    def on_established(self, sa: "IkeSa") -> None:
        """The peer is authenticated."""
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

    def on_lingered(self, sa: "IkeSa") -> None:
        """A failed negotiation has answered duplicates for long enough."""
        ...


class IkeSa:
    """An IKE SA from its first message to its end, whichever end began it."""

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
        self.role: Role = phase1.role
        self.exchange_type: ExchangeMode = phase1.mode
        self._phase1_type = phase1.exchange_type
        self.proposal: IkeProposal | None = None
        self.policy: IkePolicy | None = phase1.policy
        self.nat = NO_NAT
        self.established_at: int | None = None
        self.expires_at: int | None = None
        self.statistics = IkeSaStatistics()
        self.ipsec_sas_created = 0
        self.ipsec_sas_deleted = 0
        self._path = path
        self._world = world
        self._settings = settings
        self._draw = draw
        self._owner = owner
        self._phase1: Phase1 | None = phase1
        self._stage = _Stage.NEGOTIATING
        self._envelope = Envelope(phase1.cookies)
        self._is_caller_notified = False
        self._memory = ReplyMemory(settings.reply_memory)
        self._retransmitter = Retransmitter(world, settings.retransmission, self._transmit, self._on_time_out)
        self._timer: Timer | None = world.call_later(settings.phase1_timeout_us, self._on_time_out)
        self._lifetime: Timer | None = None

    # What the IKE SA shows

    @property
    def local(self) -> Endpoint:
        """Our end."""
        return self._path.local

    @property
    def remote(self) -> Endpoint:
        """The peer's end."""
        return self._path.remote

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
        return self._stage is _Stage.MATURED

    @property
    def is_negotiating(self) -> bool:
        """Whether phase 1 is still under way."""
        return self._stage is _Stage.NEGOTIATING

    @property
    def remaining_seconds(self) -> int | None:
        """How many whole seconds are left of the lifetime; None before it has begun."""
        return None if self.expires_at is None else max(0, self.expires_at - self._world.now) // SECOND

    @property
    def authentication_method(self) -> AuthenticationMethod:
        """How the ends authenticate each other."""
        return AuthenticationMethod.PRE_SHARED_KEYS

    @property
    def flags(self) -> tuple[IkeSaFlag, ...]:
        """The flags that are set, in the order of their definition."""
        is_settling = self._phase1 is not None
        conditions = (
            (IkeSaFlag.CALLER_NOTIFICATION_SENT, self._is_caller_notified),
            (IkeSaFlag.WAITING_FOR_DONE, self.is_matured and is_settling),
            (IkeSaFlag.WAITING_FOR_REMOVE, self._stage is _Stage.FAILED),
            (IkeSaFlag.WAITING_FOR_POLICY_MANAGER, self._phase1 is not None and self._phase1.awaits_policy),
        )
        return tuple(flag for flag, holds in conditions if holds)

    @property
    def is_initial_contact(self) -> bool:
        """Whether the peer said in phase 1 that it has no other IKE SA with us; known until phase 1 is forgotten."""
        return self._phase1 is not None and self._phase1.is_initial_contact

    @property
    def negotiations(self) -> Mapping[MessageId, Phase2Negotiation]:
        """The phase 2 negotiations in progress."""
        return MappingProxyType({})

    # What the engine does with it

    def initiate(self) -> None:
        """Send message 1."""
        assert self._phase1 is not None
        reply = self._phase1.run(Input.INITIATE)
        assert reply is not None
        self._send_phase1(reply)

    def on_policy(self, policy: IkePolicy) -> None:
        """Go on with the policy that the policy manager found."""
        phase1 = self._phase1
        if phase1 is None or not phase1.awaits_policy:
            return
        self.policy = policy
        try:
            reply = phase1.run(Input.POLICY_FOUND, policy)
        except NegotiationRefused as refusal:
            self._refuse(phase1, refusal)
            return
        self._adopt(phase1, self._path)
        if reply is not None:
            self._send_phase1(reply)

    def receive(self, header: Header, datagram: bytes, path: Path) -> None:
        """Take a datagram with the cookies of this IKE SA. Raises Discarded or MalformedMessage when it is dropped."""
        self.statistics.input_packets += 1
        self.statistics.input_bytes += len(datagram)
        if self._memory.meet(datagram):
            self._on_duplicate()
        elif header.exchange_type == ExchangeType.INFORMATIONAL:
            self._receive_informational(header, datagram)
        else:
            self._receive_phase1(header, datagram, path)

    def send_delete(self) -> None:
        """Tell the peer that this IKE SA is deleted."""
        spi = self.cookies.spi
        self._send_informational((Delete(ProtocolId.ISAKMP, len(spi), (spi,)),), is_protected=True)

    def close(self) -> None:
        """Stop every timer: the IKE SA is gone."""
        self._retransmitter.stop()
        for timer in (self._timer, self._lifetime):
            if timer is not None:
                timer.cancel()

    # Phase 1

    def _receive_phase1(self, header: Header, datagram: bytes, path: Path) -> None:
        phase1 = self._phase1
        if phase1 is None or not self.is_negotiating:
            raise Discarded(DropReason.UNEXPECTED_MESSAGE)
        try:
            message = self._open_phase1(phase1, header, datagram)
            given = phase1.classify(message)
            if given is None:
                raise Discarded(DropReason.UNEXPECTED_MESSAGE)
            reply = phase1.run(given, message, path)
        except (NegotiationRefused, MalformedMessage) as error:
            refusal = self._refusal(header, error)
            self._take(header, datagram)
            self._refuse(phase1, refusal)
            return
        self._retransmitter.stop()
        self._take(header, datagram)
        self._adopt(phase1, path)
        if reply is not None:
            self._send_phase1(reply)
        if phase1.is_established:
            self._mature()

    def _take(self, header: Header, datagram: bytes) -> None:
        """Let a message count as received: it moves the chain of vectors, and is known when it comes again."""
        self._envelope.accept(header, datagram)
        self._memory.remember()

    def _open_phase1(self, phase1: Phase1, header: Header, datagram: bytes) -> Message:
        """Return the message in the clear. Raises MalformedMessage."""
        if header.message_id != PHASE_1:
            raise Discarded(DropReason.MALFORMED_MESSAGE)
        if header.is_encrypted and not phase1.accepts(Input.ID):
            raise Discarded(DropReason.UNEXPECTED_MESSAGE)
        return self._envelope.open(header, datagram)

    def _refusal(self, header: Header, error: NegotiationRefused | MalformedMessage) -> NegotiationRefused:
        """Return what ends the negotiation, or raise the error again when nothing does.

        A message that is malformed in the clear proves nothing, and is only dropped. One that makes no sense after
        decryption means that the ends have different keys: almost always another pre-shared key.
        """
        if isinstance(error, NegotiationRefused):
            return error
        if not header.is_encrypted:
            raise error
        return authentication_failed(DropReason.DECRYPTION_FAILED)

    def _adopt(self, phase1: Phase1, path: Path) -> None:
        """Take over what the last step has agreed."""
        self._envelope.cookies = phase1.cookies
        self.proposal = phase1.proposal
        self.nat = phase1.nat
        if self._envelope.keys is None and phase1.keys is not None:
            self._envelope.take_keys(phase1.keys)
        if self.nat.is_detected:
            self._float(phase1, path)

    def _float(self, phase1: Phase1, path: Path) -> None:
        """Leave port 500 (RFC 3947 sec. 4).

        The initiator does from message 5 on, the responder once the message that moved is authenticated.
        """
        if self.role is Role.RESPONDER and phase1.is_established:
            self._path = path
        elif self.role is Role.INITIATOR and self.policy is not None:
            remote = Endpoint(self.remote.address, self.policy.remote_nat_port)
            self._path = Path(Endpoint(self.local.address, NAT_PORT), remote)

    def _send_phase1(self, reply: Reply) -> None:
        """Send our next message: kept for duplicates as an answer, retransmitted as a question."""
        datagram = self._envelope.seal(self._phase1_type, PHASE_1, reply)
        if self.role is Role.INITIATOR:
            self._retransmitter.start(datagram)
        else:
            self._memory.keep_answer(datagram)
            self._transmit(datagram)

    def _mature(self) -> None:
        assert self.proposal is not None
        self._stage = _Stage.MATURED
        self.established_at = self._world.now
        self.expires_at = self._world.now + self.proposal.lifetime_seconds * SECOND
        self._lifetime = self._world.call_at(self.expires_at, self._on_expired)
        self._rearm(self._on_settled)
        self._is_caller_notified = True
        self._owner.on_established(self)

    def _refuse(self, phase1: Phase1, refusal: NegotiationRefused) -> None:
        """End the negotiation and tell the peer. Raises Discarded when it was the peer's message that was wrong."""
        if phase1.may_be_established_remotely:
            self.send_delete()
        else:
            self._envelope.cookies = phase1.cookies
            notification = Notification(ProtocolId.ISAKMP, self.cookies.spi, refusal.notify)
            datagram = self._send_informational((notification,), is_protected=False)
            if self.role is Role.RESPONDER:
                self._memory.keep_answer(datagram)
        self._fail(phase1, Input.REFUSED, refusal.failure)
        if refusal.drop is not None:
            raise Discarded(refusal.drop)

    def _fail(self, phase1: Phase1, given: Input, reason: FailureReason) -> None:
        phase1.run(given)
        self._phase1 = None
        self._retransmitter.stop()
        self._stage = _Stage.FAILED
        self._rearm(self._on_lingered)
        self._is_caller_notified = True
        self._owner.on_failed(self, reason)

    # Timers

    def _rearm(self, callback: Callable[[], None]) -> None:
        """Wait until the peer can have no retransmission under way any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._world.call_later(self._settings.retransmission.span_us, callback)

    def _on_time_out(self) -> None:
        phase1 = self._phase1
        if phase1 is not None and self.is_negotiating:
            self._fail(phase1, Input.TIMED_OUT, FailureReason.TIMEOUT)

    def _on_settled(self) -> None:
        """Drop what was kept to answer duplicates of phase 1."""
        self._timer = None
        self._phase1 = None
        self._memory.forget_answer()

    def _on_lingered(self) -> None:
        self._owner.on_lingered(self)

    def _on_expired(self) -> None:
        self._owner.on_expired(self)

    # Duplicates and Informational exchanges

    def _on_duplicate(self) -> None:
        """Answer from memory; an initiator does not, or two ends could keep each other busy for ever."""
        answer = self._memory.answer
        if answer is None:
            raise Discarded(DropReason.REPLAYED_MESSAGE)
        self._transmit(answer)

    def _receive_informational(self, header: Header, datagram: bytes) -> None:
        exchange = InformationalResponder(self)
        if not header.is_encrypted:
            given = ResponderInput.UNPROTECTED if self.is_matured else ResponderInput.EARLY
            exchange.run(given, self._envelope.open(header, datagram))
        elif self._envelope.keys is None or header.message_id == PHASE_1:
            raise Discarded(DropReason.UNEXPECTED_MESSAGE)
        else:
            try:
                message = self._envelope.open(header, datagram)
            except MalformedMessage:
                raise Discarded(DropReason.DECRYPTION_FAILED) from None
            exchange.run(ResponderInput.PROTECTED, message, self._envelope.keys)
        self._memory.remember()

    def on_notification(self, notification: Notification) -> None:
        """Hear an error of the peer: it ends a negotiation; to an established IKE SA it means nothing by itself."""
        phase1 = self._phase1
        if phase1 is not None and self.is_negotiating and notification.is_error:
            self._fail(phase1, Input.REFUSED, failure_of(notification.notify))

    def on_delete(self, delete: Delete) -> None:
        """Hear of a delete; one of this IKE SA ends it."""
        if self.is_matured and delete.protocol == ProtocolId.ISAKMP and self.cookies.spi in delete.spis:
            self._owner.on_peer_deleted(self)

    def _send_informational(self, payloads: tuple[Payload, ...], *, is_protected: bool) -> bytes:
        message_id = self._draw_message_id()
        exchange = InformationalInitiator()
        if is_protected:
            reply = exchange.run(InitiatorInput.SEND, payloads, self._envelope.keys, message_id)
        else:
            reply = exchange.run(InitiatorInput.SEND_EARLY, payloads)
        assert reply is not None
        datagram = self._envelope.seal(ExchangeType.INFORMATIONAL, message_id, reply)
        self._transmit(datagram)
        return datagram

    def _draw_message_id(self) -> MessageId:
        """Draw a message id; 0 is phase 1's."""
        return MessageId(int.from_bytes(self._draw("message-id", _MESSAGE_ID_OCTETS)) or 1)

    def _transmit(self, datagram: bytes) -> None:
        self.statistics.output_packets += 1
        self.statistics.output_bytes += len(datagram)
        self._owner.transmit(self, datagram)
