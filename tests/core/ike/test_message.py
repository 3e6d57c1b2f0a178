"""The ISAKMP header and whole messages, with scapy as the second opinion."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers import isakmp

from agent.core.identifiers import Cookie, MessageId
from agent.core.ike.generic import MalformedMessage
from agent.core.ike.message import ENCRYPTION_FLAG, Header, Message
from agent.core.ike.numbers import NotifyType
from agent.core.ike.payloads import Hash, KeyExchange, Nonce, Payload, encode_payloads, first_type
from tests.core.ike.test_payloads import chains
from tests.support.gateways import Pair

INITIATOR, RESPONDER = Cookie(b"initiato"), Cookie(b"responde")


def message(*payloads: Payload, exchange: int = 2, flags: int = 0, message_id: int = 0) -> Message:
    header = Header(INITIATOR, RESPONDER, first_type(payloads), exchange, flags, MessageId(message_id))
    return Message(header, payloads)


DATAGRAM = message(KeyExchange(b"value"), Nonce(b"12345678")).encode()


def test_the_header_is_laid_out_as_in_rfc_2408() -> None:
    datagram = message(Hash(b"hash"), exchange=5, message_id=0x01020304).encode()
    assert datagram == b"initiatoresponde\x08\x10\x05\x00\x01\x02\x03\x04\0\0\0\x24\0\0\0\x08hash"


@given(chains, st.integers(0, 255), st.integers(0, 0xFFFF_FFFF))
def test_what_was_encoded_decodes_to_the_same(chain: tuple[Payload, ...], exchange: int, message_id: int) -> None:
    encoded = message(*chain, exchange=exchange, message_id=message_id)
    decoded = Message.decode(encoded.encode())
    assert (decoded.header, decoded.payloads) == (encoded.header, encoded.payloads)
    assert decoded.rest == encode_payloads(chain[1:])


@given(st.binary(max_size=200))
def test_arbitrary_octets_are_malformed_or_decode_to_what_encodes_to_them(datagram: bytes) -> None:
    try:
        decoded = Message.decode(datagram)
    except MalformedMessage:
        return
    assert decoded.encode() == datagram


@given(st.integers(0, len(DATAGRAM) - 1), st.integers(0, 255))
def test_a_changed_octet_is_malformed_or_decodes_to_what_encodes_to_it(offset: int, value: int) -> None:
    datagram = DATAGRAM[:offset] + bytes([value]) + DATAGRAM[offset + 1 :]
    try:
        decoded = Message.decode(datagram)
    except MalformedMessage:
        return
    assert decoded.encode() == datagram


@pytest.mark.parametrize(
    ("offset", "value", "notify"),
    [
        (17, 0x20, NotifyType.INVALID_MAJOR_VERSION),
        (17, 0x11, NotifyType.INVALID_MINOR_VERSION),
        (19, 0x08, NotifyType.INVALID_FLAGS),
        (27, len(DATAGRAM) - 1, NotifyType.UNEQUAL_PAYLOAD_LENGTHS),
        (27, len(DATAGRAM) + 1, NotifyType.UNEQUAL_PAYLOAD_LENGTHS),
    ],
)
def test_each_broken_rule_of_the_header_has_its_notify_type(offset: int, value: int, notify: NotifyType) -> None:
    datagram = DATAGRAM[:offset] + bytes([value]) + DATAGRAM[offset + 1 :]
    with pytest.raises(MalformedMessage) as raised:
        Header.decode(datagram)
    assert raised.value.notify is notify


@pytest.mark.parametrize("length", [0, 1, 27, 28, len(DATAGRAM) - 1])
def test_a_truncated_datagram_is_malformed(length: int) -> None:
    with pytest.raises(MalformedMessage):
        Message.decode(DATAGRAM[:length])


def test_an_encrypted_message_is_never_read_as_a_clear_one() -> None:
    with pytest.raises(MalformedMessage):
        Message.decode(message(Hash(b"hash"), flags=ENCRYPTION_FLAG).encode())


def test_only_finds_exactly_one() -> None:
    twice = message(Nonce(b"12345678"), Nonce(b"87654321"), Hash(b"hash"))
    assert twice.only(Hash) == Hash(b"hash")
    assert twice.find(Nonce) == (Nonce(b"12345678"), Nonce(b"87654321"))
    for missing_or_double in (Nonce, KeyExchange):
        with pytest.raises(MalformedMessage):
            twice.only(missing_or_double)


def test_scapy_reads_our_messages_as_we_mean_them() -> None:
    pair = Pair()
    pair.establish()
    first, second, third = (each.payload for each in (*pair.alice.sent[:2], pair.bob.sent[0]))
    offer = isakmp.ISAKMP(first)
    assert offer.init_cookie == first[:8]
    assert offer.exch_type == 2
    assert offer.length == len(first)
    transform = offer[isakmp.ISAKMP_payload_Transform]
    assert dict((name, value) for name, value, *_ in transform.transforms) == {
        "Encryption": "3DES-CBC",
        "Hash": "MD5",
        "GroupDesc": "768MODPgr",
        "Authentication": "PSK",
        "LifeType": "Seconds",
        "LifeDuration": 3600,
    }
    exchange = isakmp.ISAKMP(second)
    assert len(exchange[isakmp.ISAKMP_payload_KE].ke) == 96
    assert len(exchange[isakmp.ISAKMP_payload_Nonce].nonce) == 32
    assert isakmp.ISAKMP(third).resp_cookie == third[8:16]


def test_scapy_rebuilds_every_clear_message_of_ours_to_the_same_octets() -> None:
    pair = Pair()
    pair.establish()
    clear = [each.payload for each in (*pair.alice.sent, *pair.bob.sent) if not each.header.is_encrypted]
    assert len(clear) == 4
    for datagram in clear:
        rebuilt = isakmp.ISAKMP(datagram)
        for layer in (isakmp.ISAKMP, isakmp.ISAKMP_payload_SA, isakmp.ISAKMP_payload_Proposal):
            if layer in rebuilt:
                # What scapy would otherwise only repeat, it now has to work out.
                rebuilt[layer].delfieldval("length")
        rebuilt.clear_cache()
        assert bytes(rebuilt) == datagram
