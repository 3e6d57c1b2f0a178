"""The hierarchy of statements, resolved against a schema: what each looks like, and the nodes that it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from agent.datastore.errors import InstancePath
from agent.datastore.registry import Registry
from agent.datastore.schema import Kind, Schema, SchemaNode
from agent.datastore.tree import Branch, child
from agent.junos.configuration.hierarchy import HIERARCHY, Row


class Shape(Enum):
    """What a statement looks like."""

    LEVEL = "a level of the hierarchy without a node of its own"
    CONTAINER = "a word and a block"
    LIST = "a word, a name and a block"
    LEAF = "a word and a value"
    LEAF_LIST = "a word and values"
    FLAG = "a word"


@dataclass(frozen=True, slots=True, eq=False)
class Definition:
    """A row that was resolved: `nodes` lead from the node of the statement around it to its own; none for a level.

    `implied` are the leaves of an entry that stand for nothing in Junos, with their values.
    """

    row: Row
    shape: Shape
    nodes: tuple[SchemaNode, ...]
    below: tuple[Definition, ...]
    is_secret: bool = False
    implied: tuple[tuple[SchemaNode, str], ...] = ()
    _by_word: Mapping[str, Definition] = field(default_factory=dict)
    _by_tag: Mapping[str, Definition] = field(default_factory=dict)

    @property
    def node(self) -> SchemaNode:
        """The node that it stands for; there is none for a level."""
        return self.nodes[-1]

    @property
    def identity(self) -> object:
        """What two statements have in common of which only one can stand there: disable and enable."""
        return self.nodes[-1] if self.nodes else self

    @property
    def tag(self) -> str:
        """The name of its XML element."""
        return self.row.tag or self.row.word

    @property
    def holds_statements(self) -> bool:
        """Whether it can have a block."""
        return self.shape in (Shape.LEVEL, Shape.CONTAINER, Shape.LIST)

    def named(self, word: str) -> Definition | None:
        """Return the statement within that begins with a word, which may be the name of an entry itself."""
        found = self._by_word.get(word)
        if found is None and (entry := self._by_word.get("")) is not None:
            return entry if entry.allows(word) else None
        return found

    def allows(self, name: str) -> bool:
        """Tell whether the name of an entry looks like those of its list."""
        return not self.row.name_pattern or re.fullmatch(self.row.name_pattern, name) is not None

    def tagged(self, tag: str) -> Definition | None:
        """Return the statement within that an XML element of this name is."""
        return self._by_tag.get(tag)

    def canonical(self, text: str) -> str:
        """Return the canonical form of a value, or of the name of an entry; InvalidValue when it is none."""
        leaf = self.node.keys[0] if self.shape is Shape.LIST else self.node
        if leaf.type is None:
            raise TypeError(f"{leaf.path} has no type")
        return leaf.type.parse(text)

    def covers(self, entry: Branch) -> bool:
        """Tell whether an entry of a list is one that Junos has a statement for."""
        return all(entry.children.get(leaf) == value for leaf, value in self.implied)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the hierarchy: the words of the level, as in '[edit security ike]', and the statement there."""

    words: tuple[str, ...]
    statement: str

    @property
    def edit_path(self) -> str:
        """The level as Junos shows it."""
        return edit_path(self.words)


def edit_path(words: tuple[str, ...]) -> str:
    """Return a level of the hierarchy as Junos shows it."""
    return f"[{' '.join(('edit', *words))}]"


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """The whole table, resolved; `chains` are the definitions that lead to each node, its own last."""

    root: Definition
    chains: Mapping[SchemaNode, tuple[Definition, ...]]

    def place(self, path: InstancePath) -> Place | None:
        """Return where an instance of our modules stands; None for one that Junos has no statement for."""
        words: list[str] = []
        statement, seen = "", 0
        for step in path:
            chain = self.chains.get(step.node)
            if chain is None:
                continue
            new = [definition.row.word for definition in chain[seen:] if definition.row.word]
            words += [*new, *(step.keys if chain[-1].shape is Shape.LIST else ())]
            statement, seen = words[-1], len(chain)
            if not chain[-1].holds_statements:
                return Place(tuple(words[:-1]), statement)
        return Place(tuple(words), statement) if seen else None


def compile_hierarchy(registry: Registry) -> Hierarchy:
    """Resolve the table; KeyError names a path that the schema does not have."""
    root = _compile(registry, HIERARCHY, None)
    chains: dict[SchemaNode, tuple[Definition, ...]] = {}
    for chain in _chains(root, ()):
        if chain[-1].nodes:
            chains.setdefault(chain[-1].node, chain)
    return Hierarchy(root, chains)


def _chains(definition: Definition, above: tuple[Definition, ...]) -> Iterator[tuple[Definition, ...]]:
    for each in definition.below:
        chain = (*above, each)
        yield chain
        yield from _chains(each, chain)


def _compile(registry: Registry, row: Row, parent: SchemaNode | None) -> Definition:
    nodes = _nodes(registry.schema, row.path, parent)
    node = nodes[-1] if nodes else None
    below = tuple(_compile(registry, each, node or parent) for each in row.below)
    return Definition(
        row,
        _shape(row, node),
        nodes,
        below,
        node in registry.secrets,
        ((child(node, row.implied[0]), row.implied[1]),) if node is not None and row.implied else (),
        {each.row.word: each for each in below},
        {each.tag: each for each in below},
    )


def _nodes(schema: Schema, path: str, parent: SchemaNode | None) -> tuple[SchemaNode, ...]:
    if path.startswith("/"):
        first, *rest = path[1:].split("/")
        nodes = [schema.node(f"/{first}")]
    elif path and parent is not None:
        first, *rest = path.split("/")
        nodes = [child(parent, first)]
    else:
        return ()
    for name in rest:
        nodes.append(child(nodes[-1], name))
    return tuple(nodes)


def _shape(row: Row, node: SchemaNode | None) -> Shape:
    if node is None:
        return Shape.LEVEL
    if row.flag is not None:
        return Shape.FLAG
    return _SHAPES[node.kind]


_SHAPES: Final = MappingProxyType(
    {
        Kind.CONTAINER: Shape.CONTAINER,
        Kind.LIST: Shape.LIST,
        Kind.LEAF: Shape.LEAF,
        Kind.LEAF_LIST: Shape.LEAF_LIST,
    }
)
