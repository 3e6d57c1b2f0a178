"""The driver, with a loop and a device that tests move by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from agent.transport.driver import SLICE_SECONDS, Driver
from tests.support.loop import FakeLoop

SECOND = 1_000_000


@dataclass
class FakeDevice:
    """A device whose events cost wall time, and which remembers when they ran."""

    loop: FakeLoop
    now: int = 0
    factor: float = 1.0
    events: list[int] = field(default_factory=list)
    cost_seconds: float = 0.0
    ran: list[tuple[int, float]] = field(default_factory=list)
    goal: int | None = None

    def next_deadline(self) -> int | None:
        return min(self.events, default=None)

    def advance(self, to: int, keep_going: Callable[[], bool] | None = None) -> bool:
        assert to >= self.now, "device time never runs backwards"
        while self.events and min(self.events) <= to:
            if keep_going is not None and not keep_going():
                return False
            self.now = min(self.events)
            self.events.remove(self.now)
            self.loop.now += self.cost_seconds
            self.ran.append((self.now, self.loop.now))
        self.now = to
        if self.goal is not None and self.goal <= to:
            self.goal = None
        return True


@pytest.fixture
def loop() -> FakeLoop:
    return FakeLoop()


@pytest.fixture
def device(loop: FakeLoop) -> FakeDevice:
    return FakeDevice(loop)


@pytest.fixture
def driver(loop: FakeLoop, device: FakeDevice) -> Driver:
    return Driver(device, loop)


def test_an_event_runs_at_its_wall_time(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    device.events = [3 * SECOND]
    driver.start()
    loop.pass_time(2.999)
    assert device.ran == []
    loop.pass_time(0.002)
    assert [at for at, _ in device.ran] == [3 * SECOND]
    assert device.ran[0][1] == pytest.approx(1003.0, abs=1e-5)


def test_the_pace_multiplies_wall_time(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    device.factor = 1000.0
    device.events = [3 * SECOND]
    driver.start()
    loop.pass_time(0.002)
    assert device.ran == []
    loop.pass_time(0.002)
    assert device.ran[0][1] == pytest.approx(1000.003, abs=1e-5)


def test_a_pace_of_zero_never_moves(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    device.factor = 0.0
    device.events = [1]
    driver.start()
    loop.pass_time(1e6)
    assert driver.catch_up()
    assert (device.now, device.ran) == (0, [])
    loop.turn()
    assert loop.is_idle


def test_nothing_runs_while_nothing_is_due(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    device.events = [3600 * SECOND]
    driver.start()
    loop.turn()
    before = loop.turns
    loop.pass_time(3599)
    assert loop.turns == before


def test_a_device_with_no_events_leaves_the_loop_idle(loop: FakeLoop, driver: Driver) -> None:
    driver.start()
    loop.turn()
    assert loop.is_idle


def test_a_turn_holds_the_loop_for_one_slice_at_most(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    device.cost_seconds = 0.001
    device.events = list(range(1000))
    driver.start()
    loop.now += 1.0
    while device.events:
        began = loop.now
        loop.turn()
        assert loop.now - began <= SLICE_SECONDS + device.cost_seconds
    assert [at for at, _ in device.ran] == list(range(1000))


def test_a_device_that_cannot_keep_up_lags_and_skips_nothing(
    loop: FakeLoop, device: FakeDevice, driver: Driver
) -> None:
    device.cost_seconds = 0.020
    device.events = [step * 10_000 for step in range(1, 101)]  # twice as much work as there is time
    driver.start()
    loop.pass_time(1.0)
    assert driver.lag_seconds == pytest.approx(0.5, abs=0.05)
    loop.pass_time(1.5)
    assert len(device.ran) == 100
    assert driver.lag_seconds == 0


def test_an_idle_device_does_not_lag(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    device.events = [7200 * SECOND]
    driver.start()
    loop.pass_time(3600)
    assert driver.lag_seconds == 0


def test_catching_up_brings_an_idle_device_to_now(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    driver.start()
    loop.pass_time(12.5)
    assert driver.catch_up()
    assert device.now == pytest.approx(12.5 * SECOND, abs=1)


def test_catching_up_says_when_one_slice_was_not_enough(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    driver.start()
    device.cost_seconds = 0.001
    device.events = list(range(1, 101))
    loop.now += 1.0
    assert not driver.catch_up()
    assert 0 < len(device.ran) < 100


def test_what_a_request_schedules_runs_in_time(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    driver.start()
    loop.pass_time(10)
    assert driver.catch_up()
    device.events = [device.now + 5 * SECOND]
    loop.pass_time(6)
    assert device.ran[0][1] == pytest.approx(1015.0, abs=1e-5)


def test_a_change_of_pace_neither_jumps_nor_repeats(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    driver.start()
    loop.pass_time(10)
    driver.catch_up()
    device.factor = 100.0
    driver.catch_up()
    assert device.now == pytest.approx(10 * SECOND, abs=1)
    loop.pass_time(1)
    driver.catch_up()
    assert device.now == pytest.approx(110 * SECOND, abs=2)


def test_a_device_moved_by_another_hand_goes_on_from_there(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    driver.start()
    loop.pass_time(10)
    driver.catch_up()
    device.advance(device.now + 3600 * SECOND)
    driver.catch_up()
    assert device.now == pytest.approx(3610 * SECOND, abs=1)
    loop.pass_time(1)
    driver.catch_up()
    assert device.now == pytest.approx(3611 * SECOND, abs=2)


def test_a_stopped_driver_moves_nothing(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    device.events = [SECOND]
    driver.start()
    loop.turn()
    driver.stop()
    loop.pass_time(10)
    assert driver.catch_up()
    assert (device.now, device.ran) == (0, [])


def test_many_requests_in_one_turn_arrange_one_turn_of_the_driver(loop: FakeLoop, driver: Driver) -> None:
    driver.start()
    loop.turn()
    for _ in range(100):
        driver.catch_up()
    before = loop.turns
    loop.turn()
    assert loop.turns == before + 1


def test_a_goal_is_made_for_at_full_speed_even_by_a_device_that_stands_still(
    loop: FakeLoop, device: FakeDevice, driver: Driver
) -> None:
    device.factor = 0.0
    device.events = [SECOND, 5 * SECOND]
    driver.start()
    device.goal = 10 * SECOND
    driver.catch_up()
    loop.settle()
    assert (device.now, device.goal) == (10 * SECOND, None)
    assert [at for at, _ in device.ran] == [SECOND, 5 * SECOND]
    assert loop.is_idle, "and then it stands still again"


def test_a_goal_far_away_is_made_for_in_slices(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    device.factor = 0.0
    device.events = [number * SECOND for number in range(1, 101)]
    device.cost_seconds = SLICE_SECONDS / 2
    driver.start()
    device.goal = 200 * SECOND
    driver.catch_up()
    assert len(device.ran) <= 3, "one slice, and other sessions go on"
    loop.settle()
    assert (len(device.ran), device.now) == (100, 200 * SECOND)


def test_what_was_made_up_at_full_speed_does_not_hold_the_pace_back(
    loop: FakeLoop, device: FakeDevice, driver: Driver
) -> None:
    driver.start()
    device.goal = 3600 * SECOND
    driver.catch_up()
    loop.settle()
    loop.now += 2
    driver.catch_up()
    assert device.now == 3602 * SECOND


def test_input_finds_the_device_where_it_is_now(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    device.events = [3 * SECOND]
    driver.start()
    loop.turn()
    loop.now += 2.0
    driver.before_input()
    assert device.now == 2 * SECOND
    loop.now += 2.0
    driver.before_input()
    assert [at for at, _ in device.ran] == [3 * SECOND]


def test_what_input_schedules_is_noticed_without_a_turn_of_the_loop(
    loop: FakeLoop, device: FakeDevice, driver: Driver
) -> None:
    device.events = [3600 * SECOND]
    driver.start()
    loop.turn()
    turns = loop.turns
    driver.before_input()
    device.events.append(5 * SECOND)
    driver.after_input()
    loop.pass_time(4.9)
    assert loop.turns == turns
    loop.pass_time(0.2)
    assert [at for at, _ in device.ran] == [5 * SECOND]


def test_input_that_schedules_nothing_costs_no_turn_of_the_loop(
    loop: FakeLoop, device: FakeDevice, driver: Driver
) -> None:
    device.events = [3600 * SECOND]
    driver.start()
    loop.turn()
    before = (loop.turns, [call.when for call in loop.pending])
    for _ in range(3):
        loop.now += 0.001
        driver.before_input()
        driver.after_input()
    loop.turn()
    assert (loop.turns, [call.when for call in loop.pending]) == before


def test_input_that_changes_the_pace_or_asks_for_a_time_is_followed(
    loop: FakeLoop, device: FakeDevice, driver: Driver
) -> None:
    device.factor, device.events = 0.0, [100 * SECOND, 200 * SECOND]
    driver.start()
    loop.turn()
    driver.before_input()
    device.goal = 150 * SECOND
    driver.after_input()
    loop.turn()
    assert [at for at, _ in device.ran] == [100 * SECOND]
    driver.before_input()
    device.factor = 1.0
    driver.after_input()
    loop.pass_time(50.1)
    assert [at for at, _ in device.ran] == [100 * SECOND, 200 * SECOND]


def test_input_in_the_midst_of_much_work_leaves_the_rest_to_turns(
    loop: FakeLoop, device: FakeDevice, driver: Driver
) -> None:
    device.cost_seconds = 0.001
    device.events = list(range(100))
    driver.start()
    loop.now += 1.0
    driver.before_input()
    driver.after_input()
    assert 0 < len(device.ran) < 100
    loop.settle()
    assert len(device.ran) == 100


def test_input_moves_no_device_that_is_not_started(loop: FakeLoop, device: FakeDevice, driver: Driver) -> None:
    device.events = [1]
    loop.now += 1.0
    driver.before_input()
    driver.after_input()
    assert (device.now, device.ran, loop.is_idle) == (0, [], True)
