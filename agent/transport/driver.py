"""The driver: ties device time to wall time, at the pace that the device asks for.

A goal that the device has is made for at full speed first. Invariants: device time never skips and never runs
backwards; no turn of the loop is held longer than one slice, however much is due, so a device that cannot keep up lags
and says so; with nothing due, nothing runs.
"""

from __future__ import annotations

from typing import Final

from agent.transport.endpoint import Cancellable, Loop, Timed

SLICE_SECONDS: Final = 0.010
"""The longest that the device may hold the event loop at a time."""

MICROSECONDS: Final = 1_000_000


class Driver:
    """Moves one device along with the wall clock of a loop. Everything happens in the loop's thread."""

    def __init__(self, device: Timed, loop: Loop) -> None:
        self._device = device
        self._loop = loop
        self._is_running = False
        self._timer: Cancellable | None = None
        self._timer_at = 0.0
        self._turn_is_soon = False
        self._factor = device.factor
        self._anchor_wall = loop.time()
        self._anchor_device = self._last_seen = device.now

    @property
    def lag_seconds(self) -> float:
        """By how many device seconds the device's next event is overdue; 0 for a device that keeps up."""
        deadline = self._device.next_deadline()
        return 0.0 if deadline is None else max(0, self._target() - deadline) / MICROSECONDS

    def start(self) -> None:
        """Begin to move the device, from its own time on."""
        self._is_running = True
        self._anchor()
        self._turn_soon()

    def stop(self) -> None:
        """Leave the device where it is."""
        self._is_running = False
        self._cancel_timer()

    def catch_up(self) -> bool:
        """Bring the device up to now before something is done to it, and return whether one slice was enough.

        What is done may schedule events, so the driver looks again at the next deadline in the loop's next turn.
        """
        if not self._is_running:
            return True
        reached = self._run_slice()
        self._turn_soon()
        return reached

    def before_input(self) -> None:
        """Bring the device up to now before input is carried out, with `after_input` to follow it."""
        if self._is_running and not self._run_slice():
            self._turn_soon()

    def after_input(self) -> None:
        """Look at the next deadline, which what was carried out may have changed: at once, not in a turn of its own."""
        if not self._is_running or self._turn_is_soon:
            return
        if self._was_moved or self._device.goal is not None:
            self._turn_soon()
        else:
            self._arrange()

    def _turn_soon(self) -> None:
        if not self._turn_is_soon:
            self._turn_is_soon = True
            self._loop.call_soon(self._soon)

    def _soon(self) -> None:
        self._turn_is_soon = False
        if self._is_running:
            self._turn()

    def _turn(self) -> None:
        """Run one slice and arrange the next turn: at once while there is more, else at the next deadline."""
        if not self._run_slice():
            self._turn_soon()
        else:
            self._arrange()

    def _arrange(self) -> None:
        """Arrange the turn for the next deadline."""
        when = self._next_deadline()
        if self._timer is not None and when == self._timer_at:
            return
        self._cancel_timer()
        if when is not None:
            self._timer, self._timer_at = self._loop.call_at(when, self._on_timer), when

    def _on_timer(self) -> None:
        self._timer = None
        self._turn()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _run_slice(self) -> bool:
        """Advance towards now for at most one slice and return whether it was reached."""
        if self._was_moved:
            self._anchor()  # go on from where it is
        goal = self._device.goal
        if goal is None and self._target() <= self._device.now:
            return True
        end = self._loop.time() + SLICE_SECONDS
        reached = self._device.advance(self._target() if goal is None else goal, lambda: self._loop.time() < end)
        self._last_seen = self._device.now
        if goal is not None:
            self._anchor()  # what was made up at full speed does not count for the pace
        return reached and self._device.goal is None

    @property
    def _was_moved(self) -> bool:
        """Whether the pace was changed, or another hand moved the device."""
        return self._device.factor != self._factor or self._device.now != self._last_seen

    def _next_deadline(self) -> float | None:
        """The wall time at which the device has work to do; None when it has none or stands still."""
        deadline = self._device.next_deadline()
        if deadline is None or not self._factor:
            return None
        return self._anchor_wall + (deadline - self._anchor_device) / (MICROSECONDS * self._factor)

    def _target(self) -> int:
        """Where the device's pace would have it now, in device microseconds."""
        return self._anchor_device + round((self._loop.time() - self._anchor_wall) * self._factor * MICROSECONDS)

    def _anchor(self) -> None:
        """Let device time and wall time correspond from here on, at the device's present pace."""
        self._factor = self._device.factor
        self._anchor_wall = self._loop.time()
        self._anchor_device = self._last_seen = self._device.now
