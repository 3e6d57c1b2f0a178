"""Root's privileges, given up: what is left of them, whose the files are, and that there is no way back."""

from __future__ import annotations

import json
import os
import pwd
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.app.audit import FILE_NAME
from agent.app.scenario.journal import secrets_path
from agent.app.scenario.masking import load_secrets
from tests.app.test_operations import attempt, login, needs_root, until_logged, user
from tests.interop.test_ncclient_candidate import added
from tests.support.served import Served, served

pytestmark = [needs_root, pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")]
ROOT = Path(__file__).parents[2]
NOBODY = pwd.getpwnam("nobody")
LOOPBACK = f"127.83.{os.getpid() // 250 % 250}.{os.getpid() % 250 + 1}"
"""An address of this machine that no other process of these tests has."""
KEY = "a-secret-that-came-later"
POLICY = (
    '<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><ike xmlns="urn:ipsec-agent:ike"><policy><peer-address>'
    "192.0.2.77</peer-address><proposal>ike-proposal</proposal><pre-shared-key><ascii-text>"
    f"{KEY}</ascii-text></pre-shared-key></policy></ike></config>"
)
DROPPING = """
import json, os, sys
from pathlib import Path
from agent.app.privileges import Identity, drop
number = int(sys.argv[1])
os.setgroups([0, 1, 2])
drop(Identity("somebody", number, number, (number, 4242)), Path(sys.argv[2]))

def is_possible(action, *arguments):
    try:
        action(*arguments)
    except PermissionError:
        return False
    return True

again = {
    "setuid": is_possible(os.setuid, 0),
    "seteuid": is_possible(os.seteuid, 0),
    "setresuid": is_possible(os.setresuid, 0, 0, 0),
    "setgid": is_possible(os.setgid, 0),
    "setgroups": is_possible(os.setgroups, [0]),
    "shadow": is_possible(os.open, "/etc/shadow", os.O_RDONLY),
    "chown": is_possible(os.chown, sys.argv[2], 0, 0),
}
state = {"users": os.getresuid(), "groups": os.getresgid(), "further": sorted(os.getgroups()), "umask": os.umask(0)}
print(json.dumps({"again": again, **state}))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that everybody can get to, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def dropped(state: Path) -> dict[str, Any]:
    """Give up root's privileges in a process of its own, and return what is left of them."""
    command = [sys.executable, "-c", DROPPING, str(NOBODY.pw_uid), str(state)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True, cwd=ROOT)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_nothing_of_root_is_left_and_there_is_no_way_back(folder: Path) -> None:
    found = dropped(folder)
    assert found["users"] == found["groups"] == [NOBODY.pw_uid] * 3, "real, effective and saved"
    assert found["further"] == sorted([NOBODY.pw_uid, 4242])
    assert not any(found["again"].values()), found["again"]
    assert found["umask"] == 0o077


def test_a_folder_is_given_away_with_all_that_is_in_it_and_nothing_that_a_link_leads_to(folder: Path) -> None:
    (folder / "state" / "files").mkdir(parents=True)
    inside, outside = folder / "state" / "files" / "kept.xml", folder / "outside"
    for path in (inside, outside):
        path.write_text("")
    (folder / "state" / "link").symlink_to(outside)
    dropped(folder / "state")
    given = (folder / "state", inside.parent, inside, folder / "state" / "link")
    assert {path.lstat().st_uid for path in given} == {NOBODY.pw_uid}
    assert (outside.stat().st_uid, folder.stat().st_uid) == (0, 0)


def settings(folder: Path, *lines: str) -> Path:
    """Write a settings file that everybody can read, and that tells whom to be."""
    path = folder / "settings.toml"
    path.write_text("\n".join(['run-as = "nobody"', *lines, user("ann")]))
    return path


def status(server: Served, name: str) -> list[str]:
    """Return a line of what the kernel says of the process."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    return next(line.split()[1:] for line in lines if line.startswith(f"{name}:"))


def test_ports_below_1024_are_taken_before_and_kept(folder: Path) -> None:
    options = ("--settings", str(settings(folder, f'[monitoring]\nlisten = "{LOOPBACK}:831"')))
    with served(folder / "state", *options, "--listen", f"{LOOPBACK}:830") as server:
        assert (LOOPBACK, 830) in server.addresses
        assert (LOOPBACK, 831) in server.http
        assert status(server, "Uid") == status(server, "Gid") == [str(NOBODY.pw_uid)] * 4
        assert "0" not in status(server, "Groups")
        assert {status(server, name)[0] for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {"0" * 16}
        login(server).close_session()


def test_what_is_kept_later_is_somebody_elses_and_nobody_else_can_read_it(folder: Path) -> None:
    with served(folder / "state", "--scenario", "chapter", "--settings", str(settings(folder))) as server:
        with login(server) as session:
            session.edit_config(target="running", config=added("new"))
            session.copy_config(source="running", target="startup")
            session.copy_config(source="running", target="file:///kept.xml")
        found = [path for path in server.state_directory.rglob("*") if path.is_file()]
        assert {path.name for path in found} >= {"startup.xml", "kept.xml", "sealing-key", FILE_NAME}
        assert {path.stat().st_uid for path in found} == {NOBODY.pw_uid}
        assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o600}
        assert stat.S_IMODE(server.state_directory.stat().st_mode) == 0o700
    options = ("--scenario", "chapter", "--settings", str(folder / "settings.toml"))
    with served(folder / "state", *options) as server, login(server) as session:
        assert "<name>new</name>" in session.get_config("running").xml, "root begins again with what there is"


def test_a_journal_goes_on_with_the_secrets_that_come_later(folder: Path) -> None:
    journal = folder / "journal.jsonl"
    options = ("--scenario", "chapter", "--settings", str(settings(folder)), "--journal", str(journal))
    with served(folder / "state", *options) as server, login(server) as session:
        session.edit_config(target="running", config=POLICY)
        session.get_config("running")
    assert KEY not in journal.read_text()
    assert KEY in load_secrets(secrets_path(journal)).values()
    assert stat.S_IMODE(secrets_path(journal).stat().st_mode) == 0o600
    assert json.loads(journal.read_text().splitlines()[-1])["end"]


def test_an_audit_log_that_cannot_be_written_any_more_is_a_refusal(folder: Path) -> None:
    path = settings(folder, f'[audit]\nfile = "{folder}/audit.jsonl"')
    refused = attempt("--settings", str(path), "--state-dir", str(folder / "state"))
    assert refused.returncode == 2
    assert "audit.jsonl: Permission denied" in refused.stderr
    assert "ready" not in refused.stdout
    (folder / "log").mkdir()
    os.chown(folder / "log", NOBODY.pw_uid, NOBODY.pw_gid)
    path.write_text(path.read_text().replace("/audit.jsonl", "/log/audit.jsonl"))
    with served(folder / "state", "--settings", str(path)) as server:
        login(server).close_session()
    assert (folder / "log" / "audit.jsonl").stat().st_uid == NOBODY.pw_uid
    assert '"logout"' in (folder / "log" / "audit.jsonl").read_text()


def test_settings_that_somebody_else_cannot_read_stay_as_they_were(folder: Path) -> None:
    path = settings(folder)
    with served(folder / "state", "--settings", str(path)) as server:
        path.chmod(0o600)
        server.process.send_signal(signal.SIGHUP)
        assert "Permission denied" in until_logged(server, "stay as they were")
        login(server).close_session()
        path.chmod(0o644)
        server.process.send_signal(signal.SIGHUP)
        until_logged(server, "read again")
