"""The end of a session when the program ends: what was asked is answered, and subscribers learn that it is over."""

from __future__ import annotations

from lxml import etree

from tests.netconf.test_subscribed_notifications import STREAM, sell
from tests.support.market import CUSTOMERS, Market
from tests.support.netconf_wire import Wire, envelope, error
from tests.support.push import PUSH, datastore, established, messages, names
from tests.support.shop import ShopServer, buy

WAIT = '<wait xmlns="urn:toy"/>'


def leave(server: ShopServer) -> None:
    """Have every session leave."""
    for opened in tuple(server.server.sessions.values()):
        opened.session.leave()


def last_words(wire: Wire) -> list[tuple[str, str]]:
    """Return what a session is still told, and the reasons that are given."""
    return [
        (etree.QName(content).localname, content.findtext("sn:reason", "", PUSH).rpartition(":")[2])
        for content in messages(wire)
    ]


def test_an_idle_session_ends_without_a_word() -> None:
    server = ShopServer()
    wire = server.connect()
    leave(server)
    assert wire.receive() is None
    assert wire.is_finished
    assert server.server.sessions == {}


def test_requests_that_wait_are_not_begun() -> None:
    server = ShopServer()
    wire = server.connect()
    wire.send(envelope(WAIT))
    assert wire.receive() is None
    wire.send(envelope(buy("tea")))
    leave(server)
    assert wire.receive() is None
    assert not wire.is_finished, "the one that was begun is still to be answered"
    server.shop.pending[0].complete({"waited": 3})
    reply = wire.receive()
    assert reply is not None
    assert reply.findtext("{urn:toy}waited") == "3"
    assert wire.receive() is None
    assert wire.is_finished
    assert server.shop.bought == []


def test_what_nobody_will_answer_any_more_is_refused() -> None:
    server = ShopServer()
    wire, other = server.connect(), server.connect()
    wire.send(envelope(WAIT, "7"))
    assert wire.receive() is None
    assert other.receive() is None
    leave(server)
    assert [opened.session.give_up() for opened in server.server.sessions.values()] == [True, False]
    reply = wire.receive()
    assert reply is not None
    assert reply.get("message-id") == "7"
    assert error(reply)["error-tag"] == "operation-failed"
    assert wire.is_finished
    server.shop.pending[0].complete({"waited": 3})
    assert wire.receive() is None, "an answer that comes too late is told to nobody"


def test_subscriptions_to_a_stream_end_with_the_reason_after_all_that_happened() -> None:
    market = Market()
    wire = market.connect()
    for _ in range(2):
        established(wire, STREAM)
    sell(market, "tea")
    leave(market)
    sell(market, "soap")
    told = last_words(wire)
    assert told.count(("sold-out", "")) == 2
    assert told.count(("subscription-terminated", "stream-unavailable")) == 2
    assert len(told) == 4
    assert wire.is_finished
    assert market.server.publisher.subscriptions == {}


def test_subscriptions_to_a_datastore_end_with_the_reason() -> None:
    market = Market()
    wire = market.connect()
    established(wire, datastore("operational", CUSTOMERS))
    names(wire)
    leave(market)
    market.come(1, "ann")
    assert last_words(wire) == [("subscription-terminated", "datastore-not-subscribable")]
    assert wire.is_finished
    assert market.server.publisher.subscriptions == {}
