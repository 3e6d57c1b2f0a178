"""What is shown of an encryption services PIC and of its units."""

from __future__ import annotations

from dataclasses import replace

from agent.core.config import InterfaceFamily
from agent.core.keying import InterfaceFamilyState
from agent.core.pic import PicCommand
from agent.core.pic.interface import InterfaceStatistics, OperStatus
from tests.support.devices import LOCAL, NEAR, Lab, disabled, unit
from tests.support.redundancy import BACKUP, ONE_PEER, PRIMARY, TWO_PICS, lab

UP, DOWN, DORMANT = OperStatus.UP, OperStatus.DOWN, OperStatus.DORMANT


def statuses(each: Lab) -> dict[str, OperStatus]:
    """Return whether each PIC is up."""
    return {name: state.oper_status for name, state in each.device.interfaces.items()}


def family(each: Lab) -> OperStatus | None:
    """Return whether IPv4 of the unit of the primary is up."""
    return each.device.interfaces[PRIMARY].units[0].inet


def test_the_active_pic_is_up_and_the_one_that_stands_by_is_dormant() -> None:
    each = lab(TWO_PICS).start()
    assert statuses(each) == {PRIMARY: UP, BACKUP: DORMANT}
    each.device.switch_interfaces(PRIMARY)
    assert statuses(each) == {PRIMARY: DORMANT, BACKUP: UP}
    each.device.set_pic(PRIMARY, PicCommand.FAULT)
    assert statuses(each) == {PRIMARY: DOWN, BACKUP: UP}


def test_a_family_is_up_whichever_pic_carries_it_and_down_when_none_does() -> None:
    each = lab(TWO_PICS).start()
    each.device.set_pic(PRIMARY, PicCommand.FAULT)
    assert family(each) is UP
    assert each.association().interface_family is InterfaceFamilyState.UP
    each.device.set_pic(BACKUP, PicCommand.FAULT)
    assert family(each) is DOWN
    assert each.association().interface_family is InterfaceFamilyState.DOWN


def test_only_a_family_that_is_there_and_enabled_is_up() -> None:
    both = replace(unit(4, None, LOCAL, NEAR, enabled=False), inet6=InterfaceFamily())
    (interface,) = ONE_PEER.interfaces
    each = lab(replace(ONE_PEER, interfaces=(replace(interface, units=(*interface.units, both)),))).start()
    units = each.device.interfaces[PRIMARY].units
    assert {number: (state.inet, state.inet6) for number, state in units.items()} == {0: (UP, None), 4: (DOWN, UP)}


def test_no_family_of_a_pic_that_is_not_enabled_is_up() -> None:
    each = lab(ONE_PEER).start()
    (interface,) = ONE_PEER.interfaces
    each.device.reconfigure(replace(ONE_PEER, interfaces=(replace(interface, enabled=False),)))
    assert statuses(each) == {PRIMARY: DOWN}
    assert family(each) is DOWN


def test_before_a_pic_has_booted_nothing_is_up() -> None:
    each = lab(ONE_PEER, pic_boot_us=5_000_000).start(seconds=1)
    assert statuses(each) == {PRIMARY: DOWN}
    assert family(each) is DOWN
    assert each.sas == []


def test_nothing_is_counted_before_there_are_packets() -> None:
    each = lab(ONE_PEER).start()
    assert each.device.interfaces[PRIMARY].statistics == InterfaceStatistics()


def test_a_disabled_family_shows_as_it_is_configured() -> None:
    each = lab(disabled(ONE_PEER)).start()
    assert statuses(each) == {PRIMARY: UP}
    assert family(each) is DOWN
