"""Replies as XML, compact and on a screen, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agent.junos.markup import NAMESPACE, Element, Reply, leaf, leaves, render, render_json, render_lines

REPLY = Reply(
    "some-information",
    "ike",
    (
        Element("entry", (*leaves({"name": "a<b", "absent": None, "count": 0}), leaf("up", "1 s", seconds="1"))),
        Element("entry", (Element("flag"),)),
        Element("other"),
    ),
    style="brief",
)


def test_compact_xml_has_no_space_between_elements() -> None:
    text = "".join(render(REPLY))
    root = etree.fromstring(text)
    assert root.tag == f"{{{NAMESPACE}-ike}}some-information"
    assert root.get(f"{{{NAMESPACE}}}style") == "brief"
    assert "> <" not in text
    assert "\n" not in text
    assert root.findtext("{*}entry/{*}name") == "a<b"
    assert root.find("{*}entry/{*}absent") is None
    up = root.find("{*}entry/{*}up")
    assert up is not None
    assert up.get(f"{{{NAMESPACE}}}seconds") == "1"


def said(element: etree._Element) -> list[tuple[object, str, list[tuple[object, object]]]]:
    """Return the names, the texts and the attributes of an element and all within."""
    return [(each.tag, (each.text or "").strip(), [*each.attrib.items()]) for each in element.iter()]


def test_xml_on_a_screen_is_the_same_in_its_envelope() -> None:
    lines = [*render_lines(REPLY)]
    assert lines[0] == f'<rpc-reply xmlns:junos="{NAMESPACE}">'
    assert lines[2:4] == ["        <entry>", "            <name>a&lt;b</name>"]
    root = etree.fromstring("\n".join(lines))
    assert said(root[0]) == said(etree.fromstring("".join(render(REPLY))))
    assert root[1].tag == "cli"


def test_json_has_a_list_for_every_element() -> None:
    (root,) = json.loads("\n".join(render_json(REPLY)))["some-information"]
    assert root["attributes"]["junos:style"] == "brief"
    assert root["entry"] == [
        {
            "name": [{"data": "a<b"}],
            "count": [{"data": "0"}],
            "up": [{"attributes": {"junos:seconds": "1"}, "data": "1 s"}],
        },
        {"flag": [None]},
    ]
    assert root["other"] == [None]


def test_json_is_laid_out_like_any_other() -> None:
    for reply in (REPLY, Reply("empty-information", "ike", ())):
        lines = [*render_json(reply)]
        assert json.dumps(json.loads("\n".join(lines)), indent=4).splitlines() == lines


def test_json_is_made_as_it_is_taken() -> None:
    taken: list[int] = []

    def children() -> Iterator[Element]:
        for number in range(1000):
            taken.append(number)
            yield leaf("entry", number)

    lines = render_json(Reply("reply", "x", children()))
    while not taken:
        next(lines)
    assert len(taken) < 5


@given(st.text())
def test_whatever_a_value_holds_the_reply_is_well_formed(value: str) -> None:
    reply = Reply("r", "", (leaf("v", value),))
    etree.fromstring("".join(render(reply)).encode())
    json.loads("\n".join(render_json(reply)))
