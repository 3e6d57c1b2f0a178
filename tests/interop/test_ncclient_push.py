"""An unmodified ncclient subscribes to the changes of a datastore, and sees a rekey in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from lxml import etree
from ncclient.operations import RPCError
from ncclient.xml_ import to_ele

from tests.interop.test_ncclient import connect
from tests.support.push import PUSH, datastore, edits, establish, named
from tests.support.served import Served, served

SAS: Final = '<ipsec xmlns="urn:ipsec-agent:ipsec"><security-association><sa/></security-association></ipsec>'
SECONDS: Final = 60
REKEYED: Final = 6.5 * 3600
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """Serve the chapter to one test alone: it moves the time."""
    with served(tmp_path / "state", "--scenario", "chapter", "--time-scale", "step") as running:
        yield running


def told(session: Any) -> etree._Element:
    """Return the content of the next notification."""
    notification = session.take_notification(timeout=SECONDS)
    assert notification is not None, "nothing is told"
    root = etree.fromstring(notification.notification_xml.encode())
    return root[1]


def test_a_rekey_is_seen_as_it_happens(server: Served) -> None:
    with connect(server) as session, connect(server) as hand:
        reply = session.rpc(to_ele(establish(datastore("operational", SAS))))
        assert "<id" in reply.xml
        sync = told(session)
        before = {spi.text for spi in sync.iter("{urn:ipsec-agent:ipsec}spi")}
        assert len(before) >= 2
        hand.rpc(to_ele(f'<advance-time xmlns="urn:ipsec-agent:emulation"><seconds>{REKEYED}</seconds></advance-time>'))
        seen: list[tuple[str, str]] = []
        while sum(operation == "delete" for operation, _ in seen) < 2:
            seen += edits(told(session))
    created = [target.rpartition(",")[2] for operation, target in seen if operation == "create"]
    deleted = [target.rpartition(",")[2] for operation, target in seen if operation == "delete"]
    assert len(created) == len(deleted) == 2
    assert set(deleted) < before
    assert not set(created) & before


def test_what_a_subscription_cannot_be_is_an_error_with_its_reason(chapter: Served) -> None:
    with connect(chapter) as session:
        terms = datastore("operational", '<ike xmlns="urn:ipsec-agent:ike"><statistics/></ike>')
        with pytest.raises(RPCError) as refused:
            session.rpc(to_ele(establish(terms)))
        assert refused.value.tag == "operation-not-supported"
        assert refused.value.app_tag == "ietf-yang-push:on-change-unsupported"


def test_an_operator_may_subscribe_and_not_kill(chapter: Served) -> None:
    with connect(chapter, "operator") as session:
        reply = session.rpc(to_ele(establish(datastore("operational", SAS))))
        id_ = etree.fromstring(reply.xml.encode()).findtext("sn:id", None, PUSH)
        assert told(session) is not None
        with pytest.raises(RPCError) as refused:
            session.rpc(to_ele(named("kill", int(str(id_)))))
        assert refused.value.tag == "access-denied"
        assert session.rpc(to_ele(named("delete", int(str(id_))))).ok
