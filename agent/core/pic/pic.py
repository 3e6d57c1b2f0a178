"""One encryption services PIC: it boots, stands by or carries traffic, fails and is taken out of service.

The machine is one table. An input that a state has no step for means nothing to a PIC in that state: one that is out of
service cannot be taken out of service. To others a PIC is Active, Standby or Offline.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import auto
from types import MappingProxyType
from typing import Final

from agent.core.enumeration import Enumeration
from agent.core.events import PicStateChanged, RedundancyState
from agent.core.pic.counters import PicCounters
from agent.core.world import SECOND, Bus, Timer, World

PIC_BOOT_US: Final = 3 * SECOND
"""How long a PIC boots."""


class PicState(Enumeration):
    """What a PIC does."""

    BOOTING = auto()
    STANDBY = auto()
    ACTIVE = auto()
    FAULTY = auto()
    OFFLINE = auto()


class PicInput(Enumeration):
    """What can happen to a PIC."""

    BOOTED = auto()
    ELECTED = auto()
    RELIEVED = auto()
    FAILED = auto()
    WITHDRAWN = auto()
    RESTARTED = auto()


class PicCommand(Enumeration):
    """What a PIC can be made to do from outside."""

    ONLINE = "online"
    OFFLINE = "offline"
    FAULT = "fault"


class Pic:
    """A PIC by the name of its interface. `on_booted` is called when it has booted."""

    def __init__(self, world: World, bus: Bus, name: str, boot_us: int, on_booted: Callable[[], None]) -> None:
        self.name = name
        self.counters = PicCounters()
        self._world = world
        self._bus = bus
        self._boot_us = boot_us
        self._on_booted = on_booted
        self._boot: Timer | None = None
        self._state = PicState.BOOTING
        self._is_enabled = True
        self._told = self.state

    @property
    def condition(self) -> PicState:
        """What it does."""
        return self._state

    @property
    def state(self) -> RedundancyState:
        """What it is to others: one that boots, is faulty or is not enabled is offline."""
        return _SHOWN.get(self._state, RedundancyState.OFFLINE) if self._is_enabled else RedundancyState.OFFLINE

    @property
    def is_available(self) -> bool:
        """Whether it can carry traffic."""
        return self.state is not RedundancyState.OFFLINE

    @property
    def is_active(self) -> bool:
        """Whether it is the one that carries traffic."""
        return self.state is RedundancyState.ACTIVE

    def run(self, given: PicInput) -> None:
        """Take the step for an input, if there is one in the present state."""
        step = TABLE.get((self._state, given))
        if step is None:
            return
        self._state = step.next_state
        if step.handler is not None:
            step.handler(self)
        self._tell()

    def command(self, command: PicCommand) -> None:
        """Do what is asked for from outside."""
        self.run(_INPUTS[command])

    def enable(self, *, is_enabled: bool) -> None:
        """Be in service as far as the configuration goes; one that is not enabled is relieved of its traffic."""
        self._is_enabled = is_enabled
        if not is_enabled:
            self.run(PicInput.RELIEVED)
        self._tell()

    def boot_until(self, at: int) -> None:
        """Have booted at a device time; one that has passed means now."""
        self.stop_booting()
        if at <= self._world.now:
            self.run(PicInput.BOOTED)
        else:
            self._boot = self._world.call_at(at, self._on_boot_over)

    def boot(self) -> None:
        """Begin to boot."""
        self.boot_until(self._world.now + self._boot_us)

    def stop_booting(self) -> None:
        """Boot no further."""
        if self._boot is not None:
            self._boot.cancel()
            self._boot = None

    def _on_boot_over(self) -> None:
        self._boot = None
        self.run(PicInput.BOOTED)
        self._on_booted()

    def _tell(self) -> None:
        if self.state is not self._told:
            self._told = self.state
            self._bus.publish(PicStateChanged(self._world.now, self.name, self.state))


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of the table: what the PIC does, if anything, and the state that follows."""

    handler: Callable[[Pic], None] | None
    next_state: PicState


TABLE: Final[Mapping[tuple[PicState, PicInput], Step]] = MappingProxyType(
    {
        (PicState.BOOTING, PicInput.BOOTED): Step(None, PicState.STANDBY),
        (PicState.BOOTING, PicInput.FAILED): Step(Pic.stop_booting, PicState.FAULTY),
        (PicState.BOOTING, PicInput.WITHDRAWN): Step(Pic.stop_booting, PicState.OFFLINE),
        (PicState.STANDBY, PicInput.ELECTED): Step(None, PicState.ACTIVE),
        (PicState.STANDBY, PicInput.FAILED): Step(None, PicState.FAULTY),
        (PicState.STANDBY, PicInput.WITHDRAWN): Step(None, PicState.OFFLINE),
        (PicState.ACTIVE, PicInput.RELIEVED): Step(None, PicState.STANDBY),
        (PicState.ACTIVE, PicInput.FAILED): Step(None, PicState.FAULTY),
        (PicState.ACTIVE, PicInput.WITHDRAWN): Step(None, PicState.OFFLINE),
        (PicState.FAULTY, PicInput.WITHDRAWN): Step(None, PicState.OFFLINE),
        (PicState.FAULTY, PicInput.RESTARTED): Step(Pic.boot, PicState.BOOTING),
        (PicState.OFFLINE, PicInput.FAILED): Step(None, PicState.FAULTY),
        (PicState.OFFLINE, PicInput.RESTARTED): Step(Pic.boot, PicState.BOOTING),
    }
)
_INPUTS: Final[Mapping[PicCommand, PicInput]] = MappingProxyType(
    {
        PicCommand.ONLINE: PicInput.RESTARTED,
        PicCommand.OFFLINE: PicInput.WITHDRAWN,
        PicCommand.FAULT: PicInput.FAILED,
    }
)
_SHOWN: Final[Mapping[PicState, RedundancyState]] = MappingProxyType(
    {PicState.STANDBY: RedundancyState.STANDBY, PicState.ACTIVE: RedundancyState.ACTIVE}
)
