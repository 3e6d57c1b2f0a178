"""The instances in a tree that a selection means, and how each is named (RFC 7950 section 9.13)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from agent.datastore.diff import differences
from agent.datastore.errors import InstancePath, PathStep
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.selection import Match, Selections
from agent.datastore.tree import Branch, Item

_SEVERAL: Final = (Kind.LIST, Kind.LEAF_LIST)


def instances_of(root: Branch, selected: Selections) -> Iterator[InstancePath]:
    """Iterate over the nodes of a tree that are selected as a whole; one may come more than once."""
    return _below(root.children, selected, ())


def _below(children: Mapping[SchemaNode, Item], selected: Selections, path: InstancePath) -> Iterator[InstancePath]:
    for node, alternatives in selected.items():
        for step, item in _instances(node, children.get(node)):
            inner = item.children if isinstance(item, Branch) else {}
            for selection in alternatives:
                if not all(_holds(match, node, item, inner) for match in selection.matches):
                    continue
                if selection.whole:
                    yield (*path, step)
                else:
                    yield from _below(inner, selection.children, (*path, step))


def _instances(node: SchemaNode, item: Item | None) -> Iterator[tuple[PathStep, Item]]:
    if isinstance(item, tuple):
        yield from ((PathStep(node, (value,)), value) for value in item)
    elif isinstance(item, Mapping):
        yield from ((PathStep(node, key), entry) for key, entry in item.items())
    elif item is not None:
        yield PathStep(node), item


def _holds(match: Match, node: SchemaNode, item: Item, inner: Mapping[SchemaNode, Item]) -> bool:
    """Tell whether a match holds for an instance: a match with a leaf's own selection is on the leaf itself."""
    value = item if match.leaf is node else inner.get(match.leaf)
    return match.value in value if isinstance(value, tuple) else value == match.value


def instance(root: Branch, path: InstancePath) -> Item | None:
    """Return the node of a tree that a path leads to, None where there is none."""
    item: Item | None = root
    for step in path:
        item = item.children.get(step.node) if isinstance(item, Branch) else None
        if step.keys and isinstance(item, tuple):
            item = step.keys[0] if step.keys[0] in item else None
        elif step.keys and isinstance(item, Mapping):
            item = item.get(step.keys)
    return item


def is_same(one: Item | None, other: Item | None) -> bool:
    """Tell whether two nodes hold the same; one that is not there is not the same as anything."""
    if one is None or other is None:
        return False
    if isinstance(one, Branch) and isinstance(other, Branch):
        return next(differences(one, other), None) is None
    return one == other


def with_value(root: Branch, path: InstancePath, value: str) -> Branch:
    """Return a tree in which a leaf, which is there, has another value."""
    step, *below = path
    item: Item = root.children[step.node]
    if isinstance(item, Mapping):
        item = {**item, step.keys: with_value(item[step.keys], tuple(below), value)}
    else:
        item = with_value(item, tuple(below), value) if isinstance(item, Branch) else value
    return Branch(root.schema, {**root.children, step.node: item})


def without(root: Branch, path: InstancePath) -> Branch:
    """Return a tree without a node, which is there, and without the containers that only led to it."""
    step, *below = path
    children = dict(root.children)
    left = _left(children.pop(step.node), step, tuple(below))
    if left is not None:
        children[step.node] = left
    return Branch(root.schema, {node: children[node] for node in root.children if node in children})


def _left(item: Item, step: PathStep, below: InstancePath) -> Item | None:
    """Return what is left of a child, None for nothing."""
    if isinstance(item, tuple):
        return tuple(value for value in item if value != step.keys[0]) or None
    if isinstance(item, Mapping):
        rest = dict(item)
        if below:
            rest[step.keys] = without(rest[step.keys], below)
        else:
            del rest[step.keys]
        return rest or None
    if not below or not isinstance(item, Branch):
        return None
    left = without(item, below)
    return left if left.children or step.node.presence else None


def topmost(paths: Iterator[InstancePath]) -> tuple[InstancePath, ...]:
    """Return the paths, each once, without those of nodes that are below another one."""
    found = tuple(dict.fromkeys(paths))
    kept = set(found)
    return tuple(path for path in found if not any(path[:depth] in kept for depth in range(1, len(path))))


def identifier(path: InstancePath) -> str:
    """Return the canonical instance-identifier of a node that can be named: with module names for prefixes."""
    return "".join(map(_step, path))


def can_be_named(step: PathStep) -> bool:
    """Tell whether one instance can be told from others: a value with both kinds of quotes cannot be written."""
    if step.node.kind in _SEVERAL and not step.keys:
        return False
    if step.node.kind is Kind.LIST and not step.node.keys:
        return False
    return not any("'" in key and '"' in key for key in step.keys)


def _step(step: PathStep) -> str:
    node = step.node
    names = [f"{leaf.module.name}:{leaf.name}" for leaf in node.keys] if node.kind is Kind.LIST else ["."]
    predicates = (f"[{name}={_quoted(key)}]" for name, key in zip(names, step.keys, strict=False))
    return f"/{node.module.name}:{node.name}{''.join(predicates)}"


def _quoted(value: str) -> str:
    return f'"{value}"' if "'" in value else f"'{value}'"
