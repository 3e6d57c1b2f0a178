"""A TCP port that nobody listens on yet, nor is likely to come by."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

LOWEST = 10_000
STEP = 17
RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """Return a port of 127.0.0.1 that is free now."""
    return next(free_ports())


def free_ports() -> Iterator[int]:
    """Yield ports of 127.0.0.1 that are free now.

    None of them is one that the system gives to who asks for any, so nobody gets it before it is used; and those of
    two processes that run at once begin at different ones.
    """
    end = int(RANGE.read_text().split()[0]) if RANGE.exists() else 32_768
    count = max(end - LOWEST, 1)
    first = os.getpid() * STEP
    for at in range(count):
        port = LOWEST + (first + at) % count
        with socket.socket() as bound:
            try:
                bound.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port
