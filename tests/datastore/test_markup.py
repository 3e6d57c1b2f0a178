"""Values as elements: whatever a value holds, the element is well-formed and reads back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agent.datastore.markup import element_of, escape_text, plain, quoted, tags
from tests.support.shop import toy_schema

CHARACTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff")


@given(st.text(CHARACTERS | st.sampled_from("\t\n\r]>&<")))
def test_text_that_xml_can_carry_reads_back_as_it_was(text: str) -> None:
    assert (etree.fromstring(f"<a>{escape_text(text)}</a>").text or "") == text
    assert "]]>" not in escape_text(text)


@given(st.text())
def test_any_text_is_well_formed(text: str) -> None:
    etree.fromstring(f"<a>{escape_text(text)}</a>")


@given(st.text(CHARACTERS | st.sampled_from("\t\n\r\"'>&<")))
def test_the_value_of_an_attribute_reads_back_as_it_was(text: str) -> None:
    assert etree.fromstring(f"<a b={quoted(text)}/>").get("b") == text


def test_what_xml_cannot_carry_is_shown_as_a_number() -> None:
    assert escape_text("\x00\x1f\ufffe\ud800x") == "\\x00\\x1f\\xfffe\\xd800x"


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (5, "5"), (-5, "-5"), (True, "true"), (False, "false"), (["calm", "busy"], "calm busy"), ([], "")],
)
def test_what_a_getter_gives_becomes_canonical_text(value: object, text: str) -> None:
    assert plain(value) == text


def test_a_namespace_is_declared_where_it_changes() -> None:
    schema = toy_schema()
    shop, name = schema.node("/toy:shop"), schema.node("/toy:shop/name")
    assert tags(shop, None) == ('<shop xmlns="urn:toy">', "</shop>")
    assert tags(name, shop) == ("<name>", "</name>")
    assert tags(name, schema.node("/ietf-netconf-acm:nacm"))[0] == '<name xmlns="urn:toy">'


def test_an_identity_brings_the_prefix_that_it_needs() -> None:
    kind = toy_schema().node("/toy:shop/kind")
    element = etree.fromstring(element_of(kind, None)("toy:red"))
    prefix, _, name = str(element.text).partition(":")
    assert (element.nsmap[prefix], name) == ("urn:toy", "red")


def test_an_expression_with_prefixes_is_escaped_after_they_are_bound() -> None:
    path = toy_schema().node("/ietf-netconf-acm:nacm/rule-list/rule/path")
    canonical = "/toy:shop/toy:shelf[toy:column='a&b<c>:d']"
    element = etree.fromstring(element_of(path, None)(canonical))
    assert element.text == canonical
    assert element.nsmap["toy"] == "urn:toy"
