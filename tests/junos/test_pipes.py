"""Pipes and their patterns."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.junos import pipes
from agent.junos.parser import parse
from agent.junos.pattern import BadPattern, Pattern

LINES = ["alpha 1", "Beta 22", "", "gamma 333", "beta 4"]


def piped(text: str) -> list[str]:
    through = pipes.prepare(parse(f"show version | {text}").pipes)
    return [*through(iter(LINES))]


PIPED = {
    "match beta": ["Beta 22", "beta 4"],
    "match ^beta$": [],
    'match "a [0-9]$"': ["alpha 1", "beta 4"],
    "except a": [""],
    "except beta": ["alpha 1", "", "gamma 333"],
    "find gamma": ["gamma 333", "beta 4"],
    "find nothing": [],
    "count": ["Count: 5 lines"],
    "match beta | count": ["Count: 2 lines"],
    "last 2": ["gamma 333", "beta 4"],
    "last 0": [],
    "last 9": LINES,
    "no-more": LINES,
    'match "(alpha|gamma) .*"': ["alpha 1", "gamma 333"],
}


@pytest.mark.parametrize(("text", "lines"), PIPED.items())
def test_a_pipe_lets_through(text: str, lines: list[str]) -> None:
    assert piped(text) == lines


@pytest.mark.parametrize("text", ["(", ")", "(a", "a)", "*a", "+", "a|*", "[a", "[", "a\\", "(" * 60 + ")" * 60])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(BadPattern):
        Pattern(text)


def sequences(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return patterns that are made of others."""
    grouped = inner.map(lambda text: f"({text})")
    repeated = st.builds("{}{}".format, grouped, st.sampled_from("*+?"))
    return grouped | repeated | st.builds("{}{}".format, inner, inner) | st.builds("{}|{}".format, inner, inner)


ATOMS = st.sampled_from(["a", "b", "c", ".", "[ab]", "[^a]", "[a-c]", "^", "$", "\\.", "", "[]a]", "[a-]"])
PATTERNS = st.recursive(ATOMS, sequences, max_leaves=8)


@given(PATTERNS, st.text("abc.-]", max_size=8))
def test_a_pattern_finds_what_the_same_regular_expression_finds(pattern: str, text: str) -> None:
    assert Pattern(pattern).search(text) == (re.search(pattern, text) is not None)


@given(st.text("ab()[]*+?|^$.\\-", max_size=12), st.text("ab", max_size=6))
def test_whatever_is_typed_is_a_pattern_or_is_refused(pattern: str, text: str) -> None:
    try:
        compiled = Pattern(pattern)
    except BadPattern:
        return
    assert compiled.search(text) in (True, False)


def test_no_pattern_takes_long() -> None:
    assert not Pattern("(a*)*" * 20 + "b").search("a" * 400)
    assert not Pattern("(a|a?)+" * 20 + "$b").search("a" * 400)


def test_upper_and_lower_case_are_the_same() -> None:
    assert Pattern("BETA").search("beta")
    assert Pattern("beta").search("BETA")
