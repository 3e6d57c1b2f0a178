"""What is shown of an encryption services PIC."""

from dataclasses import replace

from agent.core.config import EsInterface, InterfaceFamily
from agent.core.pic.interface import InterfaceStatistics, OperStatus, interface_state
from tests.support.devices import LOCAL, NEAR, unit

UP, DOWN = OperStatus.UP, OperStatus.DOWN
UNITS = (
    unit(0, None, LOCAL, NEAR),
    replace(unit(4, None, LOCAL, NEAR, enabled=False), inet6=InterfaceFamily()),
)
INTERFACE = EsInterface("es-1/3/0", units=UNITS)


def test_a_pic_and_its_families_are_up_while_they_are_enabled() -> None:
    state = interface_state(INTERFACE)
    assert (state.name, state.oper_status) == ("es-1/3/0", UP)
    assert {number: (each.inet, each.inet6) for number, each in state.units.items()} == {0: (UP, None), 4: (DOWN, UP)}


def test_no_family_of_a_pic_that_is_not_enabled_is_up() -> None:
    state = interface_state(replace(INTERFACE, enabled=False))
    assert state.oper_status is DOWN
    assert {each.inet for each in state.units.values()} == {DOWN}
    assert state.units[4].inet6 is DOWN


def test_nothing_is_counted_before_there_are_packets() -> None:
    assert interface_state(INTERFACE).statistics == InterfaceStatistics()
