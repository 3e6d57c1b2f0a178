"""Who comes in over SSH for a prompt: from the transport's words to the shell of the gateway that is there now."""

from __future__ import annotations

from collections.abc import Callable

from agent.app.console import CommandConsole, ConsoleTimers, MakeShell, ScriptConsole
from agent.app.prompt import PromptConsole
from agent.app.router import PROMPT, open_shell
from agent.app.running import Gateway
from agent.app.users import Users
from agent.junos.shell import Shell
from agent.netconf.server import Client
from agent.transport.endpoint import Console, ConsoleFactory, ConsoleRequest, Peer, Wake


class Visitor:
    """A client at a prompt. Gives its shell: another one, kept as it was set, once the gateway is another one."""

    def __init__(self, gateway: Gateway, users: Users, peer: Peer) -> None:
        self._gateway = gateway
        self._users = users
        self._peer = peer
        self._server = gateway.server
        self._shell = self._open()

    def __call__(self) -> Shell:
        """Return the shell."""
        if self._gateway.server is not self._server:
            self._server, before = self._gateway.server, self._shell
            self._shell = self._open()
            self._shell.adopt(before)
        return self._shell

    def is_welcome(self) -> bool:
        """Whether the client may still log in."""
        return self._peer.user in self._users.names

    def _open(self) -> Shell:
        peer = self._peer
        return open_shell(self._server, Client(peer.user, peer.source_host, PROMPT, self._users.groups(peer.user)))


def console_factory(
    gateway: Gateway, users: Users, before: Callable[[], object], now: Callable[[], float]
) -> ConsoleFactory:
    """Return what makes the console of a client; `before` brings the device up to now, which is management time."""

    def open_(peer: Peer, request: ConsoleRequest, wake: Wake) -> Console:
        before()
        visitor, limits = Visitor(gateway, users, peer), gateway.server.limits
        timers = ConsoleTimers(now, limits.idle_seconds, limits.total_seconds)
        return open_console(visitor, request, timers, visitor.is_welcome)

    return open_


def open_console(
    make_shell: MakeShell, request: ConsoleRequest, timers: ConsoleTimers, is_welcome: Callable[[], bool] = lambda: True
) -> Console:
    """Return the session that carries out what a client asks for: one command, or a shell.

    A shell ends at the next key once its client `is_welcome` no more.
    """
    if request.command is not None:
        return CommandConsole(make_shell(), request.command, request.terminal is not None)
    if request.terminal is None:
        return ScriptConsole(make_shell, timers, is_welcome)
    return PromptConsole(make_shell, request.terminal, timers, is_welcome)
