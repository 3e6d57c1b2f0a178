"""Outputs and notifications, from what handlers give."""

from __future__ import annotations

from lxml import etree

from agent.datastore.output import render_notification, render_output
from agent.datastore.registry import Output
from tests.support.shop import toy_schema


def output(rpc: str, values: Output) -> str:
    """Return the body of a reply."""
    return "".join(render_output(toy_schema().node(rpc).output, values))


def test_an_rpc_without_output_is_ok() -> None:
    assert output("/toy:break", {}) == "<ok/>"


def test_an_output_of_which_nothing_is_there_is_ok() -> None:
    """RFC 7950 section 7.14.4."""
    assert output("/toy:wait", {}) == "<ok/>"
    assert output("/toy:wait", {"waited": None}) == "<ok/>"
    assert output("/toy:buy", {"bought": []}) == "<ok/>"


def test_a_leaf_declares_the_namespace_of_its_module() -> None:
    assert output("/toy:wait", {"waited": 0}) == '<waited xmlns="urn:toy">0</waited>'


def test_a_list_has_one_element_for_each_entry() -> None:
    assert output("/toy:buy", {"bought": [{"article": "a&b"}, {"article": "c"}]}) == (
        '<bought xmlns="urn:toy"><article>a&amp;b</article></bought>'
        '<bought xmlns="urn:toy"><article>c</article></bought>'
    )


def test_anydata_given_as_text_is_escaped_text() -> None:
    data = etree.fromstring(output("/ietf-netconf-monitoring:get-schema", {"data": "module <m>"}))
    assert (data.tag, data.text) == ("{urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring}data", "module <m>")


def test_a_notification_is_one_element() -> None:
    rendered = render_notification(toy_schema().node("/toy:sold-out"), {"article": "tea"})
    assert rendered == '<sold-out xmlns="urn:toy"><article>tea</article></sold-out>'
    assert render_notification(toy_schema().node("/toy:sold-out"), {}) == '<sold-out xmlns="urn:toy"></sold-out>'
