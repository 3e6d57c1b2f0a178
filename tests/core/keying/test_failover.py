"""A tunnel turns to its other peer when the one in use is dead, or by hand, and all is negotiated anew."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from agent.core.config import IkeConfig, UnitTunnel
from agent.core.events import DeletionReason, IkeSaDeleted, PeerUnreachable, SwitchReason, TunnelSwitched
from agent.core.ike.phase1 import Role
from agent.core.keying import NoBackup, UnknownSecurityAssociation
from agent.core.world import SECOND
from tests.support.devices import FAR, LOCAL, NEAR, Lab, disabled, spis
from tests.support.gateways import OTHER_PROPOSAL, policy
from tests.support.redundancy import (
    ACTIVE,
    ONE_PEER,
    SA,
    STANDBY,
    TWO_PEERS,
    lab,
    peer_states,
    tunnel_switches,
    with_manual,
    with_second_tunnel,
    with_traffic_of_second,
)

MAIN_MODE = ["main", "main", "main", "main", "main*", "main*"]
QUICK_MODE = ["quick_mode*", "quick_mode*", "quick_mode*"]


def exchanges(trace: list[str], peer: object) -> list[str]:
    """Return the messages to and from one peer, without their direction."""
    return [label for _, address, label in (each.split() for each in trace) if address == str(peer)]


def test_both_peers_stand_by_until_there_is_a_pair_and_then_the_primary_is_active() -> None:
    each = lab(TWO_PEERS)
    each.start(seconds=0.02)
    assert peer_states(each) == (STANDBY, STANDBY)
    each.run(seconds=1)
    assert peer_states(each) == (ACTIVE, STANDBY)
    tunnel = each.device.tunnel_redundancy[SA]
    assert (tunnel.local_address, tunnel.primary_remote_address, tunnel.backup_remote_address) == (LOCAL, NEAR, FAR)
    assert (tunnel.failure_counter, tunnel.last_switch_at, tunnel.last_switch_reason) == (0, None, None)
    assert exchanges(each.trace, FAR) == []


def test_a_tunnel_with_one_peer_or_without_a_negotiation_has_no_redundancy() -> None:
    assert lab(ONE_PEER).device.tunnel_redundancy == {}
    config = with_manual(TWO_PEERS)
    (interface,) = config.interfaces
    first, second = interface.units
    units = (first, replace(second, tunnel=UnitTunnel(LOCAL, NEAR, FAR)))
    by_hand = replace(config, interfaces=(replace(interface, units=units),))
    assert list(lab(by_hand).device.tunnel_redundancy) == [SA]


# A peer that is dead


def test_a_primary_that_does_not_answer_is_left_for_the_backup() -> None:
    # > 4.4.4.4 main, again after 1, 2, 4, 8 seconds; after 16 more it is dead
    # > 3.3.3.3 main mode, quick mode
    each = lab(TWO_PEERS)
    each.near.reachable = False
    each.start(seconds=30.9)
    assert each.trace == ["> 4.4.4.4 main"] * 5
    each.run(seconds=1)
    assert exchanges(each.trace[5:], FAR) == [*MAIN_MODE, *QUICK_MODE]
    assert exchanges(each.trace[5:], NEAR) == []
    assert peer_states(each) == (STANDBY, ACTIVE)
    assert each.story == [
        "IkeNegotiationFailed(timeout)",
        "PeerUnreachable",
        "TunnelSwitched(failure)",
        "IkeSaEstablished",
        "IpsecSaInstalled",
    ]
    assert tunnel_switches(each) == [TunnelSwitched(31 * SECOND, SA, NEAR, FAR, SwitchReason.FAILURE, 1)]
    association = each.association()
    assert association.current_remote_address == FAR
    (ours,), (theirs,) = association.pairs, each.opposite(FAR).pairs
    assert spis(ours) == spis(theirs)[::-1]


def test_a_tunnel_is_not_turned_back_when_the_primary_answers_again() -> None:
    each = lab(TWO_PEERS)
    each.near.reachable = False
    each.start(seconds=40)
    each.near.reachable = True
    each.run(seconds=20_000)
    assert peer_states(each) == (STANDBY, ACTIVE)
    assert len(tunnel_switches(each)) == 1


def test_silence_on_a_rekey_is_probed_and_is_the_end_of_a_peer_and_of_what_was_negotiated_with_it() -> None:
    # > 4.4.4.4 delete*, quick mode* again and again; after ten seconds three R-U-THERE*, and a delete* of the IKE SA
    # > 3.3.3.3 main mode, quick mode
    each = lab(TWO_PEERS).start()
    each.near.reachable = False
    told, sent = len(each.events), len(each.network.sent)
    each.device.clear_ipsec_sas()
    each.run(seconds=20)
    to_near = exchanges(each.trace[sent:], NEAR)
    assert to_near[0] == to_near[-1] == "informational*"
    assert to_near.count("informational*") == 1 + 3 + 1
    assert to_near.count("quick_mode*") >= 3
    assert exchanges(each.trace[sent:], FAR) == [*MAIN_MODE, *QUICK_MODE]
    assert each.story[told:] == [
        "IpsecSaDeleted(cleared)",
        "IkeSaDeleted(peer-unreachable)",
        "IpsecNegotiationFailed(cleared)",
        "PeerUnreachable",
        "TunnelSwitched(failure)",
        "IkeSaEstablished",
        "IpsecSaInstalled",
    ]
    assert [sa.remote.address for sa in each.matured] == [FAR]


def test_a_peer_that_falls_silent_is_given_up_though_nothing_is_to_be_negotiated() -> None:
    # > 4.4.4.4 three R-U-THERE* without an answer, and a delete*
    each = lab(TWO_PEERS).start()
    each.near.reachable = False
    sent = len(each.network.sent)
    each.run(seconds=20)
    assert exchanges(each.trace[sent:], NEAR) == ["informational*"] * 4
    assert [sa.remote.address for sa in each.matured] == [FAR]
    assert peer_states(each) == (STANDBY, ACTIVE)


def test_the_old_pair_stays_until_its_peer_is_given_up() -> None:
    each = lab(TWO_PEERS).start()
    (before,) = each.association().pairs
    each.near.reachable = False
    each.device.clear_ike_sas()
    each.run(seconds=30)
    assert each.association().pairs == (before,)
    assert peer_states(each) == (ACTIVE, STANDBY)
    each.run(seconds=2)
    assert before not in each.association().pairs
    assert "IpsecSaDeleted(peer-unreachable)" in each.ipsec_story
    assert peer_states(each) == (STANDBY, ACTIVE)


def test_where_neither_answers_they_take_turns_at_growing_intervals() -> None:
    each = lab(TWO_PEERS)
    each.near.reachable = each.far.reachable = False
    each.start(seconds=600)
    switches = tunnel_switches(each)
    gaps = [(later.at - earlier.at) // SECOND for earlier, later in pairwise(switches)]
    # Each try lasts 31 seconds; the first change is made at once.
    assert gaps == [31, 36, 41, 51, 71, 91, 91, 91]
    assert [event.to_address for event in switches[:4]] == [FAR, NEAR, FAR, NEAR]
    assert [event.failure_counter for event in switches] == list(range(1, 10))
    assert {event.reason for event in switches} == {SwitchReason.FAILURE}
    assert peer_states(each) == (STANDBY, STANDBY)
    assert sum(isinstance(event, PeerUnreachable) for event in each.events) == 2, "once for each"


def test_after_a_connection_the_next_failure_is_the_first_again() -> None:
    each = lab(TWO_PEERS)
    each.near.reachable = each.far.reachable = False
    each.start(seconds=300)
    each.near.reachable = each.far.reachable = True
    each.run(seconds=200)
    assert ACTIVE in peer_states(each)
    begun = len(tunnel_switches(each))
    each.near.reachable = each.far.reachable = False
    each.device.clear_ike_sas()
    each.run(seconds=63)
    first, second = tunnel_switches(each)[begun:]
    assert second.at - first.at == 31 * SECOND


def test_after_a_switch_by_hand_the_next_failure_is_the_first_again() -> None:
    each = lab(TWO_PEERS)
    each.near.reachable = each.far.reachable = False
    each.start(seconds=145)
    begun = len(tunnel_switches(each))
    each.device.switch_tunnels(SA)
    each.run(seconds=63)
    by_hand, first, second = tunnel_switches(each)[begun:]
    assert [later.at - earlier.at for earlier, later in ((by_hand, first), (first, second))] == [31 * SECOND] * 2


def test_a_stranger_in_the_peers_name_that_falls_silent_is_not_the_peer() -> None:
    # < 4.4.4.4 main, forged, which nobody goes on with
    each = lab(TWO_PEERS).start()
    first = next(sent for sent in each.network.sent if sent.source.address == LOCAL)
    forged = bytes(8 * [7]) + first.payload[8:]
    each.network.send(first.destination, first.source, forged)
    each.run(seconds=100)
    assert "IkeNegotiationFailed(timeout)" in each.story
    assert peer_states(each) == (ACTIVE, STANDBY)
    assert tunnel_switches(each) == []


def test_a_peer_that_has_forgotten_one_ike_sa_and_made_another_is_not_dead() -> None:
    # > 4.4.4.4 quick mode* under the IKE SA that the peer has forgotten, five times
    # < 4.4.4.4 main mode
    # > 4.4.4.4 quick mode under the new one
    each = Lab(TWO_PEERS, near_initiates=True).start(seconds=60)
    (old,) = each.matured
    each.partition(NEAR)
    each.near.clear_ike_sas()
    each.device.clear_ipsec_sas()
    each.partition(NEAR, is_partitioned=False)
    each.run(seconds=40)
    assert old not in each.sas
    assert "IkeSaDeleted(peer-unreachable)" in each.story
    assert "PeerUnreachable" not in each.story
    assert tunnel_switches(each) == []
    assert peer_states(each) == (ACTIVE, STANDBY)


def test_a_peer_that_answers_and_refuses_is_not_dead() -> None:
    ike = IkeConfig((policy(NEAR, proposals=(OTHER_PROPOSAL,)), policy(FAR)))
    each = lab(replace(TWO_PEERS, ike=ike)).start(seconds=600)
    assert set(each.ike_story) == {"IkeNegotiationFailed(no-proposal-chosen)"}
    assert tunnel_switches(each) == []
    assert exchanges(each.trace, FAR) == []


def test_a_tunnel_with_one_peer_waits_for_it() -> None:
    each = lab(ONE_PEER)
    each.near.reachable = False
    each.start(seconds=300)
    each.near.reachable = True
    each.run(seconds=100)
    assert len(each.association().pairs) == 1
    assert tunnel_switches(each) == []
    assert exchanges(each.trace, FAR) == []


# By hand


@pytest.mark.parametrize("name", [SA, None])
def test_a_switch_by_hand_tells_the_one_peer_and_negotiates_with_the_other(name: str | None) -> None:
    # > 4.4.4.4 delete of the pair, delete of the IKE SA
    # > 3.3.3.3 main mode, quick mode
    each = lab(TWO_PEERS).start()
    (before,) = each.association().pairs
    told, sent = len(each.events), len(each.network.sent)
    assert each.device.switch_tunnels(name) == (SA,)
    assert peer_states(each) == (STANDBY, STANDBY)
    each.run(seconds=1)
    assert exchanges(each.trace[sent:], NEAR) == ["informational*", "informational*"]
    assert exchanges(each.trace[sent:], FAR) == [*MAIN_MODE, *QUICK_MODE]
    assert each.story[told:] == [
        "TunnelSwitched(manual)",
        "IpsecSaDeleted(switched)",
        "IkeSaDeleted(cleared)",
        "IkeSaEstablished",
        "IpsecSaInstalled",
    ]
    assert peer_states(each) == (STANDBY, ACTIVE)
    (after,) = each.association().pairs
    assert not set(spis(after)) & set(spis(before))
    assert each.opposite(NEAR).pairs == ()
    assert each.near.ike_sas == {}
    assert tunnel_switches(each) == [TunnelSwitched(1 * SECOND, SA, NEAR, FAR, SwitchReason.MANUAL, 1)]


def test_a_second_switch_leads_back() -> None:
    each = lab(TWO_PEERS).start()
    for _ in range(2):
        each.device.switch_tunnels(SA)
        each.run(seconds=1)
    assert peer_states(each) == (ACTIVE, STANDBY)
    tunnel = each.device.tunnel_redundancy[SA]
    assert (tunnel.failure_counter, tunnel.last_switch_at) == (2, 2 * SECOND)
    assert len(each.opposite(NEAR).pairs) == 1
    assert each.opposite(FAR).pairs == ()


def test_a_switch_to_a_peer_that_does_not_answer_comes_back_by_itself() -> None:
    each = lab(TWO_PEERS).start()
    each.far.reachable = False
    each.device.switch_tunnels(SA)
    each.run(seconds=32)
    assert peer_states(each) == (ACTIVE, STANDBY)
    assert [event.reason for event in tunnel_switches(each)] == [SwitchReason.MANUAL, SwitchReason.FAILURE]


def test_a_switch_by_hand_does_not_wait_for_the_next_turn() -> None:
    each = lab(TWO_PEERS)
    each.near.reachable = each.far.reachable = False
    each.start(seconds=145)
    # The other peer's turn comes in fifteen seconds only.
    each.near.reachable = each.far.reachable = True
    each.device.switch_tunnels(SA)
    each.run(seconds=1)
    assert ACTIVE in peer_states(each)


def test_a_tunnel_that_is_down_is_switched_all_the_same_and_negotiates_nothing() -> None:
    each = lab(disabled(TWO_PEERS)).start()
    assert each.device.switch_tunnels(SA) == (SA,)
    each.run(seconds=10)
    assert each.association().current_remote_address == FAR
    assert each.network.sent == []
    each.device.reconfigure(TWO_PEERS)
    each.run(seconds=1)
    assert peer_states(each) == (STANDBY, ACTIVE)


@pytest.mark.parametrize("name", [SA, None])
def test_a_tunnel_with_one_peer_is_not_switched(name: str | None) -> None:
    each = lab(ONE_PEER).start()
    before = each.association().pairs
    with pytest.raises(NoBackup):
        each.device.switch_tunnels(name)
    assert each.association().pairs == before
    assert tunnel_switches(each) == []


def test_what_is_not_there_or_keyed_by_hand_is_refused() -> None:
    each = lab(with_manual(TWO_PEERS)).start()
    with pytest.raises(UnknownSecurityAssociation):
        each.device.switch_tunnels("nonsense")
    with pytest.raises(NoBackup):
        each.device.switch_tunnels("manual")
    assert tunnel_switches(each) == []
    assert peer_states(each) == (ACTIVE, STANDBY)


# Reconfiguration


def test_a_configuration_that_leaves_the_tunnel_alone_leaves_it_with_its_peer() -> None:
    each = lab(TWO_PEERS).start()
    each.device.switch_tunnels(SA)
    each.run(seconds=1)
    before = each.association().pairs
    each.device.reconfigure(with_manual(TWO_PEERS))
    assert each.association().pairs == before
    assert each.device.tunnel_redundancy[SA].failure_counter == 1


def test_a_tunnel_whose_backup_goes_leads_to_its_destination() -> None:
    each = lab(TWO_PEERS).start()
    each.device.switch_tunnels(SA)
    each.run(seconds=1)
    each.device.reconfigure(ONE_PEER)
    each.run(seconds=1)
    assert each.association().current_remote_address == NEAR
    assert [sa.remote.address for sa in each.matured] == [NEAR]
    assert len(each.association().pairs) == 1
    assert each.opposite(FAR).pairs == ()


def test_another_primary_is_turned_to_and_nothing_of_the_other_pair_of_peers_is_counted() -> None:
    each = lab(TWO_PEERS).start()
    each.device.switch_tunnels(SA)
    each.run(seconds=1)
    (interface,) = TWO_PEERS.interfaces
    (only,) = interface.units
    swapped = replace(interface, units=(replace(only, tunnel=UnitTunnel(LOCAL, FAR, NEAR)),))
    before = each.association().pairs
    each.device.reconfigure(replace(TWO_PEERS, interfaces=(swapped,)))
    tunnel = each.device.tunnel_redundancy[SA]
    assert (tunnel.primary_remote_address, tunnel.failure_counter, tunnel.last_switch_at) == (FAR, 0, None)
    assert each.association().pairs == before, "it led there already"
    assert peer_states(each) == (ACTIVE, STANDBY)


def test_a_backup_that_comes_does_not_disturb_the_tunnel() -> None:
    each = lab(ONE_PEER).start()
    before, sent = each.association().pairs, len(each.network.sent)
    each.device.reconfigure(TWO_PEERS)
    each.run(seconds=10)
    assert each.association().pairs == before
    assert len(each.network.sent) == sent
    assert peer_states(each) == (ACTIVE, STANDBY)


# Others


def test_a_tunnel_that_shares_the_peer_and_has_no_other_stays() -> None:
    config = with_second_tunnel(TWO_PEERS)
    each = lab(config)
    each.near.reconfigure(with_traffic_of_second(each.near.config))
    each.start()
    assert len(each.device.security_associations["second"].pairs) == 1
    before = each.device.security_associations["second"].pairs
    each.device.switch_tunnels()
    each.run(seconds=1)
    assert each.device.security_associations["second"].pairs == before
    assert sorted(str(sa.remote.address) for sa in each.matured) == [str(FAR), str(NEAR)]
    assert not any(isinstance(event, IkeSaDeleted) for event in each.events)


def test_one_dead_peer_is_told_of_once_and_all_its_tunnels_are_turned_away() -> None:
    config = with_second_tunnel(TWO_PEERS, backup=True)
    each = lab(config)
    each.near.reachable = False
    each.start(seconds=40)
    assert [event.security_association for event in tunnel_switches(each)] == [SA, "second"]
    assert [event.failure_counter for event in tunnel_switches(each)] == [1, 1]
    assert exchanges(each.trace, FAR).count("main") == 4, "one IKE SA serves both"


def test_the_ike_sa_with_a_dead_peer_is_deleted_as_unreachable() -> None:
    each = lab(TWO_PEERS).start(seconds=3239)
    (old,) = each.matured
    assert old.role is Role.INITIATOR
    each.near.reachable = False
    # The negotiation of its successor is left without an answer.
    each.run(seconds=35)
    reasons = [event.reason for event in each.events if isinstance(event, IkeSaDeleted)]
    assert reasons == [DeletionReason.PEER_UNREACHABLE]
    assert old not in each.sas
    assert peer_states(each) == (STANDBY, ACTIVE)


def test_everything_that_goes_leaves_no_timer() -> None:
    each: Lab = lab(TWO_PEERS)
    each.near.reachable = each.far.reachable = False
    each.start(seconds=145)
    each.device.reconfigure(replace(TWO_PEERS, security_associations=(), interfaces=(), ike=IkeConfig()))
    each.run(seconds=100)
    assert each.device.tunnel_redundancy == {}
    assert each.world.next_deadline() is None
