"""The children of one node while they are edited (RFC 7950 sections 7.5 to 7.9).

Invariant: whether something exists is asked of what was there before the edit, so that the order of the elements of an
edit makes no difference but to what is ordered by the user. What is touched is copied once, however much of it changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from agent.datastore.schema import SchemaNode
from agent.datastore.tree import Branch, Item, Key, entries

K = TypeVar("K")
V = TypeVar("V")


class Ordered(Generic[K, V]):
    """The entries of a list, or the values of a leaf-list: those that there were, and those that there are to be."""

    def __init__(self, before: Mapping[K, V], start: Mapping[K, V]) -> None:
        """Begin with what is left before any of them is edited."""
        self.before = before
        self.after = dict(start)


class Level:
    """The children of one node."""

    def __init__(self, before: Mapping[SchemaNode, Item], start: Mapping[SchemaNode, Item]) -> None:
        """`before` is what there was, `start` what is left of it when the edit of the children begins."""
        self._before = before
        self._items = dict(start)
        self._lists: dict[SchemaNode, Ordered[Key, Branch]] = {}
        self._values: dict[SchemaNode, Ordered[str, None]] = {}
        self._seen: set[tuple[SchemaNode, Key]] = set()
        self._chosen: dict[str, str] = {}

    def before(self, node: SchemaNode) -> Item | None:
        """Return the leaf, container or anydata that there was."""
        return self._before.get(node)

    def entries(self, node: SchemaNode) -> Ordered[Key, Branch]:
        """Return the entries of a list."""
        if node not in self._lists:
            self._lists[node] = Ordered(entries(self._before.get(node)), entries(self._items.get(node)))
        return self._lists[node]

    def values(self, node: SchemaNode) -> Ordered[str, None]:
        """Return the values of a leaf-list in their order."""
        if node not in self._values:
            self._values[node] = Ordered(_values(self._before.get(node)), _values(self._items.get(node)))
        return self._values[node]

    def put(self, node: SchemaNode, item: Item) -> None:
        """Set a leaf, a container or anydata."""
        self._items[node] = item
        self.choose(node)

    def drop(self, node: SchemaNode) -> None:
        """Remove a node, if it is there."""
        self._items.pop(node, None)
        self._lists.pop(node, None)
        self._values.pop(node, None)

    def choose(self, node: SchemaNode) -> None:
        """Remove what belongs to other cases than a node's (RFC 7950 section 7.9)."""
        if not node.cases:
            return
        chosen = dict(node.cases)
        for other in [*self._items, *self._lists, *self._values]:
            if any(chosen.get(choice, case) != case for choice, case in other.cases):
                self.drop(other)

    def is_first(self, node: SchemaNode, key: Key) -> bool:
        """Tell whether an edit names this instance for the first time."""
        if (node, key) in self._seen:
            return False
        self._seen.add((node, key))
        return True

    def is_alone(self, node: SchemaNode) -> bool:
        """Tell whether an edit has no data of another case beside a node's own."""
        return all(self._chosen.setdefault(choice, case) == case for choice, case in node.cases)

    def result(self) -> dict[SchemaNode, Item]:
        """Return the children after the edit; lists and leaf-lists without entries are not there."""
        changed: dict[SchemaNode, Item] = {node: ordered.after for node, ordered in self._lists.items()}
        changed.update({node: tuple(ordered.after) for node, ordered in self._values.items()})
        for node, item in changed.items():
            if item:
                self._items[node] = item
            else:
                self._items.pop(node, None)
        return self._items


def _values(item: Item | None) -> Mapping[str, None]:
    return dict.fromkeys(item) if isinstance(item, tuple) else {}
