"""The engine: which IKE SA a datagram belongs to, limits, counters, and what hostile networks may do."""

from ipaddress import ip_address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.core.config import ExchangeMode, IkeSettings
from agent.core.events import DatagramDropped, DeletionReason, DropReason, FailureReason, Outcome
from agent.core.identifiers import Cookie, Endpoint
from agent.core.ike.message import Message
from agent.core.ike.natt import KEEPALIVE
from agent.core.ike.numbers import NotifyType
from agent.core.ike.payloads import Notification
from agent.core.link import LinkProfile
from tests.support.gateways import ALICE, BOB, OTHER_PROPOSAL, Pair, policy

MALLORY = Endpoint(ip_address("203.0.113.66"), 500)
BOBS_PORT = Endpoint(BOB, 500)
ALICES_PORT = Endpoint(ALICE, 500)


def first_message(pair: Pair) -> bytes:
    """Return a message 1 of Alice's, which never leaves her."""
    pair.set_link(LinkProfile(is_partitioned=True))
    pair.initiate()
    return pair.alice.sent[-1].payload


def with_cookie(datagram: bytes, number: int) -> bytes:
    return number.to_bytes(8) + datagram[8:]


@pytest.mark.parametrize(
    ("offset", "octets", "reason"),
    [
        (0, bytes(8), DropReason.MALFORMED_MESSAGE),
        (8, b"whoever!", DropReason.UNKNOWN_COOKIE),
        (17, b"\x20", DropReason.UNSUPPORTED_VERSION),
        (17, b"\x11", DropReason.UNSUPPORTED_VERSION),
        (18, b"\x01", DropReason.UNSUPPORTED_EXCHANGE),
        (18, b"\x04", DropReason.MALFORMED_MESSAGE),
        (18, b"\x20", DropReason.UNKNOWN_COOKIE),
        (18, b"\x21", DropReason.UNSUPPORTED_EXCHANGE),
        (18, b"\xff", DropReason.UNSUPPORTED_EXCHANGE),
        (18, b"\x05", DropReason.UNKNOWN_COOKIE),
        (19, b"\x10", DropReason.MALFORMED_MESSAGE),
        (19, b"\x01", DropReason.UNEXPECTED_MESSAGE),
        (16, b"\x04", DropReason.UNEXPECTED_MESSAGE),
        (27, b"\x00", DropReason.MALFORMED_MESSAGE),
        (29, b"\x01", DropReason.MALFORMED_MESSAGE),
        (34, b"\x01", DropReason.MALFORMED_MESSAGE),
    ],
)
def test_each_way_to_be_wrong_has_its_counter_and_leaves_nothing_behind(
    offset: int, octets: bytes, reason: DropReason
) -> None:
    pair = Pair()
    datagram = first_message(pair)
    datagram = datagram[:offset] + octets + datagram[offset + len(octets) :]
    pair.bob.engine.receive(ALICES_PORT, BOBS_PORT, datagram)
    assert pair.bob.drops == {reason: 1}
    assert pair.bob.events == [DatagramDropped(0, ALICES_PORT, reason)]
    assert pair.bob.sas == []
    assert pair.bob.engine.statistics.half_open == 0


@pytest.mark.parametrize(
    ("offset", "octets", "notify"),
    [
        (18, b"\x01", NotifyType.INVALID_EXCHANGE_TYPE),
        (29, b"\x01", NotifyType.PAYLOAD_MALFORMED),
        (35, b"\x02", NotifyType.DOI_NOT_SUPPORTED),
        (39, b"\x02", NotifyType.SITUATION_NOT_SUPPORTED),
        (47, b"\x09", NotifyType.BAD_PROPOSAL_SYNTAX),
    ],
)
def test_a_peer_with_a_policy_is_told_what_is_wrong_with_its_message_1(
    offset: int, octets: bytes, notify: NotifyType
) -> None:
    pair = Pair()
    datagram = first_message(pair)
    datagram = datagram[:offset] + octets + datagram[offset + len(octets) :]
    pair.bob.engine.receive(ALICES_PORT, BOBS_PORT, datagram)
    (sent,) = pair.bob.sent
    (told,) = Message.decode(sent.payload).payloads
    assert isinstance(told, Notification)
    assert told.notify == notify
    assert sent.header.initiator_cookie == datagram[:8]
    assert len(sent.payload) <= len(datagram)
    # A stranger is told nothing, and an error is never answered by another.
    pair.bob.engine.receive(MALLORY, BOBS_PORT, datagram)
    pair.alice.engine.receive(BOBS_PORT, ALICES_PORT, sent.payload)
    assert len(pair.bob.sent) == 1
    assert pair.alice.trace == ["main"]
    assert [reason for _, reason in pair.alice.policies.failed] != []


@pytest.mark.parametrize(("offset", "octets"), [(8, b"whoever!"), (17, b"\x20"), (18, b"\x05"), (19, b"\x10")])
def test_what_is_no_first_message_is_not_answered_at_all(offset: int, octets: bytes) -> None:
    pair = Pair()
    datagram = first_message(pair)
    pair.bob.engine.receive(ALICES_PORT, BOBS_PORT, datagram[:offset] + octets + datagram[offset + len(octets) :])
    assert pair.bob.sent == []


def test_a_stranger_without_a_policy_gets_no_answer_and_no_state() -> None:
    pair = Pair()
    pair.bob.engine.receive(MALLORY, BOBS_PORT, first_message(pair))
    assert pair.bob.drops == {DropReason.NO_POLICY: 1}
    assert pair.bob.sas == []
    assert pair.bob.sent == []
    assert pair.bob.policies.failed == []


def test_the_right_cookies_from_another_address_are_unknown() -> None:
    pair = Pair()
    pair.initiate()
    pair.run(seconds=0.011)
    pair.bob.engine.receive(MALLORY, BOBS_PORT, pair.alice.sent[-1].payload)
    assert pair.bob.drops == {DropReason.UNKNOWN_COOKIE: 1}
    pair.run(seconds=1)
    assert len(pair.bob.matured) == 1


def test_a_refusal_from_another_address_is_not_heard() -> None:
    pair = Pair()
    pair.alice.policies.by_address[BOB] = policy(BOB, proposals=(OTHER_PROPOSAL,))
    alices = pair.initiate()
    pair.run(seconds=0.006)
    refusal = pair.bob.sent[-1].payload
    pair.alice.engine.receive(MALLORY, ALICES_PORT, refusal)
    assert pair.alice.drops == {DropReason.UNKNOWN_COOKIE: 1}
    assert alices.is_negotiating


def test_our_own_message_that_comes_back_begins_nothing() -> None:
    pair = Pair()
    datagram = first_message(pair)
    pair.alice.engine.receive(BOBS_PORT, ALICES_PORT, datagram)
    assert pair.alice.drops == {DropReason.UNEXPECTED_MESSAGE: 1}
    assert len(pair.alice.sas) == 1


def test_a_second_answer_with_another_cookie_is_unknown() -> None:
    pair = Pair()
    alices = pair.initiate()
    pair.run(seconds=0.011)
    second = pair.bob.sent[0].payload
    pair.alice.engine.receive(BOBS_PORT, ALICES_PORT, second[:8] + b"impostor" + second[16:])
    assert pair.alice.drops == {DropReason.UNKNOWN_COOKIE: 1}
    pair.run(seconds=1)
    assert alices.is_matured


def test_the_half_open_limit_of_one_peer_leaves_room_for_others() -> None:
    pair = Pair(bob=IkeSettings(half_open_limit_per_peer=3))
    datagram = first_message(pair)
    pair.bob.policies.by_address[MALLORY.address] = policy(MALLORY.address)
    for number in range(1, 6):
        pair.bob.engine.receive(MALLORY, BOBS_PORT, with_cookie(datagram, number))
    assert pair.bob.engine.statistics.half_open == 3
    assert pair.bob.drops == {DropReason.HALF_OPEN_LIMIT: 2}
    pair.bob.engine.receive(ALICES_PORT, BOBS_PORT, datagram)
    assert pair.bob.engine.statistics.half_open == 4


def test_the_half_open_limit_in_all_holds_for_everybody_and_frees_with_time() -> None:
    pair = Pair(bob=IkeSettings(half_open_limit=2))
    datagram = first_message(pair)
    for number in range(1, 4):
        pair.bob.engine.receive(ALICES_PORT, BOBS_PORT, with_cookie(datagram, number))
    assert pair.bob.drops == {DropReason.HALF_OPEN_LIMIT: 1}
    pair.run(seconds=120)
    assert pair.bob.engine.statistics.half_open == 0
    pair.bob.engine.receive(ALICES_PORT, BOBS_PORT, with_cookie(datagram, 9))
    assert pair.bob.engine.statistics.half_open == 1


def test_other_half_open_limits_hold_from_when_they_are_set() -> None:
    pair = Pair(bob=IkeSettings(half_open_limit=2))
    datagram = first_message(pair)
    pair.bob.engine.limit_half_open(3, 4)
    for number in range(1, 5):
        pair.bob.engine.receive(ALICES_PORT, BOBS_PORT, with_cookie(datagram, number))
    assert pair.bob.drops == {DropReason.HALF_OPEN_LIMIT: 1}
    pair.bob.engine.limit_half_open(1, 1)
    assert pair.bob.engine.statistics.half_open == 3, "those that there are go on"
    pair.bob.engine.receive(ALICES_PORT, BOBS_PORT, with_cookie(datagram, 9))
    assert pair.bob.drops == {DropReason.HALF_OPEN_LIMIT: 2}


def test_an_established_ike_sa_is_not_half_open() -> None:
    pair = Pair()
    pair.establish()
    assert pair.bob.engine.statistics.half_open == 0
    assert pair.alice.engine.statistics.half_open == 0
    pair.bob.engine.delete(pair.bob.sas[0], DeletionReason.CLEARED)
    assert pair.bob.engine.statistics.half_open == 0


def test_ids_are_never_used_again() -> None:
    pair = Pair()
    ids = []
    for _ in range(3):
        alices, _ = pair.establish()
        ids.append(alices.id)
        pair.alice.engine.delete(alices, DeletionReason.CLEARED)
        pair.run(seconds=1)
    assert ids == [1, 2, 3]


def test_every_outcome_and_every_reason_has_a_counter() -> None:
    pair = Pair()
    statistics = pair.alice.engine.statistics
    assert set(statistics.negotiations) == set(Outcome)
    assert set(statistics.dropped) == set(DropReason)
    assert not any(statistics.negotiations.values())
    assert not any(statistics.dropped.values())


def test_outcomes_are_counted_at_both_ends() -> None:
    pair = Pair()
    pair.establish()
    pair.alice.policies.by_address[BOB] = policy(BOB, proposals=(OTHER_PROPOSAL,))
    pair.initiate()
    pair.run(seconds=1)
    pair.alice.policies.by_address[BOB] = policy(BOB, pre_shared_key=b"another")
    pair.initiate()
    pair.run(seconds=1)
    pair.set_link(LinkProfile(is_partitioned=True))
    pair.initiate()
    pair.run(seconds=60)
    expected = dict.fromkeys((Outcome.ESTABLISHED, Outcome.REFUSED, Outcome.AUTHENTICATION_FAILED, Outcome.TIMEOUT), 1)
    assert pair.alice.engine.statistics.negotiations == {**expected, Outcome.FAILED: 0}
    assert pair.bob.engine.statistics.negotiations == {**expected, Outcome.FAILED: 0, Outcome.TIMEOUT: 0}


# Hostile networks


@pytest.mark.parametrize("mode", list(ExchangeMode))
@pytest.mark.parametrize("times", [1, 10])
def test_an_address_that_has_not_answered_is_sent_at_most_three_times_what_came_from_it(
    mode: ExchangeMode, times: int
) -> None:
    pair = pair_of(mode)
    datagram = first_message(pair)
    for _ in range(times):
        pair.bob.engine.receive(ALICES_PORT, BOBS_PORT, datagram)
    pair.run(seconds=120)
    assert 0 < sum(len(each.payload) for each in pair.bob.sent) <= 3 * times * len(datagram)
    assert pair.bob.sas == []


modes = st.sampled_from(list(ExchangeMode))


def pair_of(mode: ExchangeMode, seed: int = 7) -> Pair:
    """Return two gateways that negotiate by one mode, on the same terms for phase 2."""
    pair = Pair(seed=seed)
    pair.alice.policies.by_address[BOB] = policy(BOB, mode=mode)
    pair.bob.policies.by_address[ALICE] = policy(ALICE, mode=mode)
    pair.set_terms()
    return pair


@given(st.binary(max_size=300).filter(lambda datagram: datagram != KEEPALIVE))
def test_arbitrary_octets_are_dropped_and_counted(datagram: bytes) -> None:
    pair = Pair()
    pair.bob.engine.receive(ALICES_PORT, BOBS_PORT, datagram)
    assert sum(pair.bob.drops.values()) == 1
    assert pair.bob.sas == []


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    modes,
    st.integers(0, 2),
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 255)), min_size=1, max_size=4),
    st.integers(0, 200),
)
def test_no_mutation_of_any_message_escapes_or_spoils_the_next_negotiation(
    mode: ExchangeMode, number: int, is_bobs: bool, changes: list[tuple[int, int]], cut: int
) -> None:
    pair = pair_of(mode)
    pair.initiate()
    pair.run(seconds=0.01 * number + (0.006 if is_bobs else 0.004))
    sender, receiver = (pair.bob, pair.alice) if is_bobs else (pair.alice, pair.bob)
    original = sender.sent[min(number, len(sender.sent) - 1)]
    octets = bytearray(original.payload[: max(1, len(original.payload) - cut)] if cut > 100 else original.payload)
    for offset, flip in changes:
        octets[offset % len(octets)] ^= flip
    receiver.engine.receive(original.source, original.destination, bytes(octets))
    # Whatever the forgery did, time sets everything right, and nothing is left over.
    pair.run(seconds=200)
    alices, bobs = pair.establish()
    assert alices.cookies == bobs.cookies
    for gateway in (pair.alice, pair.bob):
        assert all(sa.is_matured for sa in gateway.sas)
        assert gateway.engine.statistics.half_open == 0


@settings(deadline=None, max_examples=80)
@given(
    mode=modes,
    seed=st.integers(0, 2**32),
    loss=st.floats(0, 0.4),
    duplication=st.floats(0, 0.5),
    jitter_us=st.integers(0, 1_500_000),
)
def test_any_link_ends_in_one_ike_sa_and_one_agreement_or_in_a_clean_failure(
    mode: ExchangeMode, seed: int, loss: float, duplication: float, jitter_us: int
) -> None:
    pair = pair_of(mode, seed)
    pair.set_link(LinkProfile(loss=loss, duplication=duplication, jitter_us=jitter_us))
    alices = pair.initiate()
    pair.run(seconds=150)
    assert len(pair.alice.matured) + len(pair.alice.policies.failed) == 1
    if pair.alice.matured:
        # In aggressive mode the responder is done last, so that it may have given up where its message 3 was lost.
        assert len(pair.bob.matured) + (len(pair.bob.policies.failed) if mode is ExchangeMode.AGGRESSIVE else 0) == 1
        pair.negotiate(alices)
        pair.run(seconds=150)
        assert len(pair.alice.policies.agreed) + len(pair.alice.policies.failed_phase2) == 1
        assert len(pair.bob.policies.agreed) <= 1
    for bobs in pair.bob.matured if pair.alice.matured else ():
        assert alices.cookies == bobs.cookies
        assert alices.proposal == bobs.proposal
    assert_nothing_waits(pair)


def assert_nothing_waits(pair: Pair) -> None:
    """See that nothing lingers: only lifetimes are left of the timers."""
    assert pair.alice.sas == pair.alice.matured
    assert pair.bob.sas == pair.bob.matured
    for gateway in (pair.alice, pair.bob):
        for sa in gateway.matured:
            assert not sa.negotiations
            gateway.engine.delete(sa, DeletionReason.CLEARED)
    pair.run(seconds=10)
    assert pair.world.next_deadline() is None


def test_a_message_1_that_was_cut_short_begins_nothing() -> None:
    pair = Pair()
    datagram = first_message(pair)
    for length in range(len(datagram)):
        pair.bob.engine.receive(ALICES_PORT, BOBS_PORT, datagram[:length])
    assert pair.bob.drops == {DropReason.MALFORMED_MESSAGE: len(datagram)}
    assert pair.bob.sas == []


def test_a_message_1_with_cookies_of_another_sender_is_another_negotiation() -> None:
    pair = Pair()
    datagram = first_message(pair)
    pair.bob.policies.by_address[MALLORY.address] = policy(MALLORY.address)
    pair.bob.engine.receive(ALICES_PORT, BOBS_PORT, datagram)
    pair.bob.engine.receive(MALLORY, BOBS_PORT, datagram)
    assert len({sa.responder_cookie for sa in pair.bob.sas}) == 2
    assert Message.decode(datagram).header.initiator_cookie == pair.bob.sas[0].initiator_cookie


def test_a_failure_that_began_nothing_is_published_with_zero_cookies() -> None:
    pair = Pair()
    pair.alice.engine.report_failure(BOB, FailureReason.NO_POLICY)
    (event,) = pair.alice.events
    assert event.at == 0
    assert getattr(event, "sa_id", 0) is None
    assert getattr(event, "initiator_cookie", None) == Cookie(bytes(8))
    assert pair.alice.engine.statistics.negotiations[Outcome.FAILED] == 1
