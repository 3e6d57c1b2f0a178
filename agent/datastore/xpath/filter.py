"""An XPath expression as a filter: what it selects of data, and whether it holds for a notification.

What the schema alone decides becomes a selection without a look at the data. Anything else is evaluated by libxml2 over
the part of the data that the expression touches, as its reader may see it, and what was found becomes the selection:
each instance by its keys. Data and expression are bounded, so that no filter holds up the server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from lxml import etree

from agent.datastore.rendering import Roots
from agent.datastore.schema import Schema
from agent.datastore.xpath.analysis import TooComplex, analyse
from agent.datastore.xpath.cost import Estimator
from agent.datastore.xpath.document import Document
from agent.datastore.xpath.functions import YangFunctions
from agent.datastore.xpath.matches import Identities
from agent.datastore.xpath.parser import XPathError, parse
from agent.datastore.xpath.patterns import SelectedPatterns
from agent.datastore.xpath.syntax import Type, type_of

MAXIMUM_EXPRESSION: Final = 16 * 1024
"""How long an expression may be, in characters."""
MAXIMUM_DOCUMENT: Final = 8 * 1024 * 1024
"""How much data an expression may be evaluated over, in characters."""
MAXIMUM_VISITS: Final = 20_000_000
"""How many nodes an evaluation may visit: a few tenths of a second."""
Reader = Callable[[Roots], Iterator[str]]
"""Renders a selection of the data as its reader may see it."""


class XPathTooCostly(Exception):
    """An expression that would take too much of the server; the message says what of it."""


class XPathFilter:
    """One expression, read once, over data or (`of_notifications`) over notifications."""

    def __init__(
        self, schema: Schema, text: str, namespaces: Mapping[str | None, str], *, of_notifications: bool = False
    ) -> None:
        """Read an expression with the prefixes that are in scope.

        A name without a prefix is in no namespace (XPath 1.0 section 2.3), whatever the default one is. Raises
        XPathError for what cannot be read or selects no nodes, XPathTooCostly.
        """
        if len(text) > MAXIMUM_EXPRESSION:
            raise XPathTooCostly(f"an expression has {MAXIMUM_EXPRESSION} characters at most")
        self._schema = schema
        self._roots = schema.notifications if of_notifications else schema.roots
        self._namespaces = {prefix: namespace for prefix, namespace in namespaces.items() if prefix is not None}
        self._identities = Identities(self._namespaces)
        self._expression = parse(text, dict[str | None, str](self._namespaces.items()))
        if type_of(self._expression) is not Type.NODES:
            raise XPathError(f"the expression selects no nodes, it is a {type_of(self._expression).value}")
        try:
            self._analysis = analyse(self._expression, self._roots, self._namespaces)
        except TooComplex:
            raise XPathTooCostly("the expression leads to too many places of the schema") from None

    def select(self, read: Reader) -> Roots:
        """Return what the expression selects of the data that `read` gives; XPathTooCostly, XPathError."""
        if self._analysis.is_exact:
            return self._analysis.results
        document = self._document(_bounded(read(self._analysis.touched)))
        selected = SelectedPatterns(self._roots.values())
        for element in self._found(document):
            pattern = document.pattern(element)
            if pattern is not None:
                selected.add(pattern)
        return selected.selection()

    def holds(self, notification: str) -> bool:
        """Tell whether the expression selects anything of a notification, given as its element.

        It is said to where that would take too long to find out: a subscriber is rather told too much than too little.
        """
        try:
            return any(True for _ in self._found(self._document(notification)))
        except XPathTooCostly:
            return True
        except XPathError:
            return False

    def _document(self, elements: str) -> Document:
        return Document(self._roots, elements, self._identities)

    def _found(self, document: Document) -> Iterator[etree._Element]:
        """Iterate over the elements that were found; a text or an attribute stands for its element."""
        if Estimator(document, self._analysis.reach).visits(self._expression) > MAXIMUM_VISITS:
            raise XPathTooCostly("the expression would take too long over so much data")
        functions = YangFunctions(self._schema, document, self._namespaces)
        found = functions.evaluate(self._expression, document.root)
        for node in found if isinstance(found, list) else ():
            element = node if isinstance(node, etree._Element) else getattr(node, "getparent", lambda: None)()
            if element is not None:
                yield element


def _bounded(pieces: Iterator[str]) -> str:
    gathered, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > MAXIMUM_DOCUMENT:
            raise XPathTooCostly("the expression touches too much data")
        gathered.append(piece)
    return "".join(gathered)
