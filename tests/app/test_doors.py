"""Every address is listened on, or none; the limits are the same at every door; whom we call comes in by the same."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from agent.app.doors import Doors, Inside, check_tls, open_doors
from agent.app.errors import SettingsError
from agent.app.settings import CallHome, Kind, Limits, ListenAddress, ServeOptions, Settings, TlsSettings
from agent.app.state import StateDirectory
from agent.transport.endpoint import Peer
from agent.transport.name_rules import Fingerprint, MapType, NameRule
from tests.support.client_certificates import authority
from tests.support.sessions import ToyAuthenticator, ToySession
from tests.support.ssh_server import until

HERE = ListenAddress("127.0.0.1", 0)
HERE_OVER_TLS = ListenAddress("127.0.0.1", 0, Kind.TLS)
CLIENTS = authority()
LIMITS = Limits()


def settings(folder: Path, limits: Limits = LIMITS) -> Settings:
    rules = (NameRule(Fingerprint.parse(CLIENTS.fingerprint), MapType.COMMON_NAME),)
    return Settings(tls=TlsSettings(CLIENTS.write(folder, "clients")[0], rules), limits=limits)


def play(folder: Path, scene: Callable[[Doors, list[Peer]], Awaitable[None]], limits: Limits = LIMITS) -> list[Peer]:
    """Play a scene before doors with toy sessions behind them, and return who came in."""
    came: list[Peer] = []

    def make(peer: Peer, wake: Callable[[], None]) -> ToySession:
        came.append(peer)
        return ToySession()

    async def played() -> None:
        options = ServeOptions("toy", (HERE,), settings(folder, limits))
        inside = Inside(ToyAuthenticator({"ann": "secret"}), make, lambda: None)
        with StateDirectory.open(folder / "state") as state:
            doors = open_doors(options, inside, state)
        try:
            await scene(doors, came)
        finally:
            await doors.close()

    asyncio.run(played())
    return came


def test_each_address_says_what_netconf_runs_over_there(tmp_path: Path) -> None:
    async def scene(doors: Doors, came: list[Peer]) -> None:
        await doors.listen([HERE_OVER_TLS, HERE])
        assert [address.kind for address in doors.addresses] == [Kind.SSH, Kind.TLS]
        for address in doors.addresses:
            with socket.create_connection((address.host, address.port)):
                pass

    assert play(tmp_path, scene) == []


@pytest.mark.parametrize("kind", Kind)
def test_when_one_address_is_taken_none_is_kept(tmp_path: Path, kind: Kind) -> None:
    async def scene(doors: Doors, came: list[Peer]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
            await doors.listen([HERE, HERE_OVER_TLS, ListenAddress("127.0.0.1", taken.getsockname()[1], kind)])
        assert doors.addresses == ()

    play(tmp_path, scene)


def test_who_has_not_logged_in_counts_at_every_door(tmp_path: Path) -> None:
    async def scene(doors: Doors, came: list[Peer]) -> None:
        await doors.listen([HERE, HERE_OVER_TLS])
        sockets = [socket.create_connection((each.host, each.port)) for each in doors.addresses for _ in range(3)]
        await until(lambda: doors.admission.counters.crowded_out == 4)
        for each in sockets:
            each.close()

    play(tmp_path, scene, Limits(logins=2))


def test_other_limits_hold_at_every_door_from_now_on(tmp_path: Path) -> None:
    async def scene(doors: Doors, came: list[Peer]) -> None:
        await doors.listen([HERE, HERE_OVER_TLS])
        doors.limit(Limits(logins=2, login_seconds=1))
        sockets = [socket.create_connection((each.host, each.port)) for each in doors.addresses for _ in range(2)]
        await until(lambda: doors.admission.counters.crowded_out == 2)
        await until(lambda: doors.admission.counters.timed_out == 2)
        for each in sockets:
            each.close()

    play(tmp_path, scene)


def test_whom_we_call_logs_in_as_everybody_does(tmp_path: Path) -> None:
    async def scene(doors: Doors, came: list[Peer]) -> None:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as home:
            home.setblocking(False)
            doors.call([CallHome("client", (ListenAddress(*home.getsockname()),))])
            accepted, _ = await loop.sock_accept(home)
        async with asyncssh.connect(
            sock=accepted, username="ann", password="secret", known_hosts=None, config=None, client_keys=None
        ) as connection:
            await connection.open_session(subsystem="netconf", encoding=None)
            await until(lambda: len(came) == 1)

    (peer,) = play(tmp_path, scene)
    assert (peer.user, peer.transport) == ("ann", "netconf-ssh")


def test_what_is_to_run_over_tls_needs_settings_for_it(tmp_path: Path) -> None:
    with_tls = ServeOptions("toy", (HERE, HERE_OVER_TLS), settings(tmp_path))
    check_tls(with_tls)
    with pytest.raises(SettingsError, match=r"tls:127\.0\.0\.1:0 needs a table \[tls\]"):
        check_tls(replace(with_tls, settings=Settings()))
    called = CallHome("client", (ListenAddress("192.0.2.1", 4335, Kind.TLS),))
    with pytest.raises(SettingsError, match=r"tls:192\.0\.2\.1:4335 needs"):
        check_tls(ServeOptions("toy", (HERE,), Settings(call_home=(called,))))
