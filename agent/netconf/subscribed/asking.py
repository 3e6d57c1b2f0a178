"""The input of establish-subscription and modify-subscription as terms; what cannot be had is refused with hints.

RFC 8639 sections 2.4.2 and 2.4.3, RFC 8641 sections 4.4.1 and 4.4.2.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from agent.datastore import errors
from agent.datastore.date_and_time import microseconds
from agent.datastore.errors import ErrorType, RpcError, input_path
from agent.datastore.patch import Operation
from agent.datastore.rendering import Roots
from agent.datastore.tree import Branch
from agent.datastore.xpath import XPathFilter
from agent.netconf.request import Request
from agent.netconf.subscribed.chosen import FilterRefused, configured_filter, subtree_filter, xpath_filter
from agent.netconf.subscribed.refusal import NAMESPACE, PUSH_NAMESPACE, SUBSCRIBED, Refusal, hints, refused
from agent.netconf.subscribed.terms import (
    NO_FILTER,
    GivenFilter,
    OnChange,
    Periodic,
    PushTerms,
    StreamTerms,
    Terms,
)
from agent.netconf.subscriptions import STREAM

MINIMUM_PERIOD: Final = 10
"""Centiseconds between the updates of a periodic subscription, at least."""
ENCODE_XML: Final = f"{SUBSCRIBED}:encode-xml"


class TermsReader:
    """Reads the input of one request."""

    def __init__(self, request: Request) -> None:
        """Read what a client has sent."""
        self._request = request
        self._schema = request.host.registry.schema

    def established(self) -> Terms:
        """Return the terms of a new subscription; RpcError."""
        encoding = self._given("encoding")
        if encoding not in (None, ENCODE_XML):
            raise refused(Refusal.ENCODING_UNSUPPORTED, "notifications are encoded as XML", self._path("encoding"))
        datastore = self._given("datastore")
        if datastore is not None:
            return self._push(datastore)
        return self._stream()

    def modified(self, before: Terms) -> Terms:
        """Return the terms of a subscription with those parts replaced that are given; RpcError."""
        given, chosen = self._filter(of_datastore=isinstance(before, PushTerms))
        if given is NO_FILTER:
            given, chosen = before.given, before.filter
        stop_at = self._stop_time(self._request.host.now) or before.stop_at
        if isinstance(before, StreamTerms):
            return StreamTerms(before.stream, given, chosen, before.start_at, stop_at)
        if self._given("datastore") not in (None, before.datastore):
            raise self._invalid("datastore", "the datastore of a subscription cannot be changed")
        return PushTerms(before.datastore, given, chosen, self._trigger(before.trigger), stop_at)

    # Streams

    def _stream(self) -> StreamTerms:
        stream = self._given("stream")
        if stream is None:
            raise errors.missing_element("stream", "a subscription is to a stream or to a datastore")
        if stream != STREAM:
            raise self._invalid("stream", f"there is no stream {stream!r}")
        given, chosen = self._filter(of_datastore=False)
        now = self._request.host.now
        start_at = self._time("replay-start-time")
        if start_at is not None and start_at >= now:
            raise self._invalid("replay-start-time", "a replay begins in the past")
        return StreamTerms(stream, given, chosen, start_at, self._stop_time(now if start_at is None else start_at))

    def _stop_time(self, after: int) -> int | None:
        stop_at = self._time("stop-time")
        if stop_at is not None and stop_at <= after:
            raise self._invalid("stop-time", "a subscription ends later than it begins")
        return stop_at

    # Datastores

    def _push(self, datastore: str) -> PushTerms:
        trigger = self._trigger(None)
        given, chosen = self._filter(of_datastore=True)
        return PushTerms(datastore, given, chosen, trigger, self._stop_time(self._request.host.now))

    def _trigger(self, before: Periodic | OnChange | None) -> Periodic | OnChange:
        """Return when updates are sent; one kind of trigger cannot become the other."""
        periodic, on_change = (self._container(name) for name in ("periodic", "on-change"))
        if periodic is not None and not isinstance(before, OnChange):
            return self._periodic(periodic, before)
        if on_change is not None and not isinstance(before, Periodic):
            return self._on_change(on_change, before)
        if before is None:
            raise errors.missing_element("periodic", "an update is periodic or on-change")
        if periodic is not None or on_change is not None:
            name = "periodic" if periodic is not None else "on-change"
            raise self._invalid(name, "what triggers the updates of a subscription cannot be changed")
        return before

    def _periodic(self, container: Branch, before: Periodic | None) -> Periodic:
        period, anchor = int(str(container.leaf("period"))), container.leaf("anchor-time")
        if period < MINIMUM_PERIOD:
            hint = hints(self._request.rpc, of_datastore=True, period_hint=MINIMUM_PERIOD)
            raise refused(Refusal.PERIOD_UNSUPPORTED, f"a period has {MINIMUM_PERIOD} centiseconds or more", info=hint)
        kept = before.anchor_at if before is not None else None
        return Periodic(period, kept if anchor is None else microseconds(anchor))

    def _on_change(self, container: Branch, before: OnChange | None) -> OnChange:
        period = int(container.leaf("dampening-period") or 0)
        if before is not None:
            return OnChange(period, before.sync_on_start, before.excluded)
        excluded = frozenset(map(Operation, container.leaf_list("excluded-change")))
        return OnChange(period, container.leaf("sync-on-start") == "true", excluded)

    def _container(self, name: str) -> Branch | None:
        found = [item for node, item in self._request.input.children.items() if node.name == name]
        return found[0] if found and isinstance(found[0], Branch) else None

    # Filters

    def _filter(self, *, of_datastore: bool) -> tuple[GivenFilter, Roots | XPathFilter | None]:
        """Return the filter as it is given, and what it selects."""
        prefix, name = ("datastore", "selection-filter-ref") if of_datastore else ("stream", "stream-filter-name")
        reference = self._given(name)
        subtree, xpath = (self._element(f"{prefix}-{kind}-filter") for kind in ("subtree", "xpath"))
        try:
            if reference is not None:
                return self._named(reference, name, of_datastore=of_datastore)
            budget = self._request.host.xpath_budget
            if subtree is not None:
                return subtree_filter(self._schema, subtree, budget, of_datastore=of_datastore)
            if xpath is not None:
                text, shown = xpath.text or "", self._given(f"{prefix}-xpath-filter") or ""
                return xpath_filter(self._schema, text, xpath.nsmap, budget, of_datastore=of_datastore, shown=shown)
        except FilterRefused as error:
            raise self._filter_refused(str(error), of_datastore=of_datastore) from error
        return NO_FILTER, None

    def _named(
        self, reference: str, name: str, *, of_datastore: bool
    ) -> tuple[GivenFilter, Roots | XPathFilter | None]:
        host = self._request.host
        found = configured_filter(
            self._schema, host.stores.running, reference, host.xpath_budget, of_datastore=of_datastore
        )
        if found is None:
            message = f"there is no filter {reference!r}"
            path = self._path(name)
            raise RpcError(ErrorType.APPLICATION, "data-missing", message, app_tag="instance-required", path=path)
        return found

    def _filter_refused(self, message: str, *, of_datastore: bool) -> RpcError:
        hint = hints(self._request.rpc, of_datastore=of_datastore, filter_failure_hint=message)
        return refused(Refusal.FILTER_UNSUPPORTED, message, info=hint)

    # The input

    def _given(self, name: str) -> str | None:
        return self._request.given(name)

    def _element(self, name: str) -> etree._Element | None:
        found = (self._request.element.find(f"{{{space}}}{name}") for space in (NAMESPACE, PUSH_NAMESPACE))
        return next((element for element in found if element is not None), None)

    def _time(self, name: str) -> int | None:
        given = self._given(name)
        return None if given is None else microseconds(given)

    def _path(self, name: str) -> errors.InstancePath:
        for node in self._request.input.children:
            if node.name == name:
                return input_path(self._request.input, f"{node.module.name}:{name}")
        return ()

    def _invalid(self, name: str, message: str) -> RpcError:
        return errors.invalid_value(message, path=self._path(name))
