"""Small RPCs a second on one session, one by one and pipelined. The limit: a server with a canned reply."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.netconf_client import NetconfClient
from tests.bench.processes import agent_arguments, serving
from tests.bench.rows import Row, medians

ROUNDS = 5
REQUESTS = 1500
AT_ONCE = 100
GET = (
    b'<get><filter type="subtree"><ike xmlns="urn:ipsec-agent:ike"><statistics><half-open/></statistics></ike>'
    b"</filter></get>"
)


def rpc() -> Iterator[Row]:
    """A get of one leaf, on the device and on the canned server."""
    with tempfile.TemporaryDirectory() as folder, serving(*agent_arguments(Path(folder) / "state")) as device:
        size = len(asyncio.run(_one_reply(device.port)))
        with serving("-m", "tests.bench.canned", str(size)) as canned:
            figures = medians(
                {
                    f"{name} {way}": _measure(port, at_once)
                    for way, at_once in (("one by one", 1), (f"{AT_ONCE} at once", AT_ONCE))
                    for name, port in (("device", device.port), ("canned", canned.port))
                },
                ROUNDS,
            )
    for way in ("one by one", f"{AT_ONCE} at once"):
        yield Row("rpc", f"get of one leaf, {way}", "1/s", figures[f"device {way}"], figures[f"canned {way}"])


def _measure(port: int, at_once: int) -> Callable[[], float]:
    return lambda: asyncio.run(_rate(port, at_once))


async def _one_reply(port: int) -> bytes:
    client = await NetconfClient.open(port)
    reply = await client.exchange(GET)
    await client.close()
    if b"<half-open>" not in reply:
        raise RuntimeError(f"not the reply that is measured: {reply!r}")
    return reply


async def _rate(port: int, at_once: int) -> float:
    """Requests a second, over a session that has just been opened."""
    client = await NetconfClient.open(port)
    await client.exchange(GET, at_once)
    began = time.perf_counter()
    for _ in range(REQUESTS // at_once):
        await client.exchange(GET, at_once)
    seconds = time.perf_counter() - began
    await client.close()
    return REQUESTS // at_once * at_once / seconds
