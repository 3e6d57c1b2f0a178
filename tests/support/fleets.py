"""`ipsec-agent fleet` as a program, of the scenario `chapter`, and the processes it has."""

from __future__ import annotations

import asyncio
import csv
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench.netconf_client import NetconfClient
from tests.bench.processes import descendants

END_SECONDS = 30
COOKIES = (
    b'<get><filter type="subtree"><ike xmlns="urn:ipsec-agent:ike"><security-associations><security-association>'
    b"<initiator-cookie/></security-association></security-associations></ike></filter></get>"
)


@dataclass(frozen=True, slots=True)
class ServedFleet:
    """A fleet that runs, and the lines that it has printed up to `ready`."""

    program: subprocess.Popen[str]
    lines: Sequence[str]

    @property
    def ports(self) -> dict[str, int]:
        """Where each device listens, by its name; `--print csv` tells."""
        return {entry["name"]: int(entry["port"]) for entry in csv.DictReader(self.lines[:-1])}

    @property
    def processes(self) -> tuple[int, ...]:
        """The processes that it has, beside the one that leads them."""
        return tuple(descendants(self.program.pid))

    def cookies(self) -> dict[str, tuple[bytes, ...]]:
        """The initiator cookies of each device, by its name: they follow from its seed."""
        return asyncio.run(_cookies(self.ports))

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal to the process that leads; return its exit code and what else is said.

        Everybody has ended then who could say anything: all of them have its stdout.
        """
        self.program.send_signal(number)
        return self.wait()

    def wait(self) -> tuple[int, str, str]:
        """Return what `end` does, of a fleet that ends by itself."""
        said, errors = self.program.communicate(timeout=END_SECONDS)
        return self.program.returncode, said, errors


@contextmanager
def started_fleet(*arguments: str) -> Iterator[ServedFleet]:
    """Run a fleet, at the latest until the block ends."""
    command = [sys.executable, "-m", "agent", "fleet", "--scenario", "chapter", *arguments]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert program.stdout is not None
    lines = list[str]()
    try:
        for line in program.stdout:
            lines.append(line)
            if line.startswith("ready"):
                break
        yield ServedFleet(program, lines)
    finally:
        if program.poll() is None:
            program.terminate()
            program.communicate(timeout=END_SECONDS)


@contextmanager
def served_fleet(*arguments: str) -> Iterator[ServedFleet]:
    """Run a fleet until the block ends; it must end cleanly then."""
    with started_fleet(*arguments) as fleet:
        yield fleet
        assert fleet.end() == (0, "", "")


async def _cookies(ports: dict[str, int]) -> dict[str, tuple[bytes, ...]]:
    found = {}
    for name, port in ports.items():
        client = await NetconfClient.open(port)
        found[name] = tuple(re.findall(rb"<initiator-cookie>(\w{16})<", await client.exchange(COOKIES)))
        await client.close()
    return found
