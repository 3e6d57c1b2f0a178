"""The certificate that the server shows over TLS: the operator's own, or one that is made at first use and kept."""

from __future__ import annotations

import secrets
import socket
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import asyncssh

from agent.app.errors import SettingsError
from agent.app.settings import TlsSettings
from agent.app.state import StateDirectory
from agent.core.crypto.issuing import Template, issue
from agent.core.crypto.x509 import AlternativeName, AlternativeNameType
from agent.core.world import SECOND
from agent.transport.certificate_names import CertificateNames
from agent.transport.tls import make_context

CERTIFICATE: Final = "tls_server_certificate.pem"
KEY: Final = "tls_server_key.pem"
KEY_BITS: Final = 2048
LIFETIME: Final = timedelta(days=3650)
SUBJECT: Final = "CN=ipsec-agent"
SERIAL_BITS: Final = 63
ALWAYS: Final = ("localhost", "127.0.0.1", "::1")
"""The names of this machine to itself."""


def load(settings: TlsSettings, state: StateDirectory, hosts: Iterable[str]) -> tuple[ssl.SSLContext, CertificateNames]:
    """Return what secures connections, and what tells whose a certificate is.

    A certificate that has to be made names `hosts`. SettingsError for a file that is of no use.
    """
    if settings.certificate is None or settings.key is None:
        certificate, key = own_certificate(state, hosts)
    else:
        certificate, key = settings.certificate, settings.key
    clients, revocations = settings.client_certificates, settings.client_revocations
    files = [path for path in (certificate, key, clients, revocations) if path is not None]
    for path in files:
        _require_readable(path)
    try:
        context = make_context(certificate, key, clients, revocations)
    except ssl.SSLError as error:
        *others, last = map(str, files)
        raise SettingsError(f"tls: {', '.join(others)} or {last} cannot be used: {error.reason}") from error
    except ValueError as error:
        raise SettingsError(f"tls.client-revocations: {revocations}: {error}") from error
    try:
        return context, CertificateNames(settings.names, clients.read_bytes())
    except ValueError as error:
        raise SettingsError(f"tls.client-certificates: {clients}: {error}") from error


def _require_readable(path: Path) -> None:
    try:
        path.open("rb").close()
    except OSError as error:
        raise SettingsError(f"tls: {path}: {error.strerror}") from error


def own_certificate(state: StateDirectory, hosts: Iterable[str]) -> tuple[Path, Path]:
    """Return the files of a certificate signed by itself, and of its key: made at first use, naming `hosts`."""
    if state.read(CERTIFICATE) is None or state.read(KEY) is None:
        key = asyncssh.generate_private_key("ssh-rsa", key_size=KEY_BITS).export_private_key("pkcs8-pem")
        names = dict.fromkeys((*ALWAYS, socket.gethostname(), *hosts))
        state.write(KEY, key)
        state.write(CERTIFICATE, issue(_template(names), key, key).encode())
    return state.path / CERTIFICATE, state.path / KEY


def _template(names: Iterable[str]) -> Template:
    now = int(time.time())
    return Template(
        serial=secrets.randbits(SERIAL_BITS) | 1,
        subject=SUBJECT,
        issuer=SUBJECT,
        not_before=(now - 3600) * SECOND,  # for clients whose clocks are behind
        not_after=(now + int(LIFETIME.total_seconds())) * SECOND,
        alternative_names=tuple(name for host in names if (name := _alternative_name(host)) is not None),
    )


def _alternative_name(host: str) -> AlternativeName | None:
    """Return a host as a certificate names it; None for one that cannot be named."""
    with suppress(ValueError):
        address = ip_address(host)
        return None if address.is_unspecified else AlternativeName(AlternativeNameType.IP_ADDRESS, str(address))
    return AlternativeName(AlternativeNameType.DNS_NAME, host) if host.isascii() and host else None
