"""The data that an expression is evaluated over: a tree of XML, and what the schema says of its elements."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from lxml import etree

from agent.datastore.references import Identityref
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.selection import Match
from agent.datastore.values import Leafref, ValueType
from agent.datastore.xpath.matches import Identities
from agent.datastore.xpath.parser import XPathError
from agent.datastore.xpath.patterns import ROOT, Pattern
from agent.datastore.xpath.syntax import Axis, Call, Expression, NameTest, Path, Step
from agent.datastore.xpath.writing import ABOVE, Writer

Counts: TypeAlias = Counter[SchemaNode | None]
Functions: TypeAlias = Mapping[tuple[str | None, str], Callable[..., object]]
"""Functions of our own as lxml calls them, by namespace, which is none, and name."""
NO_FUNCTIONS: Final[Functions] = MappingProxyType({})
_START: Final = f'<data xmlns="{ABOVE}">'
_END: Final = "</data>"


class Document:
    """Top-level elements below one that stands for the root of the data."""

    def __init__(self, tops: Mapping[str, SchemaNode], elements: str, identities: Identities) -> None:
        """Read the elements; `tops` are the schema nodes, by tag, that they can be of: those of which there are remain.

        Names of identities are rewritten with the prefixes that the expression has for their modules.
        """
        parser = etree.XMLParser(huge_tree=True, resolve_entities=False, no_network=True)
        self.root = etree.fromstring(f"{_START}{elements}{_END}", parser)
        present = {child.tag for child in self.root}
        self.tops: Mapping[str, SchemaNode] = {tag: node for tag, node in tops.items() if tag in present}
        self._nodes: dict[etree._Element, SchemaNode | None] = {}
        self._patterns: dict[etree._Element, Pattern | None] = {self.root: ROOT}
        self._identities: dict[etree._Element, str] = {}
        self._restate(identities)

    def node(self, element: etree._Element) -> SchemaNode | None:
        """Return the schema node of an element; None for the root, and within anydata."""
        if element not in self._nodes:
            parent = element.getparent()
            nodes = self.tops
            if parent is not self.root:
                above = self.node(parent) if parent is not None else None
                nodes = above.children if above is not None else {}
            self._nodes[element] = nodes.get(str(element.tag))
        return self._nodes[element]

    def type_of(self, element: etree._Element) -> ValueType | None:
        """Return the type of a leaf's element, None of another's; of a leafref it is that of the leaf it refers to."""
        node = self.node(element)
        return resolved(node.type) if node is not None else None

    def value(self, element: etree._Element) -> str:
        """Return the canonical value of a leaf's element."""
        if element in self._identities:
            return self._identities[element]
        text, type_ = element.text or "", self.type_of(element)
        return type_.parse(text, element.nsmap) if type_ is not None and type_.has_prefixes else text

    def pattern(self, element: etree._Element) -> Pattern | None:
        """Return the pattern of one instance: with its keys, and those above it; None within anydata.

        Entries of a list without keys have the same pattern, that of the list.
        """
        if element not in self._patterns:
            parent, node = element.getparent(), self.node(element)
            above = self.pattern(parent) if parent is not None and node is not None else None
            own = None if node is None else (node, self._matches(node, element))
            self._patterns[element] = None if above is None or own is None else (*above, own)
        return self._patterns[element]

    def evaluate(self, expression: Expression, context: etree._Element, functions: Functions = NO_FUNCTIONS) -> object:
        """Evaluate an expression from an element, which current() is too; XPathError for what libxml2 refuses."""
        writer = Writer()
        text = writer.write(expression)
        try:
            evaluator = etree.XPath(text, namespaces=writer.namespaces, extensions=dict(functions), regexp=False)
            return evaluator(context, root=[self.root], current=[context])
        except etree.XPathError as error:
            raise XPathError(f"the expression cannot be evaluated: {error}") from error

    def count(self) -> Counts:
        """Return how many elements there are of each schema node; the root is that of None."""
        counts: Counts = Counter({None: 1})
        self._count((), self.tops, counts)
        return counts

    def _count(self, above: tuple[Step, ...], nodes: Mapping[str, SchemaNode], counts: Counts) -> None:
        for node in nodes.values():
            steps = (*above, Step(Axis.CHILD, NameTest(node.module.namespace, node.name)))
            found = self.evaluate(Call("count", (Path(steps, is_absolute=True),)), self.root)
            if isinstance(found, float) and found > 0:
                counts[node] = int(found)
                self._count(steps, node.children, counts)

    def _matches(self, node: SchemaNode, element: etree._Element) -> tuple[Match, ...]:
        if node.kind is Kind.LEAF_LIST:
            return (Match(node, self.value(element), shown=False),)
        keys = [(leaf, element.find(leaf.tag)) for leaf in node.keys]
        return tuple(Match(leaf, self.value(key), shown=False) for leaf, key in keys if key is not None)

    def _restate(self, identities: Identities) -> None:
        tags = {leaf.tag for top in self.tops.values() for leaf in _identity_leaves(top)}
        for element in self.root.iter(*tags) if tags else ():
            type_ = self.type_of(element)
            if isinstance(type_, Identityref):
                canonical = type_.parse(element.text or "", element.nsmap)
                self._identities[element] = canonical
                element.text = identities.text(canonical, type_)


def resolved(type_: ValueType | None) -> ValueType | None:
    """Return the type that a value has: of a leafref that of its target."""
    while isinstance(type_, Leafref):
        type_ = type_.target
    return type_


def _identity_leaves(node: SchemaNode) -> list[SchemaNode]:
    found = [node] if isinstance(resolved(node.type), Identityref) else []
    for child in node.children.values():
        found.extend(_identity_leaves(child))
    return found
