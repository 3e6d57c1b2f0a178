"""Ends of validity are told some days before and when they are there, once each."""

from __future__ import annotations

from dataclasses import replace

from agent.core.events import CertificateExpired, CertificateExpiring
from tests.support.certificates import Store, anchors, instant

END = instant("2005-12-31T23:59:59Z")


def trusting(at: str = "2003-03-15T00:00:00Z") -> Store:
    """Return a database that trusts the root and warns 30 days before."""
    store = Store(at)
    store.trust("root")
    return store


def test_the_end_is_told_thirty_days_before() -> None:
    store = trusting()
    leaf = store.take("leaf")
    store.go_to("2005-12-01T23:59:59Z")
    assert store.told(CertificateExpiring) == []
    store.go_to("2005-12-02T00:00:00Z")
    (root, told) = store.told(CertificateExpiring)
    assert root.id == 1
    assert (told.at, told.id, told.not_after) == (store.world.now, leaf.id, END)
    assert (told.serial, told.subject) == (leaf.certificate.serial, leaf.certificate.subject.text)
    assert store.told(CertificateExpired) == []


def test_the_end_is_told_when_it_is_there_and_never_again() -> None:
    store = trusting()
    store.go_to("2005-12-31T23:59:59.999999Z")
    assert store.told(CertificateExpired) == []
    store.go_to("2006-01-01T00:00:00Z")
    (told,) = store.told(CertificateExpired)
    assert (told.at, told.id, told.not_after) == (store.world.now, 1, END)
    store.go_to("2010-01-01T00:00:00Z")
    assert len(store.told(CertificateExpired)) == len(store.told(CertificateExpiring)) == 1


def test_a_certificate_that_comes_near_its_end_is_told_of_at_once() -> None:
    store = trusting("2005-12-20T00:00:00Z")
    store.world.advance(store.world.now)
    assert [told.at for told in store.told(CertificateExpiring)] == [store.world.now]


def test_a_certificate_that_had_expired_when_it_came_is_not_told_of() -> None:
    store = trusting("2006-01-01T00:00:00Z")
    store.go_to("2007-01-01T00:00:00Z")
    assert store.told(CertificateExpiring) == store.told(CertificateExpired) == []


def test_a_certificate_that_is_marked_as_deleted_is_not_told_of() -> None:
    store = trusting()
    leaf = store.take("leaf")
    store.database.delete_certificate(leaf.id)
    store.go_to("2006-06-01T00:00:00Z")
    assert [told.id for told in store.told(CertificateExpired)] == [1]


def test_the_days_of_the_warning_are_those_of_the_configuration() -> None:
    store = trusting()
    store.database.configure(replace(anchors("root"), expiry_warning_days=60))
    store.go_to("2005-11-02T00:00:00Z")
    assert [told.at for told in store.told(CertificateExpiring)] == [store.world.now]


def test_what_was_warned_of_is_not_warned_of_again() -> None:
    store = trusting("2005-12-20T00:00:00Z")
    store.go_to("2005-12-21T00:00:00Z")
    store.database.configure(replace(anchors("root"), expiry_warning_days=5))
    store.go_to("2005-12-30T00:00:00Z")
    assert len(store.told(CertificateExpiring)) == 1


def test_a_database_whose_certificates_are_gone_leaves_no_timer_behind() -> None:
    store = trusting()
    store.trust()
    store.go_to("2003-03-16T00:00:00Z")
    assert store.world.next_deadline() is None
