"""Clients by the hundred, over SSH as real ones come, in one loop; and what the server says of itself meanwhile."""

from __future__ import annotations

import asyncio
import re
import urllib.request
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import asyncssh

from tests.support.netconf_wire import BASE, BASE_1_0, END_OF_MESSAGE, envelope
from tests.support.served import Served

HELLO = f'<hello xmlns="{BASE}"><capabilities><capability>{BASE_1_0}</capability></capabilities></hello>]]>]]>'
ANSWER_SECONDS = 60.0


class LoadClient:
    """One session of NETCONF."""

    def __init__(
        self,
        reader: asyncssh.SSHReader[bytes] | asyncio.StreamReader,
        writer: asyncssh.SSHWriter[bytes] | asyncio.StreamWriter,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self.session_id = 0
        """What the server's hello says."""

    async def greet(self) -> None:
        """Exchange hellos."""
        self._writer.write(HELLO.encode())
        found = re.search(rb"<session-id>(\d+)<", await self.receive())
        assert found is not None
        self.session_id = int(found[1])

    async def ask(self, operation: str) -> bytes:
        """Return the answer to an operation, notifications that come before it left out."""
        self._writer.write(envelope(operation).encode() + END_OF_MESSAGE)
        while not (answer := await self.receive()).lstrip().startswith(b"<rpc-reply"):
            pass
        return answer

    async def do(self, operation: str) -> None:
        """Have something done, which must be answered without an error."""
        answer = await self.ask(operation)
        assert b"<rpc-error>" not in answer, answer[:1000]

    async def receive(self) -> bytes:
        """Return the next message."""
        async with asyncio.timeout(ANSWER_SECONDS):
            return (await self._reader.readuntil(END_OF_MESSAGE)).removesuffix(END_OF_MESSAGE)

    def send_part(self, octets: bytes) -> None:
        """Send what is no whole message."""
        self._writer.write(octets)

    def hang_up(self) -> None:
        """Close the channel without a word."""
        self._writer.close()


async def connection(server: Served, user: str = "admin") -> asyncssh.SSHClientConnection:
    """Connect and log in."""
    return await asyncssh.connect(
        server.host, server.port, username=user, password=user, known_hosts=None, config=None, client_keys=None
    )


async def session(connected: asyncssh.SSHClientConnection) -> LoadClient:
    """Open one more session on a connection."""
    writer, reader, _ = await connected.open_session(subsystem="netconf", encoding=None)
    client = LoadClient(reader, writer)
    await client.greet()
    return client


async def command(connected: asyncssh.SSHClientConnection, line: str) -> str:
    """Return what the router displays when it is given a command, as `ssh HOST COMMAND` does."""
    return str((await connected.run(line, check=True)).stdout)


@asynccontextmanager
async def crowd(server: Served, size: int, of_a_connection: int) -> AsyncIterator[Sequence[LoadClient]]:
    """Open many sessions, and keep them open until the block ends."""
    async with AsyncExitStack() as stack:
        clients: list[LoadClient] = []
        while len(clients) < size:
            connected = await stack.enter_async_context(await connection(server))
            count = min(of_a_connection, size - len(clients))
            clients += await asyncio.gather(*(session(connected) for _ in range(count)))
        yield clients


Samples = Mapping[str, float]


def read_metrics(server: Served) -> Samples:
    """Return every sample by its name with its labels, as they stand in the text."""
    host, port = server.http[0]
    with urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=30) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[:1] != "#")}


async def metrics(server: Served) -> Samples:
    """Return every sample, while the loop goes on."""
    return await asyncio.to_thread(read_metrics, server)
