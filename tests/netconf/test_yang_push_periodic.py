"""Periodic subscriptions to datastores (RFC 8641): everything, every so often, in management time."""

from __future__ import annotations

from typing import Final

import pytest

from agent.core.world import SECOND
from agent.datastore.date_and_time import date_and_time
from tests.support.access import nacm, path, rule
from tests.support.editor import is_ok
from tests.support.market import CUSTOMERS, SHOP, TOTALS, Market, edit, shown
from tests.support.netconf_wire import Wire, error
from tests.support.push import PUSH, datastore, establish, established, messages, modify, named, names, periodic
from tests.support.shop import STARTED_AT

SECOND_BY_SECOND: Final = datastore("operational", TOTALS, periodic(100))


def sold(wire: Wire) -> list[str | None]:
    """Return how much was sold according to the updates that are there."""
    return [content.findtext(".//toy:sold", None, PUSH) for content in messages(wire)]


def test_everything_is_sent_at_once_and_then_every_period() -> None:
    market = Market()
    wire = market.connect()
    established(wire, SECOND_BY_SECOND)
    assert sold(wire) == ["0"]
    market.shop.sold = 7
    assert market.server.next_deadline() == 1.0
    market.pass_time(0.9)
    assert sold(wire) == []
    market.pass_time(0.1)
    assert sold(wire) == ["7"]
    market.pass_time(1)
    assert sold(wire) == ["7"], "whether or not anything has changed"


def test_a_period_is_of_management_time() -> None:
    market = Market()
    wire = market.connect()
    established(wire, SECOND_BY_SECOND)
    names(wire)
    market.live(3600)
    assert names(wire) == []


def test_an_anchor_says_when_a_period_begins() -> None:
    market = Market()
    wire = market.connect()
    anchor = date_and_time(STARTED_AT - 7 * 10 * SECOND + 3 * SECOND)
    established(wire, datastore("operational", TOTALS, periodic(1000, anchor)))
    assert names(wire) == []
    assert market.server.next_deadline() == 3.0
    market.pass_time(3)
    assert names(wire) == ["push-update"]
    assert market.server.next_deadline() == 13.0


def test_each_subscription_has_its_own_period() -> None:
    market = Market()
    wire = market.connect()
    ids, told = [], []
    for period in (100, 250):
        ids.append(established(wire, datastore("operational", TOTALS, periodic(period))))
        names(wire)
    for _ in range(20):
        market.pass_time(0.25)
        told += [int(content.findtext("yp:id", "", PUSH)) for content in messages(wire)]
    assert [told.count(id_) for id_ in ids] == [5, 2]


@pytest.mark.parametrize("name", ["running", "candidate", "startup", "intended", "operational"])
def test_every_datastore_can_be_had(name: str) -> None:
    market = Market('<shop xmlns="urn:toy"><name>corner</name></shop>')
    wire = market.connect()
    established(wire, datastore(name, SHOP, periodic(100)))
    (content,) = messages(wire)
    shops = content.findall("yp:datastore-contents/toy:shop", PUSH)
    assert len(shops) == (0 if name == "startup" else 1)


def test_a_candidate_that_is_being_edited_shows_in_the_next_update() -> None:
    market = Market(nacm(rule("permit")))
    wire = market.connect("ann")
    established(wire, datastore("candidate", SHOP, periodic(100)))
    names(wire)
    assert is_ok(market.connect("ann").rpc(edit("<name>next</name>", "candidate")))
    assert names(wire) == []
    market.pass_time(1)
    (content,) = messages(wire)
    assert content.findtext(".//toy:name", None, PUSH) == "next"


def test_an_expression_is_evaluated_for_each_update() -> None:
    market = Market()
    market.shop.welcome(3)
    wire = market.connect()
    chosen = datastore(
        "operational", trigger=periodic(100), xpath="/toy:shop/toy:customer[starts-with(toy:name, 'vip')]"
    )
    established(wire, chosen)
    (content,) = messages(wire)
    assert content.findall(".//toy:customer", PUSH) == []
    market.come(2, "vip 2")
    market.pass_time(1)
    (content,) = messages(wire)
    assert [each.text for each in content.iterfind(".//toy:number", PUSH)] == ["2"]


def test_what_the_receiver_may_not_read_is_not_sent_from_the_moment_it_may_not() -> None:
    market = Market(nacm(rule("permit")))
    market.come(1, "ann")
    wire = market.connect("ann")
    established(wire, datastore("operational", CUSTOMERS, periodic(100)))
    (content,) = messages(wire)
    assert content.find(".//toy:customer/toy:name", PUSH) is not None
    market.configure(nacm(rule("deny", path("/toy:shop/toy:customer/toy:name")), rule("permit")))
    market.pass_time(1)
    (content,) = messages(wire)
    assert content.find(".//toy:customer/toy:number", PUSH) is not None
    assert content.find(".//toy:customer/toy:name", PUSH) is None


@pytest.mark.parametrize("period", [0, 9])
def test_too_short_a_period_is_refused_with_one_that_is_not(period: int) -> None:
    market = Market()
    reply = market.connect().rpc(establish(datastore("operational", TOTALS, periodic(period))))
    assert error(reply)["error-tag"] == "invalid-value"
    assert error(reply)["error-app-tag"] == "ietf-yang-push:period-unsupported"
    assert reply.findtext(".//yp:establish-subscription-datastore-error-info/yp:period-hint", None, PUSH) == "10"
    assert market.server.publisher.subscriptions == {}
    assert market.server.next_deadline() is None


def test_another_period_begins_when_it_is_set() -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, SECOND_BY_SECOND)
    names(wire)
    assert is_ok(wire.rpc(modify(id_, datastore("operational", None, periodic(500)))))
    assert names(wire) == ["subscription-modified", "push-update"]
    market.pass_time(4.9)
    assert names(wire) == []
    market.pass_time(0.1)
    assert names(wire) == ["push-update"]
    assert shown(wire, id_)["period"] == "500"


def test_too_short_a_period_changes_nothing() -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, SECOND_BY_SECOND)
    names(wire)
    refused = error(wire.rpc(modify(id_, datastore("operational", None, periodic(1)))))
    assert refused["error-app-tag"] == "ietf-yang-push:period-unsupported"
    assert "modify-subscription-datastore-error-info" in refused
    assert shown(wire, id_)["period"] == "100"


def test_nothing_is_sent_after_the_end() -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, SECOND_BY_SECOND)
    names(wire)
    assert is_ok(wire.rpc(named("delete", id_)))
    market.pass_time(5)
    assert names(wire) == []
    assert market.server.next_deadline() is None


def test_updates_that_a_slow_reader_misses_are_counted_and_do_not_pile_up() -> None:
    market = Market()
    wire = market.connect()
    established(wire, SECOND_BY_SECOND)
    names(wire)
    for _ in range(10):
        market.shop.sold += 1
        market.pass_time(1)
    assert sold(wire) == ["10"], "the one that waited says what is now"
    assert market.server.sessions[1].session.counters.dropped_notifications == 9


def test_a_server_that_was_late_does_not_send_several_at_once() -> None:
    market = Market()
    wire = market.connect()
    established(wire, SECOND_BY_SECOND)
    names(wire)
    market.pass_time(7.5)
    assert names(wire) == ["push-update"]
    assert market.server.next_deadline() == 8.0


def test_an_update_is_sent_in_pieces() -> None:
    market = Market()
    market.shop.welcome(20_000)
    wire = market.connect()
    established(wire, datastore("operational", CUSTOMERS, periodic(100)))
    market.shop.visited = 0
    assert len(wire.session.transmit(1000)) < 200_000
    assert market.shop.visited < 5000
