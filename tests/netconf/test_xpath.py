"""XPath filters, RFC 6241 section 8.9: rule by rule, then any expression against libxml2 over the whole reply."""

from __future__ import annotations

from functools import cache
from typing import Final

import pytest
from hypothesis import given, settings
from lxml import etree

from tests.netconf.test_filters import CONFIG, KEYS, shop_server
from tests.support.access import nacm, path, rule
from tests.support.netconf_wire import Wire, error, texts
from tests.support.shop import STARTED_AT, Closed, Customer, ShopServer, SoldOut
from tests.support.subtree import shape
from tests.support.xpaths import expressions, select, selected, xpath_filter

SECRET: Final = '<shop xmlns="urn:toy"><name>corner</name><secret>s</secret></shop>'
EVENT: Final = "urn:ietf:params:xml:ns:netconf:notification:1.0"


def chosen(expression: str, declared: str = 'xmlns:toy="urn:toy"') -> etree._Element:
    """Return the data that a get with an expression gives of the shop with customers."""
    return select(shop_server().connect(), expression, declared)


def refusal(expression: str, declared: str = 'xmlns:toy="urn:toy"') -> dict[str, str]:
    """Return the error that a get with an expression is answered with."""
    return error(shop_server().connect().rpc(f"<get>{xpath_filter(expression, declared)}</get>"))


# What is refused.


@pytest.mark.parametrize(
    "expression",
    ["/other:shop", "/toy:shop[", "foo()", "/toy:shop[other:name]", "$x", "count(/toy:shop)", "'a'", "1 = 1"],
)
def test_what_selects_no_nodes_is_no_filter(expression: str) -> None:
    """Row E12."""
    found = refusal(expression)
    assert (found["error-type"], found["error-tag"]) == ("protocol", "invalid-value")
    assert found["error-message"]


def test_an_empty_expression_is_refused() -> None:
    """Row E12."""
    assert refusal("")["error-tag"] == "invalid-value"


def test_a_filter_without_an_expression_is_refused() -> None:
    """Row E13."""
    found = error(shop_server().connect().rpc('<get><filter type="xpath"/></get>'))
    assert (found["error-tag"], found["bad-attribute"], found["bad-element"]) == (
        "missing-attribute",
        "select",
        "filter",
    )


def test_an_expression_that_would_take_too_long_is_refused_before_it_begins() -> None:
    server = shop_server()
    server.shop.welcome(2000)
    wire = server.connect()
    found = error(wire.rpc(f"<get>{xpath_filter('//*[count(//*[count(//*) > 1]) > 1]')}</get>"))
    assert (found["error-type"], found["error-tag"]) == ("application", "resource-denied")
    assert texts(select(wire, "/toy:shop/toy:name"), ".//toy:name") == ["corner"], "the session goes on"


# What is selected.


def test_the_attributes_may_be_in_the_namespace_of_the_protocol() -> None:
    nc = 'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"'
    wire = shop_server().connect()
    reply = wire.rpc(f'<get><filter {nc} nc:type="xpath" nc:select="/t:shop/t:tag" xmlns:t="urn:toy"/></get>')
    assert texts(reply, "nc:data/toy:shop/*") == ["a", "b"]


def test_the_ancestors_of_what_is_selected_are_shown_with_their_keys() -> None:
    """Row E14."""
    data = chosen("//toy:count")
    assert (
        shape(data, KEYS)[2]
        == shape(
            etree.fromstring(
                '<data xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><shop xmlns="urn:toy">'
                "<customer><number>1</number><purchase><article>tea</article><count>2</count></purchase>"
                "<purchase><article>soap</article><count>1</count></purchase></customer>"
                "<customer><number>3</number><purchase><article>tea</article><count>1</count></purchase></customer>"
                "</shop></data>"
            ),
            KEYS,
        )[2]
    )


def test_what_a_predicate_looks_at_is_not_shown_for_that() -> None:
    """Unlike the content match of a subtree filter: section 8.9.5.1 wants what identifies the nodes, and no more."""
    data = chosen("/toy:shop[toy:name = 'corner']/toy:customer[toy:name = 'Ann']/toy:purchase[toy:article = 'soap']")
    assert texts(data, ".//toy:count") == ["1"]
    assert texts(data, ".//toy:name") == []


def test_a_key_that_is_selected_by_its_value_shows_no_other_entry() -> None:
    assert texts(chosen("//toy:article[. = 'soap']"), ".//toy:article") == ["soap"]


def test_nothing_selected_is_no_error() -> None:
    assert len(chosen("/toy:shop/toy:customer[toy:number = 9]")) == 0


def test_the_root_is_everything() -> None:
    everything = shop_server().connect()
    assert [child.tag for child in chosen("/")] == [child.tag for child in everything.get()]


def test_a_relative_path_begins_at_the_root() -> None:
    assert texts(chosen("toy:shop/toy:name"), "toy:shop/*") == ["corner"]


def test_a_name_without_a_prefix_is_in_no_namespace_whatever_the_default_is() -> None:
    """XPath 1.0 section 2.3: and no data is in none."""
    nc = 'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"'
    reply = shop_server().connect().rpc(f'<get><nc:filter {nc} xmlns="urn:toy" type="xpath" select="/shop"/></get>')
    assert [len(child) for child in reply] == [0]


def test_a_declared_prefix_of_nothing_we_have_selects_nothing() -> None:
    assert len(chosen("/x:shop", 'xmlns:x="urn:other"')) == 0


def test_get_config_gives_no_state_and_judges_by_none() -> None:
    """Rows D11 and D12."""
    wire = shop_server().connect()

    def config(expression: str) -> etree._Element:
        return wire.rpc(f"<get-config><source><running/></source>{xpath_filter(expression)}</get-config>")

    assert texts(config("//toy:row[. < 3]"), ".//toy:row") == ["1", "1", "2"]
    for expression in ("/toy:shop/toy:totals", "/toy:shop[toy:totals/toy:sold = 12]", "//toy:shelf[toy:weight > 1]"):
        assert len(config(expression)[0]) == 0


def test_a_value_is_compared_as_it_is_shown() -> None:
    assert texts(chosen("//toy:shelf[toy:row = 01]/toy:column"), ".//toy:column") == ["left", "right"]
    assert len(chosen("//toy:shelf[toy:row = '01']")) == 0


@pytest.mark.parametrize("expression", ["//t:kind[. = 't:red']", "/t:shop[contains(t:kind, 't:r')]/t:kind"])
def test_an_identity_is_written_with_the_prefix_that_the_filter_declares(expression: str) -> None:
    declared = 'xmlns:t="urn:toy"'
    assert texts(chosen(expression, declared), "toy:shop/toy:kind") == ["toy:red"]
    assert len(chosen(expression.replace("'t:r", "'toy:r"), declared)) == 0


# Access.


def test_what_may_not_be_read_is_not_there() -> None:
    server = ShopServer(SECRET + nacm(rule("deny", path("/toy:shop/toy:name"))))
    may, may_not = server.connect("bob"), server.connect("ann")
    for expression in ("/toy:shop/toy:name", "//*[. = 'corner']"):
        assert texts(select(may, expression), ".//toy:name") == ["corner"]
        assert len(select(may_not, expression)) == 0


@pytest.mark.parametrize(
    "expression", ["/toy:shop[toy:secret = 's']/toy:name", "//toy:name[../toy:secret]", "//*[. = 's']"]
)
def test_no_predicate_tells_of_what_may_not_be_read(expression: str) -> None:
    assert len(select(ShopServer(SECRET).connect("bob"), expression)) == 0


# Push-down: what the shop is asked for.


def asked(expression: str) -> tuple[list[tuple[str, ...]], int]:
    """Return which customers were looked up, and how often all of them were walked through."""
    server = shop_server()
    select(server.connect(), expression)
    return server.shop.looked_up, server.shop.iterations


@pytest.mark.parametrize(
    "expression",
    [
        "/toy:shop/toy:customer[toy:number = 2]",
        "/toy:shop/toy:customer['2' = toy:number]/toy:name",
        "//toy:customer[toy:number = 2]",
        "/toy:shop/*[toy:number = 2 and toy:name = 'Bob']",
        "/toy:shop/toy:customer[./toy:number = '2'][toy:name = 'Bob']/toy:purchase",
        "/toy:shop/toy:customer/toy:number[. = 2]",
    ],
)
def test_a_key_is_looked_up(expression: str) -> None:
    assert asked(expression) == ([("2",)], 0)


def test_each_of_several_keys_is_looked_up() -> None:
    union = "/toy:shop/toy:customer[toy:number = 3] | /toy:shop/toy:customer[toy:number = 1]/toy:name"
    assert asked(union) == ([("3",), ("1",)], 0)


@pytest.mark.parametrize(
    "condition", ["count(toy:purchase) > 1", "toy:purchase/toy:count > 1", "starts-with(toy:name, 'A')"]
)
def test_a_key_is_looked_up_even_where_the_rest_needs_more(condition: str) -> None:
    looked_up, iterations = asked(f"/toy:shop/toy:customer[toy:number = 1][{condition}]")
    assert (set(looked_up), iterations) == ({("1",)}, 0)


@pytest.mark.parametrize("value", ["'two'", "'02'", "2.5", "5000000000"])
def test_a_key_that_no_entry_can_have_asks_for_nothing(value: str) -> None:
    assert asked(f"/toy:shop/toy:customer[toy:number = {value}]") == ([], 0)


@pytest.mark.parametrize(
    "expression",
    ["/toy:shop/toy:customer[2][toy:number = 1]", "/toy:shop/toy:customer[toy:number = 1 and position() = 2]"],
)
def test_a_key_behind_a_position_is_no_look_up(expression: str) -> None:
    """The second of all is not the second of those with the key."""
    assert asked(expression) == ([], 1)


def test_a_neighbour_of_what_is_looked_up_is_found_all_the_same() -> None:
    data = chosen("/toy:shop/toy:customer[toy:number = 1]/following-sibling::toy:customer[1]")
    assert texts(data, ".//toy:number") == ["2"]


def test_what_no_expression_touches_is_not_asked_for() -> None:
    for expression in ("/toy:shop/toy:shelf[toy:weight > 5]", "/toy:shop/toy:name", "/toy:shop/toy:tag[last()]"):
        assert asked(expression) == ([], 0)


def test_a_whole_list_is_read_once() -> None:
    assert asked("//toy:article") == ([], 1)


# The functions of YANG (RFC 7950 section 10).


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("//toy:kind[derived-from(., 'toy:colour')]", True),
        ("//toy:kind[derived-from(., 'toy:red')]", False),
        ("//toy:kind[derived-from-or-self(., 'toy:red')]", True),
        ("//toy:kind[derived-from-or-self(., 'red')]", False),
        ("//toy:kind[derived-from-or-self(../toy:name, 'toy:red')]", False),
        ("//toy:sold[bit-is-set(../toy:moods, 'busy')]", True),
        ("//toy:sold[bit-is-set(../toy:moods, 'bus')]", False),
        ("//toy:sold[bit-is-set(../toy:bogus, 'busy')]", False),
        ("//toy:name[re-match(., 'c[n-r]{3}e.')]", True),
        ("//toy:name[re-match(., 'corn')]", False),
        ("//toy:tag[. = current()/toy:shop/toy:tag[2]]", True),
        ("current()/toy:shop/toy:name", True),
        ("//toy:name[deref(.)]", False),
    ],
)
def test_a_function_of_yang(expression: str, found: bool) -> None:
    assert bool(len(chosen(expression))) is found


def test_a_reference_is_followed() -> None:
    """Section 10.3.1."""
    server = ShopServer(
        '<shop xmlns="urn:toy"><rules><favourite>tea</favourite></rules>'
        "<shelf><row>1</row><column>a</column><label>soap</label></shelf>"
        "<shelf><row>2</row><column>b</column><label>tea</label></shelf></shop>"
    )
    data = select(server.connect(), "deref(/toy:shop/toy:rules/toy:favourite)/../toy:column")
    assert texts(data, ".//toy:row") == ["2"]
    assert texts(data, ".//toy:column") == ["b"]


def test_an_enumeration_has_numbers() -> None:
    """Section 10.5.1: of implement and import, in this order."""
    wire, declared = shop_server().connect(), 'xmlns:lib="urn:ietf:params:xml:ns:yang:ietf-yang-library"'
    for number, name in enumerate(("implement", "import")):
        data = select(wire, f"//lib:conformance-type[enum-value(.) = {number}]", declared)
        assert {leaf.text for leaf in data.iter("{*}conformance-type")} == {name}
    assert len(select(wire, "//lib:content-id[enum-value(.) = 0]", declared)) == 0


def test_what_is_no_regular_expression_is_refused() -> None:
    found = refusal("//toy:name[re-match(., '(')]")
    assert (found["error-type"], found["error-tag"]) == ("protocol", "invalid-value")


# Notifications (RFC 5277 section 3.6).


def subscriber(server: ShopServer, expression: str) -> Wire:
    """Return a session that has subscribed with an expression."""
    wire = server.connect()
    reply = wire.rpc(f'<create-subscription xmlns="{EVENT}">{xpath_filter(expression)}</create-subscription>')
    assert reply[0].tag.endswith("ok"), etree.tostring(reply)
    return wire


@pytest.mark.parametrize(
    ("expression", "wanted"),
    [
        ("/toy:sold-out", True),
        ("/toy:closed", False),
        ("/*", True),
        ("/toy:closed | /toy:sold-out", True),
        ("/toy:sold-out[toy:article = 'tea' and (toy:colour = 'red' or toy:colour = 'blue')]", True),
        ("/toy:sold-out[toy:article = 'soap']", False),
        ("/toy:sold-out/toy:colour[. = 'blue']", False),
        ("/toy:sold-out[toy:substitute[toy:article = 'coffee']/toy:price < 5]", True),
        ("//toy:price[. > 5]", False),
        ("/toy:shop", False),
        ("/toy:sold-out[re-match(toy:article, '(')]", False),
    ],
)
def test_a_subscriber_is_told_of_what_an_expression_selects_in(expression: str, wanted: bool) -> None:
    server = ShopServer()
    wire = subscriber(server, expression)
    server.server.publish(SoldOut(STARTED_AT, "tea", ("red", "green"), "ann", {"coffee": 3, "cocoa": 5}))
    assert (wire.receive() is not None) is wanted


def test_what_may_not_be_told_no_expression_gets() -> None:
    server = ShopServer()
    wire = subscriber(server, "/*")
    server.server.publish(Closed(STARTED_AT))
    assert wire.receive() is None


@pytest.mark.parametrize("expression", ["/toy:sold-out[", "count(/toy:sold-out)", "/other:sold-out"])
def test_a_subscription_with_what_is_no_filter_is_refused(expression: str) -> None:
    server = ShopServer()
    wire = server.connect()
    reply = wire.rpc(f'<create-subscription xmlns="{EVENT}">{xpath_filter(expression)}</create-subscription>')
    assert error(reply)["error-tag"] == "invalid-value"
    server.server.publish(SoldOut(STARTED_AT, "tea"))
    assert wire.receive() is None


# Everything together.


@cache
def standing_shop() -> tuple[Wire, etree._Element]:
    """Return a session of one who may read nothing but the shop, and the shop as it is shown without a filter."""
    server = shop_server()
    toy = rule("permit", "<module-name>toy</module-name>", "read")
    server.configure(CONFIG + nacm(toy, settings="<read-default>deny</read-default>"))
    wire = server.connect("ann")
    (shop,) = wire.get()
    return wire, shop


@settings(max_examples=300, deadline=None)
@given(expressions())
def test_any_expression_selects_what_libxml2_finds_in_the_whole_reply(expression: str) -> None:
    wire, shop = standing_shop()
    wanted = selected(shop, expression, KEYS)
    found = select(wire, expression)
    assert [shape(child, KEYS) for child in found] == ([wanted] if wanted[2] else [])


def test_ten_thousand_entries_that_are_selected_are_each_shown_once() -> None:
    server = ShopServer()
    server.shop.customers = {number: Customer(number, "Ann", {}) for number in range(10_000)}
    data = select(server.connect(), "/toy:shop/toy:customer[toy:number mod 2 = 1]")
    assert texts(data, ".//toy:number") == [str(number) for number in range(1, 10_000, 2)]
