"""The terms of a subscription: what a client asks for (RFC 8639 section 2.4, RFC 8641 section 4.4).

Times of a stream are device time in microseconds; periods are centiseconds of management time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from agent.datastore.date_and_time import date_and_time
from agent.datastore.patch import Operation
from agent.datastore.registry import Output, Value
from agent.datastore.rendering import Roots
from agent.datastore.tree import Anydata
from agent.datastore.xpath import XPathFilter
from agent.netconf.subscribed.refusal import SUBSCRIBED

CENTISECOND: Final = 0.01
"""Seconds."""


@dataclass(frozen=True, slots=True)
class GivenFilter:
    """A filter as it was given: the name of a configured one, or a subtree, or an expression.

    `content` tells those apart that are not the same, whatever they are called: what watchers of one thing share it by.
    """

    name: str | None
    subtree: Anydata | None = None
    xpath: str | None = None
    content: object = None


NO_FILTER = GivenFilter(None)


@dataclass(frozen=True, slots=True)
class StreamTerms:
    """A subscription to an event stream."""

    stream: str
    given: GivenFilter
    filter: Roots | XPathFilter | None = None
    start_at: int | None = None
    stop_at: int | None = None


@dataclass(frozen=True, slots=True)
class Periodic:
    """Everything, every `period`, at multiples of it before and after `anchor_at` if there is one."""

    period: int
    anchor_at: int | None = None


@dataclass(frozen=True, slots=True)
class OnChange:
    """What has changed, when it has, but not more often than every `dampening_period`; first everything, unless not.

    Changes that are `excluded` are not told of.
    """

    dampening_period: int = 0
    sync_on_start: bool = True
    excluded: frozenset[Operation] = frozenset()


@dataclass(frozen=True, slots=True)
class PushTerms:
    """A subscription to a datastore, named by its identity."""

    datastore: str
    given: GivenFilter
    filter: Roots | XPathFilter | None
    trigger: Periodic | OnChange
    stop_at: int | None = None


Terms = StreamTerms | PushTerms


def shown(terms: Terms) -> Output:
    """Return the terms as the leaves of subscription-policy, for those who ask and for those who are told."""
    common: dict[str, Value | Output] = {
        "stop-time": _time(terms.stop_at),
        "encoding": f"{SUBSCRIBED}:encode-xml",
    }
    given = terms.given
    own = given.name is None
    if isinstance(terms, StreamTerms):
        return {
            **common,
            "stream": terms.stream,
            "stream-filter-name": given.name,
            "stream-subtree-filter": given.subtree if own else None,
            "stream-xpath-filter": given.xpath if own else None,
            "replay-start-time": _time(terms.start_at),
        }
    return {
        **common,
        **_trigger(terms.trigger),
        "datastore": terms.datastore,
        "selection-filter-ref": given.name,
        "datastore-subtree-filter": given.subtree if own else None,
        "datastore-xpath-filter": given.xpath if own else None,
    }


def _trigger(trigger: Periodic | OnChange) -> dict[str, Output]:
    if isinstance(trigger, Periodic):
        return {"periodic": {"period": trigger.period, "anchor-time": _time(trigger.anchor_at)}}
    excluded = [operation.value for operation in Operation if operation in trigger.excluded]
    return {
        "on-change": {
            "dampening-period": trigger.dampening_period,
            "sync-on-start": trigger.sync_on_start,
            "excluded-change": excluded,
        }
    }


def _time(at: int | None) -> str | None:
    return None if at is None else date_and_time(at)
