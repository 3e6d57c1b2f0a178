"""`scripts/fuzz`: the long form. Every entrance for so many seconds; what is too much is kept among the findings.

With atheris installed its generator is used, which goes by what an input has reached in our code; else our own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec

from tests.fuzz.mutation import Mutator
from tests.fuzz.target import Entrance, Target, each_alone, report
from tests.fuzz.test_fuzz import TARGETS


def fuzz(target: Target, seconds: float, number: int) -> None:
    """Try inputs of our own for a while, and say how many; the first that is too much ends it with an exception."""
    entrance, mutator = Entrance(target), Mutator(target.seeds, target.words, number)
    began, tried = time.monotonic(), 0
    while time.monotonic() < began + seconds:
        data = mutator.next()
        try:
            entrance(data)
        except Exception:
            report(target, data)
            raise
        tried += 1
    print(f"{target.name}: {tried} inputs in {seconds:.0f} s, seed {number}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Fuzz what was asked for; return 1 when anything was too much."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*TARGETS, []], help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=60.0, help="for each entrance (default: 60)")
    parser.add_argument("--seed", type=int, default=None, help="what chance begins with (default: the time)")
    parser.add_argument("--own", action="store_true", help="our own generator, also where there is atheris")
    given = parser.parse_args(arguments)
    number = int(time.time()) if given.seed is None else given.seed
    names = given.names or [*TARGETS]
    if not given.own and find_spec("atheris") is not None:
        command = [sys.executable, "-m", "tests.fuzz.by_coverage", f"{given.seconds:.0f}", str(number), *names]
        return subprocess.run(command, check=False).returncode
    return each_alone(names, lambda name: fuzz(TARGETS[name], given.seconds, number))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
