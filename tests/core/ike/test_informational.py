"""The Informational exchange by itself: what is sent, and what is heard."""

import pytest

from agent.core.config import EncryptionAlgorithm, HashAlgorithm
from agent.core.events import DropReason
from agent.core.identifiers import MessageId
from agent.core.ike import keymat
from agent.core.ike.exchange import Discarded, Reply
from agent.core.ike.informational import (
    InformationalInitiator,
    InformationalResponder,
    InitiatorInput,
    ResponderInput,
)
from agent.core.ike.message import ENCRYPTION_FLAG, ZERO_COOKIE, Header, Message
from agent.core.ike.payloads import Delete, Hash, Notification, Payload, encode_payloads
from tests.support.vectors import recording

KEYS = keymat.derive(
    HashAlgorithm.MD5, EncryptionAlgorithm.TRIPLE_DES_CBC, recording("main_3des-md5-g2_esp-3des-md5").seed()
)
NOTIFICATION = Notification(1, b"", 14)
DELETE = Delete(1, 4, (b"gone",))
QUESTION, ANSWER = Notification(1, b"", 30000), Notification(1, b"", 30001)
MESSAGE_ID = MessageId(0x01020304)


class Listener:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[Payload] = []

    def on_notification(self, notification: Notification) -> Notification | None:
        self.heard.append(notification)
        return ANSWER if notification == QUESTION else None

    def on_delete(self, delete: Delete) -> None:
        self.heard.append(delete)


def message(*payloads: Payload, message_id: MessageId = MESSAGE_ID) -> Message:
    """Return a message as it is after decryption."""
    first = payloads[0].kind if payloads else 0
    header = Header(ZERO_COOKIE, ZERO_COOKIE, first, 5, 0, message_id)
    decoded = Message.decode(header.encode(encode_payloads(payloads)))
    return decoded._replace(header=header._replace(flags=ENCRYPTION_FLAG))


def protect(*payloads: Payload) -> tuple[Payload, ...]:
    reply = InformationalInitiator().run(InitiatorInput.SEND, payloads, KEYS, MESSAGE_ID)
    assert reply is not None
    assert reply.is_encrypted
    return reply.payloads


def hear(given: ResponderInput, *subject: object) -> list[Payload]:
    listener = Listener()
    assert InformationalResponder(listener).run(given, *subject) is None
    return listener.heard


def test_a_protected_message_starts_with_its_hash_and_is_heard_in_order() -> None:
    payloads = protect(NOTIFICATION, DELETE)
    assert isinstance(payloads[0], Hash)
    assert payloads[1:] == (NOTIFICATION, DELETE)
    assert hear(ResponderInput.PROTECTED, message(*payloads), KEYS) == [NOTIFICATION, DELETE]


def test_what_a_notification_is_answered_with_is_returned() -> None:
    payloads = protect(NOTIFICATION, QUESTION, DELETE)
    listener = Listener()
    answer = InformationalResponder(listener).run(ResponderInput.PROTECTED, message(*payloads), KEYS)
    assert answer == Reply((ANSWER,))
    assert listener.heard == [NOTIFICATION, QUESTION, DELETE]


def test_an_early_message_goes_as_it_is() -> None:
    reply = InformationalInitiator().run(InitiatorInput.SEND_EARLY, (NOTIFICATION,))
    assert reply == Reply((NOTIFICATION,), is_encrypted=False)


def test_an_early_delete_is_not_heard() -> None:
    assert hear(ResponderInput.EARLY, message(DELETE, NOTIFICATION)) == [NOTIFICATION]


@pytest.mark.parametrize(
    "tampered",
    [
        message(),
        message(DELETE),
        message(Hash(bytes(16)), DELETE),
        message(*protect(DELETE), NOTIFICATION),
        message(*protect(DELETE)[:1], NOTIFICATION),
        message(*reversed(protect(DELETE))),
        message(*protect(DELETE), message_id=MessageId(5)),
    ],
)
def test_without_the_right_hash_nothing_is_heard(tampered: Message) -> None:
    listener = Listener()
    with pytest.raises(Discarded) as raised:
        InformationalResponder(listener).run(ResponderInput.PROTECTED, tampered, KEYS)
    assert raised.value.reason is DropReason.AUTHENTICATION_FAILED
    assert listener.heard == []


def test_an_unprotected_message_on_an_ike_sa_is_unexpected() -> None:
    listener = Listener()
    with pytest.raises(Discarded) as raised:
        InformationalResponder(listener).run(ResponderInput.UNPROTECTED, message(DELETE))
    assert raised.value.reason is DropReason.UNEXPECTED_MESSAGE
    assert listener.heard == []


def test_the_exchange_is_one_message() -> None:
    exchange = InformationalInitiator()
    exchange.run(InitiatorInput.SEND_EARLY, (NOTIFICATION,))
    with pytest.raises(Discarded):
        exchange.run(InitiatorInput.SEND_EARLY, (NOTIFICATION,))
