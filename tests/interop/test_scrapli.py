"""scrapli-netconf, blocking over paramiko and in a loop over asyncssh, against the running program: its whole range."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree

from tests.interop.test_ncclient import connect
from tests.support.manager_work import IKE, MONITORING, has_proposal, proposal, removal
from tests.support.served import Served

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("scrapli_netconf") is None, reason="scrapli-netconf is not installed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
]
SAS = f'<ike xmlns="{IKE}"><security-associations/></ike>'
NC = {"nc": "urn:ietf:params:xml:ns:netconf:base:1.0"}


def access(server: Served, transport: str, user: str = "admin") -> dict[str, Any]:
    """What a driver is made with."""
    return {
        "host": server.host,
        "port": server.port,
        "auth_username": user,
        "auth_password": user,
        "auth_strict_key": False,
        "transport": transport,
    }


@pytest.fixture
def driver(chapter: Served) -> Iterator[Any]:
    """A session of the blocking driver."""
    from scrapli_netconf.driver import NetconfDriver

    with NetconfDriver(**access(chapter, "paramiko")) as opened:
        yield opened


def worked(response: Any) -> str:
    """Return the reply to an operation that must not have failed."""
    assert not response.failed, response.result
    return str(response.result)


def refused(response: Any) -> str:
    """Return the error tag of the reply to an operation that must have failed."""
    assert response.failed, response.result
    return etree.fromstring(response.result.encode()).findtext(".//nc:error-tag", default="", namespaces=NC)


def test_the_newer_framing_is_agreed_on(driver: Any) -> None:
    assert driver.netconf_version.value == "1.1"


def test_state_is_got_with_either_filter(driver: Any) -> None:
    assert "<remote-address>4.4.4.4</remote-address>" in worked(driver.get(filter_=SAS))
    path = '/*[local-name()="ike"]/*[local-name()="security-associations"]'  # the driver declares no prefix
    assert "<remote-address>4.4.4.4</remote-address>" in worked(driver.get(filter_=path, filter_type="xpath"))


def test_the_configuration_is_got_with_a_mode_for_defaults(driver: Any) -> None:
    plain = worked(driver.get_config(source="running", filter_=f'<ike xmlns="{IKE}"/>'))
    assert "<name>ike-proposal</name>" in plain
    assert "<remote-port>" not in plain
    filled = driver.get_config(source="running", filter_=f'<ike xmlns="{IKE}"/>', default_type="report-all")
    assert "<remote-port>500</remote-port>" in worked(filled)


def test_a_candidate_is_edited_validated_and_committed(driver: Any, chapter: Served) -> None:
    with connect(chapter) as other:
        worked(driver.lock(target="candidate"))
        worked(driver.edit_config(config=proposal("scrapli"), target="candidate"))
        worked(driver.validate(source="candidate"))
        assert not has_proposal(other, "scrapli")
        worked(driver.commit())
        assert has_proposal(other, "scrapli")
        worked(driver.edit_config(config=removal("scrapli"), target="candidate"))
        worked(driver.commit())
        worked(driver.unlock(target="candidate"))
        assert not has_proposal(other, "scrapli")


def test_what_is_discarded_was_never_there(driver: Any, chapter: Served) -> None:
    worked(driver.edit_config(config=proposal("scrapli-discarded"), target="candidate"))
    worked(driver.discard())
    worked(driver.commit())
    with connect(chapter) as other:
        assert not has_proposal(other, "scrapli-discarded")


def test_a_commit_is_confirmed_by_another(driver: Any, chapter: Served) -> None:
    with connect(chapter) as other:
        worked(driver.edit_config(config=proposal("scrapli-tried"), target="candidate"))
        worked(driver.commit(confirmed=True, timeout=60, persist="token"))
        assert has_proposal(other, "scrapli-tried")
        worked(driver.commit(persist_id="token"))
        worked(driver.edit_config(config=removal("scrapli-tried"), target="running"))
        assert not has_proposal(other, "scrapli-tried")


def test_running_is_copied_to_startup_and_that_deleted(driver: Any) -> None:
    worked(driver.copy_config(source="running", target="startup"))
    assert "<name>ike-proposal</name>" in worked(driver.get_config(source="startup"))
    worked(driver.delete_config(target="startup"))
    assert "<name>ike-proposal</name>" not in worked(driver.get_config(source="startup"))


def test_any_operation_can_be_called(driver: Any, chapter: Served) -> None:
    identifier = "<identifier>ipsec-agent-ike</identifier>"
    assert "module ipsec-agent-ike" in worked(driver.rpc(f'<get-schema xmlns="{MONITORING}">{identifier}</get-schema>'))
    victim = connect(chapter)
    worked(driver.rpc(f"<kill-session><session-id>{victim.session_id}</session-id></kill-session>"))
    worked(driver.rpc('<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>'))


def test_errors_are_seen_as_such(driver: Any, chapter: Served) -> None:
    assert refused(driver.edit_config(config=removal("nobody"), target="running")) == "data-missing"
    with connect(chapter) as other, other.locked("running"):
        assert refused(driver.lock(target="running")) == "lock-denied"


def test_many_requests_go_on_one_session_of_the_driver_in_a_loop(chapter: Served) -> None:
    from scrapli_netconf.driver import AsyncNetconfDriver

    async def scene() -> None:
        async with AsyncNetconfDriver(**access(chapter, "asyncssh", "operator")) as driver:
            for _ in range(10):
                assert "<remote-address>4.4.4.4</remote-address>" in worked(await driver.get(filter_=SAS))
            assert refused(await driver.lock(target="running")) == "access-denied"

    asyncio.run(scene())
