"""Certificates and lists that openssl made are read as openssl reads them, and what cannot be read is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.crypto.x509 import (
    AlternativeName,
    AlternativeNameType,
    MalformedX509,
    SignatureCheck,
    check_signature,
    decode_certificate,
    decode_crl,
)
from agent.core.events import RevocationReason
from tests.support.certificates import instant, vector

LARGEST_SERIAL = 2**159 - 1
KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))


def made(subject: x509.Name, *extensions: x509.ExtensionType) -> bytes:
    """Return a certificate with a name and extensions as openssl does not make them."""
    builder = x509.CertificateBuilder(
        subject, subject, KEY.public_key(), 1, datetime(2003, 1, 1, tzinfo=UTC), datetime(2004, 1, 1, tzinfo=UTC)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(KEY, None).public_bytes(Encoding.DER)


def test_a_certificate_is_read_with_all_its_fields() -> None:
    leaf = decode_certificate(vector("leaf"))
    assert leaf.serial == LARGEST_SERIAL
    assert leaf.subject.text == "C=us, O=x, CN=leaf, emailAddress=leaf@example.com"
    assert leaf.issuer.text == "C=FI, O=Vectors, CN=Root"
    assert leaf.not_before == instant("2003-01-01T00:00:00Z")
    assert leaf.not_after == instant("2005-12-31T23:59:59Z")
    assert (leaf.is_ca, leaf.path_length) == (False, None)
    assert (leaf.may_sign_certificates, leaf.may_sign_crls) == (False, False)
    assert leaf.unhandled == ()


def test_each_alternative_name_is_read_once() -> None:
    assert decode_certificate(vector("leaf")).alternative_names == (
        AlternativeName(AlternativeNameType.DNS_NAME, "gw.example.com"),
        AlternativeName(AlternativeNameType.EMAIL_ADDRESS, "ops@example.com"),
        AlternativeName(AlternativeNameType.IP_ADDRESS, "192.0.2.7"),
        AlternativeName(AlternativeNameType.IP_ADDRESS, "2001:db8::7"),
        AlternativeName(AlternativeNameType.URI, "http://example.com/gw"),
    )


def test_what_a_ca_may_do_is_read() -> None:
    intermediate = decode_certificate(vector("intermediate"))
    assert (intermediate.is_ca, intermediate.path_length) == (True, 0)
    assert (intermediate.may_sign_certificates, intermediate.may_sign_crls) == (True, True)
    assert decode_certificate(vector("plain-root")).may_sign_crls is False


def test_a_version_1_certificate_does_not_say_whether_it_is_a_ca() -> None:
    root = decode_certificate(vector("v1-root"))
    assert (root.is_ca, root.may_sign_crls) == (None, False)


def test_a_critical_extension_that_is_not_understood_is_named() -> None:
    assert decode_certificate(vector("constrained")).unhandled == ("2.5.29.30",)


def test_der_and_pem_are_the_same_certificate() -> None:
    der = vector("leaf.der")
    assert decode_certificate(der).fingerprint == decode_certificate(vector("leaf")).fingerprint
    assert decode_certificate(vector("leaf")).der == der


def test_a_certificate_is_rendered_as_the_pem_it_was_read_from() -> None:
    assert decode_certificate(vector("leaf")).pem.encode() == vector("leaf")


def test_indentation_and_text_around_the_block_do_no_harm() -> None:
    indented = b"  Subject: whatever\n" + b"".join(b"    " + line + b"\r\n" for line in vector("leaf").splitlines())
    assert decode_certificate(indented).der == vector("leaf.der")


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "there are 0 whole blocks"),
        (b"hello", "there are 0 whole blocks"),
        (vector("leaf")[:200], "there are 0 whole blocks"),
        (vector("leaf") + vector("root"), "there are 2 whole blocks"),
        (vector("crl-1"), "not of a X509 CRL"),
        (vector("leaf").replace(b"CERTIFICATE", b"PRIVATE KEY"), "not of a PRIVATE KEY"),
        (vector("leaf").replace(b"MII", b"M*I"), "is not base64"),
        (vector("leaf.der")[:-1], "this is no certificate"),
        (vector("leaf.der") + b"\0", "this is no certificate"),
        (vector("crl-1.der"), "this is no certificate"),
    ],
)
def test_what_is_no_certificate_is_refused_with_the_reason(data: bytes, complaint: str) -> None:
    with pytest.raises(MalformedX509, match=complaint.replace("(", r"\(")):
        decode_certificate(data)


def test_a_serial_number_that_is_not_positive_is_refused() -> None:
    der = bytearray(vector("leaf.der"))
    at = der.index(LARGEST_SERIAL.to_bytes(20))
    der[at] = 0x80
    with pytest.raises(MalformedX509, match="wasn't positive"):
        decode_certificate(bytes(der))


def test_a_name_shows_what_it_cannot_show_as_escapes() -> None:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a\x01, \u202eb=c\u00e9")])
    assert decode_certificate(made(name)).subject.text == "CN=a\\01\\, \\e2\\80\\aeb=c\u00e9"


def test_a_name_with_parts_of_unusual_lengths_is_read_without_a_warning() -> None:
    with pytest.warns(UserWarning, match="length"):
        country = x509.NameAttribute(x509.NameOID.COUNTRY_NAME, "USA", _validate=False)
    der = made(x509.Name([country]))
    assert decode_certificate(der).subject.text == "C=USA"


def test_an_alternative_name_shows_what_it_cannot_show_as_escapes() -> None:
    names = x509.SubjectAlternativeName([x509.DNSName("a\0b"), x509.RegisteredID(x509.ObjectIdentifier("1.2.3"))])
    assert decode_certificate(made(x509.Name([]), names)).alternative_names == (
        AlternativeName(AlternativeNameType.DNS_NAME, "a\\00b"),
    )


def test_names_are_the_same_whatever_their_case_and_white_space() -> None:
    one, same, other = (
        decode_certificate(made(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)]))).subject
        for text in ("Company  ABC", "company abc", "companyabc")
    )
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert str(one) == "CN=Company  ABC"


@pytest.mark.parametrize(
    ("signed", "issuer", "expected"),
    [
        ("root", "root", SignatureCheck.GOOD),
        ("leaf", "root", SignatureCheck.GOOD),
        ("sha256-leaf", "root", SignatureCheck.GOOD),
        ("md5-leaf", "root", SignatureCheck.UNSUPPORTED),
        ("ec-root", "ec-root", SignatureCheck.GOOD),
        ("ec-leaf", "ec-root", SignatureCheck.GOOD),
        ("leaf", "impostor", SignatureCheck.BAD),
        ("ec-leaf", "root", SignatureCheck.BAD),
        ("leaf", "ec-root", SignatureCheck.BAD),
    ],
)
def test_a_signature_is_that_of_the_key_that_made_it(signed: str, issuer: str, expected: SignatureCheck) -> None:
    assert check_signature(decode_certificate(vector(signed)), decode_certificate(vector(issuer))) is expected


def test_a_signature_over_other_octets_is_bad() -> None:
    der = vector("leaf.der").replace(b"gw.example.com", b"ga.example.com")
    assert check_signature(decode_certificate(der), decode_certificate(vector("root"))) is SignatureCheck.BAD


@pytest.mark.parametrize(("name", "decode"), [("leaf.der", decode_certificate), ("crl-1.der", decode_crl)])
def test_a_signature_algorithm_that_is_not_the_one_that_is_signed_is_refused(
    name: str, decode: Callable[[bytes], object]
) -> None:
    der = bytearray(vector(name))
    sha1_with_rsa = bytes.fromhex("2a864886f70d010105")
    assert der.count(sha1_with_rsa) == 2
    der[der.rindex(sha1_with_rsa) + len(sha1_with_rsa) - 1] = 0x0B  # SHA-256
    with pytest.raises(MalformedX509, match=r"signature algorithms (differ|do not match)"):
        decode(bytes(der))


def test_a_signature_of_an_algorithm_that_is_not_known_is_unsupported() -> None:
    own = decode_certificate(made(x509.Name([])))
    assert check_signature(own, own) is SignatureCheck.UNSUPPORTED


def test_a_pss_signature_is_verified() -> None:
    key = rsa.generate_private_key(65537, 1024)
    builder = x509.CertificateBuilder(
        x509.Name([]), x509.Name([]), key.public_key(), 1, datetime(2003, 1, 1), datetime(2004, 1, 1)
    )
    scheme = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    own = decode_certificate(builder.sign(key, hashes.SHA256(), rsa_padding=scheme).public_bytes(Encoding.DER))
    assert check_signature(own, own) is SignatureCheck.GOOD
    assert check_signature(own, decode_certificate(vector("root"))) is SignatureCheck.BAD


def test_a_list_is_read_with_all_its_fields() -> None:
    crl = decode_crl(vector("crl-2"))
    assert (crl.issuer.text, crl.number, crl.unhandled) == ("C=FI, O=Vectors, CN=Root", 2, ())
    assert crl.this_update == instant("2003-03-10T00:00:00Z")
    assert crl.next_update == instant("2003-04-10T00:00:00Z")
    assert {serial: (each.serial, each.reason) for serial, each in crl.revoked.items()} == {
        3: (3, RevocationReason.SUPERSEDED),
        0x63: (0x63, RevocationReason.UNSPECIFIED),
        LARGEST_SERIAL: (LARGEST_SERIAL, RevocationReason.KEY_COMPROMISE),
    }
    assert crl.revoked[3].revoked_at == instant("2003-03-01T12:00:00Z")


def test_a_list_in_der_is_the_one_in_pem() -> None:
    assert decode_crl(vector("crl-1.der")).fingerprint == decode_crl(vector("crl-1")).fingerprint


def test_a_list_of_a_part_of_the_certificates_names_its_critical_extension() -> None:
    assert decode_crl(vector("crl-partial")).unhandled == ("2.5.29.28",)


def test_the_signature_of_a_list_is_that_of_its_issuer() -> None:
    root, impostor = decode_certificate(vector("root")), decode_certificate(vector("impostor"))
    assert check_signature(decode_crl(vector("crl-1")), root) is SignatureCheck.GOOD
    assert check_signature(decode_crl(vector("crl-1")), impostor) is SignatureCheck.BAD
    assert check_signature(decode_crl(vector("crl-md5")), root) is SignatureCheck.UNSUPPORTED


def test_a_certificate_is_no_list() -> None:
    with pytest.raises(MalformedX509, match="not of a CERTIFICATE"):
        decode_crl(vector("leaf"))


def test_every_reason_of_the_library_has_a_name_of_ours() -> None:
    assert {reason.name.upper() for reason in x509.ReasonFlags} == {reason.name for reason in RevocationReason}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_certificate_that_was_tampered_with_is_read_or_refused_and_never_good(data: st.DataObject) -> None:
    original = vector("leaf.der")
    der = bytearray(original)
    at = data.draw(st.integers(0, len(der) - 1))
    der[at] = data.draw(st.integers(0, 255).filter(lambda octet: octet != original[at]))
    try:
        read = decode_certificate(bytes(der))
    except MalformedX509:
        return
    assert read.fingerprint != decode_certificate(original).fingerprint
    assert check_signature(read, decode_certificate(vector("root"))) is not SignatureCheck.GOOD


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_list_that_was_tampered_with_is_read_or_refused_and_never_good(data: st.DataObject) -> None:
    original = vector("crl-1.der")
    der = bytearray(original)
    at = data.draw(st.integers(0, len(der) - 1))
    der[at] = data.draw(st.integers(0, 255).filter(lambda octet: octet != original[at]))
    try:
        read = decode_crl(bytes(der))
    except MalformedX509:
        return
    assert check_signature(read, decode_certificate(vector("root"))) is not SignatureCheck.GOOD


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=80).map(lambda octets: b"\x30" + octets))
def test_arbitrary_octets_are_refused_as_malformed(octets: bytes) -> None:
    for decode in (decode_certificate, decode_crl):
        with pytest.raises(MalformedX509):
            decode(octets)
