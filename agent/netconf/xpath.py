"""XPath filters as the protocol refuses them: what is no filter is invalid-value, what costs too much resource-denied.

RFC 6241 section 8.9, and the parameter of RFC 8526; what an expression selects is the datastore's to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from lxml import etree

from agent.datastore import errors
from agent.datastore.errors import ErrorType
from agent.datastore.rendering import Roots
from agent.datastore.schema import Schema
from agent.datastore.xpath import Budget, Reader, XPathError, XPathFilter, XPathTooCostly
from agent.netconf.messages import BASE_NAMESPACE


@dataclass(frozen=True, slots=True)
class Found:
    """What an expression selects, whether of any data, and the literals that it compares, if that is all it does."""

    roots: Roots
    is_lasting: bool
    literals: tuple[str, ...] | None


def select(schema: Schema, text: str, namespaces: Mapping[str | None, str], read: Reader, budget: Budget) -> Found:
    """Return what an expression selects of the data that `read` renders for its reader; RpcError."""
    with refusing():
        found = XPathFilter(schema, text, namespaces, budget=budget)
        return Found(found.select(read), found.is_exact, found.compared)


def parse_condition(schema: Schema, element: etree._Element, budget: Budget) -> XPathFilter:
    """Return what a filter of type XPath wants of notifications; RpcError."""
    with refusing():
        return XPathFilter(schema, expression_of(element), element.nsmap, of_notifications=True, budget=budget)


def expression_of(element: etree._Element) -> str:
    """Return the expression of a filter element; missing-attribute where there is none."""
    select_ = element.get("select", element.get(f"{{{BASE_NAMESPACE}}}select"))
    if select_ is None:
        message = "a filter of type 'xpath' needs the attribute 'select'"
        raise errors.missing_attribute("select", "filter", message, ErrorType.PROTOCOL)
    return select_


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what is wrong with an expression into the error of the protocol."""
    try:
        yield
    except XPathError as error:
        raise errors.invalid_value(f"XPath {error}", kind=ErrorType.PROTOCOL) from error
    except XPathTooCostly as error:
        raise errors.resource_denied(str(error)) from error
