"""Device time as date-and-time of RFC 6991."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.datastore.canonical import date_and_time as canonical
from agent.datastore.date_and_time import date_and_time, microseconds


def test_a_whole_second_has_no_fraction() -> None:
    assert date_and_time(1_047_297_600_000_000) == "2003-03-10T12:00:00+00:00"


def test_a_fraction_is_shown_in_microseconds() -> None:
    assert date_and_time(1) == "1970-01-01T00:00:00.000001+00:00"


@given(st.integers(min_value=0, max_value=4_102_444_800_000_000))
def test_every_time_is_in_its_canonical_form(at: int) -> None:
    assert canonical(date_and_time(at)) == date_and_time(at)


@pytest.mark.parametrize("at", [0, 1, 1_047_297_600_000_000, 1_047_297_600_500_000, -1, 253_402_300_799_999_999])
def test_a_text_is_read_as_the_time_that_it_was_written_for(at: int) -> None:
    assert microseconds(date_and_time(at)) == at


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("1970-01-01T00:00:00.5+00:00", 500_000),
        ("1970-01-01T00:00:00.1234567+00:00", 123_456),
        ("1970-01-01T00:00:02-00:00", 2_000_000),
        ("1970-01-01T02:00:01+02:00", 1_000_000),
    ],
)
def test_every_form_of_a_time_is_read(text: str, at: int) -> None:
    assert microseconds(text) == at
