"""`ipsec-agent fleet`: many devices in one process, each with its own clock, datastores, sessions and port.

They share what is constant: the schema, the scenario as it was read, the users, the host key. Each has a seed of its
own, so no two have the same SAs. A device that nobody talks to and nothing is due in costs memory alone.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import asyncssh
import click

from agent.app.errors import SettingsError
from agent.app.files import KeptFiles
from agent.app.gateway import Kept, boot
from agent.app.hosting import Host, shared_registry
from agent.app.inventory import FILES, Inventory, InventoryFormat, names
from agent.app.limits import ike_settings, session_limits
from agent.app.operating import logged
from agent.app.running import Gateway
from agent.app.scenario import Scenario, load_scenario
from agent.app.server import notify_service_manager
from agent.app.settings import ListenAddress, Settings
from agent.app.users import Users, choose_users
from agent.core.crypto.seal import KEY_OCTETS, Seal

HOST_KEY: Final = "ssh_host_ed25519_key"
LAST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """What `fleet` was told.

    `first_port` is that of the first device, 0 takes free ones; `inventory` a folder to write inventories to;
    `printed` the inventory to print.
    """

    devices: int
    scenario: str
    host: str
    first_port: int
    settings: Settings
    time_scale: float | None = None
    inventory: Path | None = None
    printed: InventoryFormat | None = None

    @property
    def addresses(self) -> Sequence[ListenAddress]:
        """Where each device listens. SettingsError when there are not so many ports."""
        if self.first_port and self.first_port + self.devices - 1 > LAST_PORT:
            raise SettingsError(f"{self.devices} ports from {self.first_port} on: the last there is is {LAST_PORT}")
        ports = (self.first_port + number if self.first_port else 0 for number in range(self.devices))
        return tuple(ListenAddress(self.host, port) for port in ports)


def run(options: FleetOptions) -> None:
    """Serve until SIGINT or SIGTERM. AppError, OSError when it cannot begin."""
    with logged(options.settings.log):
        asyncio.run(_serve(options))


async def _serve(options: FleetOptions) -> None:
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    async with running(options) as inventory:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        _tell(options, inventory)
        print("ready", *(f"{each.kind.value} {each}" for each in inventory.devices.values()), flush=True)
        notify_service_manager("READY=1")
        await stopped.wait()
        notify_service_manager("STOPPING=1")


def _tell(options: FleetOptions, inventory: Inventory) -> None:
    """Write inventories to a folder, and print one, as it was asked for."""
    if options.inventory is not None:
        options.inventory.mkdir(parents=True, exist_ok=True)
        for name, render in FILES.values():
            (options.inventory / name).write_text(render(inventory), "utf-8")
    if options.printed is not None:
        _, render = FILES[options.printed]
        print(render(inventory), end="")


@asynccontextmanager
async def running(options: FleetOptions) -> AsyncIterator[Inventory]:
    """Start the devices on the running loop, and end them with the block. AppError, OSError when they cannot begin."""
    addresses, scenario = options.addresses, load_scenario(options.scenario)
    if options.time_scale is not None:
        scenario = replace(scenario, time_scale=options.time_scale)
    users = choose_users(options.settings.users, scenario.passwords, addresses)
    _allow_files()
    hosts: list[Host] = []
    with TemporaryDirectory(prefix="ipsec-agent-fleet-") as folder:
        try:
            async for host in _started(options, scenario, users, Path(folder)):
                hosts.append(host)
                gc.collect()
                gc.freeze()  # what is left lives as long as the fleet: no collection need look through it again
            yield _inventory(options, scenario, users, hosts)
        finally:
            gc.unfreeze()
            await asyncio.gather(*(host.close() for host in hosts))


def _inventory(options: FleetOptions, scenario: Scenario, users: Users, hosts: Sequence[Host]) -> Inventory:
    user = next(iter(users.names), "")
    known = scenario.passwords.get(user) if options.settings.users is None else None
    return Inventory({host.gateway.device.name: host.address for host in hosts}, user, known)


async def _started(options: FleetOptions, scenario: Scenario, users: Users, folder: Path) -> AsyncIterator[Host]:
    """Start one device after the other, all with the same host key."""
    key = folder / HOST_KEY
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(key))
    for gateway, address in zip(_boot(options, scenario, folder), options.addresses, strict=True):
        host = Host(gateway, users, [key], options.settings.limits)
        await host.open(address.host, address.port)
        yield host


def _boot(options: FleetOptions, scenario: Scenario, folder: Path) -> Iterator[Gateway]:
    """Boot one device after the other, and show on a terminal how far it has come."""
    limits, registry, seal = options.settings.limits, shared_registry(), Seal(secrets.token_bytes(KEY_OCTETS))
    with _progress(names(scenario.device.name, options.devices)) as progress:
        for name in progress:
            own = replace(scenario, seed=f"{scenario.seed} {name}", device=replace(scenario.device, name=name))
            files = folder / name
            files.mkdir(mode=0o700)
            yield boot(
                own,
                registry,
                seal,
                time.monotonic,
                session_limits(limits),
                settings=ike_settings(limits, None),
                kept=Kept(files=KeptFiles(files)),
            )


def _progress(each: Sequence[str]) -> AbstractContextManager[Iterable[str]]:
    return click.progressbar(each, file=sys.stderr, label="devices") if sys.stderr.isatty() else nullcontext(each)


def _allow_files() -> None:
    """Have as many open files as this process may: each device listens, and each connection is one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
