"""Every shipped scenario comes out as it claims, and the same to the byte, whatever the seed of Python's hashes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.app.scenario import load_scenario, shipped_scenarios
from tests.scenarios.lives import EXPECTED
from tests.support.scenarios import FOLDER, complaints

ROOT = Path(__file__).parents[2]
NAMES = sorted(shipped_scenarios())


@pytest.fixture(scope="module")
def lives() -> list[dict[str, dict[str, Any]]]:
    """All scenarios lived through twice, in processes with different seeds of their hashes."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.scenarios.lives"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return [json.loads(output) for output in outputs]


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_comes_out_as_it_claims(lives: list[dict[str, dict[str, Any]]], name: str) -> None:
    assert lives[0][name]["claims"] > 0
    assert lives[0][name]["failed"] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_comes_out_the_same_to_the_byte(lives: list[dict[str, dict[str, Any]]], name: str) -> None:
    """Once it is meant to come out otherwise: `python -m tests.scenarios.lives --write`."""
    expected = json.loads(EXPECTED.read_text())
    assert [life[name]["digest"] for life in lives] == [expected[name]] * 2
    assert sorted(expected) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_is_valid_by_the_published_schema(name: str) -> None:
    assert complaints((FOLDER / f"{name}.yaml").read_text()) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_scenario_names_no_user_that_it_does_not_have(name: str) -> None:
    scenario = load_scenario(name)
    users = {entry.action.user for entry in scenario.timeline}
    assert users <= set(scenario.passwords)
