"""Phase 2 proposals: what is offered, what is chosen, what is taken for an answer."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.config import (
    DhGroup,
    EncryptionAlgorithm,
    IpsecAuthentication,
    IpsecPolicy,
    IpsecProposal,
    IpsecProtocol,
    SaMode,
)
from agent.core.identifiers import Spi
from agent.core.ike.numbers import ProtocolId
from agent.core.ike.phase2_proposal import Manner, accepted, choose, offer, protocols
from agent.core.ike.security_association import Attribute, Proposal, SecurityAssociation, Transform
from tests.support.gateways import AH, BUNDLE, ESP

TUNNEL = Manner(None, SaMode.TUNNEL, is_udp_encapsulated=False)
SPIS = {ProtocolId.ESP: Spi(1000), ProtocolId.AH: Spi(2000)}
DES = replace(ESP, name="des", encryption_algorithm=EncryptionAlgorithm.DES_CBC)
NULL = replace(ESP, name="null", encryption_algorithm=None)

lifetimes = st.tuples(st.integers(180, 86_400), st.one_of(st.none(), st.integers(1, 2**32 - 1)))
encryptions = st.sampled_from(list(EncryptionAlgorithm))
authentications = st.sampled_from(list(IpsecAuthentication))


@st.composite
def proposals(draw: st.DrawFn) -> IpsecProposal:
    protocol = draw(st.sampled_from(list(IpsecProtocol)))
    authentication: IpsecAuthentication | None = draw(authentications)
    encryption: EncryptionAlgorithm | None = draw(encryptions) if protocol is not IpsecProtocol.AH else None
    if protocol is IpsecProtocol.ESP and draw(st.booleans()):
        authentication, encryption = (None, encryption) if draw(st.booleans()) else (authentication, None)
    seconds, kilobytes = draw(lifetimes)
    return IpsecProposal("p", protocol, authentication, encryption, seconds, kilobytes)


manners = st.builds(Manner, st.sampled_from([None, *DhGroup]), st.sampled_from(list(SaMode)), st.booleans())


def policy(*each: IpsecProposal) -> IpsecPolicy:
    return IpsecPolicy("policy", each)


def decoded(association: SecurityAssociation) -> SecurityAssociation:
    return SecurityAssociation.decode(association.encode())


def single(*attributes: Attribute, identifier: int = 3, spi: bytes = b"\0\0\3\xe8") -> SecurityAssociation:
    """Return an offer of ESP with one transform that has these attributes behind those of ESP's algorithms."""
    transform = offer(policy(ESP), TUNNEL, SPIS).proposals[0].transforms[0]
    changed = Transform(1, identifier, transform.attributes[:2] + attributes)
    return SecurityAssociation((Proposal(1, ProtocolId.ESP, spi, (changed,)),))


def basic(kind: int, value: int) -> Attribute:
    return Attribute(kind, value.to_bytes(2), is_basic=True)


SECONDS, KILOBYTES = basic(1, 1), basic(1, 2)


@given(st.lists(proposals(), min_size=1, max_size=5), manners)
def test_whoever_offers_agrees_with_himself_on_the_first(each: list[IpsecProposal], manner: Manner) -> None:
    offered = decoded(offer(policy(*each), manner, SPIS))
    choice = choose(offered, policy(*each), manner)
    assert choice is not None
    assert choice.proposal == each[0]
    answer = decoded(choice.answer({ProtocolId.ESP: Spi(3000), ProtocolId.AH: Spi(4000)}))
    taken = accepted(answer, offered, policy(*each), manner)
    assert taken is not None
    assert taken.proposal == each[0]
    assert set(taken.peer_spis.values()) <= {3000, 4000}
    assert taken.peer_spis.keys() == choice.peer_spis.keys()


@given(st.lists(proposals(), min_size=1, max_size=4), st.lists(proposals(), min_size=1, max_size=4), manners)
def test_what_is_chosen_was_offered_and_is_allowed(
    offered: list[IpsecProposal], allowed: list[IpsecProposal], manner: Manner
) -> None:
    choice = choose(offer(policy(*offered), manner, SPIS), policy(*allowed), manner)
    ways = [(each.protocol, each.authentication_algorithm, each.encryption_algorithm) for each in offered]
    if choice is None:
        assert not {(e.protocol, e.authentication_algorithm, e.encryption_algorithm) for e in allowed} & set(ways)
        return
    chosen = choice.proposal
    assert (chosen.protocol, chosen.authentication_algorithm, chosen.encryption_algorithm) in ways
    assert chosen.name in {each.name for each in allowed}
    assert chosen.lifetime_seconds <= max(each.lifetime_seconds for each in allowed)


def test_neighbours_of_one_protocol_share_a_proposal_and_its_spi() -> None:
    found = offer(policy(ESP, DES, AH, NULL), TUNNEL, SPIS).proposals
    assert [(each.number, each.protocol, len(each.transforms)) for each in found] == [
        (1, ProtocolId.ESP, 2),
        (2, ProtocolId.AH, 1),
        (3, ProtocolId.ESP, 1),
    ]
    assert [transform.number for transform in found[0].transforms] == [1, 2]
    assert [each.spi for each in found] == [spi.to_bytes(4) for spi in (1000, 2000, 1000)]


def test_the_parts_of_a_bundle_have_one_number_and_share_with_nobody() -> None:
    found = offer(policy(BUNDLE, BUNDLE, ESP), TUNNEL, SPIS).proposals
    assert [(each.number, each.protocol) for each in found] == [
        (1, ProtocolId.AH),
        (1, ProtocolId.ESP),
        (2, ProtocolId.AH),
        (2, ProtocolId.ESP),
        (3, ProtocolId.ESP),
    ]


def test_an_offer_needs_an_spi_for_each_protocol_once() -> None:
    assert protocols(policy(ESP, DES)) == (ProtocolId.ESP,)
    assert set(protocols(policy(ESP, BUNDLE, AH))) == {ProtocolId.ESP, ProtocolId.AH}


def test_a_bundle_is_not_met_by_one_of_its_parts_nor_a_part_by_the_bundle() -> None:
    assert choose(offer(policy(BUNDLE), TUNNEL, SPIS), policy(AH), TUNNEL) is None
    assert choose(offer(policy(AH), TUNNEL, SPIS), policy(BUNDLE), TUNNEL) is None


@pytest.mark.parametrize(
    "other",
    [
        Manner(DhGroup.GROUP2, SaMode.TUNNEL, is_udp_encapsulated=False),
        Manner(None, SaMode.TRANSPORT, is_udp_encapsulated=False),
        Manner(None, SaMode.TUNNEL, is_udp_encapsulated=True),
    ],
)
def test_another_manner_is_not_acceptable_in_either_place(other: Manner) -> None:
    assert choose(offer(policy(ESP), other, SPIS), policy(ESP), TUNNEL) is None
    assert choose(offer(policy(ESP), TUNNEL, SPIS), policy(ESP), other) is None


@pytest.mark.parametrize(
    ("attributes", "seconds", "kilobytes"),
    [
        ((), 28_800, None),
        ((SECONDS, basic(2, 600)), 600, None),
        ((KILOBYTES, basic(2, 600)), 28_800, 600),
        ((KILOBYTES, basic(2, 7), SECONDS, basic(2, 600)), 600, 7),
        ((SECONDS, Attribute(2, b"\0\1\x51\x80", is_basic=False)), 86_400, None),
    ],
)
def test_lifetimes_are_read_in_seconds_and_in_kilobytes(
    attributes: tuple[Attribute, ...], seconds: int, kilobytes: int | None
) -> None:
    allowed = replace(ESP, lifetime_seconds=86_400)
    choice = choose(single(*attributes), policy(allowed), TUNNEL)
    assert choice is not None
    assert (choice.proposal.lifetime_seconds, choice.proposal.lifetime_kilobytes) == (seconds, kilobytes)


@pytest.mark.parametrize(
    "attributes",
    [
        (basic(2, 600),),
        (SECONDS, basic(2, 0)),
        (SECONDS, basic(2, 600), SECONDS, basic(2, 700)),
        (basic(1, 3), basic(2, 600)),
        (basic(4, 1),),
        (basic(6, 128),),
        (basic(99, 1),),
        (SECONDS, Attribute(2, bytes(5), is_basic=False)),
    ],
    ids=["no type", "zero", "twice", "unknown type", "mode twice", "key length", "unknown", "too long"],
)
def test_a_transform_that_is_not_understood_is_not_acceptable(attributes: tuple[Attribute, ...]) -> None:
    assert choose(single(*attributes), policy(ESP), TUNNEL) is None


def test_a_transform_that_is_not_understood_does_not_spoil_the_next() -> None:
    bad, good = single(basic(99, 1)).proposals[0], single().proposals[0]
    both = SecurityAssociation((bad._replace(transforms=bad.transforms + good.transforms),))
    choice = choose(both, policy(ESP), TUNNEL)
    assert choice is not None
    assert choice.chosen[0].transforms == good.transforms


@pytest.mark.parametrize("spi", [b"", b"\0\0\3", b"\0\0\0\xff", bytes(4), bytes(16)])
def test_an_spi_that_cannot_be_is_not_acceptable(spi: bytes) -> None:
    assert choose(single(spi=spi), policy(ESP), TUNNEL) is None


def test_two_parts_of_one_protocol_are_no_bundle() -> None:
    (part,) = single().proposals
    assert choose(SecurityAssociation((part, part)), policy(ESP), TUNNEL) is None


def test_a_proposal_of_ike_is_none_of_phase_2() -> None:
    (part,) = single().proposals
    assert choose(SecurityAssociation((part._replace(protocol=ProtocolId.ISAKMP),)), policy(ESP), TUNNEL) is None


def test_an_answer_with_another_lifetime_than_was_offered_is_none() -> None:
    offered = offer(policy(ESP), TUNNEL, SPIS)
    answer = single(SECONDS, basic(2, 600))
    assert accepted(answer, offered, policy(ESP), TUNNEL) is None


def test_an_answer_of_two_choices_is_none() -> None:
    offered = offer(policy(ESP, AH), TUNNEL, SPIS)
    assert accepted(offered, offered, policy(ESP, AH), TUNNEL) is None


def test_of_two_proposals_that_differ_in_their_lifetime_the_one_that_was_chosen_is_meant() -> None:
    longer = replace(ESP, name="longer", lifetime_seconds=28_800)
    offered = offer(policy(ESP, longer), TUNNEL, SPIS)
    choice = choose(offered, policy(longer), TUNNEL)
    assert choice is not None
    second = offered.proposals[0]._replace(transforms=offered.proposals[0].transforms[1:])
    taken = accepted(SecurityAssociation((second,)), offered, policy(ESP, longer), TUNNEL)
    assert taken is not None
    assert taken.proposal == longer
