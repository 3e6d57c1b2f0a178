"""Settings files and the texts of options."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import asyncssh
import bcrypt
import pytest

from agent.app.errors import SettingsError
from agent.app.settings import (
    CallHome,
    IkeAddress,
    Kind,
    Limits,
    ListenAddress,
    Settings,
    TlsSettings,
    User,
    parse_ike_address,
    parse_listen_address,
    parse_time_scale,
)
from agent.app.settings_file import load_settings
from agent.transport.name_rules import Fingerprint, MapType, NameRule

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
        sessions-of-a-user = 3
        logins = 5
        idle-seconds = 300
        session-seconds = 86400
        [users.ann]
        password-hash = "{HASH}"
        authorized-keys = ["{KEY}"]
        groups = ["operators"]
        recovery = true
        """,
    )
    assert settings == Settings(
        users=(User("ann", HASH, (KEY,), ("operators",), may_recover=True),),
        listen=(ListenAddress("0.0.0.0", 830), ListenAddress("::1", 8830)),
        limits=Limits(sessions=10, sessions_of_a_user=3, logins=5, idle_seconds=300, session_seconds=86400),
    )


FINGERPRINT = "04" + ":ab" * 32
RULE = f'[[tls.cert-to-name]]\nfingerprint = "{FINGERPRINT}"\n'
TLS = '[tls]\nclient-certificates = "clients.pem"\n'


def test_how_tls_is_served_is_read_with_files_beside_the_settings(tmp_path: Path) -> None:
    rules = f'{RULE}map-type = "specified"\nname = "ann"\n{RULE}map-type = "san-any"\n'
    files = 'certificate = "/etc/server.pem"\nkey = "keys/server.key"\nclient-revocations = "crls.pem"\n'
    settings = load(tmp_path, f"{TLS}{files}{rules}")
    fingerprint = Fingerprint("sha256", b"\xab" * 32)
    assert settings.tls == TlsSettings(
        client_certificates=tmp_path / "clients.pem",
        names=(NameRule(fingerprint, MapType.SPECIFIED, "ann"), NameRule(fingerprint, MapType.SAN_ANY)),
        certificate=Path("/etc/server.pem"),
        key=tmp_path / "keys/server.key",
        client_revocations=tmp_path / "crls.pem",
    )


def test_whom_to_call_is_read(tmp_path: Path) -> None:
    text = """
        [call-home.orchestrator]
        endpoints = ["192.0.2.1", "tls:[2001:db8::1]:5000"]
        period-seconds = 3600
        start-with = "last-connected"
        max-attempts = 5
        max-wait-seconds = 300
        [call-home.other]
        endpoints = ["tls:client.example"]
        """
    assert load(tmp_path, text).call_home == (
        CallHome(
            "orchestrator",
            (ListenAddress("192.0.2.1", 4334), ListenAddress("2001:db8::1", 5000, Kind.TLS)),
            period_seconds=3600,
            start_with_last=True,
            attempts=5,
            longest_wait_seconds=300,
        ),
        CallHome("other", (ListenAddress("client.example", 4335, Kind.TLS),)),
    )


def test_with_tls_a_user_needs_neither_password_nor_key(tmp_path: Path) -> None:
    settings = load(tmp_path, f'{TLS}{RULE}map-type = "common-name"\n[users.ann]\ngroups = ["admin"]')
    assert settings.users == (User("ann", groups=("admin",)),)


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert load(tmp_path, "") == Settings()


def test_an_empty_table_of_users_is_nobody_and_not_the_default(tmp_path: Path) -> None:
    assert load(tmp_path, "[users]").users == ()


def test_a_secret_is_in_no_repr(tmp_path: Path) -> None:
    assert HASH not in repr(load(tmp_path, f'[users.ann]\npassword-hash = "{HASH}"'))


@pytest.mark.parametrize(
    ("text", "key", "complaint"),
    [
        ("lissten = []", "lissten", "known are users, listen, limits, tls, call-home"),
        ("listen = 830", "listen", "a list of strings"),
        ("listen = [830]", "listen", "a list of strings"),
        ('listen = ["127.0.0.1:830", "127.0.0.1"]', "listen[1]", "HOST:PORT"),
        ("[limits]\nsessions = -1", "limits.sessions", "0 or more"),
        ("[limits]\nsessions = true", "limits.sessions", "0 or more"),
        (f"[limits]\nidle-seconds = {2**63}", "limits.idle-seconds", "at most"),
        ("[limits]\nsesions = 1", "limits.sesions", "known are sessions"),
        ("tls = 1", "tls", "a table"),
        ("[tls]", "tls.client-certificates", "is needed"),
        (TLS, "tls.cert-to-name", "is needed"),
        (f'{TLS}key = "k"\n', "tls.certificate", "both given"),
        (f"{TLS}cert-to-name = [1]\n", "tls.cert-to-name", "a list of tables"),
        (f"{TLS}{RULE}", "tls.cert-to-name[0].fingerprint", "map-type are needed"),
        (f'{TLS}{RULE}map-type = "dn"\n', "tls.cert-to-name[0].map-type", "is one of specified, san-rfc822-name"),
        (f'{TLS}{RULE}map-type = "specified"\n', "tls.cert-to-name[0].name", "belongs to"),
        (f'{TLS}{RULE}map-type = "san-any"\nname = "ann"\n', "tls.cert-to-name[0].name", "belongs to"),
        (f'{TLS}[[tls.cert-to-name]]\nfingerprint = "04"\n', "tls.cert-to-name[0].fingerprint", "not as long"),
        (f'{TLS}[[tls.cert-to-name]]\nmap_type = "x"\n', "tls.cert-to-name[0].map_type", "known are fingerprint"),
        ("[call-home.x]", "call-home.x.endpoints", "is needed"),
        ('[call-home.x]\nendpoints = ["h:0"]', "call-home.x.endpoints[0]", "no port 0"),
        ('[call-home.x]\nendpoints = ["h:99999"]', "call-home.x.endpoints[0]", "HOST:PORT"),
        ('[call-home.x]\nendpoints = ["h"]\nstart-with = "any"', "call-home.x.start-with", "is one of first-listed"),
        ('[call-home.x]\nendpoints = ["h"]\nmax-attempts = 0', "call-home.x.max-attempts", "1 or more"),
        ('[call-home.x]\nendpoints = ["h"]\nfoo = 0', "call-home.x.foo", "known are endpoints"),
        ("[users]\nann = 1", "users.ann", "a table"),
        ("[users.ann]", "users.ann.password-hash", "to log in"),
        ('[users.ann]\npassword-hash = "secret"', "users.ann.password-hash", "bcrypt"),
        (f'[users.ann]\npassword-hash = "$2b$32${"a" * 53}"', "users.ann.password-hash", "bcrypt"),
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


@pytest.mark.parametrize(
    ("value", "complaint"), [("9" * 5000, "digits"), ("[" * 2000, "nested too deeply"), ("{a=" * 2000, "too deeply")]
)
def test_a_value_that_python_does_not_read_is_no_traceback(tmp_path: Path, value: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        load(tmp_path, f"listen = {value}")


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


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ssh:127.0.0.1:0", ListenAddress("127.0.0.1", 0)),
        ("tls:127.0.0.1:0", ListenAddress("127.0.0.1", 0, Kind.TLS)),
        ("tls:[::1]:6513", ListenAddress("::1", 6513, Kind.TLS)),
        ("tls:gateway:6513", ListenAddress("gateway", 6513, Kind.TLS)),
        ("tls:6513", ListenAddress("tls", 6513)),
    ],
)
def test_a_word_before_the_address_is_what_netconf_runs_over(text: str, address: ListenAddress) -> None:
    assert parse_listen_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8830",
        ":8830",
        "host:",
        "host:x",
        "host:-1",
        "host:65536",
        "::1:8830",
        "[]:1",
        "tls:",
        "tls:::1:6513",
        "udp:1.1.1.1:1",
    ],
)
def test_what_is_no_listen_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"HOST:PORT|brackets|names no host|no name of a host"):
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
