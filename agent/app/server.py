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
from dataclasses import replace
from typing import Final

from agent.app.gateway import Gateway, boot, load_registry
from agent.app.scenario import Scenario, load_scenario
from agent.app.settings import ListenAddress, ServeOptions
from agent.app.startup import CERTIFICATES, STARTUP, KeptCertificates, Startup
from agent.app.state import StateDirectory, default_state_directory
from agent.app.users import Users, choose_users
from agent.core.crypto.seal import KEY_OCTETS, Seal
from agent.netconf.server import Client
from agent.netconf.session import NetconfSession, SessionLimits
from agent.transport import ssh
from agent.transport.driver import Driver
from agent.transport.endpoint import Peer

SEALING_KEY: Final = "sealing-key"


def run(options: ServeOptions) -> None:
    """Serve until SIGINT or SIGTERM. AppError, OSError when it cannot begin."""
    scenario = load_scenario(options.scenario)
    if options.time_scale is not None:
        scenario = replace(scenario, time_scale=options.time_scale)
    users = choose_users(options.settings.users, scenario.passwords, options.listen)
    path = options.state_directory or default_state_directory(options.scenario, os.environ)
    with StateDirectory.open(path) as state:
        limits = SessionLimits(options.settings.limits.hello_seconds, options.settings.limits.idle_seconds)
        if options.reset:
            for name in (STARTUP, CERTIFICATES):
                state.remove(name)
        gateway = boot(
            scenario,
            load_registry(),
            Seal(sealing_key(state)),
            time.monotonic,
            limits,
            startup=Startup(state),
            certificates=KeptCertificates(state),
        )
        asyncio.run(_serve(options, scenario, gateway, users, state))


def sealing_key(state: StateDirectory) -> bytes:
    """Return the key that seals the secrets of a configuration, made at first use."""
    key = state.read(SEALING_KEY)
    if key is None:
        key = secrets.token_bytes(KEY_OCTETS)
        state.write(SEALING_KEY, key)
    return key


async def _serve(
    options: ServeOptions, scenario: Scenario, gateway: Gateway, users: Users, state: StateDirectory
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
    driver.start()
    _say_ready(scenario, [ListenAddress(host, port) for host, port in listener.addresses], users)
    await stopped.wait()
    await listener.close()
    driver.stop()


def _session_factory(gateway: Gateway, users: Users) -> Callable[[Peer, Callable[[], None]], NetconfSession]:
    def open_session(peer: Peer, wake: Callable[[], None]) -> NetconfSession:
        client = Client(peer.user, peer.source_host, peer.transport, users.groups(peer.user))
        return gateway.server.open_session(client, wake)

    return open_session


def _say_ready(scenario: Scenario, addresses: list[ListenAddress], users: Users) -> None:
    """Tell a person on stderr how to connect, a script on stdout that it can, and a service manager likewise."""
    first = addresses[0]
    names = ", ".join(users.names)
    defaults = scenario.passwords
    as_named = users.names == tuple(defaults) and all(user == password for user, password in defaults.items())
    hint = f"users {names}; passwords as the names" if as_named else f"users {names}"
    connect = f"ssh -p {first.port} {next(iter(users.names), 'USER')}@{first.host} -s netconf"
    print(f"{scenario.description}\nconnect with: {connect}   ({hint})", file=sys.stderr, flush=True)
    print("ready", *(f"ssh {address}" for address in addresses), flush=True)
    notify_service_manager("READY=1")


def notify_service_manager(state: str) -> None:
    """Tell systemd, if it started us (sd_notify(3)): one datagram to the socket that NOTIFY_SOCKET names."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(state.encode(), "\0" + address[1:] if address.startswith("@") else address)
