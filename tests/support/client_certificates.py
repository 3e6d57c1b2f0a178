"""Certificates for both ends of TLS, made as they are needed: authorities, what they have issued, and strangers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def fingerprint(self) -> str:
        """As a tls-fingerprint, by SHA-256."""
        return "04:" + self.certificate.fingerprint(hashes.SHA256()).hex(":")

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """Write both as PEM files and return their paths."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(self.pem)
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, key


def dns(value: str) -> x509.GeneralName:
    return x509.DNSName(value)


def mail(value: str) -> x509.GeneralName:
    return x509.RFC822Name(value)


def ip(value: str) -> x509.GeneralName:
    return x509.IPAddress(ip_address(value))


def uri(value: str) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(value)


def identity(
    name: str | None,
    issuer: Identity | None = None,
    names: Sequence[x509.GeneralName] = (),
    is_authority: bool = False,
    until: datetime = NOW + DAY,
    extension: x509.ExtensionType | None = None,
) -> Identity:
    """Make a certificate with a common name, if there is one, signed by itself or by an issuer."""
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [] if name is None else [x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]
    subject = x509.Name(attributes)
    builder = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=subject if issuer is None else issuer.certificate.subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=NOW - 3 * DAY,
        not_valid_after=until,
    )
    builder = builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if extension is not None:
        builder = builder.add_extension(extension, critical=False)
    return Identity(builder.sign(key if issuer is None else issuer.key, hashes.SHA256()), key)


def read_identity(certificate: Path, key: Path) -> Identity:
    """Return what was written into files."""
    private = load_pem_private_key(key.read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    return Identity(x509.load_pem_x509_certificate(certificate.read_bytes()), private)


def revocation_list(issuer: Identity, *revoked: Identity, until: datetime = NOW + DAY) -> bytes:
    """Make the list (PEM) of an authority, in force since two days ago."""
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=issuer.certificate.subject, last_update=NOW - 2 * DAY, next_update=until
    )
    for each in revoked:
        entry = x509.RevokedCertificateBuilder(each.certificate.serial_number, NOW - 2 * DAY)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def authority(name: str = "authority", issuer: Identity | None = None) -> Identity:
    """Make one that may issue certificates."""
    return identity(name, issuer, is_authority=True)
