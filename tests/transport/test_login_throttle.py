"""Wrong passwords slow down the address that they come from, and no other."""

from __future__ import annotations

import pytest

from agent.transport import login_throttle
from agent.transport.login_throttle import LoginThrottle, ThrottleLimits

LIMITS = ThrottleLimits(free_failures=2, first_wait=1.0, longest_wait=8.0, forgotten_after=100.0)
HERE = "192.0.2.1"


def after_failures(count: int, host: str = HERE, now: float = 0.0) -> LoginThrottle:
    throttle = LoginThrottle(LIMITS)
    for _ in range(count):
        throttle.failed(host, now)
    return throttle


def test_the_first_failures_cost_nothing() -> None:
    assert after_failures(1).reserve(HERE, 0.0) == 0.0


@pytest.mark.parametrize(("failures", "wait"), [(2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (50, 8.0)])
def test_each_further_failure_doubles_the_wait_up_to_the_longest(failures: int, wait: float) -> None:
    assert after_failures(failures).reserve(HERE, 0.0) == wait


def test_time_that_has_passed_counts() -> None:
    throttle = after_failures(3)
    assert throttle.reserve(HERE, 1.5) == 0.5
    assert after_failures(3).reserve(HERE, 2.0) == 0.0


def test_tries_at_the_same_time_wait_one_behind_the_other() -> None:
    throttle = after_failures(3)
    assert [throttle.reserve(HERE, 0.0) for _ in range(4)] == [2.0, 4.0, 6.0, 8.0]


def test_there_is_no_turn_for_a_try_beyond_the_longest_wait() -> None:
    throttle = after_failures(3)
    turns = [throttle.reserve(HERE, 0.0) for _ in range(100)]
    assert turns[4:] == [None] * 96
    assert throttle.reserve(HERE, 10.0) == 0.0


def test_no_other_address_waits() -> None:
    assert after_failures(9).reserve("192.0.2.2", 0.0) == 0.0


def test_a_right_password_is_a_clean_slate() -> None:
    throttle = after_failures(9)
    throttle.succeeded(HERE)
    assert throttle.reserve(HERE, 0.0) == 0.0
    throttle.failed(HERE, 0.0)
    assert throttle.reserve(HERE, 0.0) == 0.0


def test_a_quiet_address_is_forgiven() -> None:
    throttle = after_failures(9)
    assert throttle.reserve(HERE, 99.0) == 0.0
    throttle.failed(HERE, 99.0)
    assert throttle.reserve(HERE, 99.0) == 8.0
    throttle.failed(HERE, 300.0)
    assert throttle.reserve(HERE, 300.0) == 0.0


@pytest.mark.parametrize(
    ("host", "other", "is_the_same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "192.0.2.1", False),
    ],
)
def test_whoever_has_one_address_of_a_prefix_has_them_all(host: str, other: str, is_the_same: bool) -> None:
    assert (after_failures(5, host).reserve(other, 0.0) != 0.0) is is_the_same


def test_what_is_remembered_is_bounded_and_the_quietest_goes_first() -> None:
    throttle = after_failures(5, "192.0.2.1")
    for number in range(login_throttle.ADDRESSES):
        throttle.failed(f"198.51.{number // 256}.{number % 256}", 1.0)
    assert throttle.reserve("192.0.2.1", 1.0) == 0.0
