"""Every decoder takes any octets whatsoever: it returns what encodes to them, or raises its own error."""

from collections.abc import Callable
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.config import EncryptionAlgorithm, HashAlgorithm
from agent.core.identifiers import Cookie, MessageId
from agent.core.ike import dpd
from agent.core.ike.envelope import Envelope
from agent.core.ike.exchange import Discarded
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.keymat import Phase1Keys
from agent.core.ike.message import ENCRYPTION_FLAG, CookiePair, Header, Message
from agent.core.ike.numbers import NotifyType, ProtocolId
from agent.core.ike.payloads import (
    Delete,
    Hash,
    Identification,
    KeyExchange,
    NatD,
    NatOa,
    Nonce,
    Notification,
    VendorId,
)
from agent.core.ike.security_association import Proposal, SecurityAssociation, Transform

COOKIES = CookiePair(Cookie(b"initiato"), Cookie(b"responde"))
KEYS = Phase1Keys(
    HashAlgorithm.MD5, EncryptionAlgorithm.DES_CBC, b"a", b"b", b"c", b"d", bytes(range(8)), bytes(range(8))
)
BODIES = (
    SecurityAssociation,
    Proposal,
    Transform,
    KeyExchange,
    Identification,
    Hash,
    Nonce,
    Notification,
    Delete,
    VendorId,
    NatD,
    NatOa,
)


class Encodable(Protocol):
    def encode(self) -> bytes: ...


DECODERS = [getattr(each, "decode", each) for each in BODIES]
"""Where the body is the value, there is no more to read than that."""


@pytest.mark.parametrize("decode", DECODERS, ids=[each.__name__ for each in BODIES])
@given(body=st.binary(max_size=64))
def test_the_body_of_a_payload_is_malformed_or_encodes_to_the_same(
    decode: Callable[[bytes], Encodable], body: bytes
) -> None:
    try:
        decoded = decode(body)
    except MalformedMessage:
        return
    assert decoded.encode() == body


@given(first=st.integers(0, 255), exchange=st.integers(0, 255), ciphertext=st.binary(max_size=120))
def test_what_cannot_be_decrypted_to_payloads_is_malformed(first: int, exchange: int, ciphertext: bytes) -> None:
    envelope = Envelope(COOKIES)
    envelope.take_keys(KEYS)
    header = Header(COOKIES.initiator, COOKIES.responder, first, exchange, ENCRYPTION_FLAG, MessageId(7))
    try:
        message = envelope.open(header, header.encode(ciphertext))
    except MalformedMessage:
        return
    assert isinstance(message, Message)
    assert len(ciphertext) % 8 == 0


@given(
    spi=st.binary(max_size=20) | st.just(COOKIES.spi),
    data=st.binary(max_size=8),
    protocol=st.integers(0, 255) | st.just(int(ProtocolId.ISAKMP)),
)
def test_a_probe_is_discarded_as_malformed_or_has_a_number(spi: bytes, data: bytes, protocol: int) -> None:
    notification = Notification(protocol, spi, NotifyType.R_U_THERE, data)
    try:
        sequence = dpd.sequence_of(notification, COOKIES)
    except Discarded:
        return
    assert (protocol, spi, sequence.to_bytes(4)) == (ProtocolId.ISAKMP, COOKIES.spi, data)
