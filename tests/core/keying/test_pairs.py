"""Pairs of IPsec SAs come into being where they are wanted."""

from dataclasses import replace
from itertools import pairwise

import pytest

from agent.core.config import (
    DeviceConfig,
    DhGroup,
    Direction,
    DynamicSa,
    IpsecAuthentication,
    IpsecPolicy,
    IpsecProtocol,
)
from agent.core.events import IpsecSaInstalled
from agent.core.identifiers import Address
from agent.core.ipsec.sa import SaProtocol, SaType
from agent.core.keying import InterfaceFamilyState
from agent.core.world import SECOND
from tests.support.devices import (
    ESP,
    FAR,
    IPSEC_POLICY,
    LOCAL,
    NEAR,
    Lab,
    device_config,
    dynamic_sa,
    is_mirrored,
    lab_of,
    peer_config,
    spis,
    traffic_of,
    unit,
)
from tests.support.gateways import policy

GROUP2 = replace(IPSEC_POLICY, perfect_forward_secrecy=DhGroup.GROUP2)
BOTH = device_config(policy(NEAR), policy(FAR), tunnels=(NEAR, FAR))


def test_each_association_that_a_family_names_has_a_pair_with_the_same_spis_and_keys_at_both_ends() -> None:
    lab = Lab(BOTH).start()
    for peer in (NEAR, FAR):
        (ours,), (theirs,) = lab.association(peer).pairs, lab.opposite(peer).pairs
        assert spis(ours) == spis(theirs)[::-1]
        assert ours.inbound.keys == theirs.outbound.keys
        assert ours.outbound.keys == theirs.inbound.keys
        assert ours.inbound.keys != ours.outbound.keys
    assert lab.ipsec_story == ["IpsecSaInstalled", "IpsecSaInstalled"]
    assert lab.device.sad.reserved == 0


def test_the_event_names_the_spis_as_this_end_sees_them() -> None:
    lab = Lab().start()
    (pair,) = lab.association().pairs
    assert lab.ipsec_events == [IpsecSaInstalled(40_000, "to-4.4.4.4", pair.inbound.spi, pair.outbound.spi)]


def test_an_sa_shows_what_was_agreed() -> None:
    lab = Lab(device_config(policy(NEAR))).start()
    association = lab.association()
    (inbound,) = [sa for (direction, _), sa in association.sas.items() if direction is Direction.INBOUND]
    assert list(association.sas) == [
        (Direction.INBOUND, inbound.spi),
        (Direction.OUTBOUND, association.pairs[0].outbound.spi),
    ]
    assert (inbound.protocol, inbound.type, inbound.aux_spi) == (SaProtocol.ESP, SaType.DYNAMIC, 0)
    assert inbound.authentication_algorithm is IpsecAuthentication.HMAC_MD5_96
    assert inbound.is_installed
    assert inbound.soft_lifetime is not None
    assert inbound.hard_lifetime is not None
    assert (inbound.soft_lifetime.remaining_seconds, inbound.hard_lifetime.remaining_seconds) == (23_039, 28_799)
    assert inbound.expires_at == 28_800 * SECOND + 40_000
    assert inbound.replay_window_size == 0


def test_the_association_shows_its_tunnel_and_its_interface() -> None:
    association = Lab().start().association()
    assert association.interface_family is InterfaceFamilyState.UP
    assert (association.current_local_address, association.current_remote_address) == (LOCAL, NEAR)
    assert association.interface == "es-1/3/0.0"
    assert association.rekeys == 0


@pytest.mark.parametrize("protocol", list(IpsecProtocol))
def test_every_protocol_has_its_spis(protocol: IpsecProtocol) -> None:
    encryption = ESP.encryption_algorithm if protocol is not IpsecProtocol.AH else None
    lab = lab_of(IpsecPolicy("p", (replace(ESP, protocol=protocol, encryption_algorithm=encryption),))).start()
    assert is_mirrored(lab)
    (pair,) = lab.association().pairs
    assert bool(pair.inbound.aux_spi) == (protocol is IpsecProtocol.BUNDLE)
    assert len(pair.inbound.keys.authentication) == 16
    assert bool(pair.inbound.keys.encryption) == (protocol is not IpsecProtocol.AH)
    for on_wire, spi in pair.inbound.spis:
        assert lab.device.sad.find(on_wire, spi) is pair.inbound
    assert lab.device.sad.reserved == lab.near.sad.reserved == 0


def test_perfect_forward_secrecy_is_negotiated_where_both_ends_want_it() -> None:
    assert is_mirrored(lab_of(GROUP2).start())


def test_a_policy_that_the_peer_does_not_have_is_tried_again_with_growing_delays() -> None:
    lab = Lab(device_config(policy(NEAR), ipsec=GROUP2)).start(seconds=200)
    times = [each.at for each in lab.ipsec_events]
    gaps = [round((later - earlier) / SECOND) for earlier, later in pairwise(times)]
    assert gaps == [5, 10, 20, 40, 60, 60]
    assert set(lab.ipsec_story) == {"IpsecNegotiationFailed(no-proposal-chosen)"}
    # The IKE SA is none the worse for it.
    assert len(lab.matured) == 1
    assert lab.association().pairs == ()
    assert lab.device.sad.reserved == lab.near.sad.reserved == 0


def test_traffic_that_the_peer_does_not_know_is_refused_as_such() -> None:
    config = device_config(policy(NEAR))
    other = replace(config, security_associations=(dynamic_sa(FAR, NEAR, name="to-4.4.4.4"),))
    lab = Lab(other).start()
    assert lab.ipsec_story == ["IpsecNegotiationFailed(invalid-identity)"]


def test_a_peer_whose_pair_nobody_asked_for_has_none() -> None:
    lab = Lab(device_config(policy(NEAR), tunnels=())).start(seconds=100)
    assert lab.opposite().pairs == ()
    assert lab.opposite().interface_family is InterfaceFamilyState.UP


def test_two_associations_with_one_peer_share_the_ike_sa() -> None:
    lab = Lab(with_second(device_config(policy(NEAR)), LOCAL, NEAR), near=with_second(peer_config(NEAR), NEAR, LOCAL))
    lab.start(seconds=100)
    assert [len(each.pairs) for each in lab.device.security_associations.values()] == [1, 1]
    assert [len(each.pairs) for each in lab.near.security_associations.values()] == [1, 1]
    assert len(lab.matured) == 1
    assert lab.matured[0].ipsec_sas_created == 4
    second = lab.device.security_associations["second"]
    assert spis(*second.pairs) == spis(*lab.near.security_associations["second"].pairs)[::-1]
    # Each goes by itself, and the IKE SA with the last.
    lab.device.reconfigure(device_config(policy(NEAR)))
    lab.run(seconds=1)
    assert lab.near.security_associations["second"].pairs == ()
    assert is_mirrored(lab)
    assert len(lab.matured) == 1


def with_second(config: DeviceConfig, source: Address, destination: Address) -> DeviceConfig:
    """Return a configuration with one more tunnel between the same two gateways, for other traffic."""
    first = dynamic_sa(source, destination, name="second")
    assert isinstance(first.keying, DynamicSa)
    local, remote = (replace(traffic_of(each), protocol=6) for each in (source, destination))
    second = replace(first, keying=replace(first.keying, local_identity=local, remote_identity=remote))
    (interface,) = config.interfaces
    units = (*interface.units, unit(9, "second", source, destination))
    return replace(
        config,
        security_associations=(*config.security_associations, second),
        interfaces=(replace(interface, units=units),),
    )
