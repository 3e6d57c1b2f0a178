"""An XPath expression as a filter: what it selects of data, and whether it holds for a notification.

What the schema alone decides becomes a selection without a look at the data. Anything else is evaluated by libxml2 over
the part of the data that the expression touches, as its reader may see it, and what was found becomes the selection:
each instance by its keys. Data and expression are bounded, so that no filter holds up the server.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

from lxml import etree

from agent.datastore.rendering import Roots
from agent.datastore.schema import Schema
from agent.datastore.xpath.analysis import TooComplex, analyse
from agent.datastore.xpath.budget import BUDGET, Budget, XPathTooCostly
from agent.datastore.xpath.cost import Estimator
from agent.datastore.xpath.document import Document
from agent.datastore.xpath.functions import YangFunctions
from agent.datastore.xpath.matches import Identities, compared_literals
from agent.datastore.xpath.parser import XPathError, parse
from agent.datastore.xpath.patterns import SelectedPatterns
from agent.datastore.xpath.syntax import Type, type_of

Reader = Callable[[Roots], Iterator[str]]
"""Renders a selection of the data as its reader may see it."""


class XPathFilter:
    """One expression, read once, over data or (`of_notifications`) over notifications."""

    def __init__(
        self,
        schema: Schema,
        text: str,
        namespaces: Mapping[str | None, str],
        *,
        of_notifications: bool = False,
        of_any_type: bool = False,
        budget: Budget = BUDGET,
    ) -> None:
        """Read an expression with the prefixes that are in scope.

        A name without a prefix is in no namespace (XPath 1.0 section 2.3), whatever the default one is. Raises
        XPathError for what cannot be read or, unless it may be `of_any_type`, selects no nodes, XPathTooCostly.
        """
        budget.require_short(text)
        self._budget = budget
        self._schema = schema
        self._roots = schema.notifications if of_notifications else schema.roots
        self._namespaces = {prefix: namespace for prefix, namespace in namespaces.items() if prefix is not None}
        self._identities = Identities(self._namespaces)
        self._expression = parse(text, dict[str | None, str](self._namespaces.items()))
        if not of_any_type and type_of(self._expression) is not Type.NODES:
            raise XPathError(f"the expression selects no nodes, it is a {type_of(self._expression).value}")
        try:
            self._analysis = analyse(self._expression, self._roots, self._namespaces)
        except TooComplex:
            raise budget.too_many_places() from None

    @property
    def is_exact(self) -> bool:
        """Whether the schema alone decides what is selected, so that `select` reads nothing."""
        return self._analysis.is_exact

    @property
    def compared(self) -> tuple[str, ...] | None:
        """The literals in their order, where all the expression does beside naming is to compare leaves with them."""
        return compared_literals(self._expression)

    def select(self, read: Reader) -> Roots:
        """Return what the expression selects of the data that `read` gives; XPathTooCostly, XPathError."""
        if self._analysis.is_exact:
            self._budget.require_few_matches(self._analysis.results)
            return self._analysis.results
        self._budget.require_few_matches(self._analysis.touched)
        document = self._document(self._bounded(read(self._analysis.touched)))
        selected = SelectedPatterns(self._roots.values())
        for element in self._found(document):
            pattern = document.pattern(element)
            if pattern is not None:
                selected.add(pattern)
        return selected.selection()

    def holds(self, notification: str) -> bool:
        """Tell whether the expression is true of a notification, given as its element, or selects anything of it.

        It is said to where that would take too long to find out: a subscriber is rather told too much than too little.
        """
        try:
            return _is_true(self._evaluated(self._document(notification)))
        except XPathTooCostly:
            return True
        except XPathError:
            return False

    def _document(self, elements: str) -> Document:
        return Document(self._roots, elements, self._identities)

    def _bounded(self, pieces: Iterator[str]) -> str:
        gathered, size = [], 0
        for piece in pieces:
            size += len(piece)
            self._budget.require_little(size)
            gathered.append(piece)
        return "".join(gathered)

    def _found(self, document: Document) -> Iterator[etree._Element]:
        """Iterate over the elements that were found; a text or an attribute stands for its element."""
        found = self._evaluated(document)
        for node in found if isinstance(found, list) else ():
            element = node if isinstance(node, etree._Element) else getattr(node, "getparent", lambda: None)()
            if element is not None:
                yield element

    def _evaluated(self, document: Document) -> object:
        self._budget.require_few(Estimator(document, self._analysis.reach).visits(self._expression))
        return YangFunctions(self._schema, document, self._namespaces).evaluate(self._expression, document.root)


def _is_true(result: object) -> bool:
    """Convert what an expression gives into a boolean (XPath 1.0 section 4.3)."""
    return bool(result) and not (isinstance(result, float) and math.isnan(result))
