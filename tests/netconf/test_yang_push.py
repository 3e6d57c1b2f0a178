"""Subscriptions to datastores (RFC 8641): what can be had, what is told on change, and when."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from agent.netconf.limits import SessionLimits
from agent.netconf.subscribed.delivery import ReceiverLimits
from tests.support.access import nacm, rule
from tests.support.editor import is_ok
from tests.support.market import CUSTOMERS, SHOP, TOTALS, CustomerSeen, Market, Moved, registry, shown
from tests.support.netconf_wire import Wire, error
from tests.support.push import (
    PUSH,
    Mirror,
    datastore,
    edits,
    establish,
    established,
    facts,
    messages,
    modify,
    named,
    names,
    on_change,
    periodic,
    told_edits,
)

CUSTOMER: Final = "/toy:shop/customer"
WRITER: Final = nacm(rule("permit"))


def watching(market: Market, content: str | None = None, user: str = "admin") -> Wire:
    """Return a subscriber to what changes of the customers, or to what is said, that has been told everything."""
    wire = market.connect(user)
    established(wire, content if content is not None else datastore("operational", CUSTOMERS))
    assert [name for name in names(wire) if name != "push-update"] == []
    return wire


def limited(limits: ReceiverLimits) -> Market:
    """Return a shop whose subscribers have limits of their own."""
    market = Market()
    market.server.limits = SessionLimits(receiver=limits)
    return market


# What changes is told.


def test_first_everything_then_what_changes() -> None:
    market = Market()
    market.come(1, "ann")
    wire = market.connect()
    id_ = established(wire, datastore("operational", CUSTOMERS))
    market.come(2, "bob")
    market.come(1, "anna")
    market.go(2)
    sync, *updates = messages(wire)
    assert etree.QName(sync).localname == "push-update"
    assert [sync.findtext("yp:id", None, PUSH)] == [str(id_)]
    contents = sync.find("yp:datastore-contents", PUSH)
    assert contents is not None
    mirror = Mirror(registry().schema)
    mirror.take(sync)
    for update in updates:
        mirror.take(update)
    assert facts(mirror.data, registry()) == {"/shop/customer[1]/number": "1", "/shop/customer[1]/name": "anna"}


def test_each_kind_of_change_is_an_edit_of_the_smallest_node() -> None:
    market = Market()
    wire = watching(market)
    market.come(1, "ann")
    assert told_edits(wire) == [("create", "/toy:shop")]
    market.come(2, "bob")
    assert told_edits(wire) == [("create", f"{CUSTOMER}=2")]
    market.come(2, "rob")
    assert told_edits(wire) == [("replace", f"{CUSTOMER}=2/name")]
    market.come(2, "rob", tea=1)
    assert told_edits(wire) == [("create", f"{CUSTOMER}=2/purchase=tea")]
    market.come(2, "rob")
    assert told_edits(wire) == [("delete", f"{CUSTOMER}=2/purchase=tea")]
    market.go(2)
    assert told_edits(wire) == [("delete", f"{CUSTOMER}=2")]


def test_an_event_that_changed_nothing_is_not_told() -> None:
    market = Market()
    market.come(1)
    wire = watching(market)
    market.server.publish(CustomerSeen(market.world.now, 1))
    market.server.publish(Moved(market.world.now))
    assert names(wire) == []


def test_an_event_that_names_no_entry_may_have_changed_all() -> None:
    market = Market()
    for number in (1, 2, 3):
        market.come(number, "ann")
    wire = watching(market)
    for number in (1, 3):
        market.shop.customers[number] = type(market.shop.customers[number])(number, "zoe", {})
    market.server.publish(Moved(market.world.now))
    assert told_edits(wire) == [("replace", f"{CUSTOMER}={number}/name") for number in (1, 3)]


def test_only_what_was_touched_is_looked_at() -> None:
    market = Market()
    market.shop.welcome(1000)
    wire = watching(market)
    market.shop.visited = 0
    market.shop.looked_up.clear()
    market.come(7, "new")
    assert told_edits(wire) == [("replace", f"{CUSTOMER}=7/name")]
    assert market.shop.visited == 0
    assert market.shop.looked_up == [("7",)]


def test_subscribers_that_see_the_same_cost_one_look() -> None:
    market = Market()
    wires = [watching(market) for _ in range(20)]
    market.shop.looked_up.clear()
    market.come(1)
    assert [told_edits(wire) for wire in wires] == [[("create", "/toy:shop")]] * 20
    assert market.shop.looked_up == [("1",)]


def test_what_no_filter_selects_costs_nothing() -> None:
    market = Market()
    market.shop.welcome(3)
    wire = watching(
        market, datastore("operational", '<shop xmlns="urn:toy"><customer><number>2</number></customer></shop>')
    )
    market.shop.looked_up.clear()
    market.come(1, "other")
    assert names(wire) == []
    assert market.shop.looked_up == []
    market.come(2, "other")
    assert told_edits(wire) == [("replace", f"{CUSTOMER}=2/name")]


def test_a_change_of_what_a_filter_asks_brings_entries_in_and_out() -> None:
    market = Market()
    market.shop.welcome(2)
    wire = watching(
        market,
        datastore("operational", xpath="/toy:shop/toy:customer[toy:name='vip']"),
    )
    market.come(1, "vip")
    assert told_edits(wire) == [("create", "/toy:shop")]
    market.come(2, "vip")
    assert told_edits(wire) == [("create", f"{CUSTOMER}=2")]
    market.come(1, "nobody")
    assert told_edits(wire) == [("delete", f"{CUSTOMER}=1")]


def test_what_changes_without_an_event_is_neither_sent_nor_told() -> None:
    market = Market()
    market.come(1, "ann", tea=3)
    market.shop.sold = 5
    wire = market.connect()
    established(wire, datastore("operational", SHOP))
    (sync,) = messages(wire)
    assert "tea" in etree.tostring(sync).decode()
    assert "count" not in etree.tostring(sync).decode()
    assert "sold" not in etree.tostring(sync).decode()
    market.come(1, "ann", tea=4)
    assert names(wire) == []


# The terms.


@pytest.mark.parametrize(
    ("terms", "tag", "app_tag"),
    [
        (datastore("operational", TOTALS), "operation-not-supported", "ietf-yang-push:on-change-unsupported"),
        (datastore("candidate", SHOP), "operation-not-supported", "ietf-yang-push:on-change-unsupported"),
        (datastore("operational", "<none/>"), "operation-failed", "ietf-yang-push:unchanging-selection"),
        (datastore("running", CUSTOMERS), "operation-failed", "ietf-yang-push:unchanging-selection"),
        (
            datastore("operational", xpath="/toy:shop/toy:customer[starts-with(toy:name, 'a')]"),
            "invalid-value",
            "ietf-subscribed-notifications:filter-unsupported",
        ),
        (
            datastore("operational", xpath="/toy:shop/toy:customer[toy:purchase/toy:count = 1]"),
            "invalid-value",
            "ietf-subscribed-notifications:filter-unsupported",
        ),
        (
            datastore("operational", xpath="/toy:shop["),
            "invalid-value",
            "ietf-subscribed-notifications:filter-unsupported",
        ),
        (datastore("dynamic", SHOP), "invalid-value", "ietf-yang-push:datastore-not-subscribable"),
        (datastore("nonsense", SHOP), "invalid-value", ""),
        (datastore("operational", SHOP, trigger=""), "missing-element", ""),
    ],
)
def test_what_cannot_be_had_is_refused_and_leaves_nothing_behind(terms: str, tag: str, app_tag: str) -> None:
    market = Market()
    refused = error(market.connect().rpc(establish(terms)))
    assert refused["error-tag"] == tag
    assert refused.get("error-app-tag", "") == app_tag
    assert market.server.publisher.subscriptions == {}


def test_a_filter_that_depends_on_what_is_not_told_of_says_so_in_a_hint() -> None:
    market = Market()
    reply = market.connect().rpc(
        establish(datastore("operational", '<shop xmlns="urn:toy"><totals><sold>1</sold></totals></shop>'))
    )
    hints = "yp:establish-subscription-datastore-error-info/yp:filter-failure-hint"
    assert error(reply)["error-app-tag"] == "ietf-subscribed-notifications:filter-unsupported"
    assert "/toy:shop/totals/sold" in reply.findtext(f".//{hints}", "", PUSH)


def test_a_selection_that_is_too_much_is_refused_with_its_size() -> None:
    market = limited(ReceiverLimits(selection_characters=20_480))
    market.shop.welcome(2000)
    reply = market.connect().rpc(establish(datastore("operational", CUSTOMERS)))
    assert error(reply)["error-tag"] == "too-big"
    assert error(reply)["error-app-tag"] == "ietf-yang-push:sync-too-big"
    hints = ".//yp:establish-subscription-datastore-error-info/yp:kilobytes-"
    assert reply.findtext(f"{hints}limit", None, PUSH) == "20"
    assert int(reply.findtext(f"{hints}estimate", "0", PUSH)) > 20
    assert dict(market.server.exceeded_limits) == {"selection-characters": 1}
    assert market.server.publisher.subscriptions == {}


def test_without_a_sync_there_are_only_changes() -> None:
    market = Market()
    market.come(1)
    wire = market.connect()
    id_ = established(
        wire, datastore("operational", CUSTOMERS, on_change("<yp:sync-on-start>false</yp:sync-on-start>"))
    )
    market.come(1, "anna")
    assert told_edits(wire) == [("replace", f"{CUSTOMER}=1/name")]
    refused = error(wire.rpc(named("resync", id_)))
    assert refused["error-app-tag"] == "ietf-yang-push:on-change-sync-unsupported"


def test_excluded_changes_are_not_told() -> None:
    market = Market()
    market.come(1)
    excluded = "<yp:excluded-change>replace</yp:excluded-change><yp:excluded-change>delete</yp:excluded-change>"
    wire = watching(market, datastore("operational", CUSTOMERS, on_change(excluded)))
    market.come(1, "anna")
    market.go(1)
    assert names(wire) == []
    market.come(2)
    assert told_edits(wire) == [("create", f"{CUSTOMER}=2")]


def test_one_excludes_and_another_does_not_though_they_see_the_same() -> None:
    market = Market()
    market.come(1)
    excluding = datastore("operational", CUSTOMERS, on_change("<yp:excluded-change>replace</yp:excluded-change>"))
    wires = watching(market, excluding), watching(market)
    market.come(1, "anna")
    assert [told_edits(wire) for wire in wires] == [[], [("replace", f"{CUSTOMER}=1/name")]]


def test_dampening_keeps_updates_apart_in_management_time() -> None:
    market = Market()
    market.come(1, "a")
    wire = watching(
        market,
        datastore("operational", CUSTOMERS, on_change("<yp:dampening-period>200</yp:dampening-period>")),
    )
    market.come(1, "b")
    assert told_edits(wire) == [("replace", f"{CUSTOMER}=1/name")]
    market.come(1, "c")
    market.come(1, "d")
    market.live(3600)
    assert names(wire) == []
    assert market.server.next_deadline() == 2.0
    market.pass_time(1.9)
    assert names(wire) == []
    market.pass_time(0.1)
    (update,) = messages(wire)
    assert edits(update) == [("replace", f"{CUSTOMER}=1/name")]
    assert "<name>d</name>" in etree.tostring(update).decode().replace(' xmlns="urn:toy"', "")
    assert market.server.next_deadline() is None


def test_what_came_and_went_within_a_dampening_period_is_not_told() -> None:
    market = Market()
    market.come(1, "a")
    wire = watching(
        market,
        datastore("operational", CUSTOMERS, on_change("<yp:dampening-period>200</yp:dampening-period>")),
    )
    market.come(1, "b")
    assert len(told_edits(wire)) == 1
    market.come(2)
    market.go(2)
    market.pass_time(2)
    assert names(wire) == []


def test_the_terms_are_shown() -> None:
    market = Market()
    wire = market.connect()
    trigger = on_change("<yp:dampening-period>50</yp:dampening-period><yp:excluded-change>move</yp:excluded-change>")
    id_ = established(wire, datastore("operational", SHOP, trigger))
    names(wire)
    leaves = shown(wire, id_)
    assert leaves["datastore"] == "ds:operational"
    assert (leaves["dampening-period"], leaves["sync-on-start"], leaves["excluded-change"]) == ("50", "true", "move")


# Modified, sent anew, ended.


def test_another_filter_is_told_and_then_everything_that_it_selects() -> None:
    market = Market()
    market.shop.welcome(2)
    wire = market.connect()
    one = '<shop xmlns="urn:toy"><customer><number>1</number></customer></shop>'
    id_ = established(wire, datastore("operational", one))
    names(wire)
    assert is_ok(wire.rpc(modify(id_, datastore("operational", one.replace("1", "2"), ""))))
    modified, sync = messages(wire)
    assert etree.QName(modified).localname == "subscription-modified"
    assert "customer 2" in etree.tostring(sync).decode()
    market.come(1, "x")
    assert names(wire) == []
    market.come(2, "y")
    assert len(told_edits(wire)) == 1


@pytest.mark.parametrize("terms", [datastore("running", SHOP, ""), datastore("operational", SHOP, periodic(100))])
def test_datastore_and_trigger_stay_what_they_are(terms: str) -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, datastore("operational", SHOP))
    names(wire)
    assert error(wire.rpc(modify(id_, terms)))["error-tag"] == "invalid-value"
    assert names(wire) == []


def test_a_resync_sends_everything_and_counts_patches_anew() -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, datastore("operational", CUSTOMERS))
    mirror = Mirror(registry().schema)
    for number in (1, 2, 3):
        market.come(number)
        mirror.follow(wire)
    assert mirror.patches == [0, 1, 2]
    assert is_ok(wire.rpc(named("resync", id_)))
    assert mirror.follow(wire) == 1
    assert mirror.patches == []
    assert len(mirror.data[0]) == 3
    market.come(4)
    mirror.follow(wire)
    assert mirror.patches == [0]
    assert len(mirror.data[0]) == 4


def test_what_is_not_ones_own_or_not_on_change_cannot_be_sent_anew() -> None:
    market = Market(nacm(rule("permit"), users=("ann", "bob")))
    ann, bob = market.connect("ann"), market.connect("bob")
    id_ = established(ann, datastore("operational", CUSTOMERS))
    assert error(bob.rpc(named("resync", id_)))["error-app-tag"] == "ietf-yang-push:no-such-subscription-resync"
    stream = established(bob, "<stream>NETCONF</stream>")
    assert error(bob.rpc(named("resync", stream)))["error-app-tag"] == "ietf-yang-push:on-change-sync-unsupported"


def test_nobody_is_watched_for_when_the_last_has_gone() -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, datastore("operational", CUSTOMERS))
    names(wire)
    assert is_ok(wire.rpc(named("delete", id_)))
    market.shop.looked_up.clear()
    market.come(1)
    assert names(wire) == []
    assert market.shop.looked_up == []


def test_a_stop_time_that_comes_before_everything_was_sent_ends_it_without_a_word() -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, datastore("operational", CUSTOMERS) + "<stop-time>2003-03-10T12:01:00Z</stop-time>")
    names(wire)
    market.server.publisher.subscriptions[id_].synchronize()  # type: ignore[attr-defined]
    market.live(60)
    assert names(wire) == []
    assert market.server.sessions[1].session.waiting_notifications == 0


def test_what_changed_before_the_stop_time_is_still_told() -> None:
    market = Market()
    stop = "<stop-time>2003-03-10T12:01:00Z</stop-time>"
    wire = watching(market, datastore("operational", CUSTOMERS) + stop)
    market.come(1)
    market.live(60)
    market.come(2)
    assert told_edits(wire) == [("create", "/toy:shop")]


# Who does not read.


def test_what_changes_while_nobody_reads_is_one_update_in_its_order() -> None:
    market = Market()
    market.come(1, "a")
    wire = watching(market)
    for name in "bcd":
        market.come(1, name)
        assert market.server.publisher.watches.settle() == market.world.now
    market.go(1)
    (update,) = messages(wire)
    assert edits(update) == [*[("replace", f"{CUSTOMER}=1/name")] * 3, ("delete", f"{CUSTOMER}=1")]


def test_too_much_for_a_slow_reader_is_sent_anew_as_a_whole() -> None:
    market = limited(ReceiverLimits(changes_characters=1000))
    wire = market.connect()
    id_ = established(wire, datastore("operational", CUSTOMERS))
    mirror = Mirror(registry().schema)
    mirror.follow(wire)
    for number in range(1, 50):
        market.come(number)
        market.server.settle()
    assert shown(market.connect(), id_)["state"] == "suspended"
    received = list(messages(wire))
    assert [etree.QName(content).localname for content in received] == [
        "subscription-suspended",
        "subscription-resumed",
        "push-update",
    ]
    mirror.take(received[-1])
    assert len(mirror.data[0]) == 49
    market.go(1)
    mirror.follow(wire)
    assert len(mirror.data[0]) == 48
    assert shown(market.connect(), id_)["state"] == "active"


def test_where_nothing_may_be_sent_as_a_whole_the_next_update_says_that_something_is_missing() -> None:
    market = limited(ReceiverLimits(changes_characters=1000))
    wire = watching(
        market, datastore("operational", CUSTOMERS, on_change("<yp:sync-on-start>false</yp:sync-on-start>"))
    )
    for number in range(1, 50):
        market.come(number)
        market.server.settle()
    assert names(wire) == ["subscription-suspended", "subscription-resumed"]
    market.go(1)
    market.go(2)
    first = list(messages(wire))
    assert [content.find("yp:incomplete-update", PUSH) is not None for content in first] == [True]
    market.go(3)
    (second,) = messages(wire)
    assert second.find("yp:incomplete-update", PUSH) is None
