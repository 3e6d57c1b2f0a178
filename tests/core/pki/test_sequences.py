"""Whatever is asked of the certificate database, and in whatever order, what it says of itself holds together."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.events import CertificateExpired, CertificateExpiring
from agent.core.identifiers import EntryId
from agent.core.pki import DatabaseState, Refused
from agent.core.world import SECOND
from tests.support.certificates import ROOT_NAME, Store, anchors, vector

CERTIFICATES = (
    "root",
    "leaf",
    "sha256-leaf",
    "intermediate",
    "end",
    "sub-ca",
    "under-leaf",
    "ec-root",
    "forged",
    "crl-1",
)
CRLS = ("crl-1", "crl-2", "crl-ca", "crl-forged", "leaf")
ANCHORS = ("root", "intermediate", "ec-root", "leaf")
Step = Callable[[Store], object]

STEPS: st.SearchStrategy[Step] = st.one_of(
    st.sampled_from(CERTIFICATES).map(lambda name: lambda store: store.database.import_certificate(vector(name))),
    st.sampled_from(CRLS).map(lambda name: lambda store: store.database.import_crl(vector(name))),
    st.integers(1, 8).map(lambda id_: lambda store: store.database.delete_certificate(EntryId(id_))),
    st.just(lambda store: store.database.delete_crl(ROOT_NAME)),
    st.lists(st.sampled_from(ANCHORS), unique=True).map(
        lambda names: lambda store: store.database.configure(anchors(*names))
    ),
    st.sampled_from((1, 61, 86_400, 40 * 86_400, 400 * 86_400)).map(
        lambda seconds: lambda store: store.world.advance(store.world.now + seconds * SECOND)
    ),
)


def require_sense(store: Store) -> None:
    """Assert what holds of any database at any time."""
    entries, totals = list(store.database.certificates()), store.database.totals
    assert totals.total == len(entries)
    assert totals.active == sum(not each.is_deleted for each in entries)
    assert totals.locked == sum(each.is_root for each in entries)
    assert not any(each.is_root and each.is_deleted for each in entries)
    assert all(each.references for each in entries if each.is_root)
    ids = [each.id for each in entries] + [each.id for each in store.database.crls()]
    assert len(set(ids)) == len(ids)
    assert all(store.database.certificate(each.id) == each for each in entries)


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_a_database_makes_sense_after_every_step_and_a_refusal_changes_nothing(steps: list[Step]) -> None:
    store = Store()
    ids: dict[EntryId, bytes] = {}
    for step in steps:
        before = store.database.export(), list(store.database.certificates()), len(store.events)
        try:
            step(store)
        except Refused:
            assert (store.database.export(), list(store.database.certificates()), len(store.events)) == before
        require_sense(store)
        for each in store.database.certificates():
            assert ids.setdefault(each.id, each.certificate.der) == each.certificate.der


@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, max_size=25), st.lists(st.sampled_from(ANCHORS), unique=True))
def test_a_database_that_is_restored_says_the_same(steps: list[Step], names: list[str]) -> None:
    store = Store()
    for step in steps:
        try:
            step(store)
        except Refused:
            continue
    store.database.configure(anchors(*names))
    after = Store()
    after.world.advance(store.world.now)
    after.database.restore(DatabaseState.decode(store.database.export().encode()))
    after.database.configure(anchors(*names))
    assert after.database.export() == store.database.export()
    kept = [(each.id, each.distrust, each.is_root) for each in store.database.certificates() if not each.is_deleted]
    assert [(each.id, each.distrust, each.is_root) for each in after.database.certificates()] == kept


@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_an_end_is_told_once_for_each_stay_and_never_before_its_warning(steps: list[Step]) -> None:
    store = Store()
    for step in steps:
        try:
            step(store)
        except Refused:
            continue
    store.world.advance(store.world.now + 2000 * 86_400 * SECOND)
    for expired in store.told(CertificateExpired):
        warned = [each for each in store.told(CertificateExpiring) if each.id == expired.id]
        assert warned
        assert warned[0].at <= expired.at
    expired_ids = [each.id for each in store.told(CertificateExpired)]
    assert len(set(expired_ids)) == len(expired_ids)
