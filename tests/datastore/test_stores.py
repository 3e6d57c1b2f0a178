"""Datastores and their locks: RFC 8342 section 5, RFC 6241 section 7.5."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.datastore.errors import RpcError
from agent.datastore.stores import Datastore, Lock, Stores
from agent.datastore.tree import Branch
from tests.support.edits import shop
from tests.support.shop import configuration

RUNNING, CANDIDATE, STARTUP = Datastore.RUNNING, Datastore.CANDIDATE, Datastore.STARTUP
NAMED = shop("<name>corner</name>")


def stores() -> Stores:
    """Return datastores at the device time 5."""
    return Stores(lambda: 5)


def test_running_candidate_and_startup_are_there_and_empty() -> None:
    assert stores().names == (RUNNING, CANDIDATE, STARTUP)
    for datastore in stores().names:
        assert dict(stores().root(datastore).children) == {}


def test_what_replaced_the_content_is_the_content() -> None:
    held, root = stores(), Branch(None)
    before = held.running
    held.replace(RUNNING, root)
    assert held.running is root
    assert held.root(RUNNING) is root
    assert before is not root
    assert held.root(STARTUP) is not root


def test_what_a_restart_begins_with_is_kept_and_nothing_else_is() -> None:
    kept: list[Branch] = []
    held, root = Stores(lambda: 5, kept.append), Branch(None)
    held.replace(RUNNING, Branch(None))
    assert kept == []
    held.replace(STARTUP, root)
    assert kept == [root]
    assert held.root(STARTUP) is root


def test_a_startup_that_cannot_be_kept_stays_what_it_was() -> None:
    def keep(root: Branch) -> None:
        raise OSError("the disk is full")

    held = Stores(lambda: 5, keep)
    before = held.root(STARTUP)
    with pytest.raises(OSError, match="full"):
        held.replace(STARTUP, Branch(None))
    assert held.root(STARTUP) is before


def test_each_datastore_has_a_lock_of_its_own() -> None:
    held = stores()
    held.lock(RUNNING, 7)
    held.lock(STARTUP, 8)
    held.unlock(RUNNING, 7)
    assert (held.lock_of(RUNNING), held.lock_of(STARTUP)) == (None, Lock(8, 5))


def test_a_lock_knows_its_holder_and_the_device_time() -> None:
    held = stores()
    assert held.lock_of(RUNNING) is None
    held.lock(RUNNING, 7)
    assert held.lock_of(RUNNING) == Lock(7, 5)


def test_a_second_lock_is_denied_and_changes_nothing() -> None:
    held = stores()
    held.lock(RUNNING, 7)
    with pytest.raises(RpcError) as refused:
        held.lock(RUNNING, 8)
    assert (refused.value.tag, refused.value.info[0].value) == ("lock-denied", "7")
    assert held.lock_of(RUNNING) == Lock(7, 5)


def test_only_the_holder_can_unlock() -> None:
    held = stores()
    with pytest.raises(RpcError, match="not locked"):
        held.unlock(RUNNING, 7)
    held.lock(RUNNING, 7)
    with pytest.raises(RpcError, match="session 7"):
        held.unlock(RUNNING, 8)
    assert held.lock_of(RUNNING) == Lock(7, 5)
    held.unlock(RUNNING, 7)
    assert held.lock_of(RUNNING) is None


def test_the_locks_of_a_session_that_ended_are_released_and_no_others() -> None:
    held = stores()
    held.lock(RUNNING, 7)
    held.release(8)
    assert held.lock_of(RUNNING) == Lock(7, 5)
    held.release(7)
    assert held.lock_of(RUNNING) is None


# The candidate (RFC 6241 section 8.3).


def test_a_candidate_that_nobody_changed_is_what_running_is_and_becomes() -> None:
    held, root = stores(), configuration(NAMED)
    assert held.root(CANDIDATE) is held.running
    held.replace(RUNNING, root)
    assert held.root(CANDIDATE) is root
    assert not held.is_candidate_changed


def test_a_changed_candidate_stays_what_it_is_whatever_running_becomes() -> None:
    held, root = stores(), configuration(NAMED)
    held.replace(CANDIDATE, root)
    assert held.is_candidate_changed
    assert dict(held.running.children) == {}
    held.replace(RUNNING, Branch(None))
    assert held.root(CANDIDATE) is root


def test_a_candidate_that_was_changed_back_is_not_changed() -> None:
    held = stores()
    held.replace(RUNNING, configuration(NAMED))
    held.replace(CANDIDATE, configuration(NAMED))
    assert not held.is_candidate_changed


def test_a_discarded_candidate_is_running_again() -> None:
    held = stores()
    held.replace(CANDIDATE, configuration(NAMED))
    held.discard_candidate()
    assert held.root(CANDIDATE) is held.running
    assert not held.is_candidate_changed


def test_a_changed_candidate_cannot_be_locked_and_nobody_is_to_blame() -> None:
    held = stores()
    held.replace(CANDIDATE, configuration(NAMED))
    with pytest.raises(RpcError) as refused:
        held.lock(CANDIDATE, 7)
    assert (refused.value.tag, refused.value.info[0].value) == ("lock-denied", "0")
    assert held.lock_of(CANDIDATE) is None
    held.lock(RUNNING, 7)
    assert held.is_candidate_changed


@pytest.mark.parametrize("end", [lambda held: held.unlock(CANDIDATE, 7), lambda held: held.release(7)])
def test_what_is_not_committed_goes_with_the_lock_of_the_candidate(end: Callable[[Stores], None]) -> None:
    held = stores()
    held.lock(CANDIDATE, 7)
    held.replace(CANDIDATE, configuration(NAMED))
    end(held)
    assert held.root(CANDIDATE) is held.running
    assert held.lock_of(CANDIDATE) is None


def test_what_is_not_committed_does_not_go_with_another_lock() -> None:
    held = stores()
    held.lock(RUNNING, 7)
    held.lock(STARTUP, 7)
    held.replace(CANDIDATE, configuration(NAMED))
    held.unlock(RUNNING, 7)
    held.release(7)
    assert held.is_candidate_changed


def test_a_lock_keeps_out_other_sessions_alone() -> None:
    held = stores()
    held.lock(CANDIDATE, 7)
    held.require_unlocked(CANDIDATE, 7)
    held.require_unlocked(RUNNING, 8)
    with pytest.raises(RpcError, match="session 7") as refused:
        held.require_unlocked(CANDIDATE, 8)
    assert refused.value.tag == "in-use"
