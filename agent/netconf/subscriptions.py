"""Notifications to those who subscribed (RFC 5277): the stream NETCONF, live and from its log.

A subscription belongs to its session. Whether a notification is for it, access control and its filter decide; the
session keeps a bounded queue, so a client that does not read holds up nobody and loses what does not fit. Times are
device time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from lxml import etree

from agent.datastore.date_and_time import date_and_time
from agent.datastore.errors import operation_failed
from agent.datastore.markup import plain
from agent.datastore.notifications import Notification, NotificationLog
from agent.datastore.parts import each
from agent.datastore.registry import Bindings, Caller, Output, StateList, Value
from agent.datastore.rendering import Roots
from agent.datastore.selection import Selection
from agent.datastore.xpath import XPathFilter
from agent.netconf.messages import BASE_NAMESPACE

NAMESPACE: Final = "urn:ietf:params:xml:ns:netconf:notification:1.0"
STREAM: Final = "NETCONF"
LOOKED_AT_IN_A_TURN: Final = 200
"""How many notifications of a log are looked at before other sessions get their turn."""
DESCRIPTION: Final = "All notifications of the device."
REPLAY_COMPLETE: Final = "/nc-notifications:replayComplete"
NOTIFICATION_COMPLETE: Final = "/nc-notifications:notificationComplete"


def render_message(notification: Notification) -> str:
    """Return the whole message of a notification (RFC 5277 section 4)."""
    event_time = f"<eventTime>{date_and_time(notification.at)}</eventTime>"
    return f'<notification xmlns="{NAMESPACE}">{event_time}{notification.content}</notification>'


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a client wants to be told; without a filter, everything.

    From `start_at` on it is told from the log, and nothing after `stop_at`: device time in microseconds, None where
    there is no such limit.
    """

    stream: str
    filter: Roots | XPathFilter | None = None
    start_at: int | None = None
    stop_at: int | None = None

    def wants(self, notification: Notification) -> bool:
        """Tell whether the filter selects anything of a notification that is in time (RFC 5277 section 3.6)."""
        in_time = self.stop_at is None or notification.at <= self.stop_at
        return in_time and selects(self.filter, notification)


def selects(chosen: Roots | XPathFilter | None, notification: Notification) -> bool:
    """Tell whether a filter selects anything of a notification; without one, everything."""
    if chosen is None:
        return True
    if isinstance(chosen, XPathFilter):
        return chosen.holds(notification.content)
    return any(_selects(selection, notification.values) for selection in chosen.get(notification.node, ()))


class Replay:
    """What a subscriber is told of what is logged, and after it the word that this was all."""

    def __init__(
        self,
        logged: Iterable[Notification],
        wants: Callable[[Notification], bool],
        end: Notification,
    ) -> None:
        """Begin with the first; `end` is what comes last, whatever the subscriber `wants` and may be told."""
        self.is_over = False
        self._left = deque(logged)
        self._wants = wants
        self._end = end

    def next(self) -> Notification | None:
        """Return what is told next; None when others should have their turn before the search for it goes on."""
        for _ in range(min(LOOKED_AT_IN_A_TURN, len(self._left))):
            notification = self._left.popleft()
            if self._wants(notification):
                return notification
        if self._left:
            return None
        self.is_over = True
        return self._end


class Alarm(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """See to it that it does not come."""


class Teller(Protocol):
    """What a subscriber needs of the server."""

    def replay(self, caller: Callable[[], Caller], subscription: Subscription) -> Replay | None:
        """Return what is to be told from the log, None for a subscription that does not ask for it."""

    def end_of_subscription(self) -> Notification:
        """Return the word that a subscription has come to its stop time."""

    def call_at(self, at: int, callback: Callable[[], object]) -> Alarm:
        """Call back at a device time in microseconds; before this returns, if that is over."""


class Subscriber:
    """The one subscription of this kind that a session can have, and what waits to be told, which is bounded."""

    def __init__(
        self,
        teller: Teller,
        caller: Callable[[], Caller],
        wake: Callable[[], None],
        drop: Callable[[], None],
        limit: int,
    ) -> None:
        """Begin without one; `drop` counts what a client loses that does not read, beyond a `limit`."""
        self._teller = teller
        self._caller = caller
        self._wake = wake
        self._drop = drop
        self._limit = limit
        self._subscription: Subscription | None = None
        self._replay: Replay | None = None
        self._stop: Alarm | None = None
        self._waiting: deque[Notification] = deque()

    @property
    def is_subscribed(self) -> bool:
        """Whether there is a subscription."""
        return self._subscription is not None

    @property
    def is_replaying(self) -> bool:
        """Whether there is more in the log to be told."""
        return self._replay is not None

    @property
    def waiting(self) -> int:
        """How many notifications wait to be sent."""
        return len(self._waiting)

    def subscribe(self, subscription: Subscription) -> None:
        """Tell of what happens, and first of what the log has; a session has one subscription (section 6.5)."""
        if self._subscription is not None:
            raise operation_failed("this session has a subscription already")
        self._subscription = subscription
        self._replay = self._teller.replay(self._caller, subscription)
        if subscription.stop_at is not None:
            self._stop = self._teller.call_at(subscription.stop_at, self._on_stop)

    def _on_stop(self) -> None:
        """End the subscription; what is still to be told goes before the word that it has ended."""
        self._subscription = self._stop = None
        self._waiting.append(self._teller.end_of_subscription())
        self._wake()

    def notify(self, notification: Notification) -> None:
        """Hear of something that happened; if it is wanted it is told, or dropped where too much waits."""
        if self._subscription is None or not self._subscription.wants(notification):
            return
        if len(self._waiting) >= self._limit:
            self._drop()
            return
        self._waiting.append(notification)
        self._wake()

    def next(self) -> Notification | None:
        """Return what is told next; None while there is nothing, or others are to have their turn before it."""
        if self._replay is None:
            return self._waiting.popleft() if self._waiting else None
        notification = self._replay.next()
        if notification is None:
            self._wake()
        elif self._replay.is_over:
            self._replay = None
        return notification

    def end(self) -> None:
        """Tell nothing any more, and let go of the session, so that it need not be looked for by the collector."""
        self._subscription = self._replay = None
        if self._stop is not None:
            self._stop.cancel()
        self._waiting.clear()
        caller = self._caller()
        self._caller, self._wake, self._drop = lambda: caller, _nothing, _nothing


def _nothing() -> None:
    """Stand for the callbacks of a session that has ended."""


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


class Logging(Protocol):
    """A server with a log."""

    @property
    def log(self) -> NotificationLog:
        """The log of the stream."""


STREAMS: Final = Bindings(
    module="nc-notifications",
    states=(
        StateList[Logging, NotificationLog](
            "/nc-notifications:netconf/streams/stream",
            lambda server: (server.log,),
            lambda server, key: server.log if key == (STREAM,) else None,
            {
                "name": lambda log: STREAM,
                "description": lambda log: DESCRIPTION,
                "replaySupport": lambda log: True,
                "replayLogCreationTime": lambda log: date_and_time(log.created_at),
                "replayLogAgedTime": lambda log: None if log.aged_at is None else date_and_time(log.aged_at),
            },
        ),
    ),
    deviations=(REPLAY_COMPLETE, NOTIFICATION_COMPLETE),
)
