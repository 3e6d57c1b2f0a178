"""Lifetimes of a pair of SAs (RFC 2407 sec. 4.5): the hard one ends it, the soft one calls for its successor before.

Either is limited in seconds and, where that was agreed, in kilobytes of traffic: whichever is used up first. What
counts as traffic is what the algorithm is applied to (RFC 2401 sec. 4.4.3): for ESP the octets that are encrypted,
padding included; for AH alone the octets of the whole packet. Statistics count otherwise: octets as they were before.
"""

from dataclasses import dataclass
from typing import Final, Protocol

from agent.core.world import SECOND, Timer, World

KILOBYTE: Final = 1024
"""Octets in a kilobyte of a lifetime (RFC 2407 sec. 4.5)."""

_SOFT_PERCENT: Final = 80


UNLIMITED: Final = 1 << 64
"""More octets than any SA comes to."""


class Traffic(Protocol):
    """What counts the octets of an SA."""

    bytes: int


@dataclass(frozen=True, slots=True)
class LifetimeLimits:
    """How long a pair may last: in seconds, and in kilobytes unless that is None."""

    seconds: int
    kilobytes: int | None = None


class Lifetime:
    """One lifetime of one SA, as it runs. `ends_at` is device time, `octets` None where traffic does not limit it."""

    __slots__ = ("_octets", "_traffic", "_world", "ends_at")

    def __init__(self, world: World, ends_at: int, octets: int | None, traffic: Traffic) -> None:
        self.ends_at = ends_at
        self._world = world
        self._octets = octets
        self._traffic = traffic

    @property
    def octets(self) -> int | None:
        """How much traffic it is; None where traffic does not limit it."""
        return self._octets

    @property
    def remaining_seconds(self) -> int:
        """How many whole seconds are left."""
        return max(0, self.ends_at - self._world.now) // SECOND

    @property
    def remaining_kilobytes(self) -> int | None:
        """How many whole kilobytes are left; None where traffic does not limit it."""
        return None if self._octets is None else max(0, self._octets - self._traffic.bytes) // KILOBYTE

    @property
    def is_expired(self) -> bool:
        """Whether it is used up by either measure."""
        is_spent = self._octets is not None and self._traffic.bytes >= self._octets
        return is_spent or self._world.now >= self.ends_at


def lifetimes(world: World, limits: LifetimeLimits, traffic: Traffic) -> tuple[Lifetime, Lifetime]:
    """Return the soft and the hard lifetime of an SA that begins now: the soft one is four fifths of the hard one."""
    octets = None if limits.kilobytes is None else limits.kilobytes * KILOBYTE
    hard_us = limits.seconds * SECOND
    soft = Lifetime(world, world.now + _soft(hard_us), None if octets is None else _soft(octets), traffic)
    return soft, Lifetime(world, world.now + hard_us, octets, traffic)


def _soft(hard: int) -> int:
    return hard * _SOFT_PERCENT // 100


class Watcher(Protocol):
    """Who is told when a lifetime is over: one object for a whole pair, since there are many pairs."""

    def on_soft_time(self) -> None:
        """The soft lifetime is over by the clock."""

    def on_soft_octets(self) -> None:
        """The soft lifetime is over by octets, or since numbers come to an end."""

    def on_hard(self) -> None:
        """The hard lifetime is over."""


class LifetimeTimers:
    """Tells when the soft and the hard lifetime end by the clock."""

    __slots__ = ("_hard", "_soft")

    def __init__(self, world: World, soft: Lifetime, hard: Lifetime, watcher: Watcher) -> None:
        self._soft: Timer = world.call_at(soft.ends_at, watcher.on_soft_time)
        self._hard: Timer = world.call_at(hard.ends_at, watcher.on_hard)

    def cancel(self) -> None:
        """Tell nothing any more."""
        self._soft.cancel()
        self._hard.cancel()


class Usage:
    """The octets that an SA's algorithm was applied to, and whoever is told when they come to a limit.

    `mark` is where somebody is told next, and `end` where the SA may be used no longer, told or not. The packet that
    gets there still passes.
    """

    __slots__ = ("_hard_watcher", "_soft_watcher", "bytes", "end", "mark")

    def __init__(self) -> None:
        self.bytes = 0
        self.mark = UNLIMITED
        self.end = UNLIMITED
        self._soft_watcher: Watcher | None = None
        self._hard_watcher: Watcher | None = None

    def watch(self, soft: Lifetime, hard: Lifetime, watcher: Watcher) -> None:
        """Tell when the octets of the soft and of the hard lifetime are used up, each at most once."""
        self._soft_watcher = self._hard_watcher = watcher
        self.end = UNLIMITED if hard.octets is None else hard.octets
        self.mark = self.end if soft.octets is None else soft.octets

    def cancel(self) -> None:
        """Tell nothing any more; the limit holds."""
        self._soft_watcher = self._hard_watcher = None

    def on_mark(self) -> None:
        """Tell whoever waits for the limit that has been reached."""
        self.call_for_successor()
        if self.bytes < self.end:
            self.mark = self.end
            return
        self.mark = UNLIMITED
        watcher, self._hard_watcher = self._hard_watcher, None
        if watcher is not None:
            watcher.on_hard()

    def call_for_successor(self) -> None:
        """Tell, unless that was done, that the soft lifetime is over: by octets, or since numbers come to an end."""
        watcher, self._soft_watcher = self._soft_watcher, None
        if watcher is not None:
            watcher.on_soft_octets()
