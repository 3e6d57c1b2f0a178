"""The reading of XPath: tokens that mean different things in different places, types, and what is refused."""

from __future__ import annotations

from typing import Final

import pytest

from agent.datastore.xpath.parser import MAXIMUM_DEPTH, XPathError, parse
from agent.datastore.xpath.syntax import (
    Axis,
    Call,
    Expression,
    Literal,
    NameTest,
    Negation,
    NodeType,
    Number,
    Operation,
    Path,
    Type,
    is_positional,
    type_of,
)
from agent.datastore.xpath.writing import Writer

NAMESPACES: Final[dict[str | None, str]] = {"a": "urn:a", "div": "urn:div"}
ANY: Final = NameTest(None, None)


def read(text: str) -> Expression:
    """Read an expression with the prefixes of these tests."""
    return parse(text, NAMESPACES)


def steps(text: str) -> list[tuple[Axis, NameTest | NodeType]]:
    """Return the steps of a path."""
    path = read(text)
    assert isinstance(path, Path)
    return [(step.axis, step.test) for step in path.steps]


def test_a_path_has_steps() -> None:
    assert steps("/a:b/*/a:*/text()") == [
        (Axis.CHILD, NameTest("urn:a", "b")),
        (Axis.CHILD, ANY),
        (Axis.CHILD, NameTest("urn:a", None)),
        (Axis.CHILD, NodeType.TEXT),
    ]


def test_what_is_abbreviated_is_spelled_out() -> None:
    """XPath 1.0 section 2.5."""
    assert steps(".//../@a:b") == [
        (Axis.SELF, NodeType.NODE),
        (Axis.DESCENDANT_OR_SELF, NodeType.NODE),
        (Axis.PARENT, NodeType.NODE),
        (Axis.ATTRIBUTE, NameTest("urn:a", "b")),
    ]
    assert steps("//a:b")[0] == (Axis.DESCENDANT_OR_SELF, NodeType.NODE)


@pytest.mark.parametrize("axis", list(Axis))
def test_every_axis_has_a_name(axis: Axis) -> None:
    assert steps(f"{axis.value} :: a:b") == [(axis, NameTest("urn:a", "b"))]


def test_the_root_alone_is_a_path() -> None:
    assert read(" / ") == Path((), is_absolute=True)


def test_a_star_and_an_operators_name_are_names_where_an_operand_is_expected() -> None:
    """XPath 1.0 section 3.7."""
    assert steps("div/mod") == [(Axis.CHILD, NameTest("", "div")), (Axis.CHILD, NameTest("", "mod"))]
    assert steps("div:and") == [(Axis.CHILD, NameTest("urn:div", "and"))]
    for text, operator in (
        ("* * *", "*"),
        ("or or or", "or"),
        ("div div div", "div"),
        ("a:b*2", "*"),
        ("(1)mod 2", "mod"),
    ):
        found = read(text)
        assert isinstance(found, Operation)
        assert found.operator == operator


def test_a_name_may_hold_dots_and_dashes() -> None:
    assert steps("a:b-c.d-1") == [(Axis.CHILD, NameTest("urn:a", "b-c.d-1"))]
    assert steps("a:\u00e9t\u00e9") == [(Axis.CHILD, NameTest("urn:a", "\u00e9t\u00e9"))]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1 or 2 and 3 = 4", "(1 or (2 and (3 = 4)))"),
        ("1 + 2 * 3 - 4", "((1 + (2 * 3)) - 4)"),
        ("1 < 2 = 3 > 4", "((1 < 2) = (3 > 4))"),
        ("8 div 4 div 2", "((8 div 4) div 2)"),
        ("- 1 - -2", "((-1) - (-2))"),
        ("--1", "(-(-1))"),
        ("-a:b | a:c", "(-(child::n0:b | child::n0:c))"),
        ("(1 or 2) and 3", "((1 or 2) and 3)"),
        (".5", ".5"),
        ("concat('it', \"'s\")", "concat('it', \"'s\")"),
    ],
)
def test_operators_bind_as_their_precedence_says(text: str, written: str) -> None:
    assert Writer().write(read(text)) == written


def test_predicates_of_a_parenthesis_are_of_the_whole_of_it() -> None:
    found = read("(//a:b)[2]/a:c")
    assert isinstance(found, Path)
    assert isinstance(found.start, Path)
    assert found.filters == (Number("2"),)
    assert [step.test for step in found.steps] == [NameTest("urn:a", "c")]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("/a:b | a:c", Type.NODES),
        ("current()", Type.NODES),
        ("deref(a:b)/..", Type.NODES),
        ("a:b = 1", Type.BOOLEAN),
        ("not(a:b)", Type.BOOLEAN),
        ("1 + a:b", Type.NUMBER),
        ("-a:b", Type.NUMBER),
        ("enum-value(a:b)", Type.NUMBER),
        ("'a'", Type.STRING),
        ("string()", Type.STRING),
    ],
)
def test_an_expression_has_a_type(text: str, kind: Type) -> None:
    assert type_of(read(text)) is kind


@pytest.mark.parametrize(
    ("text", "positional"),
    [("1", True), ("last()", True), ("a:b[position() = 1]", True), ("a:b = 1", False), ("count(a:b) > 1", False)],
)
def test_a_predicate_that_depends_on_the_position_is_known(text: str, positional: bool) -> None:
    assert is_positional(read(text)) is positional


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "more is expected"),
        ("a:b[", "more is expected"),
        ("a:b]", "']' is not expected"),
        ("a:b//", "more is expected"),
        ("a:b a:c", "'a:c' is not expected"),
        ("x:b", "the prefix 'x' is not declared"),
        ("$x", "there are no variables"),
        ("foo()", "there is no function 'foo'"),
        ("a:b/string()", "string() is no step"),
        ("nowhere::a:b", "there is no axis 'nowhere'"),
        ("'abc", "''abc' is no XPath"),
        ("a:b:c", "':c' is no XPath"),
        ("not()", "not() does not take 0 arguments"),
        ("true(1)", "true() does not take 1 arguments"),
        ("count(1)", "count() needs a node-set, not a number"),
        ("'a' | a:b", "'|' needs a node-set, not a string"),
        ("'a'/a:b", "needs a node-set, not a string"),
        ("a:b!a:c", "is no XPath"),
        ("a:b[]", "']' is not expected"),
    ],
)
def test_what_is_no_expression_is_refused_with_the_reason(text: str, complaint: str) -> None:
    with pytest.raises(XPathError, match=r"\S") as raised:
        read(text)
    assert complaint in str(raised.value)


def test_a_name_without_a_prefix_is_in_the_default_namespace_only_where_there_is_one() -> None:
    found = parse("b", {None: "urn:d"})
    assert isinstance(found, Path)
    assert found.steps[0].test == NameTest("urn:d", "b")


@pytest.mark.parametrize(
    "text",
    ["(" * 100 + "1" + ")" * 100, "a:b[" * 100 + "1" + "]" * 100, "not(" * 100 + "1" + ")" * 100, "1" + "+1" * 100],
)
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(XPathError, match=f"more than {MAXIMUM_DEPTH} levels"):
        read(text)


@pytest.mark.parametrize("operator", [" or ", " and ", " | "])
def test_a_long_chain_is_not_deep(operator: str) -> None:
    found = read(operator.join(["a:b"] * 2000))
    assert isinstance(found, Operation)
    assert len(found.operands) == 2000


def test_a_call_and_a_minus_have_operands() -> None:
    assert read("-contains('a', 1)") == Negation(Call("contains", (Literal("a"), Number("1"))))
