"""netconf-console2, as people call it from a shell, against the running program: its whole range of commands."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from lxml import etree

from tests.interop.test_ncclient import connect
from tests.support.manager_work import has_proposal, proposal, removal
from tests.support.served import Served

CONSOLE = Path(sys.executable).with_name("netconf-console2")
IKE = "urn:ipsec-agent:ike"
NAMESPACE = ("--ns", f"ike={IKE}")
pytestmark = [
    pytest.mark.skipif(not CONSOLE.exists(), reason="netconf-console2 is not installed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]


@dataclass(frozen=True)
class Console:
    """Runs the program, in a folder for the files it is given."""

    server: Served
    folder: Path

    def __call__(self, *arguments: str, user: str = "admin") -> str:
        """Run some commands in one session and return what is printed."""
        to = ("--host", self.server.host, "--port", str(self.server.port), "-u", user, "-p", user)
        done = subprocess.run(
            [CONSOLE, *to, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout + done.stderr

    def file(self, config: str) -> str:
        """Write what is in a config element to a file and return its path."""
        path = self.folder / "edit.xml"
        path.write_bytes(etree.tostring(etree.fromstring(config)[0]))
        return str(path)


@pytest.fixture
def console(chapter: Served, tmp_path: Path) -> Console:
    return Console(chapter, tmp_path)


def is_there(console: Console, name: str, source: str = "running") -> bool:
    """Look for a proposal with another client."""
    with connect(console.server) as session:
        return has_proposal(session, name, source)


def test_the_hello_is_shown(console: Console) -> None:
    assert "urn:ietf:params:netconf:capability:candidate:1.0" in console("--hello")


def test_get_takes_a_path(console: Console) -> None:
    shown = console(*NAMESPACE, "--get", "/ike:ike/ike:security-associations")
    assert "<remote-address>4.4.4.4</remote-address>" in shown
    assert "<proposal>" not in shown


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_both_framings_are_spoken(console: Console, version: str) -> None:
    assert "<name>ike-proposal</name>" in console("--version", version, *NAMESPACE, "--get-config", "/ike:ike")


def test_get_config_takes_a_datastore_a_path_and_a_mode_for_defaults(console: Console) -> None:
    assert "security-associations" not in console(*NAMESPACE, "--db", "candidate", "--get-config", "/ike:ike")
    everything = console(*NAMESPACE, "--with-defaults", "report-all", "--get-config", "/ike:ike/ike:policy")
    assert "<remote-port>500</remote-port>" in everything
    assert "<remote-port>" not in console(*NAMESPACE, "--with-defaults", "trim", "--get-config", "/ike:ike/ike:policy")


def test_a_file_is_edited_into_the_candidate_validated_and_committed(console: Console) -> None:
    added = console.file(proposal("console"))
    to_candidate = ("--db", "candidate")
    shown = console(*to_candidate, "--lock", "--edit-config", added, "--validate", "candidate", "--commit", "--unlock")
    assert shown.count("<ok ") == 5
    assert is_there(console, "console")
    assert console("--edit-config", console.file(removal("console"))).count("<ok ") == 1
    assert not is_there(console, "console")


def test_what_is_discarded_was_never_there(console: Console) -> None:
    added = console.file(proposal("console-discarded"))
    assert console("--db", "candidate", "--edit-config", added, "--discard-changes", "--commit").count("<ok ") == 3
    assert not is_there(console, "console-discarded")


def test_a_commit_that_nobody_confirms_goes_with_its_session(console: Console) -> None:
    added = console.file(proposal("console-tried"))
    shown = console("--db", "candidate", "--timeout", "60", "--edit-config", added, "--commit", "confirmed")
    assert shown.count("<ok ") == 2
    assert not is_there(console, "console-tried")


def test_paths_are_set_created_and_deleted(console: Console) -> None:
    path = "/ike:ike/proposal[name=ike-proposal]/lifetime-seconds"
    assert "<ok " in console(*NAMESPACE, "--set", f"{path}=7200")
    assert "<lifetime-seconds>7200</lifetime-seconds>" in console(*NAMESPACE, "--get-config", "/ike:ike/ike:proposal")
    assert "<ok " in console(*NAMESPACE, "--delete", path)
    assert "<lifetime-seconds>" not in console(*NAMESPACE, "--get-config", "/ike:ike/ike:proposal")


def test_running_is_copied_to_startup(console: Console) -> None:
    assert "<ok " in console("--copy-running-to-startup")
    assert is_there(console, "ike-proposal", "startup")
    with connect(console.server) as session:
        session.delete_config("startup")


def test_a_file_is_copied_to_a_datastore(console: Console) -> None:
    shown = console("--db", "candidate", "--copy-config", console.file(proposal("alone")), "--get-config", "/ike")
    assert "<ok " in shown
    assert is_there(console, "alone", "candidate")
    assert not is_there(console, "ike-proposal", "candidate")
    assert "<ok " in console("--discard-changes")


def test_a_schema_is_fetched(console: Console) -> None:
    assert "module ipsec-agent-ike {" in console("--get-schema", "ipsec-agent-ike")


def test_a_session_is_killed(console: Console) -> None:
    victim = connect(console.server)
    assert "<ok " in console("--kill-session", victim.session_id)
    assert "invalid-value" in console("--kill-session", victim.session_id)


def test_a_file_with_an_operation_of_ours_is_called(console: Console) -> None:
    path = console.folder / "rpc.xml"
    path.write_text(f'<clear-ike-security-associations xmlns="{IKE}"/>')
    reply = etree.fromstring(console("--rpc", str(path)).encode())
    assert reply.findtext(f"{{{IKE}}}cleared") == "1"


def test_a_subscriber_is_told_what_happens_in_its_session(console: Console) -> None:
    added, removed = console.file(proposal("console-told")), console.folder / "removal.xml"
    removed.write_bytes(etree.tostring(etree.fromstring(removal("console-told"))[0]))
    shown = console(
        "--create-subscription", "NETCONF", "--edit-config", added, "--edit-config", str(removed), "--sleep", "1"
    )
    assert "netconf-config-change" in shown


def test_a_refusal_is_shown_as_it_is(console: Console) -> None:
    shown = console("--lock", user="operator")
    assert "<error-tag>access-denied</error-tag>" in shown
