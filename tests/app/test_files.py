"""The folder of files in the state directory: nothing leaves it, and what it takes is bounded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.app.files import FOLDER, KeptFiles
from agent.netconf.url import FileLimitMet, FileLimits

LIMITS = FileLimits(files=3, octets=10)


@pytest.fixture
def files(tmp_path: Path) -> KeptFiles:
    files = KeptFiles(tmp_path)
    files.write("one", b"1", LIMITS)
    return files


def test_what_is_written_is_read_and_is_the_owners_alone(files: KeptFiles, tmp_path: Path) -> None:
    files.write("two", b"22", LIMITS)
    assert files.read("two", LIMITS) == b"22"
    assert (tmp_path / FOLDER / "two").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / FOLDER).stat().st_mode & 0o777 == 0o700
    assert sorted(os.listdir(tmp_path / FOLDER)) == ["one", "two"], "no draft is left"


def test_a_file_that_is_removed_is_gone(files: KeptFiles) -> None:
    files.remove("one")
    with pytest.raises(FileNotFoundError):
        files.read("one", LIMITS)
    with pytest.raises(FileNotFoundError):
        files.remove("one")


def test_without_a_folder_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        KeptFiles(tmp_path).read("one", LIMITS)


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_no_link_leads_out_of_the_folder(files: KeptFiles, tmp_path: Path, kind: str) -> None:
    outside, link = tmp_path / "startup.xml", tmp_path / FOLDER / "link"
    outside.write_bytes(b"secret")
    if kind == "hard":
        link.hardlink_to(outside)
    else:
        link.symlink_to(outside)
    with pytest.raises(OSError, match=r"plain file|symbolic"):
        files.read("link", LIMITS)
    files.write("link", b"mine", LIMITS)
    assert outside.read_bytes() == b"secret", "the link was replaced, and not what it leads to"
    assert files.read("link", LIMITS) == b"mine"


def test_a_folder_that_is_a_link_is_not_used(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / FOLDER).symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"directory|symbolic"):
        KeptFiles(tmp_path).write("one", b"1", LIMITS)
    assert list(elsewhere.iterdir()) == []


def test_what_is_no_file_is_not_read_and_holds_up_nobody(files: KeptFiles, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FOLDER / "pipe")
    with pytest.raises(OSError, match="plain file"):
        files.read("pipe", LIMITS)


def test_a_file_has_so_many_octets_and_no_more(files: KeptFiles, tmp_path: Path) -> None:
    files.write("one", b"x" * 10, LIMITS)
    with pytest.raises(FileLimitMet, match="10 octets") as refused:
        files.write("one", b"x" * 11, LIMITS)
    assert refused.value.limit == "file-bytes"
    assert files.read("one", LIMITS) == b"x" * 10
    (tmp_path / FOLDER / "large").write_bytes(b"x" * 11)
    with pytest.raises(FileLimitMet, match="10 octets"):
        files.read("large", LIMITS)


def test_there_are_so_many_files_and_no_more(files: KeptFiles, tmp_path: Path) -> None:
    files.write("two", b"2", LIMITS)
    files.write("three", b"3", LIMITS)
    with pytest.raises(FileLimitMet, match="3 files") as refused:
        files.write("four", b"4", LIMITS)
    assert refused.value.limit == "files"
    files.write("three", b"33", LIMITS)
    assert sorted(os.listdir(tmp_path / FOLDER)) == ["one", "three", "two"]


def test_what_a_kill_left_of_a_write_counts_for_nothing_and_goes(files: KeptFiles, tmp_path: Path) -> None:
    for name in (".two.new", ".three.new"):
        (tmp_path / FOLDER / name).write_bytes(b"half")
    files.write("two", b"2", LIMITS)
    files.write("three", b"3", LIMITS)
    assert sorted(os.listdir(tmp_path / FOLDER)) == ["one", "three", "two"]
