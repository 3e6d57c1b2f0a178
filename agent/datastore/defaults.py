"""Defaults as a client wants to see them (RFC 6243). The basic mode is 'explicit': what a client has set is shown.

Which defaults are in use, libyang decides: it knows the choices and conditions that they depend on.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from lxml import etree

from agent.datastore.parsing import parse_leaf
from agent.datastore.schema import Kind, Schema, SchemaNode
from agent.datastore.tree import Branch, Item, entries


class DefaultsMode(Enum):
    """The retrieval modes of RFC 6243 section 3."""

    EXPLICIT = "explicit"
    TRIM = "trim"
    REPORT_ALL = "report-all"
    REPORT_ALL_TAGGED = "report-all-tagged"

    @property
    def shows_defaults(self) -> bool:
        """Whether values are shown that nobody has set."""
        return self in (DefaultsMode.REPORT_ALL, DefaultsMode.REPORT_ALL_TAGGED)


class DefaultValue(str):
    """The value of a leaf that nobody has set."""

    __slots__ = ()


def with_defaults(schema: Schema, root: Branch, xml: bytes) -> Branch:
    """Return a tree with every default in use filled in as a DefaultValue; `xml` is the same tree, serialised."""
    document = etree.fromstring(b"<config>%b</config>" % schema.with_defaults(xml))
    return Branch(None, _children(schema.roots, document, root.children))


def settled(root: Branch) -> Branch:
    """Return a tree in which the defaults that were filled in count as set."""
    return Branch(root.schema, {node: _settled(item) for node, item in root.children.items()})


def without_defaults(root: Branch) -> Branch:
    """Return a tree without the leaves whose value is their default (RFC 6243 section 3.2)."""
    return Branch(root.schema, _trimmed(root.children))


def _children(
    nodes: Mapping[str, SchemaNode], element: etree._Element, explicit: Mapping[SchemaNode, Item]
) -> dict[SchemaNode, Item]:
    found: dict[SchemaNode, Item] = dict(explicit)
    lists: dict[SchemaNode, dict[tuple[str, ...], Branch]] = {}
    for child in element.iterchildren(etree.Element):
        node = nodes[str(child.tag)]
        present = explicit.get(node)
        if node.kind is Kind.CONTAINER:
            below = present.children if isinstance(present, Branch) else {}
            found[node] = Branch(node, _children(node.children, child, below))
        elif node.kind is Kind.LIST:
            key = tuple(_key(child, leaf) for leaf in node.keys)
            entry = Branch(node, _children(node.children, child, entries(present)[key].children))
            lists.setdefault(node, {})[key] = entry
        elif present is None and node.kind is Kind.LEAF:
            found[node] = DefaultValue(parse_leaf(node, child))
        elif present is None:
            found[node] = tuple(DefaultValue(value) for value in node.defaults)
    return {**found, **lists}


def _key(entry: etree._Element, leaf: SchemaNode) -> str:
    element = entry.find(leaf.tag)
    if element is None:
        raise ValueError(f"an entry of {leaf.path} without its key")
    return parse_leaf(leaf, element)


def _settled(item: Item) -> Item:
    if isinstance(item, DefaultValue):
        return str(item)
    if isinstance(item, tuple):
        return tuple(map(str, item))
    if isinstance(item, Branch):
        return settled(item)
    return {key: settled(entry) for key, entry in item.items()} if isinstance(item, Mapping) else item


def _trimmed(children: Mapping[SchemaNode, Item]) -> dict[SchemaNode, Item]:
    kept: dict[SchemaNode, Item] = {}
    for node, item in children.items():
        if isinstance(item, Branch):
            below = Branch(node, _trimmed(item.children))
            if below.children or node.presence:
                kept[node] = below
        elif isinstance(item, Mapping):
            kept[node] = {key: Branch(node, _trimmed(entry.children)) for key, entry in item.items()}
        elif item not in (node.defaults, *node.defaults[:1]):
            kept[node] = item
    return kept
