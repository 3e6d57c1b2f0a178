"""How many files the process may have open: each connection is one, and each address that is listened on."""

from __future__ import annotations

import logging
import resource
from typing import Final

log: Final = logging.getLogger(__name__)
OTHERS: Final = 64
"""How many there are beside connections: files that are kept, what is listened on, what Python has."""


def allow_open_files() -> int:
    """Have as many as this process may, and return how many that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def require_room(connections: int) -> None:
    """Say in the log when not so many connections can be open as may be."""
    allowed = allow_open_files()
    if allowed != resource.RLIM_INFINITY and allowed < connections + OTHERS:
        log.warning(
            "limits.connections: %d cannot be, because the process may have %d open files", connections, allowed
        )
