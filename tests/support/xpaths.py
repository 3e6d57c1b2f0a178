"""XPath filters as RFC 6241 section 8.9 describes them, over the elements of an unfiltered reply: without a schema.

libxml2 evaluates the expression as it is written, over a document whose one top-level element is the shop.
"""

from __future__ import annotations

from copy import deepcopy
from xml.sax.saxutils import quoteattr

from hypothesis import strategies as st
from lxml import etree

from tests.support.netconf_wire import NAMESPACES, Wire
from tests.support.subtree import Keys, Shape, shape

NAMES = {
    "shop": ("name", "kind", "tag", "secret", "shelf", "open", "totals", "customer", "bogus"),
    "shelf": ("row", "column", "label", "weight", "name"),
    "open": ("since",),
    "totals": ("sold", "is-full", "moods"),
    "customer": ("number", "name", "purchase"),
    "purchase": ("article", "count"),
}
EVERYWHERE = tuple(dict.fromkeys(name for names in NAMES.values() for name in names))
CONSTANTS = ("'corner'", "'Ann'", "'a'", "'left'", "'tea'", "'toy:red'", "''", "'01'", "0", "1", "2", "3", "1.5", "12")
COMPARISONS = ("=", "=", "=", "!=", "<", ">=")


def xpath_filter(expression: str, declared: str = 'xmlns:toy="urn:toy"') -> str:
    """Return a filter of type XPath."""
    return f'<filter type="xpath" {declared} select={quoteattr(expression)}/>'


def select(wire: Wire, expression: str, declared: str = 'xmlns:toy="urn:toy"') -> etree._Element:
    """Return the data that a get with an expression gives."""
    reply = wire.rpc(f"<get>{xpath_filter(expression, declared)}</get>")
    data = reply.find("nc:data", NAMESPACES)
    assert data is not None, etree.tostring(reply)
    return data


def selected(shop: etree._Element, expression: str, keys: Keys) -> Shape:
    """Return what an expression lets through of a document with the shop alone: the nodes, what is above them, keys."""
    document = deepcopy(shop)
    tree = etree.ElementTree(document)
    if tree.xpath(f"boolean(({expression})[not(parent::node())])", namespaces={"toy": "urn:toy"}):
        return shape(document, keys)  # The root, which lxml does not give out.
    found = tree.xpath(expression, namespaces={"toy": "urn:toy"})
    assert isinstance(found, list)
    chosen = {node if isinstance(node, etree._Element) else parent_of(node) for node in found}
    return shape(document, keys, chosen)


def parent_of(text: object) -> etree._Element:
    """Return the element of a text that lxml has found."""
    assert isinstance(text, etree._ElementUnicodeResult)
    parent = text.getparent()
    assert parent is not None
    return parent


@st.composite
def predicates(draw: st.DrawFn, names: tuple[str, ...], depth: int) -> str:
    """Draw a predicate of an element with children of these names."""
    constant = st.sampled_from(CONSTANTS)
    path = relative_paths(names, depth - 1)
    simple = st.tuples(path, st.sampled_from(COMPARISONS), constant).map("{0[0]} {0[1]} {0[2]}".format)
    shapes = [simple, simple, simple, path, st.sampled_from(["1", "2", "last()", "position() > 1", ". = 'a'"])]
    if depth > 0:
        inner = predicates(names, depth - 1)
        shapes += [
            st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
            inner.map("not({})".format),
            st.tuples(path, path).map("{0[0]} = {0[1]}".format),
            path.map("count({}) > 1".format),
            path.map("contains({}, 'n')".format),
            path.map("string-length({}) < 4".format),
            path.map("{} = /toy:shop/toy:tag".format),
        ]
    return draw(st.one_of(shapes))


@st.composite
def steps(draw: st.DrawFn, names: tuple[str, ...], depth: int) -> tuple[str, tuple[str, ...]]:
    """Draw a step, and the names that can follow it."""
    axis = draw(
        st.sampled_from(
            [""] * 20
            + ["descendant::", "self::", "ancestor::", "ancestor-or-self::", "parent::"]
            + ["following-sibling::", "preceding-sibling::", "following::", "preceding::", "descendant-or-self::"]
        )
    )
    name = draw(st.sampled_from(names * 3 + ("*",)))
    if axis:
        name = draw(st.sampled_from((*EVERYWHERE, "shop", "*")))
    following = NAMES.get(name, EVERYWHERE)
    test = f"toy:{name}"
    if not axis and draw(st.integers(0, 15)) == 0:
        test, following = draw(st.sampled_from([("..", EVERYWHERE), (".", names), ("text()", ("bogus",))]))
        return test, following
    count = draw(st.sampled_from([0, 0, 0, 1, 1, 2])) if depth > 0 else 0
    judged = "".join(f"[{draw(predicates(following, depth - 1))}]" for _ in range(count))
    return f"{axis}{test}{judged}", following


@st.composite
def relative_paths(draw: st.DrawFn, names: tuple[str, ...], depth: int) -> str:
    """Draw a relative path."""
    parts: list[str] = []
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        step, names = draw(steps(names, depth))
        parts.append(step)
    return "/".join(parts)


@st.composite
def expressions(draw: st.DrawFn) -> str:
    """Draw an expression that selects nodes of the shop: paths from the root, of which there may be several."""
    start = draw(st.sampled_from(["/toy:shop/", "/toy:shop/", "/toy:shop/", "//", "/descendant::"]))
    names = NAMES["shop"] if start == "/toy:shop/" else EVERYWHERE
    if start == "/descendant::":
        text = f"{start}toy:{draw(st.sampled_from(names))}"
    else:
        text = start + draw(relative_paths(names, 2))
    if draw(st.integers(0, 5)) == 0:
        return f"{text} | {draw(expressions())}"
    if draw(st.integers(0, 9)) == 0:
        return f"({text})[{draw(predicates(EVERYWHERE, 1))}]"
    return text
