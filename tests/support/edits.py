"""Edits of a shop's configuration, as short as tests want them."""

from __future__ import annotations

from functools import cache
from xml.sax.saxutils import quoteattr

from lxml import etree

from agent.datastore.edit import BASE, WITH_DEFAULTS, Edited, Operation, edit
from agent.datastore.ordering import YANG
from agent.datastore.parsing import unsealed
from agent.datastore.stores import Stores
from agent.datastore.transaction import Transactions
from agent.datastore.tree import Branch
from tests.support.shop import configuration, toy_registry, toy_schema

PREFIXES = f'xmlns:nc="{BASE}" xmlns:yang="{YANG}" xmlns:wd="{WITH_DEFAULTS}"'
"""The prefixes of the attributes that an edit can have."""


def op(operation: str) -> str:
    """Return the operation attribute, with a space before it."""
    return f' nc:operation="{operation}"'


def insert(where: str, key: str | None = None, value: str | None = None) -> str:
    """Return the attributes that say where an entry is to stand."""
    anchors = {"key": key, "value": value}
    given = "".join(f" yang:{name}={quoteattr(text)}" for name, text in anchors.items() if text is not None)
    return f' yang:insert="{where}"{given}'


def shop(content: str, attributes: str = "") -> str:
    """Return the shop as XML."""
    return f'<shop xmlns="urn:toy"{attributes}>{content}</shop>'


def edited(before: str, content: str, default: Operation = Operation.MERGE) -> Edited:
    """Edit a configuration, both given as top-level elements."""
    document = etree.fromstring(f"<config {PREFIXES}>{content}</config>")
    return edit(toy_schema(), configuration(before), document, default)


@cache
def _transactions() -> Transactions:
    return Transactions(toy_registry(), Stores(lambda: 0), (), unsealed)


def serialized(root: Branch) -> str:
    """Return a configuration as XML: its top-level elements."""
    return _transactions().serialize(root).decode()


def edit_shop(before: str, content: str, default: Operation = Operation.MERGE) -> Edited:
    """Edit the content of a shop by elements in a shop."""
    return edited(shop(before), shop(content), default)


def after(before: str, content: str, default: Operation = Operation.MERGE) -> str:
    """Return the content of a shop after an edit that is all right."""
    result = edit_shop(before, content, default)
    assert [error.message for error in result.errors] == []
    return content_of(result)


def content_of(result: Edited) -> str:
    """Return the content of the shop in the tree that an edit made; anydata without the prefixes of the message."""
    return (
        serialized(result.root)
        .replace(f" {PREFIXES}", "")
        .removeprefix('<shop xmlns="urn:toy">')
        .removesuffix("</shop>")
    )
