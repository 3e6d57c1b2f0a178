"""Memory that a change of the configuration, or a session, has used for a while goes back to the system.

A large edit is a document, a tree and a second tree for its judgement, and a session has what its client has not read
yet; the C library keeps what these leave behind. Invariant: a server is never slower for it: it happens a little after
the end, and not after each of many. It takes a fifth of a millisecond, and one more for each ten megabytes.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Final

from agent.datastore.changes import ConfigurationChanged
from agent.netconf.base_notifications import SessionEnded
from agent.netconf.recording import Happening, Recorder

DELAY_SECONDS: Final = 1.0


def find_trim() -> Callable[[int], int] | None:
    """Return what gives memory back, None where the C library has nothing of the kind (it is glibc's)."""
    trim: Callable[[int], int] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim


class FreedMemory(Recorder):
    """Gives memory back a little after the configuration has changed, or a session has ended."""

    def __init__(
        self, call_later: Callable[[float, Callable[[], None]], object], trim: Callable[[int], int] | None
    ) -> None:
        """Do nothing yet, and nothing ever without `trim`; `call_later` arranges a call in so many seconds."""
        self._call_later = call_later
        self._trim = trim
        self._is_arranged = False

    def happened(self, event: Happening) -> None:
        """Arrange for it, if it is not arranged already."""
        if isinstance(event, (ConfigurationChanged, SessionEnded)) and self._trim is not None and not self._is_arranged:
            self._is_arranged = True
            self._call_later(DELAY_SECONDS, self._give_back)

    def _give_back(self) -> None:
        self._is_arranged = False
        if self._trim is not None:
            self._trim(0)
