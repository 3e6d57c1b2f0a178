"""The policy manager: demands become IKE SAs, and stay so."""

from dataclasses import replace
from itertools import pairwise

import pytest

from agent.core.config import ExchangeMode, Tunnel
from agent.core.events import PeerReachable, PeerUnreachable
from agent.core.keying import UnknownPeer
from agent.core.world import SECOND
from tests.support.devices import FAR, LOCAL, NEAR, Lab, device_config, peer_config
from tests.support.gateways import ALICE, OTHER_PROPOSAL, PROPOSAL, policy

SHORT = replace(PROPOSAL, lifetime_seconds=180)


def test_each_tunnel_demands_one_ike_sa_with_its_destination() -> None:
    lab = Lab(device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR))).start()
    assert [sa.remote.address for sa in lab.matured] == [NEAR, FAR]
    assert lab.story == ["IkeSaEstablished", "IkeSaEstablished"]


def test_a_policy_without_a_tunnel_demands_nothing() -> None:
    lab = Lab(device_config(policy(NEAR), policy(FAR), tunnels=(NEAR,))).start()
    assert [sa.remote.address for sa in lab.sas] == [NEAR]


def test_a_failed_negotiation_is_tried_again_with_growing_delays() -> None:
    lab = Lab(device_config(policy(NEAR, proposals=(OTHER_PROPOSAL,))))
    lab.start(seconds=200)
    times = [event.at for event in lab.events]
    gaps = [round((later - earlier) / SECOND) for earlier, later in pairwise(times)]
    assert gaps == [5, 10, 20, 40, 60, 60]
    assert set(lab.story) == {"IkeNegotiationFailed(no-proposal-chosen)"}
    assert lab.matured == []


def test_an_ike_sa_is_replaced_before_it_ends_and_the_old_one_deleted_after() -> None:
    lab = Lab().start()
    (old,) = lab.sas
    lab.run(seconds=3600)
    assert lab.story == ["IkeSaEstablished", "IkeSaEstablished", "IkeSaDeleted(replaced)"]
    (new,) = lab.sas
    assert new.id > old.id
    # A tenth of the lifetime was left, and there was never a moment without.
    assert lab.events[1].at == 3240 * SECOND + 60_000
    assert lab.events[1].at <= lab.events[2].at
    assert lab.near.established == 1


def test_a_short_lifetime_leaves_a_minute_for_the_replacement() -> None:
    lab = Lab(device_config(policy(NEAR, proposals=(SHORT,)))).start()
    lab.run(seconds=118)
    assert len(lab.events) == 1
    lab.run(seconds=2)
    assert lab.story == ["IkeSaEstablished", "IkeSaEstablished", "IkeSaDeleted(replaced)"]


def test_a_replacement_that_fails_is_tried_again_until_there_is_one() -> None:
    lab = Lab().start()
    lab.run(seconds=3200)
    lab.partition(NEAR)
    lab.run(seconds=600)
    assert lab.matured == []
    assert "IkeSaDeleted(lifetime-expired)" in lab.story
    lab.partition(NEAR, is_partitioned=False)
    lab.run(seconds=100)
    assert len(lab.matured) == 1


def test_an_ike_sa_that_nothing_demands_ends_with_its_lifetime() -> None:
    lab = Lab(device_config(policy(NEAR), tunnels=()), near=peer_config(NEAR, LOCAL)).start()
    (sa,) = lab.matured
    lab.near.reachable = False
    lab.run(seconds=3600)
    assert lab.story == ["IkeSaEstablished", "IkeSaDeleted(lifetime-expired)"]
    assert sa not in lab.sas


def test_a_peer_that_deleted_its_ike_sa_gets_a_new_one() -> None:
    lab = Lab().start()
    lab.near.clear_ike_sas()
    lab.run(seconds=3)
    assert lab.story == ["IkeSaEstablished", "IkeSaDeleted(peer-deleted)", "IkeSaEstablished"]
    assert len(lab.matured) == 1
    assert lab.near.established == 1


def test_a_peer_that_deleted_and_negotiates_itself_is_left_to_it() -> None:
    lab = Lab(near=peer_config(NEAR, LOCAL))
    lab.device.start()
    lab.run(seconds=1)
    lab.near.clear_ike_sas()
    lab.run(seconds=5)
    assert len(lab.matured) == 1
    assert lab.matured[0].role.value == "responder"


def test_a_peer_that_stays_silent_is_unreachable_once_and_reachable_when_it_answers() -> None:
    lab = Lab()
    lab.near.reachable = False
    lab.start(seconds=300)
    assert [event for event in lab.events if isinstance(event, PeerUnreachable)] == [PeerUnreachable(31 * SECOND, NEAR)]
    assert lab.story.count("IkeNegotiationFailed(timeout)") > 2
    assert "PeerReachable" not in lab.story
    lab.near.reachable = True
    lab.run(seconds=100)
    assert lab.story[-2:] == ["IkeSaEstablished", "PeerReachable"]
    assert sum(isinstance(event, PeerReachable) for event in lab.events) == 1


def test_a_peer_that_answers_with_a_refusal_is_reachable() -> None:
    lab = Lab(device_config(policy(NEAR, proposals=(OTHER_PROPOSAL,))))
    lab.near.reachable = False
    lab.start(seconds=40)
    lab.near.reachable = True
    lab.run(seconds=100)
    assert sum(isinstance(event, PeerReachable) for event in lab.events) == 1
    assert lab.matured == []


# Clear


def test_clear_deletes_tells_the_peer_and_negotiates_again_at_once() -> None:
    lab = Lab().start()
    (old,) = lab.matured
    assert lab.device.clear_ike_sas(NEAR) == 1
    assert old not in lab.sas
    (new,) = lab.sas
    assert not new.is_matured
    lab.run(seconds=0.5)
    assert lab.story == ["IkeSaEstablished", "IkeSaDeleted(cleared)", "IkeSaEstablished"]
    assert lab.matured == [new]
    assert new.initiator_cookie != old.initiator_cookie
    assert new.responder_cookie != old.responder_cookie
    assert lab.near.established == 1


def test_clear_of_one_peer_leaves_the_other_alone() -> None:
    lab = Lab(device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR))).start()
    near, far = lab.matured
    assert lab.device.clear_ike_sas(FAR) == 1
    lab.run(seconds=1)
    assert near in lab.matured
    assert far not in lab.matured
    assert len(lab.matured) == 2


def test_clear_of_all_counts_all() -> None:
    lab = Lab(device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR))).start()
    assert lab.device.clear_ike_sas(None) == 2
    lab.run(seconds=1)
    assert len(lab.matured) == 2


def test_clear_of_a_peer_without_an_ike_sa_is_nothing_and_not_an_error() -> None:
    lab = Lab().start()
    assert lab.device.clear_ike_sas(FAR) == 0
    lab.run(seconds=1)
    assert lab.story == ["IkeSaEstablished"]


def test_clear_of_an_unknown_peer_is_an_error_and_changes_nothing() -> None:
    lab = Lab().start()
    before = lab.sas
    with pytest.raises(UnknownPeer) as raised:
        lab.device.clear_ike_sas(ALICE)
    assert raised.value.address == ALICE
    assert lab.sas == before


def test_clear_ends_a_negotiation_and_begins_another() -> None:
    lab = Lab()
    lab.near.reachable = False
    lab.start(seconds=2)
    (stuck,) = lab.sas
    assert lab.device.clear_ike_sas(NEAR) == 1
    lab.near.reachable = True
    lab.run(seconds=1)
    assert lab.story == ["IkeNegotiationFailed(cleared)", "IkeSaEstablished"]
    assert stuck not in lab.sas


def test_clear_does_not_wait_for_the_next_try() -> None:
    lab = Lab()
    lab.near.reachable = False
    lab.start(seconds=32)
    lab.near.reachable = True
    assert lab.device.clear_ike_sas(NEAR) == 1
    lab.run(seconds=0.5)
    assert len(lab.matured) == 1
    lab.run(seconds=100)
    # The try that had been waiting is not made any more.
    assert lab.story.count("IkeSaEstablished") == 1


def test_clear_of_an_ike_sa_that_nothing_demands_begins_nothing() -> None:
    lab = Lab(device_config(policy(NEAR), tunnels=()), near=peer_config(NEAR, LOCAL)).start()
    assert lab.device.clear_ike_sas(NEAR) == 1
    assert lab.sas == []


# Reconfiguration


def test_a_new_tunnel_is_negotiated_and_the_old_one_left_alone() -> None:
    lab = Lab().start()
    (near,) = lab.matured
    lab.device.reconfigure(device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR)))
    lab.run(seconds=1)
    assert [sa.remote.address for sa in lab.matured] == [NEAR, FAR]
    assert lab.matured[0] is near


def test_a_removed_policy_takes_its_ike_sas_with_it_at_both_ends() -> None:
    lab = Lab().start()
    lab.device.reconfigure(device_config(policy(FAR), tunnels=()))
    lab.run(seconds=100)
    assert lab.sas == []
    assert lab.story == ["IkeSaEstablished", "IkeSaDeleted(reconfigured)"]
    assert lab.near.established == 0


def test_a_removed_tunnel_takes_its_ike_sa_with_it_and_is_not_tried_again() -> None:
    lab = Lab(device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR))).start()
    lab.device.reconfigure(device_config(policy(NEAR), policy(FAR), tunnels=(FAR,)))
    lab.run(seconds=7200)
    assert [sa.remote.address for sa in lab.matured] == [FAR]
    assert lab.story.count("IkeSaDeleted(reconfigured)") == 1
    assert lab.near.established == 0


def test_a_negotiation_of_a_removed_tunnel_fails_as_reconfigured() -> None:
    lab = Lab()
    lab.near.reachable = False
    lab.start(seconds=2)
    lab.device.reconfigure(device_config(policy(NEAR), tunnels=()))
    lab.run(seconds=100)
    assert lab.story == ["IkeNegotiationFailed(reconfigured)"]
    assert lab.sas == []
    assert lab.world.next_deadline() is None


def test_a_changed_key_applies_to_the_next_phase_1_and_not_to_this_one() -> None:
    lab = Lab().start()
    (sa,) = lab.matured
    lab.device.reconfigure(device_config(policy(NEAR, pre_shared_key=b"new")))
    lab.run(seconds=1)
    assert lab.matured == [sa]
    lab.device.clear_ike_sas(NEAR)
    lab.run(seconds=1)
    assert lab.story[-1] == "IkeNegotiationFailed(authentication-failed)"


def test_the_right_key_at_last_is_tried_at_once() -> None:
    lab = Lab(device_config(policy(NEAR, pre_shared_key=b"wrong"))).start(seconds=100)
    assert lab.matured == []
    lab.device.reconfigure(device_config(policy(NEAR)))
    lab.run(seconds=0.5)
    assert len(lab.matured) == 1


def test_the_same_configuration_again_changes_nothing() -> None:
    lab = Lab().start()
    before = lab.sas
    lab.device.reconfigure(lab.device.config)
    lab.run(seconds=10)
    assert lab.sas == before
    assert lab.story == ["IkeSaEstablished"]


@pytest.mark.parametrize(
    "policies", [(), (replace(policy(NEAR), mode=ExchangeMode.AGGRESSIVE),)], ids=["none", "aggressive"]
)
def test_a_tunnel_without_a_policy_for_main_mode_fails_once_and_waits(policies: tuple[object, ...]) -> None:
    lab = Lab(device_config(*policies))  # type: ignore[arg-type]
    lab.start(seconds=600)
    assert lab.story == ["IkeNegotiationFailed(no-policy)"]
    lab.device.reconfigure(device_config(policy(NEAR)))
    lab.run(seconds=1)
    assert lab.story == ["IkeNegotiationFailed(no-policy)", "IkeSaEstablished"]


def test_two_tunnels_from_two_addresses_are_two_demands() -> None:
    other = replace(device_config(policy(NEAR), addresses=(LOCAL, ALICE)), tunnels=())
    lab = Lab(replace(other, tunnels=(Tunnel(LOCAL, NEAR), Tunnel(ALICE, NEAR))))
    near = peer_config(NEAR)
    lab.near.reconfigure(replace(near, ike=type(near.ike)((policy(LOCAL), policy(ALICE)))))
    lab.start()
    assert sorted(str(sa.local.address) for sa in lab.matured) == ["192.0.2.1", "4.4.4.5"]
