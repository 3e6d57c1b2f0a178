"""Changes on behalf of clients, without a protocol: who is asked, who is told, and what a late timer may not do."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from agent.datastore.changes import (
    Changes,
    CommitStage,
    ConfigurationChanged,
    Confirmation,
    ConfirmedCommitProgressed,
)
from agent.datastore.diff import differences
from agent.datastore.errors import RpcError, RpcErrors, access_denied
from agent.datastore.parsing import unsealed
from agent.datastore.registry import Caller
from agent.datastore.stores import Datastore, Stores
from agent.datastore.transaction import Transactions
from agent.datastore.tree import Branch
from tests.support.edits import edited, serialized, shop
from tests.support.shop import configuration, toy_registry

RUNNING, CANDIDATE, STARTUP = Datastore.RUNNING, Datastore.CANDIDATE, Datastore.STARTUP
ANN = Caller(1, "ann", frozenset(), "192.0.2.1")
BOB = Caller(2, "bob", frozenset(), "192.0.2.2")
INVALID = configuration(shop("<rules><favourite>nowhere</favourite></rules>"))


def named(name: str, more: str = "") -> Branch:
    """Return the configuration of a shop with a name."""
    return configuration(shop(f"<name>{name}</name>{more}"))


class Desk:
    """Datastores and their changes, at times that a test sets; an authority that forbids what it is told to."""

    def __init__(self, keep_startup: Callable[[Branch], None] = lambda root: None) -> None:
        self.now = 0.0
        self.applied = 0
        self.events: list[ConfigurationChanged | ConfirmedCommitProgressed] = []
        self.asked: list[tuple[Caller, list[str]]] = []
        self.forbids = ""
        self.stores = Stores(lambda: 5, keep_startup)
        transactions = Transactions(toy_registry(), self.stores, (self,), unsealed)
        self.changes = Changes(transactions, self.stores, lambda: 5, lambda: self.now, self.events.append)

    def prepare(self, values: Mapping[str, object]) -> Callable[[], None]:
        """Count what is applied."""
        return self._apply

    def _apply(self) -> None:
        self.applied += 1

    def authorize(self, by: Caller, old: Branch, new: Branch) -> None:
        """Note what somebody wants to change."""
        names = [difference.node.name for difference in differences(old, new)]
        self.asked.append((by, names))
        if self.forbids in names:
            raise access_denied("no")

    def told(self) -> list[object]:
        """Return, in short, what was told since this was asked last."""
        short: list[object] = []
        for event in self.events:
            assert event.at == 5
            short.append(event.datastore if isinstance(event, ConfigurationChanged) else event.stage)
        self.events.clear()
        return short


def test_a_change_of_running_is_applied_and_told_with_what_was_and_what_is() -> None:
    desk = Desk()
    before, after = desk.stores.running, named("new")
    desk.changes.store(ANN, RUNNING, after)
    assert desk.events == [ConfigurationChanged(5, ANN, RUNNING, before, after)]
    assert desk.applied == 1


def test_a_change_of_the_candidate_is_neither_judged_nor_told() -> None:
    desk = Desk()
    desk.changes.store(ANN, CANDIDATE, INVALID)
    assert desk.stores.root(CANDIDATE) is INVALID
    assert (desk.told(), desk.applied) == ([], 0)


def test_a_startup_that_is_not_valid_is_not_stored() -> None:
    desk = Desk()
    with pytest.raises(RpcErrors):
        desk.changes.store(ANN, STARTUP, INVALID)
    assert desk.stores.root(STARTUP) is not INVALID
    assert desk.told() == []
    desk.changes.store(ANN, STARTUP, named("new"))
    assert (desk.told(), desk.applied) == ([STARTUP], 0)


def test_a_startup_that_cannot_be_kept_is_refused_and_not_told() -> None:
    def keep(root: Branch) -> None:
        raise OSError(28, "the disk is full")

    desk = Desk(keep)
    with pytest.raises(RpcError, match="startup cannot be stored: the disk is full") as refused:
        desk.changes.keep(ANN, STARTUP, named("new"))
    assert refused.value.tag == "operation-failed"
    assert desk.told() == []


def test_a_change_that_changes_nothing_is_not_told() -> None:
    desk = Desk()
    desk.changes.store(ANN, RUNNING, named("new"))
    desk.told()
    desk.changes.store(ANN, RUNNING, named("new"))
    assert desk.told() == []


def test_a_commit_asks_for_what_it_changes_in_running() -> None:
    desk = Desk()
    desk.changes.store(ANN, RUNNING, named("new"))
    desk.changes.store(ANN, CANDIDATE, named("new", "<tag>a</tag>"))
    desk.changes.commit(BOB, desk.authorize)
    assert desk.asked == [(BOB, ["tag"])]


def test_a_commit_that_is_not_authorized_changes_nothing() -> None:
    desk = Desk()
    desk.changes.store(ANN, CANDIDATE, named("new"))
    desk.forbids = "name"
    with pytest.raises(RpcError, match="no"):
        desk.changes.commit(BOB, desk.authorize, Confirmation(60))
    assert serialized(desk.stores.running) == ""
    assert (desk.told(), desk.stores.unconfirmed) == ([], None)
    assert desk.stores.is_candidate_changed


def test_nobody_is_asked_about_a_commit_that_must_not_be_made() -> None:
    desk = Desk()
    desk.changes.store(ANN, CANDIDATE, named("new"))
    with pytest.raises(RpcError):
        desk.changes.commit(ANN, desk.authorize, token="unknown")
    assert desk.asked == []


def test_what_a_late_timer_undoes_is_not_done_again_by_a_commit_that_may_not() -> None:
    """The candidate holds what ann changed; bob, who may not change that, commits just after her time has run out."""
    desk = Desk()
    desk.changes.store(ANN, CANDIDATE, named("new"))
    desk.changes.commit(ANN, desk.authorize, Confirmation(60))
    desk.changes.store(BOB, CANDIDATE, edited(serialized(desk.stores.running), shop("<tag>a</tag>")).root)
    desk.now, desk.forbids = 60.0, "name"
    with pytest.raises(RpcError, match="no"):
        desk.changes.commit(BOB, desk.authorize)
    assert desk.asked[-1] == (BOB, ["name", "tag"])
    assert serialized(desk.stores.running) == ""


def test_a_confirmed_commit_is_told_step_by_step() -> None:
    desk = Desk()
    desk.changes.store(ANN, CANDIDATE, named("new"))
    desk.changes.commit(ANN, desk.authorize, Confirmation(60, "me"))
    assert desk.events[-1] == ConfirmedCommitProgressed(5, CommitStage.STARTED, ANN, 60)
    assert desk.told() == [RUNNING, CommitStage.STARTED]
    desk.changes.commit(BOB, desk.authorize, Confirmation(10), "me")
    assert desk.events == [ConfirmedCommitProgressed(5, CommitStage.EXTENDED, BOB, 10)]
    desk.told()
    desk.changes.advance(9.9)
    assert desk.told() == []
    desk.changes.advance(10.0)
    assert desk.events[-1] == ConfirmedCommitProgressed(5, CommitStage.TIMED_OUT, None)
    assert desk.told() == [RUNNING, CommitStage.TIMED_OUT]
    assert desk.changes.next_deadline() is None


def test_a_session_that_ends_is_told_as_the_one_that_canceled_its_commit() -> None:
    desk = Desk()
    desk.changes.store(ANN, CANDIDATE, named("new"))
    desk.changes.commit(ANN, desk.authorize, Confirmation(60))
    desk.told()
    desk.changes.session_ended(BOB.session_id)
    assert desk.told() == []
    desk.changes.session_ended(ANN.session_id)
    assert desk.events[-1] == ConfirmedCommitProgressed(5, CommitStage.CANCELED, ANN)
    assert desk.told() == [RUNNING, CommitStage.CANCELED]
