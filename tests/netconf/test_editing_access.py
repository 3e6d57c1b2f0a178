"""Who may write what: RFC 8341 sections 3.2 and 3.4.5, and that no answer tells of what is hidden."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from agent.datastore.stores import Datastore
from tests.support.access import nacm, path, rule
from tests.support.editor import BEFORE, Editor, copy_config, edit_config, is_ok, option
from tests.support.edits import op, serialized, shop
from tests.support.netconf_wire import error

DELETE: Final = "<delete-config><target><startup/></target></delete-config>"
MAY_NOT_SEE: Final = rule("deny", path("/toy:shop/toy:secret"))
MAY_READ: Final = rule("permit", path("/toy:shop"), "read")


def staff(*rules: str, before: str = BEFORE) -> Editor:
    """Return an editor whose user has these rules."""
    return Editor(before + nacm(*rules))


def write(operations: str, of: str = "/toy:shop") -> str:
    """Return a rule that permits changes of a subtree."""
    return rule("permit", path(of), operations)


@pytest.mark.parametrize(
    ("content", "needed"),
    [
        ("<tag>new</tag>", "create"),
        ("<name>new</name>", "update"),
        (f"<name{op('delete')}/>", "delete"),
        ("<shelf><row>2</row><column>b</column></shelf>", "create"),
        ("<shelf><row>1</row><column>a</column><label>x</label></shelf>", "update"),
        (f"<shelf{op('remove')}><row>1</row><column>a</column></shelf>", "delete"),
        (f"<shelf{op('replace')}><row>1</row><column>a</column></shelf>", "delete"),
        ("<open/>", "create"),
        ("<rules><limit>7</limit></rules>", "create"),
        ('<notes><n xmlns="urn:n"/></notes>', "create"),
    ],
)
def test_each_change_needs_the_right_to_it_and_no_other(content: str, needed: str) -> None:
    others = " ".join(sorted({"create", "update", "delete"} - {needed}))
    editor = staff(write(others), MAY_READ)
    found = editor.refused(edit_config(shop(content)))
    assert (found["error-type"], found["error-tag"]) == ("application", "access-denied")
    assert editor.denied == 1
    editor = staff(write(needed), MAY_READ)
    assert is_ok(editor.edit(shop(content)))
    assert editor.denied == 0


def test_an_edit_that_changes_nothing_needs_no_right() -> None:
    editor = staff(MAY_READ)
    assert is_ok(editor.edit(BEFORE))
    assert is_ok(editor.edit(shop(f"<tag{op('remove')}>x</tag>")))
    assert editor.denied == 0


def test_the_right_to_a_leaf_is_enough_where_its_container_means_nothing() -> None:
    """RFC 7950 section 7.5.1: a container without presence comes and goes with what is in it."""
    editor = staff(write("create delete", "/toy:shop/toy:rules/toy:limit"), MAY_READ)
    assert is_ok(editor.edit(shop("<rules><limit>7</limit></rules>")))
    assert is_ok(editor.edit(shop(f"<rules{op('delete')}/>")))


def test_one_change_that_is_denied_denies_the_edit() -> None:
    editor = staff(write("*", "/toy:shop/toy:tag"), MAY_READ)
    found = editor.refused(edit_config(shop("<tag>mine</tag><name>theirs</name>")))
    assert found["error-path"] == "/toy:shop/toy:name"
    assert editor.denied == 1


def test_replacing_everything_needs_the_right_to_delete_what_is_left_out() -> None:
    editor = staff(write("create update"), MAY_READ)
    found = editor.refused(edit_config(shop("<name>new</name>"), option("default-operation", "replace")))
    assert found["error-tag"] == "access-denied"


def test_moving_an_entry_is_an_update_of_its_list() -> None:
    queue = shop("<queue><name>a</name></queue><queue><name>b</name></queue>")
    moved = shop('<queue yang:insert="first"><name>b</name></queue>')
    assert staff(write("create delete"), MAY_READ, before=queue).refused(edit_config(moved))["error-tag"] == (
        "access-denied"
    )
    assert is_ok(staff(write("update"), MAY_READ, before=queue).edit(moved))


def test_a_test_of_an_edit_needs_the_same_rights() -> None:
    found = staff(MAY_READ).refused(edit_config(shop("<tag>x</tag>"), option("test-option", "test-only")))
    assert found["error-tag"] == "access-denied"


def test_an_operation_that_is_denied_is_not_looked_at() -> None:
    editor = staff(rule("deny", "<rpc-name>edit-config</rpc-name>"))
    assert editor.refused("<edit-config><nonsense/></edit-config>")["error-tag"] == "access-denied"
    assert (editor.denied, editor.server.server.access_counters.operations) == (0, 1)


# What a user cannot read, no answer to an edit tells.

SECRET: Final = shop("<name>corner</name><secret>open sesame</secret>")


@pytest.mark.parametrize("content", [f"<secret{op('create')}>x</secret>", f"<secret{op('delete')}/>"])
def test_whether_a_hidden_node_is_there_is_not_told(content: str) -> None:
    """Row C18."""
    answers = [
        staff(rule("permit", path("/toy:shop/toy:name")), MAY_NOT_SEE, before=before).refused(
            edit_config(shop(content))
        )
        for before in (SECRET, shop("<name>corner</name>"))
    ]
    assert answers[0] == answers[1]
    assert answers[0]["error-tag"] == "access-denied"
    assert "error-path" not in answers[0]


def test_a_hidden_value_cannot_be_guessed() -> None:
    editor = staff(write("*", "/toy:shop/toy:name"), MAY_NOT_SEE, before=SECRET)
    right, wrong = (editor.refused(edit_config(shop(f"<secret>{one}</secret>"))) for one in ("open sesame", "please"))
    assert right == wrong
    assert right["error-tag"] == "access-denied"


def test_the_deletion_of_what_holds_something_hidden_is_refused_without_naming_it() -> None:
    editor = staff(MAY_NOT_SEE, write("*"), before=SECRET)
    reply = editor.wire.rpc(edit_config(shop("", op("delete"))))
    assert "secret" not in etree.tostring(reply).decode()
    assert error(reply)["error-tag"] == "access-denied"
    assert SECRET in editor.running


def test_one_who_may_read_is_told_what_is_there() -> None:
    editor = staff(rule("permit", path("/toy:shop")), before=SECRET)
    assert editor.refused(edit_config(shop(f"<secret{op('create')}>x</secret>")))["error-tag"] == "data-exists"


# Whole datastores.


def test_saving_running_needs_no_right_but_to_copy() -> None:
    """RFC 8341 section 3.2.3."""
    editor = staff(rule("deny", path("/toy:shop")))
    assert is_ok(editor.wire.rpc(copy_config("<running/>", "startup")))
    assert "corner" in serialized(editor.server.stores.root(Datastore.STARTUP))


def test_a_copy_to_running_needs_the_rights_to_what_it_changes() -> None:
    editor = staff(write("create update"), MAY_READ)
    new = BEFORE.replace("<name>corner</name>", "") + nacm(write("create update"), MAY_READ)
    assert editor.refused(copy_config(f"<config>{new}</config>", "running"))["error-tag"] == "access-denied"
    assert editor.denied == 1


def test_what_a_user_cannot_read_it_cannot_copy() -> None:
    """RFC 8341 section 3.2.3: 'silently omitted', so that here it would be deleted."""
    editor = staff(MAY_NOT_SEE, rule("permit"), before=SECRET)
    editor.wire.rpc(copy_config("<running/>", "startup"))
    assert editor.refused(copy_config("<startup/>", "running"))["error-tag"] == "access-denied"
    assert "open sesame" in editor.running
    editor = staff(rule("deny", path("/toy:shop/toy:secret"), "read"), rule("permit"), before=SECRET)
    editor.wire.rpc(copy_config("<running/>", "startup"))
    assert is_ok(editor.wire.rpc(copy_config("<startup/>", "running")))
    assert "open sesame" not in editor.running


def test_deletion_is_denied_by_default() -> None:
    """RFC 8341 section 3.2.5."""
    editor = staff(MAY_READ)
    assert editor.refused(DELETE)["error-tag"] == "access-denied"
    assert editor.server.server.access_counters.operations == 1
