"""What is fuzzed: a name, inputs that are right, words that mean something, and what takes any octets whatsoever."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.fuzz.mutation import smallest

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
        if self._run is None or self._taken >= self._target.inputs_for_one:
            self._run, self._taken = self._target.open_(), 0
        self._taken += 1
        self._run(data)


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
