"""A running gateway, which can become another one: that of another scenario.

Invariant: it becomes another one whole, or stays what it is. Whoever drives its time asks the gateway, not its world.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.app.errors import AppError
from agent.app.scenario import Scenario, load_shipped, parse_scenario
from agent.app.scenario.values import today
from agent.bindings.hand import BadScenario, CommitWaits
from agent.core.device import Device
from agent.core.link import Network
from agent.core.pki import CertificateLimits
from agent.core.world import World
from agent.datastore.registry import Caller
from agent.netconf.server import Server


@dataclass(frozen=True, slots=True)
class DeviceLimits:
    """What others may take of a device, whichever it is."""

    half_open_ike: int
    half_open_ike_of_a_peer: int
    certificates: CertificateLimits


Boot = Callable[[Scenario, "Gateway"], "Gateway"]
"""Boots a scenario in the place of a gateway: who follows that one follows this. AppError when it cannot be."""


class Gateway:
    """The world, the device in it and its network, and the server that shows it. Satisfies transport.endpoint.Timed."""

    def __init__(self, world: World, device: Device, network: Network, server: Server, boot: Boot) -> None:
        """Begin as one; `boot` makes another.

        `today` is asked for the device time, in microseconds, at which a scenario begins that begins today.
        """
        self.world = world
        self.device = device
        self.network = network
        self.server = server
        self.today = today
        self._boot = boot
        self._limits: DeviceLimits | None = None
        self._listeners: tuple[Callable[[], None], ...] = ()

    @property
    def now(self) -> int:
        """Device time in microseconds."""
        return self.world.now

    @property
    def factor(self) -> float:
        """Seconds of device time to a second of wall time."""
        return self.world.factor

    @property
    def goal(self) -> int | None:
        """The device time to be brought about at full speed; None while there is none."""
        return self.world.goal

    def next_deadline(self) -> int | None:
        """Return the device time of the next event; None when nothing is scheduled."""
        return self.world.next_deadline()

    def advance(self, to: int, keep_going: Callable[[], bool] | None = None) -> bool:
        """Do what `World.advance` does."""
        return self.world.advance(to, keep_going)

    def when_replaced(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever this has become another gateway."""
        self._listeners = (*self._listeners, listener)

    def limit(self, limits: DeviceLimits) -> None:
        """Let others take so much of the device from now on, and of each that it becomes."""
        self._limits = limits
        self.device.limit_half_open(limits.half_open_ike, limits.half_open_ike_of_a_peer)
        self.device.certificates.limits = limits.certificates

    def load(self, caller: Caller, name: str | None, document: str | None) -> int:
        """Become the gateway of a shipped scenario, or of a document, and return its time in microseconds.

        Raises BadScenario, CommitWaits, PaceFixed, and then nothing has changed.
        """
        self.world.require_free_pace()
        if self.server.stores.unconfirmed is not None:
            raise CommitWaits("a commit waits to be confirmed: confirm or cancel it first")
        before = self.server
        try:
            today = self.today()
            scenario = load_shipped(name, today) if name is not None else parse_scenario(document or "", today)
            fresh = self._boot(scenario, self)
        except AppError as error:
            raise BadScenario(str(error)) from error
        before.retire(fresh.server)
        before.loaded(scenario.start)
        fresh.world.set_factor(self.world.factor)
        self.world, self.device, self.network, self.server = fresh.world, fresh.device, fresh.network, fresh.server
        if self._limits is not None:
            self.limit(self._limits)
        _end_sessions(before, caller.session_id)
        for listener in self._listeners:
            listener()
        return self.now


def _end_sessions(server: Server, last: int) -> None:
    """End every session, the one that asked for it after its reply."""
    for session_id, opened in tuple(server.sessions.items()):
        if session_id == last:
            opened.session.finish_after_reply()
        else:
            opened.session.kill(last)
