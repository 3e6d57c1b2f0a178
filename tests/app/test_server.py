"""`ipsec-agent serve` from the outside: readiness, its end, and what it refuses to begin with."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.free_port import free_port
from tests.support.real_tunnel import RealTunnel
from tests.support.served import served
from tests.support.tls_settings import TlsSettingsFile


def attempt(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a serve that must not come up."""
    command = [sys.executable, "-m", "agent", "serve", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, stdin=subprocess.DEVNULL)


def test_the_state_directory_is_its_owners_alone_and_kept(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with served(state):
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        keys = {path.name: path.read_bytes() for path in state.iterdir() if path.name != "lock"}
        modes = {stat.S_IMODE((state / name).stat().st_mode) for name in keys}
    assert {"ssh_host_ed25519_key", "ssh_host_rsa_key", "sealing-key"} <= keys.keys()
    assert modes == {0o600}
    with served(state):
        assert {path.name: path.read_bytes() for path in state.iterdir() if path.name != "lock"} == keys


def test_a_second_process_does_not_get_the_state_directory(tmp_path: Path) -> None:
    with served(tmp_path / "state"):
        refused = attempt("--listen", "127.0.0.1:0", "--state-dir", str(tmp_path / "state"))
    assert refused.returncode == 1
    assert "in use" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_every_listening_address_is_in_the_line_that_says_ready(tmp_path: Path) -> None:
    with served(tmp_path / "state", "--listen", "127.0.0.1:0") as server:
        assert len(set(server.addresses)) == 2
        for address in server.addresses:
            with socket.create_connection(address, timeout=60) as connection:
                assert connection.recv(7) == b"SSH-2.0"


def test_an_interrupt_ends_it_cleanly(tmp_path: Path) -> None:
    with served(tmp_path / "state") as server:
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(timeout=60) == 0


def test_a_service_manager_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(60)
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        with served(tmp_path / "state"):
            assert manager.recv(100) == b"READY=1"


def test_default_passwords_are_not_offered_to_other_machines(tmp_path: Path) -> None:
    refused = attempt("--listen", "0.0.0.0:0", "--state-dir", str(tmp_path / "state"))
    assert refused.returncode == 2
    assert "default passwords" in refused.stderr
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--scenario", "nonsense"), "there is no scenario 'nonsense'"),
        (("--settings", os.devnull + "/none"), "none"),
        (("--time-scale", "-1"), "time-scale"),
        (("--listen", "nowhere"), "listen"),
    ],
)
def test_a_usage_error_exits_with_2_and_one_message(arguments: tuple[str, ...], complaint: str, tmp_path: Path) -> None:
    refused = attempt("--state-dir", str(tmp_path / "state"), *arguments)
    assert refused.returncode == 2, refused.stderr
    assert complaint in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_port_that_is_taken_is_a_refusal(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = attempt("--listen", f"127.0.0.1:{taken.getsockname()[1]}", "--state-dir", str(tmp_path / "state"))
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


# Over TLS, and called


def test_an_address_for_tls_is_in_the_line_that_says_ready(tmp_path: Path) -> None:
    settings = TlsSettingsFile(tmp_path).write()
    with served(tmp_path / "state", "--settings", str(settings), "--listen", "tls:127.0.0.1:0") as server:
        assert len(server.tls) == 1
        assert server.tls[0] not in server.addresses
        with socket.create_connection(server.tls[0], timeout=60) as connection:
            connection.sendall(b"no TLS")
            assert not connection.recv(100).startswith(b"SSH")


def test_default_passwords_are_not_taken_elsewhere_by_call_home(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text('[call-home.client]\nendpoints = ["192.0.2.1"]')
    refused = attempt("--settings", str(settings), "--state-dir", str(tmp_path / "state"))
    assert refused.returncode == 2
    assert "call home to 192.0.2.1:4334 leads to another machine" in refused.stderr
    assert not (tmp_path / "state").exists()


def test_a_client_that_is_never_there_delays_nothing(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'[call-home.client]\nendpoints = ["127.0.0.1:{free_port()}"]')
    with (
        served(tmp_path / "state", "--settings", str(settings)) as server,
        socket.create_connection(server.addresses[0], timeout=60) as connection,
    ):
        assert connection.recv(7) == b"SSH-2.0"


# IKE with real peers


def test_the_ports_for_ike_are_in_the_line_that_says_ready(tmp_path: Path) -> None:
    scenario = RealTunnel(is_bound=False).write(tmp_path)
    with served(tmp_path / "state", "--scenario", str(scenario), "--ike", "127.0.0.1:0,0") as server:
        (host, port), (nat_host, nat_port) = server.ike
        assert host == nat_host == "127.0.0.1"
        assert 0 < port != nat_port > 0
        for number in (port, nat_port):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other, pytest.raises(OSError, match="in use"):
                other.bind((host, number))


def test_a_port_for_ike_that_is_taken_is_a_refusal_that_names_it(tmp_path: Path) -> None:
    scenario = RealTunnel(is_bound=False).write(tmp_path)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        arguments = ("--scenario", str(scenario), "--ike", f"127.0.0.1:0,{port}", "--listen", "127.0.0.1:0")
        refused = attempt("--state-dir", str(tmp_path / "state"), *arguments)
    assert refused.returncode == 1
    assert refused.stderr == f"ipsec-agent: UDP port {port} of 127.0.0.1: Address already in use\n"


def test_a_device_that_cannot_be_reached_at_the_address_says_so_and_goes_on(tmp_path: Path) -> None:
    scenario = RealTunnel(is_bound=False).write(tmp_path)
    with served(tmp_path / "state", "--scenario", str(scenario), "--ike", "127.0.0.9:0,0") as server:
        server.process.send_signal(signal.SIGTERM)
        assert server.process.stderr is not None
        assert "no tunnel of the device has the source 127.0.0.9" in server.process.stderr.read()
