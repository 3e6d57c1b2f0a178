"""A day of ten thousand tunnels with their rekeys, in virtual time. The limit: the cryptography that it needs alone.

The scenario is the shipped one, run as `ipsec-agent scenario run` runs it, with its claims judged. What it takes to
assemble the device and its peers, of which each has a configuration that is validated, is a row of its own.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from agent.app.gateway import load_registry
from agent.app.scenario import Scenario, load_scenario
from agent.app.scenario.assertions import Verdict
from agent.app.scenario.run import live, start_scenario
from agent.core.config import DhGroup, EncryptionAlgorithm, HashAlgorithm
from tests.bench.ike import cryptography_alone, propose
from tests.bench.rows import Row

SCENARIO = "ten-thousand-tunnels"
TUNNELS = 10_000
REKEYS = 3
"""Of each tunnel in a day."""
PROPOSAL = propose(HashAlgorithm.SHA1, EncryptionAlgorithm.TRIPLE_DES_CBC, DhGroup.GROUP1)


def day(tunnels: int = TUNNELS) -> Iterator[Row]:
    """A day of many tunnels."""
    registry = load_registry()
    assembling = seconds(lambda: start_scenario(unsettled(tunnels), registry, lambda server: None))
    verdicts: list[Verdict] = []
    took = seconds(lambda: verdicts.extend(live(load_scenario(SCENARIO, alike=tunnels), registry)))
    failed = [verdict.reason for verdict in verdicts if not verdict.holds]
    if failed or not verdicts:
        raise RuntimeError(f"not the day that is measured: {failed}")
    yield Row("day", f"{tunnels} tunnels assembled", "s", assembling)
    yield Row("day", f"a day of {tunnels} tunnels", "s", took - assembling, cryptography_seconds(tunnels))


def unsettled(tunnels: int) -> Scenario:
    """Return the scenario without any time for anything to happen."""
    return replace(load_scenario(SCENARIO, alike=tunnels), settle=0)


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes, with nothing left over from before."""
    gc.collect()
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def cryptography_seconds(tunnels: int) -> float:
    """Seconds for all negotiations of the day if there were nothing to do but the cryptography of both ends."""
    phase_1 = 1 / cryptography_alone(PROPOSAL, has_phase2=False)
    both = 1 / cryptography_alone(PROPOSAL, has_phase2=True)
    return tunnels * (both + REKEYS * (both - phase_1))
