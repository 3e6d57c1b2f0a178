"""The timeline of a scenario at work: what is done at a time, again and again, or upon an event.

It lives in the World of the device, so it goes on at whatever pace that is driven, served or run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from lxml import etree

from agent.app.scenario.happenings import require_event, tell
from agent.app.scenario.performing import operation_of, perform
from agent.app.scenario.plan import Action, GatewayPlan, Happens, Responds, Scenario
from agent.core.peer import Peer, PeerFault
from agent.core.world import World
from agent.netconf.recording import Happening, Recorder
from agent.netconf.server import Server


@dataclass(slots=True)
class _Response:
    """What is done upon an event, and how often it may be yet; None: always."""

    entry: Responds
    operation: etree._Element
    left: int | None


class Timeline(Recorder):
    """What a scenario has done to its device."""

    follows = False

    def __init__(self, scenario: Scenario, world: World, server: Server) -> None:
        """Prepare everything; DocumentError for what the schema does not have."""
        self._start = scenario.start
        self._world = world
        self._server = server
        schema = server.registry.schema
        self._planned = [
            (entry, operation_of(entry.action, schema)) for entry in scenario.timeline if isinstance(entry, Happens)
        ]
        self._responses = [
            _Response(entry, operation_of(entry.action, schema), entry.times)
            for entry in scenario.timeline
            if isinstance(entry, Responds)
        ]
        for response in self._responses:
            require_event(response.entry.event, response.entry.action.place, server.registry)

    def start(self) -> None:
        """Begin."""
        for entry, operation in self._planned:
            self._arrange(entry, operation, self._start + entry.at, entry.times)
        if self._responses:
            self._server.record(self)

    def happened(self, event: Happening) -> None:
        """Do what is to be done upon an event."""
        told = tell(event, self._server.registry)
        if told is None:
            return
        for response in self._responses:
            if response.left != 0 and told.matches(response.entry.event):
                self._respond(response, event.at)

    def _respond(self, response: _Response, at: int) -> None:
        response.left = None if response.left is None else response.left - 1
        action, operation = response.entry.action, response.operation
        self._world.call_at(at + response.entry.after, lambda: self._do(action, operation))

    def _arrange(self, entry: Happens, operation: etree._Element, at: int, left: int | None) -> None:
        def do() -> None:
            self._do(entry.action, operation)
            still = None if left is None else left - 1
            if entry.every is not None and still != 0:
                self._arrange(entry, operation, at + entry.every, still)

        self._world.call_at(at, do)

    def _do(self, action: Action, operation: etree._Element) -> None:
        outcome = perform(self._server, action.user, operation)
        self._server.acted(action.user, etree.tostring(operation), outcome.refused)


def behave(world: World, start: int, planned: Iterable[tuple[GatewayPlan, Peer]]) -> None:
    """Have the remote gateways behave as the scenario says; `start` is its time in microseconds."""
    for plan, peer in planned:
        behaviour = plan.behaviour
        peer.reachable = behaviour.reachable
        peer.answer_delay_us = behaviour.answer_delay_us
        if behaviour.fault is not PeerFault.NONE:
            peer.set_fault(behaviour.fault)
        for at, seconds in behaviour.reboots:
            world.call_at(start + at, _reboot(peer, seconds))


def _reboot(peer: Peer, seconds: float) -> Callable[[], None]:
    return lambda: peer.reboot(seconds)
