"""Paths to a trust anchor: what openssl calls trusted is trusted here, and the reasons of the others are told apart."""

from __future__ import annotations

import pytest

from agent.core.crypto.x509 import Certificate, decode_certificate
from agent.core.pki import Distrust
from agent.core.pki.chain import Paths, Signatures
from tests.support.certificates import MARCH, Store, Verdict, instant, vector, verdicts

OURS = {
    "trusted": None,
    "certificate is not yet valid": Distrust.NOT_YET_VALID,
    "certificate has expired": Distrust.EXPIRED,
    "certificate revoked": Distrust.REVOKED,
    "path length constraint exceeded": Distrust.PATH_TOO_LONG,
    "invalid CA certificate": Distrust.ISSUER_NOT_A_CA,
    "unable to get local issuer certificate": Distrust.NO_TRUST_ANCHOR,
    "self-signed certificate in certificate chain": Distrust.NO_TRUST_ANCHOR,
}
"""What openssl says, in our words."""


class Bag:
    """A pool of certificates; nothing in it is revoked."""

    def __init__(self, anchor: str, *names: str) -> None:
        self.anchor = decode_certificate(vector(anchor))
        self.others = [decode_certificate(vector(name)) for name in names]
        self.paths = Paths(self, Signatures())

    def issuers(self, name: object) -> list[Certificate]:
        """Look through all of them."""
        return [each for each in (*self.others, self.anchor) if each.subject == name]

    def is_anchor(self, certificate: Certificate) -> bool:
        """Compare the octets."""
        return certificate.der == self.anchor.der

    def revocation(self, certificate: Certificate) -> None:
        """Nothing is."""

    def distrust(self, name: str, at: str = MARCH) -> Distrust | None:
        """Judge a vector."""
        return self.paths.distrust(decode_certificate(vector(name)), instant(at))


@pytest.mark.parametrize("verdict", list(verdicts()), ids=lambda verdict: f"{verdict.certificate}-{verdict.text}")
def test_we_judge_as_openssl_does(verdict: Verdict) -> None:
    bag = Bag(verdict.anchor, *verdict.between)
    certificate = decode_certificate(vector(verdict.certificate))
    if verdict.crl is not None:
        store = Store(at="2003-03-25T00:00:00Z" if verdict.crl == "crl-ca" else MARCH)
        store.trust(verdict.anchor)
        found = store.take(verdict.certificate)
        store.database.import_crl(vector(verdict.crl))
        assert store.world.now == verdict.at
        assert store.entry(found.id).distrust is OURS[verdict.text]
    else:
        assert bag.paths.distrust(certificate, verdict.at) is OURS[verdict.text]


def test_openssl_had_something_to_say() -> None:
    found = list(verdicts())
    assert len(found) == 18
    assert {verdict.text for verdict in found} == set(OURS)


def test_the_second_of_not_after_is_the_last_of_the_validity() -> None:
    bag = Bag("root")
    assert bag.distrust("leaf", "2005-12-31T23:59:59.999999Z") is None
    assert bag.distrust("leaf", "2006-01-01T00:00:00Z") is Distrust.EXPIRED


def test_the_second_of_not_before_is_the_first_of_the_validity() -> None:
    bag = Bag("root")
    assert bag.distrust("leaf", "2002-12-31T23:59:59.999999Z") is Distrust.NOT_YET_VALID
    assert bag.distrust("leaf", "2003-01-01T00:00:00Z") is None


def test_an_anchor_is_trusted_by_itself_and_within_its_validity_alone() -> None:
    bag = Bag("root")
    assert bag.distrust("root") is None
    assert bag.distrust("root", "2006-01-01T00:00:00Z") is Distrust.EXPIRED


def test_an_intermediate_can_be_the_anchor() -> None:
    assert Bag("intermediate").distrust("end") is None
    assert Bag("intermediate").distrust("leaf") is Distrust.NO_TRUST_ANCHOR


def test_an_md5_signature_is_not_trusted() -> None:
    assert Bag("root").distrust("md5-leaf") is Distrust.UNSUPPORTED_SIGNATURE


def test_a_critical_extension_that_is_not_understood_is_not_trusted() -> None:
    assert Bag("root").distrust("constrained") is Distrust.UNHANDLED_EXTENSION


def test_a_namesake_of_the_issuer_does_not_hide_the_true_one() -> None:
    assert Bag("root", "impostor").distrust("leaf") is None


def test_a_version_1_certificate_is_a_ca_only_where_it_is_the_anchor() -> None:
    assert Bag("v1-root").distrust("v1-leaf") is None
    assert Bag("root", "v1-root").distrust("v1-leaf") is Distrust.ISSUER_NOT_A_CA


def test_a_self_signed_stranger_does_not_send_the_search_in_circles() -> None:
    assert Bag("root", "impostor").distrust("impostor") is Distrust.NO_TRUST_ANCHOR
