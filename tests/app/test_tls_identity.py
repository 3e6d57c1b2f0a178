"""The certificate that the server shows over TLS."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from agent.app.errors import SettingsError
from agent.app.settings import TlsSettings
from agent.app.state import StateDirectory
from agent.app.tls_identity import load, own_certificate
from agent.transport.name_rules import Fingerprint, MapType, NameRule
from tests.support.client_certificates import NOW, authority, identity, revocation_list

CLIENTS = authority()
RULES = (NameRule(Fingerprint.parse(CLIENTS.fingerprint), MapType.COMMON_NAME),)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateDirectory]:
    with StateDirectory.open(tmp_path / "state") as opened:
        yield opened


def clients(folder: Path) -> Path:
    return CLIENTS.write(folder, "clients")[0]


def test_it_is_made_once_and_kept_for_its_owner_alone(state: StateDirectory) -> None:
    certificate, key = own_certificate(state, ())
    first = certificate.read_bytes(), key.read_bytes()
    assert own_certificate(state, ("another.example",)) == (certificate, key)
    assert (certificate.read_bytes(), key.read_bytes()) == first
    assert key.stat().st_mode & 0o077 == 0


def test_it_names_this_machine_and_where_it_listens(state: StateDirectory) -> None:
    certificate, _ = own_certificate(state, ("192.0.2.1", "gateway.example", "0.0.0.0", "::"))
    (made,) = x509.load_pem_x509_certificates(certificate.read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.IPAddress)
    assert {"localhost", "gateway.example"} <= set(names.get_values_for_type(x509.DNSName))
    assert addresses == [ip_address("127.0.0.1"), ip_address("::1"), ip_address("192.0.2.1")]


def test_it_is_good_for_years_and_for_clocks_that_are_behind(state: StateDirectory) -> None:
    certificate, _ = own_certificate(state, ())
    (made,) = x509.load_pem_x509_certificates(certificate.read_bytes())
    assert made.not_valid_before_utc < NOW
    assert made.not_valid_after_utc > NOW + timedelta(days=3000)


def test_the_operators_own_is_shown_instead(state: StateDirectory, tmp_path: Path) -> None:
    certificate, key = identity("ours").write(tmp_path, "ours")
    context, names = load(TlsSettings(clients(tmp_path), RULES, certificate, key), state, ())
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert names.user(identity("ann", CLIENTS).der) == "ann"
    assert not (state.path / "tls_server_key.pem").exists()


@pytest.mark.parametrize("missing", ["clients", "certificate", "key"])
def test_a_file_that_is_not_there_is_named(state: StateDirectory, tmp_path: Path, missing: str) -> None:
    certificate, key = identity("ours").write(tmp_path, "ours")
    files = {"clients": clients(tmp_path), "certificate": certificate, "key": key}
    files[missing].unlink()
    with pytest.raises(SettingsError, match=f"{files[missing].name}: No such file"):
        load(TlsSettings(files["clients"], RULES, certificate, key), state, ())


@pytest.mark.parametrize("spoilt", ["clients", "certificate", "key"])
def test_a_file_of_nonsense_is_an_error_of_the_settings(state: StateDirectory, tmp_path: Path, spoilt: str) -> None:
    certificate, key = identity("ours").write(tmp_path, "ours")
    files = {"clients": clients(tmp_path), "certificate": certificate, "key": key}
    files[spoilt].write_text("nonsense")
    with pytest.raises(SettingsError, match=r"^tls"):
        load(TlsSettings(files["clients"], RULES, certificate, key), state, ())


@pytest.mark.parametrize(("content", "complaint"), [(b"nonsense", "cannot be used"), (CLIENTS.pem, "something else")])
def test_revocation_lists_that_are_none_are_an_error_of_the_settings(
    state: StateDirectory, tmp_path: Path, content: bytes, complaint: str
) -> None:
    lists = tmp_path / "crls.pem"
    settings = TlsSettings(clients(tmp_path), RULES, client_revocations=lists)
    with pytest.raises(SettingsError, match=r"crls\.pem: No such file"):
        load(settings, state, ())
    lists.write_bytes(content)
    with pytest.raises(SettingsError, match=complaint):
        load(settings, state, ())
    lists.write_bytes(revocation_list(CLIENTS))
    context, _ = load(settings, state, ())
    assert context.verify_flags & ssl.VERIFY_CRL_CHECK_LEAF


def test_a_key_that_is_another_certificates_is_an_error_of_the_settings(state: StateDirectory, tmp_path: Path) -> None:
    certificate, _ = identity("ours").write(tmp_path, "ours")
    _, key = identity("other").write(tmp_path, "other")
    with pytest.raises(SettingsError, match="cannot be used"):
        load(TlsSettings(clients(tmp_path), RULES, certificate, key), state, ())
