"""Edge behaviours, D: operations (RFC 6241 sections 7 and 8), over raw messages."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from agent.datastore.stores import Datastore
from tests.support.access import nacm, path, rule
from tests.support.candidates import CANCEL, COMMIT, DISCARD, LOCK, UNLOCK, confirmed, edit_candidate, with_id
from tests.support.editor import BEFORE, OPEN_DOORS, copy_config, edit_config, is_ok, option, tags_of
from tests.support.edits import op, serialized, shop
from tests.support.netconf_wire import Wire, chunk, envelope, error, text, texts
from tests.support.shop import ShopServer, buy
from tests.support.subscribers import NAMES as TOLD
from tests.support.subscribers import subscriber, told

LOCK_RUNNING: Final = "<lock><target><running/></target></lock>"
UNLOCK_RUNNING: Final = "<unlock><target><running/></target></unlock>"
NEW: Final = shop("<name>new</name>")
INVALID: Final = shop("<rules><favourite>nowhere</favourite></rules>")
ROLLBACK: Final = option("error-option", "rollback-on-error")
STATE: Final = '<shop xmlns="urn:toy"><totals/><customer/></shop>'


class Two:
    """A server with two clients; `ann` has the session 1, `ben` 2."""

    def __init__(self, before: str = OPEN_DOORS + BEFORE, *, tells_of_itself: bool = False) -> None:
        self.server = ShopServer(before, tells_of_itself=tells_of_itself)
        self.ann, self.ben = self.server.connect("ann"), self.server.connect("ben")

    def of(self, datastore: Datastore = Datastore.RUNNING) -> str:
        """Return the content of a datastore."""
        return serialized(self.server.stores.root(datastore))

    @property
    def name(self) -> str:
        """The name of the shop that runs."""
        return text(self.ben.get_config('<shop xmlns="urn:toy"><name/></shop>'), "toy:shop/toy:name")


def refused(two: Two, wire: Wire, request: str) -> dict[str, str]:
    """Return the one error of a request that changes nothing."""
    before = two.of(), two.of(Datastore.CANDIDATE)
    reply = wire.rpc(request)
    assert (two.of(), two.of(Datastore.CANDIDATE)) == before
    return error(reply)


def edit_refused(content: str, options: str = "") -> dict[str, str]:
    """Return the one error of an edit of running that changes nothing."""
    two = Two()
    return refused(two, two.ann, edit_config(content, options))


def test_d1_a_lock_that_another_holds_is_denied_with_its_id() -> None:
    two = Two()
    assert is_ok(two.ann.rpc(LOCK_RUNNING))
    found = refused(two, two.ben, LOCK_RUNNING)
    assert (found["error-tag"], found["error-type"], found["session-id"]) == ("lock-denied", "protocol", "1")


def test_d2_a_candidate_with_changes_is_not_locked() -> None:
    two = Two()
    two.ben.rpc(edit_candidate(NEW))
    found = refused(two, two.ann, LOCK)
    assert (found["error-tag"], found["session-id"]) == ("lock-denied", "0")


def test_d3_running_is_not_locked_while_another_has_a_commit_to_confirm() -> None:
    two = Two()
    two.ann.rpc(edit_candidate(NEW))
    two.ann.rpc(confirmed())
    found = refused(two, two.ben, LOCK_RUNNING)
    assert (found["error-tag"], found["session-id"]) == ("lock-denied", "1")


def test_d4_what_is_not_locked_is_not_unlocked_and_anothers_lock_stays() -> None:
    two = Two()
    assert refused(two, two.ann, UNLOCK_RUNNING)["error-tag"] == "operation-failed"
    two.ann.rpc(LOCK_RUNNING)
    found = refused(two, two.ben, UNLOCK_RUNNING)
    assert (found["error-tag"], found["session-id"]) == ("lock-denied", "1")
    assert two.server.stores.lock_of(Datastore.RUNNING) is not None


@pytest.mark.parametrize("end", [lambda wire: wire.rpc(UNLOCK), lambda wire: wire.session.lost()])
def test_d5_the_candidate_loses_its_changes_with_its_lock_however_that_ends(end: object) -> None:
    two = Two()
    two.ann.rpc(LOCK)
    two.ann.rpc(edit_candidate(NEW))
    assert callable(end)
    end(two.ann)
    assert two.of(Datastore.CANDIDATE) == two.of()


@pytest.mark.parametrize("request_", [edit_config(NEW), copy_config("<startup/>", "running"), COMMIT])
def test_d6_what_another_has_locked_is_in_use(request_: str) -> None:
    two = Two()
    two.ann.rpc(LOCK_RUNNING)
    assert refused(two, two.ben, request_)["error-tag"] == "in-use"


def test_d7_close_session_answers_what_came_before_it_and_itself_and_then_closes() -> None:
    two = Two()
    wire = two.ann
    wire.session.receive(chunk(envelope(buy("tea"), "1")) + chunk(envelope("<close-session/>", "2")))
    assert [reply.get("message-id") for reply in (wire.receive(), wire.receive()) if reply is not None] == ["1", "2"]
    assert wire.session.is_finished


def test_d8_a_session_does_not_kill_itself() -> None:
    two = Two()
    kill = "<kill-session><session-id>1</session-id></kill-session>"
    assert refused(two, two.ann, kill)["error-tag"] == "invalid-value"
    assert not two.ann.session.is_finished


def test_d9_a_session_that_is_not_there_is_not_killed() -> None:
    two = Two()
    kill = "<kill-session><session-id>99</session-id></kill-session>"
    assert refused(two, two.ann, kill)["error-tag"] == "invalid-value"


def test_d10_a_killed_session_ends_its_commit_goes_back_and_it_is_told_who_killed_it() -> None:
    two = Two(tells_of_itself=True)
    two.ann.rpc(edit_candidate(NEW))
    two.ann.rpc(confirmed())
    watcher = subscriber(two.server)
    assert is_ok(two.ben.rpc("<kill-session><session-id>1</session-id></kill-session>"))
    assert two.ann.session.is_finished
    assert not two.ben.session.is_finished
    assert two.name == "corner"
    ends = [one for one in told(watcher) if etree.QName(one).localname == "netconf-session-end"]
    ietf = {**TOLD, "ncn": "urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"}
    assert [one.findtext("ncn:termination-reason", namespaces=ietf) for one in ends] == ["killed"]
    assert [one.findtext("ncn:killed-by", namespaces=ietf) for one in ends] == ["2"]


def test_d11_get_config_returns_no_state() -> None:
    two = Two()
    two.server.shop.sold = 3
    assert texts(two.ann.get_config(), "toy:shop/toy:totals") == []
    assert texts(two.ann.get(), "toy:shop/toy:totals/toy:sold") == ["3"]


def test_d12_get_config_that_asks_for_state_alone_gets_empty_data() -> None:
    two = Two()
    two.server.shop.sold = 3
    assert len(two.ann.get_config(STATE)) == 0


def test_d13_a_datastore_that_there_is_not_is_an_error() -> None:
    two = Two()
    found = refused(two, two.ann, "<get-config><source><moon/></source></get-config>")
    assert (found["error-tag"], found["bad-element"]) == ("unknown-element", "moon")


def test_d14_state_is_not_edited_and_nothing_else_of_the_edit_is_done() -> None:
    found = edit_refused(shop("<name>new</name><totals><sold>5</sold></totals>"), ROLLBACK)
    assert (found["error-tag"], found["bad-element"]) == ("unknown-element", "totals")


def test_d15_create_wants_nothing_there_delete_something_and_remove_takes_either() -> None:
    created = edit_refused(shop(f"<name{op('create')}>new</name>"))
    deleted = edit_refused(shop(f"<tag{op('delete')}>x</tag>"))
    assert (created["error-tag"], created["error-type"]) == ("data-exists", "application")
    assert (deleted["error-tag"], deleted["error-type"]) == ("data-missing", "application")
    assert is_ok(Two().ann.rpc(edit_config(shop(f"<tag{op('remove')}>x</tag>"))))


def test_d16_with_the_default_operation_none_a_parent_that_is_missing_is_an_error() -> None:
    content = shop(f"<shelf><row>9</row><column>z</column><label{op('create')}>x</label></shelf>")
    assert edit_refused(content, option("default-operation", "none"))["error-tag"] == "data-missing"


@pytest.mark.parametrize("operation", ["create", "delete", "remove", "x", ""])
def test_d17_another_default_operation_is_refused(operation: str) -> None:
    assert edit_refused(NEW, option("default-operation", operation))["error-tag"] == "invalid-value"


def test_d18_an_operation_of_another_namespace_or_of_no_known_value_is_refused() -> None:
    alien = edit_refused(shop('<name xmlns:x="urn:x" x:operation="delete">new</name>'))
    assert (alien["error-tag"], alien["bad-attribute"], alien["bad-element"]) == (
        "unknown-attribute",
        "operation",
        "name",
    )
    unknown = edit_refused(shop(f"<name{op('erase')}>new</name>"))
    assert (unknown["error-tag"], unknown["bad-attribute"], unknown["bad-element"]) == (
        "bad-attribute",
        "operation",
        "name",
    )


def test_d19_an_entry_that_is_given_twice_is_refused() -> None:
    twice = "<queue><name>a</name></queue>" * 2
    assert edit_refused(shop(twice))["error-tag"] == "bad-element"


def test_d20_an_entry_without_its_key_is_refused() -> None:
    found = edit_refused(shop("<queue><since>now</since></queue>"))
    assert (found["error-tag"], found["bad-element"]) == ("missing-element", "name")


def test_d21_with_rollback_on_error_nothing_is_done_of_an_edit_with_an_error() -> None:
    assert edit_refused(shop("<name>new</name><from>300</from>"), ROLLBACK)["error-tag"] == "invalid-value"


def test_d22_a_test_changes_nothing_and_says_what_would_come_of_it() -> None:
    two = Two()
    before = two.of()
    only = option("test-option", "test-only")
    assert is_ok(two.ann.rpc(edit_config(NEW, only)))
    assert tags_of(two.ann.rpc(edit_config(INVALID, only))) == ["data-missing"]
    assert two.of() == before


def test_d23_a_commit_of_no_changes_is_ok() -> None:
    assert is_ok(Two().ann.rpc(COMMIT))


def test_d24_the_end_of_the_session_undoes_its_confirmed_commit_at_once() -> None:
    two = Two()
    two.ann.rpc(edit_candidate(NEW))
    two.ann.rpc(confirmed(600))
    assert two.name == "new"
    two.ann.session.lost()
    assert two.name == "corner"


def test_d25_a_follow_up_starts_the_timer_anew_and_the_wrong_token_is_refused() -> None:
    two = Two()
    two.ann.rpc(edit_candidate(NEW))
    two.ann.rpc(confirmed(persist="later"))
    assert two.server.server.next_deadline() == 600.0, "the default of the RFC"
    two.server.management_now = 500.0
    for wrong in (COMMIT, with_id("commit", "other"), CANCEL):
        assert refused(two, two.ben, wrong)["error-tag"] == "invalid-value"
    assert is_ok(two.ben.rpc(confirmed(100, persist_id="later")))
    assert two.server.server.next_deadline() == 600.0
    two.server.server.advance(599.0)
    assert two.name == "new"
    two.server.server.advance(600.0)
    assert two.name == "corner"


def test_d26_confirmed_commit_is_announced_in_both_versions() -> None:
    announced = Two().server.server.capabilities
    for version in ("1.0", "1.1"):
        assert f"urn:ietf:params:netconf:capability:confirmed-commit:{version}" in announced


def test_d27_a_configuration_in_the_request_is_validated() -> None:
    two = Two()
    good, bad = (f"<validate><source><config>{content}</config></source></validate>" for content in (NEW, INVALID))
    assert is_ok(two.ann.rpc(good))
    assert refused(two, two.ann, bad)["error-tag"] == "data-missing"
    assert two.name == "corner"


@pytest.mark.parametrize("datastore", ["running", "candidate", "startup"])
def test_d28_a_datastore_is_not_copied_to_itself(datastore: str) -> None:
    two = Two()
    assert refused(two, two.ann, copy_config(f"<{datastore}/>", datastore))["error-tag"] == "invalid-value"


def test_d29_a_denied_operation_is_told_and_what_cannot_be_read_is_left_out() -> None:
    rules = nacm(
        rule("deny", "<rpc-name>discard-changes</rpc-name>"),
        rule("deny", path("/toy:shop/toy:name")),
        rule("permit"),
        users=("ann",),
    )
    two = Two(rules + BEFORE)
    assert tags_of(two.ann.rpc(DISCARD)) == ["access-denied"]
    assert tags_of(two.ann.rpc(edit_config(NEW))) == ["access-denied"]
    data = two.ann.get_config('<shop xmlns="urn:toy"/>')
    assert (texts(data, ".//toy:name"), texts(data, ".//toy:label")) == ([], ["top"])
    counters = two.server.server.access_counters
    assert (counters.operations, counters.data_writes) == (1, 1)


def test_d30_nobody_is_denied_to_close_its_session() -> None:
    two = Two(nacm(rule("deny"), users=("ann",)) + BEFORE)
    assert tags_of(two.ann.rpc("<get/>")) == ["access-denied"]
    assert is_ok(two.ann.rpc("<close-session/>"))
