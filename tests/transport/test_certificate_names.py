"""Whose a client certificate is, by the rules of RFC 7407 section 4."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from cryptography import x509

from agent.transport.certificate_names import CertificateNames
from agent.transport.name_rules import Fingerprint, MapType, NameRule
from tests.support.client_certificates import Identity, authority, dns, identity, ip, mail, uri

CA = authority()
NAMES = (uri("urn:x"), ip("192.0.2.1"), ip("2001:DB8::1"), dns("Ann.Example"), mail("Ann.B@Example.COM"))


def rule(of: Identity, map_type: MapType, name: str = "") -> NameRule:
    return NameRule(Fingerprint.parse(of.fingerprint), map_type, name)


def user(certificate: Identity, *rules: NameRule, trusted: Sequence[Identity] = (CA,)) -> str | None:
    return CertificateNames(rules, b"".join(each.pem for each in trusted)).user(certificate.der)


@pytest.mark.parametrize(
    ("map_type", "name"),
    [
        (MapType.SAN_RFC822_NAME, "Ann.B@example.com"),
        (MapType.SAN_DNS_NAME, "ann.example"),
        (MapType.SAN_IP_ADDRESS, "192.0.2.1"),
        (MapType.SAN_ANY, "192.0.2.1"),
        (MapType.COMMON_NAME, "Ann"),
    ],
)
def test_a_name_is_derived_from_the_certificate(map_type: MapType, name: str) -> None:
    assert user(identity("Ann", CA, NAMES), rule(CA, map_type)) == name


def test_an_address_of_ipv6_is_32_digits() -> None:
    certificate = identity("Ann", CA, [ip("2001:DB8::1")])
    assert user(certificate, rule(CA, MapType.SAN_IP_ADDRESS)) == "20010db8000000000000000000000001"


@pytest.mark.parametrize(
    ("name", "expected"), [(mail("A@B.C"), "A@b.c"), (dns("A.B"), "a.b"), (ip("192.0.2.9"), "192.0.2.9")]
)
def test_any_name_of_the_three_kinds_is_the_first_that_is_there(name: x509.GeneralName, expected: str) -> None:
    certificate = identity("Ann", CA, [uri("urn:first"), name, mail("last@x"), dns("last")])
    assert user(certificate, rule(CA, MapType.SAN_ANY)) == expected


@pytest.mark.parametrize("octets", [b"\x30\x02\xa3\x00", b"\x30\x02\xa5\x00", b"\x30\x05\x87\x03\x01\x02\x03", b"\xff"])
def test_names_that_cannot_be_read_are_none_and_the_next_rule_decides(octets: bytes) -> None:
    """An x400Address, an ediPartyName, an address of three octets, and no DER at all."""
    unreadable = x509.UnrecognizedExtension(x509.oid.ExtensionOID.SUBJECT_ALTERNATIVE_NAME, octets)
    certificate = identity("Ann", CA, extension=unreadable)
    assert user(certificate, rule(CA, MapType.SAN_ANY)) is None
    assert user(certificate, rule(CA, MapType.SAN_ANY), rule(CA, MapType.COMMON_NAME)) == "Ann"


def test_a_specified_name_says_nothing_of_the_certificate() -> None:
    ann = identity("Ann", CA)
    assert user(ann, rule(ann, MapType.SPECIFIED, "root")) == "root"


def test_a_rule_for_one_certificate_gives_no_other_a_name() -> None:
    ann, bob = identity("Ann", CA), identity("Bob", CA)
    assert user(bob, rule(ann, MapType.SPECIFIED, "ann")) is None


def test_the_first_rule_that_applies_decides() -> None:
    ann = identity("Ann", CA)
    rules = (rule(ann, MapType.SPECIFIED, "first"), rule(CA, MapType.COMMON_NAME))
    assert user(ann, *rules) == "first"
    assert user(identity("Bob", CA), *rules) == "Bob"


def test_a_rule_that_finds_no_name_gives_way_to_the_next() -> None:
    rules = (rule(CA, MapType.SAN_DNS_NAME), rule(CA, MapType.COMMON_NAME))
    assert user(identity("Ann", CA, [mail("a@b")]), *rules) == "Ann"
    assert user(identity("Ann", CA), *rules) == "Ann"


def test_a_certificate_without_a_name_is_nobodys() -> None:
    assert user(identity(None, CA), rule(CA, MapType.COMMON_NAME), rule(CA, MapType.SAN_ANY)) is None


def test_a_rule_for_an_authority_holds_below_those_that_it_has_authorized() -> None:
    lower = authority("lower", CA)
    ann = identity("Ann", lower)
    assert user(ann, rule(CA, MapType.COMMON_NAME), trusted=(lower, CA)) == "Ann"
    assert user(ann, rule(CA, MapType.COMMON_NAME), trusted=(CA,)) is None


def test_an_authority_of_the_same_name_is_another_one() -> None:
    impostor = authority()
    assert impostor.certificate.subject == CA.certificate.subject
    rules = rule(CA, MapType.COMMON_NAME)
    assert user(identity("Ann", impostor), rules, trusted=(CA, impostor)) is None


def test_a_certificate_that_is_trusted_by_itself_needs_no_authority() -> None:
    ann = identity("Ann")
    assert user(ann, rule(ann, MapType.COMMON_NAME), trusted=(ann,)) == "Ann"


def test_what_is_no_certificate_is_nobodys() -> None:
    assert CertificateNames((rule(CA, MapType.COMMON_NAME),), CA.pem).user(b"nonsense") is None


def test_trusted_certificates_that_are_none_are_an_error() -> None:
    with pytest.raises(ValueError, match="PEM"):
        CertificateNames((), b"nonsense")


@pytest.mark.parametrize(
    ("octet", "algorithm", "octets"),
    [("01", "md5", 16), ("02", "sha1", 20), ("03", "sha224", 28), ("04", "sha256", 32), ("05", "sha384", 48)],
)
def test_the_first_octet_of_a_fingerprint_is_its_algorithm(octet: str, algorithm: str, octets: int) -> None:
    assert Fingerprint.parse(":".join([octet] + ["aB"] * octets)) == Fingerprint(algorithm, b"\xab" * octets)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "01 to 06"),
        ("07:ab", "01 to 06"),
        ("04:ab", "not as long"),
        ("04" + ":ab" * 33, "not as long"),
        ("zz", "hexadecimal"),
    ],
)
def test_what_is_no_fingerprint_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Fingerprint.parse(text)
