"""Dead peer detection: when an end asks, what it takes for an answer, and when it gives up."""

import pytest

from agent.core.config import DEAD_PEER_DETECTION_VENDOR_ID, DeadPeerDetection, ExchangeMode, IkeSettings
from agent.core.events import DeletionReason, DropReason, IkeSaDeleted
from agent.core.ike import dpd
from agent.core.ike.exchange import Discarded
from agent.core.ike.message import CookiePair
from agent.core.ike.sa import IkeSa
from agent.core.link import LinkProfile
from agent.core.world import SECOND, World
from tests.support.gateways import ALICE, BOB, Pair, policy, relay

ASKED = IkeSettings(vendor_ids=(DEAD_PEER_DETECTION_VENDOR_ID,))
UNASKED = IkeSettings(vendor_ids=())
PARTITION = LinkProfile(is_partitioned=True)
DETECTION = DeadPeerDetection(interval_seconds=10, retries=2, retry_interval_seconds=2)


def watching_pair(
    *, alice: IkeSettings = ASKED, bob: IkeSettings = ASKED, mode: ExchangeMode = ExchangeMode.MAIN
) -> tuple[Pair, IkeSa, IkeSa]:
    """Return a pair of which Alice watches Bob, and the IKE SA at each end."""
    pair = Pair(alice=alice, bob=bob)
    pair.alice.policies.by_address[BOB] = policy(BOB, mode=mode, dead_peer_detection=DETECTION)
    pair.bob.policies.by_address[ALICE] = policy(ALICE, mode=mode)
    return pair, *pair.establish()


def informational(pair: Pair) -> tuple[int, int]:
    """Return how many Informational messages Alice and Bob have sent."""
    return pair.alice.trace.count("informational*"), pair.bob.trace.count("informational*")


@pytest.mark.parametrize("mode", list(ExchangeMode))
def test_a_peer_that_is_silent_is_asked_once_an_interval_and_answers(mode: ExchangeMode) -> None:
    pair, alices, bobs = watching_pair(mode=mode)
    # --> HDR*, HASH(1), N(R-U-THERE)   <-- HDR*, HASH(1), N(R-U-THERE-ACK)
    pair.run(seconds=9)
    assert informational(pair) == (0, 0)
    pair.run(seconds=0.5)
    assert informational(pair) == (1, 1)
    pair.run(seconds=30.1)
    assert informational(pair) == (4, 4)
    assert alices.is_matured
    assert bobs.is_matured
    assert pair.alice.drops == pair.bob.drops == {}


def test_a_sign_of_life_puts_the_question_off() -> None:
    pair, alices, _ = watching_pair()
    pair.set_terms()
    pair.run(seconds=6)
    pair.negotiate(alices)
    pair.run(seconds=4)
    alices.note_sign_of_life()
    pair.run(seconds=9)
    assert informational(pair) == (0, 0)
    pair.run(seconds=1.1)
    assert informational(pair) == (1, 1)


def test_a_peer_that_never_answers_is_given_up_after_the_retries_and_its_ike_sa_is_gone() -> None:
    pair, alices, _ = watching_pair()
    pair.network.set_profile(BOB, ALICE, PARTITION)
    pair.run(seconds=14.5)
    assert informational(pair)[0] == 3
    assert alices.is_matured
    pair.run(seconds=1)
    assert pair.alice.policies.deleted == [(alices, DeletionReason.PEER_UNREACHABLE)]
    deleted = [each for each in pair.alice.events if isinstance(each, IkeSaDeleted)]
    assert [each.reason for each in deleted] == [DeletionReason.PEER_UNREACHABLE]
    assert pair.alice.sas == []
    # Three questions, and a delete in case that the peer hears after all.
    assert informational(pair)[0] == 4
    pair.run(seconds=60)
    assert informational(pair)[0] == 4
    for sa in pair.bob.sas:
        pair.bob.engine.delete(sa, DeletionReason.CLEARED)
    assert pair.world.next_deadline() is None


def test_an_answer_to_a_later_question_is_soon_enough() -> None:
    pair, alices, _ = watching_pair()
    pair.network.set_profile(BOB, ALICE, PARTITION)
    pair.run(seconds=13)
    pair.network.set_profile(BOB, ALICE, LinkProfile())
    pair.run(seconds=2)
    assert informational(pair) == (3, 3)
    pair.run(seconds=5)
    assert alices.is_matured
    assert informational(pair) == (3, 3)


@pytest.mark.parametrize(("alice", "bob"), [(ASKED, UNASKED), (UNASKED, ASKED)])
def test_nobody_is_asked_unless_both_ends_have_announced_it(alice: IkeSettings, bob: IkeSettings) -> None:
    pair, alices, _ = watching_pair(alice=alice, bob=bob)
    pair.run(seconds=100)
    assert informational(pair) == (0, 0)
    assert alices.is_matured


def test_who_has_no_such_policy_asks_nothing() -> None:
    pair, _, _ = watching_pair()
    pair.network.set_profile(ALICE, BOB, PARTITION)
    pair.run(seconds=100)
    assert informational(pair)[1] == 0


def test_a_question_that_comes_again_is_answered_with_the_same_octets() -> None:
    pair, _, _ = watching_pair()
    pair.run(seconds=9.5)
    asked = pair.alice.trace.index("informational*")
    relay(asked, pair.alice, pair.bob)
    assert pair.bob.sent[-1].payload == pair.bob.sent[-2].payload
    assert pair.bob.drops == {}


def test_an_older_question_and_an_answer_that_nobody_waits_for_are_replays() -> None:
    pair, alices, _ = watching_pair()
    pair.run(seconds=20)
    asked = pair.alice.trace.index("informational*")
    relay(asked, pair.alice, pair.bob)
    assert pair.bob.drops == {DropReason.REPLAYED_MESSAGE: 1}
    answered = pair.bob.trace.index("informational*")
    relay(answered, pair.bob, pair.alice)
    assert pair.alice.drops == {DropReason.REPLAYED_MESSAGE: 1}
    assert alices.is_matured


# The prober by itself


class Wire:
    """Writes down what a prober asks, and whether it has given up."""

    def __init__(self, start: bytes = b"\0\0\0\7") -> None:
        self.world = World(now=0, seed=0)
        self.asked: list[int] = []
        self.dead_at: list[int] = []
        self.prober = dpd.Prober(
            world=self.world,
            detection=DETECTION,
            draw=lambda purpose, count: start,
            send=self.asked.append,
            on_dead=lambda: self.dead_at.append(self.world.now // SECOND),
        )

    def run_to(self, seconds: int) -> None:
        self.world.advance(seconds * SECOND)


def test_each_question_has_the_next_number_and_the_peer_is_dead_a_retry_interval_after_the_last() -> None:
    wire = Wire()
    wire.run_to(100)
    assert wire.asked == [7, 8, 9]
    assert wire.dead_at == [16]
    assert wire.world.next_deadline() is None


def test_the_first_number_has_its_high_bit_clear() -> None:
    wire = Wire(start=b"\xff\xff\xff\xff")
    wire.run_to(10)
    assert wire.asked == [0x7FFFFFFF]


@pytest.mark.parametrize(("number", "is_taken"), [(6, False), (7, True), (8, True), (9, False)])
def test_only_an_answer_to_a_question_that_is_out_is_taken(number: int, is_taken: bool) -> None:
    wire = Wire()
    wire.run_to(12)
    assert wire.asked == [7, 8]
    if is_taken:
        wire.prober.run(dpd.Input.ACKNOWLEDGED, number)
    else:
        with pytest.raises(Discarded) as raised:
            wire.prober.run(dpd.Input.ACKNOWLEDGED, number)
        assert raised.value.reason is DropReason.REPLAYED_MESSAGE
    wire.run_to(17)
    assert wire.dead_at == ([] if is_taken else [16])


def test_an_answer_of_the_round_before_is_not_taken_in_the_next() -> None:
    wire = Wire()
    wire.run_to(10)
    wire.prober.run(dpd.Input.ACKNOWLEDGED, 7)
    wire.run_to(20)
    assert wire.asked == [7, 8]
    with pytest.raises(Discarded):
        wire.prober.run(dpd.Input.ACKNOWLEDGED, 7)


def test_an_answer_that_nobody_asked_for_is_unexpected() -> None:
    with pytest.raises(Discarded) as raised:
        Wire().prober.run(dpd.Input.ACKNOWLEDGED, 7)
    assert raised.value.reason is DropReason.UNEXPECTED_MESSAGE


def test_anything_from_the_peer_ends_the_round() -> None:
    wire = Wire()
    wire.run_to(13)
    wire.prober.run(dpd.Input.SIGN_OF_LIFE, wire.world.now)
    wire.run_to(22)
    assert wire.asked == [7, 8]
    wire.run_to(23)
    assert wire.asked == [7, 8, 9]
    assert wire.dead_at == []


def test_a_prober_that_is_closed_asks_nothing() -> None:
    wire = Wire()
    wire.prober.close()
    wire.run_to(100)
    assert wire.asked == []
    assert wire.dead_at == []


COOKIES = CookiePair(b"initiato", b"responde")  # type: ignore[arg-type]


def test_a_question_names_the_ike_sa_and_its_number() -> None:
    question = dpd.probe(COOKIES, 0x3F4E8AF0)
    assert question.encode().hex() == "0000000101108d28" + COOKIES.spi.hex() + "3f4e8af0"
    assert dpd.sequence_of(question, COOKIES) == 0x3F4E8AF0
    answer = dpd.acknowledgement(COOKIES, 0x3F4E8AF0)
    assert answer.encode().hex() == "0000000101108d29" + COOKIES.spi.hex() + "3f4e8af0"


@pytest.mark.parametrize("changes", [{"spi": b""}, {"protocol": 3}, {"data": b""}, {"data": bytes(5)}])
def test_what_names_another_ike_sa_or_no_number_is_malformed(changes: dict[str, object]) -> None:
    with pytest.raises(Discarded) as raised:
        dpd.sequence_of(dpd.probe(COOKIES, 1)._replace(**changes), COOKIES)  # type: ignore[arg-type]
    assert raised.value.reason is DropReason.MALFORMED_MESSAGE
