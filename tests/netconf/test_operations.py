"""The protocol operations of the reading half: RFC 6241 section 7, and RPCs of modules."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from tests.support.netconf_wire import NAMESPACES, Wire, envelope, error, text, texts
from tests.support.shop import ShopServer

CONFIG: Final = '<shop xmlns="urn:toy"><name>corner</name><shelf><row>1</row><column>a</column></shelf></shop>'
OPEN_DOORS: Final = '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><enable-nacm>false</enable-nacm></nacm>'


def shop_wire() -> Wire:
    """Return a session with a shop in which something was sold and everybody may do everything."""
    server = ShopServer(CONFIG + OPEN_DOORS)
    server.shop.sold = 3
    server.shop.weights[(1, "a")] = 5
    return server.connect()


def lock(target: str = "<running/>", operation: str = "lock") -> str:
    """Return a lock or unlock."""
    return f"<{operation}><target>{target}</target></{operation}>"


def kill(session_id: object) -> str:
    """Return a kill-session."""
    return f"<kill-session><session-id>{session_id}</session-id></kill-session>"


def is_ok(reply: etree._Element) -> bool:
    """Tell whether a reply is ok and nothing else (row C15)."""
    return [child.tag for child in reply] == [f"{{{NAMESPACES['nc']}}}ok"]


# get and get-config.


def test_get_shows_configuration_and_state() -> None:
    data = shop_wire().get('<shop xmlns="urn:toy"/>')
    assert texts(data, "toy:shop/toy:name") == ["corner"]
    assert texts(data, "toy:shop/toy:totals/toy:sold") == ["3"]
    assert texts(data, "toy:shop/toy:shelf/toy:weight") == ["5"]


def test_everything_there_is_satisfies_the_modules() -> None:
    """The support code has libyang validate an unfiltered reply whole."""
    assert len(shop_wire().get()) >= 4


def test_get_config_shows_no_state() -> None:
    """Row D11."""
    data = shop_wire().get_config()
    assert texts(data, "toy:shop/toy:name") == ["corner"]
    assert [child.tag for child in data.iter() if child.tag in ("{urn:toy}totals", "{urn:toy}weight")] == []


@pytest.mark.parametrize(
    "content",
    [
        "<totals/>",
        "<totals><sold>3</sold></totals>",
        "<shelf><weight/></shelf>",
        "<shelf><weight>5</weight></shelf>",
        "<customer/>",
    ],
)
def test_get_config_that_asks_for_state_gets_nothing_and_no_error(content: str) -> None:
    """Rows D11 and D12."""
    assert len(shop_wire().get_config(f'<shop xmlns="urn:toy">{content}</shop>')) == 0


def test_get_config_asks_the_state_for_nothing() -> None:
    server = ShopServer(CONFIG)
    server.connect().get_config('<shop xmlns="urn:toy"><customer><number>1</number></customer></shop>')
    assert (server.shop.looked_up, server.shop.iterations) == ([], 0)


@pytest.mark.parametrize(
    ("source", "tag"),
    [
        ("<source><nonsense/></source>", "unknown-element"),
        ("<source><operational/></source>", "unknown-element"),
        ('<source><running xmlns="urn:other"/></source>', "unknown-namespace"),
        ("<source/>", "missing-element"),
        ("", "missing-element"),
        ("<source>running</source>", "bad-element"),
        ("<source><running/><running/></source>", "bad-element"),
    ],
)
def test_a_source_that_is_no_datastore_of_this_server_is_refused(source: str, tag: str) -> None:
    """Row D13."""
    reply = shop_wire().rpc(f"<get-config>{source}</get-config>")
    assert texts(reply, "nc:rpc-error/nc:error-tag")[0] == tag
    assert reply.find("nc:data", NAMESPACES) is None


# lock and unlock.


def test_a_lock_is_granted_once_and_released() -> None:
    wire = shop_wire()
    assert is_ok(wire.rpc(lock()))
    assert is_ok(wire.rpc(lock(operation="unlock")))
    assert is_ok(wire.rpc(lock()))


def test_a_lock_held_by_another_session_is_denied_with_its_id() -> None:
    """Row D1."""
    server = ShopServer()
    holder, other = server.connect(), server.connect()
    holder.rpc(lock())
    found = error(other.rpc(lock()))
    assert (found["error-type"], found["error-tag"], found["session-id"]) == ("protocol", "lock-denied", "1")


def test_a_lock_is_denied_to_its_own_holder_too() -> None:
    """RFC 6241 section 7.5: an attempt to lock what is locked fails."""
    wire = shop_wire()
    wire.rpc(lock())
    assert error(wire.rpc(lock()))["session-id"] == "1"


def test_unlocking_what_is_not_locked_fails() -> None:
    """Row D4."""
    assert error(shop_wire().rpc(lock(operation="unlock")))["error-tag"] == "operation-failed"


def test_unlocking_what_another_session_locked_fails_and_leaves_the_lock() -> None:
    """Row D4."""
    server = ShopServer()
    holder, other = server.connect(), server.connect()
    holder.rpc(lock())
    found = error(other.rpc(lock(operation="unlock")))
    assert (found["error-tag"], found["session-id"]) == ("lock-denied", "1")
    assert error(other.rpc(lock()))["error-tag"] == "lock-denied"


# close-session and kill-session.


def test_close_session_is_answered_and_ends_the_session() -> None:
    wire = shop_wire()
    assert is_ok(wire.rpc("<close-session/>"))
    assert wire.is_finished


def test_a_session_cannot_kill_itself() -> None:
    """Row D8."""
    wire = shop_wire()
    found = error(wire.rpc(kill(1)))
    assert (found["error-type"], found["error-tag"]) == ("protocol", "invalid-value")
    assert found["error-path"] == "/nc:kill-session/nc:session-id"
    assert not wire.is_finished


@pytest.mark.parametrize("session_id", [2, 0, 4294967295, 4294967296, -1, "x", ""])
def test_killing_a_session_that_is_not_there_is_refused(session_id: object) -> None:
    """Row D9."""
    assert error(shop_wire().rpc(kill(session_id)))["error-tag"] == "invalid-value"


def test_a_killed_session_ends_at_once_and_the_killer_goes_on() -> None:
    """Row D10."""
    server = ShopServer(OPEN_DOORS)
    killer, victim = server.connect(), server.connect()
    victim.send(envelope('<buy xmlns="urn:toy"><article>tea</article></buy>'))
    woken = server.woken
    assert is_ok(killer.rpc(kill(2)))
    assert victim.session.is_finished
    assert server.woken == woken + 1, "its transport has to learn of it"
    assert victim.receive() is None
    assert server.shop.bought == []
    assert not killer.is_finished
    assert error(killer.rpc(kill(2)))["error-tag"] == "invalid-value"


# Operations that are not there.


def test_an_unknown_operation_is_an_unknown_element() -> None:
    """Row C10."""
    found = error(shop_wire().rpc("<nonsense/>"))
    assert (found["error-type"], found["error-tag"], found["bad-element"]) == (
        "protocol",
        "unknown-element",
        "nonsense",
    )


@pytest.mark.parametrize("operation", ["<partial-lock/>", "<get-data/>", '<unbound xmlns="urn:toy"/>'])
def test_an_operation_that_this_server_does_not_carry_out_is_refused(operation: str) -> None:
    """Row C10."""
    assert error(shop_wire().rpc(operation))["error-tag"] in ("operation-not-supported", "unknown-element")


def test_a_known_operation_without_a_binding_is_not_supported() -> None:
    """Row C10."""
    assert error(shop_wire().rpc('<unbound xmlns="urn:toy"/>'))["error-tag"] == "operation-not-supported"


def test_an_operation_of_an_unknown_namespace_names_it() -> None:
    """Row C11."""
    found = error(shop_wire().rpc('<get xmlns="urn:nonsense"/>'))
    assert (found["error-tag"], found["bad-element"], found["bad-namespace"]) == (
        "unknown-namespace",
        "get",
        "urn:nonsense",
    )


def test_an_operation_of_no_namespace_is_an_unknown_element() -> None:
    assert error(shop_wire().rpc('<get xmlns=""/>'))["error-tag"] == "unknown-element"


# RPCs of modules.


def test_an_rpc_gets_its_input_and_its_output_is_rendered() -> None:
    server = ShopServer()
    reply = server.connect().rpc('<buy xmlns="urn:toy"><article>tea</article><cash>5</cash></buy>')
    assert texts(reply, "toy:bought/toy:article") == ["tea", "bag"]
    assert server.shop.bought == [("admin", "tea")]


def test_a_refusal_of_a_handler_has_its_tag_app_tag_and_path() -> None:
    """Row C13."""
    found = error(shop_wire().rpc('<buy xmlns="urn:toy"><article>moon</article></buy>'))
    assert found["error-type"] == "application"
    assert found["error-tag"] == "invalid-value"
    assert found["error-app-tag"] == "unknown-article"
    assert found["error-path"] == "/toy:buy/toy:article"


@pytest.mark.parametrize(
    ("content", "tag", "info"),
    [
        ("", "missing-element", "article"),
        ("<article/>", "invalid-value", "article"),
        ("<article>much too long</article>", "invalid-value", "article"),
        ("<article>tea</article><nonsense/>", "unknown-element", "nonsense"),
        ('<article>tea</article><x xmlns="urn:x"/>', "unknown-namespace", "x"),
        ("<article>tea</article><article>soap</article>", "bad-element", "article"),
        ("<article>tea</article><cash>1</cash><card>2</card>", "bad-element", "card"),
        ("<article>tea<b/></article>", "bad-element", "article"),
        ("text<article>tea</article>", "bad-element", "buy"),
        ("<article>tea</article><cash>-1</cash>", "invalid-value", "cash"),
    ],
)
def test_a_wrong_input_is_refused_and_nothing_is_carried_out(content: str, tag: str, info: str) -> None:
    server = ShopServer()
    found = error(server.connect().rpc(f'<buy xmlns="urn:toy">{content}</buy>'))
    assert (found["error-tag"], found["bad-element"]) == (tag, info)
    assert server.shop.bought == []


def test_all_that_is_wrong_with_an_input_is_reported() -> None:
    reply = shop_wire().rpc('<buy xmlns="urn:toy"><nonsense/><cash>x</cash></buy>')
    assert texts(reply, "nc:rpc-error/nc:error-tag") == ["unknown-element", "invalid-value", "missing-element"]
    assert reply.find("nc:ok", NAMESPACES) is None


def test_a_message_full_of_nonsense_gets_a_reply_of_bounded_size() -> None:
    reply = shop_wire().rpc(f'<buy xmlns="urn:toy">{"<nonsense/>" * 10_000}</buy>')
    assert 100 <= len(reply) <= 110


def test_an_output_of_one_value_is_below_the_reply_itself() -> None:
    server = ShopServer()
    wire = server.connect()
    wire.send(envelope('<wait xmlns="urn:toy"/>'))
    wire.receive()
    server.shop.pending[0].complete({"waited": 5})
    reply = wire.receive()
    assert reply is not None
    assert [child.tag for child in reply] == ["{urn:toy}waited"]
    assert text(reply, "toy:waited") == "5"
