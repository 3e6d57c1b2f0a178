"""The timeline at work: at a time, again and again, upon an event; on whose behalf, and what is refused before."""

from __future__ import annotations

import pytest

from agent.app.document import DocumentError
from agent.app.scenario.run import live
from tests.support.chapter import Emulation, registry
from tests.support.scenarios import lived, scenario, small

SILENCE = "rpc: set-peer, input: {address: 4.4.4.4, reachable: false}"


def names(lines: list[str]) -> list[str]:
    """Return the names of events."""
    return [line.split()[1] for line in lines]


def times(lines: list[str], name: str) -> list[str]:
    """Return when events of a name happened."""
    return [line.split()[0][11:19] for line in lines if line.split()[1] == name]


def test_what_is_done_at_a_time_is_done_then() -> None:
    timeline = "timeline: [{at: 1m, rpc: set-pic, input: {interface: es-1/3/0, state: fault}}]\n"
    _, lines = lived(small(timeline), 90)
    assert times(lines, "interface-switched") == ["12:01:00"]


def test_what_is_done_every_so_often_is_done_as_often_as_it_says_and_no_more() -> None:
    timeline = "timeline: [{every: 1m, from: 30s, times: 3, rpc: switch-tunnel}]\n"
    _, lines = lived(small(timeline), 600)
    assert times(lines, "tunnel-switched") == ["12:00:30", "12:01:30", "12:02:30"]


def test_what_is_done_without_end_goes_on() -> None:
    timeline = "timeline: [{every: 1m, rpc: switch-tunnel}]\n"
    _, lines = lived(small(timeline), 601)
    assert len(times(lines, "tunnel-switched")) == 10


def test_what_is_done_upon_an_event_is_done_so_long_after_it_and_for_those_alone_that_are_meant() -> None:
    timeline = (
        f"timeline:\n  - {{at: 30s, {SILENCE}}}\n"
        "  - {event: tunnel-switched, where: {to: 3.3.3.3}, after: 5s, rpc: switch-tunnel}\n"
        "  - {event: tunnel-switched, where: {to: 9.9.9.9}, rpc: switch-interface}\n"
    )
    _, lines = lived(small(timeline), 60)
    first, second, *_ = times(lines, "tunnel-switched")
    assert int(second[-2:]) - int(first[-2:]) == 5
    assert "interface-switched" not in names(lines)


def test_a_response_is_given_as_often_as_it_says() -> None:
    timeline = "timeline: [{at: 20s, rpc: switch-tunnel}, {event: tunnel-switched, times: 2, rpc: switch-tunnel}]\n"
    _, lines = lived(small(timeline), 60)
    assert len(times(lines, "tunnel-switched")) == 3


def test_a_timeline_goes_on_in_a_gateway_that_is_only_booted() -> None:
    emulation = Emulation(scenario("timeline: [{at: 1m, rpc: switch-interface}]\n"))
    assert [pic.state.value for pic in emulation.gateway.device.pics.values()] != []
    before = emulation.gateway.device.interface_redundancy["es-1/3/0"].failure_counter
    emulation.advance(60)
    assert emulation.gateway.device.interface_redundancy["es-1/3/0"].failure_counter == before + 1


def test_an_operation_can_be_given_as_xml() -> None:
    timeline = (
        "timeline:\n  - at: 30s\n    xml: |\n      <edit-config><target><running/></target><config>\n"
        '        <interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces"><interface><name>es-1/3/0</name>\n'
        "        <description>changed</description></interface></interfaces></config></edit-config>\n"
    )
    _, lines = lived(small(timeline), 60)
    assert times(lines, "netconf-config-change") == ["12:00:30"]
    assert "username=admin" in next(line for line in lines if "netconf-config-change" in line)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("rpc: fly", "there is no RPC 'fly'"),
        ("rpc: 'ipsec-agent-ike:set-pic'", "there is no RPC 'ipsec-agent-ike:set-pic'"),
        ("rpc: set-pic, input: {color: red}", "has no 'color'"),
        ("rpc: set-pic, input: {interface: es-1/3/0, state: tired}", "state: "),
        ("rpc: set-pic, input: {interface: es-1/3/0}", "'state' is mandatory"),
        ("rpc: set-pic, input: {interface: {name: x}, state: fault}", "has no 'name'"),
        ("rpc: set-pic, input: {interface: es-1/3/0, state: [fault, online]}", "given twice"),
        ("rpc: advance-time, input: {seconds: 1}", "cannot be done within the time that it moves"),
        ("rpc: load-scenario, input: {name: demo}", "cannot be done within the time that it moves"),
        ("xml: '<get'", "not well-formed"),
        ("xml: '<fly/>'", "there is no RPC 'fly'"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is(entry: str, complaint: str) -> None:
    with pytest.raises(DocumentError, match=r"^document:\d+:\d+: ") as refused:
        live(scenario(f"timeline: [{{at: 1m, {entry}}}]\n"), registry())
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    ("match", "complaint"),
    [("event: sunrise", "there is no event 'sunrise'"), ("event: ike-sa-deleted, where: {colour: red}", "no 'colour'")],
)
def test_an_event_that_there_is_not_is_refused(match: str, complaint: str) -> None:
    with pytest.raises(DocumentError, match=complaint):
        live(scenario(f"timeline: [{{{match}, rpc: switch-tunnel}}]\n"), registry())
    with pytest.raises(DocumentError, match=complaint):
        live(scenario(f"assertions: [{{{match}}}]\n"), registry())


def test_peers_behave_from_the_start_as_the_scenario_says() -> None:
    _, lines = lived(small(peer="reachable: false"), 60)
    assert "peer-unreachable" in names(lines)
    _, lines = lived(small(peer="fault: wrong-key"), 20)
    assert any("ike-negotiation-failed" in line and "authentication-failed" in line for line in lines)
    assert not any("ike-sa-established" in line and "remote-address=4.4.4.4" in line for line in lines)


def test_a_peer_reboots_at_its_time() -> None:
    emulation = Emulation(scenario(peer="reboots: [{at: 1m, down: 20s}]"))
    peer = next(iter(emulation.gateway.device.peers.values()))
    assert (peer.established, peer.is_booting) == (1, False)
    emulation.advance(55)
    assert (peer.established, peer.is_booting) == (0, True)


def test_links_are_as_the_scenario_says() -> None:
    _, lines = lived(small("links: [{from: 4.4.4.4, to: 4.4.4.5, partitioned: true}]\n"), 60)
    assert "peer-unreachable" in names(lines)
    assert not any("ike-sa-established" in line and "remote-address=4.4.4.4" in line for line in lines)
