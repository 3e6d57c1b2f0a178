"""An unmodified ncclient against the running program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from lxml import etree
from ncclient import manager
from ncclient.operations import RPCError
from ncclient.transport.errors import AuthenticationError
from ncclient.xml_ import to_ele

from tests.support.served import Served

IKE = "urn:ipsec-agent:ike"
NS = {"ike": IKE}
CLEAR = f'<clear-ike-security-associations xmlns="{IKE}"/>'
CLEAR_UNKNOWN = (
    f'<clear-ike-security-associations xmlns="{IKE}"><peer-address>9.9.9.9</peer-address>'
    "</clear-ike-security-associations>"
)
MONITORING = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


def connect(server: Served, user: str = "admin", password: str | None = None) -> Any:
    """Open a session as a script would."""
    return manager.connect(
        host=server.host,
        port=server.port,
        username=user,
        password=password or user,
        hostkey_verify=False,
        look_for_keys=False,
        allow_agent=False,
        timeout=60,
    )


def associations(session: Any, match: str = "") -> list[etree._Element]:
    """Return the IKE security associations that a filter selects."""
    entry = f"<security-association>{match}</security-association>"
    subtree = f'<ike xmlns="{IKE}"><security-associations>{entry}</security-associations></ike>'
    return list(session.get(filter=("subtree", subtree)).data.iter(f"{{{IKE}}}security-association"))


def cookie(sa: etree._Element) -> str:
    """Return the initiator's cookie of a security association."""
    return sa.findtext("ike:initiator-cookie", default="", namespaces=NS)


def test_ncclient_reads_the_matured_ike_sa_of_the_chapter(chapter: Served) -> None:
    with connect(chapter) as session:
        (sa,) = associations(session)
    shown = {etree.QName(leaf).localname: leaf.text for leaf in sa.iter(etree.Element) if not len(leaf)}
    assert shown["remote-address"] == "4.4.4.4"
    assert (shown["local-address"], shown["local-port"], shown["remote-port"]) == ("4.4.4.5", "500", "500")
    assert (shown["state"], shown["role"], shown["exchange-type"]) == ("matured", "initiator", "main")
    assert (shown["authentication"], shown["encryption"]) == ("md5", "3des-cbc")
    assert shown["initiator-cookie"] != shown["responder-cookie"]
    assert int(shown["input-packets"] or 0) >= 3
    assert (shown["established-at"] or "").startswith("2003-03-10T12:00:0")


def test_a_filter_by_peer_selects_that_peer_alone(chapter: Served) -> None:
    with connect(chapter) as session:
        assert len(associations(session, "<remote-address>4.4.4.4</remote-address>")) == 1
        assert associations(session, "<remote-address>9.9.9.9</remote-address>") == []


def test_after_a_clear_the_cookies_are_new(chapter: Served) -> None:
    with connect(chapter) as session:
        (before,) = associations(session, "<state>matured</state>")
        reply = session.dispatch(to_ele(CLEAR))
        assert to_ele(reply.xml).findtext("ike:cleared", namespaces=NS) == "1"
        after = associations(session)
    assert after
    assert cookie(before) not in [cookie(sa) for sa in after]


def refusal(session: Any, operation: str) -> RPCError:
    """Return the error with which an operation is refused."""
    with pytest.raises(RPCError) as refused:
        session.dispatch(to_ele(operation))
    return refused.value


def test_an_unknown_peer_is_refused_and_nothing_is_cleared(chapter: Served) -> None:
    with connect(chapter) as session:
        before = [cookie(sa) for sa in associations(session)]
        error = refusal(
            session,
            CLEAR.replace("/>", "><peer-address>9.9.9.9</peer-address></x>").replace(
                "</x>", "</clear-ike-security-associations>"
            ),
        )
        after = [cookie(sa) for sa in associations(session)]
    assert (error.type, error.tag, error.app_tag) == ("application", "invalid-value", "unknown-peer")
    assert "clear-ike-security-associations" in error.path
    assert error.path.endswith("peer-address")
    assert before == after


def test_an_unknown_rpc_of_a_known_module_is_refused(chapter: Served) -> None:
    with connect(chapter) as session:
        error = refusal(session, f'<no-such-rpc xmlns="{IKE}"/>')
    assert error.tag == "unknown-element"
    assert "no-such-rpc" in error.info


def test_an_unknown_namespace_is_refused(chapter: Served) -> None:
    with connect(chapter) as session:
        error = refusal(session, '<clear-ike-security-associations xmlns="urn:nobody"/>')
    assert error.tag == "unknown-namespace"
    assert "urn:nobody" in error.info


def test_a_guest_may_log_in_and_do_nothing_but_leave(chapter: Served) -> None:
    session = connect(chapter, "guest")
    attempts: tuple[Callable[[], object], ...] = (
        session.get,
        lambda: session.get_config("running"),
        lambda: session.lock("running"),
        lambda: session.get_schema("ipsec-agent-ike"),
        lambda: session.dispatch(to_ele(CLEAR)),
    )
    for attempt in attempts:
        with pytest.raises(RPCError) as refused:
            attempt()
        assert refused.value.tag == "access-denied"
    assert session.close_session().ok


def test_an_operator_reads_state_and_clears_but_sees_no_secret_and_takes_no_lock(chapter: Served) -> None:
    with connect(chapter, "operator") as session:
        assert associations(session)
        assert session.dispatch(to_ele(CLEAR))
        config = session.get_config("running").xml
        assert "policy" in config
        assert "<pre-shared-key>" not in config
        with pytest.raises(RPCError) as refused:
            session.lock("running")
        assert refused.value.tag == "access-denied"


def test_an_administrator_sees_the_key_sealed(chapter: Served) -> None:
    with connect(chapter) as session:
        config = session.get_config("running").xml
    assert "$sealed$" in config
    assert "between-4.4.4.5" not in config


def test_a_wrong_password_is_refused(chapter: Served) -> None:
    with pytest.raises(AuthenticationError):
        connect(chapter, "admin", "wrong")


def test_a_lock_is_held_against_another_session_until_its_owner_goes(chapter: Served) -> None:
    with connect(chapter) as other:
        with connect(chapter) as owner:
            owner.lock("running")
            with pytest.raises(RPCError) as refused:
                other.lock("running")
            assert refused.value.tag == "lock-denied"
            assert str(owner.session_id) in refused.value.info
        assert other.lock("running").ok
        assert other.unlock("running").ok


def test_a_session_is_killed_by_another(chapter: Served) -> None:
    with connect(chapter) as survivor:
        victim = connect(chapter)
        assert survivor.kill_session(victim.session_id).ok
        subtree = f'<netconf-state xmlns="{MONITORING}"><sessions/></netconf-state>'
        sessions = survivor.get(filter=("subtree", subtree)).xml
        assert f"<session-id>{victim.session_id}</session-id>" not in sessions
        assert f"<session-id>{survivor.session_id}</session-id>" in sessions


def test_ncclient_gets_every_schema_that_is_announced(chapter: Served) -> None:
    with connect(chapter) as session:
        text = session.get_schema("ipsec-agent-ike").data
        assert text.startswith("module ipsec-agent-ike")
        assert f"{IKE}?module=ipsec-agent-ike&revision=" in "".join(session.server_capabilities)


def test_an_xpath_filter_selects_as_a_subtree_filter_does(chapter: Served) -> None:
    path = "/ike:ike/ike:security-associations/ike:security-association[ike:remote-address='4.4.4.4']/ike:state"
    with connect(chapter) as session:
        reply = session.get(filter=("xpath", (NS, path))).data
        states = [state.text for state in reply.iter(f"{{{IKE}}}state")]
        assert states
        assert states == [
            sa.findtext("ike:state", namespaces=NS)
            for sa in associations(session, "<remote-address>4.4.4.4</remote-address>")
        ]
        with pytest.raises(RPCError) as refused:
            session.get(filter=("xpath", (NS, "/ike:ike[")))
        assert refused.value.tag == "invalid-value"


def test_the_operational_datastore_is_read_by_name(chapter: Served) -> None:
    get_data = (
        '<get-data xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-nmda" '
        'xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores"><datastore>ds:operational</datastore>'
        f'<subtree-filter><ike xmlns="{IKE}"><security-associations/></ike></subtree-filter></get-data>'
    )
    with connect(chapter, "operator") as session:
        assert "<remote-address>4.4.4.4</remote-address>" in session.dispatch(to_ele(get_data)).xml
