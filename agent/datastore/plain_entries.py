"""The short way for entries that an edit creates and that hold nothing but leaves: most of what large edits are.

Invariant: what this takes, the long way would take too, with the same result; whatever is out of the ordinary (an
attribute, an error, a leaf that is given twice, a choice) is left to the long way, which also finds the words for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lxml import etree

from agent.datastore.nodes import Kind, SchemaNode
from agent.datastore.parsing import Seal
from agent.datastore.tree import Item
from agent.datastore.values import NO_NAMESPACES, InvalidValue

_IS_PLAIN: Final = etree.XPath("not(@*|*/@*|*/*)")
REMEMBERED_VALUES: Final = 512
"""Of one leaf: many entries have the same ones."""


class PlainEntries:
    """The entries of one edit."""

    def __init__(self, seal: Seal) -> None:
        """`seal` turns a value into what is kept."""
        self._seal = seal
        self._leaves: dict[SchemaNode, Mapping[str, SchemaNode]] = {}
        self._values: dict[SchemaNode, dict[str, str]] = {}

    def leaves(self, node: SchemaNode, element: etree._Element) -> dict[SchemaNode, Item] | None:
        """Return the leaves of an entry of list `node`; None where there is more in it than plain leaves."""
        if node not in self._leaves:
            self._leaves[node] = {leaf.tag: leaf for leaf in node.children.values() if _is_plain(leaf)}
        if not _IS_PLAIN(element) or (element.text is not None and not element.text.isspace()):
            return None
        known = self._leaves[node]
        found: dict[SchemaNode, Item] = {}
        for child in element:
            leaf = known.get(child.tag)
            if leaf is None or leaf in found or (child.tail is not None and not child.tail.isspace()):
                return None
            value = self._value(leaf, child.text or "")
            if value is None:
                return None
            found[leaf] = value
        return found

    def _value(self, leaf: SchemaNode, text: str) -> str | None:
        """Return a value as it is kept, None where it is none."""
        values = self._values.setdefault(leaf, {})
        value = values.get(text)
        if value is None and leaf.type is not None:
            try:
                value = self._seal(leaf, leaf.type.parse(text, NO_NAMESPACES))
            except InvalidValue:
                return None
            if len(values) < REMEMBERED_VALUES:
                values[text] = value
        return value


def _is_plain(leaf: SchemaNode) -> bool:
    """Tell whether a leaf can be set whatever else is set, and its value be read without its namespaces."""
    has_prefixes = leaf.type is None or leaf.type.has_prefixes
    return leaf.kind is Kind.LEAF and leaf.config and not leaf.cases and not has_prefixes
