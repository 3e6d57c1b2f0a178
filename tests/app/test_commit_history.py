"""What was committed, and by whom, is found again after a restart; what is damaged is not."""

from __future__ import annotations

import re
import stat
from functools import partial
from pathlib import Path

import pytest
from lxml import etree
from ncclient import manager

from agent.app.commit_history import CommitHistory, forget_commits
from agent.app.router import keep_commits
from agent.app.startup import Startup
from agent.app.state import StateDirectory
from tests.support.junos_configuration import COMMIT, ConfiguredRouter, load_set
from tests.support.netconf_wire import NAMESPACES, Wire
from tests.support.served import served

RUNNING_TO_STARTUP = "<copy-config><target><startup/></target><source><running/></source></copy-config>"
HISTORY = "<get-commit-information/>"


def booted(state: StateDirectory, *extra: Path) -> ConfiguredRouter:
    """A gateway with whatever its state directory keeps."""
    return ConfiguredRouter(startup=Startup(state), commits=partial(CommitHistory, state), extra=extra)


def commit(wire: Wire, name: str, log: str = "") -> None:
    """Give the router a name, by a commit."""
    wire.rpc(load_set(f"set system host-name {name}"))
    said = f"<log>{log}</log>" if log else ""
    assert wire.rpc(f"<commit-configuration>{said}</commit-configuration>").find(".//nc:ok", NAMESPACES) is not None


def history(wire: Wire) -> list[tuple[str, str, str]]:
    """What is told of commits, newest first: their number, user and log."""
    told = wire.rpc(HISTORY).findall(".//{*}commit-history")
    return [
        (each.findtext("{*}sequence-number", ""), each.findtext("{*}user", ""), each.findtext("{*}log", ""))
        for each in told
    ]


def name_at(wire: Wire, number: int) -> list[str]:
    """The names of the router in a configuration that was committed."""
    shown = wire.rpc(f"<get-rollback-information><rollback>{number}</rollback></get-rollback-information>")
    return re.findall(r"host-name (\S+);", etree.tostring(shown, method="text", encoding="unicode"))


def refusal(wire: Wire, number: int) -> str:
    """Why there is no such configuration."""
    reply = wire.rpc(f"<get-rollback-information><rollback>{number}</rollback></get-rollback-information>")
    return reply.findtext("nc:rpc-error/nc:error-message", "", NAMESPACES)


def files(state: StateDirectory) -> list[str]:
    """The files of commits."""
    return sorted(path.name for path in state.path.glob("commit-*"))


def test_commits_are_found_again_after_a_restart(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = booted(state).connect()
        commit(wire, "r1", "the first")
        commit(wire, "r2")
        again = booted(state).connect()
        expected = [("0", "admin", ""), ("1", "admin", "the first"), ("2", "root", "")]
        assert history(again) == history(wire) == expected
        assert [name_at(again, number) for number in range(3)] == [["r2"], ["r1"], []]
        commit(again, "r3")
        assert history(again)[1:] == [(str(int(number) + 1), user, log) for number, user, log in expected]


def test_a_rollback_over_a_restart_is_what_was_committed_secrets_and_all(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        first = booted(state)
        wire = first.connect()
        before = first.text()
        commit(wire, "r1")
        wire.rpc(load_set("set security ike policy 4.4.4.4 pre-shared-key ascii-text another"))
        commit(wire, "r2")
        again = booted(state)
        wire = again.connect()
        wire.rpc('<load-configuration rollback="2"/>')
        wire.rpc(COMMIT)
        assert again.text() == before
        again.advance(60)
        assert all(sa.is_matured for sa in again.gateway.device.ike_sas.values()), "the sealed keys open again"
        assert again.gateway.device.ike_sas


def test_what_a_restart_goes_back_to_is_the_newest_where_it_is_another(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = booted(state).connect()
        commit(wire, "r1")
        wire.rpc("<delete-config><target><startup/></target></delete-config>")
        again = booted(state).connect()
        assert history(again) == [("0", "root", ""), ("1", "admin", ""), ("2", "root", "")]
        assert [name_at(again, number) for number in range(3)] == [[], ["r1"], []]


EDIT = (
    "<edit-config><target><running/></target><config><system xmlns='urn:ipsec-agent:system'>"
    "<host-name>r1</host-name></system></config></edit-config>"
)


def test_a_commit_is_kept_before_it_is_answered(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = booted(state).connect()
        wire.rpc(EDIT.replace("running", "candidate"))
        assert files(state) == []
        assert wire.rpc("<commit/>").find("nc:ok", NAMESPACES) is not None
        assert files(state) == ["commit-1.xml", "commit-2.xml"]
        again = booted(state).connect()
        assert history(again) == [("0", "root", ""), ("1", "admin", ""), ("2", "root", "")]
        assert name_at(again, 1) == ["r1"], "as if it had been killed: nobody has written a startup, nor the end"


def test_a_confirmed_commit_that_is_taken_back_is_kept_as_both(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = booted(state).connect()
        wire.rpc(EDIT.replace("running", "candidate"))
        wire.rpc("<commit><confirmed/></commit>")
        wire.rpc("<cancel-commit/>")
        again = booted(state).connect()
        assert history(again) == [("0", "admin", ""), ("1", "admin", ""), ("2", "root", "")]
        assert [name_at(again, number) for number in range(3)] == [[], ["r1"], []]


def test_an_edit_of_running_that_a_restart_undoes_is_kept_no_sooner_than_at_the_end(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        router = booted(state)
        router.connect().rpc(EDIT)
        assert files(state) == []
        keep_commits(router.gateway.server)
        again = booted(state).connect()
        assert history(again) == [("0", "root", ""), ("1", "admin", ""), ("2", "root", "")]
        assert name_at(again, 1) == ["r1"]


def test_a_copy_to_the_startup_keeps_all_that_came_before(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = booted(state).connect()
        wire.rpc(EDIT)
        wire.rpc(EDIT.replace("r1", "r2"))
        wire.rpc(RUNNING_TO_STARTUP)
        again = booted(state).connect()
        assert [name_at(again, number) for number in range(3)] == [["r2"], ["r1"], []]


def test_as_few_are_kept_as_a_router_keeps(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = booted(state).connect()
        for number in range(52):
            wire.rpc(EDIT.replace("r1", f"r{number}"))
        wire.rpc(RUNNING_TO_STARTUP)
        assert len(files(state)) == 50
        again = booted(state).connect()
        assert len(history(again)) == 50
        assert name_at(again, 49) == ["r2"]
        commit(again, "last")
        assert len(files(state)) == 50
        assert len(history(again)) == 50
        assert name_at(again, 49) == ["r3"]


def test_the_newest_are_kept_that_there_is_room_for(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = booted(state).connect()
        wire.rpc(EDIT)
        wire.rpc(RUNNING_TO_STARTUP)
        room = 3 * (state.path / files(state)[-1]).stat().st_size
        crowded = ConfiguredRouter(startup=Startup(state), commits=partial(CommitHistory, state, room=room)).connect()
        for number in range(2, 7):
            crowded.rpc(EDIT.replace("r1", f"r{number}"))
        crowded.rpc(RUNNING_TO_STARTUP)
        assert files(state) == ["commit-5.xml", "commit-6.xml", "commit-7.xml"]
        again = booted(state).connect()
        assert [name_at(again, number) for number in range(3)] == [["r6"], ["r5"], ["r4"]]
        assert len(history(again)) == 3


def test_the_owner_alone_can_read_them_and_no_secret_is_in_them(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        commit(booted(state).connect(), "r1")
        paths = [state.path / name for name in files(state)]
    assert len(paths) == 2
    for path in paths:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert "$sealed$" in path.read_text()
        assert "between-" not in path.read_text()


def cut(octets: bytes) -> bytes:
    return octets[:-40]


def altered(octets: bytes) -> bytes:
    return octets.replace(b"r1", b"r9")


def by_another(octets: bytes) -> bytes:
    return octets.replace(b'"admin"', b'"guest"')


def nothing(octets: bytes) -> bytes:
    return b""


def no_text(octets: bytes) -> bytes:
    return b"\x00\xff\n\x00"


@pytest.mark.parametrize("damage", [cut, altered, by_another, nothing, no_text])
def test_one_that_is_damaged_is_set_aside_and_the_others_are_found(
    tmp_path: Path, damage: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert callable(damage)
    with StateDirectory.open(tmp_path) as state:
        wire = booted(state).connect()
        commit(wire, "r1")
        commit(wire, "r2")
        path = state.path / "commit-2.xml"
        damaged = damage(path.read_bytes())
        path.write_bytes(damaged)
        again = booted(state).connect()
        assert [name_at(again, number) for number in range(2)] == [["r2"], []]
        assert refusal(again, 2) == "rollback 2 does not exist"
        assert files(state) == ["commit-1.xml", "commit-2.xml.damaged", "commit-3.xml"]
        assert (state.path / "commit-2.xml.damaged").read_bytes() == damaged
    assert "commit-2.xml is damaged" in caplog.text


def test_one_that_was_half_written_is_none_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        commit(booted(state).connect(), "r1")
        (state.path / ".commit-3.xml.new").write_bytes(b"half")
    with StateDirectory.open(tmp_path) as state:
        assert len(history(booted(state).connect())) == 2
        assert list(state.path.glob(".commit*")) == []


def test_one_that_needs_modules_that_are_not_served_is_refused_when_it_is_asked_for(tmp_path: Path) -> None:
    module = tmp_path / "toaster.yang"
    module.write_text('module toaster { namespace "urn:toaster"; prefix t; leaf heat { type uint8; } }')
    with StateDirectory.open(tmp_path / "state") as state:
        wire = booted(state, module).connect()
        wire.rpc(EDIT.replace("</config>", '<heat xmlns="urn:toaster">5</heat></config>'))
        wire.rpc(
            '<edit-config><target><running/></target><config><heat xmlns="urn:toaster" '
            'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0" nc:operation="delete"/></config></edit-config>'
        )
        wire.rpc(RUNNING_TO_STARTUP)
        again = booted(state).connect()
        assert name_at(again, 0) == ["r1"]
        assert refusal(again, 1).startswith("what was committed cannot be read: commit-2.xml")
        assert files(state) == ["commit-1.xml", "commit-2.xml", "commit-3.xml"], "it may be served again"


def test_a_commit_that_cannot_be_kept_is_a_commit_and_is_kept_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with StateDirectory.open(tmp_path) as state:
        wire = booted(state).connect()
        blocked = state.path / "commit-2.xml"
        blocked.mkdir()
        commit(wire, "r1")
        assert "commit 2 is not kept for rollback" in caplog.text
        blocked.rmdir()
        commit(wire, "r2")
        assert [name_at(booted(state).connect(), number) for number in range(3)] == [["r2"], ["r1"], []]


def test_what_is_forgotten_is_not_found(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        commit(booted(state).connect(), "r1")
        forget_commits(state)
        assert files(state) == []
        assert history(booted(state).connect()) == [("0", "root", "")]


def test_the_program_keeps_them_when_it_ends_and_forgets_them_with_the_startup(tmp_path: Path) -> None:
    with served(tmp_path, "--scenario", "chapter") as device:
        login = {"username": "admin", "password": "admin", "hostkey_verify": False, "allow_agent": False}
        with manager.connect(host=device.host, port=device.port, **login) as session:
            session.edit_config(
                f'<config xmlns="{NAMESPACES["nc"]}"><system xmlns="urn:ipsec-agent:system"><host-name>r1</host-name>'
                "</system></config>",
                target="running",
            )
    assert sorted(path.name for path in tmp_path.glob("commit-*")) == ["commit-1.xml", "commit-2.xml"]
    with served(tmp_path, "--scenario", "chapter", "--reset"):
        assert list(tmp_path.glob("commit-*")) == []
