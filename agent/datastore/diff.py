"""The difference between two configurations: what was created, deleted and updated, node by node.

Access control, notifications of changes and the record of a commit read it. Subtrees that two trees share are passed
over without a look. A container without presence is never a difference of its own: it means nothing without its content
(RFC 7950 section 7.5.1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from agent.datastore.errors import InstancePath, PathStep
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.tree import Branch, Entries, Item, Key, entries

K = TypeVar("K")


class Change(Enum):
    """What happened to a node."""

    CREATED = "create"
    DELETED = "delete"
    UPDATED = "update"


@dataclass(frozen=True, slots=True)
class Difference:
    """One node that differs; the children of a created or deleted one follow it, each on its own."""

    change: Change
    path: InstancePath

    @property
    def node(self) -> SchemaNode:
        """The schema of the node."""
        return self.path[-1].node


PassOver = Callable[[SchemaNode], bool]
"""Tells of a node whether it, and all that is below it, is of no interest."""


def differences(old: Branch, new: Branch, passes_over: PassOver | None = None) -> Iterator[Difference]:
    """Iterate over all that differs between two trees, parents before children."""
    return _children(old.children, new.children, (), passes_over)


def changed_keys(old: Entries, new: Entries) -> Iterator[Key]:
    """Iterate over the keys of the entries that two lists do not share: of the old one first, then those that came.

    Lists are long, and what has changed of them is mostly little: each is gone through once, and fast. Where none came
    or went, they are gone through side by side, without a look-up.
    """
    if len(old) == len(new):
        pairs = zip(old.items(), new.items(), strict=True)
        apart = [(was, key) for (was, before), (key, after) in pairs if before is not after or was is not key]
        if all(was == key for was, key in apart):
            yield from (key for _, key in apart if old[key] is not new[key])
            return
    known, present = old.get, new.get
    differing = [key for key, after in new.items() if known(key) is not after]
    created = [key for key in differing if key not in old]
    if len(new) - len(created) < len(old):
        yield from (key for key, before in old.items() if present(key) is not before)
    else:
        yield from (key for key in differing if key in old)
    yield from created


def topmost(old: Branch, new: Branch) -> Iterator[Difference]:
    """Iterate over the differences, without those below a node that was created or deleted as a whole."""
    whole: InstancePath = ()
    for difference in differences(old, new):
        if whole and difference.path[: len(whole)] == whole:
            continue
        if difference.change is not Change.UPDATED:
            whole = difference.path
        yield difference


def _children(
    old: Mapping[SchemaNode, Item], new: Mapping[SchemaNode, Item], path: InstancePath, passes_over: PassOver | None
) -> Iterator[Difference]:
    for node in {**old, **new}:
        before, after = old.get(node), new.get(node)
        if before is after or (passes_over is not None and passes_over(node)):
            continue
        if node.kind is Kind.LIST:
            yield from _entries(node, entries(before), entries(after), path, passes_over)
        elif node.kind is Kind.LEAF_LIST:
            yield from _values(node, before, after, path)
        else:
            yield from _instance(before, after, (*path, PathStep(node)), passes_over)


def _entries(
    node: SchemaNode, old: Entries, new: Entries, path: InstancePath, passes_over: PassOver | None
) -> Iterator[Difference]:
    for key in changed_keys(old, new):
        yield from _instance(old.get(key), new.get(key), (*path, PathStep(node, key)), passes_over)
    yield from _moved(node, old, new, path)


def _values(node: SchemaNode, before: Item | None, after: Item | None, path: InstancePath) -> Iterator[Difference]:
    old = dict.fromkeys(before if isinstance(before, tuple) else ())
    new = dict.fromkeys(after if isinstance(after, tuple) else ())
    for value in {**old, **new}:
        if (value in old) != (value in new):
            yield Difference(Change.DELETED if value in old else Change.CREATED, (*path, PathStep(node, (value,))))
    yield from _moved(node, old, new, path)


def _moved(
    node: SchemaNode, old: Mapping[K, object], new: Mapping[K, object], path: InstancePath
) -> Iterator[Difference]:
    """Yield the list itself, without keys, where those in both stand in another order that is the user's."""
    if node.ordered_by_user and [key for key in old if key in new] != [key for key in new if key in old]:
        yield Difference(Change.UPDATED, (*path, PathStep(node)))


def _instance(
    before: Item | None, after: Item | None, path: InstancePath, passes_over: PassOver | None
) -> Iterator[Difference]:
    node = path[-1].node
    if before is None or after is None:
        if node.kind is not Kind.CONTAINER or node.presence:
            yield Difference(Change.CREATED if before is None else Change.DELETED, path)
    elif before != after and not isinstance(after, Branch):
        yield Difference(Change.UPDATED, path)
    old = before.children if isinstance(before, Branch) else {}
    new = after.children if isinstance(after, Branch) else {}
    yield from _children(old, new, path, passes_over)
