"""A fleet in several processes: the same devices as in one, and no process that is left over."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest

from agent.app.fleet_members import Common, Member, living
from agent.app.fleet_processes import dealt
from agent.app.scenario import load_scenario
from agent.app.settings import ExponentReuse, Limits, ListenAddress
from agent.app.users import choose_users
from agent.core.crypto.seal import KEY_OCTETS, Seal
from tests.support.fleets import served_fleet, started_fleet

FLEET = ("--devices", "3", "--ports", "0", "--time-scale", "step", "--print", "csv")
TWO = (*FLEET, "--processes", "2")
NAMES = ["host-1", "host-2", "host-3"]
MEMBERS = tuple(Member(name, ListenAddress("127.0.0.1", 0)) for name in NAMES)


def test_every_device_lives_in_one_process_and_none_has_more_than_another() -> None:
    assert dealt(MEMBERS, 2) == [(MEMBERS[0], MEMBERS[2]), (MEMBERS[1],)]


def test_there_are_no_processes_without_devices() -> None:
    assert dealt(MEMBERS, 8) == [(each,) for each in MEMBERS]


def test_devices_are_the_same_in_however_many_processes() -> None:
    with served_fleet(*FLEET) as fleet:
        assert fleet.processes == ()
        in_one = fleet.cookies()
    with served_fleet(*TWO) as fleet:
        assert len(fleet.processes) == 2
        in_two = fleet.cookies()
        assert list(in_two) == NAMES
        assert fleet.lines[-1] == "ready " + " ".join(f"ssh 127.0.0.1:{port}" for port in fleet.ports.values()) + "\n"
    assert in_one == in_two
    assert len(set(in_two.values())) == 3, "no two are the same"


def gone(process: int) -> bool:
    """Whether there is no such process."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_ends_the_process_that_leads_ends_all(number: signal.Signals) -> None:
    with started_fleet(*TWO) as fleet:
        processes = fleet.processes
        assert fleet.end(number) == (0, "", "")
        assert [gone(process) for process in processes] == [True, True]


def test_a_process_that_dies_is_reported_and_ends_the_fleet() -> None:
    with started_fleet(*TWO) as fleet:
        first, second = fleet.processes
        os.kill(first, signal.SIGKILL)
        code, said, errors = fleet.wait()
        assert (code, said) == (1, "")
        expected = f"process {first} of the fleet was ended by SIGKILL; gone with it: 2 devices from host-1 to host-3"
        assert errors == f"ipsec-agent: {expected}\n"
        assert gone(second)


def test_no_process_outlives_the_one_that_leads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # nobody is there to remove what it leaves
    with started_fleet(*TWO) as fleet:
        processes = fleet.processes
        assert fleet.end(signal.SIGKILL) == (-signal.SIGKILL, "", "")
        assert len(processes) == 2, "and have closed what they had of it: it would not have been over before"


def test_a_device_that_cannot_be_ends_the_fleet_with_its_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started_fleet("--devices", "2", "--processes", "2", "--ports", str(port - 1)) as fleet:
            assert fleet.lines == []
            code, said, errors = fleet.wait()
    assert (code, said) == (1, "")
    assert "address already in use" in errors
    assert "Traceback" not in errors


def test_a_fleet_that_is_to_end_starts_no_more_devices(tmp_path: Path, host_keys: list[Path]) -> None:
    scenario, started = load_scenario("chapter"), list[str]()

    async def play() -> None:
        users = choose_users(None, scenario.passwords, ())
        common = Common(scenario, users, Seal(bytes(KEY_OCTETS)), host_keys[0], tmp_path, Limits(), ExponentReuse())
        async with living(common, MEMBERS, lambda member: started.append(member.name), lambda: not started):
            pass

    asyncio.run(play())
    assert started == NAMES[:1]
