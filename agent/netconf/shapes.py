"""Requests that differ in nothing but the keys they ask for: what they select is found out once for all of them.

A script that reads entry after entry sends the same words again and again, each time with another key between them. The
words are a *shape*. Invariant: a shape is known only where each of its values is one key, so that what another value
selects differs in that key alone; any other request is read word by word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from lxml import etree

from agent.datastore.references import Identityref
from agent.datastore.rendering import Roots
from agent.datastore.schema import SchemaNode
from agent.datastore.selection import LookUp, Match
from agent.datastore.tree import Key, lineage
from agent.datastore.values import InvalidValue, String, ValueType
from agent.datastore.xpath.document import resolved

_TEXTS: Final = re.compile(rb">([^<>&]*[^<>&\s][^<>&]*)<")
"""The texts of elements, as lxml writes them: what would need a reference is no value."""
_LITERALS: Final = re.compile(rb"'([^'<>&\"]*)'")
_FILTERS: Final = (b"subtree-filter", b"filter")
"""The names of the elements whose texts are values, of get-data and of get."""
_WHITE_SPACE: Final = " \t\r\n"
Words: TypeAlias = tuple[bytes, ...]
"""What stands between the values: equal for requests of one shape."""
Read: TypeAlias = Callable[[str], str | None]
"""Reads one value; None where it is none."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which of a request's values are the keys of a list, in their order, and how each is read."""

    node: SchemaNode
    keys: tuple[tuple[int, Read], ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """How a request says what it selects: with a `subtree`, or with an XPath that compares leaves with `literals`.

    None where the XPath is more than that.
    """

    is_xpath: bool = False
    literals: tuple[str, ...] | None = None
    subtree: etree._Element | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """What one request of a shape selects, and where its values are keys."""

    roots: Roots
    values: tuple[str, ...]
    places: tuple[Place, ...]

    def select(self, values: tuple[str, ...]) -> Roots | None:
        """Return what a request with other values selects; None where one of them is no key of its list."""
        if values == self.values:
            return self.roots
        keys: dict[SchemaNode, Key] = {}
        for place in self.places:
            found = [read(values[number]) for number, read in place.keys]
            key = tuple([value for value in found if value is not None])
            if len(key) < len(found):
                return None
            keys[place.node] = key
        return LookUp(self.roots, keys)


def split(text: bytes, *, is_xpath: bool) -> tuple[Words, tuple[str, ...]]:
    """Return the words of a request and the values between them: those of its filter, and of nothing beside it."""
    if is_xpath:
        parts = _LITERALS.split(text)
    else:
        name = next((name for name in _FILTERS if name in text), b"<")
        start, end = text.find(name), text.rfind(name)
        parts = _TEXTS.split(text[start:end])
        parts[0] = text[:start] + parts[0]
        parts[-1] += text[end:]
    return tuple(parts[::2]), tuple([part.decode() for part in parts[1::2]])


def shape_of(roots: Roots, text: bytes, filter_: Filter) -> Shape | None:
    """Return the shape of a request that is written as `text`, or None where its values are not just keys."""
    _, values = split(text, is_xpath=filter_.is_xpath)
    matched = list(_matched(roots))
    matches = [match for _, found in matched for match in found]
    lists = {node for node, _ in matched}
    if b"&" in text or not values or len(values) != len(matches) or len(lists) < len(matched):
        return None
    if filter_.is_xpath and filter_.literals != values:
        return None
    if not filter_.is_xpath and list(_texts(filter_.subtree)) != [_tags(match.leaf) for match in matches]:
        return None
    reads = {match.leaf: (number, _reading(match, filter_)) for number, match in enumerate(matches)}
    places = [_place(node, found, reads) for node, found in matched]
    known = tuple(place for place in places if place is not None)
    return Shape(roots, values, known) if len(known) == len(places) else None


def _place(
    node: SchemaNode, matches: tuple[Match, ...], reads: Mapping[SchemaNode, tuple[int, Read | None]]
) -> Place | None:
    """Return where the key of a list is among the values; None where the matches are not those with its keys."""
    if not node.keys or {match.leaf for match in matches} != set(node.keys) or len(matches) != len(node.keys):
        return None
    numbered = [reads[leaf] for leaf in node.keys]
    known = tuple((number, read) for number, read in numbered if read is not None)
    return Place(node, known) if len(known) == len(numbered) else None


def _texts(subtree: etree._Element | None) -> Iterator[tuple[str, ...]]:
    """Iterate over the elements with text, as the tags from below the filter down to each."""
    if subtree is None:
        return
    for element in subtree.iter():
        if element.text is not None and element.text.strip():
            above = [element, *element.iterancestors()]
            yield tuple([str(each.tag) for each in reversed(above[: above.index(subtree)])])


def _tags(leaf: SchemaNode) -> tuple[str, ...]:
    return tuple(node.tag for node in lineage(leaf))


def _matched(selected: Roots) -> Iterator[tuple[SchemaNode, tuple[Match, ...]]]:
    """Iterate over the nodes that are matched, from the top down, in the order in which a request names them."""
    for node, alternatives in selected.items():
        for selection in alternatives:
            if selection.matches:
                yield node, selection.matches
            yield from _matched(selection.children)


def _reading(match: Match, filter_: Filter) -> Read | None:
    """Return how a value for a match is read; None for a type of which that takes more than the value."""
    type_ = resolved(match.leaf.type)
    if type_ is None or type_.has_prefixes or isinstance(type_, Identityref):
        return None
    return _literal(type_) if filter_.is_xpath else _text(type_)


def _literal(type_: ValueType) -> Read:
    """XPath compares texts: a literal that is not canonical is equal to no value."""
    if isinstance(type_, String):
        return lambda text: text
    return lambda text: text if type_.is_canonical(text) else None


def _text(type_: ValueType) -> Read:
    def read(text: str) -> str | None:
        try:
            return type_.parse(text.strip(_WHITE_SPACE))
        except InvalidValue:
            return None

    return read
