"""`scripts/crash`: the long form. Hundreds of kills, and what they came to."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.crash.killing import Killing

PROGRESS = 50


def main(arguments: Sequence[str]) -> None:
    """Kill as often as was asked for; an AssertionError tells what was not as it has to be."""
    parser = argparse.ArgumentParser(prog="scripts/crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=300, help="how many (default: 300)")
    parser.add_argument("--seed", type=int, default=None, help="what chance begins with (default: the time)")
    given = parser.parse_args(arguments)
    number = int(time.time()) if given.seed is None else given.seed
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, Killing(Path(folder), number) as killing:
        for count in range(1, given.kills + 1):
            killing.live()
            if count % PROGRESS == 0 and sys.stderr.isatty():
                print(f"{count} kills", file=sys.stderr)
        seconds = time.monotonic() - began
        amid = f"{killing.amid} of them amid a request, {killing.unconfirmed} amid a confirmed commit"
        print(f"{killing.kills} kills survived, {amid}, {killing.locked} under a lock; seed {number}, {seconds:.0f} s")
        print(f"{killing.changes} changes kept; {killing.answered} answers, each in the audit log and in the journal")


if __name__ == "__main__":
    main(sys.argv[1:])
