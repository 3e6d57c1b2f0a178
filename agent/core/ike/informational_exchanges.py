"""All Informational exchanges under one IKE SA: those of the peer, heard once each, and ours.

What a notification is answered with goes in an exchange of its own, and goes again when the notification comes again.
"""

from typing import Protocol

from agent.core.config import IkeSettings
from agent.core.events import DropReason
from agent.core.identifiers import MessageId
from agent.core.ike.envelope import Envelope
from agent.core.ike.exchange import Discarded
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.informational import (
    InformationalInitiator,
    InformationalResponder,
    InitiatorInput,
    ResponderInput,
    Subject,
)
from agent.core.ike.message import PHASE_1, Header, Message
from agent.core.ike.numbers import ExchangeType
from agent.core.ike.payloads import Payload
from agent.core.ike.retransmission import ReplyMemory


class Host(Subject, Protocol):
    """The IKE SA, as its Informational exchanges know it."""

    def transmit(self, datagram: bytes) -> None:
        """Send a datagram along the IKE SA's path."""
        ...

    def draw_message_id(self) -> MessageId:
        """Draw a message id that no exchange has."""
        ...


class InformationalExchanges:
    """The Informational exchanges under an IKE SA, which is their subject."""

    __slots__ = ("_envelope", "_memory", "_subject")

    def __init__(
        self,
        *,
        envelope: Envelope,
        settings: IkeSettings,
        subject: Host,
    ) -> None:
        self._envelope = envelope
        self._subject = subject
        self._memory = ReplyMemory(settings.reply_memory)

    def receive(self, header: Header, datagram: bytes, *, is_matured: bool) -> bool:
        """Take a message of an Informational exchange, and return whether it is new and authentic.

        Raises Discarded or MalformedMessage when it is dropped.
        """
        if self._memory.meet(datagram):
            self._on_duplicate()
            return False
        exchange = InformationalResponder(self._subject)
        if header.is_encrypted:
            message = self._open(header, datagram)
            reply = exchange.run(ResponderInput.PROTECTED, message, self._envelope.keys)
        else:
            given = ResponderInput.UNPROTECTED if is_matured else ResponderInput.EARLY
            reply = exchange.run(given, self._envelope.open(header, datagram))
        self._memory.remember()
        if reply is not None:
            self._memory.keep_answer(self.send(reply.payloads, is_protected=True))
        return header.is_encrypted

    def send(self, payloads: tuple[Payload, ...], *, is_protected: bool) -> bytes:
        """Send a message of our own, and return the datagram."""
        message_id = self._subject.draw_message_id()
        exchange = InformationalInitiator()
        if is_protected:
            reply = exchange.run(InitiatorInput.SEND, payloads, self._envelope.keys, message_id)
        else:
            reply = exchange.run(InitiatorInput.SEND_EARLY, payloads)
        assert reply is not None
        datagram = self._envelope.seal(ExchangeType.INFORMATIONAL, message_id, reply)
        self._subject.transmit(datagram)
        return datagram

    def _open(self, header: Header, datagram: bytes) -> Message:
        if self._envelope.keys is None or header.message_id == PHASE_1:
            raise Discarded(DropReason.UNEXPECTED_MESSAGE)
        try:
            return self._envelope.open(header, datagram)
        except MalformedMessage:
            raise Discarded(DropReason.DECRYPTION_FAILED) from None

    def _on_duplicate(self) -> None:
        """Answer from memory, if there was an answer: it may have been lost."""
        if self._memory.answer is None:
            raise Discarded(DropReason.REPLAYED_MESSAGE)
        self._subject.transmit(self._memory.answer)
