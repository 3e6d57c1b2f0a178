"""A gateway that is written down while clients use it, and what was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from agent.app.running import Gateway
from agent.app.scenario import load_scenario
from agent.app.scenario.journal import written
from agent.app.scenario.replay import read_journal
from agent.app.scenario.run import repeat, start_scenario
from agent.core.world import SECOND
from agent.netconf.limits import SessionLimits
from agent.netconf.server import Client
from tests.support.chapter import registry
from tests.support.netconf_wire import Wire


class Written:
    """A booted gateway with a journal, which is finished with `end`."""

    def __init__(self, path: Path, name: str = "chapter") -> None:
        """Boot a shipped scenario."""
        self.path = path
        scenario = load_scenario(name)
        self._open = written(path, registry())
        self.journal = self._open.__enter__()
        self.journal.begin(scenario, name)
        limits = SessionLimits(idle_seconds=30.0)
        self.gateway: Gateway = start_scenario(scenario, registry(), lambda server: server.record(self.journal), limits)

    def connect(self, user: str = "admin", *capabilities: str) -> Wire:
        """Open a session and exchange hellos."""
        client = Client(user, "192.0.2.9", "netconf-ssh")
        wire = Wire(self.gateway.server.open_session(client, lambda: None), registry().schema)
        wire.hello(*capabilities)
        return wire

    def advance(self, seconds: float) -> None:
        """Let time pass, as the driver does: first to what is asked for at full speed."""
        to = self.gateway.now + round(seconds * SECOND)
        while (goal := self.gateway.goal) is not None:
            self.gateway.advance(goal)
            to = max(to, goal)
        self.gateway.advance(to)

    def end(self) -> str:
        """Finish the journal, and return it."""
        self.journal.end(self.gateway.now)
        self._open.__exit__(None, None, None)
        return self.path.read_text()

    def again(self) -> str:
        """Repeat what is in the journal, and return the new one."""
        return repeat(read_journal(self.path), registry())


def lines(text: str, key: str) -> list[dict[str, Any]]:
    """Return the lines of a journal that have a key."""
    return [line for line in map(json.loads, text.splitlines()) if key in line]
