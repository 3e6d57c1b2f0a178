"""Edge behaviours, E: filters (RFC 6241 sections 6 and 8.9) and with-defaults (RFC 6243), over raw messages."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from tests.support.editor import tags_of
from tests.support.netconf_wire import BASE, Wire, error, texts
from tests.support.shop import ShopServer

CONFIG: Final = """
<shop xmlns="urn:toy" xmlns:t="urn:toy">
  <name>corner</name><kind>t:red</kind><tag>a</tag>
  <shelf><row>1</row><column>left</column><label>tea</label></shelf>
  <shelf><row>2</row><column>left</column><label>soap</label></shelf>
</shop>
"""
MODES: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults"
TAGGED: Final = "{urn:ietf:params:xml:ns:netconf:default:1.0}default"


@pytest.fixture
def wire() -> Wire:
    return ShopServer(CONFIG).connect()


def shop(content: str) -> str:
    """Return a subtree filter of the shop."""
    return f'<shop xmlns="urn:toy" xmlns:t="urn:toy">{content}</shop>'


def labels(wire: Wire, content: str) -> list[str]:
    """Return the labels of the shelves that a subtree filter shows."""
    return texts(wire.get_config(shop(content)), "toy:shop/toy:shelf/toy:label")


def xpath(wire: Wire, select: str) -> etree._Element:
    """Return the reply to a get-config with an XPath filter."""
    filter_ = f'<filter type="xpath" xmlns:t="urn:toy" select="{select}"/>'
    return wire.rpc(f"<get-config><source><running/></source>{filter_}</get-config>")


def test_e1_no_filter_is_everything_and_an_empty_one_nothing(wire: Wire) -> None:
    assert texts(wire.get_config(), "toy:shop/toy:name") == ["corner"]
    assert len(wire.get_config("")) == 0
    assert texts(wire.rpc("<get><filter/></get>"), "nc:data/*") == []


def test_e2_a_filter_without_a_type_is_a_subtree(wire: Wire) -> None:
    reply = wire.rpc(f"<get><filter>{shop('<name/>')}</filter></get>")
    assert texts(reply, "nc:data/toy:shop/*") == ["corner"]


def test_e3_a_content_match_alone_shows_the_whole_entry(wire: Wire) -> None:
    data = wire.get_config(shop("<shelf><row>2</row></shelf>"))
    assert texts(data, "toy:shop/toy:shelf/*") == ["2", "left", "soap"]


def test_e4_a_content_match_beside_a_selection_shows_what_is_selected_and_the_keys(wire: Wire) -> None:
    data = wire.get_config(shop("<shelf><row>2</row><label/></shelf>"))
    assert sorted(texts(data, "toy:shop/toy:shelf/*")) == ["2", "left", "soap"]
    assert texts(wire.get_config(shop("<name>corner</name><tag/>")), "toy:shop/*") == ["corner", "a"]


def test_e5_one_false_match_drops_the_whole_sibling_set(wire: Wire) -> None:
    assert len(wire.get_config(shop("<name>other</name><shelf/><tag/>"))) == 0


def test_e6_several_filters_of_one_list_show_each_entry_once(wire: Wire) -> None:
    both = "<shelf><row>1</row><label/></shelf><shelf><row>1</row></shelf><shelf><row>2</row><label/></shelf>"
    assert labels(wire, both) == ["tea", "soap"]


def test_e7_an_attribute_that_nothing_has_selects_nothing_and_is_no_error(wire: Wire) -> None:
    assert len(wire.get_config(shop('<name t:colour="red"/>'))) == 0


def test_e8_no_namespace_is_every_namespace(wire: Wire) -> None:
    assert texts(wire.get_config('<shop xmlns=""><name/></shop>'), "toy:shop/*") == ["corner"]


def test_e9_white_space_alone_selects(wire: Wire) -> None:
    assert texts(wire.get_config(shop("<name>  \n </name>")), "toy:shop/*") == ["corner"]


def test_e10_values_match_in_their_canonical_form(wire: Wire) -> None:
    assert labels(wire, "<shelf><row> 02\n</row></shelf>") == ["soap"]
    assert texts(wire.get_config(shop("<kind>t:red</kind>")), "toy:shop/toy:name") == ["corner"]
    other_prefix = '<s:shop xmlns:s="urn:toy"><s:kind>s:red</s:kind></s:shop>'
    assert texts(wire.get_config(other_prefix), "toy:shop/toy:name") == ["corner"]


def test_e11_what_no_module_has_selects_nothing_and_is_no_error(wire: Wire) -> None:
    assert len(wire.get_config(shop("<nonsense/>"))) == 0
    assert len(wire.get_config('<nonsense xmlns="urn:nowhere"/>')) == 0


@pytest.mark.parametrize("select", ["/none:shop", "1 + 1", "/t:shop[", "count(/t:shop)"])
def test_e12_what_is_no_xpath_of_nodes_is_an_invalid_value(wire: Wire, select: str) -> None:
    found = error(xpath(wire, select))
    assert (found["error-tag"], found["error-type"]) == ("invalid-value", "protocol")


def test_e13_an_xpath_filter_needs_its_select(wire: Wire) -> None:
    found = error(wire.rpc('<get><filter type="xpath"/></get>'))
    assert found["error-tag"] == "missing-attribute"
    assert (found["bad-attribute"], found["bad-element"]) == ("select", "filter")


def test_e14_what_is_above_and_the_keys_stand_in_the_result(wire: Wire) -> None:
    reply = xpath(wire, "/t:shop/t:shelf[t:label='soap']/t:label")
    assert sorted(texts(reply, "nc:data/toy:shop/toy:shelf/*")) == ["2", "left", "soap"]


@pytest.mark.parametrize("mode", ["", "some", "REPORT-ALL"])
def test_e15_an_unknown_mode_of_defaults_is_refused(wire: Wire, mode: str) -> None:
    """As a value that its type does not have: invalid-value, which names the element (RFC 7950 section 8.3.1)."""
    reply = wire.rpc(f'<get><with-defaults xmlns="{MODES}">{mode}</with-defaults></get>')
    assert tags_of(reply) == ["invalid-value"]
    assert error(reply)["bad-element"] == "with-defaults"


def test_e15_defaults_alone_are_tagged(wire: Wire) -> None:
    options = f'<with-defaults xmlns="{MODES}">report-all-tagged</with-defaults>'
    reply = wire.rpc(f"<get-config><source><running/></source>{options}</get-config>")
    tagged = {etree.QName(leaf).localname: leaf.get(TAGGED) for leaf in reply.iter("{urn:toy}*") if not len(leaf)}
    assert tagged["greeting"] == "true"
    assert tagged["name"] is None
    assert reply.tag == f"{{{BASE}}}rpc-reply"
