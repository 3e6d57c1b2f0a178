"""Pieces of work for a client with the interface of ncclient's Manager, over whatever transport.

Each leaves the device as it was, and can be done on a session that others were done on.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest
from lxml import etree
from ncclient.operations import RPCError
from netconf_client.error import RpcError

IKE = "urn:ipsec-agent:ike"
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
SA_FILTER = ("subtree", f'<ike xmlns="{IKE}"><security-associations/></ike>')
PROPOSALS = ("subtree", f'<ike xmlns="{IKE}"><proposal><name/></proposal></ike>')
PROPOSALS_WHOLE = ("subtree", f'<ike xmlns="{IKE}"><proposal/></ike>')
REFUSALS = (RPCError, RpcError)

Work = Callable[[Any, Any], None]
"""Takes the session that works, and another one."""


def proposal(name: str) -> str:
    """An edit that adds an IKE proposal."""
    return (
        f'<config xmlns="{BASE}"><ike xmlns="{IKE}"><proposal><name>{name}</name>'
        "<authentication-algorithm>md5</authentication-algorithm><encryption-algorithm>des-cbc</encryption-algorithm>"
        "<dh-group>group1</dh-group></proposal></ike></config>"
    )


def removal(name: str) -> str:
    """An edit that removes it."""
    return (
        f'<config xmlns="{BASE}"><ike xmlns="{IKE}"><proposal xmlns:nc="{BASE}" nc:operation="delete">'
        f"<name>{name}</name></proposal></ike></config>"
    )


def text(xml: str | bytes) -> str:
    """One client has bytes where the other has text."""
    return xml if isinstance(xml, str) else xml.decode()


def has_proposal(session: Any, name: str, source: str = "running") -> bool:
    """Whether a datastore has a proposal."""
    return f"<name>{name}</name>" in text(session.get_config(source=source, filter=PROPOSALS).data_xml)


@contextmanager
def refused(tag: str) -> Any:
    """Expect an rpc-error."""
    with pytest.raises(REFUSALS) as caught:
        yield
    assert tag in f"{getattr(caught.value, 'tag', '')} {caught.value} {getattr(caught.value, 'reply_raw', '')}"


def get(session: Any, other: Any) -> None:
    assert "<remote-address>4.4.4.4</remote-address>" in text(session.get(filter=SA_FILTER).data_xml)


def get_config(session: Any, other: Any) -> None:
    reply = text(session.get_config(source="running").data_xml)
    assert "<name>ike-proposal</name>" in reply
    assert "security-association>" not in text(session.get_config(source="running", filter=SA_FILTER).data_xml)


def edit_running(session: Any, other: Any) -> None:
    session.edit_config(config=proposal("edited"), target="running")
    assert has_proposal(other, "edited")
    session.edit_config(config=removal("edited"), target="running")
    with refused("data-missing"):
        session.edit_config(config=removal("edited"), target="running")


def edit_validate_and_commit(session: Any, other: Any) -> None:
    session.lock(target="candidate")
    with refused("lock-denied"):
        other.lock(target="candidate")
    session.edit_config(config=proposal("committed"), target="candidate")
    session.validate(source="candidate")
    assert not has_proposal(other, "committed")
    session.commit()
    assert has_proposal(other, "committed")
    session.edit_config(config=removal("committed"), target="candidate")
    session.commit()
    session.unlock(target="candidate")
    assert not has_proposal(other, "committed")


def discard(session: Any, other: Any) -> None:
    session.edit_config(config=proposal("discarded"), target="candidate")
    assert has_proposal(session, "discarded", "candidate")
    session.discard_changes()
    assert not has_proposal(session, "discarded", "candidate")


def commit_for_a_trial_and_cancel(session: Any, other: Any) -> None:
    session.edit_config(config=proposal("tried"), target="candidate")
    session.commit(confirmed=True)
    assert has_proposal(other, "tried")
    session.cancel_commit()
    assert not has_proposal(other, "tried")
    session.discard_changes()


def copy_and_delete(session: Any, other: Any) -> None:
    session.copy_config(source="running", target="startup")
    assert has_proposal(session, "ike-proposal", "startup")
    session.delete_config(target="startup")
    assert not has_proposal(session, "ike-proposal", "startup")


def lock_and_unlock(session: Any, other: Any) -> None:
    session.lock(target="running")
    with refused("in-use"):
        other.edit_config(config=proposal("late"), target="running")
    session.unlock(target="running")


def read_defaults(session: Any, other: Any) -> None:
    shown = {
        mode: text(session.get_config(source="running", filter=PROPOSALS_WHOLE, with_defaults=mode).data_xml)
        for mode in ("report-all", "report-all-tagged", "trim", "explicit")
    }
    tagged = {mode for mode, data in shown.items() if 'default="true"' in data}
    lifetimes = {mode for mode, data in shown.items() if "lifetime-seconds" in data}
    assert lifetimes == {"report-all", "report-all-tagged"}
    assert tagged == {"report-all-tagged"}


def edit_with_options(session: Any, other: Any) -> None:
    session.edit_config(config=proposal("tested"), target="candidate", test_option="test-only")
    assert not has_proposal(session, "tested", "candidate")
    with refused("data-missing"):
        session.edit_config(config=proposal("tested"), target="candidate", default_operation="none")
    with refused("data-missing"):
        session.edit_config(config=removal("tested"), target="candidate", error_option="rollback-on-error")


def validate_what_is_given(session: Any, other: Any) -> None:
    session.validate(source=etree.fromstring(proposal("judged")))
    with refused("invalid-value"):
        session.validate(source=etree.fromstring(proposal("judged").replace("group1", "group9")))


def commit_that_another_confirms(session: Any, other: Any) -> None:
    session.edit_config(config=proposal("kept"), target="candidate")
    session.commit(confirmed=True, persist="token")
    with refused("invalid-value"):
        other.commit(persist_id="another")
    other.commit(persist_id="token")
    assert has_proposal(other, "kept")
    with refused("operation-failed"):
        session.cancel_commit()
    session.edit_config(config=removal("kept"), target="running")


def get_schema(session: Any, other: Any) -> None:
    request = f'<get-schema xmlns="{MONITORING}"><identifier>ipsec-agent-ike</identifier></get-schema>'
    assert "module ipsec-agent-ike" in text(session.dispatch(etree.fromstring(request)).xml)


def call_an_operation_of_ours(session: Any, other: Any) -> None:
    request = (
        f'<clear-ike-security-associations xmlns="{IKE}"><peer-address>9.9.9.9</peer-address>'
        "</clear-ike-security-associations>"
    )
    with refused("invalid-value"):
        session.dispatch(etree.fromstring(request))


def subscribe_and_be_told(session: Any, other: Any) -> None:
    session.create_subscription()
    other.edit_config(config=proposal("told"), target="running")
    other.edit_config(config=removal("told"), target="running")
    while (told := session.take_notification(timeout=60)) is not None:
        if "netconf-config-change" in text(told.notification_xml):
            return
    raise AssertionError("nobody was told")


WORK: tuple[Work, ...] = (
    get,
    get_config,
    edit_running,
    edit_validate_and_commit,
    discard,
    commit_for_a_trial_and_cancel,
    copy_and_delete,
    lock_and_unlock,
    read_defaults,
    edit_with_options,
    validate_what_is_given,
    commit_that_another_confirms,
    get_schema,
    call_an_operation_of_ours,
    subscribe_and_be_told,  # last: a session has one subscription
)
