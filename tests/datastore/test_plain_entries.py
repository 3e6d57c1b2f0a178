"""Entries that are created the short way are what the long way makes of them, and errors are told all the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agent.datastore.edit import Operation, edit
from agent.datastore.parsing import unsealed
from agent.datastore.plain_entries import PlainEntries
from agent.datastore.registry import compile_bindings
from agent.datastore.rendering import compile_plan, everything
from agent.datastore.schema import Schema
from agent.datastore.tree import Branch
from tests.support.schemas import load_texts

MODULE = """module row {
  yang-version 1.1; namespace "urn:row"; prefix r;
  container rows {
    list row {
      key id;
      leaf id { type uint8; }
      leaf size { type int32; }
      leaf name { type string { length 0..6; } }
      leaf flag { type boolean; }
      leaf base { type identityref { base thing; } }
      choice either { leaf one { type string; } leaf two { type string; } }
      leaf-list tag { type string; }
      container inner { leaf deep { type string; } }
    }
  }
  identity thing; identity special { base thing; }
}
"""
LEAF = st.sampled_from(
    [
        "<size>007</size>",
        "<size> 8 </size>",
        "<size>big</size>",
        "<name>a&amp;b</name>",
        "<name/>",
        "<name>much too long</name>",
        "<flag>true</flag>",
        "<flag>yes</flag>",
        "<base xmlns:x='urn:row'>x:special</base>",
        "<one>1</one>",
        "<two>2</two>",
        "<tag>t</tag>",
        "<inner><deep>d</deep></inner>",
        "<unknown/>",
        "text",
        "<size o:operation='create'>1</size>",
        "<size><size>1</size></size>",
        "<id>1</id>",
        "\n  ",
    ]
)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    return load_texts(tmp_path_factory.mktemp("row"), MODULE)


class LongWay(PlainEntries):
    """Everything is out of the ordinary."""

    def leaves(self, node: object, element: object) -> None:
        return None


def outcome(schema: Schema, config: etree._Element) -> tuple[str, list[tuple[str, str]]]:
    registry = compile_bindings(schema, ())
    plan = compile_plan(registry, everything(registry), lambda node: True, state=False)
    edited = edit(schema, Branch(None), config, Operation.MERGE)
    return "".join(plan.pieces(edited.root, {})), [(error.tag, str(error)) for error in edited.errors]


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(1, 3), st.lists(LEAF, max_size=4)), max_size=3))
def test_both_ways_come_to_the_same(schema: Schema, rows: list[tuple[int, list[str]]]) -> None:
    entries = "".join(f"<row><id>{number}</id>{''.join(leaves)}</row>" for number, leaves in rows)
    base = "urn:ietf:params:xml:ns:netconf:base:1.0"
    config = etree.fromstring(f'<c xmlns:o="{base}"><rows xmlns="urn:row">{entries}</rows></c>')
    short = outcome(schema, config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agent.datastore.edit.PlainEntries", LongWay)
        assert outcome(schema, config) == short


def test_the_short_way_is_taken_for_plain_leaves_alone(schema: Schema) -> None:
    node = schema.node("/row:rows/row")

    def taken(content: str) -> bool:
        element = etree.fromstring(f'<row xmlns="urn:row"><id>1</id>{content}</row>')
        return PlainEntries(unsealed).leaves(node, element) is not None

    assert taken("<size>7</size><name>n</name>")
    for content in ("<one>1</one>", "<tag>t</tag>", "<size>x</size>", "<size>1</size><size>1</size>", "words"):
        assert not taken(content)
