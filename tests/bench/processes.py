"""The processes under measurement: each says ``ready …`` on stdout, and is ended with the measurement."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Server:
    """A server that is ready: on which port, and after how many seconds."""

    port: int
    seconds: float


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
            yield Server(int(port[1]), seconds)
        finally:
            process.terminate()


def agent_arguments(state: Path) -> list[str]:
    """``ipsec-agent serve`` of the scenario ``chapter``, on a free port."""
    return scenario_arguments("chapter", state)


def scenario_arguments(scenario: str, state: Path) -> list[str]:
    """``ipsec-agent serve`` of a scenario, on a free port."""
    return ["-m", "agent", "serve", "--scenario", scenario, "--listen", "127.0.0.1:0", "--state-dir", str(state)]
