"""Making certificates (RFC 5280) for scenarios, which need some that fit their date.

Invariant: the same input gives the same octets. The signature is RSA of PKCS #1 v1.5 with SHA-256, which draws no
chance; the library makes none with SHA-1, though it would be of the time.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from agent.core.crypto.x509 import AlternativeName, AlternativeNameType
from agent.core.events import RevocationReason

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_YEAR: Final = 1950
_SEPARATOR: Final = re.compile(r"(?<!\\), ")


@dataclass(frozen=True, slots=True)
class Template:
    """What a certificate is to say. Names are as shown, `C=us, O=x`; times are in microseconds, cut to seconds."""

    serial: int
    subject: str
    issuer: str
    not_before: int
    not_after: int
    alternative_names: tuple[AlternativeName, ...] = ()
    is_ca: bool = False
    may_sign_crls: bool = False


@dataclass(frozen=True, slots=True)
class RevokedSerial:
    """One entry of a revocation list; the time is in microseconds, cut to seconds."""

    serial: int
    revoked_at: int
    reason: RevocationReason


@dataclass(frozen=True, slots=True)
class CrlTemplate:
    """What a revocation list is to say; names and times as in a certificate's template."""

    issuer: str
    this_update: int
    next_update: int
    revoked: tuple[RevokedSerial, ...] = ()


def issue_crl(template: CrlTemplate, issuer_key: bytes) -> str:
    """Return a revocation list (PEM), signed by an RSA key in PEM without a password; ValueError as for `issue`."""
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=_name(template.issuer),
        last_update=_moment(template.this_update),
        next_update=_moment(template.next_update),
        revoked_certificates=[_revoked(each) for each in template.revoked],
    )
    return builder.sign(_key(issuer_key), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def issue(template: Template, subject_key: bytes, issuer_key: bytes) -> str:
    """Return a certificate (PEM) for one RSA key, signed by another; both are private keys in PEM without a password.

    Raises ValueError for what is no such key, name, or certificate.
    """
    constraints = x509.BasicConstraints(ca=template.is_ca, path_length=None)
    builder = x509.CertificateBuilder(
        issuer_name=_name(template.issuer),
        subject_name=_name(template.subject),
        public_key=_key(subject_key).public_key(),
        serial_number=template.serial,
        not_valid_before=_moment(template.not_before),
        not_valid_after=_moment(template.not_after),
    )
    builder = builder.add_extension(constraints, critical=True).add_extension(_usage(template), critical=True)
    if template.alternative_names:
        names = x509.SubjectAlternativeName(_general_names(template.alternative_names))
        builder = builder.add_extension(names, critical=False)
    return builder.sign(_key(issuer_key), hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def _revoked(entry: RevokedSerial) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder(entry.serial, _moment(entry.revoked_at))
    if entry.reason is not RevocationReason.UNSPECIFIED:  # which is said by saying nothing (RFC 5280 section 5.3.1)
        builder = builder.add_extension(
            x509.CRLReason(x509.ReasonFlags[entry.reason.value.replace("-", "_")]), critical=False
        )
    return builder.build()


def _key(pem: bytes) -> RSAPrivateKey:
    key = load_pem_private_key(pem, password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("an RSA key is expected")
    return key


def _name(text: str) -> x509.Name:
    """Read a name as it is shown: RFC 4514 has the same parts the other way round."""
    return x509.Name(reversed(x509.Name.from_rfc4514_string(_SEPARATOR.sub(",", text)).rdns))


def _usage(template: Template) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not template.is_ca,
        content_commitment=False,
        key_encipherment=not template.is_ca,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=template.is_ca,
        crl_sign=template.may_sign_crls,
        encipher_only=False,
        decipher_only=False,
    )


def _general_names(names: tuple[AlternativeName, ...]) -> Iterator[x509.GeneralName]:
    for name in names:
        match name.type:
            case AlternativeNameType.DNS_NAME:
                yield x509.DNSName(name.value)
            case AlternativeNameType.EMAIL_ADDRESS:
                yield x509.RFC822Name(name.value)
            case AlternativeNameType.IP_ADDRESS:
                yield x509.IPAddress(ip_address(name.value))
            case AlternativeNameType.URI:
                yield x509.UniformResourceIdentifier(name.value)


def _moment(at: int) -> datetime:
    """Return a time as a date; ValueError for one that no certificate can have (RFC 5280 section 4.1.2.5)."""
    try:
        moment = (_EPOCH + timedelta(microseconds=at)).replace(microsecond=0)
    except OverflowError as error:
        raise ValueError("a date is beyond the years 1 to 9999") from error
    if moment.year < FIRST_YEAR:
        raise ValueError(f"a date is before the year {FIRST_YEAR}")
    return moment
