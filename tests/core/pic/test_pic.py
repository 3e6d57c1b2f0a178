"""One PIC boots, stands by, carries traffic, fails and comes back."""

from __future__ import annotations

from itertools import product
from types import MappingProxyType, ModuleType

import pytest

from agent.core.events import PicStateChanged, RedundancyState
from agent.core.pic.pic import TABLE, Pic, PicCommand, PicInput, PicState
from agent.core.world import SECOND, Event, World
from tests.support.architecture import machine_faults

ACTIVE, STANDBY, OFFLINE = RedundancyState.ACTIVE, RedundancyState.STANDBY, RedundancyState.OFFLINE
BOOT_US = 3 * SECOND

MEANINGLESS = frozenset(
    {
        *product((PicState.BOOTING,), (PicInput.ELECTED, PicInput.RELIEVED, PicInput.RESTARTED)),
        *product((PicState.STANDBY,), (PicInput.BOOTED, PicInput.RELIEVED, PicInput.RESTARTED)),
        *product((PicState.ACTIVE,), (PicInput.BOOTED, PicInput.ELECTED, PicInput.RESTARTED)),
        *product((PicState.FAULTY,), (PicInput.BOOTED, PicInput.ELECTED, PicInput.RELIEVED, PicInput.FAILED)),
        *product((PicState.OFFLINE,), (PicInput.BOOTED, PicInput.ELECTED, PicInput.RELIEVED, PicInput.WITHDRAWN)),
    }
)
"""What means nothing to a PIC in a state."""


class Slot:
    """A PIC in a World of its own, and what it told."""

    def __init__(self) -> None:
        self.world = World(now=0, seed=1)
        self.events: list[Event] = []
        self.booted_at: list[int] = []
        self.world.bus.subscribe(self.events.append)
        self.pic = Pic(self.world, self.world.bus, "es-1/3/0", BOOT_US, self._on_booted)

    def _on_booted(self) -> None:
        self.booted_at.append(self.world.now)

    def run(self, seconds: int) -> None:
        """Let time pass."""
        self.world.advance(self.world.now + seconds * SECOND)

    def up(self) -> Pic:
        """Return the PIC after it has booted and was elected, with nothing told so far."""
        self.pic.boot()
        self.run(3)
        self.pic.run(PicInput.ELECTED)
        self.events.clear()
        return self.pic

    @property
    def told(self) -> list[RedundancyState]:
        """The states that were told of."""
        assert all(isinstance(event, PicStateChanged) for event in self.events)
        return [event.state for event in self.events if isinstance(event, PicStateChanged)]


def test_every_input_is_a_step_in_every_state_or_means_nothing_in_it() -> None:
    machine = ModuleType("machine")
    machine.__dict__["INITIATOR"] = MappingProxyType(TABLE)
    machine.__dict__["REJECTED"] = MEANINGLESS
    assert list(machine_faults(machine)) == []


def test_a_pic_that_was_not_started_is_offline_and_stays_so() -> None:
    slot = Slot()
    slot.run(100)
    assert (slot.pic.condition, slot.pic.state) == (PicState.BOOTING, OFFLINE)
    assert not slot.pic.is_available
    assert slot.events == []


def test_a_pic_stands_by_once_it_has_booted() -> None:
    slot = Slot()
    slot.pic.boot()
    slot.run(2)
    assert slot.pic.state is OFFLINE
    slot.run(1)
    assert slot.pic.state is STANDBY
    assert slot.booted_at == [BOOT_US]
    assert slot.events == [PicStateChanged(BOOT_US, "es-1/3/0", STANDBY)]


@pytest.mark.parametrize("command", [PicCommand.FAULT, PicCommand.OFFLINE])
def test_a_pic_that_fails_while_it_boots_does_not_come_up(command: PicCommand) -> None:
    slot = Slot()
    slot.pic.boot()
    slot.run(1)
    slot.pic.command(command)
    slot.run(100)
    assert slot.pic.state is OFFLINE
    assert slot.booted_at == []
    assert slot.events == [], "it was offline before"
    assert slot.world.next_deadline() is None


@pytest.mark.parametrize("command", [PicCommand.FAULT, PicCommand.OFFLINE])
def test_a_pic_that_is_brought_up_again_boots_first(command: PicCommand) -> None:
    slot = Slot()
    pic = slot.up()
    pic.command(command)
    assert pic.state is OFFLINE
    pic.command(PicCommand.ONLINE)
    assert (pic.condition, pic.state) == (PicState.BOOTING, OFFLINE)
    slot.run(3)
    assert pic.state is STANDBY
    assert slot.told == [OFFLINE, STANDBY]


def test_a_pic_that_begins_to_boot_anew_boots_once() -> None:
    slot = Slot()
    slot.pic.boot()
    slot.run(1)
    slot.pic.boot()
    slot.run(2)
    assert slot.pic.state is OFFLINE
    slot.run(1)
    assert slot.booted_at == [4 * SECOND]


def test_a_pic_that_is_up_is_not_brought_up_again() -> None:
    slot = Slot()
    pic = slot.up()
    pic.command(PicCommand.ONLINE)
    assert pic.is_active
    assert slot.events == []
    assert slot.world.next_deadline() is None


def test_a_fault_of_a_pic_out_of_service_is_nothing_to_others() -> None:
    slot = Slot()
    pic = slot.up()
    pic.command(PicCommand.OFFLINE)
    pic.command(PicCommand.FAULT)
    assert pic.condition is PicState.FAULTY
    assert slot.told == [OFFLINE]


def test_a_pic_that_is_not_enabled_is_offline_and_carries_nothing_when_it_is_enabled_again() -> None:
    slot = Slot()
    pic = slot.up()
    pic.enable(is_enabled=False)
    assert pic.state is OFFLINE
    pic.enable(is_enabled=True)
    assert pic.state is STANDBY, "without a boot: it was healthy all the time"
    assert slot.told == [OFFLINE, STANDBY]


def test_a_pic_that_is_not_enabled_boots_all_the_same() -> None:
    slot = Slot()
    slot.pic.enable(is_enabled=False)
    slot.pic.boot()
    slot.run(3)
    assert slot.pic.condition is PicState.STANDBY
    assert slot.events == []
    slot.pic.enable(is_enabled=True)
    assert slot.told == [STANDBY]
