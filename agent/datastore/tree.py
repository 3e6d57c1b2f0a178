"""The data tree: what a datastore holds and what an RPC is called with (RFC 7950 section 5).

A `Branch` is immutable by convention: an edit makes a new one that shares what did not change. Leaf values are
canonical text. Names in look-ups are local to the branch's module, or 'module:name'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from agent.datastore.schema import Schema, SchemaNode

Key = tuple[str, ...]
Entries: TypeAlias = Mapping[Key, "Branch"]


@dataclass(frozen=True, slots=True)
class Anydata:
    """The content of an anydata or anyxml node: serialised XML, kept as it came."""

    xml: bytes


Item: TypeAlias = "str | tuple[str, ...] | Anydata | Branch | Entries"


@dataclass(frozen=True, slots=True, eq=False)
class Branch:
    """The children of one container, list entry, RPC input, or (schema None) of a whole datastore."""

    schema: SchemaNode | None
    children: Mapping[SchemaNode, Item] = field(default_factory=dict)

    def node(self, name: str) -> SchemaNode:
        """Return the schema of the child called `name`; KeyError names both when there is none."""
        if self.schema is None:
            raise KeyError(f"a datastore has no module of its own to find {name!r} in")
        return child(self.schema, name)

    def leaf(self, name: str) -> str | None:
        """Return the canonical value of a leaf, or its default, or None."""
        node = self.node(name)
        value = self.children.get(node)
        if isinstance(value, str):
            return value
        return node.defaults[0] if node.defaults else None

    def leaf_list(self, name: str) -> tuple[str, ...]:
        """Return the values of a leaf-list in their order, or its defaults."""
        node = self.node(name)
        values = self.children.get(node)
        return values if isinstance(values, tuple) else node.defaults

    def container(self, name: str) -> Branch | None:
        """Return a container that is there, an empty one for a non-presence container that is not, or None."""
        node = self.node(name)
        branch = self.children.get(node)
        if isinstance(branch, Branch):
            return branch
        return None if node.presence else Branch(node)

    def entries(self, name: str) -> Entries:
        """Return the entries of a list by their keys, in order; empty when there are none."""
        return entries(self.children.get(self.node(name)))


def child(schema: SchemaNode, name: str) -> SchemaNode:
    """Return the child 'name' or 'module:name' of a schema node; KeyError when there is none."""
    module, _, local = name.rpartition(":")
    for node in schema.children.values():
        if node.name == local and node.module.name == (module or schema.module.name):
            return node
    raise KeyError(f"{schema.path} has no child {name!r}")


def entries(item: Item | None) -> Entries:
    """Narrow an item to the entries of a list; an absent one is an empty list."""
    return item if isinstance(item, Mapping) else {}


def find(schema: Schema, root: Branch, path: str) -> Branch | None:
    """Return the container at a path without lists, such as '/ietf-netconf-acm:nacm', or None when it is absent."""
    branch: Item | None = root
    for node in lineage(schema.node(path)):
        branch = branch.children.get(node) if isinstance(branch, Branch) else None
    return branch if isinstance(branch, Branch) else None


def lineage(node: SchemaNode) -> tuple[SchemaNode, ...]:
    """Return the nodes from the top-level one down to `node`."""
    parents = lineage(node.parent) if node.parent is not None else ()
    return (*parents, node)


def instances(item: Item | None) -> Iterator[tuple[Key, Branch]]:
    """Iterate over the branches that an item is, with their keys: the container itself, or every entry of a list."""
    if isinstance(item, Branch):
        yield (), item
    elif isinstance(item, Mapping):
        yield from item.items()
