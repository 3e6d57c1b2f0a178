"""Sessions and small requests: how fast they come, what they cost the server, and what they take of its memory.

The limit: an asyncssh server with a canned reply.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.bench import entries
from tests.bench.listing import check, rate
from tests.bench.netconf_client import NetconfClient
from tests.bench.peers import install_peers, yuma123
from tests.bench.processes import Server, agent_arguments, serving
from tests.bench.rows import Row, medians

ROUNDS = 3
AT_ONCE = 100
REQUESTS = 2_000
SESSIONS = 16
IN_PARALLEL = 8
IDLE = 20
SETTLE_SECONDS = 1.5
"""Memory is looked at when the work is over."""
OURS, LIMIT = "ipsec-agent", "limit"


def sessions(named: Mapping[str, Server]) -> Iterator[Row]:
    """All rows; `named` are further peers."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        root = Path(folder)
        arguments = [*agent_arguments(root / "state"), "--yang", str(entries.MODULE)]
        ours = stack.enter_context(serving(*arguments))
        peers = dict(named)
        if install_peers():
            peers["yuma123"] = stack.enter_context(yuma123(root / "yuma"))
        size = len(asyncio.run(_reply(ours)))
        canned = stack.enter_context(serving("-m", "tests.bench.canned", str(size)))
        servers = {OURS: ours, **peers, LIMIT: canned}
        yield from _small(servers)
        yield from _opened(servers)
        yield from _memory(servers)


def _small(servers: Mapping[str, Server]) -> Iterator[Row]:
    lockstep = _measured(servers, lambda server: asyncio.run(rate(server, _little)))
    best = max((value for name, value in lockstep.items() if name not in (OURS, LIMIT)), default=lockstep[LIMIT])
    yield _row("small RPC, one by one", "1/s", lockstep, best)
    yield _row("its CPU time in the server", "us", _measured(servers, _cpu_of_one), 150.0)
    pipelined = _measured(servers, lambda server: asyncio.run(rate(server, _little, AT_ONCE)))
    yield _row(f"small RPC, {AT_ONCE} at once", "1/s", pipelined, 0.9 * pipelined[LIMIT])


def _opened(servers: Mapping[str, Server]) -> Iterator[Row]:
    alone = _measured(servers, lambda server: asyncio.run(_opening(server, 1)))
    yield _row("sessions opened, one by one", "1/s", alone, 0.75 * alone[LIMIT])
    together = _measured(servers, lambda server: asyncio.run(_opening(server, IN_PARALLEL)))
    yield _row(f"sessions opened, {IN_PARALLEL} in parallel", "1/s", together, 0.75 * together[LIMIT])


def _memory(servers: Mapping[str, Server]) -> Iterator[Row]:
    idle = {name: asyncio.run(_idle_kilobytes(server)) for name, server in servers.items()}
    yield _row("memory of an idle session", "kB", idle, 35.0)
    loaded = {}
    for name, server in servers.items():
        if name != LIMIT:
            asyncio.run(_load(server))
            time.sleep(SETTLE_SECONDS)
            loaded[name] = server.resident_bytes / 1e6
    yield _row("memory with 10000 entries", "MB", loaded, 150.0)


def _row(case: str, unit: str, figures: Mapping[str, float], target: float) -> Row:
    peers = {name: value for name, value in figures.items() if name not in (OURS, LIMIT)}
    return Row("sessions", case, unit, figures[OURS], figures.get(LIMIT), peers, target)


def _measured(servers: Mapping[str, Server], measure: Callable[[Server], float]) -> dict[str, float]:
    def measuring(server: Server) -> Callable[[], float]:
        return lambda: measure(server)

    return medians({name: measuring(server) for name, server in servers.items()}, ROUNDS)


def _little(count: int) -> bytes:
    return entries.read_little()


async def _reply(server: Server) -> bytes:
    client = await NetconfClient.open(server.port, server.login)
    reply = await client.exchange(entries.read_little())
    await client.close()
    return check(reply)


def _cpu_of_one(server: Server) -> float:
    """Microseconds of the server's processes for one small request."""
    return asyncio.run(_cpu_of_many(server)) / REQUESTS * 1e6


async def _cpu_of_many(server: Server) -> float:
    client = await NetconfClient.open(server.port, server.login)
    await client.exchange(entries.read_little())
    before = server.cpu_seconds
    for _ in range(REQUESTS):
        await client.exchange_pieces(entries.read_little())
    used = server.cpu_seconds - before
    await client.close()
    return used


async def _opening(server: Server, at_once: int) -> float:
    async def open_some(count: int) -> None:
        for _ in range(count):
            client = await NetconfClient.open(server.port, server.login, is_used=False)
            await client.close()

    began = time.perf_counter()
    await asyncio.gather(*(open_some(SESSIONS // at_once) for _ in range(at_once)))
    return SESSIONS / (time.perf_counter() - began)


async def _idle_kilobytes(server: Server) -> float:
    """What each of many sessions adds that do nothing."""
    first = await NetconfClient.open(server.port, server.login)
    await first.exchange(entries.read_little())
    before = server.resident_bytes
    opened = [await NetconfClient.open(server.port, server.login, is_used=False) for _ in range(IDLE)]
    used = server.resident_bytes - before
    for client in (first, *opened):
        await client.close()
    return max(used, 0) / IDLE / 1024


async def _load(server: Server) -> None:
    client = await NetconfClient.open(server.port, server.login)
    check(await client.exchange(entries.create(10_000)))
    await client.close()
