"""What a scenario is made of, parsed: the gateways, the links between them, what is done when, and what must come true.

All times are microseconds of device time; those of the timeline and of the assertions count from the start.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from agent.app.configuration_file import ConfigurationFile
from agent.app.document import Place, Tree
from agent.core.config import DeviceConfig
from agent.core.identifiers import Address
from agent.core.link import LinkProfile
from agent.core.peer import PeerFault
from agent.core.pki import DatabaseState


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a remote gateway behaves from the start.

    `reboots` are the times at which it goes down, each with the seconds until it is up again.
    """

    reachable: bool = True
    fault: PeerFault = PeerFault.NONE
    answer_delay_us: int = 0
    reboots: tuple[tuple[int, float], ...] = ()


GOOD: Final = Behaviour()


@dataclass(frozen=True, slots=True)
class GatewayPlan:
    """A gateway before it is there: its own addresses, beside those of its tunnels, and the files of its configuration.

    A remote one that does not initiate negotiates nothing of its own accord: it answers.
    """

    name: str
    addresses: tuple[Address, ...]
    configuration: tuple[ConfigurationFile, ...]
    initiates: bool
    behaviour: Behaviour = GOOD

    @property
    def bare(self) -> DeviceConfig:
        """What it is configured with before its configuration."""
        return DeviceConfig(self.name, self.addresses)


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """How datagrams from one address to another fare."""

    source: Address
    destination: Address
    profile: LinkProfile


@dataclass(frozen=True, slots=True)
class Action:
    """An RPC that a user of the device has it carry out: by its name and its input, or as XML.

    `place` is where the scenario says so.
    """

    place: Place
    user: str
    name: str
    input: Mapping[str, Tree] = field(repr=False)
    xml: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class EventMatch:
    """The events that are meant: by the name of their notification, and by some of its leaves."""

    name: str
    where: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Happens:
    """Do something at fixed times: first at `at`, then every `every` microseconds, `times` times in all.

    `every` None: once. `times` None: without end.
    """

    action: Action
    at: int
    every: int | None = None
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Responds:
    """Do something whenever an event happens, `after` microseconds later, `times` times at most (None: always)."""

    action: Action
    event: EventMatch
    after: int
    times: int | None = None


Entry = Happens | Responds


@dataclass(frozen=True, slots=True)
class EventClaim:
    """That so many events happen, `least` to `most` (None: any number), between two times.

    `until` None is the end of the run.
    """

    place: Place
    event: EventMatch
    since: int
    until: int | None
    least: int
    most: int | None


@dataclass(frozen=True, slots=True)
class LeafClaim:
    """That a leaf has some value at a time (None: at the end): what `get` shows of it, filtered by `path`.

    `relation` is one of 'equals', 'exceeds', 'below', 'exists'.
    """

    place: Place
    user: str
    path: str
    at: int | None
    relation: str
    value: str


@dataclass(frozen=True, slots=True)
class OutcomeClaim:
    """That an RPC at a time (None: at the end) comes out so: 'ok', or an error-tag or error-app-tag."""

    place: Place
    action: Action
    at: int | None
    outcome: str


Claim = EventClaim | LeafClaim | OutcomeClaim


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario as parsed; `start` and `settle` are device time in microseconds, `time_scale` is 0 for steps.

    `peers` are the remote gateways that are emulated. `passwords` are good on loopback addresses only. `duration` is
    for how long it is run. `digest` is one of all the files that it was read from.
    """

    name: str
    description: str
    start: int
    settle: int
    time_scale: float
    seed: str
    device: GatewayPlan
    peers: tuple[GatewayPlan, ...]
    certificates: DatabaseState
    passwords: Mapping[str, str] = field(repr=False)
    links: tuple[LinkPlan, ...] = ()
    timeline: tuple[Entry, ...] = ()
    assertions: tuple[Claim, ...] = ()
    traffic: tuple[Mapping[str, Tree], ...] = ()
    duration: int = 0
    digest: str = ""
