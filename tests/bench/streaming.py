"""A reply without end, nearly: a million entries of state, and what else the server does meanwhile."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

from tests.bench import entries, million
from tests.bench.netconf_client import NetconfClient
from tests.bench.processes import Server, agent_arguments, serving
from tests.bench.rows import Row

ENTRIES = 1_000_000
READ = b'<get><filter type="subtree"><million xmlns="urn:ipsec-agent:bench-million"/></filter></get>'
SECONDS_BETWEEN_REQUESTS = 0.01


def streaming() -> Iterator[Row]:
    """All rows."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = agent_arguments(Path(folder) / "state")
        own = ["-m", "tests.bench.million", str(ENTRIES), *arguments[2:], "--yang", str(million.YANG)]
        with serving(*own) as server:
            first, rate, grown, wait = asyncio.run(_stream(server))
    case = f"get of {ENTRIES} entries"
    yield Row("streaming", f"{case}: first byte", "ms", first, target=50.0)
    yield Row("streaming", f"{case}: throughput", "MB/s", rate)
    yield Row("streaming", f"{case}: memory grows by", "MB", grown, target=30.0)
    yield Row("streaming", f"{case}: 99th percentile of small RPCs", "ms", wait, target=20.0)


async def _stream(server: Server) -> tuple[float, float, float, float]:
    reader, other = [await NetconfClient.open(server.port) for _ in range(2)]
    await other.exchange(entries.read_little())
    before, peak, waits = server.resident_bytes, 0, list[float]()
    began = asyncio.get_running_loop().time()
    reading = asyncio.create_task(reader.discard(READ))
    while not reading.done():
        asked = time.perf_counter()
        await other.exchange_pieces(entries.read_little())
        waits.append(time.perf_counter() - asked)
        peak = max(peak, server.resident_bytes)
        await asyncio.sleep(SECONDS_BETWEEN_REQUESTS)
    octets = await reading
    seconds = asyncio.get_running_loop().time() - began
    for client in (reader, other):
        await client.close()
    first = 1000 * (reader.first_byte_at - began)
    return first, octets / 1e6 / seconds, (peak - before) / 1e6, 1000 * quantiles(waits, n=100)[98]
