"""Device time as ietf-yang-types:date-and-time (RFC 6991 section 3), in its canonical form with the offset +00:00."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BARE_EPOCH: Final = datetime(1970, 1, 1)
_SECOND_US: Final = 1_000_000
_SIXTY: Final = tuple(f"{number:02}" for number in range(60))


@lru_cache(maxsize=1024)
def date_and_time(at: int) -> str:
    """Return the text of a device time, in microseconds since the Unix epoch, with a fraction where it has one."""
    second, fraction = divmod(at, _SECOND_US)
    minute, second = divmod(second, 60)
    if fraction:
        return f"{_minute(minute)}{_SIXTY[second]}.{fraction:06}+00:00"
    return f"{_minute(minute)}{_SIXTY[second]}+00:00"


@lru_cache(maxsize=4096)
def _minute(number: int) -> str:
    """Return the text of a minute: many instants are in few of them, and a calendar takes longer than an addition."""
    return (_BARE_EPOCH + timedelta(minutes=number)).isoformat().removesuffix("00")


def microseconds(text: str) -> int:
    """Return the device time of a canonical text, in microseconds since the Unix epoch; finer parts are cut off."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
