"""`scripts/soak`: the long form. Ten minutes of mixed clients to a server that is warm already, and the figures."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from agent.datastore.notifications import LOG_LIMITS
from tests.load.client import Samples
from tests.load.soak import Remains, Soak
from tests.load.test_soak import SETTINGS, TIME_SCALE
from tests.support.served import served

LEGS = 10
"""After each, everybody has left: what was grown by what was done must not go on to grow."""
MEMORY_OCTETS = 6_000_000
"""How much more a server may take that is warm: texts and plans that are remembered, pages that are not quite full."""
WARM_UP_CLIENTS = 100
LOG = 'ipsec_agent_queued{queue="notification_log"}'
ROW = "{:>8} {:>9} {:>7} {:>11} {:>6} {:>7} {:>8} {:>10}"
SAMPLES = (
    "process_open_fds",
    'ipsec_agent_queued{queue="tasks"}',
    'ipsec_agent_queued{queue="timers"}',
    "ipsec_agent_subscriptions",
    LOG,
)


async def warmed_up(soak: Soak) -> Samples:
    """Let clients come until the log of notifications is full, which takes the most of what grows at first."""
    samples = await soak.settled()
    while samples[LOG] < LOG_LIMITS.notifications:
        await soak.run(partial(_fewer, soak, soak.done + WARM_UP_CLIENTS))
        samples = await soak.settled()
    return samples


async def soaked(soak: Soak, seconds: float) -> Sequence[Samples]:
    """Let clients come, in legs; show what is left of them after each, and return it."""
    print(ROW.format("minutes", "clients", "MB", "descriptors", "tasks", "timers", "subscr.", "log"), flush=True)
    show(0, soak, await soak.settled())
    samples = [await warmed_up(soak)]
    began = time.monotonic()
    show(0, soak, samples[0])
    for leg in range(1, LEGS + 1):
        await soak.run(partial(_before, began + seconds / LEGS * leg))
        samples.append(await soak.settled(samples[0]))
        show(time.monotonic() - began, soak, samples[-1])
    return samples


def show(seconds: float, soak: Soak, samples: Samples) -> None:
    """Print a row of the table."""
    memory = f"{samples['process_resident_memory_bytes'] / 1e6:.1f}"
    others = (f"{samples[name]:.0f}" for name in SAMPLES)
    print(ROW.format(f"{seconds / 60:.1f}", soak.done, memory, *others), flush=True)


def _fewer(soak: Soak, count: int) -> bool:
    return soak.done < count


def _before(end: float) -> bool:
    return time.monotonic() < end


def is_clean(remains: Remains) -> bool:
    """Tell whether everything was given back, and everything was seen that has to be."""
    counts = (remains.descriptors, remains.tasks, remains.subscriptions)
    return remains.memory < MEMORY_OCTETS and max(counts) <= 1 and remains.is_everything


def main(arguments: Sequence[str]) -> int:
    """Soak for as long as was asked for; return 1 when something was not given back."""
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="for how long (default: 600)")
    parser.add_argument("--seed", type=int, default=7, help="what chance begins with (default: 7)")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "settings.toml").write_text(SETTINGS)
        options = ("--scenario", "chapter", "--time-scale", TIME_SCALE, "--settings", str(folder / "settings.toml"))
        with served(folder / "state", *options) as server:
            soak = Soak(server, given.seed)
            samples = asyncio.run(soaked(soak, given.seconds))
    remains, late = Remains(samples[0], samples[-1]), Remains(samples[LEGS // 2], samples[-1])
    rekeys = f"{remains.rekeys()} pairs and {remains.rekeys('ike')} IKE SAs rekeyed"
    switches = f"{remains.switches('manual')} switches asked for, {remains.switches('failure')} upon a failure"
    print(f"{soak.done} clients; {remains.kills()} sessions killed; {rekeys}; {switches}")
    print(f"memory grew by {remains.memory / 1e6:.1f} MB, of these {late.memory / 1e6:.1f} MB in the second half")
    return not is_clean(remains)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
