"""Spans of time as people write them."""

from __future__ import annotations

import pytest

from agent.app.duration import parse_duration, render_duration
from agent.core.world import SECOND


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5", 1.5), ("90s", 90), ("8h30m", 30_600), ("1d", 86_400), ("250ms", 0.25), ("1m5us", 60.000005)],
)
def test_a_span_of_time_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == round(seconds * SECOND)


@pytest.mark.parametrize("text", ["", "h", "-5", "5 s", "5x", "1e3", "1h2", "soon", "5s-"])
def test_what_is_no_span_of_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="span of time"):
        parse_duration(text)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00:00"), (3_661, "1:01:01"), (90_000.5, "25:00:00.5")])
def test_a_span_of_time_is_shown_in_hours(seconds: float, text: str) -> None:
    assert render_duration(round(seconds * SECOND)) == text
