"""The folder of files in the state directory: nothing leaves it, and what it takes is bounded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.app.files import FOLDER, KeptFiles


@pytest.fixture
def files(tmp_path: Path) -> KeptFiles:
    files = KeptFiles(tmp_path, maximum_files=3, maximum_octets=10)
    files.write("one", b"1")
    return files


def test_what_is_written_is_read_and_is_the_owners_alone(files: KeptFiles, tmp_path: Path) -> None:
    files.write("two", b"22")
    assert files.read("two") == b"22"
    assert (tmp_path / FOLDER / "two").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / FOLDER).stat().st_mode & 0o777 == 0o700
    assert sorted(os.listdir(tmp_path / FOLDER)) == ["one", "two"], "no draft is left"


def test_a_file_that_is_removed_is_gone(files: KeptFiles) -> None:
    files.remove("one")
    with pytest.raises(FileNotFoundError):
        files.read("one")
    with pytest.raises(FileNotFoundError):
        files.remove("one")


def test_without_a_folder_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        KeptFiles(tmp_path).read("one")


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_no_link_leads_out_of_the_folder(files: KeptFiles, tmp_path: Path, kind: str) -> None:
    outside, link = tmp_path / "startup.xml", tmp_path / FOLDER / "link"
    outside.write_bytes(b"secret")
    if kind == "hard":
        link.hardlink_to(outside)
    else:
        link.symlink_to(outside)
    with pytest.raises(OSError, match=r"plain file|symbolic"):
        files.read("link")
    files.write("link", b"mine")
    assert outside.read_bytes() == b"secret", "the link was replaced, and not what it leads to"
    assert files.read("link") == b"mine"


def test_a_folder_that_is_a_link_is_not_used(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / FOLDER).symlink_to(elsewhere)
    with pytest.raises(OSError, match=r"directory|symbolic"):
        KeptFiles(tmp_path).write("one", b"1")
    assert list(elsewhere.iterdir()) == []


def test_what_is_no_file_is_not_read_and_holds_up_nobody(files: KeptFiles, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FOLDER / "pipe")
    with pytest.raises(OSError, match="plain file"):
        files.read("pipe")


def test_a_file_has_so_many_octets_and_no_more(files: KeptFiles, tmp_path: Path) -> None:
    files.write("one", b"x" * 10)
    with pytest.raises(OSError, match="10 octets"):
        files.write("one", b"x" * 11)
    assert files.read("one") == b"x" * 10
    (tmp_path / FOLDER / "large").write_bytes(b"x" * 11)
    with pytest.raises(OSError, match="10 octets"):
        files.read("large")


def test_there_are_so_many_files_and_no_more(files: KeptFiles, tmp_path: Path) -> None:
    files.write("two", b"2")
    files.write("three", b"3")
    with pytest.raises(OSError, match="3 files"):
        files.write("four", b"4")
    files.write("three", b"33")
    assert sorted(os.listdir(tmp_path / FOLDER)) == ["one", "three", "two"]
