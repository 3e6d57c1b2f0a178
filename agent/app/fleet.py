"""`ipsec-agent fleet`: many devices, in one process or in several.

A device that nobody talks to and nothing is due in costs memory alone. What a device is, its seed and its port, does
not depend on how many processes there are.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import asyncssh
import click

from agent.app.errors import SettingsError
from agent.app.fleet_members import Common, Member, living
from agent.app.fleet_processes import ENDING, Overseer, Worker, dealt, forked
from agent.app.hosting import shared_registry
from agent.app.inventory import FILES, Inventory, InventoryFormat, names
from agent.app.open_files import allow_open_files
from agent.app.operating import logged
from agent.app.scenario import load_scenario
from agent.app.server import notify_service_manager
from agent.app.settings import ListenAddress, Settings
from agent.app.users import choose_users
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
    processes: int = 1

    @property
    def addresses(self) -> Sequence[ListenAddress]:
        """Where each device listens. SettingsError when there are not so many ports."""
        if self.first_port and self.first_port + self.devices - 1 > LAST_PORT:
            raise SettingsError(f"{self.devices} ports from {self.first_port} on: the last there is is {LAST_PORT}")
        ports = (self.first_port + number if self.first_port else 0 for number in range(self.devices))
        return tuple(ListenAddress(self.host, port) for port in ports)


def run(options: FleetOptions) -> None:
    """Serve until SIGINT or SIGTERM. AppError, OSError when it cannot begin, or when one of its processes has ended."""
    with _prepared(options) as common:
        if options.processes == 1:
            with logged(options.settings.log):
                asyncio.run(_serve(options, common))
        else:
            with forked(common, dealt(_members(options, common), options.processes), options.settings.log) as workers:
                asyncio.run(_lead(options, common, workers))


async def _serve(options: FleetOptions, common: Common) -> None:
    """Serve all devices in this process."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for number in ENDING:
        loop.add_signal_handler(number, stopped.set)
    async with AsyncExitStack() as stack:
        with _progress(options.devices) as on_started:
            started = _started(options, common, on_started, lambda: not stopped.is_set())
            found = await stack.enter_async_context(started)
        if not stopped.is_set():
            _say_ready(options, _inventory(options, common, found))
        await stopped.wait()
        notify_service_manager("STOPPING=1")


async def _lead(options: FleetOptions, common: Common, workers: Sequence[Worker]) -> None:
    """Speak for the processes that serve the devices."""
    overseer = Overseer(workers)
    with _progress(options.devices) as on_started:
        found = await overseer.started(on_started)
    if found is not None:
        in_order = {member.name: found[member.name] for member in _members(options, common)}
        _say_ready(options, _inventory(options, common, in_order))
        await overseer.ended()
    notify_service_manager("STOPPING=1")


def _say_ready(options: FleetOptions, inventory: Inventory) -> None:
    """Write inventories to a folder, and print one, as it was asked for; then say where every device listens."""
    if options.inventory is not None:
        options.inventory.mkdir(parents=True, exist_ok=True)
        for name, render in FILES.values():
            (options.inventory / name).write_text(render(inventory), "utf-8")
    if options.printed is not None:
        _, render = FILES[options.printed]
        print(render(inventory), end="")
    print("ready", *(f"{each.kind.value} {each}" for each in inventory.devices.values()), flush=True)
    notify_service_manager("READY=1")


@asynccontextmanager
async def running(options: FleetOptions) -> AsyncIterator[Inventory]:
    """Start the devices on the running loop, and end them with the block. AppError, OSError when they cannot begin."""
    with _prepared(options) as common:
        async with _started(options, common) as found:
            yield _inventory(options, common, found)


@asynccontextmanager
async def _started(
    options: FleetOptions,
    common: Common,
    on_started: Callable[[Member], object] = lambda member: None,
    keep_going: Callable[[], bool] = lambda: True,
) -> AsyncIterator[Mapping[str, ListenAddress]]:
    """Start the devices on the running loop; give where each listens, by its name."""
    found: dict[str, ListenAddress] = {}

    def note(member: Member) -> None:
        found[member.name] = member.address
        on_started(member)

    async with living(common, _members(options, common), note, keep_going):
        yield found


@contextmanager
def _prepared(options: FleetOptions) -> Iterator[Common]:
    """Read and make what all devices share, which is there until the block ends."""
    addresses, scenario = options.addresses, load_scenario(options.scenario)
    if options.time_scale is not None:
        scenario = replace(scenario, time_scale=options.time_scale)
    users = choose_users(options.settings.users, scenario.passwords, addresses)
    shared_registry()
    allow_open_files()
    with TemporaryDirectory(prefix="ipsec-agent-fleet-") as path:
        host_key = Path(path) / HOST_KEY
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(host_key))
        seal = Seal(secrets.token_bytes(KEY_OCTETS))
        settings = options.settings
        yield Common(scenario, users, seal, host_key, Path(path), settings.limits, settings.ike)


def _members(options: FleetOptions, common: Common) -> Sequence[Member]:
    return tuple(map(Member, names(common.scenario.device.name, options.devices), options.addresses))


def _inventory(options: FleetOptions, common: Common, devices: Mapping[str, ListenAddress]) -> Inventory:
    user = next(iter(common.users.names), "")
    known = common.scenario.passwords.get(user) if options.settings.users is None else None
    return Inventory(devices, user, known)


@contextmanager
def _progress(devices: int) -> Iterator[Callable[[Member], object]]:
    """Show on a terminal how many devices there are already."""
    if not sys.stderr.isatty():
        yield lambda member: None
        return
    with click.progressbar(length=devices, file=sys.stderr, label="devices") as bar:
        yield lambda member: bar.update(1)
