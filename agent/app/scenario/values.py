"""The values of a scenario file as what they mean; ValueError where they mean nothing."""

from __future__ import annotations

from datetime import UTC, datetime

from agent.app.settings import MAXIMUM_SCALE
from agent.core.world import SECOND

DAY = 86_400 * SECOND
MAXIMUM_DAYS = 1_000_000
FIRST_YEAR, LAST_YEAR = 1970, 8999
"""A scenario begins in one of these years: so it has a thousand years before dates of four digits end."""


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
    """Return a date and time with an offset, of 1970 to 8999, or 'now', in microseconds of device time."""
    if text == "now":
        return today()
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(text)
    return round(moment.timestamp() * SECOND)


def scale(text: str) -> float:
    """Return a pace of device time, a thousand million at most, 0 for 'step'."""
    pace = 0.0 if text == "step" else float(text)
    if not 0.0 <= pace <= MAXIMUM_SCALE:
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


def entry_id(text: str) -> int:
    """Return the id of an entry of the certificate database: a number of 32 bits."""
    number = int(text)
    if not 1 <= number < 2**32:
        raise ValueError(text)
    return number


def natural(text: str) -> int:
    """Return a number of at least 0."""
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number
