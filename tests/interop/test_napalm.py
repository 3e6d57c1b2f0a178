"""An unmodified NAPALM with its driver for Junos."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clients import needs, tour
from tests.support.served import Served
from tests.support.seven_commands import check_seven

pytestmark = needs("junos")


@pytest.fixture(scope="module")
def seen(chapter: Served) -> Any:
    """What a script sees, from one tour for all tests."""
    return tour("junos", "napalm_tour.py", chapter)


def test_the_facts_are_those_of_the_device(seen: Any) -> None:
    facts = seen["facts"]
    expected = {"vendor": "Juniper", "model": "M20", "os_version": "7.4R1.7", "hostname": "host"}
    assert facts.items() >= expected.items()
    assert sorted(facts["interface_list"]) == ["es-1/1/0", "es-1/3/0"]
    assert facts["uptime"] > 0


def test_the_seven_commands_do_what_they_say(seen: Any) -> None:
    check_seven(seen["outputs"])


def test_a_change_is_compared_and_discarded(seen: Any) -> None:
    assert "host-name by-napalm;" in seen["configuration"]["difference"]
    assert seen["configuration"]["after_discard"] == ""


def test_a_change_is_committed_and_rolled_back(seen: Any) -> None:
    assert "host-name by-napalm;" in seen["configuration"]["running"]
    assert "by-napalm" not in seen["configuration"]["after_rollback"]
    assert "sa-dynamic" in seen["configuration"]["after_rollback"]


def test_a_commit_on_trial_is_pending_until_it_is_confirmed(seen: Any) -> None:
    assert seen["configuration"]["pending"] == [True, False]
    assert "host-name on-trial;" in seen["configuration"]["after_trial"]


def test_a_statement_that_the_device_does_not_have_is_named(seen: Any) -> None:
    assert "protocols" in seen["configuration"]["wrong"]


def test_a_guest_is_denied(seen: Any) -> None:
    assert seen["guest"].startswith("PermissionError(severity: error"), "what PyEZ makes of 'permission denied'"
