"""The session in README.md is what the prompt shows."""

from __future__ import annotations

import pytest

from tests.support.terminal_session import BEGIN, END, PAGE, record, recorded_into


def test_the_recorded_session_is_the_one_that_the_device_has() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert recorded_into(page) == page, "scripts/record brings it up to date"


def test_a_session_is_the_same_each_time() -> None:
    assert record() == record()


def test_a_page_without_both_marks_is_left_alone() -> None:
    with pytest.raises(ValueError, match="does not have"):
        recorded_into(f"{END} {BEGIN}")
