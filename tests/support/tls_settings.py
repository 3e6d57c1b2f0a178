"""A settings file for the running program: TLS with an authority for clients, and clients to be called."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.support.client_certificates import Identity, authority, identity


@dataclass(frozen=True)
class TlsSettingsFile:
    """Whoever has a certificate of `clients` is who its common name says."""

    folder: Path
    clients: Identity = field(default_factory=lambda: authority("clients"))

    def write(self, *more: str) -> Path:
        """Write it, with more tables behind, and return its path."""
        self.clients.write(self.folder, "clients")
        path = self.folder / "settings.toml"
        rule = f'[[tls.cert-to-name]]\nfingerprint = "{self.clients.fingerprint}"\nmap-type = "common-name"\n'
        path.write_text("\n".join(['[tls]\nclient-certificates = "clients.pem"\n', rule, *more]))
        return path

    def user(self, name: str) -> tuple[Path, Path]:
        """Return the files of a user's certificate and key."""
        return identity(name, self.clients).write(self.folder, name)

    @staticmethod
    def server_certificate(state_directory: Path) -> Path:
        """Return the file of the certificate that the server has made for itself."""
        return state_directory / "tls_server_certificate.pem"
