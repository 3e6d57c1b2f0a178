"""Rows of state: what one template writes is what its cells say."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from agent.datastore.rows import MAXIMUM_TEMPLATES, Cell, Row


def cell(name: str) -> Cell:
    """Return a leaf that takes its value from a mapping."""
    return Cell(f"<{name}>", f"</{name}>", lambda subject: subject.get(name))  # type: ignore[attr-defined]


NAMES = tuple("abcdefghi")
ROW = Row([cell(name) for name in NAMES])
WITHIN = Row([cell(name) for name in NAMES], '<inner xmlns="urn:%s">', "</inner>")
VALUES = st.none() | st.integers() | st.text("xyz% ")


@given(st.dictionaries(st.sampled_from(NAMES), VALUES))
def test_a_row_gives_what_its_cells_give_one_after_the_other(subject: dict[str, object]) -> None:
    there = [f"<{name}>{subject[name]}</{name}>" for name in NAMES if subject.get(name) is not None]
    assert ROW.text(subject) == "".join(there)
    assert WITHIN.text(subject) == (f'<inner xmlns="urn:%s">{"".join(there)}</inner>' if there else "")


def test_nothing_stands_around_nothing() -> None:
    assert WITHIN.text({}) == ""
    assert Row([cell("a")], "<inner>", "</inner>").text({"a": None}) == ""


def test_a_value_that_is_zero_or_empty_is_there() -> None:
    assert ROW.text({"a": 0, "b": ""}) == "<a>0</a><b></b>"


def test_every_set_of_cells_is_written_right_however_many_there_have_been() -> None:
    row = Row([cell(name) for name in NAMES])
    assert 2 ** len(NAMES) > MAXIMUM_TEMPLATES
    for _ in range(2):
        for there in product((None, 1), repeat=len(NAMES)):
            subject = dict(zip(NAMES, there, strict=True))
            assert row.text(subject) == "".join(f"<{name}>1</{name}>" for name in NAMES if subject[name])
