"""IKE SAs are there while tunnels demand them, and stay so."""

from dataclasses import replace
from itertools import pairwise

import pytest

from agent.core.config import DeviceConfig, EsInterface, ExchangeMode, IkeConfig
from agent.core.events import PeerReachable, PeerUnreachable
from agent.core.ike.lifetime import Lifetimes, responder_lifetime
from agent.core.ike.numbers import ProtocolId
from agent.core.keying import UnknownPeer
from agent.core.keying.ike_sas import ADOPTION_US
from agent.core.world import SECOND
from tests.support.devices import FAR, LOCAL, NEAR, Lab, device_config, dynamic_sa, peer_config, spis, unit
from tests.support.gateways import ALICE, OTHER_PROPOSAL, PROPOSAL, policy

SHORT = replace(PROPOSAL, lifetime_seconds=180)
AGGRESSIVE = policy(NEAR, mode=ExchangeMode.AGGRESSIVE)
RESPONDERS = policy(LOCAL, mode=ExchangeMode.AGGRESSIVE, proposals=(replace(PROPOSAL, lifetime_seconds=1800),))


def test_each_tunnel_demands_one_ike_sa_with_its_destination() -> None:
    lab = Lab(device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR))).start()
    assert [sa.remote.address for sa in lab.matured] == [NEAR, FAR]
    assert lab.ike_story == ["IkeSaEstablished", "IkeSaEstablished"]


def test_a_policy_without_a_tunnel_demands_nothing() -> None:
    lab = Lab(device_config(policy(NEAR), policy(FAR), tunnels=(NEAR,))).start()
    assert [sa.remote.address for sa in lab.sas] == [NEAR]


def test_a_failed_negotiation_is_tried_again_with_growing_delays() -> None:
    lab = Lab(device_config(policy(NEAR, proposals=(OTHER_PROPOSAL,))))
    lab.start(seconds=200)
    times = [event.at for event in lab.events]
    gaps = [round((later - earlier) / SECOND) for earlier, later in pairwise(times)]
    assert gaps == [5, 10, 20, 40, 60, 60]
    assert set(lab.ike_story) == {"IkeNegotiationFailed(no-proposal-chosen)"}
    assert lab.matured == []


def test_an_ike_sa_is_replaced_before_it_ends_and_the_old_one_deleted_after() -> None:
    lab = Lab().start()
    (old,) = lab.sas
    lab.run(seconds=3600)
    assert lab.ike_story == ["IkeSaEstablished", "IkeSaEstablished", "IkeSaDeleted(replaced)"]
    (new,) = lab.sas
    assert new.id > old.id
    # A tenth of the lifetime was left, and there was never a moment without.
    _, established, deleted = lab.ike_events
    assert established.at == 3240 * SECOND + 60_000
    assert established.at <= deleted.at
    assert lab.near.established == 1


def test_a_short_lifetime_leaves_a_minute_for_the_replacement() -> None:
    lab = Lab(device_config(policy(NEAR, proposals=(SHORT,)))).start()
    lab.run(seconds=118)
    assert lab.ike_story == ["IkeSaEstablished"]
    lab.run(seconds=2)
    assert lab.ike_story == ["IkeSaEstablished", "IkeSaEstablished"]


def test_an_ike_sa_that_the_responder_shortens_afterwards_is_replaced_that_much_earlier() -> None:
    near = replace(peer_config(NEAR), ike=IkeConfig((RESPONDERS,)))
    lab = Lab(device_config(AGGRESSIVE), near=near).start()
    (old,) = lab.matured
    assert old.remaining_seconds == 1799
    lab.run(seconds=1618)
    assert lab.ike_story == ["IkeSaEstablished"]
    lab.run(seconds=10)
    assert lab.ike_story == ["IkeSaEstablished", "IkeSaEstablished", "IkeSaDeleted(replaced)"]
    assert old not in lab.matured
    lab.run(seconds=1600)
    assert len(lab.matured) == 1
    # The first timer, which an hour would have called for, is not there any more.
    assert lab.ike_story.count("IkeSaEstablished") == 2


def test_an_ike_sa_that_is_replaced_is_not_replaced_again_when_it_is_shortened() -> None:
    near = replace(peer_config(NEAR), ike=IkeConfig((RESPONDERS,)))
    lab = Lab(device_config(AGGRESSIVE), near=near).start()
    (old,) = lab.matured
    lab.run(seconds=1620)
    old_and_new = lab.matured
    assert len(old_and_new) == 2
    (theirs,) = [sa for sa in lab.near.ike_sas.values() if sa.cookies == old.cookies]
    theirs.notify(responder_lifetime(ProtocolId.ISAKMP, old.cookies.spi, Lifetimes(1700)))
    lab.run(seconds=1)
    assert old.expires_at == 1700 * SECOND + (old.established_at or 0)
    lab.run(seconds=200)
    assert lab.matured == old_and_new[1:]
    assert lab.ike_story.count("IkeSaEstablished") == 2


def test_a_replaced_ike_sa_stays_until_the_peer_can_have_taken_its_ipsec_sas_over() -> None:
    lab = Lab(device_config(policy(NEAR, proposals=(SHORT,)))).start()
    lab.run(seconds=123)
    assert lab.ike_story == ["IkeSaEstablished", "IkeSaEstablished", "IkeSaDeleted(replaced)"]
    _, established, deleted = lab.ike_events
    assert deleted.at - established.at == ADOPTION_US


def test_an_ike_sa_is_not_deleted_while_a_negotiation_under_it_may_be_asked_for_again() -> None:
    lab = Lab(device_config(policy(NEAR, proposals=(SHORT,)))).start()
    # A second before the IKE SA is replaced.
    lab.run(seconds=118)
    lab.device.clear_ipsec_sas()
    lab.run(seconds=3)
    old, new = lab.matured
    assert "IkeSaDeleted(replaced)" not in lab.story
    assert old.negotiations
    lab.run(seconds=31)
    assert lab.matured == [new]
    assert lab.ike_story[-1] == "IkeSaDeleted(replaced)"


def test_a_replacement_that_fails_is_tried_again_until_there_is_one() -> None:
    lab = Lab().start()
    lab.run(seconds=3200)
    lab.partition(NEAR)
    lab.run(seconds=600)
    assert lab.matured == []
    assert "IkeSaDeleted(lifetime-expired)" in lab.ike_story
    lab.partition(NEAR, is_partitioned=False)
    lab.run(seconds=100)
    assert len(lab.matured) == 1


def test_an_ike_sa_that_nothing_demands_ends_with_its_lifetime() -> None:
    lab = Lab(device_config(policy(NEAR), tunnels=()), near_initiates=True).start()
    (sa,) = lab.matured
    lab.near.reachable = False
    lab.run(seconds=3600)
    assert lab.ike_story == ["IkeSaEstablished", "IkeSaDeleted(lifetime-expired)"]
    assert sa not in lab.sas


def test_a_peer_that_deleted_its_ike_sa_gets_a_new_one() -> None:
    lab = Lab().start()
    lab.near.clear_ike_sas()
    lab.run(seconds=3)
    assert lab.ike_story == ["IkeSaEstablished", "IkeSaDeleted(peer-deleted)", "IkeSaEstablished"]
    assert len(lab.matured) == 1
    assert lab.near.established == 1


def test_a_peer_that_deleted_and_negotiates_itself_is_left_to_it() -> None:
    lab = Lab(near_initiates=True)
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
    assert lab.ike_story.count("IkeNegotiationFailed(timeout)") > 2
    assert "PeerReachable" not in lab.ike_story
    lab.near.reachable = True
    lab.run(seconds=100)
    assert lab.ike_story[-2:] == ["IkeSaEstablished", "PeerReachable"]
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
    assert lab.ike_story == ["IkeSaEstablished", "IkeSaDeleted(cleared)", "IkeSaEstablished"]
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
    assert lab.ike_story == ["IkeSaEstablished"]


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
    assert lab.ike_story == ["IkeNegotiationFailed(cleared)", "IkeSaEstablished"]
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
    assert lab.ike_story.count("IkeSaEstablished") == 1


def test_clear_of_an_ike_sa_that_nothing_demands_begins_nothing() -> None:
    lab = Lab(device_config(policy(NEAR), tunnels=()), near_initiates=True).start()
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
    assert lab.ike_story == ["IkeSaEstablished", "IkeSaDeleted(reconfigured)"]
    assert lab.near.established == 0


def test_a_removed_tunnel_takes_its_ike_sa_with_it_and_is_not_tried_again() -> None:
    lab = Lab(device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR))).start()
    lab.device.reconfigure(device_config(policy(NEAR), policy(FAR), tunnels=(FAR,)))
    lab.run(seconds=7200)
    assert [sa.remote.address for sa in lab.matured] == [FAR]
    assert lab.ike_story.count("IkeSaDeleted(reconfigured)") == 1
    assert lab.near.established == 0


def test_a_negotiation_of_a_removed_tunnel_fails_as_reconfigured() -> None:
    lab = Lab()
    lab.near.reachable = False
    lab.start(seconds=2)
    lab.device.reconfigure(device_config(policy(NEAR), tunnels=()))
    lab.run(seconds=100)
    assert lab.ike_story == ["IkeNegotiationFailed(reconfigured)"]
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
    assert lab.ike_story[-1] == "IkeNegotiationFailed(authentication-failed)"


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
    assert lab.ike_story == ["IkeSaEstablished"]


def test_a_tunnel_without_a_policy_fails_once_and_waits() -> None:
    lab = Lab(device_config())
    lab.start(seconds=600)
    assert lab.ike_story == ["IkeNegotiationFailed(no-policy)"]
    lab.device.reconfigure(device_config(policy(NEAR)))
    lab.run(seconds=1)
    assert lab.ike_story == ["IkeNegotiationFailed(no-policy)", "IkeSaEstablished"]


def test_two_tunnels_from_two_addresses_are_two_demands() -> None:
    associations = (dynamic_sa(LOCAL, NEAR, name="one"), dynamic_sa(ALICE, NEAR, name="two"))
    units = (unit(0, "one", LOCAL, NEAR), unit(1, "two", ALICE, NEAR))
    ike = IkeConfig((policy(NEAR),))
    lab = Lab(DeviceConfig("r1", (), ike, associations, (EsInterface("es-1/3/0", units=units),)))
    near = lab.near.config
    lab.near.reconfigure(replace(near, ike=IkeConfig((policy(LOCAL), policy(ALICE)))))
    lab.start()
    assert sorted(str(sa.local.address) for sa in lab.matured) == ["192.0.2.1", "4.4.4.5"]


@pytest.mark.parametrize("mode", ExchangeMode)
def test_both_ends_that_begin_at_once_settle_on_one_ike_sa_and_on_one_pair(mode: ExchangeMode) -> None:
    near = replace(peer_config(NEAR), ike=IkeConfig((policy(LOCAL, mode=mode),)))
    lab = Lab(device_config(policy(NEAR, mode=mode)), near=near, near_initiates=True)
    lab.near.start()
    lab.start(seconds=100)
    (ours,) = lab.matured
    (theirs,) = lab.near.ike_sas.values()
    assert ours.cookies == theirs.cookies
    (pair,) = lab.association().pairs
    (opposite,) = lab.opposite().pairs
    assert spis(pair) == spis(opposite)[::-1]


def test_both_ends_stay_settled_for_days() -> None:
    lab = Lab(near_initiates=True)
    lab.near.start()
    lab.start(seconds=3 * 86_400)
    assert len(lab.matured) == lab.near.established == 1
    (pair,) = lab.association().pairs
    assert spis(pair) == spis(*lab.opposite().pairs)[::-1]
    assert "IkeNegotiationFailed" not in str(lab.story)
    assert set(lab.ipsec_story) == {
        "IpsecSaInstalled",
        "IpsecSaRekeyed",
        "IpsecSaExpired(soft)",
        "IpsecSaDeleted(replaced)",
    }
