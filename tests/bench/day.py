"""A day of ten thousand tunnels with their rekeys, in virtual time. The limit: the cryptography that it needs alone.

The scenario is the shipped one with both lifetimes 28,800 s, run as `ipsec-agent scenario run` runs it, with its claims
judged. What it takes to assemble the device and its peers, of which each has a configuration that is validated, is a
row of its own. With fewer tunnels than ten thousand the time is reckoned for as many: each does what every other does.
Seconds are those of one core.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from agent.app.gateway import load_registry
from agent.app.scenario import Scenario
from agent.app.scenario.assertions import Verdict
from agent.app.scenario.run import live, start_scenario
from agent.core.config import DhGroup, EncryptionAlgorithm, HashAlgorithm
from tests.bench.hub import hub
from tests.bench.ike import cryptography_alone, propose
from tests.bench.rows import Row

TUNNELS = 300
ALL_TUNNELS = 10_000
TARGET_SECONDS = 600
REKEYS = 3
"""Of each tunnel in a day."""
PROPOSAL = propose(HashAlgorithm.SHA1, EncryptionAlgorithm.TRIPLE_DES_CBC, DhGroup.GROUP1)


def day(tunnels: int = TUNNELS) -> Iterator[Row]:
    """A day of many tunnels."""
    registry = load_registry()
    assembling = seconds(lambda: start_scenario(unsettled(tunnels), registry, lambda server: None))
    verdicts: list[Verdict] = []
    took = seconds(lambda: verdicts.extend(live(hub(tunnels), registry)))
    failed = [verdict.reason for verdict in verdicts if not verdict.holds]
    if failed or not verdicts:
        raise RuntimeError(f"not the day that is measured: {failed}")
    times = ALL_TUNNELS / tunnels
    reckoned = f"{ALL_TUNNELS} tunnels, reckoned from {tunnels}" if times > 1 else f"{tunnels} tunnels"
    limit = times * cryptography_seconds(tunnels)
    yield Row("day", f"to assemble {reckoned}", "s", times * assembling)
    yield Row("day", f"a day of {reckoned}", "s", times * (took - assembling), limit, target=TARGET_SECONDS)


def unsettled(tunnels: int) -> Scenario:
    """Return the scenario without any time for anything to happen."""
    return replace(hub(tunnels), settle=0)


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes a core, with nothing left over from before."""
    gc.collect()
    began = time.process_time()
    work()
    return time.process_time() - began


def cryptography_seconds(tunnels: int) -> float:
    """Seconds for all negotiations of the day if there were nothing to do but the cryptography of both ends."""
    phase_1 = 1 / cryptography_alone(PROPOSAL, has_phase2=False)
    both = 1 / cryptography_alone(PROPOSAL, has_phase2=True)
    return tunnels * (both + REKEYS * (both - phase_1))
