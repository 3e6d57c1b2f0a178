"""A template gives to the letter what stands in the tree, whatever is in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agent.datastore.markup import escape_text
from agent.datastore.schema import Schema, SchemaNode
from agent.datastore.templates import LeafTemplates
from agent.datastore.tree import Item
from tests.support.schemas import load_texts

MODULE = """module leaves { namespace "urn:leaves"; prefix l;
  list entry { key key; leaf key { type string; } leaf one { type string; } leaf two { type string; }
    leaf number { type uint8; } } }"""
TEXT = st.text(st.sampled_from("a%s<>&\n é\u0085\u2028"), max_size=6)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    return load_texts(tmp_path_factory.mktemp("leaves"), MODULE)


def leaves(schema: Schema, *names: str) -> list[SchemaNode]:
    return [schema.node(f"/leaves:entry/{name}") for name in names]


@settings(max_examples=200, deadline=None)
@given(key=TEXT, one=st.none() | TEXT, two=st.none() | TEXT, number=st.none() | st.integers(0, 255))
def test_a_template_gives_what_the_leaves_hold(
    schema: Schema, key: str, one: str | None, two: str | None, number: int | None
) -> None:
    given_values = {"two": two, "key": key, "number": None if number is None else str(number), "one": one}
    nodes = dict(zip(given_values, leaves(schema, *given_values), strict=True))
    children: dict[SchemaNode, Item] = {nodes[name]: value for name, value in given_values.items() if value is not None}
    templates = LeafTemplates(leaves(schema, "key"), leaves(schema, "one", "two", "number"))
    text = templates.text(children)
    shown = [name for name in ("key", "one", "two", "number") if given_values[name] is not None]
    expected = "".join(f"<{name}>{escape_text(str(given_values[name]))}</{name}>" for name in shown)
    assert text == (expected if len(shown) > 1 else None)
    if text is not None:
        assert [element.tag for element in etree.fromstring(f"<e>{text}</e>")] == shown


def test_an_entry_with_nothing_but_its_key_has_no_template(schema: Schema) -> None:
    (key,) = leaves(schema, "key")
    assert LeafTemplates([key], leaves(schema, "one")).text({key: "k"}) is None


def test_what_is_not_shown_leaves_no_trace(schema: Schema) -> None:
    key, one, two = leaves(schema, "key", "one", "two")
    assert LeafTemplates([key], [one]).text({key: "k", one: "1", two: "secret"}) == "<key>k</key><one>1</one>"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.fixed_dictionaries({"key": TEXT}, optional={"one": TEXT, "two": TEXT}), max_size=4))
def test_several_entries_together_are_one_after_the_other(schema: Schema, several: list[dict[str, str]]) -> None:
    nodes = dict(zip(("key", "one", "two"), leaves(schema, "key", "one", "two"), strict=True))
    instances: list[dict[SchemaNode, Item]] = [{nodes[name]: value for name, value in each.items()} for each in several]
    templates = LeafTemplates([nodes["key"]], [nodes["one"], nodes["two"]])
    one_by_one = [templates.text(each) for each in instances]
    together = templates.texts(instances, "<e a='100%'>", "</e>")
    if together is not None:
        assert together == "".join(f"<e a='100%'>{text}</e>" for text in one_by_one)
    plain = all(value.isprintable() and not set(value) & set("<>&") for each in several for value in each.values())
    if plain and None not in one_by_one and len({tuple(each) for each in several}) == 1:
        assert together is not None
