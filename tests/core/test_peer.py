"""Remote gateways in the World of a device."""

from agent.core.world import Event
from tests.support.devices import NEAR, Lab, device_config
from tests.support.gateways import policy


def test_the_devices_subscribers_never_see_a_peers_events() -> None:
    lab = Lab()
    peers: list[Event] = []
    lab.near.bus.subscribe(peers.append)
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
