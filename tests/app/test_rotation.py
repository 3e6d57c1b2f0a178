"""A rotating file keeps whole lines, a bounded number of files, and goes on when it cannot be written."""

from __future__ import annotations

import logging
import stat
from pathlib import Path

import pytest

from agent.app.rotation import RotatingFile
from tests.support.full_disk import largest_file


def test_lines_are_appended_and_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "log", 100, 2)
    assert not (tmp_path / "log").exists()
    assert [file.write(b"one\n"), file.write(b"two\n")] == [True, True]
    file.close()
    assert file.write(b"three\n")
    assert (tmp_path / "log").read_bytes() == b"one\ntwo\nthree\n"
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_a_file_that_is_full_gets_a_number_and_the_oldest_goes(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "log", 8, 2)
    for line in (b"aaaaaa\n", b"bbbbbb\n", b"cccccc\n", b"dddddd\n"):
        assert file.write(line)
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found == {"log": b"dddddd\n", "log.1": b"cccccc\n", "log.2": b"bbbbbb\n"}


def test_how_many_may_be_kept_costs_nothing_as_long_as_there_are_few(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "log", 8, 10**12)
    for line in (b"aaaaaa\n", b"bbbbbb\n", b"cccccc\n"):
        assert file.write(line)
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert found == {"log": b"cccccc\n", "log.1": b"bbbbbb\n", "log.2": b"aaaaaa\n"}


def test_a_file_that_somebody_has_taken_away_costs_no_line(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "log", 8, 2)
    assert file.write(b"aaaaaa\n")
    (tmp_path / "log").unlink()
    assert file.write(b"bbbbbb\n")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"log": b"bbbbbb\n"}


def test_with_nothing_kept_there_is_one_file(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "log", 8, 0)
    for line in (b"aaaaaa\n", b"bbbbbb\n"):
        assert file.write(line)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"log": b"bbbbbb\n"}


def test_a_line_that_a_crash_cut_off_is_ended_before_the_next(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"whole\nha")
    assert RotatingFile(tmp_path / "log", 100, 2).write(b"next\n")
    assert (tmp_path / "log").read_bytes() == b"whole\nha\nnext\n"


def test_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"")
    (tmp_path / "log").symlink_to(tmp_path / "other")
    assert not RotatingFile(tmp_path / "log", 100, 2).write(b"line\n")
    assert (tmp_path / "other").read_bytes() == b""


def test_a_full_disk_costs_whole_lines_and_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = RotatingFile(tmp_path / "log", 1000, 2)
    with caplog.at_level(logging.WARNING):
        with largest_file(10):
            assert file.write(b"12345\n")
            assert [file.write(b"67890\n"), file.write(b"67890\n")] == [False, False]
            assert (file.is_failing, file.lost) == (True, 2)
        assert file.write(b"again\n")
    assert (tmp_path / "log").read_bytes() == b"12345\nagain\n"
    assert not file.is_failing
    assert [record.levelname for record in caplog.records] == ["ERROR", "WARNING"]


def test_a_folder_that_is_not_there_is_survived(tmp_path: Path) -> None:
    file = RotatingFile(tmp_path / "none" / "log", 1000, 2)
    assert not file.write(b"line\n")
    (tmp_path / "none").mkdir()
    assert file.write(b"line\n")
    assert (tmp_path / "none" / "log").read_bytes() == b"line\n"
