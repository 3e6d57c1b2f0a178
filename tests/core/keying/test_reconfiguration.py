"""Pairs follow the configuration, and what is no longer wanted leaves nothing behind."""

from dataclasses import replace

import pytest

from agent.core.config import (
    DeviceConfig,
    DhGroup,
    IkeConfig,
    IpsecPolicy,
)
from agent.core.keying import InterfaceFamilyState
from agent.core.link import LinkProfile
from tests.support.devices import (
    ESP,
    FAR,
    IPSEC_POLICY,
    LOCAL,
    NEAR,
    Lab,
    device_config,
    disabled,
    installed,
    is_mirrored,
    lab_of,
    peer_config,
    spis,
)
from tests.support.gateways import policy

SHORT = IpsecPolicy("short", (replace(ESP, lifetime_seconds=180),))
GROUP2 = replace(IPSEC_POLICY, perfect_forward_secrecy=DhGroup.GROUP2)
BOTH = device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR))


def test_a_new_association_is_negotiated_and_the_old_one_left_alone() -> None:
    lab = Lab(device_config(policy(NEAR), policy(FAR))).start()
    near = lab.association(NEAR).pairs
    lab.device.reconfigure(BOTH)
    lab.run(seconds=1)
    assert lab.association(NEAR).pairs == near
    assert len(lab.association(FAR).pairs) == 1
    assert list(lab.device.security_associations) == ["to-4.4.4.4", "to-3.3.3.3"]


def test_the_last_association_that_goes_leaves_nothing_behind_at_either_end() -> None:
    lab = Lab(device_config(policy(NEAR))).start()
    lab.device.reconfigure(device_config(policy(NEAR), tunnels=()))
    lab.run(seconds=1)
    assert lab.device.security_associations == {}
    assert installed(lab) == (0, 0)
    assert lab.sas == []
    assert lab.near.ike_sas == {}
    assert lab.opposite().pairs == ()
    assert lab.story[2:] == ["IpsecSaDeleted(reconfigured)", "IkeSaDeleted(reconfigured)"]
    lab.run(seconds=100_000)
    assert lab.world.next_deadline() is None
    assert lab.story[4:] == []


def test_a_day_and_the_end_of_everything_leave_no_timer() -> None:
    lab = Lab(BOTH)
    lab.set_link(NEAR, LinkProfile(loss=0.2, duplication=0.2, jitter_us=200_000))
    lab.start(seconds=86_400)
    lab.device.reconfigure(DeviceConfig("r1", (LOCAL,)))
    lab.near.reconfigure(DeviceConfig("near", (NEAR,)))
    lab.far.reconfigure(DeviceConfig("far", (FAR,)))
    lab.run(seconds=200)
    assert lab.world.next_deadline() is None
    assert lab.device.sad.installed == lab.device.sad.reserved == 0
    assert installed(lab) == (0, 0)


def test_changed_parameters_are_negotiated_anew() -> None:
    lab = lab_of(IPSEC_POLICY).start()
    (old,) = lab.association().pairs
    lab.near.reconfigure(peer_config(NEAR, ipsec=SHORT))
    lab.device.reconfigure(device_config(policy(NEAR), ipsec=SHORT))
    lab.run(seconds=30)
    (new,) = lab.association().pairs
    assert spis(new) != spis(old)
    assert new.inbound.hard_lifetime is not None
    assert new.inbound.hard_lifetime.remaining_seconds < 180
    assert "IpsecSaDeleted(reconfigured)" in lab.story
    assert is_mirrored(lab)


def test_the_same_configuration_again_and_another_pic_change_nothing() -> None:
    lab = Lab(device_config(policy(NEAR))).start()
    before = lab.association().pairs
    config = lab.device.config
    lab.device.reconfigure(config)
    (interface,) = config.interfaces
    lab.device.reconfigure(replace(config, interfaces=(replace(interface, name="es-1/1/0"),)))
    lab.run(seconds=10)
    assert lab.association().pairs == before
    assert lab.association().interface == "es-1/1/0.0"
    assert lab.story == ["IkeSaEstablished", "IpsecSaInstalled"]


def test_another_destination_is_another_pair() -> None:
    lab = Lab(device_config(policy(NEAR), policy(FAR))).start()
    config = device_config(policy(NEAR), policy(FAR), tunnels=(FAR,))
    lab.device.reconfigure(config)
    lab.run(seconds=1)
    assert lab.opposite(NEAR).pairs == ()
    assert len(lab.association(FAR).pairs) == 1
    assert [sa.remote.address for sa in lab.matured] == [FAR]


def test_a_family_that_goes_down_takes_its_pair_with_it_and_brings_another_when_it_comes_up() -> None:
    lab = Lab(device_config(policy(NEAR))).start()
    up = lab.device.config
    lab.device.reconfigure(disabled(up))
    assert lab.association().interface_family is InterfaceFamilyState.DOWN
    assert lab.association().sas == {}
    lab.run(seconds=100)
    assert lab.ipsec_story[1:] == ["IpsecSaDeleted(interface-down)"]
    assert installed(lab) == (0, 0)
    assert lab.sas == []
    lab.device.reconfigure(up)
    lab.run(seconds=1)
    assert is_mirrored(lab)
    assert lab.association().interface_family is InterfaceFamilyState.UP


def test_an_association_that_no_unit_names_negotiates_nothing() -> None:
    config = replace(device_config(policy(NEAR)), interfaces=())
    lab = Lab(config).start(seconds=100)
    association = lab.association()
    assert association.interface_family is InterfaceFamilyState.NO_REFERENCE
    assert association.current_remote_address is association.interface is None
    assert lab.story == []
    assert lab.sas == []


def test_a_negotiation_for_what_is_no_longer_configured_makes_no_pair() -> None:
    lab = Lab(device_config(policy(NEAR)))
    lab.start(seconds=0.036)
    # Message 1 is on its way.
    lab.device.reconfigure(device_config(policy(NEAR), tunnels=()))
    lab.run(seconds=100)
    assert installed(lab) == (0, 0)
    assert lab.device.sad.reserved == lab.near.sad.reserved == 0
    assert "IpsecSaInstalled" not in lab.story
    assert "IpsecNegotiationFailed(reconfigured)" in lab.story


def test_a_refused_configuration_changes_nothing() -> None:
    lab = Lab(device_config(policy(NEAR))).start()
    before, config = lab.association().pairs, lab.device.config
    with pytest.raises(ValueError, match="no IKE policy"):
        lab.device.reconfigure(replace(config, ike=IkeConfig()))
    lab.run(seconds=1)
    assert lab.device.config is config
    assert lab.association().pairs == before


def test_nothing_is_negotiated_before_the_start() -> None:
    lab = Lab(device_config(policy(NEAR), tunnels=()))
    lab.device.reconfigure(device_config(policy(NEAR)))
    lab.run(seconds=100)
    assert lab.events == []
    lab.start()
    assert is_mirrored(lab)
