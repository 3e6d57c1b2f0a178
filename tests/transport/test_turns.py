"""The turns of sessions that have something to say by themselves."""

from __future__ import annotations

from functools import partial

import pytest

from agent.transport.turns import TOGETHER_SECONDS, Turns
from tests.support.loop import FakeLoop


def test_all_that_wait_have_their_turns_in_the_next_turn_of_the_loop_in_order() -> None:
    loop, turns, had = FakeLoop(), Turns(), list[int]()
    for number in range(3):
        turns.arrange(loop, partial(had.append, number))
    assert had == []
    loop.turn()
    assert had == [0, 1, 2]
    assert loop.is_idle


def test_who_asks_within_a_turn_comes_in_the_next_turn_of_the_loop() -> None:
    loop, turns, had = FakeLoop(), Turns(), list[str]()

    def again() -> None:
        had.append("first")
        turns.arrange(loop, lambda: had.append("again"))

    turns.arrange(loop, again)
    turns.arrange(loop, lambda: had.append("second"))
    loop.turn()
    assert had == ["first", "second"]
    loop.turn()
    assert had == ["first", "second", "again"]


def test_slow_turns_are_spread_over_turns_of_the_loop_so_that_others_go_on() -> None:
    loop, turns, had = FakeLoop(), Turns(), list[int]()

    def slow(number: int) -> None:
        loop.now += 0.6 * TOGETHER_SECONDS
        had.append(number)

    for number in range(5):
        turns.arrange(loop, partial(slow, number))
    loop.turn()
    assert had == [0, 1]
    loop.call_soon(lambda: had.append(-1))
    loop.turn()
    assert had == [0, 1, 2, 3, -1]
    loop.turn()
    assert had == [0, 1, 2, 3, -1, 4]
    assert loop.is_idle


def test_a_turn_longer_than_all_may_take_together_is_had_nevertheless() -> None:
    loop, turns, had = FakeLoop(), Turns(), list[int]()

    def slow() -> None:
        loop.now += 10 * TOGETHER_SECONDS
        had.append(1)

    turns.arrange(loop, slow)
    loop.turn()
    assert had == [1]


def test_a_turn_that_fails_costs_nobody_else_theirs() -> None:
    loop, turns, had = FakeLoop(), Turns(), list[int]()

    def fail() -> None:
        raise ConnectionError("gone")

    turns.arrange(loop, fail)
    turns.arrange(loop, lambda: had.append(1))
    with pytest.raises(ConnectionError):
        loop.turn()
    assert had == []
    loop.turn()
    assert had == [1]


def test_turns_stand_between_what_is_called_before_and_after_them() -> None:
    loop, had = FakeLoop(), list[str]()
    turns = Turns(lambda: had.append("before"), lambda: had.append("after"))
    for name in ("one", "two"):
        turns.arrange(loop, partial(had.append, name))
    loop.turn()
    assert had == ["before", "one", "two", "after"]


def test_what_is_called_after_turns_is_called_when_one_fails() -> None:
    loop, had = FakeLoop(), list[str]()
    turns = Turns(after=lambda: had.append("after"))

    def fail() -> None:
        raise RuntimeError("a defect")

    turns.arrange(loop, fail)
    with pytest.raises(RuntimeError, match="a defect"):
        loop.turn()
    assert had == ["after"]


def test_what_the_device_takes_before_the_turns_is_not_taken_from_them() -> None:
    loop, had = FakeLoop(), list[int]()

    def slice_of_the_device() -> None:
        loop.now += 10 * TOGETHER_SECONDS

    turns = Turns(slice_of_the_device)
    for number in range(3):
        turns.arrange(loop, partial(had.append, number))
    loop.turn()
    assert had == [0, 1, 2]
