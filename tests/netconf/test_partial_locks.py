"""Locks of parts of the running configuration (RFC 5717)."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from agent.datastore.stores import Datastore
from agent.netconf.limits import SessionLimits
from tests.support.access import nacm, path, rule
from tests.support.candidates import COMMIT, confirmed, edit_candidate
from tests.support.editor import OPEN_DOORS, copy_config, edit_config, is_ok, tags_of
from tests.support.edits import insert, op, shop
from tests.support.netconf_wire import Wire, error, texts
from tests.support.partial_locks import PL, lock_part, unlock_part
from tests.support.shop import ShopServer

SHELVES: Final = "".join(f"<shelf><row>{row}</row><column>a</column><label>l{row}</label></shelf>" for row in (1, 2))
QUEUE: Final = "".join(f"<queue><name>{name}</name></queue>" for name in "abc")
BEFORE: Final = OPEN_DOORS + shop(f"<name>corner</name><tag>t1</tag><tag>t2</tag>{QUEUE}{SHELVES}")
FIRST: Final = "/toy:shop/toy:shelf[toy:row='1'][toy:column='a']"
LOCK_RUNNING: Final = "<lock><target><running/></target></lock>"
LOCKS: Final = (
    '<netconf-state xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"><datastores><datastore>'
    "<name>running</name><locks/></datastore></datastores></netconf-state>"
)


class Two:
    """A shop with two clients."""

    def __init__(self, before: str = BEFORE) -> None:
        self.server = ShopServer(before)
        self.ann, self.ben = self.server.connect("ann"), self.server.connect("ben")

    @property
    def held(self) -> int:
        """How many locks there are."""
        return len(list(self.server.stores.partial_locks))


def granted(wire: Wire, *selects: str) -> tuple[str, list[str]]:
    """Lock, and return the id and the nodes that are locked."""
    reply = wire.rpc(lock_part(*selects))
    assert tags_of(reply) == []
    ids = [found.text or "" for found in reply.iter(f"{{{PL}}}lock-id")]
    assert len(ids) == 1
    return ids[0], [found.text or "" for found in reply.iter(f"{{{PL}}}locked-node")]


def label(row: int, text: str = "new") -> str:
    """Return the content of an edit of one shelf."""
    return shop(f"<shelf><row>{row}</row><column>a</column><label>{text}</label></shelf>")


# What is granted.


def test_the_capability_is_announced() -> None:
    assert "urn:ietf:params:netconf:capability:partial-lock:1.0" in ShopServer().server.capabilities


def test_the_reply_names_each_node_with_its_keys() -> None:
    _, nodes = granted(Two().ann, "/toy:shop/toy:shelf", "/toy:shop/toy:tag[.='t2']")
    assert nodes == [
        "/toy:shop/toy:shelf[toy:row='1'][toy:column='a']",
        "/toy:shop/toy:shelf[toy:row='2'][toy:column='a']",
        "/toy:shop/toy:tag[.='t2']",
    ]


def test_a_node_below_another_that_is_selected_is_not_named_again() -> None:
    _, nodes = granted(Two().ann, f"{FIRST}/toy:label", FIRST, "//toy:row")
    assert nodes == [FIRST, "/toy:shop/toy:shelf[toy:row='2'][toy:column='a']/toy:row"]


def test_an_expression_that_needs_a_look_at_the_data_is_evaluated() -> None:
    _, nodes = granted(Two().ann, "/toy:shop/toy:shelf[starts-with(toy:label, 'l2')]")
    assert nodes == ["/toy:shop/toy:shelf[toy:row='2'][toy:column='a']"]


def test_ids_are_not_given_twice() -> None:
    two = Two()
    first, _ = granted(two.ann, "/toy:shop/toy:name")
    two.ann.rpc(unlock_part(first))
    second, _ = granted(two.ann, "/toy:shop/toy:name")
    assert first != second


def test_a_session_may_lock_the_same_twice() -> None:
    two = Two()
    granted(two.ann, FIRST)
    granted(two.ann, "/toy:shop")
    assert two.held == 2


# What others cannot do then, and what they can.


def test_nobody_else_changes_what_is_locked_and_the_session_does() -> None:
    two = Two()
    granted(two.ann, FIRST)
    refused = error(two.ben.rpc(edit_config(label(1))))
    assert (refused["error-tag"], refused["error-type"]) == ("in-use", "protocol")
    assert refused["error-path"] == f"{FIRST}/toy:label"
    assert is_ok(two.ben.rpc(edit_config(label(2)))), "what is not locked"
    assert is_ok(two.ann.rpc(edit_config(label(1))))


@pytest.mark.parametrize(
    "content",
    [
        shop("", op("delete")),
        shop(f"<shelf{op('delete')}><row>1</row><column>a</column></shelf>"),
        shop(f"<shelf><row>1</row><column>a</column><label{op('delete')}/></shelf>"),
    ],
)
def test_nobody_else_deletes_what_is_locked_or_what_is_above_it(content: str) -> None:
    two = Two()
    granted(two.ann, FIRST)
    assert tags_of(two.ben.rpc(edit_config(content))) == ["in-use"]


def test_nobody_else_moves_what_is_locked() -> None:
    two = Two()
    granted(two.ann, "/toy:shop/toy:queue[toy:name='b']")
    moved = shop(f"<queue{insert('first')}><name>c</name></queue>")
    assert tags_of(two.ben.rpc(edit_config(moved))) == ["in-use"]


def test_an_edit_that_changes_nothing_of_what_is_locked_is_nobodys_business() -> None:
    two = Two()
    granted(two.ann, FIRST)
    assert is_ok(two.ben.rpc(edit_config(label(1, "l1"))))


def test_a_node_that_is_created_later_is_not_locked_but_what_is_put_into_a_locked_one_is() -> None:
    two = Two()
    granted(two.ann, "/toy:shop/toy:shelf")
    assert is_ok(two.ben.rpc(edit_config(label(3))))
    assert tags_of(two.ben.rpc(edit_config(label(2)))) == ["in-use"]


def test_what_the_session_deletes_stays_locked() -> None:
    two = Two()
    granted(two.ann, FIRST)
    two.ann.rpc(edit_config(shop(f"<shelf{op('delete')}><row>1</row><column>a</column></shelf>")))
    assert tags_of(two.ben.rpc(edit_config(label(1)))) == ["in-use"]


def test_the_candidate_is_free_until_it_is_committed() -> None:
    """RFC 5717 section 2.6.1."""
    two = Two()
    granted(two.ann, FIRST)
    assert is_ok(two.ben.rpc(edit_candidate(label(1))))
    assert tags_of(two.ben.rpc(COMMIT)) == ["in-use"]
    assert is_ok(two.ann.rpc(COMMIT)), "the session that has the lock commits whatever the candidate holds"


def test_a_copy_over_running_is_an_edit_like_any_other() -> None:
    two = Two()
    granted(two.ann, "/toy:shop/toy:name")
    assert tags_of(two.ben.rpc(copy_config(f"<config>{OPEN_DOORS}{shop('')}</config>", "running"))) == ["in-use"]
    assert is_ok(two.ben.rpc(copy_config("<running/>", "startup"))), "startup is not locked"


# What is refused.


def test_what_another_session_has_locked_is_denied_with_its_id() -> None:
    two = Two()
    granted(two.ann, FIRST)
    for select in (FIRST, "/toy:shop", f"{FIRST}/toy:label"):
        refused = error(two.ben.rpc(lock_part(select)))
        assert (refused["error-tag"], refused["session-id"]) == ("lock-denied", "1")
    assert two.held == 1


def test_every_session_that_has_locked_some_of_it_is_named() -> None:
    two = Two()
    granted(two.ann, FIRST)
    granted(two.ben, "/toy:shop/toy:name")
    reply = two.server.connect("cat").rpc(lock_part("/toy:shop"))
    assert texts(reply, "nc:rpc-error/nc:error-info/nc:session-id") == ["1", "2"]


def test_a_lock_of_all_of_running_and_of_a_part_of_it_exclude_each_other() -> None:
    two = Two()
    lock_id, _ = granted(two.ann, FIRST)
    for wire in (two.ann, two.ben):
        refused = error(wire.rpc(LOCK_RUNNING))
        assert (refused["error-tag"], refused["session-id"]) == ("lock-denied", "1")
    two.ann.rpc(unlock_part(lock_id))
    assert is_ok(two.ben.rpc(LOCK_RUNNING))
    refused = error(two.ann.rpc(lock_part(FIRST)))
    assert (refused["error-tag"], refused["session-id"]) == ("lock-denied", "2")


@pytest.mark.parametrize(
    ("select", "tag", "app_tag"),
    [
        ("1 + 1", "invalid-value", "not-a-node-set"),
        ("/toy:shop[", "invalid-value", "not-a-node-set"),
        ("/toy:shop/toy:shelf[toy:row='9']", "operation-failed", "no-matches"),
        ("/toy:shop/toy:totals", "operation-failed", "no-matches"),
        ("/toy:nothing", "operation-failed", "no-matches"),
    ],
)
def test_an_expression_that_locks_nothing_is_refused(select: str, tag: str, app_tag: str) -> None:
    two = Two()
    refused = error(two.ann.rpc(lock_part(select)))
    assert (refused["error-tag"], refused["error-app-tag"]) == (tag, app_tag)
    assert refused["error-path"].endswith(":partial-lock/pl:select")
    assert two.held == 0


def test_a_lock_without_an_expression_is_refused() -> None:
    assert tags_of(Two().ann.rpc(lock_part())) == ["missing-element"]


def test_a_session_has_so_many_locks_at_most() -> None:
    two = Two()
    maximum = SessionLimits().partial_locks
    for _ in range(maximum):
        lock_id, _ = granted(two.ann, FIRST)
    assert dict(two.server.server.exceeded_limits) == {}
    assert tags_of(two.ann.rpc(lock_part(FIRST))) == ["resource-denied"]
    assert dict(two.server.server.exceeded_limits) == {"partial-locks": 1}
    assert two.held == maximum
    granted(two.ben, "/toy:shop/toy:name")
    assert is_ok(two.ann.rpc(unlock_part(lock_id)))
    granted(two.ann, FIRST)


def test_a_lock_whose_one_expression_is_wrong_is_not_granted_in_part() -> None:
    two = Two()
    assert tags_of(two.ann.rpc(lock_part(FIRST, "true()"))) == ["invalid-value"]
    assert two.held == 0


def test_while_another_session_has_a_commit_to_confirm_nothing_is_locked() -> None:
    two = Two()
    two.ann.rpc(edit_candidate(label(1)))
    two.ann.rpc(confirmed())
    refused = error(two.ben.rpc(lock_part("/toy:shop/toy:name")))
    assert (refused["error-tag"], refused["error-app-tag"]) == ("in-use", "outstanding-confirmed-commit")
    granted(two.ann, "/toy:shop/toy:name")


def test_nothing_that_the_caller_cannot_read_is_locked() -> None:
    rules = nacm(rule("deny", path("/toy:shop/toy:name")), rule("permit"), users=("ann",))
    two = Two(rules + shop("<name>corner</name>"))
    assert error(two.ann.rpc(lock_part("/toy:shop/toy:name")))["error-app-tag"] == "no-matches"


def test_who_may_not_execute_the_operation_is_denied() -> None:
    rules = nacm(rule("deny", "<rpc-name>partial-lock</rpc-name>"), rule("permit"), users=("ann",))
    two = Two(rules + shop("<name>corner</name>"))
    assert tags_of(two.ann.rpc(lock_part("/toy:shop"))) == ["access-denied"]
    assert two.held == 0


# How it ends, and what monitoring shows.


def test_a_lock_is_given_up_by_its_session_alone() -> None:
    two = Two()
    lock_id, _ = granted(two.ann, FIRST)
    assert tags_of(two.ben.rpc(unlock_part(lock_id))) == ["invalid-value"]
    assert two.held == 1
    assert is_ok(two.ann.rpc(unlock_part(lock_id)))
    assert is_ok(two.ben.rpc(edit_config(label(1))))
    assert tags_of(two.ann.rpc(unlock_part(lock_id))) == ["invalid-value"]


def test_an_unlock_says_which_lock() -> None:
    assert tags_of(Two().ann.rpc(f'<partial-unlock xmlns="{PL}"/>')) == ["missing-element"]


def test_a_lock_ends_with_its_session() -> None:
    two = Two()
    granted(two.ann, FIRST)
    granted(two.ben, "/toy:shop/toy:name")
    two.ann.session.lost()
    assert [held.session_id for held in two.server.stores.partial_locks] == [2]
    assert is_ok(two.ben.rpc(edit_config(label(1))))


def test_monitoring_shows_who_has_locked_what() -> None:
    two = Two()
    lock_id, _ = granted(two.ann, FIRST, "/toy:shop/toy:name")
    shown = two.ben.get(LOCKS)
    one = "".join(etree.tostring(shown, encoding="unicode").split())
    assert f"<partial-lock><lock-id>{lock_id}</lock-id><locked-by-session>1</locked-by-session><locked-time>" in one
    assert one.count("<locked-node") == 2
    assert one.count("<select") == 2
    assert "global-lock" not in one
    assert two.server.stores.lock_of(Datastore.RUNNING) is None
