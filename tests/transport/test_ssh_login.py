"""How people log in over SSH, what is offered to them, and what becomes of those who do not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import asyncssh
import pytest
from asyncssh.public_key import SSHLocalKeyPair

from agent.transport.admission import AdmissionLimits
from agent.transport.login_throttle import ThrottleLimits
from agent.transport.ssh_connection import SshLimits
from tests.support.open_files import open_files
from tests.support.sessions import ToySession
from tests.support.ssh_server import Server, Stage, open_netconf, until


class Typist(asyncssh.SSHClient):
    """Answers each prompt of the method keyboard-interactive with one word."""

    def __init__(self, word: str) -> None:
        self._word = word
        self.prompts: list[tuple[str, bool]] = []

    def kbdint_auth_requested(self) -> str:
        return ""

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str]:
        self.prompts += prompts
        return [self._word for _ in prompts]


async def ping(connection: asyncssh.SSHClientConnection) -> None:
    """See that a session works."""
    writer, reader = await open_netconf(connection)
    writer.write(b"ping")
    assert await reader.readexactly(4) == b"ping"
    writer.close()


def test_a_password_can_be_typed_at_a_prompt_that_does_not_show_it(stage: Stage) -> None:
    typist = Typist("secret")

    async def scene(server: Server) -> None:
        async with server.connect(
            password=None, client_factory=lambda: typist, preferred_auth="keyboard-interactive"
        ) as connection:
            await ping(connection)

    stage.run(scene)
    assert typist.prompts == [("Password:", False)]


def test_a_wrong_word_at_the_prompt_is_refused_and_counted(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        with pytest.raises(asyncssh.DisconnectError, match="Too many authentication failures"):
            async with server.connect(
                password=None, client_factory=lambda: Typist("guess"), preferred_auth="keyboard-interactive"
            ):
                pass
        assert server.counters.failed_passwords == 3

    assert stage.run(scene).sessions == []


@pytest.mark.parametrize(
    "offer",
    [
        {"kex_algs": ["diffie-hellman-group14-sha1"]},
        {"kex_algs": ["diffie-hellman-group1-sha1"]},
        {"kex_algs": ["diffie-hellman-group-exchange-sha1"]},
        {"encryption_algs": ["aes128-cbc"]},
        {"encryption_algs": ["3des-cbc"]},
        {"encryption_algs": ["chacha20-poly1305@openssh.com"]},
        {"encryption_algs": ["aes128-ctr"], "mac_algs": ["hmac-sha1"]},
        {"encryption_algs": ["aes128-ctr"], "mac_algs": ["hmac-md5"]},
    ],
    ids=str,
)
def test_what_is_not_safe_any_more_is_not_offered(stage: Stage, offer: dict[str, Any]) -> None:
    async def scene(server: Server) -> None:
        with pytest.raises(asyncssh.KeyExchangeFailed):
            async with server.connect(**offer):
                pass
        await until(lambda: server.listener.connections == 0)
        assert server.counters.abandoned == 1

    stage.run(scene)


class OldKey(SSHLocalKeyPair):
    """A key of a client that knows no signatures but one kind, whatever the server announces."""

    def __init__(self, key: asyncssh.SSHKey, algorithm: bytes) -> None:
        super().__init__(key, key, None, None)
        self._only = algorithm
        self.set_sig_algorithm(algorithm)

    def set_sig_algorithm(self, sig_algorithm: bytes) -> None:
        super().set_sig_algorithm(self._only)


@pytest.mark.parametrize(("algorithm", "is_safe"), [(b"rsa-sha2-256", True), (b"ssh-rsa", False)])
def test_a_key_is_taken_by_a_safe_signature_and_not_by_one_with_sha1(
    stage: Stage, algorithm: bytes, is_safe: bool
) -> None:
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    stage.authenticator.keys["ann"] = [key.export_public_key().decode().strip()]
    logged_in = []

    async def scene(server: Server) -> None:
        with suppress(asyncssh.PermissionDenied):
            async with server.connect(password=None, client_keys=[OldKey(key, algorithm)]) as connection:
                await ping(connection)
                logged_in.append(connection)

    stage.run(scene)
    assert bool(logged_in) == is_safe


# Limits


async def guess(server: Server, password: str = "guess") -> None:
    """Try a wrong password, once."""
    with pytest.raises(asyncssh.PermissionDenied):
        async with server.connect(password=password, preferred_auth="password"):
            pass


def test_wrong_passwords_slow_the_next_ones_down_and_a_right_one_ends_it(stage: Stage) -> None:
    stage.throttle = ThrottleLimits(free_failures=2, first_wait=4.0)

    async def scene(server: Server) -> None:
        await guess(server)
        await guess(server)
        assert stage.waits == []
        await guess(server)
        async with server.connect() as connection:
            await ping(connection)
        await guess(server)
        assert server.counters.failed_passwords == 4

    stage.run(scene)
    assert [3.0 < wait <= 4.0 * (position + 1) for position, wait in enumerate(stage.waits)] == [True, True]


def test_a_try_that_has_no_turn_is_sent_away_unchecked(stage: Stage) -> None:
    stage.throttle = ThrottleLimits(free_failures=1, first_wait=60.0, longest_wait=60.0)

    async def scene(server: Server) -> None:
        await guess(server)
        await guess(server, "second")
        checked = len(stage.authenticator.checked)
        with pytest.raises(asyncssh.DisconnectError, match="Too many authentication failures"):
            async with server.connect():
                pass
        assert len(stage.authenticator.checked) == checked
        assert server.counters.slowed_tries == 2, "the second try waited, the third got no turn"

    stage.run(scene)


def test_one_user_has_only_so_many_sessions(stage: Stage) -> None:
    stage.admission = AdmissionLimits(sessions_of_a_user=1)

    async def scene(server: Server) -> None:
        async with server.connect() as first, server.connect() as second:
            writer, _ = await open_netconf(first)
            with pytest.raises(asyncssh.ChannelOpenError):
                await open_netconf(second)
            writer.close()
            await until(lambda: server.sessions[0].losses == 1)
            await open_netconf(second)
        assert server.counters.refused_sessions == 1

    assert len(stage.run(scene).sessions) == 2


def test_a_client_that_does_not_log_in_is_sent_away_in_time(stage: Stage) -> None:
    stage.limits = SshLimits(login_seconds=0.05)

    async def scene(server: Server) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        assert (await reader.read()).startswith(b"SSH-2.0-ipsec_agent")
        await until(lambda: server.listener.connections == 0)
        assert (server.counters.abandoned, server.counters.timed_out) == (1, 1)
        writer.close()

    stage.run(scene)


def test_a_client_that_goes_by_itself_was_not_too_late(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        await until(lambda: server.listener.connections == 1)
        writer.close()
        await until(lambda: server.listener.connections == 0)
        assert (server.counters.abandoned, server.counters.timed_out) == (1, 0)

    stage.run(scene)


@pytest.mark.parametrize(("attempts", "tried"), [(1, 1), (2, 2)])
def test_so_many_wrong_passwords_end_a_connection(stage: Stage, attempts: int, tried: int) -> None:
    stage.limits = SshLimits(login_attempts=attempts)

    async def scene(server: Server) -> None:
        with pytest.raises(asyncssh.DisconnectError, match="Too many authentication failures"):
            async with server.connect(password=None, client_factory=lambda: Typist("guess")):
                pass
        assert server.counters.failed_passwords == tried

    stage.run(scene)


def test_other_limits_hold_for_connections_to_come_and_for_no_others(stage: Stage) -> None:
    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            server.listener.limit(SshLimits(login_seconds=0.05, login_attempts=1, channels=1))
            await open_netconf(connection)
            await open_netconf(connection)
            with pytest.raises(asyncssh.DisconnectError):
                async with server.connect(password=None, client_factory=lambda: Typist("guess")):
                    pass
            assert server.counters.failed_passwords == 1
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            await reader.read()
            await until(lambda: server.counters.timed_out == 1)
            writer.close()

    stage.run(scene)


def test_without_limits_nothing_ends_by_itself(stage: Stage) -> None:
    stage.limits = SshLimits(login_seconds=0)
    stage.prototype = lambda: ToySession(output=bytearray(1_000_000), finish_on=b"bye")

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            writer, reader = await open_netconf(connection)
            writer.write(b"bye")
            assert len(await reader.read()) == 1_000_003
            await open_netconf(connection)

    stage.run(scene)


# Trouble


@pytest.mark.parametrize(
    "said",
    [b"", b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-scanner\r\n", b"SSH-2.0-scanner\r\n" + bytes(100), b"x" * 10_000],
    ids=["nothing", "HTTP", "a version", "a version and nonsense", "nonsense"],
)
def test_scanners_are_counted_and_leave_nothing_behind(
    stage: Stage, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            await ping(connection)
        await until(lambda: server.listener.connections == 0)
        before = open_files()
        for _ in range(100):
            with socket.create_connection(("127.0.0.1", server.port)) as scanner:
                scanner.sendall(said)
        await until(lambda: server.counters.connections == 101 and server.listener.connections == 0)
        assert server.counters.abandoned + server.counters.crowded_out == 100
        await until(lambda: open_files() <= before)
        async with server.connect() as connection:
            await ping(connection)

    assert len(stage.run(scene).sessions) == 2
    assert "Traceback" not in caplog.text


def test_of_many_that_do_not_log_in_only_so_many_are_kept(stage: Stage) -> None:
    stage.admission = AdmissionLimits(logins=3)

    async def scene(server: Server) -> None:
        opened = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(10)]
        await until(lambda: server.counters.crowded_out == 7)
        await until(lambda: server.listener.connections == 3)
        for _, writer in opened:
            writer.close()
        await until(lambda: server.listener.connections == 0)
        async with server.connect() as connection:
            await ping(connection)

    stage.run(scene)


def test_of_many_that_have_logged_in_and_do_nothing_only_so_many_are_kept(stage: Stage) -> None:
    stage.admission = AdmissionLimits(connections=2)

    async def scene(server: Server) -> None:
        async with server.connect() as connection:
            async with server.connect():
                with pytest.raises((OSError, asyncssh.Error)):
                    async with server.connect():
                        pass
                await ping(connection)
            await until(lambda: server.listener.connections == 1)
            async with server.connect() as another:
                await ping(another)
        assert server.counters.crowded_out == 1

    stage.run(scene)


def test_a_reset_in_the_middle_of_a_reply_is_a_lost_session(stage: Stage) -> None:
    stage.prototype = lambda: ToySession(endless=bytes(10_000))

    async def scene(server: Server) -> None:
        before = open_files()
        for _ in range(20):
            async with server.connect() as connection:
                _, reader = await open_netconf(connection)
                await reader.readexactly(10_000)
                connection.abort()
        await until(lambda: [session.losses for session in server.sessions] == [1] * 20)
        await until(lambda: open_files() <= before)

    stage.run(scene)
