"""Who comes in over SSH for a prompt: from the transport's words to the shell of the gateway that is there now."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from agent.app.console import (
    DISMISSED,
    SHUT_DOWN,
    CommandConsole,
    ConsoleLimits,
    Interactive,
    MakeShell,
    ScriptConsole,
)
from agent.app.prompt import PromptConsole
from agent.app.router import PROMPT, open_shell
from agent.app.running import Gateway
from agent.app.users import Users
from agent.junos.shell import Shell
from agent.netconf.server import Client
from agent.transport.endpoint import Console, ConsoleRequest, Peer, Wake


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


class Consoles:
    """The consoles of a gateway's clients; satisfies transport.endpoint.ConsoleFactory."""

    def __init__(self, gateway: Gateway, users: Users, before: Callable[[], object], now: Callable[[], float]) -> None:
        """Begin with none; `before` brings the device up to `now`, which is management time."""
        self._gateway = gateway
        self._users = users
        self._before = before
        self._now = now
        self._open: dict[Interactive, tuple[Visitor, Wake]] = {}

    def __call__(self, peer: Peer, request: ConsoleRequest, wake: Wake) -> Console:
        """Make the console of a client."""
        self._before()
        visitor = Visitor(self._gateway, self._users, peer)
        console = open_console(visitor, request, self._limits(), visitor.is_welcome)
        if isinstance(console, Interactive):
            self._open[console] = visitor, wake
            console.when_lost = partial(self._open.pop, console, None)
        return console

    def leave(self) -> None:
        """End every prompt, and tell who is there; a command that is being carried out ends by itself."""
        self._end(SHUT_DOWN, lambda visitor: True)

    def dismiss(self) -> None:
        """End the prompts of those who may log in no more, and tell them."""
        self._end(DISMISSED, lambda visitor: not visitor.is_welcome())

    def _end(self, word: str, is_meant: Callable[[Visitor], bool]) -> None:
        for console, (visitor, wake) in tuple(self._open.items()):
            if is_meant(visitor):
                console.leave(word)
                wake()

    def _limits(self) -> ConsoleLimits:
        limits = self._gateway.server.limits
        return ConsoleLimits(
            self._now, limits.idle_seconds, limits.total_seconds, limits.command_characters, self._exceeded
        )

    def _exceeded(self, limit: str) -> None:
        self._gateway.server.exceeded(limit)


def open_console(
    make_shell: MakeShell, request: ConsoleRequest, limits: ConsoleLimits, is_welcome: Callable[[], bool] = lambda: True
) -> Console:
    """Return the session that carries out what a client asks for: one command, or a shell.

    A shell ends at the next key once its client `is_welcome` no more.
    """
    if request.command is not None:
        return CommandConsole(make_shell(), request.command, request.terminal is not None)
    if request.terminal is None:
        return ScriptConsole(make_shell, limits, is_welcome)
    return PromptConsole(make_shell, request.terminal, limits, is_welcome)
