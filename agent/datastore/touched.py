"""What an event, or a commit, may have changed of the data: node by node, instance by instance.

Invariant: everything that has changed is named, or lies below what is; what is named need not have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from agent.datastore.diff import Change, differences
from agent.datastore.errors import InstancePath
from agent.datastore.markup import plain
from agent.datastore.registry import Registry
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.selection import Selections
from agent.datastore.tree import Branch, Key, lineage


@dataclass(frozen=True, slots=True)
class Touched:
    """Instances of one node: `keys` are those of the lists on the way to it, the outermost first, all in one.

    Where they end early, every entry from there on is meant.
    """

    node: SchemaNode
    keys: Key = ()


def touched_by_event(
    registry: Registry, event: object, is_wanted: Callable[[SchemaNode], bool] = lambda node: True
) -> Iterator[Touched]:
    """Iterate over what an event may have changed of the state, of nodes that are wanted."""
    for node, change in registry.changes.get(type(event), ()):
        if is_wanted(node):
            for keys in change.keys(event):
                yield Touched(node, tuple(map(plain, keys)))


def touched_by_commit(before: Branch, after: Branch) -> Iterable[Touched]:
    """Return what has changed between two trees, without what is below a node that came or went as a whole."""
    return dict.fromkeys(map(_touched, _topmost(before, after)))


def _topmost(before: Branch, after: Branch) -> Iterator[InstancePath]:
    whole: InstancePath = ()
    for difference in differences(before, after):
        if whole and difference.path[: len(whole)] == whole:
            continue
        if difference.change is not Change.UPDATED:
            whole = difference.path
        yield difference.path


def _touched(path: InstancePath) -> Touched:
    """Return the node of a path; of a leaf-list all values are meant, since their order may be the user's."""
    keys = tuple(key for step in path if step.node.kind is Kind.LIST for key in step.keys)
    return Touched(path[-1].node, keys)


class Interest:
    """Tells what of a selection may show something else when something was touched; what holds of a node is kept."""

    def __init__(self, selected: Selections) -> None:
        """Know of no node yet."""
        self._selected = selected
        self._by_node: dict[SchemaNode, bool] = {}
        self._by_key: dict[SchemaNode, bool] = {}

    def reaches(self, node: SchemaNode) -> bool:
        """Tell whether any instance of a node concerns it."""
        if node not in self._by_node:
            steps = lineage(node)
            self._by_node[node] = _concerns(self._selected, steps, ())
            self._by_key[node] = _has_matches(self._selected, steps)
        return self._by_node[node]

    def includes(self, touched: Touched) -> bool:
        """Tell whether what was touched concerns it: never False where it does."""
        if not self.reaches(touched.node) or not self._by_key[touched.node]:
            return self._by_node[touched.node]
        return _concerns(self._selected, lineage(touched.node), touched.keys)


def _concerns(selected: Selections, steps: tuple[SchemaNode, ...], keys: Key) -> bool:
    node, below = steps[0], steps[1:]
    own = dict(zip(node.keys, keys, strict=False))
    for selection in selected.get(node, ()):
        if any(own.get(match.leaf, match.value) != match.value for match in selection.matches):
            continue  # It is for another entry.
        if selection.whole or not below or any(match.leaf is below[0] for match in selection.matches):
            return True
        if _concerns(selection.children, below, keys[len(node.keys) :]):
            return True
    return False


def _has_matches(selected: Selections, steps: tuple[SchemaNode, ...]) -> bool:
    """Tell whether any selection on the way to a node chooses between instances."""
    alternatives = selected.get(steps[0], ()) if steps else ()
    return any(selection.matches or _has_matches(selection.children, steps[1:]) for selection in alternatives)
