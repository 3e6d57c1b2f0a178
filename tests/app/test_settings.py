"""Settings files and the texts of options."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import asyncssh
import bcrypt
import pytest

from agent.app.errors import SettingsError
from agent.app.settings import (
    IkeAddress,
    Limits,
    ListenAddress,
    Settings,
    User,
    load_settings,
    parse_ike_address,
    parse_listen_address,
    parse_time_scale,
)

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
KEY = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()


def load(folder: Path, text: str) -> Settings:
    path = folder / "settings.toml"
    path.write_text(text)
    return load_settings(path)


def test_a_full_settings_file_is_read(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        f"""
        listen = ["0.0.0.0:830", "[::1]:8830"]
        [limits]
        sessions = 10
        idle-seconds = 300
        [users.ann]
        password-hash = "{HASH}"
        authorized-keys = ["{KEY}"]
        groups = ["operators"]
        """,
    )
    assert settings == Settings(
        users=(User("ann", HASH, (KEY,), ("operators",)),),
        listen=(ListenAddress("0.0.0.0", 830), ListenAddress("::1", 8830)),
        limits=Limits(sessions=10, idle_seconds=300),
    )


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert load(tmp_path, "") == Settings()


def test_an_empty_table_of_users_is_nobody_and_not_the_default(tmp_path: Path) -> None:
    assert load(tmp_path, "[users]").users == ()


def test_a_secret_is_in_no_repr(tmp_path: Path) -> None:
    assert HASH not in repr(load(tmp_path, f'[users.ann]\npassword-hash = "{HASH}"'))


@pytest.mark.parametrize(
    ("text", "key", "complaint"),
    [
        ("lissten = []", "lissten", "known are users, listen, limits"),
        ("listen = 830", "listen", "a list of strings"),
        ("listen = [830]", "listen", "a list of strings"),
        ('listen = ["127.0.0.1:830", "127.0.0.1"]', "listen[1]", "HOST:PORT"),
        ("[limits]\nsessions = -1", "limits.sessions", "0 or more"),
        ("[limits]\nsessions = true", "limits.sessions", "0 or more"),
        ("[limits]\nsesions = 1", "limits.sesions", "known are sessions"),
        ("[users]\nann = 1", "users.ann", "a table"),
        ("[users.ann]", "users.ann.password-hash", "to log in"),
        ('[users.ann]\npassword-hash = "secret"', "users.ann.password-hash", "bcrypt"),
        ('[users.ann]\nauthorized-keys = ["ssh-rsa nonsense"]', "users.ann.authorized-keys[0]", "authorized_keys"),
        (f'[users.ann]\npassword-hash = "{HASH}"\ngroups = [1]', "users.ann.groups", "a list of strings"),
        (f'[users.ann]\npassword-hash = "{HASH}"\ngroup = "x"', "users.ann.group", "known are password-hash"),
    ],
)
def test_an_error_names_file_key_and_remedy(tmp_path: Path, text: str, key: str, complaint: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'settings.toml'}: {key}: ")
    assert complaint in message
    assert caught.value.exit_code == 2


def test_a_bad_password_hash_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, '[users.ann]\npassword-hash = "plain secret"')
    assert "plain secret" not in str(caught.value)


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"settings\.toml: .*line 2"):
        load(tmp_path, "listen = []\nusers = =")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: No such file"):
        load_settings(tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:8830", "127.0.0.1", 8830), ("[::1]:0", "::1", 0), ("gateway.example:830", "gateway.example", 830)],
)
def test_a_listen_address_survives_its_text(text: str, host: str, port: int) -> None:
    address = parse_listen_address(text)
    assert (address.host, address.port) == (host, port)
    assert str(address) == text


@pytest.mark.parametrize("text", ["", "8830", ":8830", "host:", "host:x", "host:-1", "host:65536", "::1:8830", "[]:1"])
def test_what_is_no_listen_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT|brackets|names no host"):
        parse_listen_address(text)


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.0.2.1", False),
        ("localhost.example", False),
    ],
)
def test_only_addresses_of_this_machine_alone_are_loopback(host: str, is_loopback: bool) -> None:
    assert ListenAddress(host, 1).is_loopback is is_loopback


@pytest.mark.parametrize(("text", "scale"), [("step", 0.0), ("1", 1.0), ("1000", 1000.0), ("0.5", 0.5)])
def test_a_time_scale_is_a_number_or_step(text: str, scale: float) -> None:
    assert parse_time_scale(text) == scale


@pytest.mark.parametrize("text", ["", "fast", "-1", "nan", "inf"])
def test_no_other_time_scale_is_taken(text: str) -> None:
    with pytest.raises(ValueError, match="step"):
        parse_time_scale(text)


@pytest.mark.parametrize(
    ("text", "address", "ports"),
    [
        ("192.0.2.1", "192.0.2.1", (500, 4500)),
        ("192.0.2.1:5500", "192.0.2.1", (5500, 4500)),
        ("192.0.2.1:5500,5501", "192.0.2.1", (5500, 5501)),
        ("127.0.0.1:0,0", "127.0.0.1", (0, 0)),
        ("[2001:db8::1]", "2001:db8::1", (500, 4500)),
        ("[2001:db8::1]:5500,5501", "2001:db8::1", (5500, 5501)),
    ],
)
def test_where_ike_is_spoken_is_an_address_and_two_ports(text: str, address: str, ports: tuple[int, int]) -> None:
    assert parse_ike_address(text) == IkeAddress(ip_address(address), *ports)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is not HOST"),
        ("2001:db8::1", "brackets"),
        ("192.0.2.1:500,", "is not HOST"),
        ("192.0.2.1:500,4500,1", "is not HOST"),
        ("192.0.2.1,4500", "is not HOST"),
        ("gateway.example:500", "no IP address"),
        ("[192.0.2.1", "is not HOST"),
        ("0.0.0.0", "no single address"),
        ("[::]:500", "no single address"),
        ("224.0.0.1", "no single address"),
        ("192.0.2.1:500,500", "are two"),
        ("192.0.2.1:65536", "to 65535"),
    ],
)
def test_what_is_no_address_for_ike_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse_ike_address(text)
