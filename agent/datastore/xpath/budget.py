"""What an XPath expression, or a subtree, may take of the server, and who is told of one that would take more.

libxml2 cannot be stopped once it evaluates, nor a list in which nothing matches, so that what is too dear has to be
refused before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agent.datastore.selection import Selections, tried_matches


@dataclass(frozen=True, slots=True)
class XPathLimits:
    """The limits of one expression and of one evaluation of it."""

    characters: int = 16 * 1024
    """How long an expression may be."""
    data_characters: int = 8 * 1024 * 1024
    """How much data it may be evaluated over."""
    visits: int = 20_000_000
    """How many nodes an evaluation may visit: a few tenths of a second."""
    matches: int = 100
    """How many matches may have to be tried with each entry of a list: as long, for one of ten thousand entries."""


XPATH_LIMITS: Final = XPathLimits()


class XPathTooCostly(Exception):
    """An expression that would take too much of the server; the message says what of it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits, and `exceeded`, which is told which of them was met, as the settings name it."""

    limits: XPathLimits = XPATH_LIMITS
    exceeded: Callable[[str], object] = lambda limit: None

    def require_short(self, expression: str) -> None:
        """Raise XPathTooCostly for too long an expression."""
        if len(expression) > self.limits.characters:
            raise self._refusal("xpath-characters", f"an expression has {self.limits.characters} characters at most")

    def require_little(self, characters: int) -> None:
        """Raise XPathTooCostly for too many characters of data."""
        if characters > self.limits.data_characters:
            raise self._refusal("xpath-data-characters", "the expression touches too much data")

    def require_few(self, visits: float) -> None:
        """Raise XPathTooCostly for too many visits of nodes."""
        if visits > self.limits.visits:
            raise self._refusal("xpath-visits", "the expression would take too long over so much data")

    def require_few_matches(self, selected: Selections) -> None:
        """Raise XPathTooCostly for a selection that tries too many matches with each entry of a list."""
        if tried_matches(selected) > self.limits.matches:
            message = f"the filter has more than {self.limits.matches} matches beside those with all keys of a list"
            raise self._refusal("filter-matches", message)

    def too_many_places(self) -> XPathTooCostly:
        """Return the refusal of an expression that leads to more of the schema than can be followed."""
        return self._refusal("xpath-visits", "the expression leads to too many places of the schema")

    def _refusal(self, limit: str, message: str) -> XPathTooCostly:
        self.exceeded(limit)
        return XPathTooCostly(message)


BUDGET: Final = Budget()
"""That of whoever sets no limits of its own, and counts nothing."""
