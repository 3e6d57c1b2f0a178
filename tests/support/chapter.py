"""The gateway of the chapter in this process, under virtual time, with clients that speak over no wire."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

from agent.app.gateway import (
    CapabilityKeeper,
    CertificateKeeper,
    Kept,
    RollbackKeeper,
    StartupKeeper,
    boot,
    load_registry,
)
from agent.app.running import Gateway
from agent.app.scenario import Scenario, load_scenario
from agent.core.crypto.seal import KEY_OCTETS, Seal
from agent.core.world import SECOND
from agent.datastore.registry import Registry
from agent.junos.configuration.rollbacks import History
from agent.netconf.server import NO_FILES, Client, Server
from agent.netconf.url import Files
from tests.support.netconf_wire import Wire


@cache
def registry() -> Registry:
    """Load the schema and the bindings, once."""
    return load_registry()


def chapter(**changes: object) -> Scenario:
    """Return the scenario of the chapter, with some of its values changed."""
    return replace(load_scenario("chapter"), **changes)  # type: ignore[arg-type]


def configured(*replaced: tuple[str, str]) -> Scenario:
    """Return the scenario of the chapter with parts of the device's configuration replaced, each of which is there."""
    scenario = chapter()
    file, *others = scenario.device.configuration
    xml = file.xml.decode()
    for old, new in replaced:
        assert old in xml, old
        xml = xml.replace(old, new)
    return replace(scenario, device=replace(scenario.device, configuration=(replace(file, xml=xml.encode()), *others)))


class Emulation:
    """A booted gateway."""

    def __init__(
        self,
        scenario: Scenario | None = None,
        startup: StartupKeeper | None = None,
        certificates: CertificateKeeper | None = None,
        rollback: RollbackKeeper | None = None,
        extra: tuple[Path, ...] = (),
        announced: CapabilityKeeper | None = None,
        files: Files = NO_FILES,
        commits: Callable[[Server], History] | None = None,
    ) -> None:
        """Boot a scenario, by default the chapter's."""
        self.management_now = 0.0
        self.registry = load_registry(extra) if extra else registry()
        seal = Seal(bytes(KEY_OCTETS))
        self.gateway: Gateway = boot(
            scenario or chapter(),
            self.registry,
            seal,
            lambda: self.management_now,
            kept=Kept(startup, rollback, certificates, announced, commits, files),
        )

    def connect(self, user: str = "admin") -> Wire:
        """Open a session and exchange hellos."""
        client = Client(user, "192.0.2.1", "netconf-ssh")
        wire = Wire(self.gateway.server.open_session(client, lambda: None), self.registry.schema)
        wire.hello()
        return wire

    def advance(self, seconds: float) -> None:
        """Let device time pass."""
        world = self.gateway.world
        world.advance(world.now + round(seconds * SECOND))
