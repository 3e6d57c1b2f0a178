"""The values of a scenario file as what they mean; ValueError where they mean nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.core.world import SECOND

DAY = 86_400 * SECOND
MAXIMUM_DAYS = 1_000_000


def days(text: str) -> int:
    """Return a number of days, a million at most, in microseconds."""
    number = float(text)
    if not abs(number) <= MAXIMUM_DAYS:
        raise ValueError(text)
    return round(number * DAY)


def truth(text: str) -> bool:
    """Return whether it says true; false is the other word."""
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def today() -> int:
    """Return the time of the wall clock, to the second, in microseconds of device time."""
    return round(datetime.now(UTC).timestamp()) * SECOND


def instant(text: str) -> int:
    """Return a date and time with an offset, or 'now', in microseconds of device time."""
    if text == "now":
        return today()
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return round(moment.timestamp() * SECOND)


def scale(text: str) -> float:
    """Return a pace of device time, 0 for 'step'."""
    pace = 0.0 if text == "step" else float(text)
    if not 0.0 <= pace < float("inf"):
        raise ValueError(text)
    return pace


def probability(text: str) -> float:
    """Return a number from 0 to 1."""
    number = float(text)
    if not 0.0 <= number <= 1.0:
        raise ValueError(text)
    return number


def count(text: str) -> int:
    """Return a number of at least 1."""
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def natural(text: str) -> int:
    """Return a number of at least 0."""
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number
