"""The Informational exchange (RFC 2408 sec. 4.8, RFC 2409 sec. 5.7): one message; what answers it is another exchange.

    HDR, N                  in the clear, while the ends have not authenticated each other
    HDR*, HASH(1), N/D      afterwards

On an established IKE SA nothing unprotected is heard, and a delete is never heard without its hash.
"""

from enum import Enum
from functools import partial
from itertools import product
from types import MappingProxyType
from typing import Final, Protocol

from agent.core.crypto import hashes
from agent.core.enumeration import Enumeration
from agent.core.events import DropReason
from agent.core.identifiers import MessageId
from agent.core.ike import auth
from agent.core.ike.exchange import Discarded, Exchange, Reply, Step, Table, proven
from agent.core.ike.keymat import Phase1Keys
from agent.core.ike.message import CookiePair, Header, Message
from agent.core.ike.numbers import ExchangeType
from agent.core.ike.payloads import Delete, Hash, Notification, Payload


class State(Enumeration):
    """Whether the one message has been."""

    START = "start"
    DONE = "done"


class InitiatorInput(Enumeration):
    """How the sender comes to send."""

    SEND_EARLY = "before there is an IKE SA"
    SEND = "on an IKE SA"


class ResponderInput(Enumeration):
    """How the receiver got the message."""

    EARLY = "in the clear, before there is an IKE SA"
    PROTECTED = "with HASH(1)"
    UNPROTECTED = "in the clear, on an IKE SA"


class Subject(Protocol):
    """What notifications and deletes are about."""

    def on_notification(self, notification: Notification) -> Notification | None:
        """Hear of an error or a status; return the answer, if there is one."""
        ...

    def on_delete(self, delete: Delete) -> None:
        """Hear that the peer deleted something."""
        ...


class InformationalInitiator(Exchange):
    """The end that sends."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(INITIATOR, State.START)

    def on_send_early(self, payloads: tuple[Payload, ...]) -> Reply:
        """Send as it is."""
        return Reply(payloads)

    def on_send(self, payloads: tuple[Payload, ...], keys: Phase1Keys, message_id: MessageId) -> Reply:
        """Send with HASH(1), encrypted."""
        return proven(payloads, partial(auth.hash_1, keys, message_id))


class InformationalResponder(Exchange):
    """The end that receives."""

    __slots__ = ("_subject",)

    def __init__(self, subject: Subject) -> None:
        super().__init__(RESPONDER, State.START)
        self._subject = subject

    def on_early(self, message: Message) -> None:
        """Hear notifications only."""
        for notification in message.find(Notification):
            self._subject.on_notification(notification)

    def on_protected(self, message: Message, keys: Phase1Keys) -> Reply | None:
        """Check HASH(1), which stands first, then hear everything behind it; return what is to be answered."""
        rest = message.payloads[1:]
        proof = message.payloads[0] if message.payloads else None
        expected = auth.hash_1(keys, message.header.message_id, message.rest)
        if not isinstance(proof, Hash) or not hashes.is_same(expected, proof.value):
            raise Discarded(DropReason.AUTHENTICATION_FAILED)
        answers: list[Notification] = []
        for payload in rest:
            if isinstance(payload, Notification):
                answer = self._subject.on_notification(payload)
                answers += [answer] if answer is not None else []
            elif isinstance(payload, Delete):
                self._subject.on_delete(payload)
        return Reply(tuple(answers)) if answers else None


def early_notification(cookies: CookiePair, message_id: MessageId, notification: Notification) -> bytes:
    """Return the datagram of a notification to a peer with which there is not even a negotiation."""
    kind, exchange = notification.kind, ExchangeType.INFORMATIONAL
    header = Header(cookies.initiator, cookies.responder, kind, exchange, 0, message_id)
    return Message(header, (notification,)).encode()


INITIATOR: Final[Table] = MappingProxyType(
    {
        (State.START, InitiatorInput.SEND_EARLY): Step(InformationalInitiator.on_send_early, State.DONE),
        (State.START, InitiatorInput.SEND): Step(InformationalInitiator.on_send, State.DONE),
    }
)

RESPONDER: Final[Table] = MappingProxyType(
    {
        (State.START, ResponderInput.EARLY): Step(InformationalResponder.on_early, State.DONE),
        (State.START, ResponderInput.PROTECTED): Step(InformationalResponder.on_protected, State.DONE),
    }
)

REJECTED: Final[frozenset[tuple[Enum, Enum]]] = frozenset(
    {
        (State.START, ResponderInput.UNPROTECTED),
        *product((State.DONE,), InitiatorInput),
        *product((State.DONE,), ResponderInput),
    }
)
"""Every pair that no table has."""
