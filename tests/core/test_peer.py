"""Remote gateways in the World of a device."""

from agent.core.world import Event
from tests.support.devices import LOCAL, NEAR, Lab, device_config, peer_config
from tests.support.gateways import policy


def test_the_devices_subscribers_never_see_a_peers_events() -> None:
    lab = Lab()
    peers: list[Event] = []
    lab.near.bus.subscribe(peers.append)
    lab.start()
    assert len(lab.events) == len(peers) == 1
    assert lab.events != peers


def test_a_peer_that_is_not_reachable_neither_hears_nor_speaks() -> None:
    lab = Lab(near=peer_config(NEAR, LOCAL))
    lab.near.reachable = False
    lab.start(seconds=5)
    assert lab.near.established == 0
    assert lab.near.ike_statistics.half_open == 0
    assert all(sa.role.value == "initiator" for sa in lab.sas)


def test_a_peer_with_a_tunnel_of_its_own_negotiates() -> None:
    lab = Lab(device_config(policy(NEAR), tunnels=()), near=peer_config(NEAR, LOCAL)).start()
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
