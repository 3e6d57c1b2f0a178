"""Remote gateways in the World of a device."""

from agent.core.peer import PeerFault
from agent.core.world import Event
from tests.support.devices import NEAR, Lab, device_config
from tests.support.gateways import UNTOLD, policy


def test_the_devices_subscribers_never_see_a_peers_events() -> None:
    lab = Lab()
    peers: list[Event] = []
    lab.near.bus.subscribe(lambda event: None if isinstance(event, UNTOLD) else peers.append(event))
    lab.start()
    assert len(lab.events) == len(peers) == 2
    assert lab.events != peers


def test_a_peer_that_is_not_reachable_neither_hears_nor_speaks() -> None:
    lab = Lab(near_initiates=True)
    lab.near.reachable = False
    lab.start(seconds=5)
    assert lab.near.established == 0
    assert lab.near.ike_statistics.half_open == 0
    assert all(sa.role.value == "initiator" for sa in lab.sas)


def test_a_peer_begins_nothing_unless_it_is_made_to() -> None:
    lab = Lab(device_config(policy(NEAR), tunnels=())).start(seconds=100)
    assert lab.sas == []
    assert lab.near.ike_sas == {}


def test_a_peer_that_initiates_negotiates() -> None:
    lab = Lab(device_config(policy(NEAR), tunnels=()), near_initiates=True).start()
    (sa,) = lab.matured
    assert sa.role.value == "responder"
    assert lab.near.established == 1
    (theirs,) = lab.near.ike_sas.values()
    assert theirs.initiator_cookie == sa.initiator_cookie


def test_a_peer_knows_its_name_and_address() -> None:
    lab = Lab()
    assert lab.near.address == NEAR
    assert lab.near.name == "4.4.4.4"
    assert lab.device.peers[NEAR] is lab.near


def test_a_peer_with_a_wrong_key_keeps_what_there_is_and_agrees_to_nothing_new() -> None:
    lab = Lab().start()
    lab.near.set_fault(PeerFault.WRONG_KEY)
    assert len(lab.matured) == 1
    lab.device.clear_ike_sas(NEAR)
    lab.run(seconds=60)
    assert lab.matured == []
    assert "IkeNegotiationFailed(authentication-failed)" in lab.ike_story
    lab.near.set_fault(PeerFault.NONE)
    lab.run(seconds=120)
    assert len(lab.matured) == 1


def test_a_peer_that_refuses_proposals_refuses_them_in_phase_1() -> None:
    lab = Lab()
    lab.near.set_fault(PeerFault.REFUSES_PROPOSALS)
    lab.start(seconds=3)
    assert lab.matured == []
    assert "IkeNegotiationFailed(no-proposal-chosen)" in lab.ike_story


def test_a_peer_that_refuses_proposals_refuses_them_in_phase_2_under_the_ike_sa_that_there_is() -> None:
    lab = Lab().start()
    lab.near.set_fault(PeerFault.REFUSES_PROPOSALS)
    lab.device.clear_ipsec_sas()
    lab.run(seconds=3)
    assert len(lab.matured) == 1
    assert lab.association().pairs == ()
    assert "IpsecNegotiationFailed(no-proposal-chosen)" in lab.ipsec_story


def test_a_fault_does_not_change_what_a_peer_says_it_is_configured_with() -> None:
    lab = Lab()
    before = lab.near.config
    lab.near.set_fault(PeerFault.REFUSES_PROPOSALS)
    assert (lab.near.config, lab.near.fault) == (before, PeerFault.REFUSES_PROPOSALS)


def test_a_peer_that_initiates_offers_nothing_while_it_refuses_everything() -> None:
    lab = Lab(device_config(policy(NEAR), tunnels=()), near_initiates=True)
    lab.near.set_fault(PeerFault.REFUSES_PROPOSALS)
    lab.start(seconds=5)
    assert lab.sas == []
    lab.near.set_fault(PeerFault.NONE)
    lab.run(seconds=5)
    assert len(lab.matured) == 1


def test_a_peer_that_reboots_forgets_everything_without_a_word() -> None:
    lab = Lab().start()
    sent = len(lab.network.sent)
    lab.near.reboot(30)
    lab.run(seconds=5)
    assert (lab.near.established, lab.near.sad.installed, lab.near.is_booting) == (0, 0, True)
    assert len(lab.matured) == 1, "the device knows of nothing"
    assert [each for each in lab.trace[sent:] if each.startswith("<")] == []


def test_a_peer_that_has_rebooted_negotiates_again_and_not_while_it_boots() -> None:
    lab = Lab().start()
    lab.near.reboot(30)
    lab.device.clear_ipsec_sas()
    lab.device.clear_ike_sas(NEAR)
    lab.run(seconds=25)
    assert lab.near.established == 0
    lab.run(seconds=120)
    assert lab.near.established == 1
    assert not lab.near.is_booting
    assert lab.near.sad.installed == 2


def test_a_peer_that_reboots_while_it_boots_begins_anew() -> None:
    lab = Lab().start()
    lab.near.reboot(10)
    lab.run(seconds=8)
    lab.near.reboot(10)
    lab.run(seconds=8)
    assert lab.near.is_booting
    lab.run(seconds=3)
    assert not lab.near.is_booting


def test_a_slow_peer_takes_its_time_over_every_datagram() -> None:
    lab = Lab()
    lab.near.answer_delay_us = 400_000
    lab.start(seconds=0.404)
    assert [each for each in lab.trace if each.startswith("<")] == []
    lab.run(seconds=5)
    assert len(lab.matured) == 1


def test_what_a_slow_peer_has_heard_is_lost_when_it_falls_silent_first() -> None:
    lab = Lab()
    lab.near.answer_delay_us = 400_000
    lab.start(seconds=0.2)
    lab.near.reachable = False
    lab.run(seconds=2)
    assert [each for each in lab.trace if each.startswith("<")] == []
