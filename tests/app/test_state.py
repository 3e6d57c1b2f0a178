"""The state directory."""

from __future__ import annotations

import stat
from pathlib import Path

import asyncssh
import pytest

from agent.app.errors import StateError
from agent.app.state import StateDirectory, default_state_directory
from tests.support.full_disk import largest_file


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path / "a" / "b") as state:
        state.write("startup.xml", b"<config/>")
        assert mode(state.path) == 0o700
        assert [mode(path) for path in state.path.iterdir()] == [0o600] * 2


def test_a_directory_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with StateDirectory.open(tmp_path):
        assert mode(tmp_path) == 0o700


def test_a_second_process_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path), pytest.raises(StateError, match=r"in use by process \d+.*--state-dir"):
        StateDirectory.open(tmp_path)


def test_a_closed_one_can_be_opened_again(tmp_path: Path) -> None:
    StateDirectory.open(tmp_path).close()
    StateDirectory.open(tmp_path).close()


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=str(tmp_path / "file")):
        StateDirectory.open(tmp_path / "file")


def test_what_is_written_is_read_back_by_the_next(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        assert state.read("startup.xml") is None
        state.write("startup.xml", b"one")
        state.write("startup.xml", b"two")
    with StateDirectory.open(tmp_path) as state:
        assert state.read("startup.xml") == b"two"
        state.remove("startup.xml")
        state.remove("startup.xml")
        assert state.read("startup.xml") is None


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        state.write("startup.xml", b"old")
        (tmp_path / ".startup.xml.new").mkdir()
        with pytest.raises(StateError, match=r"startup\.xml"):
            state.write("startup.xml", b"new")
        assert state.read("startup.xml") == b"old"


def test_of_a_file_that_found_no_room_nothing_is_left(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        state.write("startup.xml", b"old")
        with largest_file(2), pytest.raises(StateError, match=r"startup\.xml"):
            state.write("startup.xml", b"newer")
        assert state.read("startup.xml") == b"old"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "startup.xml"]


def test_what_a_kill_left_of_a_write_is_gone_with_the_next_start(tmp_path: Path) -> None:
    StateDirectory.open(tmp_path).close()
    for name in (".startup.xml.new", ".mine", "startup.xml"):
        (tmp_path / name).write_bytes(b"half")
    with StateDirectory.open(tmp_path):
        assert sorted(path.name for path in tmp_path.iterdir()) == [".mine", "lock", "startup.xml"]


def test_it_can_be_had_on_a_full_disk(tmp_path: Path) -> None:
    with largest_file(0), StateDirectory.open(tmp_path) as state:
        assert state.read("startup.xml") is None


def test_host_keys_are_made_once_and_kept(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        first = [path.read_bytes() for path in state.host_keys()]
        assert [mode(path) for path in state.host_keys()] == [0o600, 0o600]
    with StateDirectory.open(tmp_path) as state:
        assert [path.read_bytes() for path in state.host_keys()] == first
    algorithms = [asyncssh.import_private_key(key).get_algorithm() for key in first]
    assert algorithms == ["ssh-ed25519", "ssh-rsa"]


def test_the_public_half_lies_beside_a_host_key(tmp_path: Path) -> None:
    with StateDirectory.open(tmp_path) as state:
        for path in state.host_keys():
            public = asyncssh.read_private_key(str(path)).export_public_key()
            assert path.with_name(f"{path.name}.pub").read_bytes() == public


def test_a_spoilt_host_key_is_refused_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "ssh_host_ed25519_key").write_text("spoilt")
    with StateDirectory.open(tmp_path) as state, pytest.raises(StateError, match="ssh_host_ed25519_key"):
        state.host_keys()
    assert (tmp_path / "ssh_host_ed25519_key").read_text() == "spoilt"


def test_it_lies_under_the_xdg_state_home(tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    assert default_state_directory("chapter", environment) == tmp_path / "ipsec-agent" / "chapter"


@pytest.mark.parametrize("environment", [{}, {"XDG_STATE_HOME": ""}, {"XDG_STATE_HOME": "relative"}])
def test_without_one_it_lies_where_xdg_says(environment: dict[str, str]) -> None:
    expected = Path.home() / ".local" / "state" / "ipsec-agent" / "chapter"
    assert default_state_directory("chapter", environment) == expected


def test_scenario_files_of_one_name_have_each_their_own(tmp_path: Path) -> None:
    environment = {"XDG_STATE_HOME": str(tmp_path)}
    paths = {
        default_state_directory(str(tmp_path / folder / "lab.yaml"), environment) for folder in ("one", "two", "one")
    }
    assert len(paths) == 2
    assert all(path.name.startswith("lab-") for path in paths)
