"""Payload bodies and chains of payloads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.ike.generic import MalformedMessage
from agent.core.ike.numbers import NotifyType
from agent.core.ike.payloads import (
    Delete,
    Hash,
    Identification,
    KeyExchange,
    NatD,
    NatOa,
    Nonce,
    Notification,
    Payload,
    RawPayload,
    VendorId,
    decode_chain,
    decode_payloads,
    encode_payloads,
    first_type,
)
from tests.core.ike.test_security_association import associations

octets, shorts, longs = st.integers(0, 255), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF)
KNOWN_TYPES = {1, 4, 5, 8, 10, 11, 12, 13, 20, 21}
deletes = st.integers(0, 16).flatmap(
    lambda size: st.builds(
        Delete,
        octets,
        st.just(size),
        st.lists(st.binary(min_size=size, max_size=size), max_size=4).map(tuple),
        longs,
    )
)
payloads: st.SearchStrategy[Payload] = st.one_of(
    associations,
    st.builds(KeyExchange, st.binary(max_size=128)),
    st.builds(Identification, octets, octets, shorts, st.binary(max_size=40)),
    st.builds(Hash, st.binary(max_size=20)),
    st.builds(Nonce, st.binary(min_size=8, max_size=256)),
    st.builds(Notification, octets, st.binary(max_size=16), shorts, st.binary(max_size=20), longs),
    deletes,
    st.builds(VendorId, st.binary(max_size=20)),
    st.builds(NatD, st.binary(max_size=20)),
    st.builds(NatOa, st.ip_addresses()),
    st.builds(RawPayload, st.integers(4, 255).filter(lambda kind: kind not in KNOWN_TYPES), st.binary(max_size=20)),
)
chains = st.lists(payloads, min_size=1, max_size=5).map(tuple)


@given(chains)
def test_what_was_encoded_decodes_to_the_same(chain: tuple[Payload, ...]) -> None:
    assert decode_payloads(first_type(chain), encode_payloads(chain), is_padded=False) == chain


@given(octets, st.binary(max_size=200))
def test_arbitrary_octets_decode_to_what_encodes_to_them_or_are_malformed(first: int, body: bytes) -> None:
    try:
        decoded = decode_payloads(first, body, is_padded=False)
    except MalformedMessage:
        return
    assert first_type(decoded) == first
    assert encode_payloads(decoded) == body


def test_padding_may_follow_only_where_it_is_expected() -> None:
    body = encode_payloads((Hash(b"x" * 16),)) + bytes(4)
    assert decode_payloads(8, body, is_padded=True) == (Hash(b"x" * 16),)
    with pytest.raises(MalformedMessage) as raised:
        decode_payloads(8, body, is_padded=False)
    assert raised.value.notify is NotifyType.UNEQUAL_PAYLOAD_LENGTHS


@pytest.mark.parametrize(
    ("first", "body", "notify"),
    [
        (8, "00000008", NotifyType.UNEQUAL_PAYLOAD_LENGTHS),  # longer than the message
        (8, "00000003", NotifyType.UNEQUAL_PAYLOAD_LENGTHS),  # shorter than its header
        (8, "0000", NotifyType.UNEQUAL_PAYLOAD_LENGTHS),
        (8, "08000004", NotifyType.UNEQUAL_PAYLOAD_LENGTHS),  # another should follow
        (8, "00010004", NotifyType.PAYLOAD_MALFORMED),  # RESERVED
        (10, "0000000b" + "00" * 7, NotifyType.PAYLOAD_MALFORMED),  # a nonce of 7 octets
        (10, "00000105" + "00" * 257, NotifyType.PAYLOAD_MALFORMED),  # a nonce of 257 octets
        (5, "00000007010000", NotifyType.PAYLOAD_MALFORMED),
        (11, "0000000b00000001010000", NotifyType.PAYLOAD_MALFORMED),
        (11, "0000000c0000000101100000", NotifyType.PAYLOAD_MALFORMED),  # an SPI that is not there
        (12, "0000000b00000001010000", NotifyType.PAYLOAD_MALFORMED),
        (12, "0000000c0000000101100001", NotifyType.PAYLOAD_MALFORMED),  # an SPI that is not there
        (21, "0000000701000a", NotifyType.PAYLOAD_MALFORMED),
        (21, "0000000c020000000a000001", NotifyType.PAYLOAD_MALFORMED),  # a name instead of an address
        (21, "0000000c010001000a000001", NotifyType.PAYLOAD_MALFORMED),  # RESERVED
        (21, "0000000d010000000a00000100", NotifyType.PAYLOAD_MALFORMED),  # five octets of IPv4
        (2, "00000004", NotifyType.INVALID_PAYLOAD_TYPE),  # a proposal outside of an SA payload
        (3, "00000004", NotifyType.INVALID_PAYLOAD_TYPE),
    ],
)
def test_each_broken_rule_has_its_notify_type(first: int, body: str, notify: NotifyType) -> None:
    with pytest.raises(MalformedMessage) as raised:
        decode_payloads(first, bytes.fromhex(body), is_padded=False)
    assert raised.value.notify is notify


def test_a_payload_of_a_private_type_is_carried_as_it_is() -> None:
    chain = (RawPayload(130, b"private"), Hash(b"x"))
    assert decode_payloads(130, encode_payloads(chain), is_padded=False) == chain


@pytest.mark.parametrize(("notify", "is_error"), [(1, True), (16383, True), (16384, False), (24578, False)])
def test_notify_types_below_16384_report_errors(notify: int, is_error: bool) -> None:
    assert Notification(1, b"", notify).is_error is is_error


@given(chains)
def test_what_a_hash_covers_is_all_behind_the_first_payload_as_it_stood_and_no_padding(
    chain: tuple[Payload, ...],
) -> None:
    decoded, rest = decode_chain(first_type(chain), encode_payloads(chain) + bytes(5), is_padded=True)
    assert decoded == chain
    assert rest == encode_payloads(chain[1:])


def test_a_chain_of_nothing_has_no_rest() -> None:
    assert decode_chain(0, bytes(8), is_padded=True) == ((), b"")
