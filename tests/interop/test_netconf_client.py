"""netconf-client, a client with a parser and a framer of its own, against the running program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lxml import etree
from netconf_client.connect import connect_ssh
from netconf_client.error import RpcError
from netconf_client.ncclient import Manager

from tests.support.manager_work import WORK, Work
from tests.support.served import Served

IKE = "urn:ipsec-agent:ike"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def connect(server: Served) -> Any:
    """Return a session, to be closed."""
    return Manager(connect_ssh(host=server.host, port=server.port, username="admin", password="admin"))


@pytest.fixture
def session(chapter: Served) -> Iterator[Any]:
    """Open a session."""
    with connect(chapter) as manager:
        yield manager


@pytest.fixture(scope="module")
def two(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any]]:
    """Open two sessions that stay open."""
    server = request.getfixturevalue("chapter")
    with connect(server) as session, connect(server) as other:
        yield session, other


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_netconf_client_can(work: Work, two: tuple[Any, Any]) -> None:
    work(*two)


def test_netconf_client_reads_the_operational_datastore(session: Any) -> None:
    ike = f'<subtree-filter><ike xmlns="{IKE}"/></subtree-filter>'
    shown = etree.tostring(session.get_data(filter=ike, max_depth=2, with_origin=True).data_ele).decode()
    assert "security-associations" in shown
    assert ":intended" in shown
    assert "remote-address" not in shown
    intended = etree.tostring(session.get_data(filter=ike, origin_filters=["or:intended"]).data_ele).decode()
    assert "4.4.4.4" in intended
    assert "lifetime-seconds" not in intended
    with pytest.raises(RpcError, match="origin"):
        session.get_data("ds:running", filter=ike, with_origin=True)


def test_netconf_client_kills_a_session(session: Any, chapter: Served) -> None:
    with connect(chapter) as victim:
        session.kill_session(victim.session_id)
        with pytest.raises(RpcError, match="no session"):
            session.kill_session(victim.session_id)


def test_netconf_client_speaks_base_1_1_and_reads_the_sa(session: Any) -> None:
    assert session.session.mode == "1.1" or "1_1" in str(session.session.mode)
    found = session.get(f'<filter><ike xmlns="{IKE}"><security-associations/></ike></filter>').data_ele
    assert next(leaf.text for leaf in found.iter(f"{{{IKE}}}remote-address")) == "4.4.4.4"


def test_netconf_client_is_told_of_an_unknown_peer(session: Any) -> None:
    operation = "<peer-address>9.9.9.9</peer-address>"
    with pytest.raises(RpcError, match=r"9\.9\.9\.9"):
        session.dispatch(
            f'<clear-ike-security-associations xmlns="{IKE}">{operation}</clear-ike-security-associations>'
        )


def test_netconf_client_locks_and_unlocks(session: Any) -> None:
    session.lock("running")
    with pytest.raises(RpcError, match="lock"):
        session.lock("running")
    session.unlock("running")


def test_the_session_is_closed_in_order(session: Any) -> None:
    session.close_session()
