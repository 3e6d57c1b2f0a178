"""Committing, locking and rolling back, and what is told of it."""

from __future__ import annotations

import pytest

from agent.app.configuration_file import ConfigurationFile
from agent.datastore.stores import Datastore
from tests.support.junos_configuration import COMMIT, ConfiguredRouter, difference, is_same, load_set, refused
from tests.support.netconf_wire import NAMESPACES, Wire

CONFIRMED = "<commit-configuration><confirmed/><confirm-timeout>5</confirm-timeout></commit-configuration>"
LOCK, UNLOCK = "<lock-configuration/>", "<unlock-configuration/>"
OPEN, CLOSE = "<open-configuration><private/></open-configuration>", "<close-configuration/>"
NAME = load_set("set system host-name r1")


@pytest.fixture
def router() -> ConfiguredRouter:
    return ConfiguredRouter()


@pytest.fixture
def wire(router: ConfiguredRouter) -> Wire:
    return router.connect()


def do(wire: Wire, *requests: str) -> None:
    """Send what is not refused."""
    for request in requests:
        reply = wire.rpc(request)
        assert refused(reply) == []
        assert reply.find(".//nc:ok", NAMESPACES) is not None


def tag(wire: Wire, request: str) -> str | None:
    return wire.rpc(request).findtext("nc:rpc-error/nc:error-tag", None, NAMESPACES)


def host_name(router: ConfiguredRouter) -> list[str]:
    return router.text("system host-name")


class Disk:
    """Where a startup is kept."""

    def __init__(self) -> None:
        self.xml = b""

    def load(self) -> ConfigurationFile | None:
        return None

    def set_aside(self, reason: str) -> None:
        raise AssertionError(reason)

    def keep(self, xml: bytes) -> None:
        self.xml = xml


def test_a_commit_is_in_use_at_once_and_after_a_restart() -> None:
    disk = Disk()
    router = ConfiguredRouter(startup=disk)
    do(router.connect(), NAME, COMMIT)
    assert host_name(router) == ["host-name r1;"]
    assert b"<host-name>r1</host-name>" in disk.xml
    assert is_same(router.root(Datastore.STARTUP), router.root(Datastore.RUNNING))


def test_what_is_not_valid_is_refused_with_the_statement_at_fault(router: ConfiguredRouter, wire: Wire) -> None:
    do(wire, load_set("delete security ipsec policy ipsec-policy"))
    for request in ("<commit-configuration><check/></commit-configuration>", COMMIT):
        (message,) = refused(wire.rpc(request))
        assert message.startswith("[edit security ipsec security-association sa-dynamic dynamic] ipsec-policy ")
    assert router.text("security ipsec policy") != []


def test_a_check_changes_nothing(router: ConfiguredRouter, wire: Wire) -> None:
    do(wire, NAME, "<commit-configuration><check/></commit-configuration>")
    assert host_name(router) == []
    assert difference(wire) != []


def test_a_commit_that_nobody_confirms_is_undone_in_its_minutes(router: ConfiguredRouter, wire: Wire) -> None:
    do(wire, NAME, CONFIRMED)
    server = router.gateway.server
    server.advance(299.0)
    assert host_name(router) == ["host-name r1;"]
    server.advance(300.0)
    assert host_name(router) == []


def test_a_commit_to_be_confirmed_does_not_outlive_a_restart_before() -> None:
    disk = Disk()
    wire = ConfiguredRouter(startup=disk).connect()
    do(wire, NAME, CONFIRMED)
    assert disk.xml == b""
    do(wire, COMMIT)
    assert b"<host-name>r1</host-name>" in disk.xml


def test_what_waits_to_be_confirmed_is_told_with_its_minutes_until_it_is(wire: Wire) -> None:
    def revision() -> tuple[str, str, str | None]:
        (found,) = wire.rpc("<get-commit-revision-information><level>detail</level></get-commit-revision-information>")
        return (
            found.findtext("{*}revision", "").rpartition("-")[2],
            found.findtext("{*}user", ""),
            found.findtext("{*}comment"),
        )

    assert revision() == ("1", "root", None)
    do(wire, NAME, CONFIRMED)
    assert revision() == ("2", "admin", "commit confirmed, rollback in 5mins")
    do(wire, COMMIT)
    assert revision() == ("2", "admin", None)


def test_another_session_confirms_when_the_first_has_ended(router: ConfiguredRouter, wire: Wire) -> None:
    do(wire, NAME, CONFIRMED, "<close-session/>")
    do(router.connect(), COMMIT)
    router.gateway.server.advance(300.0)
    assert host_name(router) == ["host-name r1;"]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ("<commit-configuration><at-time>23:00</at-time></commit-configuration>", "operation-not-supported"),
        (CONFIRMED.replace("5", "0"), "invalid-value"),
        (CONFIRMED.replace("5", "x"), "invalid-value"),
        ("<open-configuration><dynamic/></open-configuration>", "operation-not-supported"),
        pytest.param(
            f"<get-rollback-information><rollback>{'9' * 5000}</rollback></get-rollback-information>",
            "invalid-value",
            id="a number of many digits",
        ),
        pytest.param(
            '<load-configuration format="json"><configuration-json>{"configuration": {"system": {"host-name": '
            f"{'9' * 5000}}}}}}}</configuration-json></load-configuration>",
            "operation-failed",
            id="JSON with a number of many digits",
        ),
        (UNLOCK, "operation-failed"),
        (CLOSE, "operation-failed"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused(wire: Wire, request_: str, expected: str) -> None:
    error = wire.rpc(request_).find("nc:rpc-error", NAMESPACES)
    assert error is not None
    assert error.findtext("nc:error-tag", None, NAMESPACES) == expected
    assert "its log says why" not in error.findtext("nc:error-message", "", NAMESPACES)


@pytest.mark.parametrize(("begin", "end"), [(LOCK, UNLOCK), (OPEN, CLOSE)])
def test_a_lock_keeps_others_out_and_takes_with_it_what_was_not_committed(
    router: ConfiguredRouter, wire: Wire, begin: str, end: str
) -> None:
    other = router.connect()
    do(wire, begin, NAME)
    assert tag(other, begin) == "lock-denied"
    assert tag(other, load_set("set system host-name other")) == "in-use"
    assert tag(other, COMMIT) == "in-use"
    assert tag(other, '<load-configuration rollback="0"/>') == "in-use"
    do(wire, end)
    assert difference(other) == []
    do(other, load_set("set system host-name other"), COMMIT)


def test_rollback_0_is_what_is_in_use(wire: Wire) -> None:
    do(wire, NAME)
    assert difference(wire) != []
    do(wire, '<load-configuration rollback="0"/>')
    assert difference(wire) == []


def test_rollback_1_is_what_was_in_use_before(router: ConfiguredRouter, wire: Wire) -> None:
    do(wire, NAME, COMMIT, load_set("set system host-name r2"), COMMIT)
    do(wire, '<load-configuration compare="rollback" rollback="1"/>')
    assert difference(wire) == ["[edit system]", "-  host-name r2;", "+  host-name r1;"]
    do(wire, COMMIT)
    assert host_name(router) == ["host-name r1;"]


def test_an_edit_of_running_can_be_rolled_back_too(wire: Wire) -> None:
    system = '<system xmlns="urn:ipsec-agent:system"><host-name>theirs</host-name></system>'
    do(wire, f"<edit-config><target><running/></target><config>{system}</config></edit-config>")
    do(wire, '<load-configuration rollback="1"/>')
    assert difference(wire) == ["[edit]", "-   system {", "-       host-name theirs;", "-   }"]


def test_the_candidate_is_compared_with_any_of_them(wire: Wire) -> None:
    do(wire, NAME, COMMIT, load_set("set system host-name r2"), COMMIT)
    request = '<get-configuration compare="rollback" rollback="{}" database="committed" format="text"/>'
    assert difference(wire, request.format(0)) == []
    assert difference(wire, request.format(1)) == ["[edit system]", "-  host-name r1;", "+  host-name r2;"]
    assert difference(wire, request.format(2)) == ["[edit]", "+   system {", "+       host-name r2;", "+   }"]


def test_fifty_are_kept(router: ConfiguredRouter, wire: Wire) -> None:
    for number in range(60):
        do(wire, load_set(f"set system host-name r{number}"), COMMIT)
    assert len(router.face.rollbacks) == 50
    do(wire, '<load-configuration rollback="49"/>')
    assert difference(wire) == ["[edit system]", "-  host-name r59;", "+  host-name r10;"]


def test_it_is_told_who_committed_what_and_what_was_said_of_it(router: ConfiguredRouter, wire: Wire) -> None:
    do(wire, NAME, "<commit-configuration><log>because</log></commit-configuration>")
    router.advance(60)
    do(wire, load_set("set system host-name r2"), COMMIT)
    told = [
        tuple(each.findtext(f"{{*}}{name}") for name in ("sequence-number", "user", "client", "log", "date-time"))
        for each in wire.rpc("<get-commit-information/>").iterfind(".//{*}commit-history")
    ]
    assert told == [
        ("0", "admin", "netconf", None, "2003-03-10 12:01:08 UTC"),
        ("1", "admin", "netconf", "because", "2003-03-10 12:00:08 UTC"),
        ("2", "root", "other", None, "2003-03-10 12:00:00 UTC"),
    ]


def test_a_comment_of_a_commit_that_failed_is_not_that_of_the_next(router: ConfiguredRouter, wire: Wire) -> None:
    do(wire, load_set("delete security ipsec policy ipsec-policy"))
    wire.rpc("<commit-configuration><log>wrong</log></commit-configuration>")
    do(wire, '<load-configuration rollback="0"/>', NAME, COMMIT)
    assert router.face.rollbacks[0].log == ""


def test_one_that_was_committed_is_shown_in_any_format(wire: Wire) -> None:
    do(wire, NAME, COMMIT)
    request = "<get-rollback-information><rollback>{}</rollback><format>set</format></get-rollback-information>"
    newest, older = (wire.rpc(request.format(number)).findtext(".//{*}configuration-set") or "" for number in (0, 1))
    assert "set system host-name r1" in newest
    assert "host-name" not in older
    assert "set interfaces es-1/1/0" in older


def test_two_that_were_committed_are_compared_from_the_first_to_the_second(wire: Wire) -> None:
    do(wire, NAME, COMMIT)
    request = "<get-rollback-information><rollback>1</rollback><compare>0</compare></get-rollback-information>"
    assert difference(wire, request) == ["[edit]", "+   system {", "+       host-name r1;", "+   }"]
