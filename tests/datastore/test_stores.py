"""Datastores and their locks: RFC 8342 section 5, RFC 6241 section 7.5."""

from __future__ import annotations

import pytest

from agent.datastore.errors import RpcError
from agent.datastore.stores import Datastore, Lock, Stores
from agent.datastore.tree import Branch

RUNNING, STARTUP = Datastore.RUNNING, Datastore.STARTUP


def stores() -> Stores:
    """Return datastores at the device time 5."""
    return Stores(lambda: 5)


def test_running_and_startup_are_there_and_empty() -> None:
    assert stores().names == (RUNNING, STARTUP)
    for datastore in stores().names:
        assert dict(stores().root(datastore).children) == {}


def test_a_datastore_that_is_not_there_has_no_content() -> None:
    with pytest.raises(KeyError):
        stores().root(Datastore.CANDIDATE)


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
