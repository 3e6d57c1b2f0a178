"""An event loop whose clock moves only when a test says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(eq=False)
class Call:
    """A call that was arranged."""

    when: float
    callback: Callable[[], object]
    is_cancelled: bool = False

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass
class FakeLoop:
    """Of the shape of ``agent.transport.endpoint.Loop``; ``turns`` counts the calls that were made."""

    now: float = 1000.0
    turns: int = 0
    _calls: list[Call] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object], /) -> Call:
        call = Call(when, callback)
        self._calls.append(call)
        return call

    def call_soon(self, callback: Callable[[], object], /) -> Call:
        return self.call_at(self.now, callback)

    @property
    def pending(self) -> list[Call]:
        """What is arranged and not cancelled, in order of time, then of arrangement."""
        return sorted((call for call in self._calls if not call.is_cancelled), key=lambda call: call.when)

    @property
    def is_idle(self) -> bool:
        return not self.pending

    def turn(self) -> None:
        """Make the calls that are due now, but none that they arrange."""
        due = [call for call in self.pending if call.when <= self.now]
        self._calls = [call for call in self.pending if call.when > self.now]
        for call in due:
            if not call.is_cancelled:
                self.turns += 1
                call.callback()

    def settle(self, limit: int = 1000) -> None:
        """Take turns until nothing is due now."""
        while any(call.when <= self.now for call in self.pending):
            assert limit > 0, "the loop never comes to rest"
            limit -= 1
            self.turn()

    def pass_time(self, seconds: float) -> None:
        """Let wall time pass, making each call at its own moment."""
        end = self.now + seconds
        while self.pending and self.pending[0].when <= end:
            self.now = max(self.now, self.pending[0].when)
            self.turn()
        self.now = max(self.now, end)
