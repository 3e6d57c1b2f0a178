"""Rows: neighbouring children of an instance, all of them state, that one template writes at once (RFC 6241 section 6).

All that is the same for every instance is in the template, so that what is left to do for a leaf is to get its value.
Invariant: a row gives to the letter what its children give one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

MAXIMUM_TEMPLATES: Final = 128
"""So many sets of cells are remembered for one row."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A child of an instance: what gives its value, and what stands around that.

    A value is text without a character that needs escaping, or a number; None where there is nothing to show.
    """

    start: str
    end: str
    value: Callable[[object], object]


class Row:
    """Neighbouring cells, between a start and an end that are shown if there is anything in the cells."""

    __slots__ = ("_all", "_but_one", "_cells", "_end", "_some", "_start", "_values")

    def __init__(self, cells: Sequence[Cell], start: str = "", end: str = "") -> None:
        """Make the template for an instance that has a value in every cell."""
        self._start, self._end = _literal(start), _literal(end)
        self._cells = tuple(f"{_literal(cell.start)}%s{_literal(cell.end)}" for cell in cells)
        self._values = tuple(cell.value for cell in cells)
        self._all = self._template(self._cells)
        self._but_one = tuple(self._without(at) for at in range(len(cells)))
        self._some: dict[tuple[bool, ...], str] = {}

    def text(self, subject: object) -> str:
        """Render what an instance has; empty when that is nothing."""
        values: tuple[object, ...] = tuple([value(subject) for value in self._values])
        if None not in values:
            return self._all % values
        at = values.index(None)
        rest = values[:at] + values[at + 1 :]
        if None not in rest:  # Mostly it is one, such as the limit that a lifetime does not have.
            return self._but_one[at] % rest
        shape = tuple([value is not None for value in values])
        template = self._some.get(shape)
        if template is None:
            template = self._remember(shape)
        return template % tuple([value for value in values if value is not None])

    def _remember(self, shape: tuple[bool, ...]) -> str:
        """Make the template for instances with a value in some of the cells: they are few, and mostly the same."""
        if len(self._some) >= MAXIMUM_TEMPLATES:
            self._some.clear()
        shown = [cell for cell, is_there in zip(self._cells, shape, strict=True) if is_there]
        self._some[shape] = self._template(shown) if shown else ""
        return self._some[shape]

    def _without(self, at: int) -> str:
        rest = self._cells[:at] + self._cells[at + 1 :]
        return self._template(rest) if rest else ""

    def _template(self, cells: Sequence[str]) -> str:
        return "".join((self._start, *cells, self._end))


def _literal(tag: str) -> str:
    return tag.replace("%", "%%")
