"""The candidate: edits, commit, discard-changes and locks of it (RFC 6241 section 8.3)."""

from __future__ import annotations

from typing import Final

import pytest

from agent.datastore.stores import Datastore
from tests.support.access import nacm, path, rule
from tests.support.candidates import CANCEL, COMMIT, DISCARD, LOCK, UNLOCK, edit_candidate, on_candidate
from tests.support.editor import BEFORE, OPEN_DOORS, Applied, Editor, copy_config, is_ok, option, tags_of
from tests.support.edits import op, serialized, shop
from tests.support.netconf_wire import Wire, error, text, texts
from tests.support.shop import ShopServer

NEW: Final = shop("<name>new</name>")
INVALID: Final = shop("<rules><favourite>nowhere</favourite></rules>")
MOON: Final = shop("<name>moon</name>")
"""What the target does not like."""


def candidate(editor: Editor) -> str:
    """Return the candidate as bytes would have it."""
    return serialized(editor.server.stores.root(Datastore.CANDIDATE))


def name_in(wire: Wire, datastore: str = "candidate") -> list[str]:
    """Return the name of the shop that a client reads."""
    reply = wire.rpc(f"<get-config><source><{datastore}/></source></get-config>")
    return texts(reply, "nc:data/toy:shop/toy:name")


# Edits.


def test_an_edit_of_the_candidate_is_seen_there_and_nowhere_else() -> None:
    editor = Editor()
    before = editor.running
    assert is_ok(editor.wire.rpc(edit_candidate(NEW)))
    assert (name_in(editor.wire), name_in(editor.wire, "running")) == (["new"], ["corner"])
    assert editor.running == before
    assert editor.target.names == []


def test_edits_add_up_and_every_session_sees_them() -> None:
    editor = Editor()
    other = editor.server.connect("bob")
    editor.wire.rpc(edit_candidate(NEW))
    other.rpc(edit_candidate(shop("<tag>a</tag>")))
    assert "<tag>a</tag>" in candidate(editor)
    assert name_in(other) == name_in(editor.wire) == ["new"]


def test_a_candidate_that_nobody_changed_follows_running() -> None:
    editor = Editor()
    assert is_ok(editor.edit(NEW))
    assert name_in(editor.wire) == ["new"]
    assert candidate(editor) == editor.running


def test_the_candidate_need_not_be_valid_before_it_is_committed() -> None:
    """RFC 7950 section 8.3.3."""
    editor = Editor()
    assert is_ok(editor.wire.rpc(edit_candidate(INVALID)))
    assert editor.refused(COMMIT)["error-app-tag"] == "instance-required"
    assert is_ok(
        editor.wire.rpc(edit_candidate(shop("<shelf><row>2</row><column>a</column><label>nowhere</label></shelf>")))
    )
    assert is_ok(editor.wire.rpc(COMMIT))
    assert "<favourite>nowhere</favourite>" in editor.running


@pytest.mark.parametrize("asked", ["test-then-set", "test-only"])
def test_an_edit_of_the_candidate_is_validated_where_that_is_asked_for(asked: str) -> None:
    editor = Editor()
    before = candidate(editor)
    assert editor.refused(edit_candidate(INVALID, option("test-option", asked)))["error-app-tag"] == "instance-required"
    assert candidate(editor) == before


def test_an_edit_that_is_only_tested_leaves_the_candidate_alone() -> None:
    """Row D22."""
    editor = Editor()
    assert is_ok(editor.wire.rpc(edit_candidate(NEW, option("test-option", "test-only"))))
    assert not editor.server.stores.is_candidate_changed


def test_an_edit_with_an_error_leaves_the_candidate_alone() -> None:
    """Row D21."""
    editor = Editor()
    before = candidate(editor)
    wrong = shop(f"<name>new</name><greeting{op('delete')}/>")
    assert editor.refused(edit_candidate(wrong))["error-tag"] == "data-missing"
    assert candidate(editor) == before


def test_validate_judges_the_candidate_and_leaves_it_alone() -> None:
    """Row D27."""
    editor = Editor()
    editor.wire.rpc(edit_candidate(MOON))
    before = candidate(editor)
    validate = "<validate><source><candidate/></source></validate>"
    assert "no shop is called moon" in editor.refused(validate)["error-message"]
    assert candidate(editor) == before
    editor.wire.rpc(edit_candidate(NEW))
    assert is_ok(editor.wire.rpc(validate))


def test_the_defaults_of_a_candidate_that_is_not_valid_cannot_be_told() -> None:
    editor = Editor()
    editor.wire.rpc(edit_candidate(INVALID))
    mode = '<with-defaults xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults">report-all</with-defaults>'
    request = f"<get-config><source><candidate/></source>{mode}</get-config>"
    assert tags_of(editor.wire.rpc(request)) == ["data-missing"]
    editor.wire.rpc(DISCARD)
    assert text(editor.wire.rpc(request), "nc:data/toy:shop/toy:greeting") == "hello"


# Copies.


def test_a_configuration_can_be_copied_into_the_candidate_valid_or_not() -> None:
    editor = Editor()
    before = editor.running
    assert is_ok(editor.wire.rpc(copy_config(f"<config>{OPEN_DOORS}{INVALID}</config>", "candidate")))
    assert name_in(editor.wire) == []
    assert editor.running == before


@pytest.mark.parametrize("target", ["running", "startup"])
def test_the_candidate_can_be_copied(target: str) -> None:
    editor = Editor()
    editor.wire.rpc(edit_candidate(NEW))
    assert is_ok(editor.wire.rpc(copy_config("<candidate/>", target)))
    assert name_in(editor.wire, target) == ["new"]


@pytest.mark.parametrize("target", ["running", "startup"])
def test_a_candidate_that_is_not_valid_is_copied_nowhere(target: str) -> None:
    editor = Editor()
    editor.wire.rpc(edit_candidate(INVALID))
    assert editor.refused(copy_config("<candidate/>", target))["error-app-tag"] == "instance-required"


def test_a_copy_of_running_takes_the_changes_back() -> None:
    editor = Editor()
    editor.wire.rpc(edit_candidate(NEW))
    assert is_ok(editor.wire.rpc(copy_config("<running/>", "candidate")))
    assert not editor.server.stores.is_candidate_changed
    assert is_ok(editor.wire.rpc(LOCK))


def test_the_candidate_is_not_copied_onto_itself() -> None:
    """Row D28."""
    assert Editor().refused(copy_config("<candidate/>", "candidate"))["error-tag"] == "invalid-value"


def test_the_candidate_cannot_be_deleted() -> None:
    request = "<delete-config><target><candidate/></target></delete-config>"
    assert Editor().refused(request)["error-tag"] == "unknown-element"


# commit and discard-changes.


def test_a_commit_applies_the_candidate_and_leaves_startup_alone() -> None:
    editor = Editor()
    startup = serialized(editor.server.stores.root(Datastore.STARTUP))
    editor.wire.rpc(edit_candidate(NEW))
    assert is_ok(editor.wire.rpc(COMMIT))
    assert name_in(editor.wire, "running") == ["new"]
    assert editor.target.names == ["new"]
    assert not editor.server.stores.is_candidate_changed
    assert serialized(editor.server.stores.root(Datastore.STARTUP)) == startup


def test_a_commit_without_changes_is_ok_and_applies_nothing() -> None:
    """Row D23."""
    editor = Editor()
    assert is_ok(editor.wire.rpc(COMMIT))
    assert editor.target.names == []


def test_a_commit_that_is_refused_changes_nothing_and_keeps_the_candidate() -> None:
    editor = Editor()
    editor.wire.rpc(edit_candidate(MOON))
    assert editor.refused(COMMIT)["error-message"] == "no shop is called moon"
    assert name_in(editor.wire) == ["moon"]


def test_all_that_is_wrong_with_a_commit_is_told() -> None:
    editor = Editor()
    wrong = "<rules><favourite>nowhere</favourite><limit>60</limit><strict>true</strict></rules>"
    editor.wire.rpc(edit_candidate(shop(wrong)))
    reply = editor.wire.rpc(COMMIT)
    assert sorted(texts(reply, "nc:rpc-error/nc:error-app-tag")) == ["instance-required", "limit-too-high"]


def test_a_commit_takes_back_what_was_written_to_running_meanwhile() -> None:
    """The candidate is a whole configuration, not a list of edits."""
    editor = Editor()
    editor.wire.rpc(edit_candidate(NEW))
    editor.edit(shop("<tag>direct</tag>"))
    assert is_ok(editor.wire.rpc(COMMIT))
    assert "direct" not in editor.running


def test_discarding_makes_the_candidate_what_running_is() -> None:
    editor = Editor()
    before = editor.running
    editor.wire.rpc(edit_candidate(NEW))
    assert is_ok(editor.wire.rpc(DISCARD))
    assert candidate(editor) == editor.running == before
    assert is_ok(editor.wire.rpc(DISCARD)), "there need not be changes"


def test_what_a_commit_needs_confirmed_for_is_refused_without_it() -> None:
    editor = Editor()
    editor.wire.rpc(edit_candidate(NEW))
    found = editor.refused("<commit><confirm-timeout>60</confirm-timeout></commit>")
    assert (found["error-tag"], found["bad-element"]) == ("missing-element", "confirmed")
    assert editor.refused("<commit><persist>me</persist></commit>")["error-tag"] == "missing-element"


# Locks.


def test_a_changed_candidate_cannot_be_locked() -> None:
    """Row D2."""
    editor = Editor()
    editor.wire.rpc(edit_candidate(NEW))
    found = error(editor.wire.rpc(LOCK))
    assert (found["error-type"], found["error-tag"], found["session-id"]) == ("protocol", "lock-denied", "0")
    assert is_ok(editor.wire.rpc(DISCARD))
    assert is_ok(editor.wire.rpc(LOCK))


@pytest.mark.parametrize("request_", [edit_candidate(NEW), copy_config("<running/>", "candidate"), COMMIT, DISCARD])
def test_a_lock_of_the_candidate_keeps_others_out(request_: str) -> None:
    """Row D6."""
    editor = Editor()
    other = editor.server.connect("bob")
    editor.wire.rpc(LOCK)
    editor.wire.rpc(edit_candidate(NEW))
    before = candidate(editor), editor.running
    found = error(other.rpc(request_))
    assert (found["error-type"], found["error-tag"]) == ("protocol", "in-use")
    assert (candidate(editor), editor.running) == before
    assert is_ok(editor.wire.rpc(request_)), "its holder goes on"


def test_a_lock_of_running_keeps_commits_of_others_out() -> None:
    """Row D6."""
    editor = Editor()
    other = editor.server.connect("bob")
    editor.wire.rpc(edit_candidate(NEW))
    other.rpc("<lock><target><running/></target></lock>")
    assert editor.refused(COMMIT)["error-tag"] == "in-use"
    assert tags_of(editor.wire.rpc(edit_candidate(shop("<tag>a</tag>")))) == [], "the candidate is not locked"
    assert is_ok(other.rpc(COMMIT))


@pytest.mark.parametrize("end", ["unlock", "close", "lost", "kill"])
def test_what_is_not_committed_goes_with_the_lock(end: str) -> None:
    """Row D5."""
    editor = Editor()
    other = editor.server.connect("bob")
    editor.wire.rpc(LOCK)
    editor.wire.rpc(edit_candidate(NEW))
    if end == "unlock":
        assert is_ok(editor.wire.rpc(UNLOCK))
    elif end == "close":
        assert is_ok(editor.wire.rpc("<close-session/>"))
        assert editor.wire.is_finished
    elif end == "lost":
        editor.wire.session.lost()
    else:
        assert is_ok(other.rpc("<kill-session><session-id>1</session-id></kill-session>"))
    assert name_in(other) == ["corner"]
    assert is_ok(other.rpc(LOCK))


def test_the_changes_of_a_session_without_a_lock_outlive_it() -> None:
    editor = Editor()
    other = editor.server.connect("bob")
    editor.wire.rpc(edit_candidate(NEW))
    editor.wire.session.lost()
    assert name_in(other) == ["new"]
    assert is_ok(other.rpc(COMMIT))
    assert name_in(other, "running") == ["new"]


def test_the_lock_of_the_candidate_is_shown() -> None:
    editor = Editor()
    editor.wire.rpc(LOCK)
    monitoring = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
    data = editor.wire.get(f'<netconf-state xmlns="{monitoring}"><datastores/></netconf-state>')
    locked = data.xpath("//m:datastore[m:locks]/m:name/text()", namespaces={"m": monitoring})
    assert locked == ["candidate"]


# Access control (RFC 8341 section 3.2).


GUARDED: Final = rule("deny", path("/toy:shop/toy:name"), "update create delete")


def guarded() -> tuple[ShopServer, Applied, Wire]:
    """Return a shop of which ann may write everything but the name."""
    target = Applied()
    permitted = rule("permit")
    server = ShopServer(nacm(GUARDED, permitted) + BEFORE, targets=(target,))
    target.names.clear()
    return server, target, server.connect("ann")


def test_an_edit_of_the_candidate_is_asked_for_what_it_changes() -> None:
    server, _, wire = guarded()
    assert tags_of(wire.rpc(edit_candidate(NEW))) == ["access-denied"]
    assert not server.stores.is_candidate_changed
    assert is_ok(wire.rpc(edit_candidate(shop("<tag>a</tag>"))))


def test_a_commit_is_asked_for_what_it_changes_in_running() -> None:
    server, target, wire = guarded()
    boss = server.connect("boss")
    server.server.changes.store(boss.session.caller, Datastore.CANDIDATE, on_candidate(server, NEW))  # type: ignore[attr-defined]
    assert error(wire.rpc(COMMIT))["error-tag"] == "access-denied"
    assert target.names == []
    assert server.server.access_counters.data_writes == 1
    assert name_in(wire) == ["new"], "the candidate stays"


def test_a_commit_that_changes_what_may_be_changed_needs_no_more() -> None:
    _, target, wire = guarded()
    wire.rpc(edit_candidate(shop("<tag>a</tag>")))
    assert is_ok(wire.rpc(COMMIT))
    assert target.names == ["corner"]


@pytest.mark.parametrize("request_", [COMMIT, DISCARD, CANCEL])
def test_whoever_may_not_execute_it_is_denied(request_: str) -> None:
    server = ShopServer(BEFORE + nacm(settings="<exec-default>deny</exec-default>"))
    assert error(server.connect("ann").rpc(request_))["error-tag"] == "access-denied"


# What clients send.


def test_the_usual_sequence_of_an_orchestrator_goes_through() -> None:
    editor = Editor()
    for request in (
        "<lock><target><running/></target></lock>",
        LOCK,
        DISCARD,
        edit_candidate(NEW, option("default-operation", "merge")),
        "<validate><source><candidate/></source></validate>",
        COMMIT,
        UNLOCK,
        "<unlock><target><running/></target></unlock>",
    ):
        assert is_ok(editor.wire.rpc(request)), request
    assert text(editor.wire.get(shop("<name/>")), "toy:shop/toy:name") == "new"
