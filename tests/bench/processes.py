"""The processes under measurement: each says ``ready …`` on stdout, and is ended with the measurement."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.netconf_client import ADMIN, Login

ROOT = Path(__file__).parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
SECONDS_TO_END = 5


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is ready: on which port, after how many seconds, how to log in, and its processes."""

    port: int
    seconds: float
    login: Login = ADMIN
    processes: Sequence[int] = field(default_factory=tuple)

    @property
    def cpu_seconds(self) -> float:
        """What all of its processes have used so far."""
        return sum(cpu_seconds_of(process) for process in self._all())

    @property
    def resident_bytes(self) -> int:
        """What all of its processes have in memory."""
        return sum(resident_bytes_of(process) for process in self._all())

    def _all(self) -> Iterator[int]:
        for process in self.processes:
            yield process
            yield from descendants(process)


@contextmanager
def serving(*arguments: str) -> Iterator[Server]:
    """Run ``python ARGUMENTS`` until the block ends, which begins when it is ready."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        seconds = time.perf_counter() - began
        port = re.match(r"ready ssh \S+:(\d+)", line)
        if port is None:
            process.kill()
            raise RuntimeError(f"python {' '.join(arguments)} is not ready: {line}{process.communicate()[1]}")
        try:
            yield Server(int(port[1]), seconds, processes=(process.pid,))
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End a process, and do not wait for all that it may have to write."""
    process.terminate()
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()


def agent_arguments(state: Path) -> list[str]:
    """``ipsec-agent serve`` of the scenario ``chapter``, on a free port."""
    return scenario_arguments("chapter", state)


def scenario_arguments(scenario: str, state: Path) -> list[str]:
    """``ipsec-agent serve`` of a scenario, on a free port."""
    return ["-m", "agent", "serve", "--scenario", scenario, "--listen", "127.0.0.1:0", "--state-dir", str(state)]


def descendants(process: int) -> Iterator[int]:
    """The processes that one has begun, and those that these have."""
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in children.read_text().split():
            yield int(child)
            yield from descendants(int(child))


def cpu_seconds_of(process: int) -> float:
    """What a process has used, to the nanosecond where the kernel counts that: it is what its threads have."""
    threads = [*Path(f"/proc/{process}/task").glob("*/schedstat")]
    if threads:
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(int(fields[index]) for index in (11, 12)) / TICKS


def resident_bytes_of(process: int) -> int:
    """What a process holds in memory now."""
    found = re.search(r"^VmRSS:\s*(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
