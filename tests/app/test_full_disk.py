"""A disk that is full, or cannot be written, is reported to who asked, and survived."""

from __future__ import annotations

import json
import os
import resource
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ncclient.manager import Manager
from ncclient.operations import RPCError

from agent.app.startup import STARTUP
from tests.app.test_operations import login, needs_root, until_logged, user
from tests.interop.test_ncclient_candidate import added
from tests.support.full_disk import filled, small_disk
from tests.support.served import Served, served

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


KEPT = "file:///kept.xml"
BEYOND_A_PAGE = 20
"""Changes whose lines find no room in what is left of the last page of a file."""


@contextmanager
def full_disk(server: Served) -> Iterator[None]:
    """Let the server write nothing into any file."""
    before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    yield
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def read_only(server: Served) -> Iterator[None]:
    """Let nobody make or replace a file in the state directory, but root."""
    server.state_directory.chmod(0o500)
    yield
    server.state_directory.chmod(0o700)


def settings(folder: Path, first: str = "") -> Path:
    """Write a settings file."""
    path = folder / "settings.toml"
    path.write_text(f'{first}\n[monitoring]\nlisten = "127.0.0.1:0"\n{user("ann")}')
    return path


def refusal(session: Manager) -> RPCError:
    """Keep the startup configuration, which must be refused, and return how."""
    with pytest.raises(RPCError) as refused:
        session.copy_config(source="running", target="startup")
    return refused.value


def complaints(server: Served) -> set[str]:
    """Return what is not well, by the names of the checks; 200 is answered for nothing alone."""
    host, port = server.http[0]
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/healthz", timeout=60) as answer:
            checks, expected = json.load(answer)["checks"], 200
            status = int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            checks, status, expected = json.load(error)["checks"], error.code, 503
    assert status == expected
    found = {name for name, word in checks.items() if word != "ok"}
    assert bool(found) == (status == 503)
    return found


def test_a_full_disk_is_an_error_for_who_keeps_something_and_nothing_for_others(tmp_path: Path) -> None:
    with (
        served(tmp_path / "state", "--scenario", "chapter", "--settings", str(settings(tmp_path))) as server,
        login(server) as session,
    ):
        session.copy_config(source="running", target="startup")
        kept = (server.state_directory / STARTUP).read_bytes()
        with full_disk(server):
            session.edit_config(target="running", config=added("new"))
            refused = refusal(session)
            assert refused.tag == "operation-failed"
            assert (server.state_directory / STARTUP).read_bytes() == kept, "what was kept before stays"
            assert "<name>new</name>" not in session.get_config("startup").xml
            assert "<name>new</name>" in session.get_config("running").xml
            assert complaints(server) == {"audit-log", "state-directory"}
        session.copy_config(source="running", target="startup")
        assert b"<name>new</name>" in (server.state_directory / STARTUP).read_bytes()
        assert complaints(server) == set()


def test_a_journal_that_cannot_be_written_ends_and_the_device_lives_on(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    options = ("--scenario", "chapter", "--settings", str(settings(tmp_path)), "--journal", str(journal))
    with served(tmp_path / "state", *options) as server, login(server) as session:
        session.get_config("running")
        with full_disk(server):
            before = journal.read_bytes()
            session.edit_config(target="running", config=added("new"))
            assert "the journal ends here" in until_logged(server, "journal")
            assert "journal" in complaints(server)
        session.edit_config(target="running", config=added("another"))
        assert journal.read_bytes() == before, "what comes after a gap is not written either"
        assert complaints(server) == {"journal"}, "nothing makes it whole again"
    assert [json.loads(line) for line in before.splitlines()], "all lines are whole"


def test_a_file_that_a_url_names_is_whole_or_as_it_was_when_the_disk_is_full(tmp_path: Path) -> None:
    with (
        served(tmp_path / "state", "--scenario", "chapter", "--settings", str(settings(tmp_path))) as server,
        login(server) as session,
    ):
        session.copy_config(source="running", target=KEPT)
        kept = (server.state_directory / "files" / "kept.xml").read_bytes()
        session.edit_config(target="running", config=added("new"))
        with full_disk(server):
            with pytest.raises(RPCError, match="cannot be written"):
                session.copy_config(source="running", target=KEPT)
            with pytest.raises(RPCError):
                session.copy_config(source="running", target="file:///other.xml")
        assert (server.state_directory / "files" / "kept.xml").read_bytes() == kept
        assert not (server.state_directory / "files" / "other.xml").exists()
        session.copy_config(source="running", target=KEPT)
        assert (server.state_directory / "files" / "kept.xml").read_bytes() != kept


@needs_root
def test_no_line_is_torn_and_no_draft_is_left_on_a_disk_that_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        journal, audit = disk / "journal.jsonl", disk / "state" / "audit.jsonl"
        options = ("--scenario", "chapter", "--settings", str(settings(tmp_path)), "--journal", str(journal))
        with served(disk / "state", *options) as server, login(server) as session:
            with filled(disk):
                for count in range(BEYOND_A_PAGE):
                    session.edit_config(target="running", config=added(f"unheard-{count}"))
                assert refusal(session).tag == "operation-failed"
                with pytest.raises(RPCError, match="cannot be written"):
                    session.copy_config(source="running", target=KEPT)
                assert complaints(server) == {"audit-log", "journal", "state-directory"}
            session.edit_config(target="running", config=added("heard"))
            assert complaints(server) == {"journal"}
        for path in (journal, audit):
            assert path.read_bytes().endswith(b"\n")
            assert [json.loads(line) for line in path.read_bytes().splitlines()], "all lines are whole"
        assert b"'heard'" in audit.read_bytes()
        assert list((disk / "state").rglob(".*")) == []


@needs_root
def test_a_state_directory_that_has_become_read_only_is_survived() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        options = ("--scenario", "chapter", "--settings", str(settings(folder, 'run-as = "nobody"')))
        with served(folder / "state", *options) as server, login(server) as session:
            with read_only(server):
                assert refusal(session).tag == "operation-failed"
                with pytest.raises(RPCError, match="cannot be written"):
                    session.copy_config(source="running", target=KEPT)
                session.edit_config(target="running", config=added("new"))
                assert complaints(server) == {"state-directory"}, "the audit log is open, and goes on"
            assert complaints(server) == set(), "it is well as soon as it can be written, and not when it next is"
            session.copy_config(source="running", target=KEPT)
            session.copy_config(source="running", target="startup")
            assert (server.state_directory / STARTUP).stat().st_uid != os.getuid()
