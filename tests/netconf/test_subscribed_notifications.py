"""Dynamic subscriptions to a stream (RFC 8639, RFC 8640): how they begin, what they are told, how they end."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from agent.core.world import SECOND
from agent.datastore.date_and_time import date_and_time
from agent.datastore.notifications import LogLimits
from agent.datastore.stores import Datastore
from agent.netconf.subscribed.delivery import RECEIVER_LIMITS
from agent.netconf.subscribed.publisher import WAITING_WORDS
from tests.support.access import caller, nacm, rule
from tests.support.editor import is_ok
from tests.support.market import Market, shown
from tests.support.netconf_wire import error
from tests.support.push import PUSH, SN, establish, established, messages, modify, named, names
from tests.support.shop import STARTED_AT, Closed, SoldOut, configuration
from tests.support.subscribers import stories, subscribe

STREAM: Final = "<stream>NETCONF</stream>"
TEA: Final = (
    '<stream-subtree-filter><sold-out xmlns="urn:toy"><article>tea</article></sold-out></stream-subtree-filter>'
)
EVERYBODY: Final = nacm(rule("permit"), users=("ann", "bob"))


def sell(market: Market, *articles: str) -> None:
    """Let articles be sold out."""
    for article in articles:
        market.server.publish(SoldOut(market.world.now, article))


def at(seconds: float) -> str:
    """Return a device time so long after the start."""
    return date_and_time(STARTED_AT + round(seconds * SECOND))


# How it begins.


def test_what_happens_after_the_reply_is_told() -> None:
    market = Market()
    sell(market, "soap")
    wire = market.connect()
    established(wire, STREAM)
    sell(market, "tea")
    assert stories(wire) == ["tea"]


def test_several_subscriptions_of_one_session_are_told_each() -> None:
    market = Market()
    wire = market.connect()
    first, second = established(wire, STREAM), established(wire, STREAM + TEA)
    assert first != second
    sell(market, "tea", "soap")
    assert sorted(stories(wire)) == ["soap", "tea", "tea"]


def test_ids_are_never_used_again() -> None:
    market = Market()
    wire = market.connect()
    first = established(wire, STREAM)
    assert is_ok(wire.rpc(named("delete", first)))
    assert established(wire, STREAM) > first


@pytest.mark.parametrize(
    ("content", "tag", "app_tag", "path"),
    [
        ("<stream>NEWS</stream>", "invalid-value", "", "stream"),
        (TEA, "missing-element", "", ""),
        (f"{STREAM}<replay-start-time>{at(0)}</replay-start-time>", "invalid-value", "", "replay-start-time"),
        (f"{STREAM}<stop-time>{at(0)}</stop-time>", "invalid-value", "", "stop-time"),
        (f"{STREAM}<stream-filter-name>none</stream-filter-name>", "data-missing", "instance-required", "filter-name"),
        (f"{STREAM}<stream-xpath-filter>/toy:sold-out[</stream-xpath-filter>", "invalid-value", f"{SN[-29:]}", ""),
    ],
)
def test_what_cannot_be_had_is_refused_and_leaves_nothing_behind(
    content: str, tag: str, app_tag: str, path: str
) -> None:
    market = Market()
    wire = market.connect()
    refused = error(wire.rpc(establish(content)))
    assert refused["error-tag"] == tag
    assert refused.get("error-app-tag", "").startswith(app_tag)
    assert path in refused.get("error-path", "")
    assert market.server.publisher.subscriptions == {}
    sell(market, "tea")
    assert names(wire) == []


def test_a_filter_that_cannot_be_read_comes_back_with_a_hint() -> None:
    wire = Market().connect()
    reply = wire.rpc(establish(f"{STREAM}<stream-xpath-filter>/toy:sold-out[</stream-xpath-filter>"))
    assert error(reply)["error-app-tag"] == "ietf-subscribed-notifications:filter-unsupported"
    hint = reply.findtext(".//sn:establish-subscription-stream-error-info/sn:filter-failure-hint", None, PUSH)
    assert hint


def test_another_encoding_than_xml_is_not_known() -> None:
    reply = Market().connect().rpc(establish(f"{STREAM}<encoding>encode-json</encoding>"))
    assert error(reply)["error-tag"] == "invalid-value"


def test_a_session_has_so_many_subscriptions_at_most() -> None:
    wire = Market().connect()
    for _ in range(64):
        established(wire, STREAM)
    refused = error(wire.rpc(establish(STREAM)))
    assert refused["error-tag"] == "resource-denied"
    assert refused["error-app-tag"] == "ietf-subscribed-notifications:insufficient-resources"


def test_a_session_has_subscriptions_of_one_kind_only() -> None:
    market = Market()
    old, new = market.connect(), market.connect()
    assert is_ok(old.rpc(subscribe()))
    established(new, STREAM)
    assert error(old.rpc(establish(STREAM)))["error-tag"] == "operation-not-supported"
    assert error(new.rpc(subscribe()))["error-tag"] == "operation-not-supported"
    sell(market, "tea")
    assert (stories(old), stories(new)) == (["tea"], ["tea"])


def test_whoever_may_not_execute_it_is_refused() -> None:
    market = Market(nacm(rule("deny", "<rpc-name>establish-subscription</rpc-name>")))
    assert error(market.connect("ann").rpc(establish(STREAM)))["error-tag"] == "access-denied"


# What is told.


@pytest.mark.parametrize(
    "chosen",
    [
        TEA,
        "<stream-xpath-filter xmlns:t='urn:toy'>/t:sold-out[t:article='tea']</stream-xpath-filter>",
        "<stream-xpath-filter>/toy:sold-out[toy:article='tea']</stream-xpath-filter>",
        "<stream-xpath-filter>/toy:sold-out/toy:article = 'tea'</stream-xpath-filter>",
        "<stream-xpath-filter>count(/toy:sold-out/toy:article[. = 'tea'])</stream-xpath-filter>",
        "<stream-xpath-filter>substring-before(/toy:sold-out/toy:article, 'ea')</stream-xpath-filter>",
    ],
)
def test_a_filter_keeps_away_what_it_does_not_select_and_that_is_counted(chosen: str) -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, STREAM + chosen)
    sell(market, "tea", "soap", "rice")
    assert stories(wire) == ["tea"]
    assert shown(wire, id_)["sent-event-records"] == "1"
    assert shown(wire, id_)["excluded-event-records"] == "2"


def test_a_number_that_is_none_is_not_true() -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, f"{STREAM}<stream-xpath-filter>number(/toy:sold-out/toy:article)</stream-xpath-filter>")
    sell(market, "tea", "12")
    assert stories(wire) == ["12"]
    assert shown(wire, id_)["excluded-event-records"] == "1"


def test_a_filter_of_the_configuration_is_used_by_its_name() -> None:
    market = Market(f'<filters xmlns="{SN}"><stream-filter><name>tea</name>{TEA}</stream-filter></filters>')
    wire = market.connect()
    id_ = established(wire, f"{STREAM}<stream-filter-name>tea</stream-filter-name>")
    sell(market, "tea", "soap")
    assert stories(wire) == ["tea"]
    assert shown(wire, id_)["stream-filter-name"] == "tea"


def test_access_control_decides_for_each_receiver_and_each_notification() -> None:
    denied = nacm(rule("deny", "<notification-name>sold-out</notification-name>"), rule("permit"))
    market = Market(denied)
    ann, admin = market.connect("ann"), market.connect("admin")
    id_ = established(ann, STREAM)
    established(admin, STREAM)
    sell(market, "tea")
    market.server.publish(Closed(market.world.now))
    assert stories(ann) == ["closed"]
    assert stories(admin) == ["tea"], "what nobody permits is denied by default"
    assert shown(ann, id_)["excluded-event-records"] == "1"


def test_new_rules_hold_for_what_happens_from_then_on() -> None:
    market = Market(nacm(rule("permit")))
    wire = market.connect("ann")
    established(wire, STREAM)
    sell(market, "tea")
    market.configure(nacm(rule("deny", "<notification-name>sold-out</notification-name>"), rule("permit")))
    sell(market, "soap")
    assert stories(wire) == ["tea"]


# The log.


def test_a_replay_comes_first_then_the_word_that_this_was_all_then_what_happens() -> None:
    market = Market()
    market.live(1)
    sell(market, "tea")
    market.live(1)
    sell(market, "soap")
    market.live(1)
    wire = market.connect()
    reply = wire.rpc(establish(f"{STREAM}<replay-start-time>{at(1.5)}</replay-start-time>"))
    assert reply.find("sn:replay-start-time-revision", PUSH) is None
    sell(market, "rice")
    assert stories(wire) == ["soap", "replay-completed", "rice"]


def test_a_replay_from_before_the_log_says_since_when_there_is_one() -> None:
    market = Market()
    market.live(1)
    reply = market.connect().rpc(establish(f"{STREAM}<replay-start-time>{at(-60)}</replay-start-time>"))
    assert reply.findtext("sn:replay-start-time-revision", None, PUSH) == at(0)


def test_a_log_that_has_forgotten_says_up_to_when() -> None:
    market = Market(log_limits=LogLimits(notifications=1))
    market.live(1)
    sell(market, "tea")
    market.live(1)
    sell(market, "soap")
    market.live(1)
    wire = market.connect()
    reply = wire.rpc(establish(f"{STREAM}<replay-start-time>{at(0.5)}</replay-start-time>"))
    assert reply.findtext("sn:replay-start-time-revision", None, PUSH) == at(1)
    assert stories(wire) == ["soap", "replay-completed"]


def test_a_replay_is_filtered_and_what_is_kept_away_is_counted() -> None:
    market = Market()
    market.live(1)
    sell(market, "tea", "soap")
    market.live(1)
    wire = market.connect()
    id_ = established(wire, f"{STREAM}{TEA}<replay-start-time>{at(0)}</replay-start-time>")
    assert stories(wire) == ["tea", "replay-completed"]
    assert shown(wire, id_)["excluded-event-records"] == "1"


# How it is changed.


def test_a_modified_subscription_says_so_before_it_goes_by_the_new_terms() -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, STREAM + TEA)
    assert is_ok(wire.rpc(modify(id_, TEA.replace("tea", "soap"))))
    sell(market, "tea", "soap")
    assert stories(wire) == ["subscription-modified", "soap"]


def test_the_word_of_a_modification_has_all_terms() -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, STREAM + TEA)
    wire.rpc(modify(id_, f"<stop-time>{at(60)}</stop-time>"))
    (content,) = messages(wire)
    assert content.findtext("sn:stop-time", None, PUSH) == at(60)
    assert content.findtext("sn:stream", None, PUSH) == "NETCONF"
    assert content.find("sn:stream-subtree-filter/{urn:toy}sold-out", PUSH) is not None


def test_what_cannot_be_read_changes_nothing() -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, STREAM + TEA)
    refused = error(wire.rpc(modify(id_, "<stream-xpath-filter>/toy:sold-out[</stream-xpath-filter>")))
    assert refused["error-app-tag"] == "ietf-subscribed-notifications:filter-unsupported"
    sell(market, "tea", "soap")
    assert stories(wire) == ["tea"]


def test_a_filter_of_the_configuration_that_changes_modifies_and_one_that_goes_ends() -> None:
    chosen = "<stream-filter{}><name>chosen</name>{}</stream-filter>"
    filters = f'<filters xmlns="{SN}">{chosen}</filters>'
    market = Market(filters.format("", TEA) + nacm(rule("permit")))
    wire, hand = market.connect(), market.connect("ann")
    established(wire, f"{STREAM}<stream-filter-name>chosen</stream-filter-name>")
    edit = (
        '<edit-config xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"><target><running/></target>'
        f"<config>{filters}</config></edit-config>"
    )
    assert is_ok(hand.rpc(edit.format(' nc:operation="replace"', TEA.replace("tea", "soap"))))
    sell(market, "tea", "soap")
    assert stories(wire) == ["subscription-modified", "soap"]
    assert is_ok(hand.rpc(edit.format(' nc:operation="delete"', "")))
    sell(market, "soap")
    (content,) = messages(wire)
    assert etree.QName(content).localname == "subscription-terminated"
    assert content.findtext("sn:reason", "", PUSH).endswith("filter-unavailable")


def test_a_subscription_that_nobody_reads_ends_where_its_filter_changes_again_and_again() -> None:
    filters = f'<filters xmlns="{SN}"><stream-filter><name>chosen</name>{TEA}</stream-filter></filters>'
    market = Market(filters)
    wire = market.connect()
    established(wire, f"{STREAM}<stream-filter-name>chosen</stream-filter-name>")
    sell(market, *["tea"] * (RECEIVER_LIMITS.notifications + 1))
    for turn in range(WAITING_WORDS + 1):
        root = configuration(filters.replace("tea", f"tea{turn}"), market.registry.schema)
        market.server.changes.store(caller(), Datastore.RUNNING, root)
    assert market.server.publisher.subscriptions == {}
    first, *_ = messages(wire)
    assert first.findtext("sn:reason", "", PUSH).endswith("filter-unavailable")


# How it ends.


def test_a_deleted_subscription_is_told_nothing_any_more() -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, STREAM)
    sell(market, "tea")
    wire.send(f'<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="9">{named("delete", id_)}</rpc>')
    sell(market, "soap")
    while (message := wire.receive()) is not None and not message.tag.endswith("rpc-reply"):
        pass
    assert message is not None
    assert names(wire) == []
    assert market.server.publisher.subscriptions == {}


def test_a_subscription_of_another_session_is_none_of_ones_own() -> None:
    market = Market(EVERYBODY)
    ann, bob = market.connect("ann"), market.connect("bob")
    id_ = established(ann, STREAM)
    for operation in (named("delete", id_), modify(id_, f"<stop-time>{at(60)}</stop-time>")):
        refused = error(bob.rpc(operation))
        assert refused["error-tag"] == "invalid-value"
        assert refused["error-app-tag"] == "ietf-subscribed-notifications:no-such-subscription"
    sell(market, "tea")
    assert stories(ann) == ["tea"]


def test_a_killed_subscription_is_told_so() -> None:
    market = Market(EVERYBODY)
    ann, bob = market.connect("ann"), market.connect("bob")
    id_ = established(ann, STREAM)
    assert is_ok(bob.rpc(named("kill", id_)))
    sell(market, "tea")
    (content,) = messages(ann)
    assert etree.QName(content).localname == "subscription-terminated"
    assert content.findtext("sn:id", None, PUSH) == str(id_)
    assert error(bob.rpc(named("kill", id_)))["error-app-tag"] == "ietf-subscribed-notifications:no-such-subscription"


def test_who_may_kill_has_to_be_said() -> None:
    market = Market()
    id_ = established(market.connect(), STREAM)
    assert error(market.connect().rpc(named("kill", id_)))["error-tag"] == "access-denied"


def test_a_subscription_ends_at_its_stop_time_in_device_time() -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, f"{STREAM}<stop-time>{at(60)}</stop-time>")
    market.management_now += 1_000_000
    sell(market, "tea")
    market.live(60)
    sell(market, "soap")
    assert stories(wire) == ["tea"]
    assert id_ not in market.server.publisher.subscriptions
    assert error(wire.rpc(named("delete", id_)))["error-tag"] == "invalid-value"


def test_a_later_stop_time_takes_the_place_of_an_earlier_one() -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, f"{STREAM}<stop-time>{at(60)}</stop-time>")
    wire.rpc(modify(id_, f"<stop-time>{at(120)}</stop-time>"))
    market.live(90)
    sell(market, "tea")
    market.live(31)
    sell(market, "soap")
    assert stories(wire) == ["subscription-modified", "tea"]


def test_subscriptions_end_with_their_session() -> None:
    market = Market()
    wire = market.connect()
    established(wire, f"{STREAM}<stop-time>{at(60)}</stop-time>")
    wire.session.lost()
    market.live(61)
    assert market.server.publisher.subscriptions == {}


# Who does not read.


def test_too_much_for_a_slow_reader_suspends_and_it_goes_on_when_that_has_been_read() -> None:
    market = Market()
    wire = market.connect()
    id_ = established(wire, STREAM)
    sell(market, *(str(number) for number in range(RECEIVER_LIMITS.notifications + 7)))
    other = market.connect()
    assert shown(other, id_)["state"] == "suspended"
    read = stories(wire)
    assert read[: RECEIVER_LIMITS.notifications] == [str(number) for number in range(RECEIVER_LIMITS.notifications)]
    assert read[RECEIVER_LIMITS.notifications :] == ["subscription-suspended", "subscription-resumed"]
    sell(market, "tea")
    assert stories(wire) == ["tea"]
    assert shown(other, id_)["state"] == "active"
    assert market.server.sessions[1].session.counters.dropped_notifications == 7


def test_a_modification_ends_a_suspension() -> None:
    market = Market()
    wire, other = market.connect(), market.connect()
    id_ = established(wire, STREAM)
    sell(market, *("soap",) * (RECEIVER_LIMITS.notifications + 1))
    subscription = market.server.publisher.subscriptions[id_]
    market.server.publisher.modify(subscription, subscription.terms)
    assert shown(other, id_)["state"] == "active"
    assert stories(wire)[RECEIVER_LIMITS.notifications :] == ["subscription-suspended", "subscription-modified"]


def test_requests_are_answered_while_notifications_wait() -> None:
    market = Market()
    wire = market.connect()
    established(wire, STREAM)
    sell(market, *("soap",) * 100)
    wire.send(
        '<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="9"><get-config><source><running/>'
        "</source></get-config></rpc>"
    )
    order = []
    while (message := wire.receive()) is not None:
        order.append(etree.QName(message).localname)
    assert order.index("rpc-reply") < 3
    assert order.count("notification") == 100


# What is shown.


def test_the_streams_are_those_of_rfc_5277() -> None:
    market = Market()
    data = market.connect().get(f'<streams xmlns="{SN}"/>')
    assert data.findtext("sn:streams/sn:stream/sn:name", None, PUSH) == "NETCONF"
    assert data.find("sn:streams/sn:stream/sn:replay-support", PUSH) is not None
    assert data.findtext("sn:streams/sn:stream/sn:replay-log-creation-time", None, PUSH) == at(0)


def test_no_subscription_can_be_configured() -> None:
    wire = Market().connect()
    reply = wire.rpc(
        f'<edit-config><target><running/></target><config><subscriptions xmlns="{SN}"><subscription><id>1</id>'
        "<stream>NETCONF</stream></subscription></subscriptions></config></edit-config>"
    )
    assert error(reply)["error-tag"] == "unknown-element"


def test_the_features_are_announced_that_there_are() -> None:
    hello = Market().open().hello()
    announced = [str(each.text) for each in hello.iter() if each.text and "ietf-subscribed-notifications" in each.text]
    assert len([each for each in announced if "module=ietf-subscribed" in each]) == 1
    (module,) = [each for each in announced if "module=ietf-subscribed" in each]
    assert "features=encode-xml,replay,subtree,xpath" in module
    assert "deviations=ipsec-agent-deviations" in module
    assert "configured" not in module
