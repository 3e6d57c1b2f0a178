"""PICs follow the configuration, families follow the hand, and neither costs an SA that could be kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.core.config import DeviceConfig
from agent.core.events import SwitchReason
from agent.core.keying import InterfaceFamilyState
from agent.core.pic import PicCommand, UnknownInterface
from agent.core.world import SECOND
from tests.support.devices import Lab, disabled, installed, is_mirrored
from tests.support.redundancy import (
    ACTIVE,
    BACKUP,
    OFFLINE,
    ONE_PEER,
    PRIMARY,
    STANDBY,
    TWO_PICS,
    interface_switches,
    lab,
    pic_states,
    with_manual,
)


def enabled(*, primary: bool = True, backup: bool = True) -> DeviceConfig:
    """Return the configuration of two PICs, enabled or not."""
    first, second = TWO_PICS.interfaces
    return replace(TWO_PICS, interfaces=(replace(first, enabled=primary), replace(second, enabled=backup)))


# Reconfiguration


def test_a_pic_that_is_configured_later_has_booted_like_the_others() -> None:
    each = lab(ONE_PEER, pic_boot_us=3 * SECOND).start(seconds=10)
    each.device.reconfigure(TWO_PICS)
    assert pic_states(each) == (ACTIVE, STANDBY)


def test_a_pic_that_is_configured_while_the_others_boot_boots_no_longer_than_they() -> None:
    each = lab(ONE_PEER, pic_boot_us=3 * SECOND).start(seconds=2)
    each.device.reconfigure(TWO_PICS)
    assert pic_states(each) == (OFFLINE, OFFLINE)
    each.run(seconds=1)
    assert pic_states(each) == (ACTIVE, STANDBY)


def test_a_pic_that_is_gone_before_it_has_booted_leaves_no_timer() -> None:
    each = lab(ONE_PEER, pic_boot_us=3 * SECOND).start(seconds=1)
    each.device.reconfigure(replace(ONE_PEER, security_associations=(), interfaces=()))
    assert each.device.pics == {}
    assert each.world.next_deadline() is None


def test_the_backup_that_is_active_hands_over_when_it_is_no_backup_any_more() -> None:
    each = lab(TWO_PICS).start()
    each.device.switch_interfaces()
    before = each.association().pairs
    each.device.reconfigure(ONE_PEER)
    assert pic_states(each) == (ACTIVE,)
    assert each.association().interface == f"{PRIMARY}.0"
    assert each.association().pairs == before
    assert each.device.interface_redundancy == {}


def test_two_that_were_active_alone_become_a_pair_with_one_active() -> None:
    first, second = TWO_PICS.interfaces
    apart = replace(TWO_PICS, interfaces=(replace(first, backup_interface=None), second))
    each = lab(apart).start()
    assert pic_states(each) == (ACTIVE, ACTIVE)
    each.device.reconfigure(TWO_PICS)
    assert pic_states(each) == (ACTIVE, STANDBY)
    assert interface_switches(each) == [], "a pair that is new has not been switched"


def test_a_pair_keeps_its_counter_over_what_does_not_concern_it() -> None:
    each = lab(TWO_PICS).start()
    each.device.switch_interfaces()
    each.device.reconfigure(with_manual(TWO_PICS))
    assert pic_states(each) == (STANDBY, ACTIVE)
    assert each.device.interface_redundancy[PRIMARY].failure_counter == 1
    assert each.device.security_associations["manual"].interface == f"{BACKUP}.5"


def test_a_pic_that_is_disabled_hands_over_by_hand_and_stands_by_when_it_is_enabled() -> None:
    each = lab(TWO_PICS).start()
    before = each.association().pairs
    each.device.reconfigure(enabled(primary=False))
    assert pic_states(each) == (OFFLINE, ACTIVE)
    assert each.association().pairs == before
    assert [event.reason for event in interface_switches(each)] == [SwitchReason.MANUAL]
    each.device.reconfigure(enabled())
    assert pic_states(each) == (STANDBY, ACTIVE)
    assert len(interface_switches(each)) == 1


def test_a_backup_that_is_not_enabled_does_not_take_over() -> None:
    each = lab(enabled(backup=False)).start()
    assert pic_states(each) == (ACTIVE, OFFLINE)
    each.device.set_pic(PRIMARY, PicCommand.FAULT)
    assert pic_states(each) == (OFFLINE, OFFLINE)
    each.device.reconfigure(enabled())
    assert pic_states(each) == (OFFLINE, ACTIVE)


# Families


def test_a_family_that_is_taken_down_takes_its_pair_with_it_and_brings_another_when_it_is_up() -> None:
    each = lab(TWO_PICS).start()
    each.device.set_family(PRIMARY, 0, False)
    assert each.association().interface_family is InterfaceFamilyState.DOWN
    each.run(seconds=10)
    assert installed(each) == (0, 0)
    assert pic_states(each) == (ACTIVE, STANDBY), "the PICs are none the worse"
    each.device.set_family(PRIMARY, 0, True)
    each.run(seconds=1)
    assert each.association().interface_family is InterfaceFamilyState.UP
    assert is_mirrored(each)
    assert each.ipsec_story == ["IpsecSaInstalled", "IpsecSaDeleted(interface-down)", "IpsecSaInstalled"]


def test_a_family_stays_down_over_a_switch_and_a_reconfiguration() -> None:
    each = lab(TWO_PICS).start()
    each.device.set_family(PRIMARY, 0, False)
    each.device.switch_interfaces()
    each.device.reconfigure(with_manual(TWO_PICS))
    assert each.association().interface_family is InterfaceFamilyState.DOWN
    assert each.device.security_associations["manual"].interface_family is InterfaceFamilyState.UP


def test_a_unit_that_is_configured_anew_is_not_down_for_what_happened_to_another() -> None:
    each = lab(TWO_PICS).start()
    each.device.set_family(PRIMARY, 0, False)
    first, second = TWO_PICS.interfaces
    each.device.reconfigure(replace(TWO_PICS, interfaces=(replace(first, units=()), second)))
    each.device.reconfigure(TWO_PICS)
    assert each.association().interface_family is InterfaceFamilyState.UP


def test_a_hand_does_not_enable_what_is_not_configured_to_be() -> None:
    each = lab(disabled(ONE_PEER)).start()
    each.device.set_family(PRIMARY, 0, True)
    assert each.association().interface_family is InterfaceFamilyState.DOWN


def test_the_configuration_does_not_show_what_a_hand_took_down() -> None:
    each = lab(TWO_PICS).start()
    each.device.set_family(PRIMARY, 0, False)
    each.device.set_pic(PRIMARY, PicCommand.FAULT)
    assert each.device.config is TWO_PICS


# What is not there


def test_what_is_not_there_is_refused_by_its_name() -> None:
    each: Lab = lab(TWO_PICS).start()
    before = pic_states(each), each.story
    with pytest.raises(UnknownInterface, match="es-9/9/9"):
        each.device.set_pic("es-9/9/9", PicCommand.OFFLINE)
    with pytest.raises(UnknownInterface, match="es-9/9/9"):
        each.device.switch_interfaces("es-9/9/9")
    with pytest.raises(UnknownInterface, match=r"es-9/9/9\.0"):
        each.device.set_family("es-9/9/9", 0, False)
    with pytest.raises(UnknownInterface, match=r"es-1/3/0\.7"):
        each.device.set_family(PRIMARY, 7, False)
    assert (pic_states(each), each.story) == before
