"""Call home (RFC 8071): we connect to the client, and are the server on that connection all the same.

A client has one or more endpoints. Each is tried a few times, then the next one; the pauses between tries grow, and are
short again after somebody has logged in. Persistent: a connection that ends is made anew. Periodic: the client is
called again when the period is over (both after ietf-netconf-server, RFC 9645).

Invariant: nothing here reads a clock or waits by itself; how to connect and how to pause are passed in.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import chain
from typing import Final, NoReturn

CONNECT_SECONDS: Final = 15.0
"""How long a client's address may take to answer."""

Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]
Dial = Callable[[], Awaitable[bool]]
"""Connects to one endpoint, and serves until the connection is over; returns whether anybody had logged in."""
Pause = Callable[[float], Awaitable[object]]
"""Waits for some seconds."""


class StartWith(Enum):
    """The endpoint to begin with after a connection has ended."""

    FIRST_LISTED = "first-listed"
    LAST_CONNECTED = "last-connected"


@dataclass(frozen=True, slots=True)
class CallPlan:
    """How a client is called. Times in seconds."""

    period: float | None = None
    """None: persistently."""
    start_with: StartWith = StartWith.FIRST_LISTED
    attempts: int = 3
    """Tries at one endpoint before the next."""
    first_wait: float = 1.0
    longest_wait: float = 15.0


async def call(plan: CallPlan, dials: Sequence[Dial], pause: Pause) -> NoReturn:
    """Call a client at its endpoints for ever."""
    start = 0
    while True:
        connected = await _call_once(plan, dials, start, pause)
        if plan.start_with is StartWith.LAST_CONNECTED:
            start = connected
        await pause(plan.first_wait if plan.period is None else plan.period)


async def _call_once(plan: CallPlan, dials: Sequence[Dial], start: int, pause: Pause) -> int:
    """Try until somebody has logged in and left again; return the position of the endpoint."""
    wait = plan.first_wait
    while True:
        for position in chain(range(start, len(dials)), range(start)):
            for _ in range(plan.attempts):
                if await dials[position]():
                    return position
                await pause(wait)
                wait = min(2 * wait, plan.longest_wait)


async def connect(host: str, port: int) -> socket.socket:
    """Return a connected TCP socket that does not block. OSError when no address of the host answers in time."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in found:
        try:
            return await _connect(socket.socket(family, kind, protocol), address)
        except OSError as error:  # a timeout is one too
            failure = error
    raise failure


async def _connect(unconnected: socket.socket, address: Address) -> socket.socket:
    unconnected.setblocking(False)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await asyncio.get_running_loop().sock_connect(unconnected, address)
    except (OSError, asyncio.CancelledError):
        unconnected.close()
        raise
    return unconnected
