"""`ipsec-agent serve`: one gateway, its listeners, and the end of both.

The order is that of what may fail: everything is read, checked and booted before the first address is listened on, and
the line that says `ready` comes last.
"""

from __future__ import annotations

import asyncio
import gc
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Final

from agent.app import real_packets, real_peers
from agent.app.commit_history import CommitHistory, forget_commits, has_commits
from agent.app.consoles import Consoles
from agent.app.doors import Inside, check_tls, open_doors
from agent.app.files import KeptFiles
from agent.app.freed_memory import FreedMemory, find_trim
from agent.app.gateway import Kept, boot, load_registry
from agent.app.hosting import ManagementTimer, session_factory
from agent.app.limits import device_limits, ike_settings, session_limits
from agent.app.open_files import require_room
from agent.app.operating import Operations, logged
from agent.app.privileges import become, find_identity
from agent.app.reload import Reload
from agent.app.router import keep_commits
from agent.app.running import Gateway
from agent.app.scenario import Scenario, load_scenario
from agent.app.scenario.journal import Journal, written
from agent.app.schema_cache import SchemaCache, cache_directory
from agent.app.settings import Kind, ListenAddress, ServeOptions, Settings
from agent.app.startup import CERTIFICATES, ROLLBACK, STARTUP, KeptCapabilities, KeptCertificates, Rollback, Startup
from agent.app.state import StateDirectory, default_state_directory
from agent.app.users import Users, choose_users
from agent.core.crypto.seal import KEY_OCTETS, Seal
from agent.core.world import SECOND
from agent.datastore.registry import Registry
from agent.netconf.server import Server
from agent.transport.closing import wait_until
from agent.transport.driver import Driver
from agent.transport.udp import UdpSockets

SEALING_KEY: Final = "sealing-key"
COLLECT_AFTER: Final = (50_000, 20, 50)
"""For the garbage collector: what a device holds has few cycles, and a full search for them holds everybody up."""


def run(options: ServeOptions) -> None:
    """Serve until SIGINT or SIGTERM. AppError, OSError when it cannot begin."""
    scenario, users = _checked(options)
    path = options.state_directory or default_state_directory(options.scenario, os.environ)
    with StateDirectory.open(path) as state, real_peers.bound(options.ike) as sockets, ExitStack() as stack:
        outlet = stack.enter_context(logged(options.settings.log))
        require_room(options.settings.limits.connections)
        packets = stack.enter_context(real_packets.opened(options.tun, options.ike))
        if options.reset:
            for name in (STARTUP, ROLLBACK, CERTIFICATES):
                state.remove(name)
            forget_commits(state)
        cache = cache_directory(os.environ)
        registry = load_registry(options.yang, None if cache is None else SchemaCache(cache))
        key = sealing_key(state)
        journal = stack.enter_context(_journal(options, scenario, registry, key, state))
        operations = Operations(options.settings, state, registry, outlet, journal)

        def watch(server: Server) -> None:
            operations.follow(server)
            if journal is not None:
                server.record(journal)

        gateway = boot(
            scenario if sockets is None else replace(scenario, settle=0),  # real peers settle at wall speed only
            registry,
            Seal(key),
            time.monotonic,
            session_limits(options.settings.limits),
            entropy=None if sockets is None else real_peers.SystemEntropy(),
            settings=ike_settings(options.settings.limits, options.settings.ike, sockets),
            kept=_kept(state, options),
            watch=watch,
        )
        gateway.limit(device_limits(options.settings.limits))
        gc.freeze()  # what has been booted lives as long as the process: no collection need look through it
        gc.set_threshold(*COLLECT_AFTER)
        gc.enable()
        asyncio.run(_serve(options, scenario, gateway, users, state, sockets, packets, operations))
        keep_commits(gateway.server)
        if journal is not None:
            journal.end(gateway.now)


def _checked(options: ServeOptions) -> tuple[Scenario, Users]:
    """Return what is to be served and to whom; AppError, before anything is made, for what does not go together."""
    scenario = load_scenario(options.scenario)
    if options.time_scale is not None:
        scenario = replace(scenario, time_scale=options.time_scale)
    if options.ike is not None:
        real_peers.check_scenario(options.ike, scenario)
    if options.tun is not None:
        real_packets.check_pace(scenario)
    check_tls(options)
    if options.settings.run_as is not None:
        find_identity(options.settings.run_as)  # refused now, before anything is made
    called = [endpoint for client in options.settings.call_home for endpoint in client.endpoints]
    users = choose_users(options.settings.users, scenario.passwords, options.listen, called)
    return scenario, users


@contextmanager
def _journal(
    options: ServeOptions, scenario: Scenario, registry: Registry, key: bytes, state: StateDirectory
) -> Iterator[Journal | None]:
    """Begin a journal, if there is to be one, and close it when the block ends.

    A run can be repeated that begins with what the scenario says, and in which nobody takes part but clients.
    """
    if options.journal is None:
        yield None
        return
    is_fresh = not has_commits(state) and all(state.read(name) is None for name in (STARTUP, ROLLBACK, CERTIFICATES))
    with written(options.journal, registry, key) as journal:
        is_usual = options.ike is None and options.tun is None and not options.yang
        is_repeatable = is_fresh and is_usual and options.settings.ike == Settings().ike
        journal.begin(scenario, options.scenario, is_repeatable=is_repeatable)
        yield journal


def _kept(state: StateDirectory, options: ServeOptions) -> Kept:
    """Return what outlives this process in a state directory, and who may mend the access rules."""
    return Kept(
        startup=Startup(state),
        rollback=Rollback(state),
        certificates=KeptCertificates(state),
        announced=KeptCapabilities(state),
        commits=partial(CommitHistory, state),
        files=KeptFiles(state.path),
        recovery_users=[user.name for user in options.settings.users or () if user.may_recover],
    )


def sealing_key(state: StateDirectory) -> bytes:
    """Return the key that seals the secrets of a configuration, made at first use."""
    key = state.read(SEALING_KEY)
    if key is None:
        key = secrets.token_bytes(KEY_OCTETS)
        state.write(SEALING_KEY, key)
    return key


async def _serve(
    options: ServeOptions,
    scenario: Scenario,
    gateway: Gateway,
    users: Users,
    state: StateDirectory,
    sockets: UdpSockets | None,
    packets: real_packets.PacketDoors | None,
    operations: Operations,
) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    driver = Driver(gateway, loop)
    gateway.server.record(FreedMemory(loop.call_later, find_trim()))
    audit = operations.audit
    consoles = Consoles(gateway, users, driver.catch_up, loop.time)
    refused = partial(audit.refused_login, gateway)
    sessions = session_factory(gateway, users)
    inside = Inside(users, sessions, driver.before_input, refused, consoles, driver.after_input)
    doors = open_doors(options, inside, state)
    await doors.listen(options.listen)
    watched = await operations.open(gateway, doors.admission, driver)
    if options.settings.run_as is not None:
        become(options.settings.run_as, state.path)
    operations.begin()
    carrier = None if sockets is None else await real_peers.connect(gateway, sockets, driver.catch_up)
    tun = None if packets is None else real_packets.carry(gateway, packets, driver.catch_up)
    reload = Reload(options, scenario.passwords, gateway, users, doors, consoles, state)
    loop.add_signal_handler(signal.SIGHUP, _reload, reload)
    driver.start()
    timer = ManagementTimer(gateway, loop, driver.catch_up)
    if carrier is not None:
        await _settle(scenario, stopped)
    _say_ready(scenario, doors.addresses, users, sockets, watched)
    doors.call(options.settings.call_home)
    await stopped.wait()
    notify_service_manager("STOPPING=1")
    operations.is_stopping = True
    await _let_go(gateway, consoles)
    await doors.close()
    await operations.close()
    timer.stop()
    driver.stop()
    if carrier is not None:
        carrier.close()
    if tun is not None:
        tun.close()


async def _let_go(gateway: Gateway, consoles: Consoles) -> None:
    """Have every session answer what it was asked, and end. What is not done within the time of grace is refused."""
    sessions = gateway.server.sessions
    consoles.leave()
    for opened in tuple(sessions.values()):
        opened.session.leave()
    await wait_until(lambda: not sessions)
    if any([opened.session.give_up() for opened in tuple(sessions.values())]):
        await wait_until(lambda: not sessions)


def _reload(reload: Reload) -> None:
    """Read the settings again, and keep the service manager informed."""
    notify_service_manager(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
    reload.from_file()
    notify_service_manager("READY=1")


async def _settle(scenario: Scenario, stopped: asyncio.Event) -> None:
    """Let the scenario settle at wall speed, unless the program is to end."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stopped.wait(), scenario.settle / SECOND)


def _say_ready(
    scenario: Scenario,
    addresses: Sequence[ListenAddress],
    users: Users,
    sockets: UdpSockets | None,
    watched: Sequence[ListenAddress],
) -> None:
    """Tell a person on stderr how to connect, a script on stdout that it can, and a service manager likewise."""
    names = ", ".join(users.names)
    defaults = scenario.passwords
    as_named = users.names == tuple(defaults) and all(user == password for user, password in defaults.items())
    hint = f"users {names}; passwords as the names" if as_named else f"users {names}"
    over_ssh = [address for address in addresses if address.kind is Kind.SSH]
    first = next(iter(users.names), "USER")
    prompts = [f"ssh -p {address.port} {first}@{address.host}" for address in over_ssh[:1]]
    connect = [f"connect with: {each}   or, for NETCONF: {each} -s netconf   ({hint})" for each in prompts]
    print(scenario.description, *connect, sep="\n", file=sys.stderr)
    sys.stderr.flush()
    listening = [f"{address.kind.value} {address}" for address in addresses]
    if sockets is not None:
        ports = {"ike": sockets.port, "ike-nat": sockets.nat_port}
        listening += (f"{kind} {ListenAddress(str(sockets.address), port)}" for kind, port in ports.items())
    listening += (f"http {address}" for address in watched)
    print("ready", *listening, flush=True)
    notify_service_manager("READY=1")


def notify_service_manager(state: str) -> None:
    """Tell systemd, if it started us (sd_notify(3)): one datagram to the socket that NOTIFY_SOCKET names."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
