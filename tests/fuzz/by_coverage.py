"""Entrances under atheris, whose generator goes by what an input has reached in our code; started by scripts/fuzz.

What it makes of an input is made by chance in octets, or by our own generator in words. It ends a process by itself:
with 0 when the time is up, with another code for an input that is too much. One that takes too long, too much memory,
or the interpreter with it, is kept as it is.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["agent"]):
    from tests.fuzz.test_fuzz import TARGETS
    from tests.support.chapter import registry

from tests.fuzz.mutation import MAXIMUM_OCTETS, Mutator
from tests.fuzz.target import FINDINGS, Entrance, Target, each_alone, report

STUCK_SECONDS = 120
"""How long an input may take, on a machine that does something else, too, before it is taken to be without end."""
FOUND = 1


def fuzz(target: Target, seconds: str, number: str, corpora: Path) -> None:
    """Let atheris try inputs for a while, beginning with the seeds; it ends the process."""
    entrance, mutator = Entrance(target), Mutator(target.seeds, target.words, int(number))
    entrance.ready()

    def take(data: bytes) -> None:
        try:
            entrance(data)
        except Exception:
            signal.setitimer(signal.ITIMER_REAL, 0)  # or else atheris takes the search for a smaller one for the input
            report(target, data)
            os._exit(FOUND)  # or else atheris keeps the input, too, as long as it is

    def change(data: bytes, most: int, chance: int) -> bytes:
        return mutator.spoiled(data)[:most] if chance % 2 else atheris.Mutate(data, most)

    corpus, findings = corpora / target.name, FINDINGS / target.name
    for folder in (corpus, findings):
        folder.mkdir(exist_ok=True)
    for at, seed in enumerate(target.seeds):
        (corpus / str(at)).write_bytes(seed)
    options = {
        "max_total_time": seconds,
        "seed": number,
        "max_len": MAXIMUM_OCTETS,
        "timeout": STUCK_SECONDS,
        "report_slow_units": STUCK_SECONDS,
        "artifact_prefix": f"{findings}/",
        "print_final_stats": 1,
        "verbosity": 0,
    }
    print(f"{target.name}, seed {number}:", flush=True)
    atheris.Setup(
        [target.name, *(f"-{name}={value}" for name, value in options.items()), str(corpus)],
        take,
        custom_mutator=change,
    )
    atheris.Fuzz()


def main(seconds: str, number: str, *names: str) -> int:
    """Fuzz some entrances; return 1 when anything was too much."""
    registry()  # for all of them
    with tempfile.TemporaryDirectory() as corpora:
        code = each_alone(names, lambda name: fuzz(TARGETS[name], seconds, number, Path(corpora)))
    for name in names:
        with suppress(OSError):  # there are findings in it
            (FINDINGS / name).rmdir()
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
