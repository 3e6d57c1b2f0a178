"""The text of configuration that was read, kept as long as the configuration stays as it is.

Clients read the same configuration again and again, and it changes seldom: then its text is sent as it was put
together the first time. Invariants: a text belongs to one plan, which shows one selection to those who have equal
rights, and to one tree, and is given out for these two alone; trees do not change, a change makes another one; what is
kept is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from sys import getsizeof
from types import MappingProxyType
from typing import Final

from agent.datastore.rendering import Plan, Subjects
from agent.datastore.tree import Branch

KEPT_BYTES: Final = 16 * 1024 * 1024
"""Of all texts together: five lists of 10,000 entries of twelve leaves. A longer one is put together each time."""
SHORTEST_CHARACTERS: Final = 16 * 1024
"""What is shorter is put together as fast as it is found."""
PIECE_CHARACTERS: Final = 32 * 1024
"""The least of a piece, but for the last: a few long pieces are sent faster than many short ones."""
NO_SUBJECTS: Final[Subjects] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Kept:
    plan: Plan
    tree: Branch
    pieces: tuple[str, ...]
    size: int


class KeptTexts:
    """The texts that were read last."""

    def __init__(self, limit: int = KEPT_BYTES) -> None:
        """Keep none yet, and `limit` bytes at most."""
        self._limit = limit
        self._kept: dict[int, _Kept] = {}
        self._size = 0
        self._forgotten = 0

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        return self._size

    def forget(self) -> None:
        """Keep none: what was read is over, or may be seen by others."""
        self._kept.clear()
        self._size = 0
        self._forgotten += 1

    def pieces(self, plan: Plan, tree: Branch) -> Iterator[str]:
        """Return what a plan without state shows of a tree."""
        known = self._kept.get(id(plan))
        if known is not None and known.plan is plan and known.tree is tree:
            return iter(known.pieces)
        return self._followed(plan, tree)

    def _followed(self, plan: Plan, tree: Branch) -> Iterator[str]:
        """Put a text together, and keep it once all of it is there."""
        forgotten, pieces, size = self._forgotten, list[str](), 0
        for piece in _long(plan.pieces(tree, NO_SUBJECTS)):
            yield piece
            size += getsizeof(piece)
            if size <= self._limit:
                pieces.append(piece)
            else:
                pieces.clear()
        if SHORTEST_CHARACTERS <= size <= self._limit and forgotten == self._forgotten:
            self._keep(_Kept(plan, tree, tuple(pieces), size))

    def _keep(self, kept: _Kept) -> None:
        """Keep one more text, in place of those that were kept the longest where there is no room."""
        before = self._kept.pop(id(kept.plan), None)
        self._size += kept.size - (before.size if before is not None else 0)
        self._kept[id(kept.plan)] = kept
        while self._size > self._limit:
            self._size -= self._kept.pop(next(iter(self._kept))).size


def _long(pieces: Iterator[str]) -> Iterator[str]:
    gathered, size = list[str](), 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= PIECE_CHARACTERS:
            yield "".join(gathered)
            gathered, size = [], 0
    if gathered:
        yield "".join(gathered)
