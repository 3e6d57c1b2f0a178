"""When a message is sent again, and what is remembered of those received."""

from agent.core.config import Retransmission
from agent.core.ike.retransmission import ReplyMemory, Retransmitter
from agent.core.world import SECOND, World


class Sender:
    """A retransmitter whose transmissions are written down with their times in seconds."""

    def __init__(self) -> None:
        self.world = World(now=0, seed=0)
        self.sent: list[tuple[float, bytes]] = []
        self.given_up_at: list[float] = []
        self.retransmitter = Retransmitter(
            self.world,
            Retransmission(first_interval_us=SECOND, backoff=2, limit=2),
            lambda datagram: self.sent.append((self.world.now / SECOND, datagram)),
            lambda: self.given_up_at.append(self.world.now / SECOND),
        )


def test_a_message_is_sent_again_with_growing_intervals_until_it_is_given_up() -> None:
    sender = Sender()
    sender.retransmitter.start(b"message")
    sender.world.advance(100 * SECOND)
    assert sender.sent == [(0, b"message"), (1, b"message"), (3, b"message")]
    assert sender.given_up_at == [7]


def test_an_answer_stops_it_without_a_trace() -> None:
    sender = Sender()
    sender.retransmitter.start(b"message")
    sender.world.advance(2 * SECOND)
    sender.retransmitter.stop()
    sender.world.advance(100 * SECOND)
    assert len(sender.sent) == 2
    assert sender.given_up_at == []
    assert sender.world.next_deadline() is None


def test_the_next_message_takes_the_place_of_the_one_before_and_starts_anew() -> None:
    sender = Sender()
    sender.retransmitter.start(b"first")
    sender.world.advance(2 * SECOND)
    sender.retransmitter.start(b"second")
    sender.world.advance(4 * SECOND)
    assert sender.sent == [(0, b"first"), (1, b"first"), (2, b"second"), (3, b"second")]


def act_on(memory: ReplyMemory, message: bytes, answer: bytes | None = None) -> None:
    assert not memory.meet(message)
    memory.remember()
    if answer is not None:
        memory.keep_answer(answer)


def test_only_the_last_message_is_answered_from_memory() -> None:
    memory = ReplyMemory(limit=4)
    act_on(memory, b"first", b"answer to the first")
    assert memory.meet(b"first")
    assert memory.answer == b"answer to the first"
    act_on(memory, b"second", b"answer to the second")
    assert memory.meet(b"first")
    assert memory.answer is None
    assert memory.meet(b"second")
    assert memory.answer == b"answer to the second"


def test_a_message_that_is_not_answered_yet_has_no_answer_of_another() -> None:
    memory = ReplyMemory(limit=4)
    act_on(memory, b"first", b"answer to the first")
    act_on(memory, b"second")
    assert memory.meet(b"second")
    assert memory.answer is None


def test_a_message_that_was_met_but_not_acted_on_is_not_known() -> None:
    memory = ReplyMemory(limit=4)
    act_on(memory, b"message", b"answer")
    assert not memory.meet(b"forgery")
    assert not memory.meet(b"forgery")
    assert memory.answer is None
    assert memory.meet(b"message")
    assert memory.answer == b"answer"


def test_an_answer_that_was_forgotten_is_not_given_but_the_message_still_known() -> None:
    memory = ReplyMemory(limit=4)
    act_on(memory, b"message", b"answer")
    memory.forget_answer()
    assert memory.meet(b"message")
    assert memory.answer is None


def test_memory_has_a_limit_and_drops_the_oldest() -> None:
    memory = ReplyMemory(limit=2)
    for message in (b"1", b"2", b"3"):
        act_on(memory, message)
    assert [memory.meet(message) for message in (b"1", b"2", b"3")] == [False, True, True]
