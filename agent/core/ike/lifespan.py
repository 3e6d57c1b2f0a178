"""How long an IKE SA lives: until its lifetime in seconds or in kilobytes is over, whichever comes first."""

from collections.abc import Callable
from typing import Final

from agent.core.ike.lifetime import Lifetimes
from agent.core.world import SECOND, Timer, World

_KILOBYTE: Final = 1024


class Lifespan:
    """The life of one IKE SA. `on_over` is called at its end, never from within what brought the end about."""

    __slots__ = ("_lifetimes", "_on_over", "_timer", "_world", "began_at", "ends_at")

    def __init__(self, world: World, lifetimes: Lifetimes, on_over: Callable[[], None]) -> None:
        self._world = world
        self._lifetimes = lifetimes
        self._on_over = on_over
        self.began_at = world.now
        self.ends_at = self._last_moment
        self._timer: Timer = world.call_at(self.ends_at, on_over)

    @property
    def remaining_seconds(self) -> int:
        """How many whole seconds are left."""
        return max(0, self.ends_at - self._world.now) // SECOND

    def shorten(self, lifetimes: Lifetimes) -> bool:
        """Live no longer than this, counted from the beginning, and return whether the end is earlier for it."""
        before = self.ends_at
        self._lifetimes = self._lifetimes.shortened_by(lifetimes)
        self._end_by(self._last_moment)
        return self.ends_at < before

    def note_volume(self, octets: int) -> None:
        """See how much has been carried in all."""
        limit = self._lifetimes.kilobytes
        if limit is not None and octets >= limit * _KILOBYTE:
            self._end_by(self._world.now)

    def close(self) -> None:
        """Stop the timer: the IKE SA is gone."""
        self._timer.cancel()

    @property
    def _last_moment(self) -> int:
        assert self._lifetimes.seconds is not None
        return self.began_at + self._lifetimes.seconds * SECOND

    def _end_by(self, at: int) -> None:
        if at < self.ends_at:
            self._timer.cancel()
            self.ends_at = at
            self._timer = self._world.call_at(at, self._on_over)
