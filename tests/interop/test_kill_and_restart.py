"""A server that is killed (SIGKILL) between answers and amid them, and what it boots with then.

Each restart is on the state directory of the one before. Whatever was answered with ok is there, and nothing in part.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lxml import etree
from ncclient.manager import Manager
from ncclient.operations import RPC

from agent.app.startup import ROLLBACK, STARTUP
from tests.interop.test_ncclient import connect
from tests.interop.test_ncclient_candidate import added
from tests.support.netconf_wire import NAMESPACES, texts
from tests.support.served import Served, served_until_killed

NAMES = "ike:ike/ike:proposal/ike:name"
FILTER = ("subtree", '<ike xmlns="urn:ipsec-agent:ike"><proposal><name/></proposal></ike>')
IN_FLIGHT = 6
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@contextmanager
def running(state: Path) -> Iterator[tuple[Served, Manager]]:
    """Serve from a state directory, with a client, until the block ends: then the server is killed."""
    with served_until_killed(state, "--scenario", "chapter") as server:
        session = connect(server)
        yield server, session
        kill(server)
        # Not close_session(): what is sent while ncclient is about to notice the end is never answered.
        session._session.close()


def names(session: Manager, datastore: str = "running") -> set[str]:
    """Return the names of the proposals in a datastore."""
    data = session.get_config(datastore, filter=FILTER).data_ele
    return set(texts(data, NAMES))


def kill(server: Served) -> None:
    """Kill the server and wait until it is gone."""
    server.process.kill()
    server.process.wait()


def test_what_was_answered_survives_a_kill_and_what_was_not_confirmed_does_not(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running(state) as (server, session):
        session.edit_config(target="running", config=added("kept"))
        session.copy_config(source="running", target="startup")
        session.edit_config(target="running", config=added("not-kept"))
    with running(state) as (server, session):
        assert names(session) == {"ike-proposal", "kept"}
        session.edit_config(target="candidate", config=added("unconfirmed"))
        session.commit(confirmed=True, timeout="3000", persist="later")
        assert (state / ROLLBACK).exists()
    with running(state) as (server, session):
        assert names(session) == {"ike-proposal", "kept"}, "the commit that waited is undone"
        assert not (state / ROLLBACK).exists()
        answered = kill_amid_writes(server, session)
    with running(state) as (server, session):
        assert names(session) == names(session, "startup")
        assert {f"written-{number}" for number in range(answered)} <= names(session)
    assert [path.name for path in state.glob("*.damaged*")] == []
    assert etree.parse(state / STARTUP).getroot().find("ike:ike", NAMESPACES) is not None


def kill_amid_writes(server: Served, session: Manager) -> int:
    """Have startup written again and again, kill the server after the first answer; return how many were answered."""
    session.async_mode = True
    writes: list[RPC] = []
    for number in range(IN_FLIGHT):
        session.edit_config(target="running", config=added(f"written-{number}"))
        writes.append(session.copy_config(source="running", target="startup"))
    writes[0].event.wait()
    kill(server)
    return sum(write.reply is not None and write.reply.ok for write in writes)
