"""An unmodified PyEZ: session, facts, commands, RPCs, a table, and the configuration."""

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
    return tour("junos", "pyez_tour.py", chapter)


def test_the_facts_are_those_of_the_device(seen: Any) -> None:
    expected = {"hostname": "host", "model": "M20", "version": "7.4R1.7", "personality": "M", "fqdn": "host"}
    assert seen["facts"].items() >= expected.items()
    assert seen["facts"]["serialnumber"]


def test_the_seven_commands_do_what_they_say(seen: Any) -> None:
    check_seven(seen["outputs"])


def test_an_rpc_has_the_tags_of_a_router(seen: Any) -> None:
    assert seen["rpcs"]["peer"] == "4.4.4.4"
    assert seen["rpcs"]["protocols"] == ["AH", "AH"]


def test_an_unknown_security_association_is_an_error(seen: Any) -> None:
    assert "sa-nowhere" in seen["rpcs"]["refused"]


def test_the_device_knows_the_rpc_of_a_command(seen: Any) -> None:
    assert "<get-ike-security-associations-information>" in seen["rpcs"]["rpc_of_command"]


def test_a_table_has_a_row_for_each_peer(seen: Any) -> None:
    assert list(seen["table"]) == ["4.4.4.4"]
    assert len(seen["table"]["4.4.4.4"]["cookie"]) == 16


def test_a_change_is_compared_committed_and_taken_back(seen: Any) -> None:
    configuration = seen["configuration"]
    assert "host-name pyez-set;" in configuration["difference"]
    assert configuration["check"] is configuration["commit"] is True
    assert configuration["name"] == "pyez-set"
    assert configuration["after_discard"] is None
    assert "- host-name pyez-set;" in configuration["back"]
    assert configuration["name_at_the_end"] == "host"


def test_a_statement_that_the_device_does_not_have_is_named(seen: Any) -> None:
    assert "protocols" in seen["configuration"]["wrong"]


def test_a_guest_is_denied(seen: Any) -> None:
    assert seen["guest"] == "PermissionError: permission denied"
