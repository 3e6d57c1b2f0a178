"""What an SSH channel may be: NETCONF by either request, a command, or a shell; and new keys while it is in use."""

from __future__ import annotations

import asyncio
import logging
import socket
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MethodType
from typing import Any

import asyncssh
import pytest

from agent.transport.endpoint import Console, ConsoleRequest, Peer, Terminal
from agent.transport.ssh_connection import FALLBACK_COMMAND, SshLimits
from tests.support.collector import without_collector
from tests.support.sessions import ToySession
from tests.support.ssh_server import Server, Stage, open_netconf, until

MEGABYTE = 1_000_000
TURNS = 20
"""Of the loop: more than it takes asyncssh to forget a channel that has ended."""


def test_clients_of_junos_may_run_a_command_that_stands_for_the_subsystem(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            writer, reader, _ = await connection.open_session(FALLBACK_COMMAND, encoding=None)
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"
            assert server.sessions[0].peer is not None
            assert server.sessions[0].peer.transport == "netconf-ssh"

    assert len(stage.run(scene).sessions) == 1


# Consoles


@dataclass
class ToyConsole(ToySession):
    """Echoes what is typed and ends with a status; remembers how large its terminal is."""

    exit_status: int = 0
    complaint: bytes = b""
    sizes: list[tuple[int, int]] = field(default_factory=list)

    def resized(self, columns: int, rows: int) -> None:
        self.sizes.append((columns, rows))


@dataclass
class Consoles:
    """Makes consoles, and remembers who asked for what."""

    refused: tuple[str | None, ...] = ()
    complaint: bytes = b""
    asked: list[tuple[Peer, ConsoleRequest]] = field(default_factory=list)
    made: list[ToyConsole] = field(default_factory=list)

    def __call__(self, peer: Peer, request: ConsoleRequest, wake: Callable[[], None]) -> Console | None:
        self.asked.append((peer, request))
        if request.command in self.refused:
            return None
        text = f"ran {request.command}\n" if request.command else "> "
        console = ToyConsole(output=bytearray(text.encode()), finish_on=b"" if request.command else b"quit")
        console.exit_status, console.complaint = 3, self.complaint
        self.made.append(console)
        return console


def test_a_command_is_run_and_its_status_told(stage: Stage) -> None:
    stage.consoles = consoles = Consoles()

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            done = await connection.run("show ike security-associations")
            assert (done.stdout, done.exit_status) == ("ran show ike security-associations\n", 3)

    assert stage.run(scene).sessions == []
    ((peer, request),) = consoles.asked
    assert peer.user == "ann"
    assert request == ConsoleRequest("show ike security-associations", None)
    assert [console.losses for console in consoles.made] == [1]


def test_what_a_command_complains_of_stands_beside_its_output(stage: Stage) -> None:
    stage.consoles = Consoles(complaint=b"error: not now\n")

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            done = await connection.run("show")
            assert (done.stdout, done.stderr) == ("ran show\n", "error: not now\n")

    stage.run(scene)


def test_a_shell_has_the_terminal_of_its_client(stage: Stage) -> None:
    stage.consoles = consoles = Consoles()

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            process = await connection.create_process(term_type="xterm", term_size=(100, 40), encoding=None)
            assert await process.stdout.readexactly(2) == b"> "
            process.change_terminal_size(80, 24)
            process.stdin.write(b"quit")
            assert await process.stdout.read() == b"quit"
            assert (await process.wait()).exit_status == 3

    stage.run(scene)
    assert [request for _, request in consoles.asked] == [ConsoleRequest(None, Terminal("xterm", 100, 40))]
    assert consoles.made[0].sizes == [(80, 24)]


def test_a_console_that_is_refused_takes_no_session(stage: Stage) -> None:
    stage.consoles = Consoles(refused=("id", None))

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            for command in ("id", ()):
                with pytest.raises(asyncssh.ChannelOpenError):
                    await connection.open_session(command)
            assert server.listener.service.admission.sessions == 0
            await open_netconf(connection)
            assert server.listener.service.admission.sessions == 1

    stage.run(scene)


def test_one_connection_has_only_so_many_channels(stage: Stage) -> None:
    stage.limits = SshLimits(channels=2)

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            first, _ = await open_netconf(connection)
            await open_netconf(connection)
            with pytest.raises(asyncssh.ChannelOpenError):
                await open_netconf(connection)
            assert server.counters.refused_channels == 1
            first.close()
            await until(lambda: server.sessions[0].losses == 1)
            await open_netconf(connection)
        assert server.counters.refused_channels == 1

    stage.run(scene)


# New keys


@pytest.mark.parametrize("who", ["the server", "the client"])
def test_new_keys_are_agreed_on_while_sessions_go_on(stage: Stage, who: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "asyncssh")
    asyncssh.set_debug_level(1)
    stage.limits = SshLimits(rekey_bytes=MEGABYTE if who == "the server" else 1 << 30)

    async def scene(server: Server) -> None:
        options: dict[str, Any] = {"rekey_bytes": MEGABYTE} if who == "the client" else {}
        async with server.connect(**options) as connection:
            streams = [await open_netconf(connection) for _ in range(2)]
            for writer, _ in streams:
                writer.write(bytes(range(250)) * 16_000)  # 4 MB up, and down again
            for _, reader in streams:
                assert await reader.readexactly(4 * MEGABYTE) == bytes(range(250)) * 16_000

    stage.run(scene)
    agreed = [record for record in caplog.records if "Completed key exchange" in record.getMessage()]
    assert len(agreed) >= 2 * 5, "at both ends, once at first and again and again"


# Connections that we make ourselves


async def adopt(server: Server, client: Callable[[socket.socket], object]) -> bool:
    """Have the server serve a connection to a client; returns whether anybody had logged in."""
    with socket.create_server(("127.0.0.1", 0)) as home:
        connected = socket.create_connection(home.getsockname())
        accepted, _ = home.accept()
    connected.setblocking(False)
    served = asyncio.create_task(server.listener.adopt(connected))
    task = client(accepted)
    if asyncio.iscoroutine(task):
        await task
    return await served


def test_a_connection_that_we_have_made_is_served_until_it_ends(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        async def client(accepted: socket.socket) -> None:
            async with server.connect(sock=accepted, host=(), port=()) as connection:
                writer, reader = await open_netconf(connection)
                writer.write(b"ping")
                assert await reader.readexactly(4) == b"ping"

        assert await adopt(server, client)
        await until(lambda: server.listener.connections == 0)

    stage.run(scene)


def test_nobody_logs_in_on_one_that_is_closed_at_once(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        assert not await adopt(server, lambda accepted: accepted.close())
        assert server.counters.abandoned == 1

    assert stage.run(scene).sessions == []


def test_nor_on_one_where_the_password_is_wrong(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        async def client(accepted: socket.socket) -> None:
            with pytest.raises(asyncssh.PermissionDenied):
                async with server.connect("guess", sock=accepted, host=(), port=()):
                    pass

        assert not await adopt(server, client)

    assert stage.run(scene).sessions == []


def test_nothing_of_a_channel_is_left_to_the_garbage_collector(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            writer, reader = await open_netconf(connection)
            writer.write(b"ping")
            await reader.readexactly(4)
            (session,) = server.sessions
            assert isinstance(session.wake, MethodType)
            pump, session.wake = weakref.ref(session.wake.__self__), lambda: None
            assert pump() is not None
            writer.close()
            await until(lambda: session.losses == 1)
            for _ in range(TURNS):
                await asyncio.sleep(0)
            assert pump() is None

    with without_collector():
        stage.run(scene)
