"""The certificate database: import, trust anchors, deletion, totals, and what is kept over a restart."""

from __future__ import annotations

import pytest

from agent.core.config.certificates import CertificatesConfig, TrustAnchor
from agent.core.crypto.pem import decode_pem, render_pem
from agent.core.events import CertificateDatabaseChanged
from agent.core.identifiers import EntryId
from agent.core.pki import DatabaseState, Distrust, KeptCertificate, Refusal, Refused, Totals
from agent.core.pki.store import PURGE_INTERVAL_US
from tests.support.certificates import Store, anchors, chapter_store, vector

LARGEST_SERIAL = 2**159 - 1


def with_root(at: str = "2003-03-15T00:00:00Z") -> Store:
    """Return a database that trusts the root."""
    store = Store(at)
    store.trust("root")
    return store


def purge(store: Store) -> None:
    """Let the next purge come."""
    store.world.advance(store.world.now + PURGE_INTERVAL_US)


# How entries come.


def test_a_trust_anchor_is_locked_trusted_and_referred_to_by_its_configuration() -> None:
    store = with_root()
    (root,) = store.database.certificates()
    assert (root.id, root.references, root.is_root, root.distrust, root.is_deleted) == (1, 1, True, None, False)
    assert store.database.totals == Totals(1, 1, 1)


def test_an_imported_certificate_is_not_locked_and_nothing_refers_to_it() -> None:
    leaf = with_root().take("leaf")
    assert (leaf.id, leaf.references, leaf.is_root, leaf.distrust) == (2, 0, False, None)


def test_der_is_imported_as_pem_is() -> None:
    store = with_root()
    id_ = store.database.import_certificate(vector("leaf.der"))
    assert store.entry(id_).certificate.pem.encode() == vector("leaf")


def test_ids_count_on_and_are_never_given_again() -> None:
    store = with_root()
    leaf = store.take("leaf")
    store.database.delete_certificate(leaf.id)
    purge(store)
    assert store.database.certificate(leaf.id) is None
    assert store.take("leaf").id == 3


def test_a_certificate_is_found_by_its_serial_number() -> None:
    store = with_root()
    store.take("leaf", "sha256-leaf")
    assert [each.id for each in store.database.with_serial(LARGEST_SERIAL)] == [2]
    assert store.database.with_serial(99) == ()


@pytest.mark.parametrize(
    ("data", "reason", "said"),
    [
        (b"nonsense", Refusal.BAD_PEM, "0 whole blocks"),
        (vector("root"), Refusal.DUPLICATE, "with the ID 1"),
        (vector("end"), Refusal.UNKNOWN_ISSUER, "C=FI, O=Vectors, CN=Intermediate, is in the database"),
        (vector("ec-root"), Refusal.UNKNOWN_ISSUER, "only trusted as a trust anchor"),
        (vector("forged"), Refusal.BAD_SIGNATURE, "C=us, O=x, CN=forged is wrong"),
        (vector("impostor"), Refusal.BAD_SIGNATURE, "C=FI, O=Vectors, CN=Root is wrong"),
        (vector("md5-leaf"), Refusal.UNSUPPORTED_SIGNATURE, "not supported, as MD5 is not"),
        (vector("leaf.der").replace(b"gw.example", b"ga.example"), Refusal.BAD_SIGNATURE, "is wrong"),
    ],
)
def test_an_import_is_refused_with_its_reason_and_changes_nothing(data: bytes, reason: Refusal, said: str) -> None:
    found, message = with_root().refusal(data)
    assert found is reason
    assert said in message


def test_a_certificate_that_is_not_valid_now_is_imported_and_not_trusted() -> None:
    assert with_root("2006-06-01T00:00:00Z").take("leaf").distrust is Distrust.EXPIRED


def test_a_chain_is_imported_from_its_top() -> None:
    store = with_root()
    assert store.take("intermediate", "end").distrust is None


def test_a_certificate_under_one_that_is_no_ca_is_imported_and_not_trusted() -> None:
    assert with_root().take("leaf", "under-leaf").distrust is Distrust.ISSUER_NOT_A_CA


# Trust anchors.


def test_two_anchors_of_one_certificate_are_one_entry_with_two_references() -> None:
    store, pem = Store(), vector("root").decode()
    store.database.configure(CertificatesConfig((TrustAnchor("a", pem), TrustAnchor("b", pem))))
    assert [each.references for each in store.database.certificates()] == [2]


def test_an_anchor_that_leaves_the_configuration_takes_the_trust_with_it() -> None:
    store = with_root()
    leaf = store.take("leaf")
    store.trust()
    assert store.entry(leaf.id).distrust is Distrust.NO_TRUST_ANCHOR
    assert (store.entry(1).is_root, store.entry(1).is_deleted) == (False, True)
    purge(store)
    assert store.database.certificate(EntryId(1)) is None


def test_an_anchor_that_was_imported_as_well_stays_when_it_leaves_the_configuration() -> None:
    store = with_root()
    intermediate = store.take("intermediate")
    store.trust("root", "intermediate")
    assert store.entry(intermediate.id).is_root
    store.trust("root")
    kept = store.entry(intermediate.id)
    assert (kept.is_root, kept.is_deleted, kept.references, kept.distrust) == (False, False, 0, None)


def test_an_anchor_that_comes_back_before_the_purge_has_its_old_id() -> None:
    store = with_root()
    store.trust()
    store.trust("root")
    purge(store)
    assert [(each.id, each.is_deleted) for each in store.database.certificates()] == [(1, False)]


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        ("nonsense", Refusal.BAD_PEM),
        (vector("crl-1").decode(), Refusal.BAD_PEM),
    ],
)
def test_a_configuration_with_an_anchor_that_is_none_is_refused_by_its_name(pem: str, reason: Refusal) -> None:
    store = with_root()
    with pytest.raises(Refused, match="trust anchor bad: ") as caught:
        store.database.configure(CertificatesConfig((*anchors("ec-root").trust_anchors, TrustAnchor("bad", pem))))
    assert caught.value.reason is reason
    assert [each.is_root for each in store.database.certificates()] == [True]
    assert store.database.totals == Totals(1, 1, 1)


def test_an_anchor_whose_own_signature_is_wrong_is_refused() -> None:
    root = bytearray(decode_pem(vector("root"), "CERTIFICATE"))
    root[-1] ^= 1
    config = CertificatesConfig((TrustAnchor("broken", render_pem(bytes(root), "CERTIFICATE")),))
    with pytest.raises(Refused, match="trust anchor broken: its own signature is wrong"):
        Store().database.check(config)


def test_a_configuration_that_changes_no_anchor_tells_nothing() -> None:
    store = with_root()
    store.events.clear()
    store.trust("root")
    assert store.events == []


# How they leave.


def test_a_deleted_certificate_counts_in_the_total_alone_until_the_purge() -> None:
    store = with_root()
    leaf = store.take("leaf")
    store.database.delete_certificate(leaf.id)
    assert store.entry(leaf.id).is_deleted
    assert store.database.totals == Totals(2, 1, 1)
    store.world.advance(store.world.now + PURGE_INTERVAL_US - 1)
    assert store.database.totals == Totals(2, 1, 1)
    store.world.advance(store.world.now + 1)
    assert store.database.totals == Totals(1, 1, 1)
    assert store.database.certificate(leaf.id) is None


def test_no_path_leads_over_a_certificate_that_is_marked_as_deleted() -> None:
    store = with_root()
    end = store.take("intermediate", "end")
    store.database.delete_certificate(EntryId(2))
    assert store.entry(end.id).distrust is Distrust.NO_TRUST_ANCHOR


def test_the_import_of_a_certificate_that_is_marked_as_deleted_takes_the_mark_off() -> None:
    store = with_root()
    leaf = store.take("leaf")
    store.database.delete_certificate(leaf.id)
    assert store.take("leaf").id == leaf.id
    purge(store)
    assert not store.entry(leaf.id).is_deleted


def test_to_delete_what_is_being_deleted_does_nothing() -> None:
    store = with_root()
    leaf = store.take("leaf")
    store.database.delete_certificate(leaf.id)
    store.events.clear()
    store.database.delete_certificate(leaf.id)
    assert store.events == []


def test_to_delete_what_is_not_there_is_refused() -> None:
    store = with_root()
    with pytest.raises(Refused, match="there is no certificate with the ID 9") as caught:
        store.database.delete_certificate(EntryId(9))
    assert caught.value.reason is Refusal.UNKNOWN_CERTIFICATE


def test_a_locked_certificate_is_deleted_by_the_configuration_alone() -> None:
    store = with_root()
    with pytest.raises(Refused, match="certificate 1 is locked: the configuration has it as root") as caught:
        store.database.delete_certificate(EntryId(1))
    assert caught.value.reason is Refusal.LOCKED
    assert store.database.totals == Totals(1, 1, 1)


def test_a_certificate_that_a_list_refers_to_waits_until_the_list_is_gone() -> None:
    store = with_root()
    store.database.import_crl(vector("crl-1"))
    assert store.entry(1).references == 2
    store.trust()
    purge(store)
    assert (store.entry(1).is_deleted, store.entry(1).references) == (True, 1)
    store.database.delete_crl("C=FI, O=Vectors, CN=Root")
    purge(store)
    assert store.database.totals == Totals(0, 0, 0)


def test_a_walk_over_the_certificates_leaves_out_what_goes_meanwhile() -> None:
    store = with_root()
    leaf = store.take("leaf")
    walk = store.database.certificates()
    assert next(walk).id == 1
    store.database.delete_certificate(leaf.id)
    purge(store)
    assert list(walk) == []


# What is kept.


def test_every_change_says_that_what_is_kept_is_out_of_date() -> None:
    store = with_root()
    leaf = store.take("leaf")
    store.database.import_crl(vector("crl-1"))
    store.database.delete_certificate(leaf.id)
    assert len(store.told(CertificateDatabaseChanged)) == 4
    purge(store)
    assert len(store.told(CertificateDatabaseChanged)) == 5


def test_a_database_goes_on_as_the_one_that_was_exported() -> None:
    store = with_root()
    store.take("intermediate", "leaf", "sha256-leaf")
    store.database.import_crl(vector("crl-1"))
    store.database.delete_certificate(EntryId(2))
    purge(store)
    after = Store()
    after.database.restore(DatabaseState.decode(store.database.export().encode()))
    after.trust("root")
    assert after.database.export() == store.database.export()
    assert {each.id: each.distrust for each in after.database.certificates()} == {
        each.id: each.distrust for each in store.database.certificates()
    }
    assert [each.id for each in after.database.crls()] == [each.id for each in store.database.crls()]
    assert after.take("intermediate").id == store.take("intermediate").id


def test_what_is_marked_as_deleted_is_not_kept() -> None:
    store = with_root()
    leaf = store.take("leaf")
    store.database.delete_certificate(leaf.id)
    assert [each.id for each in store.database.export().certificates] == [1]
    assert store.database.export().next_id == leaf.id + 1


def test_an_anchor_that_the_configuration_no_longer_has_does_not_come_back() -> None:
    store = with_root()
    after = Store()
    after.database.restore(store.database.export())
    after.trust()
    assert after.database.totals == Totals(0, 0, 0)


@pytest.mark.parametrize(
    "state",
    [
        DatabaseState(certificates=(KeptCertificate(EntryId(1), b"nonsense"),)),
        DatabaseState(
            certificates=(KeptCertificate(EntryId(1), vector("leaf")), KeptCertificate(EntryId(1), vector("end")))
        ),
    ],
)
def test_a_state_that_makes_no_sense_is_not_restored(state: DatabaseState) -> None:
    store = Store()
    with pytest.raises(ValueError, match=r"\S"):
        store.database.restore(state)
    assert store.database.totals == Totals(0, 0, 0)


def test_a_database_with_something_in_it_is_not_restored() -> None:
    store = with_root()
    with pytest.raises(ValueError, match="only an empty certificate database"):
        store.database.restore(DatabaseState())


@pytest.mark.parametrize("octets", [b"", b"{}", b"[]", b'{"next-id": 1, "certificates": [1], "crls": []}', b"\xff"])
def test_octets_that_are_no_state_are_refused(octets: bytes) -> None:
    with pytest.raises(ValueError, match="no state of a certificate database"):
        DatabaseState.decode(octets)


# The chapter.


def test_the_certificates_of_the_chapter_are_as_its_samples_show_them() -> None:
    database = chapter_store().database
    names = {
        each.id: (each.references, each.certificate.serial, each.certificate.subject.text, each.is_root)
        for each in database.certificates()
    }
    company = "C=FI, O=Company-ABC, CN=Company ABC class 2"
    assert names == {
        1: (1, 1538512, company, True),
        4: (0, 22315496, "C=us, O=x", False),
        5: (0, 22314868, "C=us, O=x", False),
    }
    assert {each.certificate.issuer.text for each in database.certificates()} == {company}
    assert {each.id: each.certificate.may_sign_crls for each in database.certificates()} == {1: False, 4: True, 5: True}
    assert all(each.distrust is None for each in database.certificates())
    assert database.totals == Totals(3, 3, 1)


def test_the_certificates_of_the_chapter_expire_each_at_its_time() -> None:
    store = chapter_store()
    database = store.database
    for at, trusted in (
        ("2003-03-31T01:50:42Z", {1, 4, 5}),
        ("2003-03-31T01:50:43Z", {1, 4}),
        ("2003-03-31T01:51:46Z", {1}),
        ("2004-08-01T07:08:32Z", {1}),
        ("2004-08-01T07:08:33Z", set()),
    ):
        store.go_to(at)
        assert {each.id for each in database.certificates() if each.distrust is None} == trusted
    assert database.totals == Totals(3, 3, 1)
