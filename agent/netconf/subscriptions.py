"""Notifications to those who subscribed (RFC 5277): the live stream NETCONF.

A subscription belongs to its session. Whether a notification is for it, access control and its filter decide; the
session keeps a bounded queue, so a client that does not read holds up nobody and loses what does not fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from agent.datastore.date_and_time import date_and_time
from agent.datastore.markup import plain
from agent.datastore.output import render_notification
from agent.datastore.parts import each
from agent.datastore.registry import Bindings, Output, StateList, Value
from agent.datastore.rendering import Roots
from agent.datastore.schema import SchemaNode
from agent.datastore.selection import Selection
from agent.netconf.messages import BASE_NAMESPACE

NAMESPACE: Final = "urn:ietf:params:xml:ns:netconf:notification:1.0"
STREAM: Final = "NETCONF"
DESCRIPTION: Final = "All notifications of the device."


@dataclass(frozen=True, slots=True)
class Notification:
    """What is told of one event; `at` is device time in microseconds."""

    at: int
    node: SchemaNode
    values: Output

    def render(self) -> str:
        """Return the whole message (RFC 5277 section 4)."""
        event_time = f"<eventTime>{date_and_time(self.at)}</eventTime>"
        content = render_notification(self.node, self.values)
        return f'<notification xmlns="{NAMESPACE}">{event_time}{content}</notification>'


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a client wants to be told; without a filter, everything."""

    stream: str
    filter: Roots | None = None

    def wants(self, notification: Notification) -> bool:
        """Tell whether the filter selects anything of a notification (RFC 5277 section 3.6)."""
        if self.filter is None:
            return True
        return any(_selects(chosen, notification.values) for chosen in self.filter.get(notification.node, ()))


def adopt_filter(operation: etree._Element) -> None:
    """Take a filter in the namespace of RFC 6241 for that of create-subscription: ncclient sends it so."""
    for element in operation.iterchildren(f"{{{BASE_NAMESPACE}}}filter"):
        element.tag = f"{{{NAMESPACE}}}filter"


def _selects(selection: Selection, values: Output) -> bool:
    for match in selection.matches:
        value = values.get(match.leaf.name)
        if value is None or match.value not in [plain(one) for one in each(value)]:
            return False
    if selection.whole or (selection.matches and not selection.children):
        return True
    return any(
        _finds(alternative, values.get(node.name))
        for node, alternatives in selection.children.items()
        for alternative in alternatives
    )


def _finds(selection: Selection, value: Value | Output | Sequence[Output]) -> bool:
    """Tell whether a selection finds anything in a leaf, a container or the entries of a list."""
    if value is None:
        return False
    if isinstance(value, Mapping):
        return _selects(selection, value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return any(_finds(selection, entry) for entry in value)
    return True


STREAMS: Final = Bindings(
    module="nc-notifications",
    states=(
        StateList[object, str](
            "/nc-notifications:netconf/streams/stream",
            lambda server: (STREAM,),
            lambda server, key: STREAM if key == (STREAM,) else None,
            {
                "name": lambda stream: stream,
                "description": lambda stream: DESCRIPTION,
                "replaySupport": lambda stream: False,
                "replayLogCreationTime": lambda stream: None,
                "replayLogAgedTime": lambda stream: None,
            },
        ),
    ),
    deviations=("/nc-notifications:replayComplete", "/nc-notifications:notificationComplete"),
)
