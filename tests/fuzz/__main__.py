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
from multiprocessing import get_context

from tests.fuzz.mutation import Mutator
from tests.fuzz.target import Entrance, Target, report
from tests.fuzz.test_fuzz import TARGETS

SLOW_SECONDS = 5.0
"""An input that takes longer than this, in the processor's time, is a finding, too."""


def fuzz(target: Target, seconds: float, number: int) -> int:
    """Try inputs of our own for a while, and return how many; the first that is too much ends it with an exception."""
    entrance, mutator = Entrance(target), Mutator(target.seeds, target.words, number)
    end, tried = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        data, began = mutator.next(), time.process_time()
        try:
            entrance(data)
            if (took := time.process_time() - began) > SLOW_SECONDS:
                raise TimeoutError(f"an input took {took:.1f} s")
        except Exception:
            report(target, data)
            raise
        tried += 1
    return tried


def fuzz_alone(name: str, seconds: float, number: int, *, by_coverage: bool) -> int:
    """Fuzz in a process of its own, which may be killed or end by itself; return its exit code."""
    if by_coverage:
        command = [sys.executable, "-m", "tests.fuzz.by_coverage", name, f"{seconds:.0f}", str(number)]
        return subprocess.run(command, check=False).returncode
    process = get_context("fork").Process(target=_alone, args=(name, seconds, number))
    process.start()
    process.join()
    return process.exitcode or 0


def _alone(name: str, seconds: float, number: int) -> None:
    began = time.monotonic()
    tried = fuzz(TARGETS[name], seconds, number)
    print(f"{name}: {tried} inputs in {time.monotonic() - began:.0f} s, seed {number}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Fuzz what was asked for; return 1 when anything was too much."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[*TARGETS, []], help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=float, default=60.0, help="for each entrance (default: 60)")
    parser.add_argument("--seed", type=int, default=None, help="what chance begins with (default: the time)")
    parser.add_argument("--own", action="store_true", help="our own generator, also where there is atheris")
    given = parser.parse_args(arguments)
    number = int(time.time()) if given.seed is None else given.seed
    by_coverage = not given.own and find_spec("atheris") is not None
    names = given.names or TARGETS
    codes = {name: fuzz_alone(name, given.seconds, number, by_coverage=by_coverage) for name in names}
    failed = [name for name, code in codes.items() if code]
    print(f"findings in: {', '.join(failed)}" if failed else f"no findings in {len(codes)} entrances")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
