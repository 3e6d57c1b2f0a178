"""What a guest and an operator may not, they may not by SSH nor by TLS, nor by a command of their own SSH client.

`test_every_door` tries everything without a wire; here every RPC and every command goes over the real ones.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest
from lxml import etree

from agent.junos.rpc import JUNOS
from tests.app.test_every_door import OPERATORS, RPCS, element, words
from tests.load.client import LoadClient, connection, session
from tests.support.served import Served, served
from tests.support.tls_settings import TlsSettingsFile


@dataclass(frozen=True)
class House:
    """A running gateway, and the keys to it."""

    server: Served
    settings: TlsSettingsFile

    @asynccontextmanager
    async def over_ssh(self, user: str) -> AsyncIterator[LoadClient]:
        """Come in over SSH."""
        async with await connection(self.server, user) as connected:
            yield await session(connected)

    @asynccontextmanager
    async def over_tls(self, user: str) -> AsyncIterator[LoadClient]:
        """Come in over TLS."""
        context = ssl.create_default_context(cafile=self.settings.server_certificate(self.server.state_directory))
        context.load_cert_chain(*self.settings.user(user))
        host, port = self.server.tls[0]
        reader, writer = await asyncio.open_connection(host, port, ssl=context)
        try:
            client = LoadClient(reader, writer)
            await client.greet()
            yield client
        finally:
            writer.transport.abort()


Door = Callable[[House, str], AbstractAsyncContextManager[LoadClient]]
DOORS: dict[str, Door] = {"SSH": House.over_ssh, "TLS": House.over_tls}
through_every_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The gateway of the chapter, with its users."""
    folder = tmp_path_factory.mktemp("house")
    settings = TlsSettingsFile(folder)
    options = ("--scenario", "chapter", "--listen", "tls:127.0.0.1:0", "--settings", str(settings.write()))
    with served(folder / "state", *options) as server:
        yield House(server, settings)


def tag(reply: bytes) -> str:
    """Return the tag of the first error; "" for none."""
    found = etree.fromstring(reply).find(".//{*}error-tag")
    return "" if found is None else str(found.text)


def ask_all(house: House, door: Door, user: str, operations: dict[str, str]) -> dict[str, str]:
    """Ask for operations, in one session, and return the tag of each answer by their names."""

    async def play() -> dict[str, str]:
        async with door(house, user) as client:
            return {name: tag(await client.ask(operation)) for name, operation in operations.items()}

    return asyncio.run(play())


def run(house: House, user: str) -> dict[str, str]:
    """Run every command as one of an SSH client, on one connection; return the complaints, "" where it was done."""

    async def played() -> dict[str, str]:
        complaints: dict[str, str] = {}
        async with await connection(house.server, user) as connected:
            for line in words():
                done = await connected.run(line)
                assert (done.exit_status == 0) == (not done.stderr), (line, done.stderr)
                assert not (done.stderr and done.stdout), "what is refused shows nothing"
                complaints[line] = str(done.stderr)
        return complaints

    return asyncio.run(played())


OF_YANG = {rpc.name: element(rpc) for rpc in RPCS if rpc.name != "close-session"}
OF_JUNOS = {name: f"<{name}/>" for name in JUNOS.rpcs if name != "command"}
CHANGING = {name: each for name, each in OF_JUNOS.items() if "configuration" in name and not name.startswith("get-")}


@through_every_door
def test_a_guest_executes_nothing(house: House, door: Door) -> None:
    tags = ask_all(house, door, "guest", {**OF_YANG, **OF_JUNOS})
    assert len(tags) > 60
    assert {name: found for name, found in tags.items() if found != "access-denied"} == {}


@through_every_door
def test_an_operator_executes_what_is_listed_and_nothing_else(house: House, door: Door) -> None:
    tags = ask_all(house, door, "operator", OF_YANG)
    executed = {name for name, found in tags.items() if found != "access-denied"}
    assert executed == OPERATORS - {"close-session"}
    assert set(ask_all(house, door, "operator", CHANGING).values()) == {"access-denied"}


@through_every_door
def test_an_administrator_is_let_by_the_same_door(house: House, door: Door) -> None:
    harmless = ("get-config", "lock", "unlock", "validate", "discard-changes", "get-data", "kill-session")
    tags = ask_all(house, door, "admin", {name: OF_YANG[name] for name in harmless})
    assert "access-denied" not in tags.values()


def test_a_guest_carries_out_no_command_of_an_ssh_client(house: House) -> None:
    complaints = run(house, "guest")
    assert len(complaints) == len(words())
    assert "" not in complaints.values()
    refused = ("permission denied", "syntax error", "missing", "unknown")
    assert {line: each for line, each in complaints.items() if not any(word in each for word in refused)} == {}
    assert sum("permission denied" in each for each in complaints.values()) > 10


def test_an_operator_carries_out_the_commands_that_it_may(house: House) -> None:
    done = {line for line, complaint in run(house, "operator").items() if not complaint}
    assert "show ike security-associations" in done
    assert "clear ike security-associations" in done
    assert {line for line in done if line.split()[0] not in ("show", "clear", "request", "file")} == set()
