"""What a change has altered, in terms of the schema: which nodes, which entries of lists, which values are gone.

Unlike `diff` it tells no single instance of a leaf, and no order of things: it is what the judgement of a change begins
with. Subtrees that two trees share are passed over without a look.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from agent.datastore.diff import changed_keys
from agent.datastore.nodes import Kind, SchemaNode
from agent.datastore.tree import Branch, Entries, Item, Key, entries

Way = tuple[tuple[SchemaNode, Key], ...]
"""The containers and entries from a top-level node down to an instance."""
ABSENT = Branch(None)


@dataclass(slots=True)
class Alteration:
    """The schema nodes of which an instance was altered, came or went, in the order in which they were met.

    `keys` are those of the entries that were altered, came or went, for each list; `entries` are the ways to those that
    are there. `gone` are values that an instance of a leaf had and has no more, of the leaves that are referred to.
    """

    nodes: dict[SchemaNode, None] = field(default_factory=dict)
    keys: dict[SchemaNode, set[Key]] = field(default_factory=dict)
    entries: list[Way] = field(default_factory=list)
    gone: dict[SchemaNode, set[str]] = field(default_factory=dict)


def alteration(before: Branch, after: Branch, referred: Collection[SchemaNode]) -> Alteration:
    """Return what differs between two trees; `referred` are the leaves whose values that go are of interest."""
    comparison = _Comparison(referred)
    comparison.compare(before.children, after.children, ())
    return comparison.found


class _Comparison:
    """One comparison of two trees."""

    def __init__(self, referred: Collection[SchemaNode]) -> None:
        self.found = Alteration()
        self._referred = referred
        self._shapes: set[tuple[SchemaNode, ...]] = set()

    def compare(self, old: Mapping[SchemaNode, Item], new: Mapping[SchemaNode, Item], way: Way) -> None:
        """Take note of all that differs between the children of two instances of one node."""
        for node in {**old, **new}:
            before, after = old.get(node), new.get(node)
            if before is after:
                continue
            if node.kind is Kind.LIST:
                self._compare_entries(node, entries(before), entries(after), way)
            elif node.kind is Kind.CONTAINER:
                if before is None or after is None:
                    self.found.nodes[node] = None
                one, other = (item if isinstance(item, Branch) else ABSENT for item in (before, after))
                self.compare(one.children, other.children, (*way, (node, ())))
            elif before != after:
                self._take(node, before)

    def _compare_entries(self, node: SchemaNode, old: Entries, new: Entries, way: Way) -> None:
        for key in changed_keys(old, new):
            before, after = old.get(key), new.get(key)
            if before is None or after is None:
                self.found.nodes[node] = None
            self._alter(node, key, before or ABSENT, after or ABSENT, way)
            if after is not None:
                self.found.entries.append((*way, (node, key)))
        if node.ordered_by_user and [key for key in old if key in new] != [key for key in new if key in old]:
            self.found.nodes[node] = None

    def _alter(self, node: SchemaNode, key: Key, before: Branch, after: Branch, way: Way) -> None:
        self.found.keys.setdefault(node, set()).add(key)
        if before is ABSENT and self._is_known(after.children):
            return
        self.compare(before.children, after.children, (*way, (node, key)))

    def _is_known(self, new: Mapping[SchemaNode, Item]) -> bool:
        """Tell whether an entry with the same leaves, and nothing else, has come before: there is nothing to learn."""
        shape = tuple(new)
        if shape in self._shapes:
            return True
        if all(node.kind in (Kind.LEAF, Kind.LEAF_LIST) for node in shape):
            self._shapes.add(shape)
        return False

    def _take(self, leaf: SchemaNode, before: Item | None) -> None:
        self.found.nodes[leaf] = None
        if leaf in self._referred and before is not None:
            values = before if isinstance(before, tuple) else (str(before),)
            self.found.gone.setdefault(leaf, set()).update(values)
