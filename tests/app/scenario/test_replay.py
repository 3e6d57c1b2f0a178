"""A journal that is run again comes out the same to the byte, and whoever changes it is told where."""

from __future__ import annotations

import io
from collections import deque
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.app.router import open_shell
from agent.app.scenario.replay import BadJournal, first_difference, read_journal
from agent.app.scenario.run import ReplayDiffers, RunOptions, run, run_again
from agent.datastore.faults import FaultKind
from agent.netconf.server import Client
from tests.support.chapter import registry
from tests.support.journals import Written, lines
from tests.support.netconf_wire import BASE, BASE_1_0, Wire, chunk, envelope

EM = "urn:ipsec-agent:emulation"
SCHEMA = registry().schema
CLEAR = '<clear-ike-security-associations xmlns="urn:ipsec-agent:ike"/>'
SECRET = (
    "<edit-config><target>{}</target><config>"
    '<ike xmlns="urn:ipsec-agent:ike"><policy><peer-address>4.4.4.4</peer-address><pre-shared-key>'
    "<ascii-text>another one</ascii-text></pre-shared-key></policy></ike></config></edit-config>"
)


def rpc(called: str, **leaves: object) -> str:
    """Return an RPC of the emulation."""
    content = "".join(f"<{leaf}>{text}</{leaf}>" for leaf, text in leaves.items())
    return f'<{called} xmlns="{EM}">{content}</{called}>'


@pytest.fixture
def scene(tmp_path: Path) -> Written:
    """A gateway that is written down."""
    return Written(tmp_path / "journal")


def test_requests_at_their_times_give_the_same_bytes(scene: Written) -> None:
    admin, operator = scene.connect(), scene.connect("operator", BASE_1_0)
    admin.rpc(rpc("set-peer", address="4.4.4.4", reachable="false"))
    scene.advance(33.3)
    operator.rpc(CLEAR)
    scene.advance(100)
    admin.rpc(rpc("set-peer", address="4.4.4.4", reachable="true"))
    operator.exchange("<no-rpc/>")
    scene.advance(4000)
    text = scene.end()
    assert len(lines(text, "event")) > 10
    assert scene.again() == text


def test_time_that_is_moved_by_request_moves_again(scene: Written) -> None:
    wire = scene.connect()
    wire.session.receive(chunk(envelope(rpc("advance-time", seconds=7200))))
    assert wire.receive() is None
    scene.advance(0)
    assert wire.receive() is not None
    wire.session.receive(chunk(envelope(rpc("advance-to-next-timer"))))
    assert wire.receive() is None
    scene.advance(0)
    assert wire.receive() is not None
    text = scene.end()
    assert scene.again() == text


def test_a_secret_is_given_again_though_the_journal_does_not_have_it(scene: Written) -> None:
    wire = scene.connect()
    wire.rpc(SECRET.format("<running/>"))
    wire.rpc(CLEAR)
    scene.advance(60)
    text = scene.end()
    assert any(line["event"] == "ike-negotiation-failed" for line in lines(text, "event")), "the peer has another key"
    assert scene.again() == text
    scene.path.with_name("journal.secrets").unlink()
    assert "another one" not in scene.again()


def test_commands_at_the_prompt_are_given_again(scene: Written) -> None:
    gateway = scene.gateway
    operator = open_shell(gateway.server, Client("operator", "192.0.2.9", "cli"))
    guest = open_shell(gateway.server, Client("guest", "192.0.2.9", "cli"))
    deque(operator.feed_line("request ipsec switch security-associations"))
    scene.advance(33.3)
    deque(guest.feed_line("request ipsec switch interface"))
    deque(operator.feed_line("show ike security-associations detail | display xml"))
    deque(operator.feed_line("no command"))
    scene.advance(100)
    text = scene.end()
    assert [line["command"]["outcome"] for line in lines(text, "command")] == ["ok", "refused", "ok", "refused"]
    assert [line["event"] for line in lines(text, "event")].count("tunnel-switched") == 1
    assert scene.again() == text


def test_faults_strike_the_same_requests_again(scene: Written) -> None:
    wire = scene.connect()
    wire.rpc(rpc("inject-fault", kind="error", operation="get", probability="0.5"))
    for _ in range(10):
        wire.rpc("<get><filter/></get>")
    wire.rpc(rpc("inject-fault", kind="delay", operation="get-config", seconds="5"))
    wire.session.receive(chunk(envelope("<get-config><source><running/></source></get-config>")))
    assert wire.receive() is None
    text = scene.end()
    assert 1 < len(lines(text, "fault")) < 10
    assert scene.again() == text


def test_clients_that_go_away_and_commits_that_nobody_confirms_do_so_again(scene: Written) -> None:
    first, second = scene.connect(), scene.connect()
    nobody = Wire(scene.gateway.server.open_session(Client("x", "192.0.2.9", "netconf-ssh"), lambda: None), SCHEMA)
    nobody.send("<no-hello/>")
    assert nobody.is_finished
    first.session.lost()
    second.rpc(SECRET.format("<candidate/>"))
    second.rpc("<commit><confirmed/><confirm-timeout>10</confirm-timeout></commit>")
    scene.advance(5)
    scene.gateway.server.changes.advance(1e9)
    scene.advance(5)
    second.session.advance(1e9)
    text = scene.end()
    told = [(line["event"], line["leaves"].get("confirm-event")) for line in lines(text, "event")]
    assert ("netconf-confirmed-commit", "timeout") in told
    ended = [line["leaves"]["termination-reason"] for line in lines(text, "event") if "session-end" in line["event"]]
    assert ended == ["bad-hello", "dropped", "timeout"]
    assert scene.again() == text


def test_another_scenario_that_was_loaded_is_loaded_again(scene: Written) -> None:
    scene.connect().rpc(rpc("load-scenario", name="demo"))
    refused = scene.connect()
    refused.rpc(rpc("load-scenario", name="nonsense"))
    refused.rpc(rpc("load-scenario", name="pic-failure"))
    wire = scene.connect()
    wire.rpc(CLEAR)
    scene.advance(120)
    text = scene.end()
    assert lines(text, "action"), "its timeline goes on"
    assert [line["session"]["id"] for line in lines(text, "session")] == [1, 2, 3]
    assert scene.again() == text


def test_a_run_is_repeated_from_its_journal_with_its_seed_and_its_claims(tmp_path: Path) -> None:
    run(RunOptions("pic-failure", seed="another", journal=tmp_path / "j", is_quiet=True), io.StringIO(), registry())
    out = io.StringIO()
    run_again(tmp_path / "j", tmp_path / "copy", out, registry())
    assert "the same" in out.getvalue()
    assert (tmp_path / "copy").read_bytes() == (tmp_path / "j").read_bytes()


def test_a_journal_that_was_changed_is_told_by_the_first_line_that_differs(tmp_path: Path, scene: Written) -> None:
    scene.connect().rpc(CLEAR)
    text = scene.end()
    number = next(index for index, line in enumerate(text.splitlines(), 1) if "ike-sa-deleted" in line)
    scene.path.write_text(text.replace('"reason":"cleared"', '"reason":"replaced"'))
    with pytest.raises(ReplayDiffers, match=f"journal:{number}: "):
        run_again(scene.path, None, io.StringIO(), registry())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"journal":1', '{"journal":2'),
        ('"repeatable":true', '"repeatable":false'),
        ('"digest":"', '"digest":"0'),
        ('{"journal"', '{"diary"'),
        ("{", ""),
    ],
)
def test_what_cannot_be_repeated_is_refused(scene: Written, old: str, new: str) -> None:
    text = scene.end()
    assert old in text
    scene.path.write_text(text.replace(old, new, 1))
    with pytest.raises(BadJournal):
        run_again(scene.path, None, io.StringIO(), registry())


def test_a_journal_without_its_end_is_repeated_as_far_as_it_goes(scene: Written) -> None:
    scene.connect().rpc(CLEAR)
    text = "\n".join(scene.end().splitlines()[:-1]) + "\n"
    scene.path.write_text(text)
    assert scene.again() == text


def test_the_journal_of_nothing_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("")
    with pytest.raises(BadJournal, match="no journal"):
        read_journal(tmp_path / "empty")


@pytest.mark.parametrize(
    ("one", "other", "line"),
    [("a\nb\n", "a\nb\n", None), ("a\nb\n", "a\nc\n", 2), ("a\nb\n", "a\n", 2), ("a\n", "a\nb\n", 2)],
)
def test_the_first_line_that_differs_is_found(one: str, other: str, line: int | None) -> None:
    assert first_difference(one, other) == line


ACTIONS = st.one_of(
    st.tuples(st.just("advance"), st.integers(0, 400)),
    st.tuples(st.just("rpc"), st.sampled_from(["clear-ike-security-associations", "get", "nonsense"])),
    st.tuples(st.just("peer"), st.sampled_from(["true", "false"])),
    st.tuples(st.just("fault"), st.sampled_from([kind.value for kind in FaultKind])),
    st.tuples(st.just("load"), st.sampled_from(["pic-failure", "chapter"])),
    st.tuples(st.just("lose"), st.none()),
)


def act(scene: Written, wire: Wire, kind: str, value: object) -> Wire:
    """Do something, on a new session where the one before is over."""
    if wire.is_finished:
        wire = scene.connect()
    contents = {
        "rpc": f'<{value} xmlns="{"urn:ipsec-agent:ike" if str(value).startswith("clear") else BASE}"/>',
        "peer": rpc("set-peer", address="4.4.4.4", reachable=value),
        "fault": rpc("inject-fault", kind=value, count=1, probability="0.5", seconds="3"),
        "load": rpc("load-scenario", name=value),
    }
    if kind == "advance":
        scene.advance(int(str(value)))
    elif kind == "lose":
        wire.session.lost()
    else:
        wire.session.receive(chunk(envelope(contents[kind])))
        while wire.session.transmit(65_536) or wire.session.release():  # type: ignore[attr-defined]
            pass
    return wire


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTIONS, max_size=12))
def test_whatever_clients_do_comes_out_the_same_again(tmp_path: Path, actions: list[tuple[str, object]]) -> None:
    scene = Written(tmp_path / "journal")
    wire = scene.connect()
    for kind, value in actions:
        wire = act(scene, wire, kind, value)
    text = scene.end()
    assert scene.again() == text
