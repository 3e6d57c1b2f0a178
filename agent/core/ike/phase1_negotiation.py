"""Phase 1 of one IKE SA on the wire: its messages, duplicates, retransmission and timers (RFC 2408 sec. 5.1).

Only a message that its exchange took moves the chain of vectors, stops retransmission and is remembered: a forged one
leaves no trace but a count. An address that has not been heard to answer is never sent much more than came from it.
"""

from typing import Final, Protocol

from agent.core.config import IkePolicy, IkeSettings
from agent.core.events import DropReason, FailureReason
from agent.core.ike.envelope import Envelope
from agent.core.ike.exchange import Discarded, Reply
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.message import PHASE_1, ZERO_COOKIE, Header, Message
from agent.core.ike.natt import Path
from agent.core.ike.payloads import Notification
from agent.core.ike.phase1 import Input, Phase1, Role
from agent.core.ike.refusal import NegotiationRefused, authentication_failed, failure_of, wrong_exchange
from agent.core.ike.retransmission import ReplyMemory, Retransmitter
from agent.core.world import Timer, World

AMPLIFICATION_LIMIT: Final = 3
"""How many times the octets of its message 1 a responder sends to an address that may not have sent it."""


class Host(Protocol):
    """The IKE SA, as its phase 1 knows it."""

    def transmit(self, datagram: bytes) -> None:
        """Send a datagram along the IKE SA's path."""
        ...

    def adopt(self, phase1: Phase1, path: Path) -> None:
        """Take over what the last step has agreed."""
        ...

    def refuse(self, phase1: Phase1, refusal: NegotiationRefused) -> bytes | None:
        """Tell the peer that there will be no IKE SA; return the datagram, unless it is a delete of one."""
        ...

    def on_phase1_established(self) -> None:
        """The peer is authenticated."""
        ...

    def on_phase1_failed(self, reason: FailureReason) -> None:
        """The negotiation ended without an IKE SA."""
        ...

    def on_phase1_over(self) -> None:
        """The peer can have no retransmission under way any more."""
        ...


class Phase1Negotiation:
    """Phase 1 from its first message until nothing of it can come any more.

    `is_negotiating` says whether it has come to no end yet, `is_failed` whether it ended without an IKE SA.
    """

    def __init__(
        self, exchange: Phase1, *, path: Path, envelope: Envelope, world: World, settings: IkeSettings, host: Host
    ) -> None:
        self._exchange = exchange
        self._path = path
        self._envelope = envelope
        self._world = world
        self._settings = settings
        self._host = host
        self.is_negotiating = True
        self.is_failed = False
        self._is_answered_with_other_keys = False
        self._memory = ReplyMemory(settings.reply_memory)
        self._credit: int | None = None if exchange.role is Role.INITIATOR else 0
        self._retransmitter = Retransmitter(world, settings.retransmission, self._transmit, self._on_time_out)
        self._timer: Timer = world.call_later(settings.phase1_timeout_us, self._on_time_out)

    @property
    def awaits_policy(self) -> bool:
        """Whether the policy manager has yet to say by which policy to answer."""
        return self._exchange.awaits_policy

    @property
    def notices(self) -> tuple[Notification, ...]:
        """What the peer has to be told as soon as there is an IKE SA to tell it under."""
        return self._exchange.notices

    @property
    def is_initial_contact(self) -> bool:
        """Whether the peer said that it has no other SA with us."""
        return self._exchange.is_initial_contact

    # What the IKE SA does with it

    def initiate(self) -> None:
        """Send message 1."""
        reply = self._exchange.run(Input.INITIATE, self._path)
        assert reply is not None
        self._send(reply)

    def on_policy(self, policy: IkePolicy) -> None:
        """Go on with the policy that the policy manager found. Raises Discarded when it refuses what message 1 is."""
        if not self.is_negotiating or not self.awaits_policy:
            return
        try:
            if policy.mode is not self._exchange.mode:
                raise wrong_exchange()
            reply = self._exchange.run(Input.POLICY_FOUND, policy)
        except NegotiationRefused as refusal:
            self._end(refusal)
            return
        self._go_on(reply, self._path)

    def receive(self, header: Header, datagram: bytes, path: Path) -> None:
        """Take a message of phase 1. Raises Discarded or MalformedMessage when it is dropped."""
        if header.exchange_type != self._exchange.exchange_type:
            raise Discarded(DropReason.UNEXPECTED_MESSAGE)
        self._note_octets(header, datagram)
        if self._memory.meet(datagram):
            self._on_duplicate()
        elif self.is_negotiating:
            self._receive_new(header, datagram, path)
        else:
            raise Discarded(DropReason.UNEXPECTED_MESSAGE)

    def on_error(self, notification: Notification) -> None:
        """Hear that the peer refuses."""
        if self.is_negotiating:
            self._fail(Input.REFUSED, failure_of(notification.notify))

    def on_unreadable_answer(self) -> None:
        """Note that the peer refuses with other keys than ours.

        Anybody can have sent that, so it ends nothing; but it is why nothing else comes.
        """
        self._is_answered_with_other_keys = True

    def close(self) -> None:
        """Stop every timer: the IKE SA is gone."""
        self._retransmitter.stop()
        self._timer.cancel()

    # Messages

    def _receive_new(self, header: Header, datagram: bytes, path: Path) -> None:
        try:
            message = self._open(header, datagram)
            given = self._exchange.classify(message)
            if given is None:
                raise Discarded(DropReason.UNEXPECTED_MESSAGE)
            reply = self._exchange.run(given, message, path)
        except (NegotiationRefused, MalformedMessage) as error:
            refusal = self._refusal(header, error)
            self._take(header, datagram)
            self._end(refusal)
            return
        self._retransmitter.stop()
        self._take(header, datagram)
        self._go_on(reply, path)

    def _open(self, header: Header, datagram: bytes) -> Message:
        """Return the message in the clear. Raises MalformedMessage."""
        if header.message_id != PHASE_1:
            raise Discarded(DropReason.MALFORMED_MESSAGE)
        if header.is_encrypted and self._envelope.keys is None:
            raise Discarded(DropReason.UNEXPECTED_MESSAGE)
        return self._envelope.open(header, datagram)

    def _take(self, header: Header, datagram: bytes) -> None:
        """Let a message count as received: it moves the chain of vectors, and is known when it comes again."""
        self._envelope.accept(header, datagram)
        self._memory.remember()

    def _go_on(self, reply: Reply | None, path: Path) -> None:
        """Do what follows from a step that was taken."""
        self._host.adopt(self._exchange, path)
        if reply is not None:
            self._send(reply)
        if self._exchange.is_established:
            self.is_negotiating = False
            self._rearm()
            self._host.on_phase1_established()

    def _send(self, reply: Reply) -> None:
        """Send our next message: kept for duplicates as an answer, retransmitted as a question."""
        datagram = self._envelope.seal(self._exchange.exchange_type, PHASE_1, reply)
        if self._exchange.answers_duplicates:
            self._memory.keep_answer(datagram)
        if self._exchange.retransmits:
            self._retransmitter.start(datagram)
        else:
            self._transmit(datagram)

    def _on_duplicate(self) -> None:
        """Answer from memory."""
        answer = self._memory.answer
        if answer is None:
            raise Discarded(DropReason.REPLAYED_MESSAGE)
        self._transmit(answer)

    def _note_octets(self, header: Header, datagram: bytes) -> None:
        """Count what may be sent to a peer that has yet to show that it gets our messages: with our cookie it has."""
        if self._credit is None:
            return
        if header.responder_cookie == ZERO_COOKIE:
            self._credit += AMPLIFICATION_LIMIT * len(datagram)
        else:
            self._credit = None

    def _transmit(self, datagram: bytes) -> None:
        if self._credit is not None:
            if len(datagram) > self._credit:
                return
            self._credit -= len(datagram)
        self._host.transmit(datagram)

    # Endings

    def _refusal(self, header: Header, error: NegotiationRefused | MalformedMessage) -> NegotiationRefused:
        """Return what ends the negotiation, or raise the error again when nothing does.

        A message that is malformed in the clear proves nothing, and is only dropped. One that makes no sense after
        decryption means that the ends have different keys: almost always another pre-shared key.
        """
        if isinstance(error, NegotiationRefused):
            return error
        if not header.is_encrypted:
            raise error
        if self._exchange.is_trusted_remotely:
            raise Discarded(DropReason.DECRYPTION_FAILED)
        return authentication_failed(DropReason.DECRYPTION_FAILED)

    def _end(self, refusal: NegotiationRefused) -> None:
        """End the negotiation and tell the peer. Raises Discarded when it was a message that was wrong."""
        answer = self._host.refuse(self._exchange, refusal)
        if answer is not None and self._exchange.role is Role.RESPONDER:
            self._memory.keep_answer(answer)
        self._fail(Input.REFUSED, refusal.failure)
        if refusal.drop is not None:
            raise Discarded(refusal.drop) from None

    def _fail(self, given: Input, reason: FailureReason) -> None:
        self._exchange.run(given)
        self._retransmitter.stop()
        self.is_negotiating = False
        self.is_failed = True
        self._rearm()
        self._host.on_phase1_failed(reason)

    def _rearm(self) -> None:
        """Wait until the peer can have no retransmission under way any more."""
        self._timer.cancel()
        self._timer = self._world.call_later(self._settings.retransmission.span_us, self._host.on_phase1_over)

    def _on_time_out(self) -> None:
        if self.is_negotiating:
            is_refused = self._is_answered_with_other_keys
            self._fail(Input.TIMED_OUT, FailureReason.AUTHENTICATION_FAILED if is_refused else FailureReason.TIMEOUT)
