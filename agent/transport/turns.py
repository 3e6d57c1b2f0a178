"""Turns: when sessions have theirs that have something to send by themselves.

Many may have at once, such as the subscribers of a busy device. Invariants: in one turn of the loop sessions take no
longer together than the device may at a time, so that device and requests go on however many wait; they come in the
order in which they asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from agent.transport.endpoint import Loop

TOGETHER_SECONDS: Final = 0.005
"""How long sessions take together in one turn of the loop, but for the last of them."""


def nothing() -> None:
    """Do nothing."""


class Turns:
    """The sessions that wait for a turn. Everything happens in the loop's thread."""

    def __init__(self, before: Callable[[], object] = nothing, after: Callable[[], object] = nothing) -> None:
        """`before` and `after` are called around the turns: requests that have waited are carried out in them."""
        self._before = before
        self._after = after
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_arranged = False

    def arrange(self, loop: Loop, turn: Callable[[], None]) -> None:
        """Have a session's turn in the loop's next turn, or, when others take up that one, in one after it."""
        self._waiting.append(turn)
        self._arrange(loop)

    def _arrange(self, loop: Loop) -> None:
        if not self._is_arranged:
            self._is_arranged = True
            loop.call_soon(lambda: self._run(loop))

    def _run(self, loop: Loop) -> None:
        """Give turns to those who wait now; who asks meanwhile has another in the next turn of the loop."""
        self._is_arranged = False
        self._before()
        end = loop.time() + TOGETHER_SECONDS
        try:
            for _ in range(len(self._waiting)):
                self._waiting.popleft()()
                if loop.time() >= end:
                    break
        finally:  # A turn that fails is its own session's alone.
            if self._waiting:
                self._arrange(loop)
            self._after()
