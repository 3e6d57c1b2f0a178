"""The operations that write: RFC 6241 sections 7.2 to 7.4 and 8.6."""

from __future__ import annotations

from typing import Final

import pytest

from agent.datastore.stores import Datastore
from agent.datastore.tree import Branch
from tests.support.editor import BEFORE, OPEN_DOORS, Editor, copy_config, edit_config, is_ok, option, tags_of
from tests.support.edits import op, serialized, shop
from tests.support.netconf_wire import NAMESPACES, texts

INVALID: Final = "<rules><favourite>nowhere</favourite></rules>"
"""What is right by itself and refers to nothing."""
DELETE: Final = "<delete-config><target><startup/></target></delete-config>"


# edit-config.


def test_an_edit_is_kept_and_applied_once() -> None:
    editor = Editor()
    assert is_ok(editor.edit(shop("<name>new</name>")))
    assert editor.running == OPEN_DOORS + BEFORE.replace("corner", "new")
    assert editor.target.names == ["new"]


def test_what_is_edited_can_be_read_at_once() -> None:
    editor = Editor()
    editor.edit(shop("<tag>cheap</tag>"))
    assert texts(editor.wire.get_config(), "toy:shop/toy:tag") == ["cheap"]


def test_an_edit_of_structure_that_is_wrong_changes_nothing() -> None:
    found = Editor().refused(edit_config(shop("<name>new</name><nonsense/>")))
    assert (found["error-type"], found["error-tag"], found["bad-element"]) == (
        "application",
        "unknown-element",
        "nonsense",
    )
    assert found["error-path"] == "/toy:shop"


def test_an_edit_that_breaks_a_constraint_changes_nothing() -> None:
    found = Editor().refused(edit_config(shop("<name>new</name>" + INVALID)))
    assert (found["error-tag"], found["error-app-tag"]) == ("data-missing", "instance-required")
    assert found["error-path"] == "/toy:shop/toy:rules/toy:favourite"


def test_a_constraint_answers_in_its_own_words() -> None:
    found = Editor().refused(edit_config(shop("<rules><limit>60</limit><strict>true</strict></rules>")))
    assert (found["error-tag"], found["error-app-tag"]) == ("operation-failed", "limit-too-high")
    assert found["error-message"] == "A strict shop has a low limit."


def test_what_the_device_refuses_changes_nothing() -> None:
    found = Editor().refused(edit_config(shop("<name>moon</name><tag>far</tag>")))
    assert (found["error-tag"], found["error-message"]) == ("operation-failed", "no shop is called moon")


def test_the_default_operation_replace_replaces_the_whole_datastore() -> None:
    editor = Editor()
    new = shop("<name>new</name>")
    assert is_ok(editor.edit(new + OPEN_DOORS, option("default-operation", "replace")))
    assert editor.running == OPEN_DOORS + new


def test_the_default_operation_none_needs_what_it_goes_through() -> None:
    """Row D16."""
    deletion = f"<shelf><row>2</row><column>a</column><label{op('delete')}/></shelf>"
    found = Editor().refused(edit_config(shop(deletion), option("default-operation", "none")))
    assert found["error-tag"] == "data-missing"
    assert found["error-path"] == "/toy:shop/toy:shelf[toy:row='2'][toy:column='a']"


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("default-operation", "create"),
        ("default-operation", "delete"),
        ("error-option", "ignore"),
        ("test-option", "maybe"),
    ],
)
def test_an_option_that_does_not_exist_is_refused(parameter: str, value: str) -> None:
    """Row D17."""
    found = Editor().refused(edit_config(shop("<name>new</name>"), option(parameter, value)))
    assert (found["error-tag"], found["bad-element"]) == ("invalid-value", parameter)


@pytest.mark.parametrize(
    ("request_", "tag", "element"),
    [
        ("<edit-config><target><running/></target></edit-config>", "missing-element", "config"),
        ("<edit-config><config/></edit-config>", "missing-element", "target"),
        ("<edit-config><target/><config/></edit-config>", "missing-element", "target"),
        ("<edit-config><target><startup/></target><config/></edit-config>", "unknown-element", "startup"),
        ("<edit-config><target><nonsense/></target><config/></edit-config>", "unknown-element", "nonsense"),
        ("<edit-config><target><running/></target><uri>file:///x</uri></edit-config>", "unknown-element", "uri"),
    ],
)
def test_an_edit_without_a_target_or_without_content_is_refused(request_: str, tag: str, element: str) -> None:
    reply = Editor().wire.rpc(request_)
    errors = reply.findall("nc:rpc-error", NAMESPACES)
    found = [(texts(one, "nc:error-tag"), texts(one, "nc:error-info/nc:bad-element")) for one in errors]
    assert ([tag], [element]) in found


def test_an_edit_of_nothing_is_ok() -> None:
    editor = Editor()
    assert is_ok(editor.edit(""))
    assert editor.running == OPEN_DOORS + BEFORE


# error-option.

TWICE_WRONG: Final = shop("<from>x</from><tag>new</tag><nonsense/>")


def test_by_default_the_first_error_stops_an_edit_and_is_told_alone() -> None:
    editor = Editor()
    for options in ("", option("error-option", "stop-on-error")):
        assert editor.refused(edit_config(TWICE_WRONG, options))["error-tag"] == "invalid-value"


def test_with_rollback_on_error_all_errors_are_told_and_nothing_is_done() -> None:
    """Row D21."""
    editor = Editor()
    reply = editor.edit(TWICE_WRONG, option("error-option", "rollback-on-error"))
    assert tags_of(reply) == ["invalid-value", "unknown-element"]
    assert editor.running == OPEN_DOORS + BEFORE
    assert editor.target.names == []


def test_with_continue_on_error_what_is_right_is_done_and_all_errors_are_told() -> None:
    editor = Editor()
    reply = editor.edit(TWICE_WRONG, option("error-option", "continue-on-error"))
    assert tags_of(reply) == ["invalid-value", "unknown-element"]
    assert reply.find("nc:ok", NAMESPACES) is None
    assert editor.running == OPEN_DOORS + BEFORE.replace("</name>", "</name><tag>new</tag>")
    assert editor.target.names == ["corner"]


def test_with_continue_on_error_a_rest_that_is_not_valid_is_not_done() -> None:
    editor = Editor()
    reply = editor.edit(shop("<from>x</from>" + INVALID), option("error-option", "continue-on-error"))
    assert tags_of(reply) == ["invalid-value", "data-missing"]
    assert editor.running == OPEN_DOORS + BEFORE
    assert editor.target.names == []


def test_all_constraints_that_an_edit_breaks_are_told() -> None:
    editor = Editor()
    broken = "<rules><limit>60</limit><strict>true</strict><favourite>nowhere</favourite></rules>"
    assert sorted(tags_of(editor.edit(shop(broken)))) == ["data-missing", "operation-failed"]
    assert editor.running == OPEN_DOORS + BEFORE


# test-option.


def test_an_edit_that_is_only_tested_changes_nothing() -> None:
    """Row D22."""
    editor = Editor()
    assert is_ok(editor.edit(shop("<name>new</name>"), option("test-option", "test-only")))
    assert editor.running == OPEN_DOORS + BEFORE
    assert editor.target.names == []


@pytest.mark.parametrize(
    ("content", "tag"),
    [("<nonsense/>", "unknown-element"), (INVALID, "data-missing"), ("<name>moon</name>", "operation-failed")],
)
def test_an_edit_that_is_only_tested_is_judged_whole(content: str, tag: str) -> None:
    found = Editor().refused(edit_config(shop(content), option("test-option", "test-only")))
    assert found["error-tag"] == tag


@pytest.mark.parametrize("test", ["set", "test-then-set"])
def test_running_is_valid_whatever_the_test_option(test: str) -> None:
    """RFC 7950 section 8.3.3."""
    editor = Editor()
    assert editor.refused(edit_config(shop(INVALID), option("test-option", test)))["error-tag"] == "data-missing"
    assert is_ok(editor.edit(shop("<name>new</name>"), option("test-option", test)))
    assert editor.target.names == ["new"]


# Locks.


@pytest.mark.parametrize(
    ("locked", "request_"),
    [
        ("running", edit_config(shop("<name>new</name>"))),
        ("running", edit_config(shop("<nonsense/>"), option("test-option", "test-only"))),
        ("running", copy_config("<startup/>", "running")),
        ("running", copy_config(f"<config>{shop('')}</config>", "running")),
        ("startup", copy_config("<running/>", "startup")),
        ("startup", "<delete-config><target><startup/></target></delete-config>"),
    ],
)
def test_what_another_session_has_locked_is_in_use(locked: str, request_: str) -> None:
    """Row D6."""
    editor = Editor()
    holder = editor.server.connect()
    assert is_ok(holder.rpc(f"<lock><target><{locked}/></target></lock>"))
    found = editor.refused(request_)
    assert (found["error-type"], found["error-tag"]) == ("protocol", "in-use")
    holder.rpc("<close-session/>")
    holder.receive()
    assert tags_of(editor.wire.rpc(request_)) != ["in-use"]


def test_what_the_session_itself_has_locked_can_be_edited() -> None:
    editor = Editor()
    editor.wire.rpc("<lock><target><running/></target></lock>")
    assert is_ok(editor.edit(shop("<name>new</name>")))


def test_the_lock_of_another_datastore_is_in_nobodys_way() -> None:
    editor = Editor()
    editor.server.connect().rpc("<lock><target><startup/></target></lock>")
    assert is_ok(editor.edit(shop("<name>new</name>")))


# copy-config.


def test_a_configuration_in_full_replaces_running() -> None:
    editor = Editor()
    new = shop("<name>new</name>")
    assert is_ok(editor.wire.rpc(copy_config(f"<config>{new}{OPEN_DOORS}</config>", "running")))
    assert editor.running == OPEN_DOORS + new
    assert editor.target.names == ["new"]


@pytest.mark.parametrize(
    ("content", "tag"),
    [("<nonsense/>", "unknown-element"), (INVALID, "data-missing"), ("<name>moon</name>", "operation-failed")],
)
@pytest.mark.parametrize("target", ["running", "startup"])
def test_a_copy_of_what_is_wrong_changes_nothing(target: str, content: str, tag: str) -> None:
    """RFC 7950 section 8.3.3: startup is judged like running."""
    assert Editor().refused(copy_config(f"<config>{shop(content)}</config>", target))["error-tag"] == tag


def test_running_goes_to_startup_and_back() -> None:
    editor = Editor()
    assert is_ok(editor.wire.rpc(copy_config("<running/>", "startup")))
    assert serialized(editor.server.stores.root(Datastore.STARTUP)) == OPEN_DOORS + BEFORE
    assert editor.target.names == [], "nothing in use has changed"
    editor.edit(shop("<name>new</name>"))
    assert serialized(editor.server.stores.root(Datastore.STARTUP)) == OPEN_DOORS + BEFORE
    assert is_ok(editor.wire.rpc(copy_config("<startup/>", "running")))
    assert editor.running == OPEN_DOORS + BEFORE
    assert editor.target.names == ["new", "corner"]


@pytest.mark.parametrize("datastore", ["running", "startup"])
def test_a_datastore_cannot_be_copied_to_itself(datastore: str) -> None:
    """Row D28."""
    found = Editor().refused(copy_config(f"<{datastore}/>", datastore))
    assert (found["error-type"], found["error-tag"]) == ("protocol", "invalid-value")


def test_a_startup_that_cannot_be_stored_is_an_error_and_stays_what_it_was() -> None:
    def keep(root: Branch) -> None:
        raise OSError(28, "No space left on device")

    editor = Editor(keep_startup=keep)
    found = editor.refused(copy_config("<running/>", "startup"))
    assert (found["error-tag"], "No space" in found["error-message"]) == ("operation-failed", True)


# delete-config.


def test_startup_can_be_deleted_and_running_stays() -> None:
    editor = Editor()
    editor.wire.rpc(copy_config("<running/>", "startup"))
    assert is_ok(editor.wire.rpc(DELETE))
    assert serialized(editor.server.stores.root(Datastore.STARTUP)) == ""
    assert editor.running == OPEN_DOORS + BEFORE


def test_running_cannot_be_deleted() -> None:
    """RFC 6241 section 7.4."""
    errors = tags_of(Editor().wire.rpc("<delete-config><target><running/></target></delete-config>"))
    assert "unknown-element" in errors


# validate.


@pytest.mark.parametrize("source", ["<running/>", "<startup/>", f"<config>{shop('<name>a</name>')}</config>"])
def test_what_is_valid_is_ok_and_nothing_changes(source: str) -> None:
    """Row D27."""
    editor = Editor()
    assert is_ok(editor.wire.rpc(f"<validate><source>{source}</source></validate>"))
    assert editor.running == OPEN_DOORS + BEFORE
    assert editor.target.names == []


@pytest.mark.parametrize(
    ("content", "tag"),
    [
        ("<nonsense/>", "unknown-element"),
        ("<from>x</from>", "invalid-value"),
        (INVALID, "data-missing"),
        ("<name>moon</name>", "operation-failed"),
    ],
)
def test_what_is_not_valid_is_told_and_nothing_changes(content: str, tag: str) -> None:
    """Row D27."""
    request = f"<validate><source><config>{shop(content)}</config></source></validate>"
    assert Editor().refused(request)["error-tag"] == tag


@pytest.mark.parametrize("source", ["", "<source/>", "<source><nothing/></source>"])
def test_a_validation_of_nothing_is_refused(source: str) -> None:
    assert tags_of(Editor().wire.rpc(f"<validate>{source}</validate>"))[0] in ("missing-element", "unknown-element")
