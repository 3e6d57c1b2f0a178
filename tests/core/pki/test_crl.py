"""Revocation lists: which are taken, what they revoke, and what is told of it."""

from __future__ import annotations

import pytest

from agent.core.events import CertificateRevoked, CrlUpdated, RevocationReason
from agent.core.pki import Distrust, Refusal, Refused
from tests.support.certificates import ROOT_NAME, Store, instant, vector

LARGEST_SERIAL = 2**159 - 1


def with_leaves(at: str = "2003-03-15T00:00:00Z") -> Store:
    """Return a database with the root (1) and two leaves (2, 3)."""
    store = Store(at)
    store.trust("root", "plain-root")
    store.take("leaf", "sha256-leaf")
    store.events.clear()
    return store


LEAF, SHA256_LEAF = 3, 4


def test_a_certificate_that_a_list_names_is_no_longer_trusted() -> None:
    store = with_leaves()
    store.database.import_crl(vector("crl-1"))
    assert store.entry(SHA256_LEAF).distrust is Distrust.REVOKED
    assert store.entry(LEAF).distrust is None


def test_what_is_revoked_is_told_once_and_with_the_reason() -> None:
    store = with_leaves()
    id_ = store.database.import_crl(vector("crl-1"))
    assert store.told(CrlUpdated) == [
        CrlUpdated(store.world.now, id_, ROOT_NAME, instant("2003-03-01T00:00:00Z"), instant("2003-04-01T00:00:00Z"))
    ]
    (revoked,) = store.told(CertificateRevoked)
    assert (revoked.id, revoked.serial, revoked.subject, revoked.issuer) == (SHA256_LEAF, 3, "C=us, O=x", ROOT_NAME)
    assert (revoked.reason, revoked.revoked_at) == (RevocationReason.SUPERSEDED, instant("2003-03-01T12:00:00Z"))
    store.database.import_crl(vector("crl-2"))
    assert [each.serial for each in store.told(CertificateRevoked)] == [3, LARGEST_SERIAL]
    assert len(store.told(CrlUpdated)) == 2


def test_a_newer_list_takes_the_place_and_the_id_of_the_older() -> None:
    store = with_leaves()
    first = store.database.import_crl(vector("crl-1"))
    assert store.database.import_crl(vector("crl-2")) == first
    (entry,) = store.database.crls()
    assert (entry.id, entry.crl.number) == (first, 2)


def test_a_list_is_referred_to_by_the_certificates_that_it_judges() -> None:
    store = with_leaves()
    store.database.import_crl(vector("crl-1"))
    entry = store.database.crl(ROOT_NAME)
    assert entry is not None
    assert entry.references == 2
    assert store.database.crl("C=FI, O=Vectors") is None


def test_a_certificate_that_is_imported_after_the_list_that_revokes_it_is_told_of() -> None:
    store = Store()
    store.trust("root")
    store.database.import_crl(vector("crl-1"))
    assert store.told(CertificateRevoked) == []
    assert store.take("sha256-leaf").distrust is Distrust.REVOKED
    assert len(store.told(CertificateRevoked)) == 1


def test_a_ca_that_is_revoked_takes_the_trust_of_those_below_it() -> None:
    store = Store("2003-03-25T00:00:00Z")
    store.trust("root")
    end = store.take("intermediate", "end")
    store.database.import_crl(vector("crl-ca"))
    assert store.entry(end.id).distrust is Distrust.REVOKED
    assert [each.subject for each in store.told(CertificateRevoked)] == ["C=FI, O=Vectors, CN=Intermediate"]


def test_a_list_whose_successor_is_overdue_still_counts() -> None:
    store = with_leaves()
    store.database.import_crl(vector("crl-1"))
    store.go_to("2003-06-01T00:00:00Z")
    assert store.entry(SHA256_LEAF).distrust is Distrust.REVOKED


def test_a_list_that_is_deleted_no_longer_counts() -> None:
    store = with_leaves()
    store.database.import_crl(vector("crl-1"))
    store.database.delete_crl(ROOT_NAME)
    assert store.entry(SHA256_LEAF).distrust is None
    assert list(store.database.crls()) == []


def test_to_delete_a_list_that_is_not_there_is_refused() -> None:
    with pytest.raises(Refused, match="there is no revocation list of CN=nobody") as caught:
        with_leaves().database.delete_crl("CN=nobody")
    assert caught.value.reason is Refusal.UNKNOWN_CRL


def test_the_configuration_stands_above_a_list() -> None:
    store = with_leaves()
    store.trust("root", "sha256-leaf")
    store.database.import_crl(vector("crl-1"))
    assert store.entry(SHA256_LEAF).distrust is None
    assert store.told(CertificateRevoked) == []
    store.trust("root")
    assert store.entry(SHA256_LEAF).distrust is Distrust.REVOKED
    assert len(store.told(CertificateRevoked)) == 1


@pytest.mark.parametrize(
    ("name", "reason", "said"),
    [
        ("crl-partial", Refusal.UNSUPPORTED_CRL, "2.5.29.28"),
        ("crl-md5", Refusal.UNSUPPORTED_SIGNATURE, "not supported, as MD5 is not"),
        ("crl-forged", Refusal.BAD_SIGNATURE, f"the revocation list of {ROOT_NAME} is wrong"),
        ("crl-plain", Refusal.NOT_CRL_ISSUER, "C=FI, O=Vectors, CN=No lists is no CRL issuer"),
    ],
)
def test_a_list_is_refused_with_its_reason_and_changes_nothing(name: str, reason: Refusal, said: str) -> None:
    found, message = with_leaves("2003-03-25T00:00:00Z").refusal(vector(name))
    assert found is reason
    assert said in message


def test_a_list_of_an_unknown_issuer_is_refused() -> None:
    store = Store()
    store.trust("ec-root")
    assert store.refusal(vector("crl-1"))[0] is Refusal.UNKNOWN_ISSUER


def test_a_list_of_an_issuer_that_is_marked_as_deleted_is_refused() -> None:
    store = with_leaves()
    store.trust()
    assert store.refusal(vector("crl-1"))[0] is Refusal.UNKNOWN_ISSUER


def test_a_list_of_an_issuer_that_is_not_trusted_is_refused() -> None:
    store = Store("2006-06-01T00:00:00Z")
    store.trust("root")
    reason, message = store.refusal(vector("crl-1"))
    assert reason is Refusal.UNTRUSTED_ISSUER
    assert message.endswith("is not trusted: expired")


def test_an_older_list_is_refused_as_stale() -> None:
    store = with_leaves()
    store.database.import_crl(vector("crl-2"))
    reason, message = store.refusal(vector("crl-1"))
    assert reason is Refusal.STALE
    assert "is not newer" in message
    assert store.entry(LEAF).distrust is Distrust.REVOKED


def test_the_same_list_again_is_refused_as_a_duplicate() -> None:
    store = with_leaves()
    store.database.import_crl(vector("crl-1"))
    assert store.refusal(vector("crl-1"))[0] is Refusal.DUPLICATE


def test_a_list_out_of_date_is_refused_as_stale() -> None:
    reason, message = with_leaves("2003-05-01T00:00:00Z").refusal(vector("crl-1"))
    assert reason is Refusal.STALE
    assert "its successor is due" in message


def test_a_list_from_a_time_to_come_is_refused() -> None:
    assert with_leaves("2003-02-01T00:00:00Z").refusal(vector("crl-1"))[0] is Refusal.NOT_YET_VALID


def test_a_certificate_is_refused_as_a_list() -> None:
    with pytest.raises(Refused, match="not of a CERTIFICATE") as caught:
        with_leaves().database.import_crl(vector("leaf"))
    assert caught.value.reason is Refusal.BAD_PEM
