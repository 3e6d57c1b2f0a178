"""Quick modes on a path that loses, doubles and reorders, with ends that fall silent."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.config import DhGroup
from agent.core.events import DeletionReason, DropReason, FailureReason
from agent.core.ike.numbers import NotifyType, ProtocolId
from agent.core.ike.payloads import Notification
from agent.core.link import LinkProfile
from tests.support.gateways import (
    ALICE,
    ALICES_NET,
    BOB,
    BOBS_NET,
    ESP,
    Gateway,
    Pair,
    relay,
    terms,
)

CUT = LinkProfile(is_partitioned=True)


def ready(**changes: object) -> Pair:
    """Return a pair with an IKE SA and terms, and nothing sent since."""
    pair = Pair()
    pair.establish()
    pair.set_terms(**changes)  # type: ignore[arg-type]
    pair.alice.sent.clear()
    pair.bob.sent.clear()
    return pair


def failures(gateway: Gateway) -> list[FailureReason]:
    return [reason for _, reason in gateway.policies.failed_phase2]


def agreements(pair: Pair) -> tuple[int, int]:
    return len(pair.alice.policies.agreed), len(pair.bob.policies.agreed)


def test_a_lost_message_1_is_sent_again() -> None:
    pair = ready()
    pair.network.set_profile(ALICE, BOB, CUT)
    pair.negotiate(pair.alice.sas[0])
    pair.run(seconds=0.9)
    pair.network.set_profile(ALICE, BOB, LinkProfile())
    pair.run(seconds=0.5)
    assert agreements(pair) == (1, 1)
    assert pair.alice.trace == ["quick_mode*"] * 3
    assert pair.alice.sent[0].payload == pair.alice.sent[1].payload


def test_a_lost_message_2_is_answered_from_memory() -> None:
    pair = ready()
    pair.network.set_profile(BOB, ALICE, CUT)
    pair.negotiate(pair.alice.sas[0])
    pair.run(seconds=0.9)
    pair.network.set_profile(BOB, ALICE, LinkProfile())
    pair.run(seconds=1)
    assert agreements(pair) == (1, 1)
    assert len({each.payload for each in pair.bob.sent}) == 1
    assert len(pair.bob.sent) >= 2


def test_a_lost_message_3_is_asked_for_again_by_the_responder() -> None:
    pair = ready()
    pair.negotiate(pair.alice.sas[0])
    pair.run(seconds=0.006)
    pair.network.set_profile(ALICE, BOB, CUT)
    pair.run(seconds=0.9)
    assert agreements(pair) == (1, 0)
    pair.network.set_profile(ALICE, BOB, LinkProfile())
    pair.run(seconds=2)
    assert agreements(pair) == (1, 1)
    assert pair.alice.sent[-1].payload == pair.alice.sent[1].payload
    sent = len(pair.bob.sent)
    pair.run(seconds=60)
    assert len(pair.bob.sent) == sent


def test_a_peer_that_does_not_answer_is_a_time_out_and_the_ike_sa_is_left_to_the_policy_manager() -> None:
    pair = ready()
    pair.set_link(CUT)
    pair.negotiate(pair.alice.sas[0])
    pair.run(seconds=30.9)
    assert failures(pair.alice) == []
    pair.run(seconds=0.2)
    assert failures(pair.alice) == [FailureReason.TIMEOUT]
    assert pair.alice.trace == ["quick_mode*"] * 5
    assert len(pair.alice.matured) == 1


def test_an_initiator_that_falls_silent_is_a_time_out_at_the_responder() -> None:
    pair = ready()
    pair.negotiate(pair.alice.sas[0])
    pair.run(seconds=0.006)
    pair.network.set_profile(ALICE, BOB, CUT)
    pair.run(seconds=60)
    assert failures(pair.bob) == [FailureReason.TIMEOUT]
    assert pair.bob.policies.agreed == []
    # The initiator, which is done, hears that its packets would be for nobody.
    assert agreements(pair) == (1, 0)
    outbound = pair.alice.policies.agreed[0].outbound.esp
    assert outbound is not None
    assert pair.alice.policies.peer_deleted == [(ProtocolId.ESP, outbound.spi)]
    pair.run(seconds=60)
    assert not pair.bob.sas[0].negotiations


def test_a_policy_manager_that_never_answers_is_a_time_out() -> None:
    pair = ready()
    pair.bob.policies.is_pending = True
    pair.negotiate(pair.alice.sas[0])
    pair.run(seconds=200)
    assert failures(pair.alice) == failures(pair.bob) == [FailureReason.TIMEOUT]
    # An answer that comes too late changes nothing.
    pair.bob.policies.waiting.pop()()
    pair.run(seconds=1)
    assert agreements(pair) == (0, 0)
    assert pair.bob.sent == []


def test_duplicates_of_every_message_change_nothing() -> None:
    pair = ready()
    pair.set_link(LinkProfile(duplication=1.0))
    pair.negotiate(pair.alice.sas[0])
    pair.run(seconds=60)
    assert agreements(pair) == (1, 1)
    assert pair.bob.sas[0].ipsec_sas_created == 2
    assert set(pair.alice.drops) | set(pair.bob.drops) <= {DropReason.REPLAYED_MESSAGE}


def test_a_message_1_that_is_replayed_when_all_is_over_begins_nothing() -> None:
    pair = ready()
    pair.negotiate(pair.alice.sas[0])
    pair.run(seconds=60)
    assert not pair.bob.sas[0].negotiations
    relay(0, pair.alice, pair.bob)
    assert not pair.bob.sas[0].negotiations
    assert pair.bob.drops == {DropReason.REPLAYED_MESSAGE: 1}
    assert len(pair.bob.policies.requests) == 1


def test_a_refusal_is_repeated_for_a_peer_that_did_not_hear_it() -> None:
    pair = ready()
    pair.bob.policies.terms = []
    pair.network.set_profile(BOB, ALICE, CUT)
    pair.negotiate(pair.alice.sas[0])
    pair.run(seconds=0.9)
    pair.network.set_profile(BOB, ALICE, LinkProfile())
    pair.run(seconds=1)
    assert failures(pair.alice) == [FailureReason.INVALID_IDENTITY]
    assert [each.label for each in pair.bob.sent] == ["informational*", "informational*"]
    assert len({each.payload for each in pair.bob.sent}) == 1


def test_several_negotiations_run_side_by_side() -> None:
    pair = ready()
    pair.set_link(LinkProfile(jitter_us=50_000))
    negotiations = [pair.negotiate(pair.alice.sas[0]) for _ in range(5)]
    bobs = pair.bob.sas[0]
    negotiations.append(bobs.negotiate(pair.bob.policies.terms[0]))
    pair.run(seconds=20)
    assert agreements(pair) == (6, 6)
    assert len({each.message_id for each in negotiations}) == 6
    ours = sorted(str(each.inbound.esp and each.inbound.esp.spi) for each in pair.alice.policies.agreed)
    theirs = sorted(str(each.outbound.esp and each.outbound.esp.spi) for each in pair.bob.policies.agreed)
    assert ours == theirs
    assert len(set(ours)) == 6


def test_a_refusal_without_an_spi_is_the_answer_to_the_oldest_question() -> None:
    pair = ready()
    alices = pair.alice.sas[0]
    refused = alices.negotiate(terms(BOBS_NET, BOBS_NET))
    accepted = pair.negotiate(alices)
    pair.run(seconds=1)
    assert [each for each, _ in pair.alice.policies.failed_phase2] == [refused]
    assert accepted.terms is pair.alice.policies.terms[0]
    assert agreements(pair) == (1, 1)


def test_a_refusal_that_names_our_spi_is_about_the_negotiation_that_offered_it() -> None:
    pair = ready()
    alices, bobs = pair.alice.sas[0], pair.bob.sas[0]
    pair.network.set_profile(ALICE, BOB, CUT)
    pair.negotiate(alices)
    second = pair.negotiate(alices)
    spi = second.spis[0].to_bytes(4)
    bobs.notify(Notification(ProtocolId.ESP, spi, NotifyType.NO_PROPOSAL_CHOSEN))
    pair.run(seconds=0.5)
    assert pair.alice.policies.failed_phase2 == [(second, FailureReason.NO_PROPOSAL_CHOSEN)]


@pytest.mark.parametrize(
    "notification",
    [
        Notification(ProtocolId.ISAKMP, b"", NotifyType.NO_PROPOSAL_CHOSEN),
        Notification(ProtocolId.ESP, bytes(4), NotifyType.INITIAL_CONTACT),
    ],
)
def test_what_is_no_error_of_phase_2_ends_no_negotiation(notification: Notification) -> None:
    pair = ready()
    pair.network.set_profile(ALICE, BOB, CUT)
    pair.negotiate(pair.alice.sas[0])
    pair.bob.sas[0].notify(notification)
    pair.run(seconds=0.5)
    assert failures(pair.alice) == []
    pair.network.set_profile(ALICE, BOB, LinkProfile())
    pair.run(seconds=2)
    assert agreements(pair) == (1, 1)


def test_the_end_of_the_ike_sa_is_the_end_of_its_negotiations() -> None:
    pair = ready()
    alices = pair.alice.sas[0]
    pair.set_link(CUT)
    pair.negotiate(alices)
    pair.alice.engine.delete(alices, DeletionReason.CLEARED)
    assert failures(pair.alice) == [FailureReason.CLEARED]
    assert pair.alice.sas == []
    sent = len(pair.alice.sent)
    pair.run(seconds=100)
    assert len(pair.alice.sent) == sent
    assert pair.alice.policies.over == []


def test_a_negotiation_that_is_abandoned_here_times_out_there() -> None:
    pair = ready()
    negotiation = pair.negotiate(pair.alice.sas[0])
    negotiation.abandon(FailureReason.RECONFIGURED)
    negotiation.abandon(FailureReason.RECONFIGURED)
    pair.run(seconds=100)
    assert failures(pair.alice) == [FailureReason.RECONFIGURED]
    assert failures(pair.bob) == [FailureReason.TIMEOUT]
    assert agreements(pair) == (0, 0)


def test_deletes_of_ipsec_sas_are_heard_by_protocol_and_spi() -> None:
    pair = ready()
    pair.alice.sas[0].send_ipsec_delete({ProtocolId.AH: terms(ALICES_NET, BOBS_NET).allocate_spi()})
    pair.run(seconds=0.5)
    assert pair.alice.trace == ["informational*"]
    assert pair.bob.policies.peer_deleted == [(ProtocolId.AH, 1000)]
    assert pair.alice.policies.peer_deleted == []


def test_an_end_that_has_pairs_does_not_say_that_this_is_the_first_contact() -> None:
    pair = Pair()
    pair.alice.policies.has_pairs = True
    _, bobs = pair.establish()
    assert not bobs.is_initial_contact


@given(
    seed=st.integers(0, 2**32),
    loss=st.floats(0, 0.4),
    duplication=st.floats(0, 0.5),
    jitter_us=st.integers(0, 3_000_000),
    group=st.sampled_from([None, DhGroup.GROUP1]),
)
@settings(max_examples=60, deadline=None)
def test_whatever_the_path_does_both_ends_come_to_an_end_and_leave_nothing_behind(
    seed: int, loss: float, duplication: float, jitter_us: int, group: DhGroup | None
) -> None:
    pair = Pair(seed=seed)
    alices, bobs = pair.establish()
    pair.set_terms(ESP, group=group)
    pair.set_link(LinkProfile(loss=loss, duplication=duplication, jitter_us=jitter_us))
    for _ in range(3):
        pair.negotiate(alices)
    pair.run(seconds=200)
    assert len(pair.alice.policies.agreed) + len(failures(pair.alice)) == 3
    assert set(failures(pair.alice)) | set(failures(pair.bob)) <= {FailureReason.TIMEOUT}
    ours = {str(each.inbound) for each in pair.alice.policies.agreed}
    theirs = {str(each.outbound) for each in pair.bob.policies.agreed}
    # The responder knows of an agreement only if message 3 arrives, and never of one that the initiator does not have.
    assert theirs <= ours
    assert not alices.negotiations
    assert not bobs.negotiations
    # The next that happens is the end of the IKE SAs: no timer of a negotiation is left.
    assert pair.world.next_deadline() == bobs.expires_at
