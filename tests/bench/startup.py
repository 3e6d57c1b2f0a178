"""Start-up: from the start of ``ipsec-agent serve`` to its readiness line. The limit: the imports alone."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.processes import ROOT, agent_arguments, serving
from tests.bench.rows import Row, medians

ROUNDS = 5
TARGET = 0.8
IMPORTS = "import agent.app.cli, agent.app.server"


def startup() -> Iterator[Row]:
    """The time to the first start of a device, and to each later one."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "kept"
        fresh = (Path(folder) / f"fresh{number}" for number in range(ROUNDS))
        figures = medians(
            {
                "imports": imports_alone,
                "first": lambda: time_to_ready(next(fresh)),
                "later": lambda: time_to_ready(kept),
            },
            ROUNDS,
        )
    yield Row("startup", "first start, host keys made", "s", figures["first"], figures["imports"], target=TARGET)
    yield Row("startup", "later start", "s", figures["later"], figures["imports"], target=TARGET)


def time_to_ready(state: Path) -> float:
    """Seconds until a device says that it is ready."""
    with serving(*agent_arguments(state)) as server:
        return server.seconds


def imports_alone() -> float:
    """Seconds for an interpreter that imports what the server does, and ends."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True, cwd=ROOT)
    return time.perf_counter() - began
