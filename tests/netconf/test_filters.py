"""Subtree filters, RFC 6241 section 6: each rule by itself, then all of them against a naive reading of the RFC."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.support.netconf_wire import Wire, error, texts
from tests.support.shop import Customer, ShopServer
from tests.support.subtree import filtered, shape

CONFIG: Final = """
<shop xmlns="urn:toy" xmlns:t="urn:toy">
  <name>corner</name><kind>t:red</kind><tag>a</tag><tag>b</tag>
  <shelf><row>1</row><column>left</column><label>tea</label></shelf>
  <shelf><row>1</row><column>right</column></shelf>
  <shelf><row>2</row><column>left</column><label>tea</label></shelf>
  <open/>
</shop>
"""
KEYS: Final = {
    "{urn:toy}shelf": ("{urn:toy}row", "{urn:toy}column"),
    "{urn:toy}customer": ("{urn:toy}number",),
    "{urn:toy}purchase": ("{urn:toy}article",),
}


def shop_server() -> ShopServer:
    """Return a shop with shelves, one of them only a weight, and three customers."""
    server = ShopServer(CONFIG)
    server.shop.sold = 12
    server.shop.weights = {(1, "right"): 5, (3, "left"): 7}
    server.shop.customers = {
        1: Customer(1, "Ann", {"tea": 2, "soap": 1}),
        2: Customer(2, "Bob", {}),
        3: Customer(3, "Ann", {"tea": 1}),
    }
    return server


def select(content: str) -> etree._Element:
    """Return what a filter on the shop selects."""
    return shop_server().connect().get(f'<shop xmlns="urn:toy" xmlns:t="urn:toy">{content}</shop>')


def test_no_filter_selects_everything() -> None:
    """Row E1."""
    data = shop_server().connect().get()
    assert texts(data, "toy:shop/toy:name") == ["corner"]
    assert len(data) > 2, "the server's own modules too"


def test_an_empty_filter_selects_nothing() -> None:
    """Row E1."""
    assert len(shop_server().connect().get("")) == 0


def test_a_filter_without_a_type_is_a_subtree_filter() -> None:
    """Row E2."""
    reply = shop_server().connect().rpc('<get><filter><shop xmlns="urn:toy"><name/></shop></filter></get>')
    assert texts(reply, "nc:data/toy:shop/*") == ["corner"]


@pytest.mark.parametrize("attribute", ["type", "nc:type"])
def test_a_filter_of_another_type_is_refused(attribute: str) -> None:
    namespace = 'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"'
    reply = shop_server().connect().rpc(f'<get><filter {namespace} {attribute}="regex" select="/"/></get>')
    found = error(reply)
    assert (found["error-tag"], found["bad-attribute"], found["bad-element"]) == ("bad-attribute", "type", "filter")


def test_a_content_match_alone_selects_the_whole_entry() -> None:
    """Row E3."""
    data = select("<customer><name>Bob</name></customer>")
    assert shape(data, KEYS)[2] == (
        (
            "{urn:toy}shop",
            "",
            (("{urn:toy}customer", "", (("{urn:toy}name", "Bob", ()), ("{urn:toy}number", "2", ()))),),
        ),
    )


def test_a_content_match_beside_a_selection_limits_what_is_shown() -> None:
    """Row E4."""
    data = select("<customer><name>Ann</name><purchase><count/></purchase></customer>")
    assert texts(data, "toy:shop/toy:customer/toy:name") == ["Ann", "Ann"]
    assert texts(data, "toy:shop/toy:customer/toy:purchase/toy:count") == ["2", "1", "1"]
    assert texts(data, "toy:shop/toy:customer/toy:number") == ["1", "3"], "the keys, which the RFC allows"


def test_one_false_content_match_drops_the_whole_sibling_set() -> None:
    """Row E5."""
    assert len(select("<name>corner</name><kind>t:colour</kind><open/><customer/>")) == 0


def test_all_content_matches_have_to_hold() -> None:
    assert texts(select("<customer><name>Ann</name><number>3</number></customer>"), ".//toy:number") == ["3"]
    assert len(select("<customer><name>Bob</name><number>3</number></customer>")) == 0


def test_contradicting_matches_of_one_leaf_select_nothing() -> None:
    assert len(select("<customer><number>1</number><number>2</number></customer>")) == 0


def test_several_filters_of_a_list_are_united_in_one_entry_for_each_key() -> None:
    """Row E6."""
    data = select(
        "<customer><number>1</number><name/></customer><customer><number>1</number><purchase/></customer>"
        "<customer><number>2</number><name/></customer>"
    )
    assert texts(data, "toy:shop/toy:customer/toy:number") == ["1", "2"]
    assert texts(data, "toy:shop/toy:customer/toy:name") == ["Ann", "Bob"]
    assert texts(data, "toy:shop/toy:customer/toy:purchase/toy:article") == ["tea", "soap"]


def test_the_same_container_twice_is_shown_once() -> None:
    """Row E6."""
    data = shop_server().connect().get('<shop xmlns="urn:toy"><name/></shop><shop xmlns="urn:toy"><tag/></shop>')
    assert len(data) == 1
    assert texts(data, "toy:shop/*") == ["corner", "a", "b"]


@pytest.mark.parametrize(
    "content", ['<name a="1"/>', '<name a="1">corner</name>', '<customer a="1"/>', '<name xmlns:x="urn:x" x:a="1"/>']
)
def test_an_attribute_that_no_data_has_selects_nothing_and_is_no_error(content: str) -> None:
    """Row E7."""
    assert len(select(content)) == 0


def test_an_attribute_on_one_node_leaves_its_siblings_selected() -> None:
    """Row E7."""
    assert texts(select('<name a="1"/><tag/>'), "toy:shop/*") == ["a", "b"]


def test_no_namespace_means_every_namespace() -> None:
    """Row E8."""
    data = shop_server().connect().get('<shop xmlns=""><name>corner</name><tag/></shop>')
    assert texts(data, "toy:shop/*") == ["corner", "a", "b"]


def test_another_namespace_selects_nothing() -> None:
    assert len(shop_server().connect().get('<shop xmlns="urn:other"/>')) == 0


def test_a_node_with_white_space_alone_is_a_selection() -> None:
    """Row E9."""
    assert texts(select("<name> \n\t</name>"), "toy:shop/*") == ["corner"]


@pytest.mark.parametrize(
    "match",
    [
        "<name>  corner\n</name>",
        "<kind>t:red</kind>",
        "<kind>red</kind>",
        '<kind xmlns:other="urn:toy"> other:red </kind>',
        "<totals><sold>+012</sold></totals>",
        "<totals><moods>busy  calm</moods></totals>",
        "<totals><is-full>true</is-full></totals>",
        "<shelf><row>01</row><column>left</column></shelf>",
        "<name><!-- a comment -->corner</name>",
        "<name><![CDATA[corner]]></name>",
    ],
)
def test_values_are_compared_in_canonical_form(match: str) -> None:
    """Row E10."""
    assert len(select(match)) == 1


@pytest.mark.parametrize(
    "match",
    [
        "<name>Corner</name>",
        "<name>\u00a0corner</name>",
        "<kind>other:red</kind>",
        "<kind>t:blue</kind>",
        "<totals><sold>many</sold></totals>",
        "<open>yes</open>",
        "<bogus>1</bogus>",
        "<customer>1</customer>",
    ],
)
def test_a_value_that_is_not_there_matches_nothing_and_is_no_error(match: str) -> None:
    """Row E10."""
    assert len(select(match)) == 0


@pytest.mark.parametrize(
    "content", ["<bogus/>", "<customer><bogus/></customer>", "<name><bogus/></name>", "<open><bogus/></open>"]
)
def test_an_unknown_element_selects_nothing(content: str) -> None:
    """Row E11."""
    assert len(select(content)) == 0


def test_a_value_of_a_leaf_list_is_shown_without_the_others() -> None:
    assert texts(select("<tag>b</tag><name/>"), "toy:shop/*") == ["corner", "b"]
    assert len(select("<tag>c</tag><name/>")) == 0


def test_a_content_match_at_the_top_of_the_filter_is_one_on_the_node_itself() -> None:
    assert len(shop_server().connect().get('<shop xmlns="urn:toy">corner</shop>')) == 0


def test_the_keys_are_shown_first() -> None:
    """RFC 7950 section 7.8.5."""
    data = select("<shelf><label/></shelf>")
    assert [etree.QName(child).localname for child in data[0][0]] == ["row", "column", "label"]


def test_a_selected_key_shows_entries_without_anything_else() -> None:
    assert texts(select("<customer><number/></customer>"), "toy:shop/toy:customer/*") == ["1", "2", "3"]


def test_entries_without_the_selected_leaf_are_not_shown() -> None:
    assert texts(select("<shelf><weight/></shelf>"), ".//toy:weight") == ["5", "7"]
    assert texts(select("<shelf><label/></shelf>"), ".//toy:row") == ["1", "2"]


def test_configured_entries_and_those_of_the_state_are_one_list() -> None:
    data = select("<shelf/>")
    assert texts(data, ".//toy:row") == ["1", "1", "2", "3"]
    assert texts(data, ".//toy:weight") == ["5", "7"]
    assert texts(data, ".//toy:label") == ["tea", "tea"]


def test_an_empty_presence_container_is_shown_as_a_whole_alone() -> None:
    assert [child.tag for child in select("<open/>")[0]] == ["{urn:toy}open"]
    assert len(select("<open><since/></open>")) == 0


# Key push-down: what the shop is asked for.


def asked(content: str) -> tuple[list[tuple[str, ...]], int]:
    """Return which customers were looked up, and how often all of them were walked through."""
    server = shop_server()
    server.connect().get(f'<shop xmlns="urn:toy">{content}</shop>')
    return server.shop.looked_up, server.shop.iterations


def test_a_key_is_looked_up() -> None:
    assert asked("<customer><number> 02 </number><name/></customer>") == ([("2",)], 0)


def test_each_of_several_keys_is_looked_up_once() -> None:
    both = "<customer><number>3</number></customer><customer><number>1</number></customer>"
    assert asked(both + both) == ([("3",), ("1",)], 0)


def test_a_key_beside_a_filter_without_one_walks_through_all_once() -> None:
    assert asked("<customer><number>3</number></customer><customer><name/></customer>") == ([], 1)


def test_a_key_that_the_type_does_not_have_asks_for_nothing() -> None:
    assert asked("<customer><number>three</number></customer>") == ([], 0)


def test_a_key_in_no_entry_is_looked_up_and_not_shown() -> None:
    server = shop_server()
    assert len(server.connect().get('<shop xmlns="urn:toy"><customer><number>4</number></customer></shop>')) == 0
    assert (server.shop.looked_up, server.shop.iterations) == ([("4",)], 0)


def test_a_match_beside_the_key_is_judged_too() -> None:
    assert texts(select("<customer><number>1</number><name>Ann</name></customer>"), ".//toy:number") == ["1"]
    assert len(select("<customer><number>1</number><name>Bob</name></customer>")) == 0


def test_part_of_a_key_is_no_look_up() -> None:
    assert texts(select("<shelf><row>1</row></shelf>"), ".//toy:column") == ["left", "right"]


# Everything together.

LEAVES: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("corner", "Ann", "Bob", "corner "),
    "tag": ("a", "b", "c"),
    "secret": ("s",),
    "row": ("1", "2", "3"),
    "column": ("left", "right"),
    "label": ("tea",),
    "weight": ("5", "7"),
    "since": ("now",),
    "sold": ("12", "13"),
    "is-full": ("true", "false"),
    "number": ("1", "2", "9"),
    "article": ("tea", "soap"),
    "count": ("1", "2"),
    "bogus": ("x",),
}
NODES: Final[Mapping[str, tuple[str, ...]]] = {
    "shop": ("name", "tag", "secret", "shelf", "open", "totals", "customer", "bogus"),
    "shelf": ("row", "column", "label", "weight", "name"),
    "open": ("since",),
    "totals": ("sold", "is-full"),
    "customer": ("number", "name", "purchase"),
    "purchase": ("article", "count"),
}


@st.composite
def subtrees(draw: st.DrawFn, name: str) -> str:
    """Draw a filter element: a selection, a content match, or a containment node."""
    namespace = draw(st.sampled_from(["urn:toy"] * 8 + ["", "urn:other"]))
    attributes = draw(st.sampled_from([""] * 12 + [' a="1"']))
    inner = [st.sampled_from(["", "", " "])]
    if name in LEAVES:
        inner.append(st.sampled_from(LEAVES[name]))
    if name in NODES:
        below = st.sampled_from(NODES[name]).flatmap(subtrees)
        inner += [st.lists(below, min_size=1, max_size=4).map("".join)] * 3
    return f'<{name} xmlns="{namespace}"{attributes}>{draw(st.one_of(inner))}</{name}>'


@cache
def standing_shop() -> tuple[Wire, etree._Element]:
    """Return a session, and the unfiltered reply that the naive filter works on."""
    wire = shop_server().connect()
    return wire, wire.get()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.just("shop").flatmap(subtrees), max_size=3).map("".join))
def test_any_filter_selects_what_the_rfc_says(content: str) -> None:
    wire, everything = standing_shop()
    wanted = filtered(everything, etree.fromstring(f"<filter>{content}</filter>"), KEYS)
    assert shape(wire.get(content), KEYS) == wanted
