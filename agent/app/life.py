"""What an `agent.Device` is while its block lasts: a hosted gateway, whoever witnesses it, and where its journal is."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

import asyncssh

from agent.app.files import KeptFiles
from agent.app.gateway import Kept, boot
from agent.app.hosting import Host, shared_registry
from agent.app.limits import session_limits
from agent.app.loop_thread import Bridge
from agent.app.scenario import Scenario, load_scenario
from agent.app.scenario.journal import Journal, written
from agent.app.scenario.performing import HAND
from agent.app.scenario.run import seal_of
from agent.app.settings import Limits, ListenAddress
from agent.app.users import choose_users
from agent.app.witness import Witness
from agent.datastore.registry import Registry
from agent.netconf.server import Server

T = TypeVar("T")

LOOPBACK: Final = "127.0.0.1"
PASSWORD_OCTETS: Final = 12
JOURNAL: Final = "journal.jsonl"
HOST_KEY: Final = "ssh_host_ed25519_key"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a device is to be. `time_scale` is 0 for steps; None is as the scenario says; `port` 0 takes a free one."""

    scenario: str
    time_scale: float
    seed: str | None
    alike: int | None
    host: str
    port: int
    journal: Path | None

    def load(self) -> Scenario:
        """Load the scenario, as it is to be; AppError."""
        scenario = load_scenario(self.scenario, self.alike)
        return replace(scenario, time_scale=self.time_scale, seed=scenario.seed if self.seed is None else self.seed)


@dataclass(slots=True)
class Life:
    """A device that clients can log in to.

    `since` is the number of its first event after it had settled; `taken` are the events that a test has found.
    """

    host: Host
    bridge: Bridge
    witness: Witness
    users: tuple[str, ...]
    password: str
    address: ListenAddress
    host_key: str
    journal: Path
    since: int
    taken: frozenset[int] = frozenset()

    def call(self, work: Callable[[], T]) -> T:
        """Do something in the loop's thread, to a device that has been brought up to now."""

        def do() -> T:
            self.host.catch_up()
            return work()

        return self.bridge.call(do)

    def advance(self, to: int, keep_going: Callable[[], bool] = lambda: True) -> None:
        """Make for a device time, in microseconds, at full speed; other sessions go on meanwhile, if they can.

        Ends earlier, between two events, once `keep_going` says no.
        """
        while not self.call(lambda: self.host.advance(to, keep_going)):
            pass


@asynccontextmanager
async def living(plan: Plan) -> AsyncIterator[Life]:
    """Start a device on the running loop, and end it with the block. AppError, OSError when it cannot begin."""
    scenario, registry = plan.load(), shared_registry()
    with TemporaryDirectory(prefix="ipsec-agent-") as directory:
        folder = Path(directory)
        path = plan.journal or folder / JOURNAL
        with written(path, registry) as journal:
            journal.begin(scenario, plan.scenario, alike=plan.alike)
            life = await _begin(plan, scenario, registry, folder, path, journal)
            try:
                yield life
            finally:
                await life.host.close()
                journal.end(life.host.gateway.now)


async def _begin(
    plan: Plan, scenario: Scenario, registry: Registry, folder: Path, path: Path, journal: Journal
) -> Life:
    limits, witness = Limits(), Witness(registry)

    def watch(server: Server) -> None:
        server.record(journal)
        server.record(witness)

    kept, loop = Kept(files=KeptFiles(folder), recovery_users=(HAND,)), asyncio.get_running_loop()
    gateway = boot(scenario, registry, seal_of(scenario), loop.time, session_limits(limits), kept=kept, watch=watch)
    password = secrets.token_hex(PASSWORD_OCTETS)
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(folder / HOST_KEY))
    users = choose_users(None, dict.fromkeys(scenario.passwords, password), ())
    host = Host(gateway, users, [folder / HOST_KEY], limits)
    await host.open(plan.host, plan.port)
    return Life(
        host=host,
        bridge=Bridge(),
        witness=witness,
        users=users.names,
        password=password,
        address=host.address,
        host_key=key.export_public_key().decode().strip(),
        journal=path,
        since=len(witness.events),
    )
