"""The audit log says who has done what, from where, and what came of it, and repeats no value of the configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.app.audit import FILE_NAME, Audit
from agent.app.rotation import RotatingFile
from agent.app.router import open_shell
from agent.netconf.server import Client
from tests.support.chapter import Emulation, registry
from tests.support.netconf_wire import error

NOON = 1_700_000_000_000_000
SECRET = "never-to-be-seen"
POLICY = (
    '<ike xmlns="urn:ipsec-agent:ike"><policy><peer-address>192.0.2.77</peer-address><proposal>ike-proposal</proposal>'
    f"<pre-shared-key><ascii-text>{SECRET}</ascii-text></pre-shared-key></policy></ike>"
)
EDIT = f"<edit-config><target><running/></target><config>{POLICY}</config></edit-config>"


class Audited:
    """The gateway of the chapter with an audit log."""

    def __init__(self, folder: Path, *, reads: bool = False) -> None:
        self.emulation = Emulation()
        self.path = folder / FILE_NAME
        self.audit = Audit(RotatingFile(self.path, 1_000_000, 1), registry(), lambda: NOON, reads=reads)
        self.emulation.gateway.server.record(self.audit)

    @property
    def lines(self) -> list[dict[str, object]]:
        """What has been written."""
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []

    def about(self, operation: str) -> list[dict[str, object]]:
        """The lines about an operation."""
        return [line for line in self.lines if line["operation"] == operation]


def test_a_login_and_its_end_are_written(tmp_path: Path) -> None:
    audited = Audited(tmp_path)
    audited.emulation.connect("operator").rpc("<close-session/>")
    assert [(line["operation"], line["result"]) for line in audited.lines] == [
        ("login", "ok"),
        ("close-session", "ok"),
        ("logout", "closed"),
    ]
    who = {(line["user"], line["source"], line["transport"], line["session"]) for line in audited.lines}
    assert who == {("operator", "192.0.2.1", "netconf-ssh", 1)}


def test_a_refused_login_is_written(tmp_path: Path) -> None:
    audited = Audited(tmp_path)
    audited.audit.refused_login(audited.emulation.gateway, "mallory\n", "198.51.100.7", "netconf-ssh")
    (line,) = audited.lines
    assert (line["user"], line["source"], line["operation"], line["result"]) == (
        "mallory\n",
        "198.51.100.7",
        "login",
        "access-denied",
    )


def test_a_change_says_where_and_what_and_not_to_which_value(tmp_path: Path) -> None:
    audited = Audited(tmp_path)
    assert audited.emulation.connect().rpc(EDIT).find("{*}ok") is not None
    (edit,) = audited.about("edit-config")
    assert (edit["user"], edit["target"], edit["result"]) == ("admin", "running", "ok")
    (change,) = audited.about("netconf-config-change")
    assert change["user"] == "admin"
    assert any("policy" in str(value) for key, value in change.items() if key.endswith("/target"))
    assert SECRET not in audited.path.read_text()


def test_a_refusal_is_written_with_its_tags(tmp_path: Path) -> None:
    audited = Audited(tmp_path)
    assert error(audited.emulation.connect("guest").rpc("<get/>"))["error-tag"] == "access-denied"
    (line,) = audited.about("get")
    assert (line["user"], line["result"]) == ("guest", "access-denied")


@pytest.mark.parametrize("reads", [False, True])
def test_what_only_reads_is_written_when_that_is_asked_for(tmp_path: Path, reads: bool) -> None:
    audited = Audited(tmp_path, reads=reads)
    wire = audited.emulation.connect()
    wire.get_config()
    wire.rpc("<command>show ike security-associations</command>")
    assert (len(audited.about("get-config")), len(audited.about("command"))) == (reads, reads)


def test_a_command_that_does_something_is_written_with_its_words(tmp_path: Path) -> None:
    audited = Audited(tmp_path)
    audited.emulation.connect().rpc("<command>clear ike security-associations</command>")
    (line,) = audited.about("command")
    assert (line["target"], line["result"]) == ("clear ike security-associations", "ok")


def test_of_a_line_that_is_no_command_only_the_first_word_is_written(tmp_path: Path) -> None:
    audited = Audited(tmp_path)
    audited.emulation.connect().rpc(f"<command>set pre-shared-key {SECRET}</command>")
    (line,) = audited.about("command")
    assert line["target"] == "set"
    assert SECRET not in audited.path.read_text()


def test_a_line_at_the_prompt_is_written_as_a_command_over_netconf_is(tmp_path: Path) -> None:
    audited = Audited(tmp_path)
    for user, line in (("admin", "clear ike security-associations"), ("guest", "show ike security-associations")):
        shell = open_shell(audited.emulation.gateway.server, Client(user, "192.0.2.9", "cli"))
        list(shell.feed_line(line))
    list(shell.feed_line(f"set pre-shared-key {SECRET}"))
    written = [(line["user"], line["source"], line["target"], line["result"]) for line in audited.about("command")]
    assert written == [
        ("admin", "192.0.2.9", "clear ike security-associations", "ok"),
        ("guest", "192.0.2.9", "show", "refused"),
        ("guest", "192.0.2.9", "set", "refused"),
    ]


def test_a_message_that_is_none_is_written_as_malformed(tmp_path: Path) -> None:
    audited = Audited(tmp_path)
    audited.emulation.connect().exchange(f"<rpc {SECRET}")
    (line,) = audited.about("malformed")
    assert line["result"] == "malformed-message"
    assert SECRET not in audited.path.read_text()


def test_a_name_that_a_client_has_made_up_is_cut(tmp_path: Path) -> None:
    audited = Audited(tmp_path)
    audited.emulation.connect().rpc(f"<{'x' * 10_000}/>")
    assert max(map(len, audited.path.read_text().splitlines())) < 1000


def test_a_log_that_cannot_be_written_holds_up_nobody(tmp_path: Path) -> None:
    audited = Audited(tmp_path / "none")
    assert audited.emulation.connect().rpc(EDIT).find("{*}ok") is not None
    assert audited.audit.file.lost >= 3


def test_lines_that_were_lost_are_told_of_in_the_log_itself(tmp_path: Path) -> None:
    audited = Audited(tmp_path)
    wire = audited.emulation.connect()
    audited.audit.file.close()
    audited.path.rename(tmp_path / "moved")
    audited.path.mkdir()
    for _ in range(3):
        wire.rpc("<discard-changes/>")
    audited.path.rmdir()
    for _ in range(2):
        wire.rpc("<discard-changes/>")
    assert [line["operation"] for line in audited.lines] == ["discard-changes", "lines-lost", "discard-changes"]
    assert audited.lines[1]["lines"] == 3
