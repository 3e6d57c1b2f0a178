"""How values become XML elements: tags, text, and the prefixes that a value needs (RFC 7950 section 9).

Invariant: whatever a device or a client put into a value, what comes out is well-formed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import Final

from agent.datastore.schema import SchemaNode
from agent.datastore.values import Enumeration, Integer

_SPECIAL: Final = re.compile("[^\t\n\x20-%'-;=?-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_IN_ATTRIBUTE: Final = MappingProxyType(
    str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})
)
_REFERENCES: Final = MappingProxyType({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})


def escape_text(text: str) -> str:
    r"""Escape the text of an element; what XML cannot carry at all is shown in the notation \x00."""
    if text.isprintable() and "&" not in text and "<" not in text and ">" not in text:  # Nearly always, and fast.
        return text
    return _SPECIAL.sub(_shown, text)


def _shown(special: re.Match[str]) -> str:
    character = special[0]
    return _REFERENCES.get(character) or f"\\x{ord(character):02x}"


def quoted(text: str) -> str:
    """Return the text as the value of an attribute, with its quotes."""
    return f'"{text.translate(_IN_ATTRIBUTE)}"'


def plain(value: object) -> str:
    """Return the canonical text of what a getter gives: text, a number, a truth, or the bits that are set, in order."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):  # Before the question that costs more: most values are text or numbers.
        return str(value)
    return " ".join(value) if isinstance(value, Iterable) else str(value)


def text_of(node: SchemaNode) -> Callable[[Callable[[object], object]], Callable[[object], object]] | None:
    """Return what makes, of the getter of a leaf, one that gives text or a number that can stand between tags.

    None for a leaf whose tags differ with its value. What is absent stays None.
    """
    type_ = node.type
    if type_ is None or type_.has_prefixes:
        return None
    if isinstance(type_, Integer) or (isinstance(type_, Enumeration) and not type_.needs_escape):
        return lambda getter: getter

    def escaping(getter: Callable[[object], object]) -> Callable[[object], object]:
        def get(subject: object) -> str | None:
            value = getter(subject)
            return None if value is None else escape_text(value if type(value) is str else plain(value))

        return get

    return escaping


def tags(node: SchemaNode, parent: SchemaNode | None, attributes: str = "") -> tuple[str, str]:
    """Return the start and end tag of a node; a namespace is declared where it differs from the parent's."""
    same = parent is not None and parent.module.namespace == node.module.namespace
    namespace = "" if same else f" xmlns={quoted(node.module.namespace)}"
    return f"<{node.name}{namespace}{attributes}>", f"</{node.name}>"


def element_of(node: SchemaNode, parent: SchemaNode | None, attributes: str = "") -> Callable[[object], str]:
    """Return what turns one value of a leaf, leaf-list or anydata node into an element with these attributes."""
    start, end = tags(node, parent, attributes)
    type_ = node.type
    if type_ is None or (type_.needs_escape and not type_.has_prefixes):
        return lambda value: f"{start}{escape_text(plain(value))}{end}"
    if not type_.has_prefixes:
        return lambda value: f"{start}{plain(value)}{end}"

    def prefixed(value: object) -> str:
        text, namespaces = type_.render(plain(value))
        bound = "".join(f" xmlns:{prefix}={quoted(namespace)}" for prefix, namespace in namespaces.items())
        return f"{start[:-1]}{bound}>{escape_text(text)}{end}"

    return prefixed
