"""What the hand of whoever tests reaches: a device, its network, the faults of its management, its scenario."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.core.device import Device
from agent.core.link import Network
from agent.datastore.faults import Faults
from agent.datastore.registry import Caller


class BadScenario(Exception):
    """A scenario cannot be loaded; the message is for a person, and nothing has changed."""


class CommitWaits(Exception):
    """A commit waits to be confirmed: this is no moment for another scenario."""


Load = Callable[[Caller, str | None, str | None], int]
"""Makes a device that of a shipped scenario, by its name, or of a document, and returns its time in microseconds.

Raises BadScenario, CommitWaits, PaceFixed.
"""


def no_scenario(caller: Caller, name: str | None, document: str | None) -> int:
    """Refuse: this device has no loader of scenarios."""
    raise BadScenario("this device loads no scenario")


@dataclass(frozen=True, slots=True)
class Emulated:
    """What the bindings of ipsec-agent-emulation take."""

    device: Device
    network: Network
    faults: Faults
    load: Load = no_scenario
