"""Certificates that are made say what they were to say, and are the same each time."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from agent.core.crypto.issuing import Template, issue
from agent.core.crypto.x509 import (
    AlternativeName,
    AlternativeNameType,
    SignatureCheck,
    check_signature,
    decode_certificate,
)
from tests.support.certificates import instant, shipped

ROOT = Path(__file__).parents[3]
KEY, ISSUER_KEY = shipped("chapter-22314868.key"), shipped("chapter-root.key")
NAMES = tuple(
    AlternativeName(kind, value)
    for kind, value in zip(
        AlternativeNameType, ("gw.example.com", "ops@example.com", "2001:db8::1", "http://example.com/"), strict=True
    )
)
TEMPLATE = Template(
    serial=2**159 - 1,
    subject="C=us, O=x\\, y, CN=gateway",
    issuer="C=FI, O=Company-ABC, CN=Company ABC class 2",
    not_before=instant("2003-03-01T01:20:42Z"),
    not_after=instant("2003-03-31T01:50:42Z"),
    alternative_names=NAMES,
    may_sign_crls=True,
)


def test_a_certificate_says_what_the_template_does() -> None:
    made = decode_certificate(issue(TEMPLATE, KEY, ISSUER_KEY).encode())
    assert (made.serial, made.subject.text, made.issuer.text) == (TEMPLATE.serial, TEMPLATE.subject, TEMPLATE.issuer)
    assert (made.not_before, made.not_after) == (TEMPLATE.not_before, TEMPLATE.not_after)
    assert made.alternative_names == NAMES
    assert (made.is_ca, made.may_sign_certificates, made.may_sign_crls) == (False, False, True)
    assert made.unhandled == ()


def test_a_ca_may_sign_certificates() -> None:
    made = decode_certificate(issue(replace(TEMPLATE, is_ca=True, may_sign_crls=False), KEY, ISSUER_KEY).encode())
    assert (made.is_ca, made.may_sign_certificates, made.may_sign_crls) == (True, True, False)


def test_a_certificate_is_signed_with_the_key_of_its_issuer() -> None:
    made = decode_certificate(issue(TEMPLATE, KEY, ISSUER_KEY).encode())
    assert check_signature(made, decode_certificate(shipped("chapter-root.pem"))) is SignatureCheck.GOOD
    assert check_signature(made, decode_certificate(shipped("chapter-22314868.pem"))) is SignatureCheck.BAD


def test_the_same_template_and_keys_give_the_same_octets() -> None:
    assert issue(TEMPLATE, KEY, ISSUER_KEY) == issue(TEMPLATE, KEY, ISSUER_KEY)


def test_what_is_no_key_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\S"):
        issue(TEMPLATE, b"nonsense", ISSUER_KEY)


def test_the_shipped_certificates_are_those_that_the_script_makes(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "scripts" / "make_certificates.py"), "--to", str(tmp_path)]
    subprocess.run(command, check=True, timeout=60, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert sorted(made) == ["chapter-22314868.pem", "chapter-22315496.pem", "chapter-root.pem", "demo-root.pem"]
    assert made == {name: shipped(name) for name in made}
