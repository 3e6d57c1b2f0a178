"""Rows: what the function that is made writes is what its members say, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agent.datastore.markup import escape_text, plain
from agent.datastore.rows import Cell, Inner, Member, Other, make_row
from agent.datastore.schema import Schema, SchemaNode
from agent.datastore.tree import Branch, Item
from tests.support.schemas import load_texts

MODULE = """module rows { namespace "urn:rows"; prefix r;
  container top { leaf key { type string; } leaf one { type string; } leaf two { type uint8; }
    container in { leaf deep { type string; } } container here { presence "it"; leaf far { type string; } } } }"""
TEXT = st.text(st.sampled_from("a%s{}'\\\"<>&\n é\u0085\u2028"), max_size=6)
VALUES = st.none() | st.integers() | st.booleans() | TEXT


@dataclass
class State:
    """A subject."""

    text: object = None
    number: int | None = None
    below: State | None = None


STATES = st.builds(State, VALUES, st.none() | st.integers(), st.none() | st.builds(State, VALUES, st.none()))


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    return load_texts(tmp_path_factory.mktemp("rows"), MODULE)


def cell(
    name: str, node: SchemaNode | None = None, getter: Callable[[object], object] | None = None, *, is_text: bool = True
) -> Cell:
    return Cell(f'<{name} a="100%s">', f"</{name}>", node, getter, is_text, is_text)


def rest_of(schema: Schema) -> list[Member]:
    """Every kind of member."""
    one, two, within, deep, here, far = (
        schema.node(f"/rows:top/{path}") for path in ("one", "two", "in", "in/deep", "here", "here/far")
    )
    below: list[Member] = [cell("text", None, attrgetter("text")), cell("number", None, attrgetter("number"))]
    return [
        cell("one", one),
        cell("two", two, attrgetter("number"), is_text=False),
        Inner("<in>", "</in>", within, None, [cell("deep", deep), cell("state", None, lambda state: state.text)]),  # type: ignore[attr-defined]
        Inner("<here>", "</here>", here, None, [cell("far", far)], presence=True),
        Inner("<there>", "</there>", None, attrgetter("below"), [], presence=True),
        Inner("<below>", "</below>", None, attrgetter("below"), below),
        Other(lambda config, subject: "" if config is None else "<other/>", of_subject=False),
        cell("last", None, lambda state: state.text),  # type: ignore[attr-defined]
    ]


def shown(members: Sequence[Member], config: Branch | None, subject: object) -> Iterator[str]:
    """Write members as the module says they are, one after the other."""
    children: Mapping[SchemaNode, Item] = {} if config is None else config.children
    for member in members:
        if isinstance(member, Other):
            yield member.write(config, subject)
        elif isinstance(member, Cell):
            value: object = children.get(member.node) if member.node is not None else None
            if value is None and member.getter is not None and subject is not None:
                value = member.getter(subject)
            if value is not None:
                yield f"{member.start}{escape_text(plain(value))}{member.end}"
        else:
            inner = children.get(member.node) if member.node is not None else None
            branch = inner if isinstance(inner, Branch) else None
            selected = subject if member.select is None or subject is None else member.select(subject)
            text = "".join(shown(member.members, branch, selected))
            is_there = branch is not None or (member.select is not None and selected is not None)
            if text or (member.presence and is_there):
                yield f"{member.start}{text}{member.end}"


@settings(max_examples=300, deadline=None)
@given(
    leaves=st.none() | st.fixed_dictionaries({}, optional={"key": TEXT, "one": TEXT, "two": st.just("7")}),
    deep=st.none() | st.fixed_dictionaries({}, optional={"deep": TEXT}),
    far=st.none() | st.fixed_dictionaries({}, optional={"far": TEXT}),
    subject=st.none() | STATES,
    bare=st.booleans(),
)
def test_a_row_gives_what_its_members_give_one_after_the_other(
    schema: Schema,
    leaves: dict[str, str] | None,
    deep: dict[str, str] | None,
    far: dict[str, str] | None,
    subject: State | None,
    bare: bool,
) -> None:
    top = schema.node("/rows:top")
    config: Branch | None = None
    if leaves is not None:
        children: dict[SchemaNode, Item] = {schema.node(f"/rows:top/{name}"): value for name, value in leaves.items()}
        for name, inner in (("in", deep), ("here", far)):
            if inner is not None:
                node = schema.node(f"/rows:top/{name}")
                below: dict[SchemaNode, Item] = {
                    schema.node(f"{node.path}/{leaf}"): text for leaf, text in inner.items()
                }
                children[node] = Branch(node, below)
        config = Branch(top, children)
    keys, rest = [cell("key", schema.node("/rows:top/key"), attrgetter("text"))], rest_of(schema)
    key, others = ("".join(shown(members, config, subject)) for members in (keys, rest))
    expected = key + others if others or bare else ""
    assert make_row(keys, rest, bare=bare)(config, subject) == expected
    etree.fromstring(f"<e>{expected}</e>")


def test_nothing_stands_around_nothing() -> None:
    inner = Inner("<inner>", "</inner>", None, attrgetter("below"), [cell("text", None, attrgetter("text"))])
    row = make_row([], [inner], bare=False)
    assert row(None, State(below=State())) == row(None, State()) == row(None, None) == ""


def test_a_value_that_is_zero_or_empty_is_there() -> None:
    row = make_row([], [cell("a", None, attrgetter("text")), cell("b", None, attrgetter("number"))], bare=False)
    assert row(None, State("", 0)) == '<a a="100%s"></a><b a="100%s">0</b>'


def test_what_a_getter_raises_is_raised() -> None:
    row = make_row([], [cell("a", None, attrgetter("text")), cell("b", None, attrgetter("gone"))], bare=False)
    with pytest.raises(AttributeError, match="gone"):
        row(None, State("a"))


def test_tags_are_never_read_as_python() -> None:
    tag = "<a b='%s' c=\"{}\\'+x+\">"
    row = make_row([], [Cell(tag, "</a>", None, attrgetter("text"))], bare=True)
    assert row(None, State("v")) == f"{tag}v</a>"
