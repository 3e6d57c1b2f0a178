"""An unmodified ncclient edits a candidate, commits, and takes back what nobody confirms."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ncclient.operations import RPCError

from tests.interop.test_ncclient import connect
from tests.support.served import Served, served

IKE = "urn:ipsec-agent:ike"
ADDED = (
    f'<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><ike xmlns="{IKE}"><proposal><name>{{name}}</name>'
    "<authentication-algorithm>md5</authentication-algorithm><encryption-algorithm>des-cbc</encryption-algorithm>"
    "<dh-group>group1</dh-group></proposal></ike></config>"
)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    """Serve the chapter to one test alone: it changes the configuration."""
    with served(tmp_path / "state", "--scenario", "chapter") as running:
        yield running


def added(name: str) -> str:
    """Return an edit that adds a proposal."""
    return ADDED.format(name=name)


def test_a_candidate_is_committed_whole(server: Served) -> None:
    with connect(server) as session, connect(server) as other:
        with session.locked("candidate"):
            session.edit_config(target="candidate", config=added("new"))
            assert "<name>new</name>" not in other.get_config("running").xml
            with pytest.raises(RPCError) as refused:
                other.lock("candidate")
            assert refused.value.tag == "lock-denied"
            session.validate("candidate")
            session.commit()
        assert "<name>new</name>" in other.get_config("running").xml


def test_what_is_discarded_was_never_there(server: Served) -> None:
    with connect(server) as session:
        session.edit_config(target="candidate", config=added("never"))
        session.discard_changes()
        session.commit()
        assert "<name>never</name>" not in session.get_config("running").xml


def test_a_commit_that_is_confirmed_stays(server: Served) -> None:
    with connect(server) as session:
        session.edit_config(target="candidate", config=added("sure"))
        session.commit(confirmed=True, timeout="300")
        session.commit()
    with connect(server) as session:
        assert "<name>sure</name>" in session.get_config("running").xml


def test_a_commit_that_nobody_confirms_goes_with_its_session(server: Served) -> None:
    with connect(server) as session:
        session.edit_config(target="candidate", config=added("unsure"))
        session.commit(confirmed=True, timeout="300")
        assert "<name>unsure</name>" in session.get_config("running").xml
    with connect(server) as session:
        assert "<name>unsure</name>" not in session.get_config("running").xml


def test_a_commit_that_persists_is_taken_back_in_time(server: Served) -> None:
    with connect(server) as session:
        session.edit_config(target="candidate", config=added("late"))
        session.commit(confirmed=True, timeout="1", persist="token")
    with connect(server) as session:
        deadline = time.monotonic() + 60
        while "<name>late</name>" in session.get_config("running").xml:
            assert time.monotonic() < deadline, "still there"


def test_a_commit_that_persists_is_confirmed_by_another_session(server: Served) -> None:
    with connect(server) as session:
        session.edit_config(target="candidate", config=added("handed-over"))
        session.commit(confirmed=True, timeout="300", persist="token")
    with connect(server) as session:
        with pytest.raises(RPCError) as refused:
            session.commit(persist_id="another")
        assert refused.value.tag == "invalid-value"
        session.commit(persist_id="token")
    with connect(server) as session:
        assert "<name>handed-over</name>" in session.get_config("running").xml
