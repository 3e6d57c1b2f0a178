"""No input, however malformed, comes out of an entrance as anything but its refusal. The long form is scripts/fuzz."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz import authenticated, doors, files, management, packets, subscriptions
from tests.fuzz.mutation import Mutator, smallest
from tests.fuzz.target import FINDINGS, Entrance, Target

MODULES = (management, subscriptions, doors, packets, authenticated, files)
TARGETS = {target.name: target for module in MODULES for target in module.TARGETS}
FIRST_NUMBER = 7


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_what_is_right_is_taken(target: Target) -> None:
    entrance = Entrance(target)
    for seed in target.seeds:
        entrance(seed)


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_what_is_almost_right_is_taken_or_refused(target: Target) -> None:
    entrance, mutator = Entrance(target), Mutator(target.seeds, target.words, FIRST_NUMBER)
    for _ in range(target.inputs):
        entrance(mutator.next())


FOUND = [(target, path) for target in TARGETS.values() for path in target.findings]


@pytest.mark.parametrize(("target", "path"), FOUND, ids=[f"{target.name}-{path.name}" for target, path in FOUND])
def test_what_was_once_too_much_is_so_no_more(target: Target, path: Path) -> None:
    Entrance(target)(path.read_bytes())


def test_every_folder_of_findings_belongs_to_an_entrance() -> None:
    assert {path.name for path in FINDINGS.iterdir() if path.is_dir()} <= TARGETS.keys()


def test_the_same_number_makes_the_same_inputs_and_another_makes_others() -> None:
    def inputs(number: int) -> list[bytes]:
        mutator = Mutator([b"one two", b"three"], [b"word"], number)
        return [mutator.next() for _ in range(50)]

    assert inputs(1) == inputs(1)
    assert inputs(1) != inputs(2)
    assert len(set(inputs(1))) > 40


def test_of_an_input_that_fails_only_what_is_needed_is_left() -> None:
    assert smallest(b"aaaaXbbbbbYccc", lambda data: b"X" in data and b"Y" in data) == b"XY"
