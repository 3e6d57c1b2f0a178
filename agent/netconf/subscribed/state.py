"""Streams, filters and subscriptions as they are shown (RFC 8639 section 2.8, RFC 8641 section 4.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from agent.datastore.date_and_time import date_and_time
from agent.datastore.notifications import NotificationLog
from agent.datastore.registry import Bindings, ConfigBinding, StateContainer, StateList, Value, snapshot
from agent.netconf.subscribed.chosen import FILTERS
from agent.netconf.subscribed.delivery import Subscription
from agent.netconf.subscribed.publisher import Publisher
from agent.netconf.subscribed.refusal import PUSH, SUBSCRIBED
from agent.netconf.subscribed.terms import OnChange, Periodic, PushTerms, shown
from agent.netconf.subscriptions import DESCRIPTION, STREAM

ROOT: Final = f"/{SUBSCRIBED}:"
SUBSCRIPTION: Final = f"{ROOT}subscriptions/subscription"
SUBSCRIBED_LEAVES: Final = (
    "stream",
    "stream-filter-name",
    "stream-subtree-filter",
    "stream-xpath-filter",
    "replay-start-time",
    "stop-time",
    "encoding",
)
PUSH_LEAVES: Final = ("datastore", "selection-filter-ref", "datastore-subtree-filter", "datastore-xpath-filter")


class Serving(Protocol):
    """A server, as far as its subscriptions go."""

    @property
    def log(self) -> NotificationLog:
        """The log of the stream."""

    @property
    def publisher(self) -> Publisher:
        """The subscriptions."""


def _term(name: str) -> Callable[[Subscription], Value]:
    def get(subscription: Subscription) -> Value:
        value = shown(subscription.terms).get(name)
        assert not isinstance(value, Mapping)
        return value  # type: ignore[return-value]

    return get


def _subscription_leaves() -> Mapping[str, Callable[[Subscription], Value]]:
    return {
        "id": lambda subscription: subscription.id,
        **{name: _term(name) for name in SUBSCRIBED_LEAVES},
        **{f"{PUSH}:{name}": _term(name) for name in PUSH_LEAVES},
    }


def _receiver(subscription: Subscription) -> str:
    """Return the name of the one receiver of a subscription: that of the session that asked."""
    return f"session {subscription.receiver.caller.session_id}"


def _periodic(subscription: Subscription) -> Periodic | None:
    terms = subscription.terms
    return terms.trigger if isinstance(terms, PushTerms) and isinstance(terms.trigger, Periodic) else None


def _on_change(subscription: Subscription) -> OnChange | None:
    terms = subscription.terms
    return terms.trigger if isinstance(terms, PushTerms) and isinstance(terms.trigger, OnChange) else None


SUBSCRIPTIONS: Final = Bindings(
    module=SUBSCRIBED,
    configs=(ConfigBinding(FILTERS, lambda branch, unseal: branch),),
    states=(
        StateList[Serving, NotificationLog](
            f"{ROOT}streams/stream",
            lambda server: (server.log,),
            lambda server, key: server.log if key == (STREAM,) else None,
            {
                "name": lambda log: STREAM,
                "description": lambda log: DESCRIPTION,
                "replay-support": lambda log: "",
                "replay-log-creation-time": lambda log: date_and_time(log.created_at),
                "replay-log-aged-time": lambda log: None if log.aged_at is None else date_and_time(log.aged_at),
            },
        ),
        StateList[Serving, Subscription](
            SUBSCRIPTION,
            lambda server: snapshot(server.publisher.subscriptions),
            lambda server, key: server.publisher.subscriptions.get(int(key[0])),
            _subscription_leaves(),
        ),
        StateList[Subscription, Subscription](
            f"{SUBSCRIPTION}/receivers/receiver",
            lambda subscription: (subscription,),
            lambda subscription, key: subscription if key == (_receiver(subscription),) else None,
            {
                "name": _receiver,
                "sent-event-records": lambda subscription: subscription.sent,
                "excluded-event-records": lambda subscription: subscription.excluded,
                "state": lambda subscription: "suspended" if subscription.is_suspended else "active",
            },
        ),
        StateContainer[Subscription, Periodic](
            f"{SUBSCRIPTION}/{PUSH}:periodic",
            _periodic,
            {
                "period": lambda trigger: trigger.period,
                "anchor-time": lambda trigger: None if trigger.anchor_at is None else date_and_time(trigger.anchor_at),
            },
        ),
        StateContainer[Subscription, OnChange](
            f"{SUBSCRIPTION}/{PUSH}:on-change",
            _on_change,
            {
                "dampening-period": lambda trigger: trigger.dampening_period,
                "sync-on-start": lambda trigger: trigger.sync_on_start,
                "excluded-change": lambda trigger: sorted(operation.value for operation in trigger.excluded),
            },
        ),
    ),
    deviations=(
        *(f"{ROOT}{name}-subscription" for name in ("establish", "modify", "delete", "kill")),
        *(f"{ROOT}subscription-{name}" for name in ("modified", "resumed", "suspended", "terminated")),
        f"{ROOT}replay-completed",
    ),
)
"""The operations are the protocol's own, the notifications are for one receiver each: neither has a binding."""
PUSHED: Final = Bindings(
    module=PUSH,
    deviations=tuple(f"/{PUSH}:{name}" for name in ("resync-subscription", "push-update", "push-change-update")),
)
