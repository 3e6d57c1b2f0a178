"""One entrance under atheris, whose generator goes by what an input has reached in our code; started by scripts/fuzz.

It ends the process by itself: with 0 when its time is up, with another code for an input that is too much.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["agent"]):
    from tests.fuzz.test_fuzz import TARGETS

from tests.fuzz.target import Entrance, report


def main(name: str, seconds: str, number: str) -> None:
    """Let atheris try inputs for a while, beginning with the seeds."""
    target = TARGETS[name]
    entrance = Entrance(target)

    def take(data: bytes) -> None:
        try:
            entrance(data)
        except Exception:
            report(target, data)
            raise

    with tempfile.TemporaryDirectory() as corpus:
        for at, seed in enumerate(target.seeds):
            (Path(corpus) / str(at)).write_bytes(seed)
        options = [f"-max_total_time={seconds}", f"-seed={number}", "-timeout=10", "-artifact_prefix=/dev/null"]
        atheris.Setup([name, *options, corpus], take)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
