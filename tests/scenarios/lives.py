"""Lives through the shipped scenarios and prints, as JSON, the digest of each journal and the claims that failed.

`python -m tests.scenarios.lives --write` makes the digests those that the tests expect.
"""

from __future__ import annotations

import io
import json
import sys
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from agent.app.gateway import load_registry
from agent.app.scenario import load_scenario, shipped_scenarios
from agent.app.scenario.journal import Journal
from agent.app.scenario.masking import Secrets
from agent.app.scenario.run import live
from agent.core.world import SECOND
from agent.datastore.registry import Registry

EXPECTED = Path(__file__).with_name("digests.json")
TODAY = 1_767_600_000 * SECOND
"""2026-01-05: the day on which those begin that begin today."""
REDUCED = MappingProxyType({"ten-thousand-tunnels": 40})
"""How many there are of those that are alike, where the whole is for the benchmarks."""


def lives() -> dict[str, dict[str, object]]:
    """Live through every shipped scenario."""
    registry = load_registry()
    return {name: life(name, registry) for name in sorted(shipped_scenarios())}


def life(name: str, registry: Registry) -> dict[str, object]:
    """Live through one scenario."""
    scenario = load_scenario(name, REDUCED.get(name), TODAY)
    written = io.StringIO()
    journal = Journal(written, Secrets(None), registry)
    journal.begin(scenario, name, is_judged=True, alike=REDUCED.get(name))
    verdicts = live(scenario, registry, journal=journal)
    failed = [f"{verdict.place.line}: {verdict.reason}" for verdict in verdicts if not verdict.holds]
    return {"digest": sha256(written.getvalue().encode()).hexdigest(), "claims": len(verdicts), "failed": failed}


if __name__ == "__main__":
    found = lives()
    if "--write" in sys.argv:
        digests = {name: entry["digest"] for name, entry in found.items()}
        EXPECTED.write_text(json.dumps(digests, indent=2) + "\n")
    print(json.dumps(found))
