"""The SSH transport, with asyncssh's client over the loopback interface and toy sessions behind it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import asyncssh
import pytest
from asyncssh.constants import MSG_IGNORE

from agent.transport.admission import AdmissionLimits
from agent.transport.endpoint import Peer
from agent.transport.ssh import RECEIVE_WINDOW_BYTES
from agent.transport.ssh_connection import SshLimits
from tests.support.sessions import ToyAuthenticator, ToySession
from tests.support.ssh_server import Server, Stage, open_netconf, until

MEGABYTE = 1_000_000


async def come_to_rest(quantity: Callable[[], int]) -> int:
    """Let the loop turn until a quantity has not changed for many turns, and return it."""
    last, same = quantity(), 0
    while same < 50:
        await asyncio.sleep(0.002)
        now = quantity()
        last, same = now, same + 1 if now == last else 0
    return last


def test_a_session_carries_bytes_both_ways(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            writer, reader = await open_netconf(connection)
            writer.write(b"hello")
            assert await reader.readexactly(5) == b"hello"

    assert stage.run(scene).sessions[0].received == b"hello"


def test_the_session_learns_who_its_peer_is(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            await open_netconf(connection)
            port = connection.get_extra_info("sockname")[1]
            assert server.sessions[0].peer == Peer("ann", "127.0.0.1", port, "netconf-ssh")

    stage.run(scene)


def test_the_device_is_brought_up_to_now_before_each_input(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            writer, reader = await open_netconf(connection)
            assert server.inputs == 0
            writer.write(b"ping")
            await reader.readexactly(4)
            assert server.inputs == 1

    stage.run(scene)


def test_the_device_may_look_ahead_after_each_input(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            writer, reader = await open_netconf(connection)
            assert server.ends_of_input == 0
            writer.write(b"ping")
            await reader.readexactly(4)
            assert server.ends_of_input == 1

    stage.run(scene)


def test_nothing_is_sent_that_says_nothing(stage: Stage) -> None:
    kinds: list[int] = []

    def note(kind: int, *rest: object, **more: object) -> None:
        kinds.append(kind)

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            connection.log_received_packet = note  # type: ignore[method-assign, assignment]
            writer, reader = await open_netconf(connection)
            for _ in range(3):
                writer.write(b"ping")
                await reader.readexactly(4)
            server.sessions[0].output += b"more"
            server.sessions[0].wake()
            await reader.readexactly(4)

    stage.run(scene)
    assert kinds
    assert MSG_IGNORE not in kinds


def test_a_session_may_speak_first(stage: Stage) -> None:
    stage.prototype = lambda: ToySession(output=bytearray(b"<hello/>"))

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            _, reader = await open_netconf(connection)
            assert await reader.readexactly(8) == b"<hello/>"

    stage.run(scene)


def test_several_sessions_share_one_connection(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            streams = [await open_netconf(connection) for _ in range(3)]
            for number, (writer, _) in enumerate(streams):
                writer.write(b"session %d" % number)
            for number, (_, reader) in enumerate(streams):
                assert await reader.readexactly(9) == b"session %d" % number

    assert [bytes(session.received) for session in stage.run(scene).sessions] == [
        b"session 0",
        b"session 1",
        b"session 2",
    ]


def test_an_ended_session_leaves_the_others_of_its_connection(stage: Stage) -> None:
    stage.prototype = lambda: ToySession(finish_on=b"bye")

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            first, first_reader = await open_netconf(connection)
            second, second_reader = await open_netconf(connection)
            first.write(b"bye")
            assert await first_reader.read() == b"bye"
            second.write(b"ping")
            assert await second_reader.readexactly(4) == b"ping"

    stage.run(scene)


def test_a_wrong_password_is_refused(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        with pytest.raises(asyncssh.PermissionDenied):
            async with server.connect(password="guess"):
                pass

    assert stage.run(scene).sessions == []


def test_too_many_wrong_passwords_end_the_connection(stage: Stage) -> None:
    class Guesser(asyncssh.SSHClient):
        def password_auth_requested(self) -> str:
            return "guess"

    async def scene(server: Server) -> None:
        with pytest.raises(asyncssh.DisconnectError, match="Too many authentication failures"):
            async with server.connect(password=None, client_factory=Guesser, preferred_auth="password"):
                pass

    stage.run(scene)
    assert stage.authenticator.checked == ["ann"] * 3


@pytest.mark.parametrize("is_quick", [True, False])
def test_a_password_is_checked_in_the_loops_thread_only_where_that_is_quick(stage: Stage, is_quick: bool) -> None:
    threads = []

    class Observed(ToyAuthenticator):
        def check_password(self, user: str, password: str) -> bool:
            threads.append(threading.current_thread())
            return super().check_password(user, password)

    stage.authenticator = Observed(stage.authenticator.passwords, is_quick=is_quick)

    async def scene(server: Server) -> None:
        async with server.connect():
            assert [thread is threading.current_thread() for thread in threads] == [is_quick]
        with pytest.raises(asyncssh.PermissionDenied):
            async with server.connect(password="wrong"):
                pass

    stage.run(scene)


def test_a_slow_password_check_holds_nobody_up(stage: Stage) -> None:
    release = threading.Event()

    class Slow(ToyAuthenticator):
        def check_password(self, user: str, password: str) -> bool:
            self.checked.append(password)
            return password != "slow" or release.wait()

    stage.authenticator = Slow()

    async def log_in_slowly(server: Server) -> None:
        async with server.connect(password="slow"):
            pass

    async def scene(server: Server) -> None:
        slow = asyncio.create_task(log_in_slowly(server))
        await until(lambda: stage.authenticator.checked == ["slow"])
        async with server.connect() as connection:
            writer, reader = await open_netconf(connection)
            writer.write(b"ping")
            assert await reader.readexactly(4) == b"ping"
        assert not slow.done()
        release.set()
        await slow

    stage.run(scene)


def test_a_known_key_logs_in(stage: Stage) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    stage.authenticator.keys["ann"] = [key.export_public_key().decode().strip()]

    async def scene(server: Server) -> None:
        async with server.connect(password=None, client_keys=[key]) as connection:
            await open_netconf(connection)

    stage.run(scene)
    assert stage.authenticator.checked == []


def test_an_unknown_key_is_refused(stage: Stage) -> None:
    known, unknown = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    stage.authenticator.keys["ann"] = [known.export_public_key().decode().strip()]

    async def scene(server: Server) -> None:
        with pytest.raises(asyncssh.PermissionDenied):
            async with server.connect(password=None, client_keys=[unknown]):
                pass

    stage.run(scene)


@pytest.mark.parametrize("algorithm", ["ssh-ed25519", "rsa-sha2-256"])
def test_the_server_shows_either_host_key(stage: Stage, algorithm: str) -> None:
    async def scene(server: Server) -> None:
        async with server.connect(server_host_key_algs=[algorithm]) as connection:
            key = connection.get_server_host_key()
            assert key is not None
            assert key.get_algorithm() == ("ssh-ed25519" if algorithm == "ssh-ed25519" else "ssh-rsa")

    stage.run(scene)


@pytest.mark.parametrize(
    "request_",
    [{"subsystem": "sftp"}, {"command": "id"}, {}],
    ids=["another subsystem", "a command", "a shell"],
)
def test_nothing_but_netconf_is_served(stage: Stage, request_: dict[str, str]) -> None:
    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_session(request_.get("command", ()), subsystem=request_.get("subsystem", ()))

    assert stage.run(scene).sessions == []


def test_no_port_is_forwarded(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            with pytest.raises(asyncssh.ChannelOpenError):
                await connection.open_connection("127.0.0.1", server.port)
            with pytest.raises(asyncssh.ChannelListenError):
                await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", server.port)

    stage.run(scene)


def test_more_sessions_than_allowed_are_refused(stage: Stage) -> None:
    stage.admission = AdmissionLimits(sessions=2)

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            streams = [await open_netconf(connection) for _ in range(2)]
            with pytest.raises(asyncssh.ChannelOpenError):
                await open_netconf(connection)
            streams[0][0].close()
            await until(lambda: server.sessions[0].losses == 1)
            await open_netconf(connection)

    assert len(stage.run(scene).sessions) == 3


def test_a_finished_session_closes_after_all_of_its_output(stage: Stage) -> None:
    stage.prototype = lambda: ToySession(output=bytearray(3 * MEGABYTE), finish_on=b"bye")

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            writer, reader = await open_netconf(connection)
            writer.write(b"bye")
            assert await reader.read() == bytes(3 * MEGABYTE) + b"bye"

    stage.run(scene)


def test_a_client_that_sends_no_more_gets_what_is_ready(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            writer, reader = await open_netconf(connection)
            writer.write(bytes(MEGABYTE))
            writer.write_eof()
            assert len(await reader.read()) == MEGABYTE

    stage.run(scene)


def test_a_vanished_client_is_a_lost_session(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            await open_netconf(connection)
            connection.abort()
        await until(lambda: server.sessions[0].losses == 1)

    stage.run(scene)


def test_a_client_that_reads_nothing_makes_its_session_wait(stage: Stage) -> None:
    stage.prototype = lambda: ToySession(endless=bytes(10_000))

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            await open_netconf(connection, window=MEGABYTE)
            sent = await come_to_rest(lambda: server.sessions[0].transmitted)
            assert MEGABYTE <= sent <= 2 * MEGABYTE

    stage.run(scene)


@dataclass
class Relay:
    """A TCP relay in front of a server that can stop reading from it."""

    port: int
    is_reading: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.port)
        upward = asyncio.create_task(self._copy(reader, server_writer))
        while data := await server_reader.read(65_536):
            writer.write(data)
            await self.is_reading.wait()
        writer.close()
        await upward

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()


def test_a_client_that_stops_reading_its_socket_makes_its_session_wait(stage: Stage) -> None:
    """Its window allows far more than the socket takes: only TCP can hold the server back."""
    stage.prototype = lambda: ToySession(finish_on=b"bye")

    async def scene(server: Server) -> None:
        relay = Relay(server.port)
        relay.is_reading.set()
        async with await asyncio.start_server(relay.serve, "127.0.0.1", 0) as door:
            address = door.sockets[0].getsockname()
            async with server.connect(host=address[0], port=address[1]) as connection:
                writer, reader = await open_netconf(connection, window=1000 * MEGABYTE)
                session = server.sessions[0]
                relay.is_reading.clear()
                session.output += bytes(100 * MEGABYTE)
                session.wake()
                sent = await come_to_rest(lambda: session.transmitted)
                assert 0 < sent < 20 * MEGABYTE
                relay.is_reading.set()
                writer.write(b"bye")
                assert len(await reader.read()) == 100 * MEGABYTE + 3

    stage.run(scene)


def test_input_that_is_not_wanted_stays_with_the_client(stage: Stage) -> None:
    class Full(ToySession):
        """Wants no more once it has some."""

        def receive(self, data: bytes) -> None:
            super().receive(data)
            self.wants_input = self.is_welcome

        is_welcome = False

    stage.prototype = Full

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            writer, reader = await open_netconf(connection)
            session = server.sessions[0]
            assert isinstance(session, Full)
            writer.write(bytes(4 * RECEIVE_WINDOW_BYTES))
            unsent = await come_to_rest(writer.channel.get_write_buffer_size)
            assert unsent >= 2 * RECEIVE_WINDOW_BYTES
            assert 0 < len(session.received) < RECEIVE_WINDOW_BYTES
            session.wants_input = session.is_welcome = True
            session.wake()
            assert len(await reader.readexactly(4 * RECEIVE_WINDOW_BYTES)) == 4 * RECEIVE_WINDOW_BYTES

    stage.run(scene)


def test_a_connection_without_a_session_is_closed_in_time(stage: Stage) -> None:
    stage.limits = SshLimits(login_seconds=1.0)  # the login itself must come through on a busy machine

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            await connection.wait_closed()

    stage.run(scene)


def test_a_closing_listener_lets_sessions_send_what_they_have(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            _, reader = await open_netconf(connection)
            session = server.sessions[0]
            session.output += bytes(MEGABYTE)
            closing = asyncio.create_task(server.listener.close())
            assert len(await reader.read()) == MEGABYTE
            await closing

    stage.run(scene)


def test_a_closed_listener_takes_no_connection(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        port = server.port
        await server.listener.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))

    stage.run(scene)
