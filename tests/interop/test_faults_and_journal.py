"""The program as it is served: a fault over SSH, another scenario, and a journal that can be run again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ncclient.operations import RPCError
from ncclient.transport.errors import SessionCloseError
from ncclient.xml_ import to_ele

from agent.app.scenario.run import run_again
from tests.interop.test_ncclient import associations, connect
from tests.support.chapter import registry
from tests.support.served import Served, served

EM = "urn:ipsec-agent:emulation"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the journal of the served device is."""
    return tmp_path_factory.mktemp("journal") / "journal"


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory, journal: Path) -> Iterator[Served]:
    """The chapter, step by step, written down."""
    options = ("--scenario", "chapter", "--time-scale", "step", "--journal", str(journal))
    with served(tmp_path_factory.mktemp("state") / "state", *options) as server:
        yield server


def do(session: Any, rpc: str, **leaves: object) -> Any:
    """Have an RPC of the emulation carried out."""
    content = "".join(f"<{leaf}>{value}</{leaf}>" for leaf, value in leaves.items())
    return session.dispatch(to_ele(f'<{rpc} xmlns="{EM}">{content}</{rpc}>'))


def test_an_error_of_choice_reaches_the_client_and_the_next_request_is_well(device: Served) -> None:
    with connect(device) as session:
        do(session, "inject-fault", kind="error", operation="get", count=1)
        with pytest.raises(RPCError) as refused:
            associations(session)
        assert refused.value.tag == "operation-failed"
        assert len(associations(session)) == 1


def test_a_connection_that_is_closed_instead_of_the_reply_is_seen_as_closed(device: Served) -> None:
    struck = connect(device, "operator")
    with connect(device) as session:
        do(session, "inject-fault", kind="close", user="operator", count=1)
        with pytest.raises(SessionCloseError):
            associations(struck)
        assert len(associations(session)) == 1


def test_a_delayed_reply_comes_by_itself(device: Served) -> None:
    with connect(device) as session:
        do(session, "inject-fault", kind="delay", operation="get", count=1, seconds="0.3")
        assert len(associations(session)) == 1


def test_a_slow_reply_comes_by_itself(device: Served) -> None:
    with connect(device) as session:
        do(session, "inject-fault", kind="slow-reply", operation="get", count=1, seconds="0.4")
        assert len(associations(session)) == 1


def test_another_scenario_and_its_time_are_there_for_the_next_session(device: Served) -> None:
    do(connect(device), "load-scenario", name="pic-failure")
    session = connect(device)
    do(session, "advance-time", seconds=120)
    pics = '<redundancy xmlns="urn:ipsec-agent:redundancy"/>'
    assert "<primary-state>standby</primary-state>" in session.get(filter=("subtree", pics)).data_xml
    do(session, "load-scenario", name="chapter")
    with connect(device) as again:
        assert len(associations(again)) == 1


def test_what_a_served_device_has_written_down_comes_out_the_same_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("served")
    options = ("--scenario", "chapter", "--time-scale", "step", "--journal", str(folder / "journal"))
    with served(folder / "state", *options) as server, connect(server) as session:
        do(session, "set-peer", address="4.4.4.4", reachable="false")
        do(session, "advance-time", seconds=100)
        session.dispatch(to_ele('<clear-ike-security-associations xmlns="urn:ipsec-agent:ike"/>'))
        do(session, "advance-time", seconds=4000)
    lines = [json.loads(line) for line in (folder / "journal").read_text().splitlines()]
    assert "end" in lines[-1]
    assert any(line.get("event") == "tunnel-switched" for line in lines)
    run_again(folder / "journal", None, io.StringIO(), registry())
