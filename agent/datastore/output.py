"""The output of RPCs and the content of notifications as XML (RFC 7950 sections 7.14 and 7.16)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agent.datastore.markup import element_of, tags
from agent.datastore.registry import Output, Value
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.tree import Anydata

OK = "<ok/>"


def render_output(output: SchemaNode, values: Output) -> Iterator[str]:
    """Render the output of an RPC below its rpc-reply; <ok/> when there is none (RFC 7950 section 7.14.4)."""
    is_empty = True
    for node in output.children.values():
        if element := _values_of(node, None, values.get(node.name)):
            is_empty = False
            yield element
    if is_empty:
        yield OK


def render_notification(notification: SchemaNode, values: Output) -> str:
    """Render the content of a notification (RFC 5277 section 2.2.1): the element after eventTime."""
    start, end = tags(notification, None)
    return f"{start}{_children_of(notification, values)}{end}"


def _children_of(node: SchemaNode, values: Output) -> str:
    return "".join(_values_of(child, node, values.get(child.name)) for child in node.children.values())


def _values_of(node: SchemaNode, parent: SchemaNode | None, value: Value | Output | Sequence[Output]) -> str:
    """Render one node of an output: a mapping for a container, several for a list, a getter's value for a leaf."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        start, end = tags(node, parent)
        return f"{start}{_children_of(node, value)}{end}"
    if isinstance(value, Anydata):
        start, end = tags(node, parent)
        return f"{start}{value.xml.decode()}{end}"
    if node.kind is Kind.LIST and not isinstance(value, (str, int)):
        return "".join(_values_of(node, parent, entry) for entry in value if isinstance(entry, Mapping))
    element = element_of(node, parent)
    if node.kind is Kind.LEAF_LIST and not isinstance(value, (str, int)):
        return "".join(element(one) for one in value)
    return element(value)
