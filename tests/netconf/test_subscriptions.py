"""Notifications of the live stream: RFC 5277, and who is told of what (RFC 8341 section 3.4.6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import pytest
from lxml import etree

from agent.netconf.limits import SessionLimits
from agent.netconf.subscribed.delivery import RECEIVER_LIMITS
from tests.support.access import nacm, rule
from tests.support.editor import OPEN_DOORS, edit_config, is_ok
from tests.support.edits import shop
from tests.support.netconf_wire import BASE, chunk, envelope, error, text, texts
from tests.support.shop import STARTED_AT, Closed, ShopServer, SoldOut, Untold
from tests.support.subscribers import NOTIFICATION, articles, filter_, subscribe, subscriber

WAIT: Final = '<wait xmlns="urn:toy"/>'
TEA: Final = SoldOut(STARTED_AT, "tea")
FULL: Final = SoldOut(STARTED_AT, "tea", ("red", "green"), "ann", {"coffee": 3, "cocoa": 5})


# What is sent.


def test_a_subscriber_is_told_of_what_happens_from_then_on() -> None:
    server = ShopServer()
    wire = server.connect()
    server.server.publish(SoldOut(STARTED_AT, "before"))
    wire.rpc(subscribe())
    for article in ("tea", "soap"):
        server.server.publish(SoldOut(STARTED_AT, article))
    assert articles(wire) == ["tea", "soap"]


def test_a_notification_has_its_time_and_its_content() -> None:
    """Row F9."""
    server = ShopServer()
    wire = subscriber(server)
    server.server.publish(SoldOut(STARTED_AT + 1_500_000, "tea", ("red",), "ann", {"coffee": 3}))
    message = wire.receive()
    assert message is not None
    assert [etree.QName(child) for child in message] == [
        etree.QName(NOTIFICATION, "eventTime"),
        etree.QName("urn:toy", "sold-out"),
    ]
    assert texts(message, f"{{{NOTIFICATION}}}eventTime") == ["2003-03-10T12:00:01.500000+00:00"]
    assert text(message, "toy:sold-out/toy:buyer/toy:name") == "ann"
    assert text(message, "toy:sold-out/toy:substitute/toy:price") == "3"
    assert not message.attrib, "a notification answers nothing"


def test_who_did_not_subscribe_is_told_nothing() -> None:
    server = ShopServer()
    wire = server.connect()
    subscriber(server)
    server.server.publish(TEA)
    assert wire.receive() is None


def test_an_event_without_a_notification_is_told_to_nobody() -> None:
    server = ShopServer()
    wire = subscriber(server)
    server.server.publish(Untold(STARTED_AT))
    assert wire.receive() is None


def test_every_subscriber_is_told_in_the_same_order() -> None:
    server = ShopServer()
    wires = [subscriber(server) for _ in range(3)]
    for number in range(20):
        server.server.publish(SoldOut(STARTED_AT, str(number)))
    assert [articles(wire) for wire in wires] == [[str(number) for number in range(20)]] * 3


def test_a_subscriber_on_base_1_0_is_told_too() -> None:
    server = ShopServer()
    wire = server.open()
    wire.hello("urn:ietf:params:netconf:base:1.0")
    wire.rpc(subscribe())
    server.server.publish(SoldOut(STARTED_AT, "]]>]]>"))
    assert articles(wire) == ["]]>]]>"]


# How a subscription is asked for.


def test_the_stream_can_be_named() -> None:
    server = ShopServer()
    wire = subscriber(server, "<stream>NETCONF</stream>")
    server.server.publish(TEA)
    assert articles(wire) == ["tea"]


def test_an_unknown_stream_is_refused() -> None:
    """Row F6."""
    server = ShopServer()
    wire = server.connect()
    found = error(wire.rpc(subscribe("<stream>SNMP</stream>")))
    assert (found["error-tag"], found["error-path"]) == ("invalid-value", "/ncEvent:create-subscription/ncEvent:stream")
    server.server.publish(TEA)
    assert wire.receive() is None


def test_a_second_subscription_is_refused_and_the_first_goes_on() -> None:
    """Row F7."""
    server = ShopServer()
    wire = subscriber(server)
    assert error(wire.rpc(subscribe(filter_(""))))["error-tag"] == "operation-failed"
    server.server.publish(TEA)
    assert articles(wire) == ["tea"]


def test_who_may_not_subscribe_is_told_nothing() -> None:
    server = ShopServer(nacm(rule("deny", "<rpc-name>create-subscription</rpc-name>")))
    wire = server.connect("ann")
    assert error(wire.rpc(subscribe()))["error-tag"] == "access-denied"
    server.server.publish(TEA)
    assert wire.receive() is None
    assert server.server.access_counters.notifications == 0, "there is no subscription to keep it from"


# Filters (RFC 5277 section 3.6).


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ('<sold-out xmlns="urn:toy"/>', True),
        ('<closed xmlns="urn:toy"/>', False),
        ('<sold-out xmlns=""/>', True),
        ('<sold-out xmlns="urn:other"/>', False),
        ("", False),
        ('<closed xmlns="urn:toy"/><sold-out xmlns="urn:toy"/>', True),
        ('<sold-out xmlns="urn:toy"><article/></sold-out>', True),
        ('<sold-out xmlns="urn:toy"><article>tea</article></sold-out>', True),
        ('<sold-out xmlns="urn:toy"><article>soap</article></sold-out>', False),
        ('<sold-out xmlns="urn:toy"><article>tea</article><nonsense/></sold-out>', True),
        ('<sold-out xmlns="urn:toy"><nonsense/></sold-out>', False),
        ('<sold-out xmlns="urn:toy"><nonsense>1</nonsense></sold-out>', False),
        ('<sold-out xmlns="urn:toy"><colour>green</colour></sold-out>', True),
        ('<sold-out xmlns="urn:toy"><colour>blue</colour></sold-out>', False),
        ('<sold-out xmlns="urn:toy"><buyer/></sold-out>', True),
        ('<sold-out xmlns="urn:toy"><buyer><name>ann</name></buyer></sold-out>', True),
        ('<sold-out xmlns="urn:toy"><buyer><name>bob</name></buyer></sold-out>', False),
        ('<sold-out xmlns="urn:toy"><substitute><price>5</price></substitute></sold-out>', True),
        ('<sold-out xmlns="urn:toy"><substitute><price>05</price></substitute></sold-out>', True),
        ('<sold-out xmlns="urn:toy"><substitute><price>7</price></substitute></sold-out>', False),
        (
            '<sold-out xmlns="urn:toy"><substitute><article>coffee</article><price>5</price></substitute></sold-out>',
            False,
        ),
        ('<sold-out xmlns="urn:toy"><article>soap</article><buyer/></sold-out>', False),
        (
            '<sold-out xmlns="urn:toy"><article>soap</article></sold-out><sold-out xmlns="urn:toy"><buyer/></sold-out>',
            True,
        ),
    ],
)
def test_a_filter_decides_whether_a_notification_is_wanted(content: str, wanted: bool) -> None:
    server = ShopServer()
    wire = subscriber(server, filter_(content))
    server.server.publish(FULL)
    message = wire.receive()
    assert (message is not None) is wanted
    if message is not None:
        assert texts(message, "toy:sold-out/toy:colour") == ["red", "green"], "and it is sent whole"


@pytest.mark.parametrize("content", ["<colour/>", "<buyer/>", "<buyer><name/></buyer>", "<substitute/>"])
def test_what_a_notification_does_not_have_no_filter_finds(content: str) -> None:
    server = ShopServer()
    wire = subscriber(server, filter_(f'<sold-out xmlns="urn:toy">{content}</sold-out>'))
    server.server.publish(TEA)
    assert wire.receive() is None


def test_a_filter_in_the_namespace_of_the_protocol_is_taken() -> None:
    """ncclient sends it so."""
    server = ShopServer()
    wire = subscriber(server, f'<nc:filter xmlns:nc="{BASE}"><closed xmlns="urn:toy"/></nc:filter>')
    server.server.publish(TEA)
    server.server.publish(Closed(STARTED_AT))
    assert wire.receive() is None
    assert server.server.access_counters.notifications == 1


def test_a_filter_that_this_server_cannot_read_is_refused() -> None:
    server = ShopServer()
    wire = server.connect()
    found = error(wire.rpc(subscribe(filter_("", 'type="regex" select="/toy:sold-out"'))))
    assert (found["error-tag"], found["bad-attribute"], found["bad-element"]) == ("bad-attribute", "type", "filter")
    server.server.publish(TEA)
    assert wire.receive() is None


# Access control.


def test_what_everybody_is_denied_by_default_is_not_told_and_counted() -> None:
    server = ShopServer()
    wire = subscriber(server)
    server.server.publish(Closed(STARTED_AT))
    server.server.publish(TEA)
    assert articles(wire) == ["tea"]
    assert server.server.access_counters.notifications == 1


def test_each_subscriber_is_told_what_it_may_know() -> None:
    """Row D29."""
    server = ShopServer(nacm(rule("deny", "<notification-name>sold-out</notification-name>")))
    ann, eve = subscriber(server, user="ann"), subscriber(server, user="eve")
    server.server.publish(TEA)
    assert (articles(ann), articles(eve)) == ([], ["tea"])
    assert server.server.access_counters.notifications == 1


def test_new_rules_hold_for_subscriptions_that_are_there() -> None:
    server = ShopServer()
    wire = subscriber(server, user="ann")
    server.configure(nacm(rule("deny", "<notification-name>*</notification-name>")))
    server.server.publish(TEA)
    assert articles(wire) == []


# Beside requests.


def test_every_request_is_answered_beside_a_subscription() -> None:
    """Row F8: interleave."""
    server = ShopServer()
    wire = subscriber(server)
    assert len(wire.get()) > 0
    assert is_ok(wire.rpc("<lock><target><running/></target></lock>"))


def test_what_happens_while_a_request_waits_is_told_before_its_answer() -> None:
    server = ShopServer()
    wire = subscriber(server)
    wire.send(envelope(WAIT, "7"))
    assert wire.receive() is None
    server.server.publish(TEA)
    assert articles(wire) == ["tea"]
    server.shop.pending[0].complete({"waited": 1})
    reply = wire.receive()
    assert reply is not None
    assert (reply.get("message-id"), texts(reply, "toy:waited")) == ("7", ["1"])


def test_a_request_that_waited_can_still_fail_after_a_notification() -> None:
    server = ShopServer()
    wire = subscriber(server)
    wire.send(envelope(WAIT, "7"))
    wire.receive()
    server.server.publish(TEA)
    assert articles(wire) == ["tea"]
    server.shop.pending[0].fail(ValueError("a defect"))
    reply = wire.receive()
    assert reply is not None
    assert (reply.get("message-id"), error(reply)["error-tag"]) == ("7", "operation-failed")
    assert not wire.is_finished


def test_a_notification_never_stands_inside_a_reply() -> None:
    """Row F10."""
    server = ShopServer()
    server.shop.welcome(3000)
    wire = subscriber(server)
    wire.send(envelope('<get><filter><shop xmlns="urn:toy"><customer/></shop></filter></get>', "7"))
    begun = wire.session.transmit(1)
    assert begun
    server.server.publish(TEA)
    rest = b""
    while piece := wire.session.transmit(1):
        rest += piece
    whole = begun + rest
    reply, _, notification = whole.partition(b"\n##\n")
    assert (reply.count(b"<rpc-reply"), reply.count(b"</rpc-reply>"), reply.count(b"<notification")) == (1, 1, 0)
    assert (notification.count(b"<notification"), notification.count(b"rpc-reply")) == (1, 0)


class Telling:
    """A target that tells of every configuration that is applied to it."""

    server: ShopServer | None = None

    def prepare(self, values: Mapping[str, object]) -> Callable[[], None]:
        """Return what tells."""
        return self.tell

    def tell(self) -> None:
        if self.server is not None:
            self.server.server.publish(TEA)


def test_what_a_request_brings_about_is_told_after_its_answer() -> None:
    target = Telling()
    server = ShopServer(OPEN_DOORS, targets=(target,))
    target.server, wire = server, subscriber(server)
    assert is_ok(wire.rpc(edit_config(shop("<name>new</name>"))))
    assert articles(wire) == ["tea"]


# Clients that do not read, and sessions that end.


def test_a_client_that_does_not_read_loses_what_does_not_fit_and_only_that() -> None:
    """Row F13."""
    server = ShopServer()
    slow, other = subscriber(server), subscriber(server)
    for number in range(RECEIVER_LIMITS.notifications + 50):
        server.server.publish(SoldOut(STARTED_AT, str(number)))
        if number % 100 == 0:
            articles(other)
    counters = slow.session.counters  # type: ignore[attr-defined]
    assert counters.dropped_notifications == 50
    assert articles(slow) == [str(number) for number in range(RECEIVER_LIMITS.notifications)]
    assert counters.out_notifications == RECEIVER_LIMITS.notifications
    assert other.session.counters.dropped_notifications == 0  # type: ignore[attr-defined]
    server.server.publish(TEA)
    assert articles(slow) == ["tea"], "and goes on once it reads again"
    slow.session.lost()
    assert server.server.counters.ended.dropped_notifications == 50


def test_the_transport_is_woken_for_a_notification_and_not_for_one_that_is_not_wanted() -> None:
    server = ShopServer()
    subscriber(server, filter_('<sold-out xmlns="urn:toy"><article>tea</article></sold-out>'))
    woken = server.woken
    server.server.publish(SoldOut(STARTED_AT, "soap"))
    assert server.woken == woken
    server.server.publish(TEA)
    assert server.woken == woken + 1


@pytest.mark.parametrize("end", ["kill", "close", "lost"])
def test_a_session_that_has_ended_is_told_nothing_more(end: str) -> None:
    server = ShopServer(OPEN_DOORS)
    wire, other = subscriber(server), server.connect()
    server.server.publish(TEA)
    if end == "kill":
        assert is_ok(other.rpc("<kill-session><session-id>1</session-id></kill-session>"))
    elif end == "close":
        assert articles(wire) == ["tea"]
        assert is_ok(wire.rpc("<close-session/>"))
    else:
        wire.session.lost()
    server.server.publish(SoldOut(STARTED_AT, "soap"))
    assert wire.receive() is None
    assert wire.is_finished
    assert 1 not in server.server.sessions


def test_a_session_that_is_closing_is_told_nothing_more() -> None:
    server = ShopServer()
    wire = subscriber(server)
    wire.send(envelope("<close-session/>"))
    begun = wire.session.transmit(1)
    server.server.publish(TEA)
    assert b"<ok/>" in begun
    assert b"notification" not in wire.session.transmit(65536)
    assert wire.session.is_finished


def test_a_subscriber_is_not_idle() -> None:
    server = ShopServer(limits=SessionLimits(idle_seconds=600.0))
    wire, other = subscriber(server), server.connect()
    for session in (wire.session, other.session):
        session.advance(10_000.0)
    assert (wire.session.is_finished, other.session.is_finished) == (False, True)
    assert wire.session.next_deadline() is None


def test_notifications_are_counted_where_monitoring_shows_them() -> None:
    server = ShopServer()
    wire = subscriber(server)
    for _ in range(3):
        server.server.publish(TEA)
    articles(wire)
    monitoring = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
    data = wire.get(
        f'<netconf-state xmlns="{monitoring}"><statistics><out-notifications/></statistics></netconf-state>'
    )
    assert [leaf.text for leaf in data.iter(f"{{{monitoring}}}out-notifications")] == ["3"]


def test_a_subscription_and_requests_in_one_read_are_taken_in_order() -> None:
    server = ShopServer()
    wire = server.connect()
    wire.session.receive(chunk(envelope(subscribe(), "1")) + chunk(envelope(subscribe(), "2")))
    replies = [wire.receive() for _ in range(2)]
    assert [reply is not None and is_ok(reply) for reply in replies] == [True, False]
