"""Device time as ietf-yang-types:date-and-time (RFC 6991 section 3), in its canonical form with the offset +00:00."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_MICROSECOND: Final = timedelta(microseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_BARE_EPOCH: Final = datetime(1970, 1, 1)


@lru_cache(maxsize=1024)
def date_and_time(at: int) -> str:
    """Return the text of a device time, in microseconds since the Unix epoch, with a fraction where it has one."""
    return (_BARE_EPOCH + timedelta(0, 0, at)).isoformat() + "+00:00"


def microseconds(text: str) -> int:
    """Return the device time of a canonical text, in microseconds since the Unix epoch; finer parts are cut off."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MICROSECOND
