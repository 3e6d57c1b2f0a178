"""X.509 certificates and revocation lists as frozen values (RFC 5280), and who signed what.

Invariants: whatever cannot be read raises MalformedX509, and a value that was read holds nothing that would have to be
read again. Signatures are verified here over the signed octets, since the library refuses SHA-1, in which the
certificates of 2003 are signed. Known are RSA (PKCS #1 v1.5, PSS) with SHA-1 and SHA-2, and ECDSA with SHA-2. MD5 is
not: certificates that collide in it have been made.
"""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum, auto
from hashlib import sha256
from types import MappingProxyType
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from cryptography.utils import CryptographyDeprecationWarning

from agent.core.crypto.der import SEQUENCE, elements
from agent.core.crypto.pem import MalformedPem, decode_pem, render_pem
from agent.core.events import RevocationReason

CERTIFICATE_LABEL: Final = "CERTIFICATE"
CRL_LABEL: Final = "X509 CRL"

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_KNOWN_HASHES: Final = (hashes.SHA1, hashes.SHA224, hashes.SHA256, hashes.SHA384, hashes.SHA512)
_ATTRIBUTE_NAMES: Final = MappingProxyType({x509.NameOID.EMAIL_ADDRESS: "emailAddress"})
_HANDLED: Final = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage, x509.SubjectAlternativeName)
"""Extensions of a certificate that may be critical. What an extended key usage is for, nobody here asks."""

ExtensionType = TypeVar("ExtensionType", bound=x509.ExtensionType)


class MalformedX509(ValueError):
    """Octets that are no certificate, or no revocation list; the message says why."""


class AlternativeNameType(Enum):
    """The kinds of alternative names that are shown (RFC 5280 section 4.2.1.6)."""

    DNS_NAME = "dns-name"
    EMAIL_ADDRESS = "email-address"
    IP_ADDRESS = "ip-address"
    URI = "uri"


class SignatureCheck(Enum):
    """What became of the verification of a signature."""

    GOOD = auto()
    BAD = auto()
    UNSUPPORTED = auto()


@dataclass(frozen=True, slots=True)
class AlternativeName:
    """One further identity of a certificate's subject."""

    type: AlternativeNameType
    value: str


@dataclass(frozen=True, slots=True)
class DistinguishedName:
    """A name as it is shown, `C=us, O=x`: the most significant part first, escaped as in RFC 4514.

    Two names are the same when they differ in case, in white space and in their kinds of strings only (RFC 5280
    section 7.1).
    """

    text: str = field(compare=False)
    key: str = field(repr=False)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """A signature, what it covers, and how it was made; None for a way that is not known here."""

    content: bytes
    octets: bytes
    scheme: padding.PKCS1v15 | padding.PSS | ec.ECDSA | None
    hash: hashes.HashAlgorithm | None


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """A certificate. Times are in microseconds since the Unix epoch; `fingerprint` is the SHA-256 of `der`.

    `is_ca` is None without basic constraints, as in a version 1 certificate. `unhandled` names the critical extensions
    that are not understood here.
    """

    der: bytes = field(repr=False)
    fingerprint: bytes
    serial: int
    subject: DistinguishedName
    issuer: DistinguishedName
    not_before: int
    not_after: int
    alternative_names: tuple[AlternativeName, ...]
    is_ca: bool | None
    path_length: int | None
    may_sign_certificates: bool
    may_sign_crls: bool
    unhandled: tuple[str, ...]
    public_key: bytes = field(repr=False)
    signature: Signature = field(repr=False)

    @property
    def pem(self) -> str:
        """The certificate as text (RFC 7468)."""
        return render_pem(self.der, CERTIFICATE_LABEL)


@dataclass(frozen=True, slots=True)
class Revocation:
    """One certificate that is no longer good, by its serial number; `revoked_at` in microseconds."""

    serial: int
    revoked_at: int
    reason: RevocationReason


@dataclass(frozen=True, slots=True, eq=False)
class RevocationList:
    """A certificate revocation list. Times are in microseconds; `next_update` is None for one that does not say."""

    der: bytes = field(repr=False)
    fingerprint: bytes
    issuer: DistinguishedName
    this_update: int
    next_update: int | None
    number: int | None
    revoked: Mapping[int, Revocation] = field(repr=False)
    unhandled: tuple[str, ...]
    signature: Signature = field(repr=False)


def decode_certificate(data: bytes) -> Certificate:
    """Read a certificate in DER, or the one in a PEM text; MalformedX509 for anything else."""
    with _strictly():
        try:
            return _certificate(x509.load_der_x509_certificate(decode_pem(data, CERTIFICATE_LABEL)))
        except MalformedPem as error:
            raise MalformedX509(str(error)) from error
        except _LIBRARY_ERRORS as error:
            raise MalformedX509(f"this is no certificate: {_first_sentence(error)}") from error


def decode_crl(data: bytes) -> RevocationList:
    """Read a revocation list in DER, or the one in a PEM text; MalformedX509 for anything else."""
    with _strictly():
        try:
            return _crl(x509.load_der_x509_crl(decode_pem(data, CRL_LABEL)))
        except MalformedPem as error:
            raise MalformedX509(str(error)) from error
        except _LIBRARY_ERRORS as error:
            raise MalformedX509(f"this is no certificate revocation list: {_first_sentence(error)}") from error


def check_signature(signed: Certificate | RevocationList, issuer: Certificate) -> SignatureCheck:
    """Say whether the key of `issuer` made a signature."""
    signature = signed.signature
    try:
        key = load_der_public_key(issuer.public_key)
        match key, signature.scheme, signature.hash:
            case rsa.RSAPublicKey(), padding.PKCS1v15() | padding.PSS() as scheme, hashes.HashAlgorithm() as hash_:
                key.verify(signature.octets, signature.content, scheme, hash_)
            case ec.EllipticCurvePublicKey(), ec.ECDSA() as scheme, _:
                key.verify(signature.octets, signature.content, scheme)
            case _, None, _:
                return SignatureCheck.UNSUPPORTED
            case _:
                return SignatureCheck.BAD  # An algorithm that is not that of the key.
    except InvalidSignature:
        return SignatureCheck.BAD
    except (UnsupportedAlgorithm, ValueError):
        return SignatureCheck.UNSUPPORTED
    return SignatureCheck.GOOD


_LIBRARY_ERRORS: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    CryptographyDeprecationWarning,
)


@contextmanager
def _strictly() -> Iterator[None]:
    """Make errors of what the library only warns of, as of a serial number that is not positive.

    The lengths of the parts of names, which it warns of too, are nobody's business here.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        yield


def _first_sentence(error: Exception) -> str:
    return str(error).partition(". ")[0]


def _certificate(read: x509.Certificate) -> Certificate:
    der = read.public_bytes(Encoding.DER)
    extensions = read.extensions
    constraints = _extension(extensions, x509.BasicConstraints)
    usage = _extension(extensions, x509.KeyUsage)
    is_ca = constraints.ca if constraints is not None else None
    return Certificate(
        der=der,
        fingerprint=sha256(der).digest(),
        serial=read.serial_number,
        subject=_name(read.subject),
        issuer=_name(read.issuer),
        not_before=_instant(read.not_valid_before_utc),
        not_after=_instant(read.not_valid_after_utc),
        alternative_names=tuple(dict.fromkeys(_alternative_names(extensions))),
        is_ca=is_ca,
        path_length=constraints.path_length if constraints is not None else None,
        may_sign_certificates=usage.key_cert_sign if usage is not None else True,
        # Without a key usage every use is allowed, but only a CA has revocation lists to sign.
        may_sign_crls=usage.crl_sign if usage is not None else is_ca is True,
        unhandled=_unhandled(extensions, _HANDLED),
        public_key=read.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        signature=_signature(read, read.tbs_certificate_bytes),
    )


def _crl(read: x509.CertificateRevocationList) -> RevocationList:
    der = read.public_bytes(Encoding.DER)
    number = _extension(read.extensions, x509.CRLNumber)
    entries = tuple(read)
    unhandled = (name for each in entries for name in _unhandled(each.extensions, (x509.CRLReason,)))
    revoked = map(_revocation, entries)
    return RevocationList(
        der=der,
        fingerprint=sha256(der).digest(),
        issuer=_name(read.issuer),
        this_update=_instant(read.last_update_utc),
        next_update=_instant(read.next_update_utc) if read.next_update_utc is not None else None,
        number=number.crl_number if number is not None else None,
        revoked=MappingProxyType({each.serial: each for each in revoked}),
        unhandled=tuple(dict.fromkeys((*_unhandled(read.extensions, ()), *unhandled))),
        signature=_signature(read, read.tbs_certlist_bytes),
    )


def _revocation(read: x509.RevokedCertificate) -> Revocation:
    reason = _extension(read.extensions, x509.CRLReason)
    name = reason.reason.name if reason is not None else "unspecified"
    return Revocation(read.serial_number, _instant(read.revocation_date_utc), RevocationReason[name.upper()])


def _signature(read: x509.Certificate | x509.CertificateRevocationList, content: bytes) -> Signature:
    signed, algorithm, bits = elements(read.public_bytes(Encoding.DER))
    # The algorithm stands twice (section 4.1.1.2), and only one of the two is signed.
    if next(each for each in elements(signed) if each[0] == SEQUENCE) != algorithm:
        raise ValueError("its two signature algorithms differ")
    if not bits.endswith(b"\0" + read.signature):
        raise ValueError("its signature is not a whole number of octets")
    try:
        scheme, hash_ = read.signature_algorithm_parameters, read.signature_hash_algorithm
    except UnsupportedAlgorithm:
        return Signature(content, read.signature, None, None)
    is_known = isinstance(hash_, _KNOWN_HASHES) and isinstance(scheme, padding.PKCS1v15 | padding.PSS | ec.ECDSA)
    return Signature(content, read.signature, scheme if is_known else None, hash_)


def _extension(extensions: x509.Extensions, kind: type[ExtensionType]) -> ExtensionType | None:
    return next((each.value for each in extensions if isinstance(each.value, kind)), None)


def _unhandled(extensions: x509.Extensions, handled: tuple[type[x509.ExtensionType], ...]) -> tuple[str, ...]:
    critical = (each for each in extensions if each.critical)
    return tuple(each.oid.dotted_string for each in critical if not isinstance(each.value, handled))


def _alternative_names(extensions: x509.Extensions) -> Iterator[AlternativeName]:
    for each in _extension(extensions, x509.SubjectAlternativeName) or ():
        match each:
            case x509.DNSName(value=value):
                yield AlternativeName(AlternativeNameType.DNS_NAME, _printable(value))
            case x509.RFC822Name(value=value):
                yield AlternativeName(AlternativeNameType.EMAIL_ADDRESS, _printable(value))
            case x509.UniformResourceIdentifier(value=value):
                yield AlternativeName(AlternativeNameType.URI, _printable(value))
            case x509.IPAddress(value=value):
                yield AlternativeName(AlternativeNameType.IP_ADDRESS, str(value))


def _name(read: x509.Name) -> DistinguishedName:
    text = _printable(", ".join(part.rfc4514_string(_ATTRIBUTE_NAMES) for part in read.rdns))
    return DistinguishedName(text, " ".join(text.casefold().split()))


def _printable(text: str) -> str:
    r"""Escape what neither YANG nor XML takes, as RFC 4514 does: `\00`."""
    return "".join(each if each.isprintable() else _escaped(each) for each in text)


def _escaped(character: str) -> str:
    return "".join(f"\\{octet:02x}" for octet in character.encode("utf-8", "surrogatepass"))


def _instant(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
