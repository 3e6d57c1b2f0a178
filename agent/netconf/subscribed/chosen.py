"""The filters of subscriptions: given with a subscription, or by the name of one in the configuration.

RFC 8639 section 2.2, RFC 8641 section 3.6. An expression has the prefixes that are in scope where it stands, and the
name of each module as one; in the configuration it has module names only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lxml import etree

from agent.datastore.errors import RpcError
from agent.datastore.rendering import Roots
from agent.datastore.schema import Schema, SchemaNode
from agent.datastore.tree import Anydata, Branch, find
from agent.datastore.xpath import Budget, XPathError, XPathFilter, XPathTooCostly
from agent.netconf.filters import parse_subtree
from agent.netconf.subscribed.refusal import PUSH, SUBSCRIBED
from agent.netconf.subscribed.terms import GivenFilter

FILTERS: Final = f"/{SUBSCRIBED}:filters"


class FilterRefused(Exception):
    """A filter that cannot be used; the message says why."""


def _roots(schema: Schema, *, of_datastore: bool) -> Mapping[str, SchemaNode]:
    return schema.roots if of_datastore else schema.notifications


def subtree_filter(
    schema: Schema, element: etree._Element, budget: Budget, *, of_datastore: bool, name: str | None = None
) -> tuple[GivenFilter, Roots]:
    """Return a subtree filter, given as the children of an element, and what it selects; FilterRefused."""
    content = b"".join(etree.tostring(child, with_tail=False) for child in element.iterchildren(etree.Element))
    alike = b"".join(etree.tostring(child, method="c14n") for child in element.iterchildren(etree.Element))
    try:
        chosen = parse_subtree(_roots(schema, of_datastore=of_datastore), element, budget)
    except RpcError as error:
        raise FilterRefused(error.message) from error
    return GivenFilter(name, Anydata(content), None, ("subtree", alike)), chosen


def xpath_filter(
    schema: Schema,
    text: str,
    namespaces: Mapping[str | None, str],
    budget: Budget,
    *,
    of_datastore: bool,
    shown: str,
    name: str | None = None,
) -> tuple[GivenFilter, XPathFilter]:
    """Return an XPath filter and its expression; FilterRefused. It is `shown` in its canonical form.

    One of a stream may give a value of any type, which stands for true or false (RFC 8639 section 2.2).
    """
    known: dict[str | None, str] = {
        module.name: module.namespace for module in schema.modules.values() if module.name not in namespaces
    }
    scope = {**namespaces, **known}
    try:
        chosen = XPathFilter(
            schema, text, scope, of_notifications=not of_datastore, of_any_type=not of_datastore, budget=budget
        )
    except (XPathError, XPathTooCostly) as error:
        raise FilterRefused(f"XPath {error}") from error
    alike = ("xpath", text, frozenset(namespaces.items()))
    return GivenFilter(name, None, shown, alike), chosen


def configured_filter(
    schema: Schema, running: Branch, name: str, budget: Budget, *, of_datastore: bool
) -> tuple[GivenFilter, Roots | XPathFilter | None] | None:
    """Return a filter of the configuration, None where there is none; FilterRefused for one that cannot be used."""
    filters = find(schema, running, FILTERS)
    list_, prefix = (f"{PUSH}:selection-filter", "datastore") if of_datastore else ("stream-filter", "stream")
    entry = filters.entries(list_).get((name,)) if filters is not None else None
    if entry is None:
        return None
    subtree = entry.children.get(entry.node(f"{_module(of_datastore=of_datastore)}:{prefix}-subtree-filter"))
    xpath = entry.children.get(entry.node(f"{_module(of_datastore=of_datastore)}:{prefix}-xpath-filter"))
    if isinstance(subtree, Anydata):
        element = etree.fromstring(b"<filter>" + subtree.xml + b"</filter>")
        return subtree_filter(schema, element, budget, of_datastore=of_datastore, name=name)
    if isinstance(xpath, str):
        return xpath_filter(schema, xpath, {}, budget, of_datastore=of_datastore, shown=xpath, name=name)
    return GivenFilter(name, content=("everything",)), None


def _module(*, of_datastore: bool) -> str:
    return PUSH if of_datastore else SUBSCRIBED
