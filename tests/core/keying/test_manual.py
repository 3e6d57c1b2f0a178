"""Manual security associations: installed while they are wanted, and never negotiated."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from agent.core.config import (
    DeviceConfig,
    Direction,
    EncryptionAlgorithm,
    EsInterface,
    IpsecAuthentication,
    IpsecProtocol,
    ManualAuthentication,
    ManualDirection,
    ManualEncryption,
    ManualKeys,
    ManualSa,
    SaMode,
    SecurityAssociationConfig,
)
from agent.core.identifiers import Spi
from agent.core.ipsec.sa import SaProtocol, SaType
from agent.core.keying import InterfaceFamilyState, NotDynamic
from tests.support.devices import LOCAL, NEAR, Lab, device_config, disabled, unit
from tests.support.gateways import policy

AUTHENTICATION = ManualAuthentication(IpsecAuthentication.HMAC_MD5_96, b"sixteen octets..")
ENCRYPTION = ManualEncryption(EncryptionAlgorithm.DES_CBC, b"8 octets")
INBOUND = ManualKeys(ManualDirection.INBOUND, IpsecProtocol.AH, 2908734119, None, AUTHENTICATION, None)
OUTBOUND = replace(INBOUND, direction=ManualDirection.OUTBOUND, spi=3494029335)
BOTH = replace(INBOUND, direction=ManualDirection.BIDIRECTIONAL)


def manual(*keys: ManualKeys, mode: SaMode = SaMode.TUNNEL) -> SecurityAssociationConfig:
    return SecurityAssociationConfig("sa-manual", mode, ManualSa(keys))


def config(association: SecurityAssociationConfig, *, is_named: bool = True) -> DeviceConfig:
    units = (unit(1, "sa-manual", LOCAL, NEAR),) if is_named else ()
    interface = EsInterface("es-1/3/0", units=units)
    return DeviceConfig("r1", (LOCAL,), security_associations=(association,), interfaces=(interface,))


PAIR = config(manual(INBOUND, OUTBOUND))


def test_a_manual_pair_is_installed_from_the_start_without_a_word_to_the_peer() -> None:
    lab = Lab(PAIR)
    association = lab.device.security_associations["sa-manual"]
    assert [sa.is_installed for sa in association.sas.values()] == [False, False]
    lab.start(seconds=100)
    assert [sa.is_installed for sa in association.sas.values()] == [True, True]
    assert lab.story == ["IpsecSaInstalled"]
    assert lab.sas == []
    assert lab.device.sad.installed == 2


def test_it_shows_what_is_configured_and_no_lifetime() -> None:
    association = Lab(PAIR).start().device.security_associations["sa-manual"]
    assert list(association.sas) == [(Direction.INBOUND, 2908734119), (Direction.OUTBOUND, 3494029335)]
    inbound = association.sas[Direction.INBOUND, Spi(2908734119)]
    assert (inbound.protocol, inbound.type, inbound.aux_spi) == (SaProtocol.AH, SaType.MANUAL, 0)
    assert inbound.authentication_algorithm is IpsecAuthentication.HMAC_MD5_96
    assert inbound.encryption_algorithm is None
    assert inbound.keys.authentication == b"sixteen octets.."
    assert inbound.soft_lifetime is inbound.hard_lifetime is inbound.expires_at is None
    assert inbound.replay_window_size == 0
    assert (association.type, association.interface) == (SaType.MANUAL, "es-1/3/0.1")
    assert association.interface_family is InterfaceFamilyState.UP


def test_bidirectional_keys_serve_in_both_directions() -> None:
    association = Lab(config(manual(BOTH))).start().device.security_associations["sa-manual"]
    inbound, outbound = association.sas.values()
    assert (inbound.direction, outbound.direction) == (Direction.INBOUND, Direction.OUTBOUND)
    assert inbound.spi == outbound.spi
    assert inbound.keys == outbound.keys


def test_a_bundle_has_an_auxiliary_spi() -> None:
    bundle = replace(BOTH, protocol=IpsecProtocol.BUNDLE, auxiliary_spi=5000, encryption=ENCRYPTION)
    lab = Lab(config(manual(bundle))).start()
    inbound, _ = lab.device.security_associations["sa-manual"].sas.values()
    assert (inbound.protocol, inbound.aux_spi) == (SaProtocol.AH_ESP, 5000)
    assert lab.device.sad.find(SaProtocol.AH, Spi(5000)) is inbound


@pytest.mark.parametrize("changed", [disabled(PAIR, 1), config(manual(INBOUND, OUTBOUND), is_named=False)])
def test_one_that_is_not_wanted_stays_listed_but_is_not_installed(changed: DeviceConfig) -> None:
    lab = Lab(PAIR).start()
    lab.device.reconfigure(changed)
    association = lab.device.security_associations["sa-manual"]
    assert association.interface_family is not InterfaceFamilyState.UP
    assert [sa.is_installed for sa in association.sas.values()] == [False, False]
    assert lab.device.sad.installed == 0
    lab.device.reconfigure(PAIR)
    assert [sa.is_installed for sa in lab.device.security_associations["sa-manual"].sas.values()] == [True, True]
    assert lab.story[::2] == ["IpsecSaInstalled", "IpsecSaInstalled"]


def test_in_transport_mode_it_is_always_installed_and_has_no_interface_family() -> None:
    keys = replace(BOTH, protocol=IpsecProtocol.ESP)
    association = SecurityAssociationConfig(
        "sa-manual", SaMode.TRANSPORT, ManualSa((keys,), ip_address("192.0.2.1"), ip_address("192.0.2.2"))
    )
    lab = Lab(config(association, is_named=False)).start()
    shown = lab.device.security_associations["sa-manual"]
    assert shown.interface_family is None
    assert shown.interface is None
    assert str(shown.current_remote_address) == "192.0.2.2"
    assert [sa.is_installed for sa in shown.sas.values()] == [True, True]
    assert {sa.mode for sa in shown.sas.values()} == {SaMode.TRANSPORT}


def test_clear_leaves_it_alone_unless_it_is_named_which_is_an_error() -> None:
    lab = Lab(PAIR).start()
    before = dict(lab.device.security_associations["sa-manual"].sas)
    assert lab.device.clear_ipsec_sas() == 0
    with pytest.raises(NotDynamic) as raised:
        lab.device.clear_ipsec_sas("sa-manual")
    assert raised.value.name == "sa-manual"
    assert dict(lab.device.security_associations["sa-manual"].sas) == before
    assert lab.story == ["IpsecSaInstalled"]


def test_changed_keys_are_another_pair() -> None:
    lab = Lab(PAIR).start()
    lab.device.reconfigure(config(manual(replace(INBOUND, spi=777), OUTBOUND)))
    association = lab.device.security_associations["sa-manual"]
    assert (Direction.INBOUND, 777) in association.sas
    assert len(association.sas) == 2
    assert lab.story == ["IpsecSaInstalled", "IpsecSaDeleted(reconfigured)", "IpsecSaInstalled"]
    assert lab.device.sad.find(SaProtocol.AH, Spi(2908734119)) is None


def test_a_manual_one_that_becomes_dynamic_is_negotiated() -> None:
    lab = Lab(PAIR).start()
    lab.device.reconfigure(device_config(policy(NEAR)))
    lab.run(seconds=1)
    assert "sa-manual" not in lab.device.security_associations
    assert len(lab.association().pairs) == 1
    assert lab.device.sad.installed == 2


def test_what_is_removed_leaves_nothing_behind() -> None:
    lab = Lab(PAIR).start()
    lab.device.reconfigure(DeviceConfig("r1", (LOCAL,)))
    assert lab.device.security_associations == {}
    assert lab.device.sad.installed == 0
    assert lab.world.next_deadline() is None
