"""Commits that are to be confirmed (RFC 6241 section 8.4)."""

from __future__ import annotations

from typing import Final

import pytest

from agent.datastore.stores import Datastore
from agent.datastore.tree import Branch
from tests.support.candidates import CANCEL, COMMIT, confirmed, edit_candidate, with_id
from tests.support.editor import BEFORE, OPEN_DOORS, Editor, copy_config, is_ok, tags_of
from tests.support.edits import serialized, shop
from tests.support.netconf_wire import NAMESPACES, Wire, error, texts
from tests.support.shop import ShopServer

NEW: Final = shop("<name>new</name>")
LOCK: Final = "<lock><target><running/></target></lock>"
RUNNING: Final = "<get-config><source><running/></source></get-config>"


def name(wire: Wire) -> str:
    """Return the name of the shop in use."""
    return "".join(texts(wire.rpc(RUNNING), "nc:data/toy:shop/toy:name"))


def begun(request: str = confirmed(60)) -> tuple[Editor, str]:
    """Return an editor with a confirmed commit of a new name, and what was configured before."""
    editor = Editor()
    before = editor.running
    editor.wire.rpc(edit_candidate(NEW))
    assert is_ok(editor.wire.rpc(request))
    return editor, before


def later(editor: Editor, seconds: float) -> None:
    """Let management time pass; nobody but the server's own timer looks at it."""
    server = editor.server
    server.management_now += seconds
    server.server.advance(server.management_now)


# Without persist.


def test_a_confirmed_commit_is_in_use_at_once() -> None:
    editor, before = begun()
    assert name(editor.wire) == "new"
    assert editor.target.names == ["new"]
    assert editor.running != before
    assert not editor.server.stores.is_candidate_changed


def test_a_commit_that_nobody_confirms_is_undone_when_its_time_is_over() -> None:
    editor, before = begun()
    later(editor, 59.9)
    assert name(editor.wire) == "new"
    later(editor, 0.1)
    assert editor.running == before
    assert editor.target.names == ["new", "corner"]
    assert editor.server.server.next_deadline() is None


def test_a_commit_has_ten_minutes_to_be_confirmed_unless_it_says_otherwise() -> None:
    """Row D25."""
    editor, _ = begun(confirmed())
    assert editor.server.server.next_deadline() == 600.0
    later(editor, 599.0)
    assert name(editor.wire) == "new"
    later(editor, 1.0)
    assert name(editor.wire) == "corner"


def test_a_commit_is_undone_though_there_is_no_session() -> None:
    editor, before = begun(confirmed(60, persist="me"))
    editor.wire.session.lost()
    assert editor.server.server.sessions == {}
    later(editor, 60.0)
    assert editor.running == before


def test_a_confirmed_commit_is_for_good() -> None:
    editor, _ = begun()
    assert is_ok(editor.wire.rpc(COMMIT))
    assert editor.server.server.next_deadline() is None
    later(editor, 1000.0)
    editor.wire.session.lost()
    assert name(editor.server.connect()) == "new"
    assert editor.target.names == ["new"], "and is not applied again"


def test_what_confirms_a_commit_can_change_more() -> None:
    editor, _ = begun()
    editor.wire.rpc(edit_candidate(shop("<name>newer</name>")))
    assert is_ok(editor.wire.rpc(COMMIT))
    later(editor, 1000.0)
    assert name(editor.wire) == "newer"


def test_a_follow_up_starts_the_time_again_and_goes_back_to_the_very_beginning() -> None:
    """Row D25."""
    editor, before = begun()
    later(editor, 50.0)
    editor.wire.rpc(edit_candidate(shop("<name>newer</name>")))
    assert is_ok(editor.wire.rpc(confirmed(60)))
    later(editor, 59.0)
    assert name(editor.wire) == "newer"
    later(editor, 1.0)
    assert editor.running == before


def test_a_follow_up_that_is_refused_changes_nothing_and_no_time() -> None:
    editor, before = begun()
    later(editor, 50.0)
    editor.wire.rpc(edit_candidate(shop("<name>moon</name>")))
    assert tags_of(editor.wire.rpc(confirmed(60))) == ["operation-failed"]
    assert name(editor.wire) == "new"
    later(editor, 10.0)
    assert editor.running == before


def test_a_first_commit_that_is_refused_leaves_nothing_to_confirm() -> None:
    editor = Editor()
    editor.wire.rpc(edit_candidate(shop("<name>moon</name>")))
    assert editor.refused(confirmed(60))["error-tag"] == "operation-failed"
    assert editor.server.server.next_deadline() is None
    assert error(editor.wire.rpc(CANCEL))["error-tag"] == "operation-failed"


@pytest.mark.parametrize("end", ["close", "lost", "kill"])
def test_the_end_of_the_session_undoes_its_commit_at_once(end: str) -> None:
    """Rows D10 and D24."""
    editor, before = begun()
    other = editor.server.connect("bob")
    if end == "close":
        assert is_ok(editor.wire.rpc("<close-session/>"))
        assert editor.wire.is_finished
    elif end == "kill":
        assert is_ok(other.rpc("<kill-session><session-id>1</session-id></kill-session>"))
    else:
        editor.wire.session.lost()
    assert editor.running == before
    assert name(other) == "corner"
    assert editor.server.server.next_deadline() is None


def test_the_end_of_another_session_undoes_nothing() -> None:
    editor, _ = begun()
    editor.server.connect("bob").session.lost()
    assert name(editor.wire) == "new"


def test_a_commit_can_be_canceled() -> None:
    editor, before = begun()
    assert is_ok(editor.wire.rpc(CANCEL))
    assert editor.running == before
    assert editor.server.server.next_deadline() is None
    assert error(editor.wire.rpc(CANCEL))["error-tag"] == "operation-failed"


@pytest.mark.parametrize("request_", [COMMIT, confirmed(60), CANCEL])
def test_another_session_can_neither_confirm_nor_cancel(request_: str) -> None:
    editor, _ = begun()
    found = error(editor.server.connect("bob").rpc(request_))
    assert (found["error-type"], found["error-tag"]) == ("protocol", "in-use")
    assert name(editor.wire) == "new"
    assert editor.server.server.next_deadline() == 60.0


def test_a_commit_that_comes_too_late_confirms_nothing_even_if_the_timer_is_late() -> None:
    editor, before = begun()
    editor.server.management_now += 60.0
    assert is_ok(editor.wire.rpc(COMMIT)), "there is nothing to commit any more"
    assert editor.running == before


def test_what_was_written_beside_it_is_undone_too() -> None:
    """RFC 6241 section 8.4: that is what locks are for."""
    editor, before = begun()
    editor.edit(shop("<tag>direct</tag>"))
    later(editor, 60.0)
    assert editor.running == before


def test_changes_of_the_candidate_outlive_an_undone_commit() -> None:
    editor, before = begun()
    editor.wire.rpc(edit_candidate(shop("<name>newer</name>")))
    later(editor, 60.0)
    assert editor.running == before
    assert is_ok(editor.wire.rpc(COMMIT))
    assert name(editor.wire) == "newer"


# With persist.


def test_a_persistent_commit_outlives_its_session_and_is_confirmed_by_another() -> None:
    editor, _ = begun(confirmed(60, persist="me"))
    editor.wire.session.lost()
    other = editor.server.connect("bob")
    assert name(other) == "new"
    assert is_ok(other.rpc(with_id("commit", "me")))
    later(editor, 1000.0)
    assert name(other) == "new"


@pytest.mark.parametrize("request_", [COMMIT, CANCEL, with_id("commit", "you"), with_id("cancel-commit", "you")])
@pytest.mark.parametrize("is_own", [True, False])
def test_a_persistent_commit_needs_its_token_even_in_its_own_session(request_: str, is_own: bool) -> None:
    """Row D25."""
    editor, _ = begun(confirmed(60, persist="me"))
    wire = editor.wire if is_own else editor.server.connect("bob")
    found = error(wire.rpc(request_))
    assert (found["error-type"], found["error-tag"]) == ("protocol", "invalid-value")
    operation = request_[1:].partition(">")[0].rstrip("/")
    assert found["error-path"] == f"/nc:{operation}/nc:persist-id"
    assert name(editor.wire) == "new"
    assert editor.server.server.next_deadline() == 60.0


@pytest.mark.parametrize("operation", ["commit", "cancel-commit"])
def test_a_token_without_a_commit_that_has_one_is_refused(operation: str) -> None:
    editor = Editor()
    editor.wire.rpc(edit_candidate(NEW))
    assert editor.refused(with_id(operation, "me"))["error-tag"] == "invalid-value"
    assert is_ok(editor.wire.rpc(confirmed(60)))
    assert error(editor.wire.rpc(with_id(operation, "me")))["error-tag"] == "invalid-value"
    assert name(editor.wire) == "new"


def test_a_persistent_commit_is_canceled_from_any_session_with_its_token() -> None:
    editor, before = begun(confirmed(60, persist="me"))
    assert is_ok(editor.server.connect("bob").rpc(with_id("cancel-commit", "me")))
    assert editor.running == before


def test_a_follow_up_keeps_the_token_unless_it_gives_another() -> None:
    editor, _ = begun(confirmed(60, persist="me"))
    other = editor.server.connect("bob")
    assert is_ok(other.rpc(confirmed(100, persist_id="me")))
    other.session.lost()
    assert name(editor.wire) == "new", "it is still persistent"
    assert editor.server.server.next_deadline() == 100.0
    assert is_ok(editor.wire.rpc(confirmed(200, persist="you", persist_id="me")))
    assert tags_of(editor.wire.rpc(with_id("commit", "me"))) == ["invalid-value"]
    assert is_ok(editor.wire.rpc(with_id("commit", "you")))


def test_a_follow_up_can_make_a_commit_persistent() -> None:
    editor, _ = begun()
    assert is_ok(editor.wire.rpc(confirmed(60, persist="me")))
    editor.wire.session.lost()
    assert name(editor.server.connect()) == "new"


def test_an_empty_token_is_a_token() -> None:
    editor, _ = begun(confirmed(60, persist=""))
    editor.wire.session.lost()
    other = editor.server.connect("bob")
    assert name(other) == "new"
    assert tags_of(other.rpc(COMMIT)) == ["invalid-value"]
    assert is_ok(other.rpc(with_id("commit", "")))


@pytest.mark.parametrize("seconds", ["0", "-1", "4294967296", "x"])
def test_a_time_that_is_none_is_refused(seconds: str) -> None:
    editor = Editor()
    editor.wire.rpc(edit_candidate(NEW))
    request = f"<commit><confirmed/><confirm-timeout>{seconds}</confirm-timeout></commit>"
    assert editor.refused(request)["error-tag"] == "invalid-value"


# Locks.


def test_running_cannot_be_locked_while_another_session_has_a_commit_to_confirm() -> None:
    """Row D3."""
    editor, _ = begun()
    other = editor.server.connect("bob")
    found = error(other.rpc(LOCK))
    assert (found["error-tag"], found["session-id"]) == ("lock-denied", "1")
    assert is_ok(other.rpc("<lock><target><startup/></target></lock>"))
    assert is_ok(editor.wire.rpc(COMMIT))
    assert is_ok(other.rpc(LOCK))


def test_the_session_that_has_a_commit_to_confirm_can_lock_running() -> None:
    editor, _ = begun()
    assert is_ok(editor.wire.rpc(LOCK))


def test_running_cannot_be_locked_while_a_commit_outlives_its_session() -> None:
    editor, _ = begun(confirmed(60, persist="me"))
    editor.wire.session.lost()
    other = editor.server.connect("bob")
    found = error(other.rpc(LOCK))
    assert (found["error-tag"], found["session-id"]) == ("lock-denied", "0")
    assert is_ok(other.rpc(with_id("cancel-commit", "me")))
    assert is_ok(other.rpc(LOCK))


def test_a_session_that_drops_with_its_locks_leaves_nothing_behind() -> None:
    editor = Editor()
    before = editor.running
    editor.wire.rpc(LOCK)
    editor.wire.rpc("<lock><target><candidate/></target></lock>")
    editor.wire.rpc(edit_candidate(NEW))
    assert is_ok(editor.wire.rpc(confirmed(60)))
    editor.wire.session.lost()
    assert editor.running == before
    other = editor.server.connect("bob")
    assert is_ok(other.rpc(LOCK))
    assert is_ok(other.rpc("<lock><target><candidate/></target></lock>"))


# Access rules, timers, and what a restart finds.


def test_access_rules_that_were_committed_are_undone_with_the_rest() -> None:
    editor = Editor()
    closed = (
        f"{BEFORE}<nacm xmlns='urn:ietf:params:xml:ns:yang:ietf-netconf-acm'><exec-default>deny</exec-default></nacm>"
    )
    editor.wire.rpc(copy_config(f"<config>{closed}</config>", "candidate"))
    assert is_ok(editor.wire.rpc(confirmed(60)))
    assert tags_of(editor.wire.rpc(COMMIT)) == ["access-denied"], "locked out"
    later(editor, 60.0)
    assert tags_of(editor.wire.rpc(COMMIT)) == []


def test_who_drives_the_timer_is_told_of_every_change() -> None:
    editor = Editor()
    seen: list[float | None] = []
    server = editor.server.server
    server.when_rescheduled(lambda: seen.append(server.next_deadline()))
    editor.wire.rpc(edit_candidate(NEW))
    editor.wire.rpc(confirmed(60))
    editor.server.management_now = 10.0
    editor.wire.rpc(confirmed(60))
    editor.wire.rpc(COMMIT)
    assert seen == [60.0, 70.0, None]


class Kept:
    """What a restart would begin with."""

    def __init__(self) -> None:
        self.history: list[str | None] = []
        self.fails = False

    def __call__(self, root: Branch | None) -> None:
        if self.fails:
            raise OSError("the disk is full")
        self.history.append(None if root is None else serialized(root))


def kept() -> tuple[ShopServer, Wire, Kept, str]:
    """Return a server that keeps what a commit would go back to, with an edit of the candidate, and running."""
    keeper = Kept()
    server = ShopServer(OPEN_DOORS + BEFORE, keep_rollback=keeper)
    wire = server.connect()
    wire.rpc(edit_candidate(NEW))
    return server, wire, keeper, serialized(server.stores.running)


@pytest.mark.parametrize("settled", [COMMIT, CANCEL, "<close-session/>"])
def test_what_a_restart_goes_back_to_is_kept_until_the_commit_is_settled(settled: str) -> None:
    _, wire, keeper, before = kept()
    wire.rpc(confirmed(60))
    assert keeper.history == [before]
    wire.rpc(edit_candidate(shop("<name>newer</name>")))
    wire.rpc(confirmed(60))
    assert keeper.history == [before], "a follow-up goes back to the same"
    wire.rpc(settled)
    assert wire.is_finished == (settled == "<close-session/>")
    assert keeper.history == [before, None]


def test_a_commit_for_good_keeps_nothing() -> None:
    _, wire, keeper, _ = kept()
    wire.rpc(COMMIT)
    assert keeper.history == []


def test_a_refused_commit_leaves_nothing_kept() -> None:
    server, wire, keeper, before = kept()
    wire.rpc(edit_candidate(shop("<rules><favourite>nowhere</favourite></rules>")))
    assert tags_of(wire.rpc(confirmed(60))) == ["data-missing"]
    assert keeper.history == [before, None]
    assert server.server.next_deadline() is None


def test_what_cannot_be_kept_is_not_begun() -> None:
    server, wire, keeper, before = kept()
    keeper.fails = True
    found = error(wire.rpc(confirmed(60)))
    assert (found["error-tag"], "the disk is full" in found["error-message"]) == ("operation-failed", True)
    assert serialized(server.stores.running) == before
    assert server.server.next_deadline() is None


def test_a_confirmation_that_a_restart_would_not_know_of_is_refused() -> None:
    server, wire, keeper, _ = kept()
    wire.rpc(confirmed(60))
    keeper.fails = True
    assert tags_of(wire.rpc(COMMIT)) == ["operation-failed"]
    assert server.server.next_deadline() == 60.0, "it still waits"
    keeper.fails = False
    assert is_ok(wire.rpc(COMMIT))


def test_a_commit_is_undone_even_if_what_was_kept_cannot_be_removed() -> None:
    server, wire, keeper, before = kept()
    wire.rpc(confirmed(60))
    keeper.fails = True
    wire.session.lost()
    assert serialized(server.stores.running) == before
    assert server.server.next_deadline() is None


def test_a_commit_that_can_no_longer_be_undone_stays_and_is_settled() -> None:
    editor, _ = begun()
    editor.target.dislikes = "corner"
    assert tags_of(editor.wire.rpc(CANCEL)) == ["operation-failed"]
    assert editor.server.server.next_deadline() == 60.0, "whoever asked can ask again"
    later(editor, 60.0)
    assert name(editor.wire) == "new"
    assert editor.server.server.next_deadline() is None
    assert editor.wire.rpc(LOCK).find("nc:ok", NAMESPACES) is not None


def test_startup_is_none_of_its_business() -> None:
    editor, _ = begun()
    startup = serialized(editor.server.stores.root(Datastore.STARTUP))
    later(editor, 60.0)
    assert serialized(editor.server.stores.root(Datastore.STARTUP)) == startup
