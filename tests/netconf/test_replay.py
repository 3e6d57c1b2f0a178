"""Notifications told from the log: RFC 5277 sections 2.1.1 and 3.3."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from agent.core.world import SECOND
from agent.datastore.notifications import LogLimits
from agent.netconf.limits import SessionLimits
from agent.netconf.subscribed.delivery import RECEIVER_LIMITS
from agent.netconf.subscriptions import LOOKED_AT_IN_A_TURN
from tests.support.access import nacm, rule
from tests.support.editor import is_ok
from tests.support.netconf_wire import Wire, envelope, error, texts
from tests.support.shop import STARTED_AT, Closed, ShopServer, SoldOut, buy
from tests.support.subscribers import NOTIFICATION, articles, filter_, period, stories, subscribe, subscriber

START: Final = "2003-03-10T12:00:00Z"
"""The time at which the shop opens, and the log begins."""
LONG_AGO: Final = "1980-01-01T00:00:00Z"
STREAMS: Final = '<netconf xmlns="urn:ietf:params:xml:ns:netmod:notification"/>'


def at(seconds: float) -> str:
    """Return a time on the day of the shop, so many seconds after it opened."""
    return f"2003-03-10T12:{int(seconds) // 60:02}:{seconds % 60:09.6f}+00:00"


def sell(server: ShopServer, *sold: str, seconds: float = 1.0) -> None:
    """Let articles be sold out one after the other, each so many seconds after the one before."""
    for article in sold:
        server.world.advance(server.world.now + round(seconds * SECOND))
        server.server.publish(SoldOut(server.world.now, article))


def stocked(*sold: str, limits: LogLimits | None = None) -> ShopServer:
    """Return a shop in which articles have been sold out, one a second, all but noticed by nobody."""
    server = ShopServer(log_limits=limits)
    sell(server, *sold)
    return server


# What is replayed.


def test_what_was_logged_is_told_first_then_that_it_was_all_then_what_happens() -> None:
    """Row F5."""
    server = stocked("tea", "soap")
    wire = subscriber(server, period(START))
    sell(server, "rice")
    assert stories(wire) == ["tea", "soap", "replayComplete", "rice"]


def test_a_notification_is_replayed_as_it_was_told() -> None:
    server = ShopServer()
    live = subscriber(server)
    sell(server, "tea")
    late = subscriber(server, period(START))
    told = [wire.receive() for wire in (live, late)]
    assert all(message is not None for message in told)
    assert len({etree.tostring(message) for message in told if message is not None}) == 1
    assert told[0] is not None
    assert texts(told[0], f"{{{NOTIFICATION}}}eventTime") == ["2003-03-10T12:00:01+00:00"]


@pytest.mark.parametrize(
    ("start", "wanted"),
    [(LONG_AGO, ["tea", "soap", "rice"]), (at(2), ["soap", "rice"]), (at(2.000001), ["rice"]), (at(3), ["rice"])],
)
def test_a_replay_starts_with_the_start_time_or_the_oldest_that_is_kept(start: str, wanted: list[str]) -> None:
    """Row F4."""
    wire = subscriber(stocked("tea", "soap", "rice"), period(start))
    assert stories(wire) == [*wanted, "replayComplete"]


def test_a_time_in_another_zone_is_the_same_time() -> None:
    wire = subscriber(stocked("tea", "soap"), period("2003-03-10T14:00:02.0+02:00"))
    assert stories(wire) == ["soap", "replayComplete"]


def test_a_subscription_without_a_start_time_is_told_nothing_of_the_past() -> None:
    assert stories(subscriber(stocked("tea"))) == []


def test_a_filter_holds_for_what_was_logged_and_not_for_the_word_that_it_was_all() -> None:
    """Row F5."""
    server = stocked("tea", "soap")
    wire = subscriber(
        server, filter_('<sold-out xmlns="urn:toy"><article>soap</article></sold-out>') + period(START, at(60))
    )
    sell(server, "tea", "soap")
    server.world.advance(STARTED_AT + 60 * SECOND)
    assert stories(wire) == ["soap", "replayComplete", "soap", "notificationComplete"]


def test_the_word_that_it_was_all_is_logged_nowhere() -> None:
    """Row F5."""
    server = stocked("tea")
    assert stories(subscriber(server, period(START)))[-1] == "replayComplete"
    assert stories(subscriber(server, period(START))) == ["tea", "replayComplete"]


def test_a_replay_keeps_from_a_user_what_it_may_not_know() -> None:
    server = ShopServer(nacm(rule("deny", "<notification-name>*</notification-name>")))
    sell(server, "tea")
    server.server.publish(Closed(server.world.now))
    ann, eve = subscriber(server, period(START), "ann"), subscriber(server, period(START), "eve")
    assert (stories(ann), stories(eve)) == (["replayComplete"], ["tea", "replayComplete"])
    assert server.server.access_counters.notifications == 3


def test_new_rules_hold_for_a_replay_that_has_begun() -> None:
    server = stocked("tea", "soap")
    wire = server.connect("ann")
    wire.send(envelope(subscribe(period(START))))
    assert wire.session.transmit(1)
    server.configure(nacm(rule("deny", "<notification-name>sold-out</notification-name>")))
    assert stories(wire) == ["replayComplete"]


# How it ends.


def test_a_subscription_ends_at_its_stop_time_in_device_time() -> None:
    """Row F5."""
    server = stocked("tea")
    wire = subscriber(server, period(START, at(60)))
    sell(server, "soap")
    server.management_now += 1_000_000
    assert stories(wire) == ["tea", "replayComplete", "soap"]
    server.world.advance(STARTED_AT + 60 * SECOND - 1)
    assert stories(wire) == []
    woken = server.woken
    server.world.advance(STARTED_AT + 60 * SECOND)
    assert server.woken == woken + 1
    sell(server, "rice")
    assert stories(wire) == ["notificationComplete"]


def test_a_stop_time_in_the_past_ends_the_subscription_with_the_replay() -> None:
    server = stocked("tea", "soap", "rice")
    wire = subscriber(server, period(START, at(2)))
    sell(server, "milk")
    assert stories(wire) == ["tea", "soap", "replayComplete", "notificationComplete"]


def test_the_last_words_have_the_time_at_which_they_are_said() -> None:
    server = stocked("tea")
    wire = subscriber(server, period(START, at(60)))
    server.world.advance(STARTED_AT + 60 * SECOND)
    times = []
    while (message := wire.receive()) is not None:
        times += texts(message, f"{{{NOTIFICATION}}}eventTime")
    assert times == [f"2003-03-10T12:0{time}+00:00" for time in ("0:01", "0:01", "1:00")]


def test_a_session_whose_subscription_has_ended_can_subscribe_again() -> None:
    server = stocked("tea")
    wire = subscriber(server, period(START, at(0.5)))
    assert stories(wire) == ["replayComplete", "notificationComplete"]
    assert is_ok(wire.rpc(subscribe()))
    sell(server, "soap")
    assert stories(wire) == ["soap"]


def test_a_session_whose_subscription_has_ended_can_be_idle_again() -> None:
    server = ShopServer(limits=SessionLimits(idle_seconds=600.0))
    wire = subscriber(server, period(START, at(60)))
    wire.receive()
    assert wire.session.next_deadline() is None
    server.management_now = 100.0
    server.world.advance(STARTED_AT + 60 * SECOND)
    wire.receive()
    assert wire.session.next_deadline() == 700.0


def test_the_end_of_a_session_is_the_end_of_its_stop_time() -> None:
    server = ShopServer()
    wire = subscriber(server, period(START, at(60)))
    wire.session.lost()
    assert server.world.next_deadline() is None
    woken = server.woken
    server.world.advance(STARTED_AT + 61 * SECOND)
    assert server.woken == woken


# What is refused.


@pytest.mark.parametrize(
    ("content", "tag", "element"),
    [
        (period(stop=at(60)), "missing-element", "startTime"),
        (period(at(5), at(4)), "bad-element", "stopTime"),
        (period(at(5), at(5)), "bad-element", "stopTime"),
        (period(at(10.000001)), "bad-element", "startTime"),
        (period("2099-01-01T00:00:00Z", "2099-01-02T00:00:00Z"), "bad-element", "startTime"),
    ],
)
def test_times_that_make_no_period_are_refused(content: str, tag: str, element: str) -> None:
    """Rows F1, F2 and F3."""
    server = stocked("tea")
    server.world.advance(STARTED_AT + 10 * SECOND)
    wire = server.connect()
    found = error(wire.rpc(subscribe(content)))
    assert (found["error-type"], found["error-tag"], found["bad-element"]) == ("protocol", tag, element)
    assert found["error-path"] == f"/ncEvent:create-subscription/ncEvent:{element}"
    sell(server, "soap")
    assert stories(wire) == [], "there is no subscription"
    assert is_ok(wire.rpc(subscribe(period(at(10)))))


@pytest.mark.parametrize("content", [period("yesterday"), period(START, "2003-02-30T00:00:00Z"), period("")])
def test_what_is_no_time_is_refused(content: str) -> None:
    server = stocked("tea")
    wire = server.connect()
    assert error(wire.rpc(subscribe(content)))["error-tag"] == "invalid-value"
    sell(server, "soap")
    assert stories(wire) == []


def test_a_second_subscription_is_refused_while_the_first_is_replayed() -> None:
    """Row F7."""
    server = stocked("tea")
    wire = server.connect()
    for message_id in ("1", "2"):
        wire.send(envelope(subscribe(period(START)), message_id))
    replies = [wire.receive() for _ in range(4)]
    tags = [etree.QName(reply).localname for reply in replies if reply is not None]
    assert tags == ["rpc-reply", "notification", "notification", "rpc-reply"]
    assert replies[3] is not None
    assert error(replies[3])["error-tag"] == "operation-failed"


# Large logs and slow clients.


def test_a_client_that_does_not_read_loses_nothing_of_the_log() -> None:
    """Row F13."""
    numbers = [str(number) for number in range(RECEIVER_LIMITS.notifications + 500)]
    server = stocked(*numbers)
    wire = subscriber(server, period(START))
    assert articles(wire) == numbers
    assert wire.session.counters.dropped_notifications == 0  # type: ignore[attr-defined]


def test_what_happens_while_a_slow_client_is_told_of_the_past_waits_within_bounds() -> None:
    """Row F13."""
    server = stocked("tea")
    wire = server.connect()
    wire.send(envelope(subscribe(period(START, at(3000)))))
    assert wire.session.transmit(1)
    sell(server, *map(str, range(RECEIVER_LIMITS.notifications + 5)))
    server.world.advance(STARTED_AT + 3000 * SECOND)
    told = stories(wire)
    assert told[:3] == ["tea", "replayComplete", "0"]
    assert told[-2:] == [str(RECEIVER_LIMITS.notifications - 1), "notificationComplete"]
    assert wire.session.counters.dropped_notifications == 5  # type: ignore[attr-defined]


def test_a_long_search_of_the_log_gives_others_their_turn() -> None:
    server = stocked(*["tea"] * LOOKED_AT_IN_A_TURN * 2, "soap")
    wire = server.connect()
    soap = filter_('<sold-out xmlns="urn:toy"><article>soap</article></sold-out>')
    wire.send(envelope(subscribe(soap + period(START))))
    turns = []
    for _ in range(3):
        woken = server.woken
        turns.append((wire.session.transmit(100_000).count(b"<notification"), server.woken - woken))
    assert turns == [(0, 1), (0, 1), (2, 0)]
    assert not wire.session.is_finished


def test_requests_behind_a_replay_are_answered_after_it() -> None:
    server = stocked("tea")
    wire = subscriber_with_request(server)
    tags = [etree.QName(message).localname for message in iter(wire.receive, None) if message is not None]
    assert tags == ["rpc-reply", "notification", "notification", "rpc-reply"]
    assert server.shop.bought == [("admin", "rice")]


def subscriber_with_request(server: ShopServer) -> Wire:
    """Return a session that has sent a subscription and a request at once."""
    wire = server.connect()
    wire.send(envelope(subscribe(period(START)), "1"))
    wire.send(envelope(buy("rice"), "2"))
    return wire


# What the stream says of its log.


def stream(server: ShopServer) -> dict[str, str]:
    """Return what is shown of the one stream."""
    data = server.connect().get(STREAMS)
    return {etree.QName(leaf).localname: leaf.text or "" for leaf in data.iter() if not len(leaf)}


def test_the_stream_is_listed_with_the_time_at_which_its_log_began() -> None:
    shown = stream(stocked("tea"))
    assert (shown["name"], shown["replaySupport"]) == ("NETCONF", "true")
    assert shown["replayLogCreationTime"] == "2003-03-10T12:00:00+00:00"
    assert "replayLogAgedTime" not in shown


def test_the_stream_shows_up_to_when_its_log_has_forgotten() -> None:
    """Row F4."""
    server = stocked("tea", "soap", "rice", limits=LogLimits(notifications=2))
    assert stream(server)["replayLogAgedTime"] == "2003-03-10T12:00:01+00:00"
    assert stories(subscriber(server, period(LONG_AGO))) == ["soap", "rice", "replayComplete"]
