"""Which instances a step of a path can stand on: patterns of the schema, and selections made of them.

A pattern names the schema nodes from the top down, each with the matches that narrow it. Invariant: an instance that
the step stands on has the pattern; that one which has it is stood on is true of exact paths alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from agent.datastore.rendering import Roots
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.selection import WHOLE, Alternatives, Match, Selection

Place: TypeAlias = tuple[SchemaNode, tuple[Match, ...]]
Pattern: TypeAlias = tuple[Place, ...]
"""The empty one is the root, above the top-level nodes."""
ROOT: Pattern = ()


def last(pattern: Pattern) -> SchemaNode | None:
    """Return the schema node of a pattern's instances, None for the root."""
    return pattern[-1][0] if pattern else None


def is_leaf(node: SchemaNode | None) -> bool:
    """Tell whether a node's instances have text and no elements that the schema knows."""
    return node is not None and node.kind in (Kind.LEAF, Kind.LEAF_LIST, Kind.ANYDATA)


@dataclass(slots=True)
class _Selected:
    whole: bool = False
    bare: bool = False
    below: dict[Place, _Selected] = field(default_factory=dict)


class SelectedPatterns:
    """Gathers what is selected and makes selections of it; those that are alike are one object."""

    def __init__(self, roots: Iterable[SchemaNode]) -> None:
        """Start with nothing; `roots` are the top-level nodes there are."""
        self._roots = tuple(roots)
        self._top = _Selected()
        self._interned: dict[object, Mapping[SchemaNode, Alternatives]] = {}

    def add(self, pattern: Pattern, *, whole: bool = True) -> None:
        """Select all that instances of a pattern hold, or only that they are there and what has been added below."""
        selected = self._top
        for place in pattern:
            if (below := selected.below.get(place)) is None:
                below = selected.below[place] = _Selected()
            selected = below
        if whole or is_leaf(last(pattern)):
            selected.whole = True
        else:
            selected.bare = True

    def selection(self) -> Roots:
        """Return what was added."""
        if self._top.whole:
            return {node: (WHOLE,) for node in self._roots}
        return self._children(self._top)

    def _children(self, selected: _Selected) -> Mapping[SchemaNode, Alternatives]:
        grouped: dict[SchemaNode, list[Selection]] = {}
        for (node, matches), below in selected.below.items():
            grouped.setdefault(node, []).append(self._of(matches, below))
        shape = tuple((node, *(one.shape for one in alternatives)) for node, alternatives in grouped.items())
        if shape not in self._interned:
            self._interned[shape] = {node: tuple(alternatives) for node, alternatives in grouped.items()}
        return self._interned[shape]

    def _of(self, matches: tuple[Match, ...], selected: _Selected) -> Selection:
        if selected.whole:
            return Selection(whole=True, matches=matches) if matches else WHOLE
        return Selection(bare=selected.bare, matches=matches, children=self._children(selected))
