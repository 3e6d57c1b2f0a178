"""Requests that differ in keys alone: what one of them selects is what it would select if it were the first."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agent.datastore.selection import LookUp
from agent.netconf.messages import BASE_NAMESPACE
from tests.netconf.test_filters import KEYS, shop_server
from tests.support.access import nacm, path, rule
from tests.support.netconf_wire import Wire, texts
from tests.support.shop import ShopServer
from tests.support.subtree import filtered, shape
from tests.support.xpaths import select, selected, xpath_filter

VALUES = ("1", "2", "3", "9", "01", " 1 ", "left", "right", "tea", "soap", "a", "", "x'y", "a&amp;b")
SUBTREES = (
    "<shop><customer><number>{}</number></customer></shop>",
    "<shop><customer><number>{}</number><name/></customer></shop>",
    "<shop><shelf><row>{}</row><column>{}</column></shelf></shop>",
    "<shop><shelf><column>{}</column><row>{}</row><weight/></shelf></shop>",
    "<shop><shelf><row>{}</row></shelf></shop>",
    "<shop><customer><number>{}</number><purchase><article>{}</article></purchase></customer></shop>",
    "<shop><customer><purchase><article>{}</article></purchase><number>{}</number></customer></shop>",
    "<shop><customer><number>{}</number></customer><customer><number>{}</number></customer></shop>",
    "<shop><customer><number>{}</number><name>{}</name></customer></shop>",
    "<shop><customer>{}<number>{}</number></customer></shop>",
    "<shop><customer><purchase><article>{}</article></purchase></customer><name/></shop>",
    "<shop><tag>{}</tag></shop>",
)
CONSTANTS = ("'1'", "'2'", "'9'", "'01'", "'left'", "'right'", "'tea'", "'soap'", "'Ann'", '"1"', '"it\'s"', "1", "''")
EXPRESSIONS = (
    "/toy:shop/toy:customer[toy:number={}]",
    "/toy:shop/toy:customer[{}=toy:number]/toy:name",
    "/toy:shop/toy:shelf[toy:row={}][toy:column={}]",
    "/toy:shop/toy:shelf[toy:row={} and toy:column={}]/toy:label",
    "/toy:shop/toy:shelf[toy:column={} and toy:row={}]",
    "/toy:shop/toy:shelf[toy:row={} and toy:row={}][toy:column='left']",
    "/toy:shop/toy:shelf/toy:row[.={}]",
    "/toy:shop/toy:customer[toy:number={}]/toy:purchase[toy:article={}]",
    "/toy:shop/toy:customer[toy:number={}] | /toy:shop/toy:customer[toy:number={}]",
    "/toy:shop/toy:customer[toy:number={} or toy:name={}]",
    "/toy:shop/toy:customer[toy:number={}][toy:name={}]",
    "/toy:shop/toy:customer[toy:purchase[toy:article={}]]",
    "//toy:customer[toy:number={}]",
)


@cache
def standing_shop() -> tuple[ShopServer, Wire, etree._Element]:
    """Return a server that has been asked for much, a session, and the unfiltered reply."""
    server = shop_server()
    wire = server.connect()
    return server, wire, wire.get()


def fill(words: str, values: list[str]) -> str:
    return words.format(*values)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SUBTREES), st.lists(st.sampled_from(VALUES), min_size=2, max_size=2))
def test_any_keys_in_any_subtree_select_what_the_rfc_says(words: str, values: list[str]) -> None:
    _, wire, everything = standing_shop()
    content = fill(words, values).replace("<shop>", '<shop xmlns="urn:toy">')
    wanted = filtered(everything, etree.fromstring(f"<filter>{content}</filter>"), KEYS)
    if "01" not in values:  # The naive filter knows no types.
        assert shape(wire.get(content), KEYS) == wanted
    assert shape(wire.get(content), KEYS) == shape(shop_server().connect().get(content), KEYS)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(EXPRESSIONS), st.lists(st.sampled_from(CONSTANTS), min_size=2, max_size=2))
def test_any_literals_in_any_expression_select_what_libxml2_finds(words: str, values: list[str]) -> None:
    _, wire, everything = standing_shop()
    (shop,) = everything.iterchildren("{urn:toy}shop")
    wanted = selected(shop, fill(words, values), KEYS)
    assert [shape(child, KEYS) for child in select(wire, fill(words, values))] == ([wanted] if wanted[2] else [])


def operation(content: str) -> etree._Element:
    return etree.fromstring(f'<get xmlns="{BASE_NAMESPACE}">{content}</get>')


@pytest.mark.parametrize(
    "words",
    [
        '<filter type="subtree"><shop xmlns="urn:toy"><customer><number>{}</number></customer></shop></filter>',
        xpath_filter("/toy:shop/toy:customer[toy:number='{}']/toy:name"),
    ],
)
def test_another_key_is_not_read_again(words: str) -> None:
    server = shop_server()
    wire = server.connect()
    assert texts(wire.rpc(f"<get>{words.format(1)}</get>"), ".//toy:name") == ["Ann"]
    known = server.server.filters.recall(operation(words.format(2)))
    assert known is not None
    assert isinstance(known.roots, LookUp)
    assert texts(wire.rpc(f"<get>{words.format(2)}</get>"), ".//toy:name") == ["Bob"]
    assert server.server.filters.recall(operation(words.format("two"))) is None
    assert server.server.filters.recall(operation(words.replace("number", "name").format(2))) is None


def test_rights_to_single_entries_hold_for_keys_that_are_not_read_again() -> None:
    server = shop_server()
    hidden = rule("deny", path("/toy:shop/toy:customer[toy:number='2']"), "read")
    server.configure(nacm(hidden, rule("permit"), settings="<read-default>deny</read-default>"))
    wire = server.connect("ann")
    names = [
        texts(wire.get(f'<shop xmlns="urn:toy"><customer><number>{number}</number></customer></shop>'), ".//toy:name")
        for number in (1, 2, 3)
    ]
    assert names == [["Ann"], [], ["Ann"]]


def test_what_differs_in_more_than_keys_is_another_request() -> None:
    wire = shop_server().connect()
    words = '<get{}><filter><shop xmlns="urn:toy"><customer><number>{}</number>{}</customer></shop></filter></get>'
    assert texts(wire.rpc(words.format("", 1, "")), ".//toy:name") == ["Ann"]
    assert texts(wire.rpc(words.format("", 2, "<number/>")), ".//toy:name") == []
    assert texts(wire.rpc(words.format("", 2, "")), ".//toy:name") == ["Bob"]


# get-data.

NMDA = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
PARAMETERS = (
    "",
    "<max-depth>2</max-depth>",
    "<max-depth>3</max-depth><with-defaults>report-all</with-defaults>",
    "<config-filter>true</config-filter>",
    "<config-filter>false</config-filter>",
    "<with-origin/><origin-filter>or:system</origin-filter>",
)


def get_data(filter_: str, parameters: str = "") -> str:
    """Return a get-data of what is operational, whose filter stands between its other parameters."""
    return (
        f'<get-data xmlns="{NMDA}" xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores" '
        'xmlns:or="urn:ietf:params:xml:ns:yang:ietf-origin">'
        f"<datastore>ds:operational</datastore>{filter_}{parameters}</get-data>"
    )


def subtree_filter(content: str) -> str:
    return f"<subtree-filter>{content}</subtree-filter>".replace("<shop>", '<shop xmlns="urn:toy">')


def data_of(wire: Wire, request: str) -> bytes:
    (data,) = wire.rpc(request)
    assert data.tag == f"{{{NMDA}}}data"
    return etree.tostring(data)


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(SUBTREES),
    st.lists(st.sampled_from(VALUES), min_size=2, max_size=2),
    st.sampled_from(PARAMETERS),
)
def test_any_keys_in_a_get_data_select_what_they_would_if_it_were_the_first(
    words: str, values: list[str], parameters: str
) -> None:
    _, wire, _ = standing_shop()
    request = get_data(subtree_filter(fill(words, values)), parameters)
    assert data_of(wire, request) == data_of(shop_server().connect(), request)


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from(EXPRESSIONS),
    st.lists(st.sampled_from(CONSTANTS), min_size=2, max_size=2),
    st.sampled_from(PARAMETERS),
)
def test_any_literals_in_a_get_data_select_what_they_would_if_it_were_the_first(
    words: str, values: list[str], parameters: str
) -> None:
    _, wire, _ = standing_shop()
    expression = fill(words, values)
    request = get_data(f'<xpath-filter xmlns:toy="urn:toy">{expression}</xpath-filter>', parameters)
    assert data_of(wire, request) == data_of(shop_server().connect(), request)


@pytest.mark.parametrize(
    "words",
    [
        subtree_filter("<shop><customer><number>{}</number><name/></customer></shop>"),
        "<xpath-filter xmlns:toy='urn:toy'>/toy:shop/toy:customer[toy:number='{}']/toy:name</xpath-filter>",
    ],
)
@pytest.mark.parametrize("parameters", PARAMETERS)
def test_another_key_of_a_get_data_is_not_read_again(words: str, parameters: str) -> None:
    server = shop_server()
    wire = server.connect()
    first, second, other = (get_data(words.format(key), parameters) for key in (1, 2, "two"))
    data_of(wire, first)
    known = server.server.filters.recall(etree.fromstring(second))
    assert (known is not None and isinstance(known.roots, LookUp)) == (">true<" not in parameters)
    assert data_of(wire, second) == data_of(shop_server().connect(), second)
    assert server.server.filters.recall(etree.fromstring(other)) is None


def test_what_is_beside_the_filter_of_a_get_data_is_none_of_its_keys() -> None:
    wire = shop_server().connect()
    content = subtree_filter("<shop><customer><number>1</number></customer></shop>")
    whole, shallow = (get_data(content, f"<max-depth>{depth}</max-depth>") for depth in (3, 1))
    assert b"<name>Ann" in data_of(wire, whole)
    assert b"<name>Ann" not in data_of(wire, shallow)
    assert b"<name>Ann" in data_of(wire, whole)


def test_defaults_are_shown_beside_a_key_that_is_not_read_again() -> None:
    server = shop_server()
    wire = server.connect()
    words = (
        '<get><filter><shop xmlns="urn:toy"><customer><number>{}</number></customer></shop></filter><with-defaults '
        'xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults">report-all</with-defaults></get>'
    )
    wire.rpc(words.format(1))
    known = server.server.filters.recall(operation_of(words.format(2)))
    assert known is not None
    assert isinstance(known.roots, LookUp)
    assert [item for node, item in known.input.children.items() if node.name == "with-defaults"] == ["report-all"]


def operation_of(text: str) -> etree._Element:
    return etree.fromstring(text.replace("<get>", f'<get xmlns="{BASE_NAMESPACE}">', 1))
