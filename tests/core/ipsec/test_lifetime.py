"""Lifetimes by the clock and by traffic."""

import pytest

from agent.core.ipsec.lifetime import KILOBYTE, LifetimeLimits, LifetimeTimers, lifetimes
from agent.core.ipsec.sa import SaStatistics
from agent.core.world import SECOND, World
from tests.support.lifetimes import telling


def world() -> World:
    return World(now=0, seed=1)


def test_the_soft_lifetime_is_four_fifths_of_the_hard_one() -> None:
    soft, hard = lifetimes(world(), LifetimeLimits(28_800), SaStatistics())
    assert (soft.remaining_seconds, hard.remaining_seconds) == (23_040, 28_800)
    # As in the chapter's samples.
    assert hard.remaining_seconds - soft.remaining_seconds == 5760


def test_what_is_left_goes_down_with_the_clock_and_not_below_nothing() -> None:
    time = world()
    soft, hard = lifetimes(time, LifetimeLimits(180), SaStatistics())
    time.advance(60 * SECOND + 1)
    assert (soft.remaining_seconds, hard.remaining_seconds) == (83, 119)
    time.advance(144 * SECOND)
    assert soft.is_expired
    assert not hard.is_expired
    time.advance(1000 * SECOND)
    assert hard.is_expired
    assert (soft.remaining_seconds, hard.remaining_seconds) == (0, 0)


def test_traffic_limits_it_only_where_that_was_agreed() -> None:
    traffic = SaStatistics()
    soft, hard = lifetimes(world(), LifetimeLimits(180), traffic)
    traffic.bytes = 2**40
    assert soft.remaining_kilobytes is None
    assert not hard.is_expired


def test_kilobytes_run_out_before_the_seconds() -> None:
    traffic = SaStatistics()
    soft, hard = lifetimes(world(), LifetimeLimits(180, kilobytes=100), traffic)
    assert (soft.remaining_kilobytes, hard.remaining_kilobytes) == (80, 100)
    traffic.bytes = 80 * KILOBYTE
    assert soft.is_expired
    assert not hard.is_expired
    assert hard.remaining_kilobytes == 20
    traffic.bytes = 101 * KILOBYTE
    assert hard.is_expired
    assert hard.remaining_kilobytes == 0
    assert hard.remaining_seconds == 180


def test_the_timers_tell_each_once_in_order() -> None:
    time, told = world(), list[str]()
    soft, hard = lifetimes(time, LifetimeLimits(180), SaStatistics())
    LifetimeTimers(time, soft, hard, telling(told))
    time.advance(144 * SECOND - 1)
    assert told == []
    time.advance(144 * SECOND)
    assert told == ["soft"]
    time.advance(1000 * SECOND)
    assert told == ["soft", "hard"]


@pytest.mark.parametrize("at", [0, 150])
def test_cancelled_timers_tell_nothing_more(at: int) -> None:
    time, told = world(), list[str]()
    soft, hard = lifetimes(time, LifetimeLimits(180), SaStatistics())
    timers = LifetimeTimers(time, soft, hard, telling(told))
    time.advance(at * SECOND)
    timers.cancel()
    time.advance(1000 * SECOND)
    assert "hard" not in told
    assert time.next_deadline() is None
