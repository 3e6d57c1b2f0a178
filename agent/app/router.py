"""A gateway as a router: what stands behind the Junos RPCs, and the prompt of somebody who has logged in.

What a user may do at the prompt is decided by the server, as it is for every session of NETCONF.
"""

from __future__ import annotations

from typing import Final

from agent import __version__
from agent.core.device import Device
from agent.datastore.registry import Authorisation
from agent.datastore.tree import find
from agent.junos.configuration.face import ConfigurationFace
from agent.junos.configuration.rollbacks import History
from agent.junos.router import Router
from agent.junos.rpc import JUNOS
from agent.junos.shell import Shell
from agent.netconf.server import Client, Server

SYSTEM: Final = "/ipsec-agent-system:system"
PROMPT: Final = "cli"
"""The way by which somebody comes in who has a prompt."""


def make_router(device: Device, server: Server, history: History) -> Router:
    """Return the router that a device and the server of its configuration are, with the commits that it has kept."""

    def configured_name() -> str | None:
        system = find(server.registry.schema, server.stores.running, SYSTEM)
        return system.leaf("host-name") if system is not None else None

    return Router(
        device,
        server.started_at,
        __version__,
        configured_name,
        ConfigurationFace(server, history),
        lambda: server.limits.command_characters,
        server.exceeded,
    )


def open_shell(server: Server, client: Client) -> Shell:
    """Return the prompt of a client that has logged in; the server is one that a router is attached to."""
    router = _router(server)

    def permits(authorisation: Authorisation) -> bool:
        return server.permits(server.caller(client), authorisation)

    def require(authorisation: Authorisation) -> None:
        server.require_permitted(server.caller(client), authorisation)

    def told(line: str, is_refused: bool) -> None:
        server.commanded(client, line, is_refused=is_refused)

    return Shell(router, lambda: server.caller(client), permits, require, told)


def keep_commits(server: Server) -> None:
    """Have a restart find every commit, if anything is kept at all."""
    configuration = _router(server).configuration
    assert isinstance(configuration, ConfigurationFace)
    configuration.rollbacks.keep()


def _router(server: Server) -> Router:
    router = server.subjects[JUNOS.name]
    assert isinstance(router, Router)
    return router
