"""The SA payload and what is nested in it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.ike.generic import MalformedMessage
from agent.core.ike.numbers import NotifyType
from agent.core.ike.security_association import Attribute, Proposal, SecurityAssociation, Transform

attributes = st.one_of(
    st.builds(Attribute, st.integers(0, 0x7FFF), st.binary(min_size=2, max_size=2), st.just(True)),
    st.builds(Attribute, st.integers(0, 0x7FFF), st.binary(max_size=20), st.just(False)),
)
octets = st.integers(0, 255)
transforms = st.builds(Transform, octets, octets, st.lists(attributes, max_size=5).map(tuple))
proposals = st.builds(
    Proposal, octets, octets, st.binary(max_size=16), st.lists(transforms, min_size=1, max_size=3).map(tuple)
)
associations = st.builds(SecurityAssociation, st.lists(proposals, min_size=1, max_size=3).map(tuple))

ATTRIBUTES = (Attribute(1, b"\0\5", is_basic=True), Attribute(12, b"\0\1\x51\x80", is_basic=False))
ONE = SecurityAssociation((Proposal(1, 1, b"", (Transform(1, 1, ATTRIBUTES),)),))
ONE_IN_OCTETS = bytes.fromhex(
    "00000001 00000001"  # DOI, situation
    "0000001c 01010001"  # proposal 1: ISAKMP, no SPI, one transform
    "00000014 01010000"  # transform 1: KEY_IKE
    "80010005"  # a basic attribute
    "000c0004 00015180"  # a variable attribute
)


def rebuilt(association: SecurityAssociation) -> SecurityAssociation:
    """Return an equal payload that does not know what octets it came from."""
    return SecurityAssociation(
        tuple(
            each._replace(transforms=tuple(replace(transform) for transform in each.transforms))
            for each in association.proposals
        )
    )


def test_the_octets_are_those_of_rfc_2408() -> None:
    assert ONE.encode() == ONE_IN_OCTETS
    assert SecurityAssociation.decode(ONE_IN_OCTETS) == ONE


@given(associations)
def test_what_was_encoded_decodes_to_the_same(association: SecurityAssociation) -> None:
    assert SecurityAssociation.decode(association.encode()) == association


@given(st.binary(max_size=120).map(lambda tail: ONE_IN_OCTETS[:8] + tail) | st.binary(max_size=60))
def test_arbitrary_octets_decode_to_what_encodes_to_them_or_are_malformed(body: bytes) -> None:
    try:
        decoded = SecurityAssociation.decode(body)
    except MalformedMessage:
        return
    assert rebuilt(decoded).encode() == decoded.encode() == body


def test_what_is_decoded_twice_is_one_object() -> None:
    first, again = (
        SecurityAssociation.decode(ONE_IN_OCTETS),
        SecurityAssociation.decode(bytes(bytearray(ONE_IN_OCTETS))),
    )
    assert again is first
    other = SecurityAssociation.decode(ONE_IN_OCTETS[:-1] + b"\x81")
    assert other != first
    assert other.proposals[0].transforms[0] is not first.proposals[0].transforms[0]


def test_a_copy_with_changes_forgets_the_octets_it_came_from() -> None:
    decoded = SecurityAssociation.decode(ONE_IN_OCTETS)
    transform = replace(decoded.proposals[0].transforms[0], attributes=ATTRIBUTES[:1])
    assert transform.encode() == Transform(1, 1, ATTRIBUTES[:1]).encode()
    assert replace(decoded, proposals=(Proposal(1, 1, b"", (transform,)),)).encode() != ONE_IN_OCTETS


@given(st.data())
def test_a_changed_octet_is_malformed_or_decodes_to_what_encodes_to_it(data: st.DataObject) -> None:
    body = bytearray(data.draw(associations).encode())
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(octets)
    try:
        decoded = SecurityAssociation.decode(bytes(body))
    except MalformedMessage:
        return
    assert rebuilt(decoded).encode() == decoded.encode() == bytes(body)


@pytest.mark.parametrize(
    ("offset", "value", "notify"),
    [
        (3, 2, NotifyType.DOI_NOT_SUPPORTED),
        (7, 2, NotifyType.SITUATION_NOT_SUPPORTED),
        (8, 3, NotifyType.BAD_PROPOSAL_SYNTAX),  # a transform after a proposal
        (9, 1, NotifyType.PAYLOAD_MALFORMED),  # RESERVED of the proposal
        (11, 0x1B, NotifyType.UNEQUAL_PAYLOAD_LENGTHS),  # a transform that the proposal cuts short
        (14, 1, NotifyType.UNEQUAL_PAYLOAD_LENGTHS),  # an SPI that is not there
        (15, 2, NotifyType.BAD_PROPOSAL_SYNTAX),  # one transform too few
        (16, 3, NotifyType.UNEQUAL_PAYLOAD_LENGTHS),  # another transform should follow
        (17, 1, NotifyType.PAYLOAD_MALFORMED),  # RESERVED of the transform
        (23, 1, NotifyType.BAD_PROPOSAL_SYNTAX),  # RESERVED2 of the transform
        (31, 5, NotifyType.BAD_PROPOSAL_SYNTAX),  # an attribute longer than the transform
    ],
)
def test_each_broken_rule_has_its_notify_type(offset: int, value: int, notify: NotifyType) -> None:
    body = bytearray(ONE_IN_OCTETS)
    body[offset] = value
    with pytest.raises(MalformedMessage) as raised:
        SecurityAssociation.decode(bytes(body))
    assert raised.value.notify is notify


@pytest.mark.parametrize("length", range(len(ONE_IN_OCTETS)))
def test_every_truncation_is_malformed(length: int) -> None:
    with pytest.raises(MalformedMessage):
        SecurityAssociation.decode(ONE_IN_OCTETS[:length])
