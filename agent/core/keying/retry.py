"""When something is tried again: one timer at a time, after delays that grow with every failure."""

from collections.abc import Callable
from typing import Final

from agent.core.world import SECOND, Timer, World

FIRST_RETRY_US: Final = 5 * SECOND
LONGEST_RETRY_US: Final = 60 * SECOND
"""What failed is tried again after the first delay, which doubles up to the longest."""


class Retry:
    """The next try of one thing."""

    __slots__ = ("_delay_us", "_timer", "_world")

    def __init__(self, world: World) -> None:
        self._world = world
        self._delay_us = FIRST_RETRY_US
        self._timer: Timer | None = None

    @property
    def is_armed(self) -> bool:
        """Whether there will be a try by itself."""
        return self._timer is not None and self._timer.is_pending

    def reset(self) -> None:
        """Begin with the shortest delay again."""
        self._delay_us = FIRST_RETRY_US

    def cancel(self) -> None:
        """Make no try by itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def at(self, at: int, again: Callable[[], object]) -> None:
        """Try at a device time, and not before."""
        self.cancel()
        self._timer = self._world.call_at(at, again)

    def later(self, delay_us: int, again: Callable[[], object]) -> None:
        """Try after a delay, and not before."""
        self.at(self._world.now + delay_us, again)

    def back_off(self, again: Callable[[], object]) -> None:
        """Try after a failure, and the longer later the more there have been."""
        self.later(self._delay_us, again)
        self._delay_us = min(2 * self._delay_us, LONGEST_RETRY_US)
