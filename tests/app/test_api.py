"""A device in a test's own process: what clients see of it, and what whoever holds it can do to it."""

from __future__ import annotations

import asyncio
import io
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from ncclient.operations import RPCError
from ncclient.transport.errors import AuthenticationError, SessionCloseError
from ncclient.xml_ import to_ele

import agent
from agent import Device, NotSeen, Refused
from agent.app.errors import AppError
from agent.app.hosting import shared_registry
from agent.app.scenario.run import run_again

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
SETTLED = datetime(2003, 3, 10, 12, 0, 8, tzinfo=UTC)
"""When the chapter's device has settled."""
PEER = "4.4.4.4"
TUNNEL = "/ipsec:ipsec/ipsec:security-association[ipsec:name='sa-dynamic']"
COOKIE = "/ike:ike/ike:security-associations/ike:security-association/ike:initiator-cookie"
RPC = "urn:ipsec-agent:ike"


@pytest.fixture
def device() -> Iterator[Device]:
    """The chapter's device, step by step."""
    with Device("chapter") as device:
        yield device


def close(session: Any) -> None:
    """End a session that may have been ended already."""
    if session.connected:
        session.close_session()


def test_a_client_in_the_tests_thread_reads_a_device_that_has_settled(device: Device) -> None:
    with device.netconf() as session:
        shown = session.get(filter=("subtree", '<ike xmlns="urn:ipsec-agent:ike"/>')).data_xml
    assert "<state>matured</state>" in shown
    assert device.now == SETTLED


def test_device_time_stands_still_until_it_is_told_to_move(device: Device) -> None:
    with device.netconf() as session:
        session.get_config("running")
    assert device.now == SETTLED
    assert device.advance(hours=1, minutes=2, seconds=3.5) == SETTLED + timedelta(hours=1, minutes=2, seconds=3.5)


def test_device_time_goes_on_by_itself_at_the_pace_that_it_is_given() -> None:
    with Device("chapter", time_scale=100_000) as device:
        while device.now < SETTLED + timedelta(hours=8):
            pass
        device.set_time_scale("step")
        (rekeys,) = device.values(f"{TUNNEL}/ipsec:rekeys")
        assert int(rekeys) >= 1
        assert device.now == device.now, "it stands still again"


def test_device_time_never_goes_backwards(device: Device) -> None:
    with pytest.raises(ValueError, match="backwards"):
        device.advance(seconds=-1)
    assert device.now == SETTLED


def test_the_next_timer_is_where_something_happens(device: Device) -> None:
    before = device.now
    assert before < device.advance_to_next_timer() < before + timedelta(hours=1)


def test_a_subscriber_is_told_in_the_time_of_the_device(device: Device) -> None:
    with device.netconf() as session:
        session.create_subscription()
        rekeyed = device.expect_event("ipsec-sa-rekeyed", within_hours=8)
        told = iter(lambda: session.take_notification(timeout=60).notification_xml, None)
        notification = next(each for each in told if "<ipsec-sa-rekeyed" in each)
    assert f"<eventTime>{rekeyed.at.isoformat()}</eventTime>" in notification
    assert f"<inbound-spi>{rekeyed.leaves['inbound-spi']}</inbound-spi>" in notification


def test_time_stops_when_an_expected_event_happens(device: Device) -> None:
    event = device.expect_event("ipsec-sa-rekeyed", {"name": "sa-dynamic"}, within_hours=8)
    assert device.now == event.at
    assert event.leaves["inbound/new-spi"] == event.leaves["inbound-spi"] != event.leaves["inbound/old-spi"]


def test_an_event_that_has_happened_already_is_found_and_time_stands_still(device: Device) -> None:
    now = device.advance(hours=8)
    assert device.expect_event("ipsec-sa-rekeyed", within_hours=8).at < now
    assert device.now == now


def test_each_event_is_found_once(device: Device) -> None:
    first = device.expect_event("ike-sa-established", within_hours=2)
    second = device.expect_event("ike-sa-established", within_hours=2)
    assert first.at < second.at


def test_what_happened_before_the_device_had_settled_is_not_expected_any_more(device: Device) -> None:
    assert "ipsec-sa-installed" in {event.name for event in device.events}
    with pytest.raises(NotSeen):
        device.expect_event("ipsec-sa-installed", within_minutes=1)


def test_what_does_not_happen_is_said_beside_what_did(device: Device) -> None:
    with pytest.raises(NotSeen, match=r"no peer-reachable remote-address=1\.2\.3\.4 up to 2003-03-10T13:00:08") as no:
        device.expect_event("peer-reachable", {"remote-address": "1.2.3.4"}, within_hours=1)
    assert "ike-sa-established (1)" in str(no.value)
    assert device.now == SETTLED + timedelta(hours=1)


def test_an_event_that_there_is_not_is_refused_at_once(device: Device) -> None:
    with pytest.raises(ValueError, match="there is no event 'ipsec-sa-rekeyd'"):
        device.expect_event("ipsec-sa-rekeyd", within_hours=8)
    assert device.now == SETTLED


def test_time_stops_as_soon_as_something_is_visible(device: Device) -> None:
    assert device.wait_until_visible(f"{TUNNEL}/ipsec:rekeys", 1, within_hours=8) == ("1",)
    assert device.now == device.expect_event("ipsec-sa-rekeyed").at


def test_what_does_not_become_visible_is_said_beside_what_is(device: Device) -> None:
    with pytest.raises(NotSeen, match="rekeys is 0 up to 2003-03-10T12:01:08"):
        device.wait_until_visible(f"{TUNNEL}/ipsec:rekeys", 1, within_minutes=1)


def test_what_is_no_path_is_refused(device: Device) -> None:
    with pytest.raises(Refused):
        device.values("/nowhere:else")


def test_an_unreachable_peer_is_noticed_and_so_is_its_return(device: Device) -> None:
    device.peer("3.3.3.3").unreachable()
    device.peer(PEER).unreachable()
    device.expect_event("peer-unreachable", {"remote-address": PEER}, within_minutes=5)
    device.peer(PEER).reachable()
    device.expect_event("peer-reachable", {"remote-address": PEER}, within_hours=2)


def test_negotiations_fail_with_a_peer_that_is_wrong_and_come_about_once_it_is_well(device: Device) -> None:
    peer = device.peer(PEER)
    for spoil in (peer.wrong_key, peer.refuses_proposals):
        spoil()
        with device.netconf() as session:
            session.dispatch(to_ele(f'<clear-ike-security-associations xmlns="{RPC}"/>'))
        device.expect_event("ike-negotiation-failed", {"remote-address": PEER}, within_hours=1)
        peer.well()
        device.wait_until_visible(f"/em:emulation/em:peer[em:address='{PEER}']/em:established", 1, within_hours=1)


def test_a_peer_that_reboots_has_forgotten_everything(device: Device) -> None:
    assert device.peer(PEER).established == 1
    device.peer(PEER).reboot(seconds=5)
    assert device.peer(PEER).established == 0


def test_a_slow_peer_takes_its_time(device: Device) -> None:
    device.peer(PEER).slow(0.5)
    (before,) = device.values(COOKIE)
    cleared = device.now
    with device.netconf() as session:
        session.dispatch(to_ele(f'<clear-ike-security-associations xmlns="{RPC}"/>'))
    established = device.expect_event("ike-sa-established", within_minutes=1)
    assert established.at - cleared > timedelta(seconds=1.5), "three answers of phase 1 take half a second each"
    assert established.leaves["initiator-cookie"] != before


def test_a_path_that_is_cut_parts_what_it_joined(device: Device) -> None:
    device.link("4.4.4.5", PEER).cut()
    device.expect_event("peer-unreachable", within_minutes=5)
    assert device.peer(PEER).established == 1, "the peer has noticed nothing"
    device.link("4.4.4.5", PEER).mend()
    device.link("4.4.4.5", PEER, one_way=True).set(delay_seconds=0.25, loss=0.5)
    assert device.values("/em:emulation/em:link/em:delay") == ("250000", "5000")


def test_a_pic_that_fails_is_relieved(device: Device) -> None:
    device.pic("es-1/3/0").fault()
    device.expect_event("interface-switched", {"reason": "failure"}, within_minutes=1)
    device.pic("es-1/3/0").online()
    device.expect_event("pic-state-changed", {"interface": "es-1/3/0", "state": "standby"}, within_minutes=5)


def test_what_is_not_there_cannot_be_spoilt(device: Device) -> None:
    with pytest.raises(Refused) as refused:
        device.pic("es-9/9/9").fault()
    assert refused.value.tags == ("invalid-value", "unknown-interface")
    with pytest.raises(Refused):
        device.peer("9.9.9.9").unreachable()


def test_time_is_not_moved_by_an_rpc_of_the_hand(device: Device) -> None:
    with pytest.raises(ValueError, match=r"advance\(\)"):
        device.do("advance-time", seconds=1)


def test_a_fault_strikes_the_operation_that_it_names_as_often_as_it_says(device: Device) -> None:
    device.inject("error", operation="get-config", count=1, error_tag="resource-denied")
    with device.netconf() as session:
        session.get()
        with pytest.raises(RPCError) as refused:
            session.get_config("running")
        session.get_config("running")
    assert refused.value.tag == "resource-denied"
    assert [(each.fault, each.outcome) for each in device.requests if each.operation == "get-config"] == [
        ("error", ("resource-denied",)),
        (None, ("ok",)),
    ]


def test_a_fault_that_is_taken_back_strikes_no_more(device: Device) -> None:
    device.inject("close", operation="get")
    session = device.netconf()
    with pytest.raises(SessionCloseError):
        session.get()
    device.clear_faults()
    with device.netconf() as session:
        session.get()


def test_requests_tell_what_a_client_has_sent(device: Device) -> None:
    with device.netconf("operator") as session:
        session.get(filter=("subtree", '<ike xmlns="urn:ipsec-agent:ike"/>'))
        with pytest.raises(RPCError):
            session.dispatch(to_ele('<clear-faults xmlns="urn:ipsec-agent:emulation"/>'))
    read, refused, ended = device.requests
    assert [each.operation for each in device.requests] == ["get", "clear-faults", "close-session"]
    assert (read.user, read.outcome, read.at) == ("operator", ("ok",), SETTLED)
    assert refused.outcome == ("access-denied",)
    assert ended.session_id == read.session_id
    assert b'<ike xmlns="urn:ipsec-agent:ike"/>' in read.raw
    assert read.parse().find(".//{urn:ipsec-agent:ike}ike") is not None


def test_what_the_hand_does_is_no_request_and_no_session(device: Device) -> None:
    device.pic("es-1/3/0").fault()
    device.values("/ike:ike")
    device.advance(seconds=1)
    assert device.requests == ()
    assert not [event for event in device.events if event.name.startswith("netconf-session")]


def test_the_hand_works_though_nobody_may_do_anything(device: Device) -> None:
    with device.netconf() as session:
        session.edit_config(target="running", config=NOBODY_MAY)
    with device.netconf() as session, pytest.raises(RPCError, match="may not execute"):
        session.get_config("running")
    device.peer(PEER).unreachable()
    assert device.values(f"/em:emulation/em:peer[em:address='{PEER}']/em:reachable") == ("false",)


def test_the_password_is_made_up_and_good_for_every_user(device: Device) -> None:
    for user in ("admin", "operator", "guest"):
        close(device.netconf(user))
        with pytest.raises(AuthenticationError):
            device.netconf(user, password=user)


def test_what_is_written_down_comes_out_the_same_again(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Device("chapter", seed=7, journal=path) as device:
        device.inject("error", operation="get", probability=0.5, count=3)
        with device.netconf() as session:
            device.peer(PEER).unreachable()
            device.advance(minutes=10)
            for _ in range(4):
                try:
                    session.get(filter=("subtree", '<ike xmlns="urn:ipsec-agent:ike"/>'))
                except RPCError:
                    device.pic("es-1/3/0").fault()
            session.edit_config(target="running", config=NEW_KEY)
        device.peer(PEER).reachable()
        device.advance(hours=1)
    assert "hand of the test" in path.read_text()
    assert "a new secret" not in path.read_text()
    out = io.StringIO()
    run_again(path, None, out, shared_registry())
    assert out.getvalue() == f"the same {path.read_text().count(chr(10))} lines\n"


NOBODY_MAY = (
    '<nc:config xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0">'
    '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><groups nc:operation="remove"/></nacm></nc:config>'
)
NEW_KEY = (
    f'<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><ike xmlns="{RPC}"><policy>'
    f"<peer-address>{PEER}</peer-address>"
    "<pre-shared-key><ascii-text>a new secret</ascii-text></pre-shared-key></policy></ike></config>"
)


def test_the_same_seed_gives_the_same_device_and_another_seed_another() -> None:
    def cookie(seed: int) -> tuple[str, ...]:
        with Device("chapter", seed=seed) as device:
            return device.values(COOKIE)

    assert cookie(1) == cookie(1) != cookie(2)


def test_devices_in_one_process_know_nothing_of_each_other() -> None:
    with Device("chapter", seed=1) as one, Device("chapter", seed=2) as other:
        one.advance(hours=8)
        one.peer(PEER).unreachable()
        one.inject("close")
        with other.netconf() as session:
            session.get()
        assert other.now == SETTLED
        assert other.values(COOKIE) != one.values(COOKIE)
        assert (one.requests, len(other.requests)) == ((), 2)
        assert other.password != one.password


def test_devices_are_used_from_several_threads_at_once() -> None:
    def live(seed: int, found: list[int]) -> None:
        with Device("chapter", seed=seed) as device, device.netconf() as session:
            device.expect_event("ipsec-sa-rekeyed", within_hours=8)
            session.get()
            found.append(seed)

    found: list[int] = []
    threads = [threading.Thread(target=live, args=(seed, found)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [0, 1, 2]


def test_a_block_leaves_nothing_behind() -> None:
    threads = set(threading.enumerate())
    with Device("chapter") as device:
        port, folder = device.port, device.journal.parent
        session = device.netconf()
    assert not folder.exists()
    left = {type(thread).__module__.partition(".")[0] for thread in threading.enumerate() if thread not in threads}
    assert left <= {"ncclient", "paramiko"}, "those of the client may be about to end"
    session._session.close()  # close_session() would wait for an answer if ncclient had not noticed the end
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port))


def test_a_device_is_used_within_its_block_only() -> None:
    device = Device("chapter")
    with pytest.raises(RuntimeError, match="within its block"):
        device.advance(hours=1)
    with device, pytest.raises(RuntimeError, match="running already"), device:
        pass
    with pytest.raises(RuntimeError, match="within its block"):
        device.port  # noqa: B018


def test_a_device_can_be_started_again_and_begins_anew() -> None:
    device = Device("chapter")
    with device:
        device.advance(hours=1)
    with device:
        assert device.now == SETTLED


def test_a_scenario_that_is_not_there_is_an_error_and_leaves_no_thread() -> None:
    threads = set(threading.enumerate())
    with pytest.raises(AppError, match="there is no scenario 'elsewhere'"), Device("elsewhere"):
        pass
    assert set(threading.enumerate()) <= threads


def test_an_address_in_use_is_an_error(device: Device) -> None:
    with pytest.raises(OSError, match=r"in use|bind"), Device("chapter", port=device.port):
        pass


def test_on_a_running_loop_a_client_of_that_loop_is_served() -> None:
    async def scene() -> str:
        async with Device("chapter") as device:
            device.advance(hours=8)
            known = asyncssh.import_known_hosts(f"[{device.host}]:{device.port} {device.host_key}")
            async with asyncssh.connect(
                device.host, device.port, username=device.user, password=device.password, known_hosts=known, config=None
            ) as connection:
                shown = await connection.run("show ike security-associations")
                return str(shown.stdout)

    assert "Matured" in asyncio.run(scene())


def test_on_a_running_loop_a_client_that_blocks_belongs_into_another_thread() -> None:
    async def scene() -> str:
        async with Device("chapter") as device:
            with pytest.raises(RuntimeError, match="to_thread"):
                device.netconf()
            session = await asyncio.to_thread(device.netconf)
            shown = await asyncio.to_thread(session.get, ("subtree", '<ike xmlns="urn:ipsec-agent:ike"/>'))
            await asyncio.to_thread(device.expect_event, "ipsec-sa-rekeyed", within_hours=8)
            await asyncio.to_thread(session.close_session)
            return str(shown.data_xml)

    assert "<state>matured</state>" in asyncio.run(scene())


def test_a_name_that_the_package_has_not_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Gateway'"):
        agent.Gateway  # type: ignore[attr-defined]  # noqa: B018
