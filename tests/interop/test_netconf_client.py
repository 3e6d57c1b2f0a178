"""netconf-client, a client with a parser and a framer of its own, against the running program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from netconf_client.connect import connect_ssh
from netconf_client.error import RpcError
from netconf_client.ncclient import Manager

from tests.support.served import Served

IKE = "urn:ipsec-agent:ike"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture
def session(chapter: Served) -> Iterator[Any]:
    """Open a session."""
    with Manager(connect_ssh(host=chapter.host, port=chapter.port, username="admin", password="admin")) as manager:
        yield manager


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
