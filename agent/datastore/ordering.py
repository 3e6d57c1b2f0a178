"""Where an entry of a user-ordered list or leaf-list is to stand (RFC 7950 sections 7.7.9 and 7.8.6)."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from lxml import etree

from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.tree import Key
from agent.datastore.values import InvalidValue

YANG: Final = "urn:ietf:params:xml:ns:yang:1"
INSERT: Final = f"{{{YANG}}}insert"
KEY: Final = f"{{{YANG}}}key"
VALUE: Final = f"{{{YANG}}}value"
_PREDICATE: Final = re.compile(r"""\[\s*(?:([\w.-]+):)?([\w.-]+)\s*=\s*(?:'([^']*)'|"([^"]*)")\s*\]""")

K = TypeVar("K")
V = TypeVar("V")


class Where(Enum):
    """The values of the insert attribute."""

    FIRST = "first"
    LAST = "last"
    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Place:
    """Where to stand: at an end, or beside `anchor`, which is the key of an entry or the value of a leaf-list."""

    where: Where
    anchor: Key | str | None = None


class BadPlace(Exception):
    """A place that cannot be: which attribute is wrong, and how."""

    def __init__(self, message: str, attribute: str, tag: str = "bad-attribute", app_tag: str | None = None) -> None:
        """Keep the error's parts; `attribute` is a local name."""
        super().__init__(message)
        self.attribute = attribute
        self.tag = tag
        self.app_tag = app_tag


def attributes(node: SchemaNode) -> tuple[str, ...]:
    """Return the attributes that say where an instance of a node is to stand; none where the user does not order."""
    if not node.ordered_by_user:
        return ()
    return (INSERT, VALUE if node.kind is Kind.LEAF_LIST else KEY)


def parse_place(node: SchemaNode, element: etree._Element, itself: object, others: Container[object]) -> Place | None:
    """Read the attributes of an entry; None when it has no insert.

    BadPlace for what is no place, and for one beside `itself` or beside none of `others` (RFC 7950 section 15.7).
    """
    given = element.get(INSERT)
    if given is None:
        return None
    try:
        where = Where(given)
    except ValueError as error:
        raise BadPlace(f"insert is first, last, before or after, not {given!r}", "insert") from error
    if where in (Where.FIRST, Where.LAST):
        return Place(where)
    _, attribute = attributes(node)
    name = etree.QName(attribute).localname
    text = element.get(attribute)
    if text is None:
        raise BadPlace(f"insert {given!r} needs the attribute {name!r}", name, "missing-attribute")
    try:
        anchor = _value(node, text, element) if attribute == VALUE else _key(node, text, element)
    except InvalidValue as error:
        raise BadPlace(f"{name}: {error.message}", name) from error
    if anchor not in others or anchor == itself:
        raise BadPlace(f"there is no other {node.name!r} {text!r} to stand beside", name, app_tag="missing-instance")
    return Place(where, anchor)


def _value(node: SchemaNode, text: str, element: etree._Element) -> str:
    if node.type is None:
        raise TypeError(f"{node.path} has no type")
    return node.type.parse(text, element.nsmap)


def _key(node: SchemaNode, text: str, element: etree._Element) -> Key:
    """Read predicates such as [name='x'][unit='0']; every key of the list stands in them."""
    if _PREDICATE.sub("", text).strip():
        raise BadPlace(f"{text!r} is no list of key predicates", "key")
    given = {match[2]: match[3] if match[3] is not None else match[4] for match in _PREDICATE.finditer(text)}
    if given.keys() != {leaf.name for leaf in node.keys}:
        raise BadPlace(f"{text!r} does not name the keys of {node.name!r}", "key")
    return tuple(_value(leaf, given[leaf.name], element) for leaf in node.keys)


def move(ordered: dict[K, V], key: K, place: Place) -> None:
    """Put an entry in its place; what it is to stand beside is there."""
    item = ordered.pop(key)
    beside_last = place.where is Where.AFTER and place.anchor == next(reversed(ordered))
    if place.where is Where.LAST or beside_last:  # The common ones, which a long list takes without being made anew.
        ordered[key] = item
        return
    others = list(ordered.items())
    index = 0
    if place.anchor is not None:
        index = [other == place.anchor for other in ordered].index(True) + (place.where is Where.AFTER)
    ordered.clear()
    ordered.update([*others[:index], (key, item), *others[index:]])
