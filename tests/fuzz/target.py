"""What is fuzzed: a name, inputs that are right, words that mean something, and what takes any octets whatsoever.

Each entrance is fuzzed in a process of its own, which may be killed or end by itself.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path

from tests.fuzz.mutation import smallest

SLOW_SECONDS = 5.0
"""An input that takes longer than this, in the processor's time, is a finding, too."""
FINDINGS = Path(__file__).parent / "findings"

Run = Callable[[bytes], object]
"""Takes an input, and raises for what must not be: anything that is not the refusal that its kind of input has."""


@dataclass(frozen=True)
class Target:
    """One entrance. `open_` makes it ready, anew for every few inputs."""

    name: str
    open_: Callable[[], Run]
    seeds: Sequence[bytes]
    words: Sequence[bytes] = ()
    inputs_for_one: int = 200
    """How many inputs one that was made ready takes: what they have changed does not pile up."""

    inputs: int = 120
    """How many are tried in the short form."""

    @property
    def findings(self) -> tuple[Path, ...]:
        """The inputs that have once been too much for it."""
        return tuple(sorted((FINDINGS / self.name).glob("*")))


class Entrance:
    """Gives inputs to a target that is made ready when it is time to."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._run: Run | None = None
        self._taken = 0

    def __call__(self, data: bytes) -> None:
        """Take one input; whatever is raised is a finding."""
        run = self.ready()
        self._taken += 1
        began = time.process_time()
        run(data)
        if (took := time.process_time() - began) > SLOW_SECONDS:
            raise TimeoutError(f"an input took {took:.1f} s")

    def ready(self) -> Run:
        """Make the target ready, if it is time to."""
        if self._run is None or self._taken >= self._target.inputs_for_one:
            self._run, self._taken = self._target.open_(), 0
        return self._run


def fails(target: Target, data: bytes) -> bool:
    """Tell whether an input alone is too much."""
    try:
        Entrance(target)(data)
    except Exception:
        return True
    return False


def report(target: Target, data: bytes) -> None:
    """Keep what was too much, made as small as it gets, and say so."""
    traceback.print_exc()
    found = smallest(data, lambda each: fails(target, each)) if fails(target, data) else data
    folder = FINDINGS / target.name
    folder.mkdir(exist_ok=True)
    path = folder / sha256(found).hexdigest()[:12]
    path.write_bytes(found)
    print(f"{target.name}: {path}: {found[:200]!r}", flush=True)


def each_alone(names: Sequence[str], fuzz: Callable[[str], None]) -> int:
    """Fuzz one entrance after the other, each in a process of its own; say in which something was too much, and return
    1 when there is one, else 0."""
    failed = [name for name in names if _exit_code(name, fuzz)]
    print(f"findings in: {', '.join(failed)}" if failed else f"no findings in {len(names)} entrances", flush=True)
    return 1 if failed else 0


def _exit_code(name: str, fuzz: Callable[[str], None]) -> int | None:
    process = get_context("fork").Process(target=fuzz, args=(name,))
    process.start()
    process.join()
    return process.exitcode
