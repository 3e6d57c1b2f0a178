"""`scripts/soak`: the long form. Ten minutes of mixed clients, and the figures before and after."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.load.soak import Remains, Soak
from tests.load.test_soak import SETTINGS, TIME_SCALE
from tests.support.served import served

WARM_UP_SECONDS = 10.0
MEMORY_OCTETS = 20_000_000


async def soaked(soak: Soak, seconds: float) -> Remains:
    """Warm up, soak, and return what is left."""
    end = time.monotonic() + WARM_UP_SECONDS
    await soak.run(lambda: time.monotonic() < end)
    before = await soak.settled()
    end = time.monotonic() + seconds
    await soak.run(lambda: time.monotonic() < end)
    return Remains(before, await soak.settled())


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
            remains = asyncio.run(soaked(soak, given.seconds))
    before, after = (each["process_resident_memory_bytes"] / 1e6 for each in (remains.before, remains.after))
    print(f"{soak.done} clients, {remains.rekeys():.0f} rekeys; memory {before:.1f} MB before, {after:.1f} MB after")
    counts = f"{remains.descriptors:.0f} descriptors, {remains.tasks:.0f} tasks, {remains.timers:.0f} timers"
    print(f"more than before: {counts}")
    is_clean = remains.memory < MEMORY_OCTETS and max(remains.descriptors, remains.tasks) <= 1 and remains.timers < 50
    return not (is_clean and remains.rekeys())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
