"""All IPsec SAs of a device read in one get, both directions and every leaf: how fast, and how that grows.

Each has been negotiated, with a peer of its own. The limit: an asyncssh server with a canned reply of the same size.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

from tests.bench.netconf_client import NetconfClient
from tests.bench.processes import Server, serving
from tests.bench.rows import Row, medians

ROUNDS = 5
SIZES = (500, 5_000)
ALL_SIZES = (5_000, 50_000)
"""Tunnels, of which each has an SA in either direction."""
TARGET = 100
MOST_GROWTH = 1.25
READ_ALL = (
    b'<get><filter type="subtree"><ipsec xmlns="urn:ipsec-agent:ipsec"><security-association/></ipsec></filter></get>'
)


def sas(sizes: tuple[int, int] = SIZES) -> Iterator[Row]:
    """The rate for either number of tunnels, each with an SA in each direction."""
    seconds = {}
    for tunnels in sizes:
        size, device, canned = _measure(tunnels)
        seconds[tunnels] = device
        case = f"get of {2 * tunnels} IPsec SAs, {size / 1e6:.1f} MB"
        yield Row("sas", case, "MB/s", size / device / 1e6, size / canned / 1e6, target=TARGET)
    few, many = sizes
    growth = seconds[many] / seconds[few] / (many / few)
    yield Row("sas", f"time of an SA, {2 * many} to {2 * few}", "x", growth, target=MOST_GROWTH)


def _measure(tunnels: int) -> tuple[int, float, float]:
    """Return the size of the reply, and the seconds that it takes the device and a canned reply."""
    with serving("-m", "tests.bench.hub", str(tunnels)) as device:
        size = len(asyncio.run(_reply(device)))
        with serving("-m", "tests.bench.canned", str(size)) as canned:
            figures = medians({"device": _timed(device), "canned": _timed(canned)}, ROUNDS)
    return size, figures["device"], figures["canned"]


def _timed(server: Server) -> Callable[[], float]:
    return lambda: asyncio.run(_seconds(server))


async def _reply(server: Server) -> bytes:
    client = await NetconfClient.open(server.port)
    reply = await client.exchange(READ_ALL)
    await client.close()
    if b"<anti-replay-service>" not in reply:
        raise RuntimeError(f"not the reply that is measured: {reply[:500]!r}")
    return reply


async def _seconds(server: Server) -> float:
    client = await NetconfClient.open(server.port)
    began = time.perf_counter()
    await client.exchange_pieces(READ_ALL)
    seconds = time.perf_counter() - began
    await client.close()
    return seconds
