"""Pairs that an operator clears, or the peer deletes, are negotiated anew."""

from dataclasses import replace

import pytest

from agent.core.config import (
    DeviceConfig,
    DhGroup,
    IkeSettings,
)
from agent.core.ike.phase1 import Role
from agent.core.keying import UnknownSecurityAssociation
from tests.support.devices import (
    FAR,
    IPSEC_POLICY,
    NEAR,
    Lab,
    device_config,
    is_mirrored,
    peer_config,
    spis,
)
from tests.support.gateways import policy

GROUP2 = replace(IPSEC_POLICY, perfect_forward_secrecy=DhGroup.GROUP2)
BOTH = device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR))


def test_clear_deletes_the_pair_at_both_ends_and_a_new_one_follows_at_once() -> None:
    lab = Lab(device_config(policy(NEAR))).start(seconds=100)
    (old,) = lab.association().pairs
    (ike_sa,) = lab.matured
    assert lab.device.clear_ipsec_sas("to-4.4.4.4") == 2
    assert lab.association().pairs == ()
    lab.run(seconds=0.5)
    (new,) = lab.association().pairs
    assert not set(spis(new)) & set(spis(old))
    assert new.inbound.hard_lifetime is not None
    assert new.inbound.hard_lifetime.remaining_seconds == 28_799
    assert is_mirrored(lab)
    assert lab.matured == [ike_sa]
    assert lab.ipsec_story[1:] == ["IpsecSaDeleted(cleared)", "IpsecSaInstalled"]
    # A pair that was cleared is not one that was replaced.
    assert lab.association().rekeys == 0


def test_clear_of_one_leaves_the_others_alone_and_clear_of_all_counts_all() -> None:
    lab = Lab(BOTH).start()
    near, far = lab.association(NEAR).pairs, lab.association(FAR).pairs
    assert lab.device.clear_ipsec_sas("to-3.3.3.3") == 2
    lab.run(seconds=1)
    assert lab.association(NEAR).pairs == near
    assert lab.association(FAR).pairs != far
    assert lab.device.clear_ipsec_sas() == 4
    lab.run(seconds=1)
    assert lab.association(NEAR).pairs != near


def test_clear_during_a_rekey_counts_both_pairs_and_leaves_one() -> None:
    lab = Lab(device_config(policy(NEAR))).start()
    lab.run(seconds=23_045)
    assert len(lab.association().pairs) == 2
    assert lab.device.clear_ipsec_sas() == 4
    lab.run(seconds=100)
    assert len(lab.association().pairs) == 1
    assert is_mirrored(lab)


def test_clear_does_not_wait_for_the_next_try() -> None:
    lab = Lab(device_config(policy(NEAR), ipsec=GROUP2)).start(seconds=40)
    assert lab.association().pairs == ()
    lab.near.reconfigure(peer_config(NEAR, ipsec=GROUP2))
    assert lab.device.clear_ipsec_sas() == 0
    lab.run(seconds=0.5)
    assert is_mirrored(lab)


def test_an_unknown_name_is_an_error_and_changes_nothing() -> None:
    lab = Lab().start()
    before = lab.association().pairs
    with pytest.raises(UnknownSecurityAssociation) as raised:
        lab.device.clear_ipsec_sas("nobody")
    assert raised.value.name == "nobody"
    assert lab.association().pairs == before


def test_clear_of_the_ike_sa_leaves_the_pairs_where_they_are() -> None:
    lab = Lab(device_config(policy(NEAR))).start()
    before = lab.association().pairs
    assert lab.device.clear_ike_sas() == 1
    lab.run(seconds=100)
    assert lab.association().pairs == before
    assert is_mirrored(lab)
    assert lab.ipsec_story == ["IpsecSaInstalled"]
    assert len(lab.matured) == 1


def test_a_pair_that_the_peer_deletes_is_negotiated_anew() -> None:
    lab = Lab(device_config(policy(NEAR))).start()
    (old,) = lab.association().pairs
    assert lab.near.clear_ipsec_sas() == 2
    lab.run(seconds=0.5)
    assert lab.association().pairs == ()
    assert lab.ipsec_story[1:] == ["IpsecSaDeleted(peer-deleted)"]
    lab.run(seconds=1)
    (new,) = lab.association().pairs
    assert spis(new) != spis(old)
    assert is_mirrored(lab)


def test_a_peer_that_deletes_and_negotiates_itself_is_left_to_it() -> None:
    lab = Lab(device_config(policy(NEAR)), near_initiates=True).start(seconds=100)
    before = len(lab.ipsec_story)
    lab.near.clear_ipsec_sas()
    lab.run(seconds=10)
    (pair,) = lab.association().pairs
    assert pair.role is Role.RESPONDER
    assert is_mirrored(lab)
    assert lab.ipsec_story[before:] == ["IpsecSaDeleted(peer-deleted)", "IpsecSaInstalled"]


def test_a_peer_that_has_forgotten_everything_gets_everything_anew() -> None:
    lab = Lab(device_config(policy(NEAR)), near_initiates=True).start(seconds=100)
    (old,) = lab.association().pairs
    lab.near.reachable = False
    lab.near.reconfigure(DeviceConfig("4.4.4.4", (NEAR,)))
    lab.near.reachable = True
    lab.near.reconfigure(peer_config(NEAR))
    lab.run(seconds=5)
    assert "IpsecSaDeleted(peer-deleted)" in lab.story
    assert "IkeSaDeleted(initial-contact)" in lab.story
    (new,) = lab.association().pairs
    assert spis(new) != spis(old)
    assert is_mirrored(lab)


def test_both_ends_that_clear_at_once_settle_on_one_pair() -> None:
    lab = Lab(device_config(policy(NEAR)), near_initiates=True).start()
    lab.device.clear_ipsec_sas()
    lab.near.clear_ipsec_sas()
    lab.run(seconds=100)
    assert len(lab.association().pairs) == 1
    assert is_mirrored(lab)
    lab.run(seconds=86_400)
    assert is_mirrored(lab)


@pytest.mark.parametrize("pairs_end_with_ike_sa", [False, True])
def test_a_pair_is_doubted_with_its_ike_sa_only_where_peers_are_taken_to_drop_it(pairs_end_with_ike_sa: bool) -> None:
    settings = IkeSettings(pairs_end_with_ike_sa=pairs_end_with_ike_sa)
    lab = Lab(device_config(policy(NEAR)), settings=settings).start(seconds=100)
    (old,) = lab.association().pairs
    lab.device.clear_ike_sas()
    lab.run(seconds=1)
    assert lab.association().rekeys == int(pairs_end_with_ike_sa)
    # Either way there has been no moment without, and nothing more is renewed.
    assert lab.association().pairs[0] is old
    lab.run(seconds=1000)
    assert lab.association().rekeys == int(pairs_end_with_ike_sa)
    assert "IpsecSaDeleted(peer-deleted)" not in lab.ipsec_story


def test_a_pair_whose_ike_sa_was_replaced_in_time_is_not_doubted() -> None:
    settings = IkeSettings(pairs_end_with_ike_sa=True)
    lab = Lab(device_config(policy(NEAR)), settings=settings).start()
    (old,) = lab.association().pairs
    lab.run(seconds=3600)
    assert "IkeSaDeleted(replaced)" in lab.ike_story
    assert lab.association().pairs == (old,)
