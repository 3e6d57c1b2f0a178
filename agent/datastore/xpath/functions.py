"""The functions that YANG adds to XPath (RFC 7950 section 10), over the elements of one document."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeAlias, TypeVar

from lxml import etree

from agent.datastore.references import NodePath
from agent.datastore.restrictions import InvalidValue, Pattern
from agent.datastore.schema import Schema
from agent.datastore.values import Bits, Enumeration, Leafref, ValueType
from agent.datastore.xpath.document import Document, Functions
from agent.datastore.xpath.parser import XPathError, parse
from agent.datastore.xpath.syntax import Expression

Elements: TypeAlias = "list[etree._Element]"
T = TypeVar("T", bound=ValueType)


class YangFunctions:
    """Functions as lxml calls them: a context, then node-sets as lists in document order and texts as texts."""

    def __init__(self, schema: Schema, document: Document, namespaces: Mapping[str, str]) -> None:
        """`namespaces` are the prefixes that names of identities in the expression have."""
        self._schema = schema
        self._document = document
        self._namespaces = namespaces
        self._patterns: dict[str, Pattern] = {}

    @property
    def extensions(self) -> Functions:
        """The functions by namespace, which is none, and name."""
        return {
            (None, "derived-from"): lambda context, nodes, name: self._derives(nodes, name, itself=False),
            (None, "derived-from-or-self"): lambda context, nodes, name: self._derives(nodes, name, itself=True),
            (None, "enum-value"): lambda context, nodes: self._number(nodes),
            (None, "bit-is-set"): lambda context, nodes, name: self._has_bit(nodes, name),
            (None, "re-match"): lambda context, text, pattern: self._matches(text, pattern),
            (None, "deref"): lambda context, nodes: self._referenced(nodes),
        }

    def evaluate(self, expression: Expression, context: etree._Element) -> object:
        """Evaluate an expression from an element; XPathError."""
        return self._document.evaluate(expression, context, self.extensions)

    def _derives(self, nodes: Elements, name: str, *, itself: bool) -> bool:
        """Sections 10.4.1 and 10.4.2: a prefix that names no module names no identity."""
        prefix, _, local = name.rpartition(":")
        module = self._schema.by_namespace.get(self._namespaces.get(prefix, ""))
        if module is None:
            return False
        wanted = f"{module.name}:{local}"
        values = [self._document.value(node) for node in nodes if _is_element(node)]
        return any(wanted in self._schema.identities.get(value, ()) and (itself or value != wanted) for value in values)

    def _number(self, nodes: Elements) -> float:
        """Section 10.5.1."""
        found = self._first(nodes, Enumeration)
        if found is None or found[0] not in found[1].names:
            return math.nan
        return float(found[1].numbers[found[1].names.index(found[0])])

    def _has_bit(self, nodes: Elements, name: str) -> bool:
        """Section 10.6.1."""
        found = self._first(nodes, Bits)
        return found is not None and name in found[0].split()

    def _first(self, nodes: Elements, kind: type[T]) -> tuple[str, T] | None:
        type_ = self._document.type_of(nodes[0]) if nodes and _is_element(nodes[0]) else None
        return (nodes[0].text or "", type_) if isinstance(type_, kind) else None

    def _matches(self, text: str, expression: str) -> bool:
        """Section 10.2.1."""
        try:
            pattern = self._patterns.setdefault(expression, Pattern(expression))
            pattern.check(text)
        except InvalidValue:
            return False
        except etree.XMLSchemaParseError as error:
            raise XPathError(f"{expression!r} is no regular expression of XML Schema: {error}") from error
        return True

    def _referenced(self, nodes: Elements) -> Elements:
        """Section 10.3.1."""
        if not nodes or not _is_element(nodes[0]):
            return []
        node = self._document.node(nodes[0])
        type_ = node.type if node is not None else None
        value = self._document.value(nodes[0])
        if isinstance(type_, Leafref):
            found = self.evaluate(parse(type_.path, type_.namespaces), nodes[0])
            return [element for element in _elements(found) if self._document.value(element) == value]
        if isinstance(type_, NodePath) and type_.base == "instance-identifier":
            return _elements(self.evaluate(parse(nodes[0].text or "", nodes[0].nsmap), nodes[0]))
        return []


def _is_element(node: object) -> bool:
    return isinstance(node, etree._Element)


def _elements(found: object) -> Elements:
    return [node for node in found if _is_element(node)] if isinstance(found, list) else []
