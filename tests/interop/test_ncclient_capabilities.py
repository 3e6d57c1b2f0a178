"""The rest of what an unmodified ncclient can ask for, by capability, against the running program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import pytest
from lxml import etree
from ncclient.operations import RPCError
from ncclient.operations.errors import MissingCapabilityError

from tests.interop.test_ncclient import connect
from tests.support.manager_work import IKE, WORK, Work, has_proposal, proposal, removal, text
from tests.support.served import Served

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
PL: Final = "urn:ietf:params:xml:ns:netconf:partial-lock:1.0"
COMPARE: Final = "urn:ietf:params:xml:ns:yang:ietf-nmda-compare"
DS: Final = "urn:ietf:params:xml:ns:yang:ietf-datastores"
FILE: Final = "file:///kept.xml"


@pytest.fixture(scope="module")
def two(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any]]:
    """Open two sessions that stay open."""
    server = request.getfixturevalue("chapter")
    with connect(server) as session, connect(server) as other:
        yield session, other


@pytest.fixture
def session(chapter: Served) -> Iterator[Any]:
    with connect(chapter) as opened:
        yield opened


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_ncclient_can(work: Work, two: tuple[Any, Any]) -> None:
    work(*two)


def dispatched(session: Any, request: str) -> str:
    """Return the reply to an operation that ncclient has no method for."""
    return text(session.dispatch(etree.fromstring(request)).xml)


def test_a_configuration_is_kept_in_a_file_and_taken_back(session: Any) -> None:
    session.copy_config(source="running", target=FILE)
    session.edit_config(config=proposal("passing"), target="candidate")
    session.copy_config(source=FILE, target="candidate")
    assert not has_proposal(session, "passing", "candidate")
    session.validate(source=FILE)
    session.delete_config(target=FILE)
    with pytest.raises(RPCError) as refused:
        session.copy_config(source=FILE, target="candidate")
    assert refused.value.tag == "invalid-value"


def test_no_file_outside_the_folder_can_be_named(session: Any) -> None:
    for url in ("file:///../startup", "file:///etc/passwd", "http://127.0.0.1/kept.xml"):
        with pytest.raises(RPCError) as refused:
            session.copy_config(source="running", target=url)
        assert refused.value.tag == "invalid-value"


def test_a_log_is_told_again_through_a_filter_up_to_a_time(session: Any, chapter: Served) -> None:
    with connect(chapter) as other:
        other.edit_config(config=proposal("logged"), target="running")
        other.edit_config(config=removal("logged"), target="running")
    wanted = '<netconf-config-change xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-notifications"/>'
    session.create_subscription(filter=("subtree", wanted), start_time="2000-01-01T00:00:00Z")
    told = [etree.QName(etree.fromstring(_taken(session).encode())[1]).localname]
    while told[-1] != "replayComplete":
        told.append(etree.QName(etree.fromstring(_taken(session).encode())[1]).localname)
    assert len(told) > 2
    assert set(told) == {"netconf-config-change", "replayComplete"}


def _taken(session: Any) -> str:
    notification = session.take_notification(timeout=60)
    assert notification is not None
    return text(notification.notification_xml)


def test_a_part_of_running_is_locked(session: Any, chapter: Served) -> None:
    select = f'<select xmlns:ike="{IKE}">/ike:ike/ike:proposal</select>'
    reply = dispatched(session, f'<partial-lock xmlns="{PL}">{select}</partial-lock>')
    assert "ike-proposal" in reply
    changed = proposal("ike-proposal").replace("group1", "group2")
    with connect(chapter) as other, pytest.raises(RPCError) as refused:
        other.edit_config(config=changed, target="running")
    assert refused.value.tag == "in-use"
    session.edit_config(config=changed, target="running", test_option="test-only")


def test_two_datastores_are_compared(session: Any) -> None:
    session.edit_config(config=proposal("compared"), target="candidate")
    names = "<source>ds:running</source><target>ds:candidate</target>"
    reply = dispatched(session, f'<compare xmlns="{COMPARE}" xmlns:ds="{DS}">{names}</compare>')
    assert "<target>/ipsec-agent-ike:ike/proposal=compared</target>" in reply
    assert reply.count("<edit>") == 1
    session.discard_changes()


def test_what_the_server_does_not_announce_ncclient_does_not_ask_for(session: Any) -> None:
    for operation in (session.poweroff_machine, session.reboot_machine):
        with pytest.raises(MissingCapabilityError):
            operation()
