"""Lifetimes of a pair of SAs (RFC 2407 sec. 4.5): the hard one ends it, the soft one calls for its successor before.

Either is limited in seconds and, where that was agreed, in kilobytes of traffic: whichever is used up first.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from agent.core.world import SECOND, Timer, World

KILOBYTE: Final = 1024
"""Octets in a kilobyte of a lifetime (RFC 2407 sec. 4.5)."""

_SOFT_PERCENT: Final = 80


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


class LifetimeTimers:
    """Tells when the soft and the hard lifetime end by the clock."""

    __slots__ = ("_hard", "_soft")

    def __init__(
        self, world: World, soft: Lifetime, hard: Lifetime, on_soft: Callable[[], object], on_hard: Callable[[], object]
    ) -> None:
        self._soft: Timer = world.call_at(soft.ends_at, on_soft)
        self._hard: Timer = world.call_at(hard.ends_at, on_hard)

    def cancel(self) -> None:
        """Tell nothing any more."""
        self._soft.cancel()
        self._hard.cancel()
