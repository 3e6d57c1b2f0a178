"""What was read of YANG modules is kept for its owner alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.app.schema_cache import KEPT, SchemaCache, cache_directory


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "home" / "cache"


def test_what_is_kept_is_found_by_its_key_alone(folder: Path) -> None:
    cache = SchemaCache(folder)
    assert cache.load("a") is None
    cache.keep("a", b"definitions")
    assert SchemaCache(folder).load("a") == b"definitions"
    assert cache.load("b") is None
    cache.keep("a", b"others")
    assert cache.load("a") == b"others"


def test_nobody_else_can_read_it(folder: Path) -> None:
    SchemaCache(folder).keep("a", b"definitions")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in folder.iterdir()] == [0o600]


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o644])
def test_a_file_that_others_have_to_do_with_is_not_read(folder: Path, mode: int) -> None:
    cache = SchemaCache(folder)
    cache.keep("a", b"definitions")
    (file,) = folder.iterdir()
    file.chmod(mode)
    assert cache.load("a") is None


def test_nothing_is_read_from_and_kept_in_a_directory_that_others_can_write(folder: Path) -> None:
    cache = SchemaCache(folder)
    cache.keep("a", b"definitions")
    folder.chmod(0o777)
    assert cache.load("a") is None
    cache.keep("b", b"definitions")
    assert len(list(folder.iterdir())) == 1


def test_no_link_is_followed(folder: Path, tmp_path: Path) -> None:
    cache = SchemaCache(folder)
    cache.keep("a", b"definitions")
    (file,) = folder.iterdir()
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)
    assert cache.load("a") is None
    link = tmp_path / "link"
    link.symlink_to(folder)
    elsewhere.rename(folder / "b.json")
    assert cache.load("b") == b"definitions"
    assert SchemaCache(link).load("b") is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_is_somebody_elses_is_not_read(folder: Path) -> None:
    cache = SchemaCache(folder)
    cache.keep("a", b"definitions")
    (file,) = folder.iterdir()
    os.chown(file, 65534, 65534)
    assert cache.load("a") is None


def test_those_that_were_not_used_the_longest_make_room(folder: Path) -> None:
    cache = SchemaCache(folder)
    for number in range(KEPT):
        cache.keep(f"{number}", b"definitions")
        os.utime(folder / f"{number}.json", (number, number))
    assert cache.load("0") is not None
    cache.keep("more", b"definitions")
    assert sorted(file.stem for file in folder.iterdir()) == sorted(["0", *map(str, range(2, KEPT)), "more"])


def test_that_nothing_can_be_kept_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = SchemaCache(tmp_path / "file" / "cache")
    cache.keep("a", b"definitions")
    assert cache.load("a") is None


def test_the_directory_is_that_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_directory({"XDG_CACHE_HOME": "/cache"}) == Path("/cache/ipsec-agent/schema")
    for environment in ({}, {"XDG_CACHE_HOME": "relative"}):
        assert cache_directory(environment) == tmp_path / ".cache/ipsec-agent/schema"
