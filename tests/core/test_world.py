"""Device time, the scheduler, entropy and the bus."""

from dataclasses import dataclass
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.core.world import SECOND, Bus, Event, SeededEntropy, World


@dataclass(frozen=True, slots=True)
class Happened:
    at: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    at: int


@pytest.fixture
def world() -> World:
    return World(now=1000, seed=1)


def test_time_stands_until_it_is_advanced(world: World) -> None:
    world.call_at(1500, lambda: None)
    assert world.now == 1000
    assert world.next_deadline() == 1500


def test_callbacks_run_in_order_of_time_and_then_of_scheduling(world: World) -> None:
    ran: list[str] = []
    world.call_at(1200, lambda: ran.append("late"))
    world.call_at(1100, lambda: ran.append("first of two"))
    world.call_at(1100, lambda: ran.append("second of two"))
    assert world.advance(1200)
    assert ran == ["first of two", "second of two", "late"]


def test_a_callback_sees_its_own_time_and_the_time_ends_where_it_was_told(world: World) -> None:
    seen: list[int] = []
    world.call_later(50, lambda: seen.append(world.now))
    world.advance(2000)
    assert seen == [1050]
    assert world.now == 2000


def test_what_is_due_later_does_not_run(world: World) -> None:
    ran: list[int] = []
    world.call_at(1501, lambda: ran.append(1))
    world.advance(1500)
    assert ran == []
    assert world.next_deadline() == 1501


def test_a_callback_for_the_past_runs_now_and_not_before(world: World) -> None:
    seen: list[int] = []
    world.call_at(10, lambda: seen.append(world.now))
    world.advance(1000)
    assert seen == [1000]


def test_a_callback_scheduled_by_a_callback_runs_in_the_same_advance(world: World) -> None:
    seen: list[int] = []
    world.call_at(1100, lambda: world.call_later(10, lambda: seen.append(world.now)))
    world.advance(1200)
    assert seen == [1110]


def test_a_cancelled_callback_never_runs_and_is_no_deadline(world: World) -> None:
    ran: list[int] = []
    timer = world.call_at(1100, lambda: ran.append(1))
    timer.cancel()
    timer.cancel()
    assert not timer.is_pending
    assert world.next_deadline() is None
    world.advance(2000)
    assert ran == []


def test_to_cancel_after_the_callback_ran_does_nothing(world: World) -> None:
    timer = world.call_at(1100, lambda: None)
    world.advance(1100)
    timer.cancel()
    world.call_at(1200, lambda: None)
    assert world.next_deadline() == 1200


def test_cancelled_timers_do_not_pile_up(world: World) -> None:
    kept = world.call_at(5000, lambda: None)
    for _ in range(10_000):
        world.call_at(4000, lambda: None).cancel()
    # The one thing that tells is how long the heap is; everything else would look the same with a leak.
    assert world.scheduled < 200
    assert kept.is_pending
    assert world.next_deadline() == 5000


def test_compaction_within_a_callback_loses_nothing(world: World) -> None:
    ran: list[int] = []
    doomed = [world.call_at(1200, lambda: ran.append(-1)) for _ in range(500)]

    def cancel_all() -> None:
        for timer in doomed:
            timer.cancel()

    world.call_at(1100, cancel_all)
    world.call_at(1300, lambda: ran.append(1300))
    world.advance(1400)
    assert ran == [1300]


def test_time_never_goes_backwards(world: World) -> None:
    with pytest.raises(ValueError, match="backwards"):
        world.advance(999)
    assert world.now == 1000


def test_a_callback_cannot_advance_time(world: World) -> None:
    world.call_at(1100, lambda: world.advance(1200))
    with pytest.raises(RuntimeError):
        world.advance(1300)
    assert world.now == 1100
    assert world.advance(1300)


def test_an_advance_that_is_told_to_stop_stays_at_the_last_callback(world: World) -> None:
    ran: list[int] = []
    for at in (1100, 1200, 1300):
        world.call_at(at, partial(ran.append, at))
    assert not world.advance(2000, keep_going=lambda: len(ran) < 2)
    assert ran == [1100, 1200]
    assert world.now == 1200
    assert world.advance(2000)
    assert ran == [1100, 1200, 1300]


def test_every_slice_runs_at_least_one_callback(world: World) -> None:
    ran: list[int] = []
    world.call_at(1100, lambda: ran.append(1))
    world.call_at(1200, lambda: ran.append(2))
    assert not world.advance(2000, keep_going=lambda: False)
    assert ran == [1]


def test_an_advance_with_nothing_due_is_not_stopped(world: World) -> None:
    assert world.advance(2000, keep_going=lambda: False)
    assert world.now == 2000


@pytest.mark.parametrize("factor", [-1.0, float("nan"), float("inf")])
def test_an_impossible_pace_is_refused_and_the_old_one_kept(world: World, factor: float) -> None:
    with pytest.raises(ValueError, match="pace"):
        world.set_factor(factor)
    assert world.factor == 1.0


def test_the_pace_can_be_set_to_step(world: World) -> None:
    world.set_factor(0)
    assert world.factor == 0


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=200))
def test_any_mix_of_timers_runs_exactly_what_was_not_cancelled_in_order(plan: list[tuple[int, bool]]) -> None:
    world = World(now=0, seed=0)
    ran: list[tuple[int, int]] = []
    timers = [world.call_at(at, partial(ran.append, (at, index))) for index, (at, _) in enumerate(plan)]
    for timer, (_, is_cancelled) in zip(timers, plan, strict=True):
        if is_cancelled:
            timer.cancel()
    world.advance(SECOND)
    assert ran == sorted((at, index) for index, (at, is_cancelled) in enumerate(plan) if not is_cancelled)
    assert world.scheduled == 0


def test_the_same_seed_gives_the_same_octets() -> None:
    one, other = SeededEntropy("seed"), SeededEntropy("seed")
    assert [one.draw("a", 8) for _ in range(3)] == [other.draw("a", 8) for _ in range(3)]


def test_another_seed_gives_other_octets() -> None:
    assert len({SeededEntropy(seed).draw("a", 8) for seed in (1, 2, "1", "2")}) == 4


def test_a_draw_from_one_stream_changes_nothing_in_another() -> None:
    plain, disturbed = SeededEntropy(1), SeededEntropy(1)
    disturbed.draw("b", 100)
    assert plain.draw("a", 16) == disturbed.draw("a", 16)


def test_a_stream_never_repeats_itself() -> None:
    entropy = SeededEntropy(1)
    assert len({entropy.draw("a", 8) for _ in range(1000)}) == 1000


def test_a_name_and_a_seed_that_read_the_same_together_are_different_streams() -> None:
    assert SeededEntropy("a1").draw("b", 16) != SeededEntropy("a").draw("1b", 16)


@given(st.integers(0, 300))
def test_a_draw_is_as_long_as_asked_for(count: int) -> None:
    assert len(SeededEntropy(0).draw("a", count)) == count


def test_events_reach_every_subscriber_in_order() -> None:
    bus, heard = Bus(), list[tuple[str, Event]]()
    bus.subscribe(lambda event: heard.append(("one", event)))
    bus.subscribe(lambda event: heard.append(("two", event)))
    bus.publish(Happened(5))
    assert heard == [("one", Happened(5)), ("two", Happened(5))]


def test_one_who_left_hears_nothing_more() -> None:
    bus, heard = Bus(), list[Event]()
    unsubscribe = bus.subscribe(heard.append)
    bus.subscribe(heard.append)
    unsubscribe()
    unsubscribe()
    bus.publish(Happened(5))
    # The same handler subscribed twice: only the one subscription is gone.
    assert heard == [Happened(5)]


def test_a_subscriber_may_leave_while_it_hears() -> None:
    bus, heard = Bus(), list[str]()

    def once(event: Event) -> None:
        heard.append("once")
        unsubscribe()

    unsubscribe = bus.subscribe(once)
    bus.subscribe(lambda event: heard.append("always"))
    bus.publish(Happened(1))
    bus.publish(Happened(2))
    assert heard == ["once", "always", "always"]


def test_who_asks_for_a_kind_of_event_hears_no_other() -> None:
    bus, heard = Bus(), list[Event]()
    bus.subscribe(heard.append, Happened)
    bus.publish(Ended(1))
    bus.publish(Happened(2))
    assert heard == [Happened(2)]


def test_a_bus_knows_which_kinds_are_heard_as_subscribers_come_and_go() -> None:
    bus = Bus()
    assert not bus.is_heard(Happened)
    unsubscribe = bus.subscribe(lambda event: None, Happened)
    assert bus.is_heard(Happened)
    assert not bus.is_heard(Ended)
    unsubscribe()
    assert not bus.is_heard(Happened)
    bus.subscribe(lambda event: None)
    assert bus.is_heard(Happened)
    assert bus.is_heard(Ended)


def test_a_goal_is_told_when_all_up_to_then_has_happened() -> None:
    world = World(now=0, seed=1)
    told: list[str] = []
    world.call_at(10, lambda: told.append("event"))
    world.make_for(10, lambda: told.append("reached"))
    world.call_at(10, lambda: told.append("later event"))
    assert world.goal == 10
    world.advance(20)
    assert told == ["event", "later event", "reached"]
    assert world.goal is None


def test_a_goal_that_is_not_reached_is_not_told() -> None:
    world = World(now=0, seed=1)
    told: list[int] = []
    for goal in (30, 20):
        world.make_for(goal, lambda goal=goal: told.append(goal))  # type: ignore[misc]
    world.advance(25)
    assert told == [20]
    assert world.goal == 30


def test_a_goal_in_the_past_is_refused() -> None:
    world = World(now=5, seed=1)
    with pytest.raises(ValueError, match="backwards"):
        world.make_for(4, lambda: None)
    assert world.goal is None
