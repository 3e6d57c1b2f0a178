"""A fleet of a thousand: start-up and memory of each device, what idle ones cost, and how fast all are asked.

The limit of start-up is a boot alone, without a socket; that of asking is one device asked as often. A fleet in several
processes is asked by as many clients: where they take the cores that it needs, as on a machine of two, that shows.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

from agent import Device
from agent.app.hosting import shared_registry
from agent.app.scenario import load_scenario
from agent.app.scenario.run import start_scenario
from tests.bench.netconf_client import NetconfClient
from tests.bench.processes import ROOT, cpu_seconds_of, descendants, resident_bytes_of
from tests.bench.rows import Row, medians
from tests.support.fleets import COOKIES

DEVICES = 1_000
BOOTS = 20
SHARED_DEVICES = 200
"""How many are shared out among processes."""
PROCESSES = 2
ROUNDS = 3
AT_ONCE = 50
"""How many are asked at a time."""
IDLE_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Fleet:
    """A running fleet: its ports, its process, and after how many seconds it was ready."""

    ports: Sequence[int]
    process: int
    seconds: float

    @property
    def memory_kilobytes(self) -> float:
        """What it holds in memory now."""
        return resident_bytes_of(self.process) / 1000

    @property
    def cpu_seconds(self) -> float:
        """What it has used of a processor so far."""
        return cpu_seconds_of(self.process)

    @property
    def busiest_seconds(self) -> float:
        """What that of its processes has used of a core which has used the most."""
        return max(map(cpu_seconds_of, (self.process, *descendants(self.process))))


def fleet() -> Iterator[Row]:
    """The cost of a device among a thousand."""
    boot = _boot_seconds()
    yield Row("fleet", "agent.Device, started again in one process", "ms", _held_seconds() * 1000, boot * 1000)
    with running(1) as one:
        alone, seconds = one.memory_kilobytes, one.seconds
        one_rate = DEVICES / asyncio.run(_ask([*one.ports] * DEVICES))
    with running(DEVICES) as many:
        per_device = (many.seconds - seconds) / (DEVICES - 1)
        yield Row("fleet", f"start-up per device of {DEVICES}", "ms", per_device * 1000, boot * 1000)
        yield Row("fleet", "memory per idle device", "kB", (many.memory_kilobytes - alone) / (DEVICES - 1))
        before = many.cpu_seconds
        time.sleep(IDLE_SECONDS)
        idle = (many.cpu_seconds - before) / IDLE_SECONDS
        yield Row("fleet", f"processor used by {DEVICES} idle devices, time stepped", "%", idle * 100)
        rate = DEVICES / asyncio.run(_ask(many.ports))
        yield Row("fleet", f"login, get, logout at each of {DEVICES}", "1/s", rate, one_rate)
    yield from _shared_out()


def _shared_out() -> Iterator[Row]:
    """How much more a fleet serves in several processes; both are asked in turn, by as many clients."""
    with (
        running(SHARED_DEVICES) as one,
        running(SHARED_DEVICES, PROCESSES) as several,
        ProcessPoolExecutor(PROCESSES, get_context("spawn")) as clients,
    ):
        rounds = Counter[int]()

        def rate(fleet: Fleet) -> float:
            rounds[fleet.process] += 1
            shares = [fleet.ports[number::PROCESSES] for number in range(PROCESSES)]
            began = time.perf_counter()
            list(clients.map(_ask_from_here, shares))
            return SHARED_DEVICES / (time.perf_counter() - began)

        rate(one)  # the clients are there then
        rounds.clear()
        before = {each.process: each.busiest_seconds for each in (one, several)}
        rates = medians({"one": lambda: rate(one), "several": lambda: rate(several)}, ROUNDS)
        of_a_core = {
            each.process: rounds[each.process] * SHARED_DEVICES / (each.busiest_seconds - before[each.process])
            for each in (one, several)
        }
        case = f"login, get, logout at each of {SHARED_DEVICES}, in {PROCESSES} processes"
        yield Row("fleet", case, "1/s", rates["several"], peers={"in one process": rates["one"]})
        case = f"the same, to a second that the busiest of {PROCESSES} processes has a core"
        yield Row("fleet", case, "1/s", of_a_core[several.process], peers={"in one process": of_a_core[one.process]})


@contextmanager
def running(devices: int, processes: int = 1) -> Iterator[Fleet]:
    """Run a fleet until the block ends."""
    command = [sys.executable, "-m", "agent", "fleet", "--devices", str(devices), "--ports", "0"]
    command += ["--processes", str(processes)]
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--scenario", "chapter", "--time-scale", "step"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.startswith("ready"):
            raise RuntimeError(f"not ready: {line}")
        try:
            ports = [int(port) for port in re.findall(r":(\d+)", line)]
            yield Fleet(ports, process.pid, time.perf_counter() - began)
        finally:
            process.terminate()


def _boot_seconds() -> float:
    scenario, registry = load_scenario("chapter"), shared_registry()
    began = time.perf_counter()
    for _ in range(BOOTS):
        start_scenario(scenario, registry, lambda server: None)
    return (time.perf_counter() - began) / BOOTS


def _held_seconds() -> float:
    began = time.perf_counter()
    for _ in range(BOOTS):
        with Device("chapter"):
            pass
    return (time.perf_counter() - began) / BOOTS


def _ask_from_here(ports: Sequence[int]) -> float:
    return asyncio.run(_ask(ports))


async def _ask(ports: Sequence[int]) -> float:
    """Ask every device once, and return in how many seconds; each must answer with state of its own."""
    turn = asyncio.Semaphore(AT_ONCE)

    async def ask(port: int) -> bytes:
        async with turn:
            client = await NetconfClient.open(port)
            reply = await client.exchange(COOKIES)
            await client.close()
            return reply

    began = time.perf_counter()
    replies = await asyncio.gather(*map(ask, ports))
    seconds = time.perf_counter() - began
    cookies = {cookie for reply in replies for cookie in re.findall(rb"<initiator-cookie>(\w{16})<", reply)}
    if len(cookies) != len(set(ports)):
        raise RuntimeError(f"{len(set(ports))} devices have {len(cookies)} IKE SAs between them")
    return seconds
