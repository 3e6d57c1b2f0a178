"""`ipsec-agent serve`: one gateway, its listeners, and the end of both.

The order is that of what may fail: everything is read, checked and booted before the first address is listened on, and
the line that says `ready` comes last.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from agent.app import real_peers
from agent.app.gateway import Gateway, boot, load_registry
from agent.app.scenario import Scenario, load_scenario
from agent.app.settings import ListenAddress, ServeOptions
from agent.app.startup import CERTIFICATES, ROLLBACK, STARTUP, KeptCertificates, Rollback, Startup
from agent.app.state import StateDirectory, default_state_directory
from agent.app.users import Users, choose_users
from agent.core.crypto.seal import KEY_OCTETS, Seal
from agent.core.world import SECOND
from agent.netconf.server import Client, Server
from agent.netconf.session import NetconfSession, SessionLimits
from agent.transport import ssh
from agent.transport.driver import Driver
from agent.transport.endpoint import Peer
from agent.transport.udp import UdpSockets

SEALING_KEY: Final = "sealing-key"


def run(options: ServeOptions) -> None:
    """Serve until SIGINT or SIGTERM. AppError, OSError when it cannot begin."""
    scenario = load_scenario(options.scenario)
    if options.time_scale is not None:
        scenario = replace(scenario, time_scale=options.time_scale)
    if options.ike is not None:
        real_peers.check_scenario(options.ike, scenario)
    users = choose_users(options.settings.users, scenario.passwords, options.listen)
    path = options.state_directory or default_state_directory(options.scenario, os.environ)
    with StateDirectory.open(path) as state, real_peers.bound(options.ike) as sockets:
        limits = SessionLimits(options.settings.limits.hello_seconds, options.settings.limits.idle_seconds)
        if options.reset:
            for name in (STARTUP, ROLLBACK, CERTIFICATES):
                state.remove(name)
        gateway = boot(
            scenario if sockets is None else replace(scenario, settle=0),  # real peers settle at wall speed only
            load_registry(),
            Seal(sealing_key(state)),
            time.monotonic,
            limits,
            entropy=None if sockets is None else real_peers.SystemEntropy(),
            startup=Startup(state),
            rollback=Rollback(state),
            certificates=KeptCertificates(state),
            settings=None if sockets is None else real_peers.ike_settings(sockets),
        )
        asyncio.run(_serve(options, scenario, gateway, users, state, sockets))


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
) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    driver = Driver(gateway.world, loop)
    limits = options.settings.limits
    listener = await ssh.listen(
        [(address.host, address.port) for address in options.listen],
        host_keys=state.host_keys(),
        authenticator=users,
        sessions=_session_factory(gateway, users),
        before_input=driver.catch_up,
        limits=ssh.SshLimits(limits.login_seconds, limits.login_attempts, limits.sessions),
    )
    carrier = None if sockets is None else await real_peers.connect(gateway, sockets, driver.catch_up)
    driver.start()
    timer = ManagementTimer(gateway.server, loop, driver.catch_up)
    if carrier is not None:
        await _settle(scenario, stopped)
    _say_ready(scenario, [ListenAddress(host, port) for host, port in listener.addresses], users, sockets)
    await stopped.wait()
    await listener.close()
    timer.stop()
    driver.stop()
    if carrier is not None:
        carrier.close()


class ManagementTimer:
    """Runs what a server has to do at some management time, whatever sessions there are."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop, before: Callable[[], object]) -> None:
        """Begin at once; `before` brings the device up to now."""
        self._server = server
        self._loop = loop
        self._before = before
        self._timer: asyncio.TimerHandle | None = None
        server.when_rescheduled(self._arrange)
        self._arrange()

    def stop(self) -> None:
        """Run nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _arrange(self) -> None:
        self.stop()
        deadline = self._server.next_deadline()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._run)

    def _run(self) -> None:
        self._before()
        self._server.advance(self._loop.time())
        self._arrange()


async def _settle(scenario: Scenario, stopped: asyncio.Event) -> None:
    """Let the scenario settle at wall speed, unless the program is to end."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stopped.wait(), scenario.settle / SECOND)


def _session_factory(gateway: Gateway, users: Users) -> Callable[[Peer, Callable[[], None]], NetconfSession]:
    def open_session(peer: Peer, wake: Callable[[], None]) -> NetconfSession:
        client = Client(peer.user, peer.source_host, peer.transport, users.groups(peer.user))
        return gateway.server.open_session(client, wake)

    return open_session


def _say_ready(scenario: Scenario, addresses: list[ListenAddress], users: Users, sockets: UdpSockets | None) -> None:
    """Tell a person on stderr how to connect, a script on stdout that it can, and a service manager likewise."""
    first = addresses[0]
    names = ", ".join(users.names)
    defaults = scenario.passwords
    as_named = users.names == tuple(defaults) and all(user == password for user, password in defaults.items())
    hint = f"users {names}; passwords as the names" if as_named else f"users {names}"
    connect = f"ssh -p {first.port} {next(iter(users.names), 'USER')}@{first.host} -s netconf"
    print(f"{scenario.description}\nconnect with: {connect}   ({hint})", file=sys.stderr, flush=True)
    listening = [f"ssh {address}" for address in addresses]
    if sockets is not None:
        ports = {"ike": sockets.port, "ike-nat": sockets.nat_port}
        listening += (f"{kind} {ListenAddress(str(sockets.address), port)}" for kind, port in ports.items())
    print("ready", *listening, flush=True)
    notify_service_manager("READY=1")


def notify_service_manager(state: str) -> None:
    """Tell systemd, if it started us (sd_notify(3)): one datagram to the socket that NOTIFY_SOCKET names."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
