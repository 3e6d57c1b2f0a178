"""The world a device lives in: device time, the scheduler, entropy and the event bus.

Device time is an integer count of microseconds since the Unix epoch. It moves only in `World.advance`, never by
itself, so the same seed and the same inputs give the same bytes. Nothing in the core reads another clock or another
source of chance.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import shake_256
from heapq import heapify, heappop, heappush
from math import isfinite
from typing import Any, Final, Protocol, TypeVar

SECOND: Final = 1_000_000
"""Microseconds in a second of device time."""

_COMPACTION_FLOOR: Final = 64


class Event(Protocol):
    """What travels on a bus: a frozen value that knows when it happened."""

    @property
    def at(self) -> int:
        """Device time in microseconds."""
        ...


E = TypeVar("E", bound=Event)


class PaceFixed(Exception):
    """Time keeps to its pace, and was asked to do otherwise."""


class Entropy(Protocol):
    """A source of unpredictable octets, split into named streams."""

    def draw(self, name: str, count: int) -> bytes:
        """Return the next `count` octets of the stream `name`."""
        ...


class SeededEntropy:
    """Entropy that a seed determines: every stream is a hash of the seed, its name and a counter.

    A further draw from one stream changes nothing in any other.
    """

    __slots__ = ("_counters", "_seed", "_seed_octets")

    def __init__(self, seed: int | str) -> None:
        self._seed = repr(seed).encode()
        self._seed_octets = len(self._seed)
        self._counters: dict[str, int] = {}

    def draw(self, name: str, count: int) -> bytes:
        """Return the next `count` octets of the stream `name`."""
        number = self._counters.get(name, 0)
        self._counters[name] = number + 1
        # The lengths in front keep seed, name and counter apart, whatever they contain.
        label = name.encode()
        prefix = f"{self._seed_octets}:{len(label)}:{number}:".encode()
        return shake_256(prefix + self._seed + label).digest(count)


class Bus:
    """Hands each event to every subscriber that wants its kind, in the order of their subscription."""

    __slots__ = ("_handlers", "_subscriptions")

    def __init__(self) -> None:
        self._subscriptions: tuple[_Subscription, ...] = ()
        self._handlers: dict[type, tuple[Callable[[Any], object], ...]] = {}

    def subscribe(self, handler: Callable[[E], object], *kinds: type[E]) -> Callable[[], None]:
        """Add a subscriber to events of these kinds, or of every kind where none is named.

        The callable returned takes it off again (more than once does no harm).
        """
        subscription = _Subscription(handler, kinds)
        self._change((*self._subscriptions, subscription))
        return lambda: self._change(tuple(each for each in self._subscriptions if each is not subscription))

    def publish(self, event: Event) -> None:
        """Hand the event to those who are subscribed at this moment."""
        for handler in self._wanting(type(event)):
            handler(event)

    def is_heard(self, kind: type) -> bool:
        """Whether anybody is subscribed to events of a kind: where many of them are made, they need not be else."""
        return bool(self._wanting(kind))

    def _wanting(self, kind: type) -> tuple[Callable[[Any], object], ...]:
        handlers = self._handlers.get(kind)
        if handlers is None:
            wanting = (each for each in self._subscriptions if not each.kinds or kind in each.kinds)
            handlers = self._handlers[kind] = tuple(each.handler for each in wanting)
        return handlers

    def _change(self, subscriptions: "tuple[_Subscription, ...]") -> None:
        self._subscriptions = subscriptions
        self._handlers = {}


@dataclass(frozen=True, slots=True, eq=False)
class _Subscription:
    """What was subscribed to: each has an identity of its own, so that one handler may subscribe twice."""

    handler: Callable[[Any], object]
    kinds: tuple[type, ...]


class Timer:
    """One callback in the scheduler's heap."""

    __slots__ = ("_callback", "_world", "at")

    def __init__(self, world: "World", at: int, callback: Callable[[], object]) -> None:
        self.at = at
        self._world = world
        self._callback: Callable[[], object] | None = callback

    @property
    def is_pending(self) -> bool:
        """Whether the callback is still to run."""
        return self._callback is not None

    def cancel(self) -> None:
        """Make sure that the callback does not run; after it ran, this does nothing."""
        if self._callback is not None:
            self._callback = None
            self._world._on_cancelled()


class World:
    """Device time, its pace, the scheduler, entropy and the bus of one device and its peers."""

    __slots__ = (
        "_cancelled",
        "_factor",
        "_goals",
        "_heap",
        "_is_advancing",
        "_is_pace_fixed",
        "_now",
        "_sequence",
        "bus",
        "entropy",
    )

    def __init__(self, *, now: int, seed: int | str, entropy: Entropy | None = None, factor: float = 1.0) -> None:
        self.entropy: Entropy = entropy if entropy is not None else SeededEntropy(seed)
        self.bus = Bus()
        self._now = now
        self._heap: list[tuple[int, int, Timer]] = []
        self._sequence = 0
        self._cancelled = 0
        self._is_advancing = False
        self._is_pace_fixed = False
        self._goals: list[tuple[int, Callable[[], object]]] = []
        self.set_factor(factor)

    @property
    def now(self) -> int:
        """Device time in microseconds since the Unix epoch."""
        return self._now

    @property
    def factor(self) -> float:
        """Seconds of device time to a second of wall time; 0 means that time moves by request only."""
        return self._factor

    def set_factor(self, factor: float) -> None:
        """Change the pace. Raises ValueError for anything but a finite number >= 0, PaceFixed when it cannot change."""
        self.require_free_pace()
        if not isfinite(factor) or factor < 0:
            raise ValueError(f"pace {factor} is not a finite number of at least 0")
        self._factor = factor

    def fix_pace(self) -> None:
        """Keep time to its pace from now on: somebody takes part who lives by another clock."""
        self._is_pace_fixed = True

    def require_free_pace(self) -> None:
        """Raise PaceFixed where time keeps to its pace."""
        if self._is_pace_fixed:
            raise PaceFixed("real peers take part, and live by the wall clock: time keeps to its pace")

    @property
    def scheduled(self) -> int:
        """How many timers are held, cancelled ones included until they are dropped: a measure of memory."""
        return len(self._heap)

    def call_at(self, at: int, callback: Callable[[], object]) -> Timer:
        """Run the callback at a device time; a time that has passed means now. Ties run in the order of scheduling."""
        if at < self._now:
            at = self._now
        timer = Timer(self, at, callback)
        self._sequence += 1
        heappush(self._heap, (at, self._sequence, timer))
        return timer

    def call_later(self, delay_us: int, callback: Callable[[], object]) -> Timer:
        """Run the callback after a delay in microseconds of device time."""
        # The same as call_at in fewer steps: most timers are armed here, and an emulation is made of timers.
        at = self._now + delay_us if delay_us > 0 else self._now
        timer = Timer(self, at, callback)
        self._sequence = sequence = self._sequence + 1
        heappush(self._heap, (at, sequence, timer))
        return timer

    def next_deadline(self) -> int | None:
        """Return the device time of the next callback, or None when nothing is scheduled."""
        heap = self._heap
        while heap and not heap[0][2].is_pending:
            heappop(heap)
            self._cancelled -= 1
        return heap[0][0] if heap else None

    @property
    def goal(self) -> int | None:
        """The device time to be brought about at full speed, whatever the pace; None while there is none."""
        return self._goals[0][0] if self._goals else None

    def make_for(self, goal: int, reached: Callable[[], object]) -> None:
        """Ask to be advanced to a device time at full speed; `reached` is called once all up to then has happened.

        Who advances the World does it: this only tells. ValueError when the time has passed, PaceFixed when time keeps
        to its pace.
        """
        self.require_free_pace()
        if goal < self._now:
            raise ValueError(f"time never goes backwards: {goal} is before {self._now}")
        self._goals.append((goal, reached))
        self._goals.sort(key=lambda entry: entry[0])

    def advance(self, to: int, keep_going: Callable[[], bool] | None = None) -> bool:
        """Run everything due up to `to`, in order, and set the time to `to`.

        `keep_going` is asked between callbacks; when it turns false, the time stays at the last callback run and the
        answer is False. Raises ValueError when `to` has passed, RuntimeError when called from a callback.
        """
        if to < self._now:
            raise ValueError(f"time never goes backwards: {to} is before {self._now}")
        if self._is_advancing:
            raise RuntimeError("a callback cannot advance the time it runs in")
        self._is_advancing = True
        try:
            if not self._run_due(to, keep_going):
                return False
        finally:
            self._is_advancing = False
        self._now = to
        while self._goals and self._goals[0][0] <= to:
            _, reached = self._goals.pop(0)
            reached()
        return True

    def _run_due(self, to: int, keep_going: Callable[[], bool] | None) -> bool:
        heap = self._heap
        has_run = False
        while heap and heap[0][0] <= to:
            # Asked only before a further callback: one slice always makes progress.
            if has_run and keep_going is not None and heap[0][2]._callback is not None and not keep_going():
                return False
            at, _, timer = heappop(heap)
            callback = timer._callback
            if callback is None:
                self._cancelled -= 1
                continue
            timer._callback = None
            self._now = at
            has_run = True
            callback()
        return True

    def _on_cancelled(self) -> None:
        """Drop cancelled timers once they are the larger half of the heap: each costs O(1) on average."""
        self._cancelled += 1
        if self._cancelled > _COMPACTION_FLOOR and self._cancelled * 2 > len(self._heap):
            self._heap[:] = [entry for entry in self._heap if entry[2]._callback is not None]
            heapify(self._heap)
            self._cancelled = 0
