"""The program as its users run it: `ipsec-agent serve` in a process of its own, on a free port."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STOP_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Served:
    """A running server and where it listens: for NETCONF over SSH and over TLS, for IKE, for monitoring."""

    addresses: tuple[tuple[str, int], ...]
    tls: tuple[tuple[str, int], ...]
    ike: tuple[tuple[str, int], ...]
    http: tuple[tuple[str, int], ...]
    state_directory: Path
    process: subprocess.Popen[str]

    @property
    def host(self) -> str:
        """The host of the first address."""
        return self.addresses[0][0]

    @property
    def port(self) -> int:
        """The port of the first address."""
        return self.addresses[0][1]


@contextmanager
def served(state_directory: Path, *options: str, within: Sequence[str] = ()) -> Iterator[Served]:
    """Serve a scenario until the block ends; it must then end cleanly. `within` is a command that runs the program."""
    process = _started(state_directory, options, within)
    try:
        yield _ready(process, state_directory)
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=STOP_SECONDS)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors, errors


@contextmanager
def served_until_killed(state_directory: Path, *options: str) -> Iterator[Served]:
    """Serve a scenario until the block ends, and then kill the process, unless it has been killed already."""
    process = _started(state_directory, options)
    try:
        yield _ready(process, state_directory)
    finally:
        process.kill()
        process.communicate(timeout=STOP_SECONDS)


def _started(state_directory: Path, options: Sequence[str], within: Sequence[str] = ()) -> subprocess.Popen[str]:
    command = [*within, sys.executable, "-m", "agent", "serve", "--listen", "127.0.0.1:0"]
    return subprocess.Popen(
        [*command, "--state-dir", str(state_directory), *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _ready(process: subprocess.Popen[str], state_directory: Path) -> Served:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.startswith("ready ssh "):
        raise RuntimeError(f"not ready: {line!r} {process.communicate()[1]}")
    kinds = (["ssh"], ["tls"], ["ike", "ike-nat"], ["http"])
    over_ssh, over_tls, ike, http = (_addresses(line, *each) for each in kinds)
    return Served(over_ssh, over_tls, ike, http, state_directory, process)


def _addresses(line: str, *kinds: str) -> tuple[tuple[str, int], ...]:
    """Return the addresses of some kinds in the line that says `ready`."""
    words = line.split()[1:]
    texts = [text for kind, text in zip(words[::2], words[1::2], strict=True) if kind in kinds]
    return tuple((host.strip("[]"), int(port)) for host, _, port in (text.rpartition(":") for text in texts))
