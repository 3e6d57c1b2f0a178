"""The program under those who operate it: monitoring, reload on SIGHUP, an end with SIGTERM, root given up."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import bcrypt
import pytest
from lxml import etree
from ncclient import manager
from ncclient.manager import Manager
from ncclient.operations import RPCError
from ncclient.transport.errors import AuthenticationError, SSHError, TransportError

from agent.app.audit import FILE_NAME
from tests.support.served import Served, served

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def user(name: str, password: str = "a password") -> str:
    """Return a user as a settings file has one."""
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    return f'[users.{name}]\npassword-hash = "{hashed}"\ngroups = ["admin"]\n'


def login(server: Served, name: str = "ann", password: str = "a password") -> Manager:
    """Log in over NETCONF."""
    return manager.connect(
        host=server.host,
        port=server.port,
        username=name,
        password=password,
        hostkey_verify=False,
        allow_agent=False,
        look_for_keys=False,
        timeout=60,
    )


def attempt(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a serve that must not come up."""
    command = [sys.executable, "-m", "agent", "serve", "--listen", "127.0.0.1:0", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, stdin=subprocess.DEVNULL)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A settings file with one user, and with monitoring."""
    path = tmp_path / "settings.toml"
    path.write_text(f'[monitoring]\nlisten = "127.0.0.1:0"\n{user("ann")}')
    return path


@pytest.fixture
def server(tmp_path: Path, settings: Path) -> Iterator[Served]:
    """The chapter, served with these settings."""
    with served(tmp_path / "state", "--scenario", "chapter", "--settings", str(settings)) as running:
        yield running


def page(server: Served, path: str) -> str:
    """Return what monitoring answers."""
    host, port = server.http[0]
    with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=60) as answer:
        return str(answer.read().decode())


def until_logged(server: Served, text: str) -> str:
    """Read the log up to a line with a text in it, and return that line."""
    assert server.process.stderr is not None
    for line in server.process.stderr:
        if text in line:
            return line
    raise AssertionError(f"never logged: {text}")


def test_metrics_and_health_are_served_where_the_line_that_says_ready_tells(server: Served) -> None:
    with login(server) as session:
        session.get_config("running")
        metrics = page(server, "/metrics")
    assert 'ipsec_agent_rpcs_total{operation="get-config",outcome="ok"} 1.0' in metrics
    assert 'ipsec_agent_sessions{transport="netconf-ssh"} 1.0' in metrics
    assert json.loads(page(server, "/healthz"))["status"] == "ok"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        page(server, "/")


def test_a_person_is_told_how_to_come_to_the_prompt_and_how_to_netconf(server: Served) -> None:
    line = until_logged(server, "connect with")
    command = f"ssh -p {server.port} ann@{server.host}"
    assert line == f"connect with: {command}   or, for NETCONF: {command} -s netconf   (users ann)\n"


def test_an_address_that_is_not_loopback_is_refused_for_monitoring(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('[monitoring]\nlisten = "0.0.0.0:9830"')
    refused = attempt("--settings", str(path), "--state-dir", str(tmp_path / "state"))
    assert refused.returncode == 2
    assert "loopback" in refused.stderr


def test_settings_are_read_again_on_a_hangup(server: Served, settings: Path) -> None:
    session = login(server)
    settings.write_text(f'[monitoring]\nlisten = "127.0.0.1:0"\n[limits]\nsessions = 1\n{user("bea")}')
    server.process.send_signal(signal.SIGHUP)
    until_logged(server, "read again")
    with pytest.raises((TransportError, SSHError)):
        session.get_config("running")
    with pytest.raises(AuthenticationError):
        login(server)
    with login(server, "bea") as other:
        assert other.connected
        with pytest.raises((TransportError, SSHError)):
            login(server, "bea")


IMPORT = '<import-certificate xmlns="urn:ipsec-agent:certificates"><pem>{}</pem></import-certificate>'


def imported(session: Manager) -> str:
    """Import what is no certificate, and return the tag of the refusal."""
    with pytest.raises(RPCError) as refused:
        session.dispatch(etree.fromstring(IMPORT.format("no certificate")))
    return str(refused.value.tag)


def test_limits_of_the_device_hold_from_the_next_hangup_on(server: Served, settings: Path) -> None:
    with login(server) as session:
        assert imported(session) == "invalid-value"
        limits = "[limits]\nhalf-open-ike = 5\nhalf-open-ike-of-a-peer = 2\ncertificate-bytes = 5\n"
        settings.write_text(limits + settings.read_text())
        server.process.send_signal(signal.SIGHUP)
        until_logged(server, "read again")
        assert imported(session) == "resource-denied"
    assert 'ipsec_agent_limits_exceeded_total{limit="certificate-bytes"} 1.0' in page(server, "/metrics")


def test_settings_of_no_use_change_nothing(server: Served, settings: Path) -> None:
    settings.write_text("nonsense = 1")
    server.process.send_signal(signal.SIGHUP)
    assert "nonsense" in until_logged(server, "stay as they were")
    with login(server) as session:
        assert session.connected


def test_what_needs_a_start_is_named(server: Served, settings: Path) -> None:
    changed = settings.read_text().replace("[monitoring]", 'listen = ["127.0.0.1:0"]\n[monitoring]')
    settings.write_text(f"{changed}\n[limits]\nhalf-open-ike = 5\n")
    server.process.send_signal(signal.SIGHUP)
    assert server.process.stderr is not None
    named = []
    for line in server.process.stderr:
        named += [line] if "next start" in line else []
        if "read again" in line:
            break
    assert ["listen: takes effect at the next start" in line for line in named] == [True], "every limit is taken over"


def test_a_request_that_is_being_answered_is_answered_before_the_end(server: Served) -> None:
    session = login(server)
    session.async_mode = True
    requests = [session.get() for _ in range(3)]
    requests[0].event.wait(20)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=60) == 0
    for request in requests:
        request.event.wait(20)
    whole = [request.reply is not None and request.reply.ok for request in requests]
    assert whole[0]
    assert sorted(whole, reverse=True) == whole, "none is answered after one that is not"


def last_words(server: Served, number: signal.Signals, before: Callable[[], object] = lambda: None) -> str:
    """Come to the prompt as ann, send the program a signal, and return what is shown until the prompt is closed."""

    async def play() -> str:
        options = {"password": "a password", "known_hosts": None, "client_keys": None, "config": None}
        async with asyncssh.connect(server.host, server.port, username="ann", **options) as connection:
            prompt = await connection.create_process(term_type="xterm", encoding="utf-8")
            await prompt.stdout.readuntil("ann@host> ")
            before()
            server.process.send_signal(number)
            return str(await prompt.stdout.read())

    return asyncio.run(play())


def test_who_is_at_the_prompt_is_told_of_the_end(server: Served) -> None:
    assert "closed: the device is shut down" in last_words(server, signal.SIGTERM)
    assert server.process.wait(timeout=10) == 0


def test_who_is_at_the_prompt_and_is_no_user_any_more_is_shown_out(server: Served, settings: Path) -> None:
    said = last_words(server, signal.SIGHUP, lambda: settings.write_text(user("bea")))
    assert "closed: you are no user any more" in said
    login(server, "bea").close_session()


def test_a_service_manager_is_told_of_a_reload_and_of_the_end(
    tmp_path: Path, settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(address)
        told.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        with served(tmp_path / "state", "--settings", str(settings)) as server:
            assert told.recv(100) == b"READY=1"
            server.process.send_signal(signal.SIGHUP)
            assert told.recv(100).startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert told.recv(100) == b"READY=1"
        assert told.recv(100) == b"STOPPING=1"


def test_logins_and_those_that_were_refused_are_audited(server: Served) -> None:
    with pytest.raises(AuthenticationError):
        login(server, "ann", "wrong")
    login(server).close_session()
    lines = [json.loads(line) for line in (server.state_directory / FILE_NAME).read_text().splitlines()]
    logins = [(line["user"], line["source"], line["result"]) for line in lines if line["operation"] == "login"]
    assert logins == [("ann", "127.0.0.1", "access-denied"), ("ann", "127.0.0.1", "ok")]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody can get to, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@needs_root
def test_root_is_given_up_once_the_ports_are_taken(open_folder: Path, settings: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    settings.write_text(f'run-as = "nobody"\n{settings.read_text()}')
    with served(open_folder / "state", "--settings", str(settings), "--listen", "127.0.0.1:0") as server:
        status = dict(
            line.split(":\t", 1) for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
        )
        assert set(status["Uid"].split()) == {str(nobody.pw_uid)}
        assert set(status["Gid"].split()) == {str(nobody.pw_gid)}
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
        login(server).close_session()
        owners = {path.stat().st_uid for path in server.state_directory.iterdir()}
        modes = {stat.S_IMODE(path.stat().st_mode) for path in server.state_directory.iterdir()}
    assert owners == {nobody.pw_uid}
    assert modes == {0o600}


@needs_root
def test_a_state_directory_that_cannot_be_got_to_any_more_is_a_refusal(tmp_path: Path, settings: Path) -> None:
    settings.write_text(f'run-as = "nobody"\n{settings.read_text()}')
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    refused = attempt("--settings", str(settings), "--state-dir", str(closed / "state"))
    assert refused.returncode == 2
    assert "nobody cannot get to" in refused.stderr
    assert "ready" not in refused.stdout


@pytest.mark.parametrize("who", ["root", "nobody-of-this-name", "nobody:no-group-of-this-name"])
def test_nobody_to_become_is_a_usage_error_before_anything_is_made(tmp_path: Path, who: str) -> None:
    path = tmp_path / "settings.toml"
    path.write_text(f'run-as = "{who}"')
    refused = attempt("--settings", str(path), "--state-dir", str(tmp_path / "state"))
    assert refused.returncode == 2
    assert "run-as" in refused.stderr
    assert not (tmp_path / "state").exists()


def test_a_request_that_takes_longer_than_the_end_may_is_refused_before_it(tmp_path: Path, settings: Path) -> None:
    options = ("--scenario", "chapter", "--time-scale", "step", "--settings", str(settings))
    with served(tmp_path / "state", *options) as server:
        session = login(server)
        session.async_mode = True
        seconds = f"<seconds>{3_000_000_000}</seconds>"
        century = etree.fromstring(f'<advance-time xmlns="urn:ipsec-agent:emulation">{seconds}</advance-time>')
        request = session.dispatch(century)
        session.async_mode = False
        with login(server) as other:
            other.get_config("running")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(timeout=60) == 0
        request.event.wait(20)
        assert request.reply is not None
        assert request.reply.error is not None
        assert "ended before this was done" in request.reply.error.message
