"""The TLS transport, with the standard library's client over the loopback interface and toy sessions behind it."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.transport.admission import AdmissionLimits
from agent.transport.endpoint import Peer
from tests.support.client_certificates import DAY, NOW, Identity, authority, identity
from tests.support.open_files import open_files
from tests.support.sessions import ToySession
from tests.support.ssh_server import until
from tests.support.tls_server import TlsFolder, TlsServer, TlsStage

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> TlsFolder:
    return TlsFolder(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def stage(folder: TlsFolder) -> TlsStage:
    return TlsStage(folder)


class Handshake:
    """A client's end of TLS whose bytes the test carries itself."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._client = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")
        self.is_done = False
        self.receive(b"")

    def receive(self, data: bytes) -> None:
        """Take bytes of the server and go on as far as they allow."""
        self._incoming.write(data)
        with suppress(ssl.SSLWantReadError):
            self._client.do_handshake()
            self.is_done = True

    def write(self, data: bytes) -> None:
        self._client.write(data)

    def flight(self) -> bytes:
        """Return what is to be sent."""
        return self._outgoing.read()


def test_a_session_carries_bytes_both_ways(stage: TlsStage) -> None:
    async def scene(server: TlsServer) -> None:
        async with server.connect() as (reader, writer):
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"

    assert stage.run(scene).sessions[0].received == b"hello"


def test_the_session_learns_who_its_peer_is_by_the_certificate(stage: TlsStage) -> None:
    async def scene(server: TlsServer) -> None:
        async with server.connect() as (_, writer):
            await until(lambda: len(server.sessions) == 1)
            port = writer.get_extra_info("sockname")[1]
            assert server.sessions[0].peer == Peer("ann", "127.0.0.1", port, "netconf-tls")

    stage.run(scene)


def test_the_device_is_brought_up_to_now_before_each_input(stage: TlsStage) -> None:
    async def scene(server: TlsServer) -> None:
        async with server.connect() as (reader, writer):
            await until(lambda: len(server.sessions) == 1)
            assert server.inputs == 0
            writer.write(b"ping")
            await reader.readexactly(4)
            assert server.inputs == 1

    stage.run(scene)


def test_a_session_may_speak_first(stage: TlsStage) -> None:
    stage.prototype = lambda: ToySession(output=bytearray(b"<hello/>"))

    async def scene(server: TlsServer) -> None:
        async with server.connect() as (reader, _):
            assert await reader.readexactly(8) == b"<hello/>"

    stage.run(scene)


def test_input_that_comes_with_the_end_of_the_handshake_is_not_lost(stage: TlsStage) -> None:
    async def scene(server: TlsServer) -> None:
        client = Handshake(server.folder.client_context(server.folder.ann))
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(client.flight())
        while not client.is_done:
            client.receive(await reader.read(65_536))
        client.write(b"early")
        writer.write(client.flight())  # the client's Finished and its first bytes in one segment
        await until(lambda: bool(server.sessions) and server.sessions[0].received == b"early")
        writer.close()

    stage.run(scene)


@pytest.mark.parametrize(
    ("make", "refused"),
    [
        (lambda clients: None, []),
        (lambda clients: identity("ann"), ["127.0.0.1"]),
        (lambda clients: identity("ann", authority("clients")), ["127.0.0.1"]),
        (lambda clients: identity("ann", clients, until=NOW - DAY), ["127.0.0.1"]),
    ],
    ids=["none at all", "signed by itself", "of a false authority", "of yesterday"],
)
def test_nobody_is_served_without_a_good_certificate(
    stage: TlsStage, make: Callable[[Identity], Identity | None], refused: list[str]
) -> None:
    async def scene(server: TlsServer) -> None:
        context = server.folder.client_context(make(server.folder.clients))
        with suppress(ssl.SSLError, ConnectionError):  # with TLS 1.3 a client takes the handshake for done
            async with server.connect(context) as (reader, _):
                assert await reader.read() == b""
        await until(lambda: server.listener.connections == 0)
        assert server.counters.abandoned == 1
        assert server.refused == refused, "a scanner is counted, and who shows a certificate is told of"

    assert stage.run(scene).sessions == []


def test_nobody_is_served_whose_certificate_has_no_name(stage: TlsStage) -> None:
    async def scene(server: TlsServer) -> None:
        async with server.connect(server.folder.client_context(identity(None, server.folder.clients))) as (reader, _):
            assert await reader.read() == b""
        await until(lambda: server.listener.connections == 0)
        assert server.counters.abandoned == 1
        assert server.refused == ["127.0.0.1"]

    assert stage.run(scene).sessions == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_two_versions_that_are_safe_are_spoken(stage: TlsStage, version: ssl.TLSVersion) -> None:
    async def scene(server: TlsServer) -> None:
        context = server.folder.client_context(server.folder.ann)
        context.minimum_version = context.maximum_version = version
        async with server.connect(context) as (reader, writer):
            writer.write(b"ping")
            assert await reader.readexactly(4) == b"ping"
            assert writer.get_extra_info("cipher")[1] == version.name.replace("_", ".")

    stage.run(scene)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_no_older_version_is(stage: TlsStage) -> None:
    async def scene(server: TlsServer) -> None:
        context = server.folder.client_context(server.folder.ann)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            async with server.connect(context):
                pass

    assert stage.run(scene).sessions == []


def test_one_client_alone_can_be_trusted(tmp_path: Path) -> None:
    lower = identity("ann", authority("unknown to the server"))
    stage = TlsStage(TlsFolder(tmp_path, clients=lower))

    async def scene(server: TlsServer) -> None:
        async with server.connect(server.folder.client_context(lower)) as (reader, writer):
            writer.write(b"ping")
            assert await reader.readexactly(4) == b"ping"

    stage.run(scene)


def test_more_sessions_than_allowed_are_refused(stage: TlsStage) -> None:
    stage.admission = AdmissionLimits(sessions_of_a_user=1)

    async def scene(server: TlsServer) -> None:
        async with server.connect() as (first_reader, first):
            first.write(b"ping")
            await first_reader.readexactly(4)
            async with server.connect() as (reader, _):
                assert await reader.read() == b""
            first.write(b"pong")
            assert await first_reader.readexactly(4) == b"pong"
        assert server.counters.refused_sessions == 1

    assert len(stage.run(scene).sessions) == 1


def test_a_finished_session_closes_after_all_of_its_output(stage: TlsStage) -> None:
    stage.prototype = lambda: ToySession(output=bytearray(3 * MEGABYTE), finish_on=b"bye")

    async def scene(server: TlsServer) -> None:
        async with server.connect() as (reader, writer):
            writer.write(b"bye")
            assert await reader.read() == bytes(3 * MEGABYTE) + b"bye"

    stage.run(scene)


def test_a_client_that_closes_is_a_lost_session(stage: TlsStage) -> None:
    async def scene(server: TlsServer) -> None:
        async with server.connect() as (reader, writer):
            writer.write(b"ping")
            await reader.readexactly(4)
            writer.close()
            await until(lambda: server.sessions[0].losses == 1)

    stage.run(scene)


def test_a_client_that_reads_nothing_makes_its_session_wait(stage: TlsStage) -> None:
    stage.prototype = lambda: ToySession(endless=bytes(10_000))

    async def scene(server: TlsServer) -> None:
        async with server.connect() as (reader, writer):
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await until(lambda: len(server.sessions) == 1)
            sent = -1
            while sent != server.sessions[0].transmitted:
                sent = server.sessions[0].transmitted
                for _ in range(50):
                    await asyncio.sleep(0.002)
            assert 0 < sent < 20 * MEGABYTE
            writer.transport.resume_reading()  # type: ignore[attr-defined]
            await reader.readexactly(30 * MEGABYTE)

    stage.run(scene)


def test_input_that_is_not_wanted_stays_with_the_client(stage: TlsStage) -> None:
    class Full(ToySession):
        """Wants no more once it has some."""

        def receive(self, data: bytes) -> None:
            super().receive(data)
            self.wants_input = self.is_welcome

        is_welcome = False

    stage.prototype = Full

    async def scene(server: TlsServer) -> None:
        async with server.connect() as (reader, writer):
            await until(lambda: len(server.sessions) == 1)
            session = server.sessions[0]
            assert isinstance(session, Full)
            writer.write(bytes(30 * MEGABYTE))
            await until(lambda: len(session.received) > 0)
            for _ in range(100):
                await asyncio.sleep(0.002)
            assert 0 < len(session.received) < MEGABYTE
            session.wants_input = session.is_welcome = True
            session.wake()
            assert len(await reader.readexactly(30 * MEGABYTE)) == 30 * MEGABYTE

    stage.run(scene)


def test_a_client_that_reads_little_at_a_time_finds_nothing_left_in_a_record(stage: TlsStage) -> None:
    """As ncclient does: it looks at its socket, which tells of whole records alone."""
    stage.prototype = lambda: ToySession(output=bytearray(100_000))

    def read(address: tuple[str, int], context: ssl.SSLContext) -> int:
        count = 0
        with context.wrap_socket(socket.create_connection(address), server_hostname=address[0]) as client:
            while count < 100_000:
                assert select.select([client], [], [], 10)[0], "nothing to be seen, and not everything read"
                count += len(client.recv(4096))
                assert client.pending() == 0
        return count

    async def scene(server: TlsServer) -> None:
        context = server.folder.client_context(server.folder.ann)
        assert await asyncio.to_thread(read, ("127.0.0.1", server.port), context) == 100_000

    stage.run(scene)


# Trouble


def test_a_client_that_says_nothing_is_sent_away_in_time(stage: TlsStage) -> None:
    stage.login_seconds = 0.05

    async def scene(server: TlsServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert await reader.read() == b""
        await until(lambda: server.listener.connections == 0)
        assert (server.counters.abandoned, server.counters.timed_out) == (1, 1)
        writer.close()

    stage.run(scene)


def test_a_client_that_goes_by_itself_was_not_too_late(stage: TlsStage) -> None:
    async def scene(server: TlsServer) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await until(lambda: server.listener.connections == 1)
        writer.close()
        await until(lambda: server.listener.connections == 0)
        assert (server.counters.abandoned, server.counters.timed_out) == (1, 0)

    stage.run(scene)


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", b"SSH-2.0-scanner\r\n"])
def test_scanners_are_counted_and_leave_nothing_behind(stage: TlsStage, said: bytes) -> None:
    async def scene(server: TlsServer) -> None:
        before = open_files()
        for _ in range(100):
            with socket.create_connection(("127.0.0.1", server.port)) as scanner:
                scanner.sendall(said)
        await until(lambda: server.counters.connections == 100 and server.listener.connections == 0)
        assert server.counters.abandoned + server.counters.crowded_out == 100
        await until(lambda: open_files() <= before)
        async with server.connect() as (reader, writer):
            writer.write(b"ping")
            assert await reader.readexactly(4) == b"ping"

    assert len(stage.run(scene).sessions) == 1


@pytest.mark.parametrize("flights", [0.5, 1, 1.5], ids=["in its hello", "after it", "in what proves who it is"])
def test_a_client_that_goes_in_the_middle_of_the_handshake_was_never_there(stage: TlsStage, flights: float) -> None:
    async def scene(server: TlsServer) -> None:
        client = Handshake(server.folder.client_context(server.folder.ann))
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(client.flight()[: None if flights >= 1 else 100])
        if flights > 1:
            while not client.is_done:
                client.receive(await reader.read(65_536))
            writer.write(client.flight()[:100])
        writer.close()
        await until(lambda: server.counters.connections == 1 and server.listener.connections == 0)
        assert server.counters.abandoned == 1

    assert stage.run(scene).sessions == []


def test_of_many_half_open_connections_only_so_many_are_kept(stage: TlsStage) -> None:
    stage.admission = AdmissionLimits(logins=3)

    async def scene(server: TlsServer) -> None:
        opened = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(10)]
        await until(lambda: server.counters.crowded_out == 7)
        assert server.listener.connections == 3
        for _, writer in opened:
            writer.close()

    stage.run(scene)


def test_a_reset_in_the_middle_of_a_reply_is_a_lost_session(stage: TlsStage) -> None:
    stage.prototype = lambda: ToySession(endless=bytes(10_000))

    async def scene(server: TlsServer) -> None:
        before = open_files()
        for _ in range(20):
            async with server.connect() as (reader, writer):
                await reader.readexactly(10_000)
                writer.transport.abort()
        await until(lambda: [session.losses for session in server.sessions] == [1] * 20)
        await until(lambda: open_files() <= before)

    stage.run(scene)


def test_a_closing_listener_lets_sessions_send_what_they_have(stage: TlsStage) -> None:
    async def scene(server: TlsServer) -> None:
        async with server.connect() as (reader, writer):
            writer.write(b"ping")
            await reader.readexactly(4)
            server.sessions[0].output += bytes(MEGABYTE)
            closing = asyncio.create_task(server.listener.close())
            assert len(await reader.read()) == MEGABYTE
            await closing

    stage.run(scene)


@dataclass
class Home:
    """Where a client waits to be called, and what it does then."""

    server: TlsServer
    client: Callable[[socket.socket], Awaitable[None]]

    async def call(self, is_awaited: bool = True) -> bool:
        """Connect to it, and serve; return whether anybody had logged in, unless nobody waits for that."""
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as home:
            connected = socket.create_connection(home.getsockname())
            accepted, _ = home.accept()
        connected.setblocking(False)
        served = loop.create_task(self.server.listener.adopt(connected))
        await self.client(accepted)
        if not is_awaited:
            served.cancel()
        return is_awaited and await served


def test_a_connection_that_we_have_made_is_served_until_it_ends(stage: TlsStage) -> None:
    async def scene(server: TlsServer) -> None:
        async def client(accepted: socket.socket) -> None:
            context = server.folder.client_context(server.folder.ann)
            reader, writer = await asyncio.open_connection(sock=accepted, ssl=context, server_hostname="127.0.0.1")
            writer.write(b"ping")
            assert await reader.readexactly(4) == b"ping"
            writer.close()

        assert await Home(server, client).call()

    stage.run(scene)


def test_nobody_logs_in_on_one_that_is_closed_at_once(stage: TlsStage) -> None:
    async def scene(server: TlsServer) -> None:
        async def client(accepted: socket.socket) -> None:
            accepted.close()

        assert not await Home(server, client).call()

    assert stage.run(scene).sessions == []


def test_one_that_nobody_waits_for_any_more_goes_on(stage: TlsStage) -> None:
    async def scene(server: TlsServer) -> None:
        streams: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

        async def client(accepted: socket.socket) -> None:
            context = server.folder.client_context(server.folder.ann)
            streams.append(await asyncio.open_connection(sock=accepted, ssl=context, server_hostname="127.0.0.1"))

        await Home(server, client).call(is_awaited=False)
        reader, writer = streams[0]
        writer.write(b"ping")
        assert await reader.readexactly(4) == b"ping"
        writer.close()
        await until(lambda: server.listener.connections == 0)

    assert [session.losses for session in stage.run(scene).sessions] == [1]
