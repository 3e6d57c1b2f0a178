"""The filters of operations that read as selections: subtrees (RFC 6241 section 6), and XPath (section 8.9).

In a subtree, names that the schema does not have select nothing and values that a type does not have match nothing:
neither is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

from agent.datastore import errors
from agent.datastore.errors import ErrorType
from agent.datastore.registry import Registry
from agent.datastore.rendering import Roots, everything
from agent.datastore.schema import Kind, Schema, SchemaNode
from agent.datastore.selection import WHOLE, Alternatives, Match, Selection
from agent.datastore.tree import Branch
from agent.datastore.values import InvalidValue
from agent.datastore.xpath import BUDGET, Budget, Reader, XPathFilter
from agent.netconf.messages import BASE_NAMESPACE
from agent.netconf.shapes import Filter, Shape, shape_of, split
from agent.netconf.xpath import expression_of, parse_condition, refusing, select

SUBTREE: Final = "subtree"
XPATH: Final = "xpath"
FILTER: Final = f"{{{BASE_NAMESPACE}}}filter"
SUBTREE_FILTER: Final = "subtree-filter"
XPATH_FILTER: Final = "xpath-filter"
"""What get-data and those that follow it call the two (RFC 8526 section 3.1.1)."""
_XPATH_MARKS: Final = (b'type="xpath"', b"<xpath-filter", b":xpath-filter")
"""What tells a request with an XPath apart before it is read."""
REMEMBERED_FILTERS: Final = 256
REMEMBERED_BYTES: Final = 4096
"""A filter that is longer is read each time."""
NO_FILTER: Final = Filter()
_LEAVES: Final = (Kind.LEAF, Kind.LEAF_LIST)
_WHITE_SPACE: Final = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Known:
    """A request that has been read: its input, without its filter, and what that selects."""

    input: Branch
    roots: Roots


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a filter selects, whether of any data, and how it says so."""

    roots: Roots
    filter: Filter = NO_FILTER
    is_lasting: bool = True


class Filters:
    """The filters of get, get-config and get-data. Clients ask the same again and again: what they ask is read once.

    So is what differs from it in nothing but keys.
    """

    def __init__(self, registry: Registry) -> None:
        """Remember none yet."""
        self._registry = registry
        self._known: dict[Hashable, Known | tuple[Branch, Shape]] = {}

    def recall(self, operation: etree._Element) -> Known | None:
        """Return what is remembered of an operation that is the same as one before, or differs in keys alone."""
        text = etree.tostring(operation, with_tail=False)
        if len(text) > REMEMBERED_BYTES:
            return None
        if (known := self._touched(text)) is not None:
            return known if isinstance(known, Known) else None
        words, values = split(text, is_xpath=_has_xpath(text))
        found = self._touched(words)
        if not isinstance(found, tuple):
            return None
        given, shape = found
        roots = shape.select(values)
        return None if roots is None else Known(given, roots)

    def _touched(self, key: Hashable) -> Known | tuple[Branch, Shape] | None:
        """Return what is remembered under a key, as that which was asked for last."""
        if (found := self._known.pop(key, None)) is not None:
            self._known[key] = found
        return found

    def parse(
        self,
        operation: etree._Element,
        given: Branch,
        read: Reader,
        budget: Budget,
        narrow: Callable[[Roots], Roots] = lambda roots: roots,
    ) -> Roots:
        """Return what an operation selects: what is left by `narrow` of what its filter does.

        `given` is the operation's input, on which alone `narrow` may depend. `read` renders the data for the reader:
        not every XPath can do without a look at it.
        """
        chosen = choose(self._registry, operation, read, budget)
        roots = narrow(chosen.roots)
        if chosen.is_lasting:
            self._remember(operation, given, roots, chosen.filter)
        return roots

    def _remember(self, operation: etree._Element, given: Branch, roots: Roots, filter_: Filter) -> None:
        text = etree.tostring(operation, with_tail=False)
        if len(text) > REMEMBERED_BYTES:
            return
        plain = Branch(given.schema, {node: item for node, item in given.children.items() if not _is_filter(node)})
        shape = shape_of(roots, text, filter_) if filter_.is_xpath == _has_xpath(text) else None
        if shape is None:
            self._known[text] = Known(plain, roots)
        else:
            self._known[split(text, is_xpath=filter_.is_xpath)[0]] = (plain, shape)
        if len(self._known) > REMEMBERED_FILTERS:
            del self._known[next(iter(self._known))]  # the one that nobody has asked for the longest


def _is_filter(node: SchemaNode) -> bool:
    return node.kind is Kind.ANYDATA or node.name == XPATH_FILTER


def _has_xpath(text: bytes) -> bool:
    return any(mark in text for mark in _XPATH_MARKS)


def choose(registry: Registry, operation: etree._Element, read: Reader, budget: Budget) -> Chosen:
    """Return what the filter of an operation selects; without one everything, with an empty one nothing."""
    schema, expression = registry.schema, None
    if etree.QName(operation).namespace == BASE_NAMESPACE:
        element = operation.find(FILTER)
        if element is not None and filter_type(schema, element) == XPATH:
            expression = expression_of(element)
    else:
        element = _parameter(operation, SUBTREE_FILTER)
        if element is None and (element := _parameter(operation, XPATH_FILTER)) is not None:
            expression = element.text or ""
    if element is None:
        return Chosen(everything(registry))
    if expression is None:
        return Chosen(parse_subtree(schema.roots, element, budget), Filter(subtree=element))
    found = select(schema, expression, element.nsmap, read, budget)
    return Chosen(found.roots, Filter(is_xpath=True, literals=found.literals), found.is_lasting)


def _parameter(operation: etree._Element, name: str) -> etree._Element | None:
    return operation.find(f"{{{etree.QName(operation).namespace}}}{name}")


def filter_type(schema: Schema, element: etree._Element) -> str:
    """Return the type of a filter; RpcError for one that this server does not have."""
    kind = element.get("type", element.get(f"{{{BASE_NAMESPACE}}}type", SUBTREE))
    known = (SUBTREE, XPATH) if "xpath" in schema.modules["ietf-netconf"].features else (SUBTREE,)
    if kind not in known:
        message = f"filter type {kind!r}: this server has {' and '.join(map(repr, known))}"
        info = [errors.ErrorInfo("bad-attribute", "type"), errors.ErrorInfo("bad-element", "filter")]
        raise errors.RpcError(ErrorType.PROTOCOL, "bad-attribute", message, info=info)
    return kind


def parse_wanted(schema: Schema, element: etree._Element, budget: Budget) -> Roots | XPathFilter:
    """Return what the filter of a subscription wants of notifications (RFC 5277 section 3.6)."""
    if filter_type(schema, element) == XPATH:
        return parse_condition(schema, element, budget)
    return parse_subtree(schema.notifications, element, budget)


def parse_subtree(roots: Mapping[str, SchemaNode], element: etree._Element, budget: Budget = BUDGET) -> Roots:
    """Return what the elements below a filter select of the top-level nodes; RpcError for what would take too long."""
    selected: dict[SchemaNode, list[Selection]] = {}
    for child in element.iterchildren(etree.Element):
        _add(selected, roots, child)
    found = _frozen(selected)
    with refusing():
        budget.require_few_matches(found)
    return found


def _add(selected: dict[SchemaNode, list[Selection]], nodes: Mapping[str, SchemaNode], element: etree._Element) -> None:
    """Add what one filter element selects of the nodes that it names."""
    for node in _named(nodes, element):
        if (selection := _select(node, element)) is not None:
            selected.setdefault(node, []).append(selection)


def _frozen(selected: Mapping[SchemaNode, list[Selection]]) -> Mapping[SchemaNode, Alternatives]:
    return {node: tuple(selections) for node, selections in selected.items()}


def _named(nodes: Mapping[str, SchemaNode], element: etree._Element) -> Iterator[SchemaNode]:
    """Iterate over the nodes that an element names; without a namespace it names those of all (section 6.2.1)."""
    if (node := nodes.get(element.tag)) is not None:
        yield node
    elif not element.tag.startswith("{"):
        yield from (node for node in nodes.values() if node.name == element.tag)


def _select(node: SchemaNode, element: etree._Element) -> Selection | None:
    """Return what one filter element selects of one node, None for nothing."""
    if element.attrib:
        return None  # No data has attributes, so an attribute match (section 6.2.2) never holds.
    if len(element):
        return None if node.kind in (*_LEAVES, Kind.ANYDATA) else _select_within(node, element)
    if not _value_of(element):
        return WHOLE
    match = _reading(node, element)
    return None if match is None else Selection(whole=True, matches=(match,))


def _select_within(node: SchemaNode, element: etree._Element) -> Selection | None:
    """Return what a containment node selects (section 6.2.3): None where one of its content matches can never hold."""
    matches: list[Match] = []
    children: dict[SchemaNode, list[Selection]] = {}
    has_only_matches = True
    for child in element.iterchildren(etree.Element):
        if len(child) or not _value_of(child):
            has_only_matches = False
            _add(children, node.children, child)
        elif (match := _match(node, child)) is not None:
            matches.append(match)
        else:
            return None
    return Selection(whole=has_only_matches, matches=tuple(matches), children=_frozen(children))


def _match(node: SchemaNode, element: etree._Element) -> Match | None:
    """Return a content match (section 6.2.5), None for one that never holds."""
    if element.attrib:
        return None
    readings = (_reading(leaf, element) for leaf in _named(node.children, element))
    return next((reading for reading in readings if reading is not None), None)


def _reading(leaf: SchemaNode, element: etree._Element) -> Match | None:
    """Return the match with a leaf; values are compared in canonical form, without white space around them."""
    if leaf.kind not in _LEAVES or leaf.type is None:
        return None
    try:
        return Match(leaf, leaf.type.parse(_value_of(element), element.nsmap))
    except InvalidValue:
        return None


def _value_of(element: etree._Element) -> str:
    return (element.text or "").strip(_WHITE_SPACE)
