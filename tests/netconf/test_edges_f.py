"""Edge behaviours, F: notifications (RFC 5277, RFC 6470), over raw messages."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from agent.core.world import SECOND
from agent.datastore.notifications import LogLimits
from agent.netconf.subscribed.delivery import RECEIVER_LIMITS
from tests.support.candidates import COMMIT, confirmed, edit_candidate
from tests.support.editor import OPEN_DOORS, is_ok
from tests.support.edits import shop
from tests.support.netconf_wire import HELLO, Wire, envelope, error, texts
from tests.support.shop import STARTED_AT, ShopServer, SoldOut, buy
from tests.support.subscribers import (
    NOTIFICATION,
    articles,
    filter_,
    period,
    stories,
    subscribe,
    subscriber,
    told,
)

LONG_AGO: Final = "1980-01-01T00:00:00Z"
OPENING: Final = "2003-03-10T12:00:00Z"
FUTURE: Final = "2099-01-01T00:00:00Z"


def sell(server: ShopServer, *sold: str) -> None:
    """Let articles be sold out, one a second."""
    for article in sold:
        server.world.advance(server.world.now + SECOND)
        server.server.publish(SoldOut(server.world.now, article))


def refused(content: str) -> dict[str, str]:
    """Return the one error of a subscription, after which nothing is told."""
    server = ShopServer()
    sell(server, "tea")
    wire = server.connect()
    found = error(wire.rpc(subscribe(content)))
    sell(server, "soap")
    assert wire.receive() is None
    return found


def test_f1_a_stop_time_needs_a_start_time() -> None:
    found = refused(period(stop=FUTURE))
    assert (found["error-tag"], found["bad-element"]) == ("missing-element", "startTime")


def test_f2_a_stop_time_is_later_than_the_start_time() -> None:
    found = refused(period(OPENING, LONG_AGO))
    assert (found["error-tag"], found["bad-element"]) == ("bad-element", "stopTime")


def test_f3_a_start_time_is_not_in_the_future() -> None:
    found = refused(period(FUTURE))
    assert (found["error-tag"], found["bad-element"]) == ("bad-element", "startTime")


def test_f4_a_start_time_before_the_log_begins_with_the_oldest_that_is_kept() -> None:
    server = ShopServer(log_limits=LogLimits(notifications=2))
    sell(server, "tea", "soap", "rice")
    wire = subscriber(server, period(LONG_AGO))
    assert stories(wire) == ["soap", "rice", "replayComplete"]
    streams = wire.get('<netconf xmlns="urn:ietf:params:xml:ns:netmod:notification"/>')
    names = {etree.QName(leaf).localname for leaf in streams.iter(etree.Element)}
    assert {"replayLogCreationTime", "replayLogAgedTime"} <= names


def test_f5_the_log_is_told_then_that_it_was_all_then_what_happens_and_in_the_end_that_it_is_over() -> None:
    server = ShopServer()
    sell(server, "tea", "soap")
    stop = "2003-03-10T12:00:10Z"
    wire = subscriber(server, period(OPENING, stop) + filter_('<sold-out xmlns="urn:toy"/>'))
    sell(server, "rice")
    server.world.advance(STARTED_AT + 20 * SECOND)
    assert stories(wire) == ["tea", "soap", "replayComplete", "rice", "notificationComplete"]
    assert [kept.node.name for kept in server.server.log.between(0, None)] == ["sold-out"] * 3


def test_f6_an_unknown_stream_is_refused() -> None:
    assert refused("<stream>SNMP</stream>")["error-tag"] == "invalid-value"


def test_f7_a_second_subscription_is_refused_and_the_first_goes_on() -> None:
    server = ShopServer()
    wire = subscriber(server)
    assert error(wire.rpc(subscribe()))["error-tag"] == "operation-failed"
    sell(server, "tea")
    assert articles(wire) == ["tea"]


def test_f8_requests_are_answered_during_a_subscription() -> None:
    server = ShopServer()
    assert "urn:ietf:params:netconf:capability:interleave:1.0" in server.server.capabilities
    wire = subscriber(server)
    assert texts(wire.rpc(buy("tea")), "toy:bought/toy:article") == ["tea", "bag"]
    sell(server, "tea")
    assert articles(wire) == ["tea"]


def test_f9_a_notification_has_the_namespace_of_the_rfc_and_a_time_with_an_offset() -> None:
    server = ShopServer()
    wire = subscriber(server)
    sell(server, "tea")
    message = wire.receive()
    assert message is not None
    assert message.tag == f"{{{NOTIFICATION}}}notification"
    assert [child.tag for child in message] == [f"{{{NOTIFICATION}}}eventTime", "{urn:toy}sold-out"]
    assert message[0].text in ("2003-03-10T12:00:01Z", "2003-03-10T12:00:01+00:00")
    assert dict(message.attrib.items()) == {}


def test_f10_a_notification_never_stands_amid_a_reply() -> None:
    server = ShopServer()
    server.shop.welcome(2000)
    wire = subscriber(server)
    wire.send(envelope('<get><filter><shop xmlns="urn:toy"><customer/></shop></filter></get>'))
    begun = wire.session.transmit(1)
    sell(server, "tea", "soap")
    rest = begun + b"".join(iter(lambda: wire.session.transmit(65536), b""))
    assert rest.index(b"</rpc-reply>") < rest.index(b"<notification")
    assert rest.index(b">tea<") < rest.index(b">soap<")


def test_f11_sessions_changes_and_commits_are_told() -> None:
    server = ShopServer(OPEN_DOORS + shop("<name>corner</name>"), tells_of_itself=True)
    watcher = subscriber(server, user="watcher")
    wire = server.connect("ann")
    wire.rpc(edit_candidate(shop("<name>new</name>")))
    wire.rpc(confirmed())
    wire.rpc(COMMIT)
    wire.rpc("<close-session/>")
    wire.receive()
    assert stories(watcher) == [
        "netconf-session-start",
        "netconf-config-change",
        "netconf-confirmed-commit",
        "netconf-confirmed-commit",
        "netconf-session-end",
    ]


def test_f12_a_session_is_told_of_when_it_is_usable_and_not_before() -> None:
    server = ShopServer(tells_of_itself=True)
    watcher = subscriber(server)
    wire = server.open("ann")
    wire.receive()
    assert told(watcher) == []
    wire.session.receive(HELLO.encode())
    wire.receive()
    assert stories(watcher) == ["netconf-session-start"]


def test_f12_a_session_whose_hello_is_bad_never_started() -> None:
    server = ShopServer(tells_of_itself=True)
    watcher = subscriber(server)
    wire = server.open("ann")
    wire.session.receive(b"<hello/>]]>]]>")
    wire.receive()
    wire.receive()
    assert "netconf-session-start" not in stories(watcher)


def slow(server: ShopServer) -> Wire:
    """Return a subscriber that does not read."""
    return subscriber(server)


@pytest.mark.parametrize("excess", [1, 500])
def test_f13_a_slow_subscriber_loses_what_does_not_fit_which_is_counted_and_holds_up_nobody(excess: int) -> None:
    server = ShopServer()
    wire, other = slow(server), subscriber(server)
    total = RECEIVER_LIMITS.notifications + excess
    heard = []
    for number in range(total):
        sell(server, str(number))
        heard += articles(other)
    assert len(heard) == total
    session = server.server.sessions[wire.session.caller.session_id].session  # type: ignore[attr-defined]
    assert session.counters.dropped_notifications == excess
    assert is_ok(other.rpc("<close-session/>"))
