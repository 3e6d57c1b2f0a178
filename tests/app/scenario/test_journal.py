"""The journal: what happened is in it, in order, in device time, and no secret."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path

from agent.app.router import open_shell
from agent.datastore.faults import FaultKind, FaultRule
from agent.netconf.server import Client
from tests.support.full_disk import largest_file
from tests.support.journals import Written, lines

KEY = "never-to-be-read"
EDIT = (
    "<edit-config><target><running/></target><config>"
    '<ike xmlns="urn:ipsec-agent:ike"><policy><peer-address>4.4.4.4</peer-address><pre-shared-key>'
    f"<ascii-text>{KEY}</ascii-text></pre-shared-key></policy></ike></config></edit-config>"
)
CLEAR = '<clear-ike-security-associations xmlns="urn:ipsec-agent:ike"/>'
UNKNOWN = (
    '<clear-ike-security-associations xmlns="urn:ipsec-agent:ike"><peer-address>9.9.9.9</peer-address>'
    "</clear-ike-security-associations>"
)


def test_the_first_line_says_what_it_is_a_journal_of(tmp_path: Path) -> None:
    first = json.loads(Written(tmp_path / "j").end().splitlines()[0])
    assert (first["journal"], first["scenario"], first["seed"]) == (1, "chapter", "chapter")
    assert first["start"] == "2003-03-10T12:00:00+00:00"


def test_events_stand_in_the_time_of_the_device_with_their_leaves(tmp_path: Path) -> None:
    told = lines(Written(tmp_path / "j").end(), "event")
    (established,) = [line for line in told if line["event"] == "ike-sa-established"]
    assert established["at"].startswith("2003-03-10T12:00:0")
    assert established["leaves"]["remote-address"] == "4.4.4.4"
    assert [line["at"] for line in told] == sorted(line["at"] for line in told)


def test_a_request_stands_before_what_follows_from_it_and_its_outcome_after(tmp_path: Path) -> None:
    scene = Written(tmp_path / "j")
    wire = scene.connect("operator")
    wire.rpc(CLEAR)
    wire.rpc(UNKNOWN)
    text = scene.end()
    (session,) = lines(text, "session")
    assert session["session"] == {
        "id": 1,
        "user": "operator",
        "source": "192.0.2.9",
        "transport": "netconf-ssh",
        "groups": [],
    }
    kinds = [next(key for key in line if key != "at") for line in map(json.loads, text.splitlines()[1:])]
    start = kinds.index("request")
    assert kinds[start : start + 3] == ["request", "event", "reply"]
    assert CLEAR in lines(text, "request")[0]["request"]["message"]
    assert [line["reply"]["outcome"] for line in lines(text, "reply")] == ["ok", "invalid-value"]
    assert lines(text, "reply")[1]["reply"]["errors"] == [{"tag": "invalid-value", "app-tag": "unknown-peer"}]


def test_no_secret_stands_in_it(tmp_path: Path) -> None:
    scene = Written(tmp_path / "j")
    scene.connect().rpc(EDIT)
    text = scene.end()
    assert KEY not in text
    assert lines(text, "reply")[0]["reply"]["outcome"] == "ok"
    assert KEY in (tmp_path / "j.secrets").read_text()


def test_the_secrets_of_a_journal_that_was_there_before_are_gone(tmp_path: Path) -> None:
    (tmp_path / "j.secrets").write_text("old")
    Written(tmp_path / "j").end()
    assert not (tmp_path / "j.secrets").exists()


def test_a_fault_that_strikes_is_written_down(tmp_path: Path) -> None:
    scene = Written(tmp_path / "j")
    wire = scene.connect()
    scene.gateway.server.faults.inject(FaultRule(FaultKind.ERROR, error_tag="too-big"))
    wire.rpc(CLEAR)
    text = scene.end()
    assert lines(text, "fault")[0]["fault"] == {"session": 1, "id": 1, "kind": "error", "hits": 1}
    assert lines(text, "reply")[0]["reply"]["outcome"] == "too-big"


def test_what_is_no_message_at_all_is_written_down_too(tmp_path: Path) -> None:
    scene = Written(tmp_path / "j")
    scene.connect().exchange(b"\xff\xfe<")
    text = scene.end()
    assert lines(text, "request")[0]["request"]["message"] == "\udcff\udcfe<"
    assert lines(text, "reply")[0]["reply"]["outcome"] == "malformed-message"


def test_a_command_at_the_prompt_is_written_down_without_the_secrets_in_it(tmp_path: Path) -> None:
    scene = Written(tmp_path / "j")
    shell = open_shell(scene.gateway.server, Client("operator", "192.0.2.9", "cli", ("noc",)))
    deque(shell.feed_line("clear ike security-associations"))
    deque(shell.feed_line('set security ike policy 4.4.4.4 pre-shared-key ascii-text "the plain one"'))
    text = scene.end()
    told = [line["command"] for line in lines(text, "command")]
    assert [each["outcome"] for each in told] == ["ok", "refused"]
    assert told[0] == {
        "user": "operator",
        "source": "192.0.2.9",
        "groups": ["noc"],
        "line": "clear ike security-associations",
        "outcome": "ok",
    }
    assert told[1]["line"].endswith('ascii-text "$secret$1"')
    assert "plain one" not in text


def test_of_a_line_that_finds_no_room_on_the_disk_nothing_is_there_nor_of_any_after_it(tmp_path: Path) -> None:
    scene = Written(tmp_path / "j")
    wire = scene.connect()
    wire.rpc(CLEAR)
    whole = (tmp_path / "j").read_bytes()
    with largest_file(len(whole) + 10):
        wire.rpc(CLEAR)
        assert (tmp_path / "j").read_bytes() == whole
    wire.rpc(CLEAR)
    assert scene.end().encode() == whole
    assert scene.journal.complaint() is not None
