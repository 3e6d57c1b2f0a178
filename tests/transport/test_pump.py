"""The pump, with a stream, a session and a loop that tests move by hand."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from agent.transport.pump import TURN_BYTES, Pump
from tests.support.loop import FakeLoop
from tests.support.sessions import ToySession


@dataclass
class FakeStream:
    written: bytearray = field(default_factory=bytearray)
    is_congested: bool = False
    congested_above: int | None = None
    is_paused: bool = False
    is_finished: bool = False
    waiting: list[bytes] = field(default_factory=list)
    pump: Pump | None = None

    def write(self, data: bytes) -> None:
        assert not self.is_finished, "nothing is written behind the end"
        assert not self.is_congested, "nothing is written while congested"
        self.written += data
        self.is_congested = self.congested_above is not None and len(self.written) > self.congested_above

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        """Delivers what has waited within the call, as asyncssh does."""
        self.is_paused = False
        while self.waiting and not self.is_paused and self.pump is not None:
            self.pump.receive(self.waiting.pop(0))

    def finish(self) -> None:
        self.is_finished = True


@dataclass
class Rig:
    loop: FakeLoop = field(default_factory=FakeLoop)
    stream: FakeStream = field(default_factory=FakeStream)
    session: ToySession = field(default_factory=ToySession)

    def __post_init__(self) -> None:
        self.pump = Pump(self.stream, self._make, self.loop)
        self.stream.pump = self.pump

    def _make(self, wake: object) -> ToySession:
        assert callable(wake)
        self.session.wake = wake
        return self.session


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_an_answer_goes_out_without_waiting_for_a_turn(rig: Rig) -> None:
    rig.pump.receive(b"ping")
    assert rig.stream.written == b"ping"
    assert rig.loop.is_idle


def test_one_turn_sends_no_more_than_its_share(rig: Rig) -> None:
    rig.session.output += bytes(3 * TURN_BYTES)
    rig.pump.turn()
    assert len(rig.stream.written) == TURN_BYTES
    rig.loop.turn()
    assert len(rig.stream.written) == 2 * TURN_BYTES
    rig.loop.settle()
    assert len(rig.stream.written) == 3 * TURN_BYTES


def test_a_congested_stream_is_not_fed(rig: Rig) -> None:
    rig.session.endless = bytes(1000)
    rig.stream.congested_above = 5000
    rig.pump.turn()
    rig.loop.settle()
    assert len(rig.stream.written) == 6000
    assert rig.session.transmitted == 6000


def test_a_stream_that_is_free_again_is_fed_on(rig: Rig) -> None:
    rig.session.output += b"reply"
    rig.stream.is_congested = True
    rig.pump.turn()
    assert rig.stream.written == b""
    rig.stream.is_congested = False
    rig.pump.arrange_turn()
    rig.loop.settle()
    assert rig.stream.written == b"reply"


def test_a_session_that_wakes_is_heard_once(rig: Rig) -> None:
    rig.session.output += b"notification"
    for _ in range(10):
        rig.session.wake()
    rig.loop.turn()
    assert rig.stream.written == b"notification"
    assert rig.loop.turns == 1


def test_a_session_that_wants_no_input_gets_none(rig: Rig) -> None:
    rig.session.wants_input = False
    rig.pump.turn()
    assert rig.stream.is_paused


def test_input_that_has_waited_arrives_when_it_is_wanted(rig: Rig) -> None:
    rig.session.wants_input = False
    rig.pump.turn()
    rig.stream.waiting = [b"one", b"two"]
    rig.session.wants_input = True
    rig.session.wake()
    rig.loop.settle()
    assert not rig.stream.is_paused
    assert rig.session.received == b"onetwo"
    assert rig.stream.written == b"onetwo"


def test_input_is_paused_again_while_it_is_being_delivered(rig: Rig) -> None:
    class OneAtATime(ToySession):
        def receive(self, data: bytes) -> None:
            super().receive(data)
            self.wants_input = False

    rig = Rig(session=OneAtATime())
    rig.session.wants_input = False
    rig.pump.turn()
    rig.stream.waiting = [b"one", b"two"]
    rig.session.wants_input = True
    rig.session.wake()
    rig.loop.settle()
    assert rig.session.received == b"one"
    assert rig.stream.waiting == [b"two"]


def test_a_finished_session_ends_its_stream_after_its_output(rig: Rig) -> None:
    rig.session.finish_on = b"bye"
    rig.pump.receive(b"bye")
    assert rig.stream.written == b"bye"
    assert rig.stream.is_finished
    assert rig.session.losses == 1


def test_a_draining_session_sends_all_that_it_has(rig: Rig) -> None:
    rig.session.output += bytes(2 * TURN_BYTES)
    rig.pump.drain()
    rig.loop.settle()
    assert len(rig.stream.written) == 2 * TURN_BYTES
    assert rig.stream.is_finished


def test_draining_waits_for_a_congested_stream(rig: Rig) -> None:
    rig.session.output += b"reply"
    rig.stream.is_congested = True
    rig.pump.drain()
    rig.loop.settle()
    assert not rig.stream.is_finished
    rig.stream.is_congested = False
    rig.pump.arrange_turn()
    rig.loop.settle()
    assert rig.stream.written == b"reply"
    assert rig.stream.is_finished


def test_a_lost_stream_is_told_once_and_nothing_follows(rig: Rig) -> None:
    rig.session.deadline = rig.loop.now + 5
    rig.pump.turn()
    rig.session.wake()
    rig.pump.lost()
    rig.pump.lost()
    rig.pump.receive(b"late")
    rig.loop.pass_time(10)
    assert rig.session.losses == 1
    assert rig.session.received == b""
    assert rig.session.advanced_at == []
    assert not rig.stream.is_finished


def test_a_timer_of_the_session_runs_at_its_deadline(rig: Rig) -> None:
    rig.session.deadline = rig.loop.now + 5
    rig.pump.turn()
    rig.loop.pass_time(4.9)
    assert rig.session.advanced_at == []
    rig.loop.pass_time(0.2)
    assert rig.session.advanced_at == [1005.0]
    assert rig.loop.is_idle


def test_a_deadline_that_moves_back_and_forth_is_kept(rig: Rig) -> None:
    rig.session.deadline = rig.loop.now + 50
    rig.pump.turn()
    rig.session.deadline = rig.loop.now + 5
    rig.pump.turn()
    rig.session.deadline = rig.loop.now + 7
    rig.pump.turn()
    rig.loop.pass_time(20)
    assert rig.session.advanced_at[-1] == 1007.0
    assert len(rig.loop.pending) == 0


def test_what_a_timer_makes_the_session_say_is_sent(rig: Rig) -> None:
    class Talkative(ToySession):
        def advance(self, now: float) -> None:
            super().advance(now)
            self.output += b"time is up"

    rig = Rig(session=Talkative())
    rig.session.deadline = rig.loop.now + 1
    rig.pump.turn()
    rig.loop.pass_time(2)
    assert rig.stream.written == b"time is up"


def test_a_session_that_raises_ends_with_its_stream_and_is_asked_nothing_more() -> None:
    class Broken(ToySession):
        def transmit(self, limit: int) -> bytes:
            raise ZeroDivisionError

    rig = Rig(session=Broken())
    rig.pump.arrange_turn()
    with pytest.raises(ZeroDivisionError):  # which the loop logs
        rig.loop.settle()
    assert rig.stream.is_finished
    assert rig.session.losses == 1
    rig.pump.receive(b"is anybody there")
    assert rig.session.received == b""


def test_a_session_whose_timer_raises_ends_with_its_stream() -> None:
    class Broken(ToySession):
        def advance(self, now: float) -> None:
            raise ZeroDivisionError

    rig = Rig(session=Broken())
    rig.session.deadline = rig.loop.now + 1
    rig.pump.turn()
    with pytest.raises(ZeroDivisionError):
        rig.loop.pass_time(2)
    assert rig.stream.is_finished
    assert rig.session.losses == 1


class InPieces(ToySession):
    """Sends pieces that are never cut, as a session does that makes its output in pieces."""

    pieces: list[bytes]

    def transmit(self, limit: int) -> bytes:
        assert limit >= 0
        taken = b""
        while self.pieces and len(taken) < limit:
            taken += self.pieces.pop(0)
        self.is_finished = self.finish_on is not None and not self.pieces
        return taken


def in_pieces(rig: Rig, *lengths: int, finish: bool = False) -> bytes:
    """Have the session of a rig send pieces of some lengths, and return all of them."""
    session = InPieces(finish_on=b"" if finish else None)
    session.pieces = [bytes([65 + number % 26]) * length for number, length in enumerate(lengths)]
    rig.session = session
    rig.pump = Pump(rig.stream, rig._make, rig.loop)
    return b"".join(session.pieces)


def test_each_turn_but_the_last_is_full_whatever_the_pieces(rig: Rig) -> None:
    whole = in_pieces(rig, *[TURN_BYTES // 2 + 1234] * 9)
    rig.pump.turn()
    for turns in range(1, len(whole) // TURN_BYTES + 1):
        assert len(rig.stream.written) == turns * TURN_BYTES
        rig.loop.turn()
    assert rig.stream.written == whole
    assert rig.loop.is_idle


def test_a_piece_of_many_turns_is_sent_in_as_many(rig: Rig) -> None:
    whole = in_pieces(rig, 10, 3 * TURN_BYTES + 5, 10)
    rig.pump.turn()
    assert len(rig.stream.written) == TURN_BYTES
    rig.loop.settle()
    assert rig.stream.written == whole


def test_what_is_over_is_sent_before_the_end(rig: Rig) -> None:
    whole = in_pieces(rig, TURN_BYTES - 1, 100, finish=True)
    rig.pump.turn()
    rig.loop.settle()
    assert rig.stream.written == whole
    assert rig.stream.is_finished
    assert rig.session.losses == 1


def test_what_is_over_waits_for_a_congested_stream(rig: Rig) -> None:
    whole = in_pieces(rig, TURN_BYTES - 1, 100)
    rig.stream.congested_above = 0
    rig.pump.turn()
    rig.loop.settle()
    assert rig.stream.written == whole[:TURN_BYTES]
    rig.stream.is_congested = False
    rig.pump.arrange_turn()
    rig.loop.settle()
    assert rig.stream.written == whole


def test_what_is_over_is_drained_too(rig: Rig) -> None:
    whole = in_pieces(rig, TURN_BYTES - 1, 100)
    rig.pump.turn()
    rig.pump.drain()
    assert not rig.stream.is_finished
    rig.loop.settle()
    assert rig.stream.written == whole
    assert rig.stream.is_finished


def test_what_is_over_is_forgotten_with_the_stream(rig: Rig) -> None:
    in_pieces(rig, TURN_BYTES - 1, 100)
    rig.pump.turn()
    rig.pump.lost()
    rig.loop.settle()
    assert len(rig.stream.written) == TURN_BYTES
