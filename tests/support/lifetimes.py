"""Someone who waits for the lifetimes of an SA to be over."""

from __future__ import annotations

from collections.abc import Callable


class Waiting:
    """Calls one function when the soft lifetime is over by either measure, and another when the hard one is."""

    def __init__(
        self, on_soft: Callable[[], object] = lambda: None, on_hard: Callable[[], object] = lambda: None
    ) -> None:
        """Wait."""
        self._on_soft = on_soft
        self._on_hard = on_hard

    def on_soft_time(self) -> None:
        """Call the first."""
        self._on_soft()

    def on_soft_octets(self) -> None:
        """Call the first."""
        self._on_soft()

    def on_hard(self) -> None:
        """Call the second."""
        self._on_hard()


def telling(told: list[str]) -> Waiting:
    """Return someone who writes down what is over."""
    return Waiting(lambda: told.append("soft"), lambda: told.append("hard"))
