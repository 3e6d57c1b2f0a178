"""Phase 1 proposals: what is offered, what is chosen, what is taken for an answer."""

from dataclasses import replace

import pytest

from agent.core.config import DhGroup, EncryptionAlgorithm, HashAlgorithm, IkeProposal
from agent.core.ike.proposal import accepted, choose, offer
from agent.core.ike.security_association import Attribute, SecurityAssociation
from tests.support.gateways import PROPOSAL

DES = replace(PROPOSAL, encryption_algorithm=EncryptionAlgorithm.DES_CBC)
SHA1 = replace(PROPOSAL, authentication_algorithm=HashAlgorithm.SHA1)
GROUP2 = replace(PROPOSAL, dh_group=DhGroup.GROUP2)
DAY = 86_400


def lasting(seconds: int) -> IkeProposal:
    return replace(PROPOSAL, lifetime_seconds=seconds)


def with_attributes(*attributes: Attribute, identifier: int = 1, protocol: int = 1) -> SecurityAssociation:
    """Return an offer of one transform with these attributes behind those of PROPOSAL's algorithms."""
    offered = offer((PROPOSAL,))
    proposal = offered.proposals[0]
    transform = proposal.transforms[0]
    changed = replace(transform, identifier=identifier, attributes=transform.attributes[:4] + attributes)
    return SecurityAssociation((proposal._replace(protocol=protocol, transforms=(changed,)),))


def basic(kind: int, value: int) -> Attribute:
    return Attribute(kind, value.to_bytes(2), is_basic=True)


def variable(kind: int, value: int, length: int = 4) -> Attribute:
    return Attribute(kind, value.to_bytes(length), is_basic=False)


SECONDS = basic(11, 1)


def test_an_offer_is_one_proposal_with_a_numbered_transform_each() -> None:
    (proposal,) = offer((PROPOSAL, DES, SHA1)).proposals
    assert (proposal.number, proposal.protocol, proposal.spi) == (1, 1, b"")
    assert [transform.number for transform in proposal.transforms] == [1, 2, 3]
    assert {transform.identifier for transform in proposal.transforms} == {1}


@pytest.mark.parametrize("each", [PROPOSAL, DES, SHA1, GROUP2, lasting(65_535), lasting(65_536), lasting(DAY)])
def test_what_is_offered_is_chosen_by_one_who_allows_it(each: IkeProposal) -> None:
    choice = choose(offer((each,)), (each,))
    assert choice is not None
    assert choice.proposal == each
    assert choice.answer == offer((each,))


def test_a_lifetime_of_more_than_two_octets_is_a_variable_attribute() -> None:
    attributes = [offer((lasting(seconds),)).proposals[0].transforms[0].attributes[-1] for seconds in (65_535, 65_536)]
    assert attributes == [basic(12, 65_535), variable(12, 65_536)]


def test_the_responder_takes_the_first_of_the_initiators_that_it_allows() -> None:
    choice = choose(offer((DES, SHA1, PROPOSAL)), (PROPOSAL, SHA1))
    assert choice is not None
    assert choice.proposal == SHA1
    (transform,) = choice.answer.proposals[0].transforms
    assert transform == offer((DES, SHA1, PROPOSAL)).proposals[0].transforms[1]


@pytest.mark.parametrize("other", [DES, SHA1, GROUP2])
def test_a_transform_that_differs_in_one_algorithm_is_not_chosen(other: IkeProposal) -> None:
    assert choose(offer((other,)), (PROPOSAL,)) is None


def test_a_lifetime_within_ours_is_taken_as_offered() -> None:
    choice = choose(offer((lasting(1800),)), (PROPOSAL,))
    assert choice is not None
    assert choice.proposal == lasting(1800)
    assert not choice.is_shortened


@pytest.mark.parametrize("seconds", [3601, DAY])
def test_a_lifetime_that_is_longer_than_ours_is_shortened_to_it(seconds: int) -> None:
    offered = with_attributes(SECONDS, variable(12, seconds))
    choice = choose(offered, (PROPOSAL,))
    assert choice is not None
    assert choice.proposal == PROPOSAL
    assert choice.is_shortened
    # The transform goes back as it came, for all that.
    assert choice.answer == offered


def test_a_lifetime_of_nothing_is_not_chosen() -> None:
    assert choose(with_attributes(SECONDS, basic(12, 0)), (PROPOSAL,)) is None


@pytest.mark.parametrize(
    ("offered", "allowed", "expected", "is_shortened"),
    [(1000, None, 1000, False), (1000, 2000, 1000, False), (1000, 500, 500, True), (None, 500, 500, True)],
)
def test_a_lifetime_in_kilobytes_is_agreed_on_like_one_in_seconds(
    offered: int | None, allowed: int | None, expected: int | None, is_shortened: bool
) -> None:
    choice = choose(
        offer((replace(PROPOSAL, lifetime_kilobytes=offered),)), (replace(PROPOSAL, lifetime_kilobytes=allowed),)
    )
    assert choice is not None
    assert choice.proposal.lifetime_kilobytes == expected
    assert choice.is_shortened is is_shortened


def test_an_initiator_that_names_no_lifetime_gets_ours() -> None:
    choice = choose(with_attributes(), (PROPOSAL,))
    assert choice is not None
    assert choice.proposal == PROPOSAL
    assert choice.answer == with_attributes()


def test_a_lifetime_in_the_other_form_is_understood_and_returned_in_it() -> None:
    offered = with_attributes(SECONDS, variable(12, 1800))
    choice = choose(offered, (PROPOSAL,))
    assert choice is not None
    assert choice.proposal == lasting(1800)
    assert choice.answer == offered


@pytest.mark.parametrize(
    "attributes",
    [
        (basic(14, 128),),  # a key length, which these ciphers do not have
        (basic(13, 1),),  # a pseudo-random function of its own
        (basic(1, 5),),  # the cipher a second time
        (SECONDS,),  # a life type without a duration
        (basic(12, 1800),),  # a duration without a life type
        (basic(11, 3), basic(12, 1000)),  # a life type that nobody knows
        (SECONDS, variable(12, 1800, length=5)),  # more octets than a lifetime has
        (SECONDS, basic(12, 1800), SECONDS, basic(12, 900)),  # two lifetimes
    ],
)
def test_a_transform_with_an_attribute_we_cannot_keep_is_not_chosen(attributes: tuple[Attribute, ...]) -> None:
    assert choose(with_attributes(*attributes), (PROPOSAL,)) is None


def test_another_transform_identifier_or_protocol_is_not_chosen() -> None:
    assert choose(with_attributes(identifier=2), (PROPOSAL,)) is None
    assert choose(with_attributes(protocol=3), (PROPOSAL,)) is None


def test_the_initiator_takes_an_answer_that_it_offered() -> None:
    assert accepted(offer((SHA1,)), (PROPOSAL, SHA1)) == SHA1


@pytest.mark.parametrize(
    "answer",
    [
        offer((DES,)),
        offer((lasting(1800),)),
        offer((lasting(7200),)),
        offer((PROPOSAL, SHA1)),
        with_attributes(basic(14, 1)),
    ],
)
def test_the_initiator_takes_no_answer_that_it_did_not_offer(answer: SecurityAssociation) -> None:
    assert accepted(answer, (PROPOSAL, SHA1)) is None


def test_the_initiator_takes_no_answer_of_two_proposals() -> None:
    twice = SecurityAssociation(offer((PROPOSAL,)).proposals * 2)
    assert accepted(twice, (PROPOSAL,)) is None
