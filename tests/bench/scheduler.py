"""The World's scheduler: events a second, with callbacks that do nothing and with some like those of the gateway.

The limit: a heap of tuples of which the earliest is taken and a later one put in, with nothing around it. Seconds are
those of one core.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from heapq import heapify, heapreplace

from agent.core.world import SECOND, Timer, World
from tests.bench.rows import Row, medians

ROUNDS = 3
TIMERS = 10_000
"""So many are waiting all the time."""
EVENTS = 100_000
PERIOD_US = 10 * SECOND
TARGET = 200_000


def scheduler() -> Iterator[Row]:
    """Events a second."""
    figures = medians({"bare": bare, "rearmed": rearmed, "cancelled": cancelled, "limit": heap_alone}, ROUNDS)
    yield Row("scheduler", f"events, {TIMERS} timers waiting", "1/s", figures["bare"], figures["limit"], target=TARGET)
    case = f"events of {TIMERS} objects that each arm their next timer"
    yield Row("scheduler", case, "1/s", figures["rearmed"], figures["limit"], target=TARGET)
    case = "timers of which every other is cancelled, as for an answer that comes"
    yield Row("scheduler", case, "1/s", figures["cancelled"], figures["limit"], target=TARGET)


def bare() -> float:
    """Timers that were all armed before."""
    world = World(now=0, seed=1)
    for number in range(EVENTS + TIMERS):
        world.call_at(spread(number) + number // TIMERS * PERIOD_US, nothing)
    return _rate(world, EVENTS // TIMERS * PERIOD_US)


def rearmed() -> float:
    """Timers that arm themselves again."""
    world = World(now=0, seed=1)
    for number in range(TIMERS):
        world.call_at(spread(number), Periodic(world).on_time)
    return _rate(world, EVENTS // TIMERS * PERIOD_US)


def cancelled() -> float:
    """Timers with another each that never comes to run; both are counted."""
    world = World(now=0, seed=1)
    for number in range(TIMERS):
        world.call_at(spread(number), Guarded(world).on_time)
    return 2 * _rate(world, EVENTS // TIMERS * PERIOD_US)


def heap_alone() -> float:
    """The heap without a scheduler."""
    heap = [(spread(number), number, nothing) for number in range(TIMERS)]
    heapify(heap)
    began = time.process_time()
    for number in range(EVENTS):
        at, _, callback = heap[0]
        heapreplace(heap, (at + PERIOD_US, TIMERS + number, callback))
        callback()
    return EVENTS / (time.process_time() - began)


class Periodic:
    """What comes again and again."""

    __slots__ = ("_world",)

    def __init__(self, world: World) -> None:
        self._world = world

    def on_time(self) -> None:
        """Come again."""
        self._world.call_later(PERIOD_US, self.on_time)


class Guarded:
    """What waits for an answer, and gets it before it gives up."""

    __slots__ = ("_guard", "_world")

    def __init__(self, world: World) -> None:
        self._world = world
        self._guard: Timer | None = None

    def on_time(self) -> None:
        """Get the answer, ask again."""
        if self._guard is not None:
            self._guard.cancel()
        self._guard = self._world.call_later(3 * PERIOD_US, nothing)
        self._world.call_later(PERIOD_US, self.on_time)


def spread(number: int) -> int:
    """Return a time within the period: the numbers that follow one another lie far apart."""
    return number * 7_919_317 % PERIOD_US


def nothing() -> None:
    """Do nothing."""


def _rate(world: World, until: int) -> float:
    began = time.process_time()
    world.advance(until)
    return EVENTS / (time.process_time() - began)
