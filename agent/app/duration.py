"""Spans of time as people write them: `90s`, `8h30m`, `1.5d`, or a bare number of seconds."""

from __future__ import annotations

import re
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from agent.core.world import SECOND

EXPECTED: Final = "a span of time such as 90s, 8h30m or 1d, or a number of seconds"
_UNITS: Final = MappingProxyType(
    {"d": 86_400 * SECOND, "h": 3_600 * SECOND, "m": 60 * SECOND, "s": SECOND, "ms": SECOND // 1_000, "us": 1}
)
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(d|h|ms|m|us|s)")


def parse_duration(text: str) -> int:
    """Return a span of time in microseconds; ValueError for what is none."""
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        return round(Decimal(text) * SECOND)
    if not text or _PART.sub("", text):
        raise ValueError(f"{text!r} is not {EXPECTED}")
    return sum(round(Decimal(number) * _UNITS[unit]) for number, unit in _PART.findall(text))


def render_duration(microseconds: int) -> str:
    """Return a span of time of microseconds in hours, minutes and seconds: `8:00:04.5`."""
    seconds, fraction = divmod(microseconds, SECOND)
    text = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{text}.{fraction:06}".rstrip("0") if fraction else text
