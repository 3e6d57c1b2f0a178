"""All dynamic subscriptions of one server: how they begin, change and end (RFC 8639 section 2.4).

A subscription belongs to the session that asked for it, and ends with it. There are no configured ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final, Protocol

from agent.datastore.changes import ConfigurationChanged
from agent.datastore.defaults import DefaultsMode
from agent.datastore.notifications import Notification, NotificationLog
from agent.datastore.registry import Caller, Output
from agent.datastore.rendering import Plan, Roots, everything
from agent.datastore.stores import Datastore
from agent.datastore.xpath import Budget, XPathFilter
from agent.netconf.subscribed.chosen import FilterRefused, configured_filter
from agent.netconf.subscribed.delivery import STATE, Receiver, Subscription, Words
from agent.netconf.subscribed.on_change import OnChangeSubscription
from agent.netconf.subscribed.periodic import PeriodicSubscription
from agent.netconf.subscribed.possible import Impossible, require_possible
from agent.netconf.subscribed.refusal import Ended
from agent.netconf.subscribed.stream import StreamSubscription
from agent.netconf.subscribed.terms import GivenFilter, OnChange, PushTerms, StreamTerms, Terms, shown
from agent.netconf.subscribed.watches import OPERATIONAL, Surroundings, Watches, stored
from agent.netconf.subscriptions import Alarm
from agent.netconf.xpath import refusing

WAITING_WORDS: Final = 100
"""How much more may wait for a client that does not read while its filter is configured anew again and again."""


class Publishing(Surroundings, Protocol):
    """What the server knows and can do."""

    @property
    def log(self) -> NotificationLog:
        """The log of the stream."""

    @property
    def xpath_budget(self) -> Budget:
        """What an XPath expression may take now."""

    def is_permitted(self, caller: Caller, notification: Notification) -> bool:
        """Tell whether somebody may be told of something, and count it where not."""

    def plan(self, caller: Caller, roots: Roots, mode: DefaultsMode, *, state: bool) -> Plan:
        """Return the rendering of a selection for a reader."""

    def call_at(self, at: int, callback: Callable[[], object]) -> Alarm:
        """Call back at a device time in microseconds; before this returns, if that is over."""


class Publisher:
    """The dynamic subscriptions of one server by their ids."""

    def __init__(self, around: Publishing) -> None:
        """Begin without any."""
        self.subscriptions: dict[int, Subscription] = {}
        self._around = around
        self._on_rescheduled: Callable[[], None] = lambda: None
        self.watches = Watches(around, lambda: self._on_rescheduled())
        self._last_id = 0
        self._alarms: dict[int, Alarm] = {}
        self._streams: dict[int, StreamSubscription] = {}

    # How they begin

    def require_possible(self, terms: Terms, caller: Caller) -> None:
        """Raise Impossible for terms that cannot be met."""
        if isinstance(terms, PushTerms):
            require_possible(self._around, self.watches, terms, caller, self.selected(terms.filter))

    def establish(self, terms: Terms, receiver: Receiver) -> Subscription:
        """Begin a subscription; what it can be is asked before."""
        self._last_id += 1
        subscription = self._make(self._last_id, terms, receiver)
        self.subscriptions[subscription.id] = subscription
        receiver.add(subscription)
        self._arrange_end(subscription)
        return subscription

    def _make(self, id_: int, terms: Terms, receiver: Receiver) -> Subscription:
        words = Words(id_, self._word)
        if isinstance(terms, StreamTerms):
            stream = self._streams[id_] = StreamSubscription(id_, terms, receiver, words)
            self._replay(stream)
            return stream
        if isinstance(terms.trigger, OnChange):
            on_change = OnChangeSubscription(id_, terms, receiver, words, self.watches.settle)
            self._watch(on_change, terms)
            return on_change
        periodic = PeriodicSubscription(id_, terms, receiver, words, lambda: self._around.now, self._render)
        periodic.schedule(self._around.management_now())
        self._on_rescheduled()
        return periodic

    def _replay(self, stream: StreamSubscription) -> None:
        start_at, around = stream.terms.start_at, self._around
        if start_at is not None:
            logged = around.log.between(start_at, stream.terms.stop_at)
            stream.replay(logged, lambda each: around.is_permitted(stream.receiver.caller, each))

    def _watch(self, on_change: OnChangeSubscription, terms: PushTerms) -> None:
        self.watches.join(on_change, terms, self.selected(terms.filter))
        if on_change.trigger.sync_on_start:
            on_change.synchronize()

    def selected(self, chosen: Roots | XPathFilter | None) -> Roots:
        """Return what a filter selects for which no look at the data is needed."""
        if chosen is None:
            return everything(self._around.registry)
        return chosen.select(lambda roots: iter(())) if isinstance(chosen, XPathFilter) else chosen

    def _word(self, name: str, values: Output) -> Notification:
        return Notification.of(self._around.now, self._around.registry.schema.node(f"{STATE}{name}"), values)

    # How they change

    def modify(self, subscription: Subscription, terms: Terms) -> None:
        """Have a subscription go on under other terms, of the same kind."""
        word = self._word("subscription-modified", {"id": subscription.id, **shown(terms)})
        if isinstance(subscription, StreamSubscription) and isinstance(terms, StreamTerms):
            subscription.modify(terms, word)
        elif isinstance(subscription, PeriodicSubscription) and isinstance(terms, PushTerms):
            subscription.modify(terms, word)
            subscription.schedule(self._around.management_now())
            self._on_rescheduled()
        elif isinstance(subscription, OnChangeSubscription) and isinstance(terms, PushTerms):
            self.watches.leave(subscription)
            subscription.modify(terms, word)
            self._watch(subscription, terms)
        self._arrange_end(subscription)

    def _adapt_to_filters(self) -> None:
        """Have subscriptions go on with filters that are configured otherwise now, and end without them."""
        schema, running = self._around.registry.schema, self._around.stores.running
        for subscription in [each for each in self.subscriptions.values() if each.terms.given.name is not None]:
            terms, name = subscription.terms, str(subscription.terms.given.name)
            try:
                budget, of_datastore = self._around.xpath_budget, isinstance(terms, PushTerms)
                found = configured_filter(schema, running, name, budget, of_datastore=of_datastore)
            except FilterRefused:
                found = None
            if found is None:
                self.terminate(subscription, Ended.FILTER_UNAVAILABLE)
            elif found[0].content != terms.given.content:
                self._adapt(subscription, *found)

    def _adapt(self, subscription: Subscription, given: GivenFilter, chosen: Roots | XPathFilter | None) -> None:
        terms: Terms = replace(subscription.terms, given=given, filter=chosen)
        if subscription.waiting > subscription.receiver.limits.notifications + WAITING_WORDS:
            self.terminate(subscription, Ended.FILTER_UNAVAILABLE)
            return
        try:
            self.require_possible(terms, subscription.receiver.caller)
        except Impossible:
            self.terminate(subscription, Ended.FILTER_UNAVAILABLE)
        else:
            self.modify(subscription, terms)

    # How they end

    def delete(self, subscription: Subscription) -> None:
        """End a subscription; nothing more is sent."""
        self._forget(subscription)
        subscription.receiver.remove(subscription)

    def terminate(self, subscription: Subscription, reason: Ended) -> None:
        """End a subscription with a word to its receiver."""
        self._forget(subscription)
        subscription.receiver.remove(subscription, Words(subscription.id, self._word).terminated(reason))

    def dismiss(self, receiver: Receiver) -> None:
        """End the subscriptions of a session that is about to: what a stream has had to say is still said."""
        for subscription in receiver.subscriptions:
            if isinstance(subscription, StreamSubscription):
                subscription.conclude(Words(subscription.id, self._word).terminated(Ended.STREAM_UNAVAILABLE))
                self._forget(subscription)
            else:
                self.terminate(subscription, Ended.DATASTORE_NOT_SUBSCRIBABLE)

    def _arrange_end(self, subscription: Subscription) -> None:
        if (alarm := self._alarms.pop(subscription.id, None)) is not None:
            alarm.cancel()
        if subscription.terms.stop_at is not None:
            alarm = self._around.call_at(subscription.terms.stop_at, lambda: self._conclude(subscription))
            if not subscription.is_over:  # as a replay of what is over is at once
                self._alarms[subscription.id] = alarm

    def _conclude(self, subscription: Subscription) -> None:
        """End a subscription at its stop time: what waits is still sent."""
        self.watches.settle()
        subscription.is_over = True
        self._forget(subscription)
        subscription.receiver.wake()

    def _forget(self, subscription: Subscription) -> None:
        self.subscriptions.pop(subscription.id, None)
        self._streams.pop(subscription.id, None)
        if (alarm := self._alarms.pop(subscription.id, None)) is not None:
            alarm.cancel()
        if isinstance(subscription, OnChangeSubscription):
            self.watches.leave(subscription)

    # What happens

    def on_event(self, event: object) -> None:
        """Hear of an event, whether or not there is a notification of it."""
        self.watches.on_event(event)
        if isinstance(event, ConfigurationChanged):
            self.watches.on_commit(event)
            if event.datastore is Datastore.RUNNING:
                self._adapt_to_filters()

    def on_notification(self, notification: Notification) -> None:
        """Tell those who subscribed to the stream."""
        for stream in self._streams.values():
            is_permitted = self._around.is_permitted(stream.receiver.caller, notification)
            stream.on_notification(notification, is_permitted=is_permitted)

    def on_access_changed(self) -> None:
        """Hear that other rules decide from now on."""
        self.watches.on_access_changed()

    def settle(self) -> None:
        """Take in what has happened."""
        self.watches.settle()

    def on_session_ended(self, receiver: Receiver) -> None:
        """End the subscriptions of a session that is over."""
        for subscription in receiver.subscriptions:
            self.delete(subscription)

    # Management time

    def next_deadline(self) -> float | None:
        """When `advance` has something to do, in seconds of management time; None for never."""
        periodic = (each.next_at for each in self.subscriptions.values() if isinstance(each, PeriodicSubscription))
        dampened = self.watches.next_deadline()
        return min((*periodic, *(() if dampened is None else (dampened,))), default=None)

    def advance(self, now: float) -> None:
        """Send what is due at a management time in seconds."""
        for subscription in self.subscriptions.values():
            if isinstance(subscription, PeriodicSubscription):
                subscription.advance(now)
        self.watches.advance(now)

    def when_rescheduled(self, listener: Callable[[], None]) -> None:
        """Call `listener` from now on whenever `next_deadline` may be another than before."""
        self._on_rescheduled = listener

    # Periodic updates

    def _render(self, terms: PushTerms, receiver: Receiver) -> Iterator[str]:
        around, caller = self._around, receiver.caller
        is_operational, datastore = terms.datastore == OPERATIONAL, stored(terms.datastore)
        assert datastore is not None
        root = around.stores.root(datastore)
        if is_operational:
            root = around.with_defaults(root)

        mode = DefaultsMode.REPORT_ALL if is_operational else DefaultsMode.EXPLICIT

        def pieces(roots: Roots) -> Iterator[str]:
            plan = around.plan(caller, roots, mode, state=is_operational)
            return plan.pieces(root, around.subjects)

        if isinstance(terms.filter, XPathFilter):
            with refusing():
                return pieces(terms.filter.select(pieces))
        return pieces(self.selected(terms.filter))
