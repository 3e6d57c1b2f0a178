"""What the sessions of one server share: ids, counters, and access control in the path of every request (RFC 8341)."""

from __future__ import annotations

from typing import Final

import pytest

from agent.netconf.server import Client
from tests.support.access import nacm, path, rule
from tests.support.netconf_wire import Wire, error, texts
from tests.support.shop import Customer, ShopServer, toy_schema

DATA: Final = '<shop xmlns="urn:toy"><name>corner</name><secret>gold</secret><tag>a</tag></shop>'
NOTHING: Final = "<exec-default>deny</exec-default><read-default>deny</read-default>"
MONITORING: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
SHOP: Final = '<shop xmlns="urn:toy"/>'
BUY: Final = '<buy xmlns="urn:toy"><article>tea</article></buy>'
GET: Final = f"<get><filter>{SHOP}</filter></get>"


def guarded(*rules: str, settings: str = "", user: str = "ann") -> tuple[ShopServer, Wire]:
    """Return a shop under access rules, and a session of a user."""
    server = ShopServer(DATA + nacm(*rules, settings=settings))
    server.shop.customers = {1: Customer(1, "Zoe", {"tea": 2}), 2: Customer(2, "Bob", {})}
    return server, server.connect(user)


def tag(wire: Wire, operation: str) -> str:
    """Return the error tag that an operation meets."""
    return error(wire.rpc(operation))["error-tag"]


# Sessions.


def test_session_ids_start_at_one_and_are_never_used_again() -> None:
    """Row A14."""
    server = ShopServer()
    first, second = server.open(), server.open()
    first.session.lost()
    third = server.open()
    hellos = [wire.receive() for wire in (first, second, third)]
    assert hellos[0] is None
    assert [texts(hello, "nc:session-id") for hello in hellos[1:] if hello is not None] == [["2"], ["3"]]
    assert list(server.server.sessions) == [2, 3]


def test_a_kill_of_nobody_is_told_apart() -> None:
    server = ShopServer()
    server.open()
    assert not server.server.kill(2, by=1)
    assert server.server.kill(1, by=2)
    assert server.server.sessions == {}


def test_only_sessions_that_broke_off_count_as_dropped() -> None:
    server = ShopServer(nacm(settings="<enable-nacm>false</enable-nacm>"))
    server.connect().rpc("<close-session/>")
    server.connect().session.lost()
    server.connect()
    server.connect().rpc("<kill-session><session-id>3</session-id></kill-session>")
    assert server.server.counters.dropped_sessions == 1
    assert server.server.counters.in_sessions == 4


# Who may do what.


@pytest.mark.parametrize(
    "operation",
    [
        "<get/>",
        GET,
        "<get-config><source><running/></source></get-config>",
        "<lock><target><running/></target></lock>",
        "<unlock><target><running/></target></unlock>",
        "<kill-session><session-id>2</session-id></kill-session>",
        f'<get-schema xmlns="{MONITORING}"><identifier>toy</identifier></get-schema>',
        BUY,
        '<wait xmlns="urn:toy"/>',
        '<unbound xmlns="urn:toy"/>',
        '<forbidden xmlns="urn:toy"/>',
    ],
)
def test_a_user_without_rights_is_denied_every_operation(operation: str) -> None:
    """Row D29."""
    server, wire = guarded(settings=NOTHING, user="guest")
    victim = server.connect()
    found = error(wire.rpc(operation))
    assert (found["error-type"], found["error-tag"]) == ("application", "access-denied")
    assert server.server.access_counters.operations == 1
    assert (server.shop.bought, server.shop.pending) == ([], [])
    assert not victim.is_finished


def test_a_user_without_rights_may_close_the_session() -> None:
    """Row D30."""
    server, wire = guarded(rule("deny"), settings=NOTHING)
    assert texts(wire.rpc("<close-session/>"), "nc:ok") == [""]
    assert server.server.access_counters.operations == 0


def test_a_denied_operation_says_nothing_about_its_input() -> None:
    """Row C18: access is decided before the input is looked at."""
    _, wire = guarded(settings=NOTHING, user="guest")
    assert tag(wire, '<buy xmlns="urn:toy"><nonsense/></buy>') == "access-denied"
    assert tag(wire, "<get><filter type='xpath'/></get>") == "access-denied"


def test_what_a_user_may_not_read_is_left_out_silently() -> None:
    """Row D29."""
    server, wire = guarded(rule("deny", path("/toy:shop/toy:name"), "read"))
    assert texts(wire.get(SHOP), "toy:shop/toy:name") == []
    assert texts(wire.get(SHOP), "toy:shop/toy:tag") == ["a"]
    assert texts(server.connect("other").get(SHOP), "toy:shop/toy:name") == ["corner"]
    assert server.server.access_counters.operations == 0


def test_a_hidden_node_hides_what_is_below_it() -> None:
    _, wire = guarded(rule("deny", path("/toy:shop/toy:customer"), "read"), rule("permit"))
    assert texts(wire.get(SHOP), "toy:shop/toy:customer") == []


def test_a_node_that_is_denied_to_all_by_default_is_shown_to_whom_a_rule_permits() -> None:
    server, wire = guarded(rule("permit", path("/toy:shop/toy:secret"), "read"))
    assert texts(wire.get(SHOP), "toy:shop/toy:secret") == ["gold"]
    assert texts(server.connect("other").get(SHOP), "toy:shop/toy:secret") == []
    assert texts(server.connect("other").get_config(SHOP), "toy:shop/toy:secret") == []


@pytest.mark.parametrize("guess", ["gold", "silver"])
def test_a_content_match_tells_nothing_of_a_hidden_value(guess: str) -> None:
    """Row C18: a right guess and a wrong one look alike."""
    _, wire = guarded()
    assert len(wire.get(f'<shop xmlns="urn:toy"><secret>{guess}</secret><name/></shop>')) == 0


def test_a_list_whose_key_is_hidden_is_hidden() -> None:
    server, wire = guarded(rule("deny", path("/toy:shop/toy:customer/toy:number"), "read"))
    assert texts(wire.get(SHOP), "toy:shop/toy:customer") == []
    assert len(wire.get('<shop xmlns="urn:toy"><customer><number>1</number></customer></shop>')) == 0
    assert (server.shop.looked_up, server.shop.iterations) == ([], 0)


def test_a_hidden_leaf_of_an_entry_leaves_the_rest() -> None:
    _, wire = guarded(rule("deny", path("/toy:shop/toy:customer/toy:name"), "read"))
    data = wire.get('<shop xmlns="urn:toy"><customer/></shop>')
    assert texts(data, "toy:shop/toy:customer/toy:number") == ["1", "2"]
    assert texts(data, "toy:shop/toy:customer/toy:name") == []


def test_a_user_who_may_read_nothing_gets_an_empty_reply() -> None:
    _, wire = guarded(settings="<read-default>deny</read-default>")
    assert len(wire.get()) == 0
    assert len(wire.get_config()) == 0


def test_killing_is_denied_unless_a_rule_permits_it() -> None:
    """RFC 8341 section 3.2.5."""
    operation = "<kill-session><session-id>2</session-id></kill-session>"
    server, wire = guarded(rule("permit", "<rpc-name>kill-session</rpc-name>", "exec"))
    server.connect("other")
    assert tag(server.connect("other"), operation) == "access-denied"
    assert texts(wire.rpc(operation), "nc:ok") == [""]


# When the rules change.


def test_new_rules_hold_for_open_sessions() -> None:
    server, wire = guarded()
    assert texts(wire.get(SHOP), "toy:shop/toy:name") == ["corner"]
    server.configure(DATA + nacm(rule("deny", path("/toy:shop/toy:name"))))
    assert texts(wire.get(SHOP), "toy:shop/toy:name") == []
    server.configure(DATA)
    assert texts(wire.get(SHOP), "toy:shop/toy:name") == ["corner"]


def test_a_user_who_leaves_a_group_loses_its_rights_at_once() -> None:
    server, wire = guarded(
        rule("permit", "<rpc-name>buy</rpc-name>", "exec"), settings="<exec-default>deny</exec-default>"
    )
    wire.rpc(BUY)
    rules = rule("permit", "<rpc-name>buy</rpc-name>", "exec")
    server.configure(DATA + nacm(rules, settings="<exec-default>deny</exec-default>", users=("bob",)))
    assert tag(wire, BUY) == "access-denied"
    assert server.shop.bought == [("ann", "tea")]


def test_two_users_of_the_same_groups_are_told_apart_by_name_in_the_handler() -> None:
    server = ShopServer(nacm(rule("permit"), users=("ann", "bob")))
    for user in ("ann", "bob"):
        server.connect(user).rpc(BUY)
    assert server.shop.bought == [("ann", "tea"), ("bob", "tea")]


def test_groups_that_the_transport_knows_of_count() -> None:
    server = ShopServer(DATA + nacm(rule("permit", path("/toy:shop/toy:secret"))))
    client = Client("eve", "192.0.2.1", "netconf-ssh", ("staff",))
    wire = Wire(server.server.open_session(client, lambda: None), toy_schema())
    wire.hello()
    assert texts(wire.get(SHOP), "toy:shop/toy:secret") == ["gold"]
    server.configure(DATA + nacm(rule("permit"), settings="<enable-external-groups>false</enable-external-groups>"))
    assert texts(wire.get(SHOP), "toy:shop/toy:secret") == []


def test_denials_are_counted_where_those_who_may_can_read_them() -> None:
    server, wire = guarded(settings="<exec-default>deny</exec-default>", user="guest")
    for _ in range(3):
        wire.rpc(BUY)
    server.configure(nacm(rule("permit")))
    counters = '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><denied-operations/></nacm>'
    assert server.connect("ann").get(counters).xpath("string()") == "3"
    assert len(server.connect("guest").get(counters)) == 0, "the module denies all by default"
