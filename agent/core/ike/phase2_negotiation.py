"""One phase 2 negotiation on the wire: its messages, duplicates, retransmission and timers (RFC 2408 sec. 5.1).

Several run at once under an IKE SA, each by its message id and with a chain of vectors of its own. Either end
retransmits while it waits: the initiator message 1, and the responder message 2, since a lost message 3 would otherwise
leave it waiting for ever.
"""

from collections.abc import Mapping
from typing import Protocol

from agent.core.config import IkeSettings
from agent.core.events import DropReason, FailureReason
from agent.core.identifiers import Endpoint, MessageId, Spi
from agent.core.ike import identity
from agent.core.ike.agreement import Agreement, Request, Terms
from agent.core.ike.envelope import Envelope
from agent.core.ike.exchange import Discarded, Reply
from agent.core.ike.flags import IkeSaFlag
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.message import Header, Message
from agent.core.ike.natt import Path
from agent.core.ike.numbers import ExchangeType, ProtocolId
from agent.core.ike.payloads import Notification
from agent.core.ike.phase1 import Role
from agent.core.ike.quick_mode import Input, QuickMode, QuickModeInitiator, QuickModeResponder
from agent.core.ike.refusal import NegotiationRefused, failure_of, invalid_identity, malformed_message
from agent.core.ike.retransmission import ReplyMemory, Retransmitter
from agent.core.world import Timer, World

_NO_SPI = bytes(4)
"""What a refusal names, since nothing has been made that could have an SPI."""


class Host(Protocol):
    """The IKE SA, as its negotiations know it."""

    def transmit(self, datagram: bytes) -> None:
        """Send a datagram along the IKE SA's path."""
        ...

    def notify(self, notification: Notification) -> bytes:
        """Send a notification, protected, and return the datagram."""
        ...

    def send_ipsec_delete(self, spis: Mapping[ProtocolId, Spi]) -> None:
        """Tell the peer that nothing is received by these SPIs."""
        ...

    def on_phase2_requested(self, negotiation: "Phase2Negotiation", request: Request) -> None:
        """The peer wants traffic protected, and waits for `on_terms`."""
        ...

    def on_phase2_established(self, negotiation: "Phase2Negotiation", agreement: Agreement) -> None:
        """Both ends have come to an agreement."""
        ...

    def on_phase2_failed(self, negotiation: "Phase2Negotiation", reason: FailureReason) -> None:
        """The negotiation ended without one."""
        ...

    def on_phase2_over(self, negotiation: "Phase2Negotiation") -> None:
        """The peer can have no retransmission under way any more."""
        ...


class Phase2Negotiation:
    """A negotiation of IPsec SAs under an IKE SA, from its first message until nothing of it can come any more.

    `began_at` is the device time at which this end came to know of it, `is_negotiating` says whether it has come to no
    end yet.
    """

    def __init__(
        self,
        exchange: QuickModeInitiator | QuickModeResponder,
        *,
        message_id: MessageId,
        path: Path,
        envelope: Envelope,
        world: World,
        settings: IkeSettings,
        host: Host,
    ) -> None:
        self.message_id = message_id
        self.began_at = world.now
        self._exchange: QuickMode = exchange
        self._path = path
        self._envelope = envelope
        self._world = world
        self._settings = settings
        self._host = host
        self.is_negotiating = True
        self._is_failed = False
        self._memory = ReplyMemory(settings.reply_memory)
        self._retransmitter = Retransmitter(world, settings.retransmission, host.transmit, self._on_time_out)
        self._timer: Timer = world.call_later(settings.phase2_timeout_us, self._on_time_out)
        envelope.begin(message_id)

    # What it shows

    @property
    def role(self) -> Role:
        """Our part in it."""
        return self._exchange.role

    @property
    def local(self) -> Endpoint:
        """Our end."""
        return self._path.local

    @property
    def remote(self) -> Endpoint:
        """The peer's end."""
        return self._path.remote

    @property
    def local_identity(self) -> str:
        """The traffic at our end: id-type-name(proto-name:port,[0..id-data-len]=presentation)."""
        return identity.render(self._exchange.local_identity)

    @property
    def remote_identity(self) -> str:
        """The traffic at the peer's end, in the same form."""
        return identity.render(self._exchange.remote_identity)

    @property
    def flags(self) -> tuple[IkeSaFlag, ...]:
        """The flags that are set, in the order of their definition."""
        conditions = (
            (IkeSaFlag.CALLER_NOTIFICATION_SENT, not self.is_negotiating),
            (IkeSaFlag.WAITING_FOR_DONE, not self.is_negotiating and not self._is_failed),
            (IkeSaFlag.WAITING_FOR_REMOVE, self._is_failed),
            (IkeSaFlag.WAITING_FOR_POLICY_MANAGER, self._exchange.awaits_policy),
        )
        return tuple(flag for flag, holds in conditions if holds)

    @property
    def terms(self) -> Terms | None:
        """The terms of this end; None until the policy manager has found them."""
        return self._exchange.terms

    @property
    def spis(self) -> tuple[Spi, ...]:
        """The SPIs that this end took for it."""
        return tuple(self._exchange.spis.values())

    @property
    def awaits_answer(self) -> bool:
        """Whether our message 1 is out, so that a refusal may be the answer to it."""
        return self.is_negotiating and self.role is Role.INITIATOR

    # What the IKE SA does with it

    def initiate(self) -> None:
        """Send message 1; where there is nothing that could be offered, fail as soon as the caller is done."""
        try:
            reply = self._exchange.run(Input.INITIATE)
        except NegotiationRefused as refusal:
            reason = refusal.failure
            self._timer.cancel()
            self._timer = self._world.call_later(0, lambda: self.abandon(reason))
            return
        assert reply is not None
        self._retransmitter.start(self._seal(reply))

    def receive(self, header: Header, datagram: bytes) -> bool:
        """Take a message with our message id, and return whether it is new. Raises Discarded when it is dropped."""
        if self._memory.meet(datagram):
            self._on_duplicate()
            return False
        message = self._open(header, datagram)
        try:
            reply = self._exchange.run(self._exchange.classify(message), message)
        except (NegotiationRefused, MalformedMessage) as error:
            # Its hash was right: this is what the peer wants to say, and we cannot agree to it.
            self._take(header, datagram)
            refusal = error if isinstance(error, NegotiationRefused) else malformed_message(error.notify)
            self._refuse(refusal)
            if refusal.drop is not None:
                raise Discarded(refusal.drop) from None
            return True
        self._retransmitter.stop()
        self._take(header, datagram)
        self._go_on(reply)
        return True

    def on_terms(self, terms: Terms | None) -> None:
        """Answer message 1 on these terms; None refuses its identities."""
        if not self.is_negotiating or not self._exchange.awaits_policy:
            return
        try:
            if terms is None:
                raise invalid_identity()
            reply = self._exchange.run(Input.POLICY_FOUND, terms)
        except NegotiationRefused as refusal:
            self._refuse(refusal)
            return
        assert reply is not None
        datagram = self._seal(reply)
        self._memory.keep_answer(datagram)
        self._retransmitter.start(datagram)

    def on_error(self, notification: Notification) -> None:
        """Hear that the peer refuses."""
        self._fail(Input.REFUSED, failure_of(notification.notify))

    def abandon(self, reason: FailureReason) -> None:
        """End it from this side."""
        if self.is_negotiating:
            self._fail(Input.REFUSED, reason)

    def close(self) -> None:
        """Stop every timer: the negotiation is gone."""
        self._retransmitter.stop()
        self._timer.cancel()
        self._envelope.end(self.message_id)

    # Messages

    def _open(self, header: Header, datagram: bytes) -> Message:
        try:
            return self._envelope.open(header, datagram)
        except MalformedMessage:
            raise Discarded(DropReason.DECRYPTION_FAILED) from None

    def _take(self, header: Header, datagram: bytes) -> None:
        """Let a message count as received: it moves the chain of vectors, and is known when it comes again."""
        self._envelope.accept(header, datagram)
        self._memory.remember()

    def _go_on(self, reply: Reply | None) -> None:
        """Do what follows from a message that was taken."""
        if reply is not None:
            datagram = self._seal(reply)
            self._memory.keep_answer(datagram)
            self._host.transmit(datagram)
        agreement = self._exchange.agreement
        if agreement is not None:
            self.is_negotiating = False
            self._rearm()
            self._host.on_phase2_established(self, agreement)
        elif isinstance(self._exchange, QuickModeResponder):
            self._host.on_phase2_requested(self, self._exchange.request)

    def _on_duplicate(self) -> None:
        answer = self._memory.answer
        if answer is None:
            raise Discarded(DropReason.REPLAYED_MESSAGE)
        self._host.transmit(answer)

    def _seal(self, reply: Reply) -> bytes:
        return self._envelope.seal(ExchangeType.QUICK_MODE, self.message_id, reply)

    # Endings

    def _refuse(self, refusal: NegotiationRefused) -> None:
        """End the negotiation and tell the peer, again whenever it asks again."""
        answer = self._host.notify(Notification(self._exchange.protocol, _NO_SPI, refusal.notify))
        self._memory.keep_answer(answer)
        self._fail(Input.REFUSED, refusal.failure)

    def _fail(self, given: Input, reason: FailureReason) -> None:
        self._exchange.run(given)
        self._retransmitter.stop()
        self.is_negotiating = False
        self._is_failed = True
        self._rearm()
        self._host.on_phase2_failed(self, reason)

    def _rearm(self) -> None:
        """Wait until the peer can have no retransmission under way any more."""
        self._timer.cancel()
        self._timer = self._world.call_later(self._settings.retransmission.span_us, self._on_over)

    def _on_time_out(self) -> None:
        """Fail; a peer that took our message 2 has a pair by now, and hears that this end takes nothing of it."""
        if self.is_negotiating:
            if self._exchange.may_be_established_remotely:
                self._host.send_ipsec_delete(self._exchange.spis)
            self._fail(Input.TIMED_OUT, FailureReason.TIMEOUT)

    def _on_over(self) -> None:
        self._host.on_phase2_over(self)
