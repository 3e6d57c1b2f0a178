"""Who a client certificate is: the rules of RFC 7407 section 4, which NETCONF over TLS uses (RFC 7589 section 7).

The rules are tried in order. A rule applies to a certificate whose fingerprint it has, or that was issued under a
trusted certificate whose fingerprint it has; the first rule that applies and gives a name decides.

Invariant: only the certificates that are passed in are trusted, and that the client's was verified is the caller's
business: nothing here checks a date or a purpose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from agent.transport.name_rules import MapType, NameRule

UNREADABLE: Final = (
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    ValueError,
)
"""What comes of extensions that are not there, and of those that OpenSSL has taken all the same."""


class CertificateNames:
    """Derives the names of users from their certificates."""

    def __init__(self, rules: Sequence[NameRule], trusted: bytes) -> None:
        """Take the rules in their order, and the trusted certificates in PEM. ValueError if they are none."""
        self._rules = tuple(rules)
        try:
            self._trusted = tuple(x509.load_pem_x509_certificates(trusted))
        except x509.InvalidVersion as error:
            raise ValueError(str(error)) from error

    def user(self, der: bytes) -> str | None:
        """Return whose certificate it is; None for nobody's. It must have been verified."""
        try:
            certificate = x509.load_der_x509_certificate(der)
            chain = [each.public_bytes(Encoding.DER) for each in (certificate, *self._issuers(certificate))]
            for rule in self._rules:
                if any(rule.fingerprint.is_of(member) for member in chain) and (name := _derive(rule, certificate)):
                    return name
        except (ValueError, x509.InvalidVersion):  # OpenSSL has taken what this parser does not
            return None
        return None

    def _issuers(self, certificate: x509.Certificate) -> Iterator[x509.Certificate]:
        """Yield the trusted certificates that a certificate was issued under, the nearest first."""
        left = list(self._trusted)
        while (issuer := next((each for each in left if _has_issued(each, certificate)), None)) is not None:
            yield issuer
            left.remove(issuer)
            certificate = issuer


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _derive(rule: NameRule, certificate: x509.Certificate) -> str | None:
    """Return the name that a rule gives a certificate it applies to, None when there is nothing to derive it from."""
    if rule.map_type is MapType.SPECIFIED:
        return rule.name
    if rule.map_type is MapType.COMMON_NAME:
        values = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return str(values[0].value) if values else None
    wanted = tuple(_ALTERNATIVES) if rule.map_type is MapType.SAN_ANY else (_KINDS[rule.map_type],)
    return next((_ALTERNATIVES[type(name)](name) for name in _alternatives(certificate) if type(name) in wanted), None)


def _alternatives(certificate: x509.Certificate) -> Iterator[x509.GeneralName]:
    """Yield the subject alternative names in the order of the certificate; none where this parser cannot read them."""
    try:
        yield from certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except UNREADABLE:
        return


def _mailbox(name: x509.GeneralName) -> str:
    local, at, host = str(name.value).rpartition("@")
    return f"{local}{at}{host.lower()}"


def _dns(name: x509.GeneralName) -> str:
    return str(name.value).lower()


def _address(name: x509.GeneralName) -> str | None:
    match name.value:
        case IPv4Address() as address:
            return str(address)
        case IPv6Address() as address:
            return address.packed.hex()
    return None


_ALTERNATIVES: Final[MappingProxyType[type[x509.GeneralName], Callable[[x509.GeneralName], str | None]]] = (
    MappingProxyType({x509.RFC822Name: _mailbox, x509.DNSName: _dns, x509.IPAddress: _address})
)
_KINDS: Final[MappingProxyType[MapType, type[x509.GeneralName]]] = MappingProxyType(
    {
        MapType.SAN_RFC822_NAME: x509.RFC822Name,
        MapType.SAN_DNS_NAME: x509.DNSName,
        MapType.SAN_IP_ADDRESS: x509.IPAddress,
    }
)
