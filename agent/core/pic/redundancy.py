"""PICs that stand in for one another: one is Active, and the other, if there is one, takes over when it fails.

The Active one stays so until it fails or is relieved by hand: one that comes back stands by. A switch is a PIC becoming
Active in place of another, however long nobody was in between, and is counted once.
"""

from collections.abc import Iterable, Mapping

from agent.core.config import EsInterface
from agent.core.events import InterfaceSwitched, RedundancyState, SwitchReason
from agent.core.keying import NoBackup
from agent.core.pic.pic import Pic, PicInput
from agent.core.pic.sync import Mirror
from agent.core.world import Bus, World


class BackupOffline(Exception):
    """The PIC to switch to, which is the primary while the backup is Active, is offline."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is offline")
        self.name = name


class RedundancyGroup:
    """A PIC and its backup, if it has one. `last_switch_at` is device time."""

    def __init__(self, world: World, bus: Bus, primary: Pic, backup: Pic | None) -> None:
        self.failure_counter = 0
        self.last_switch_at: int | None = None
        self.last_switch_reason: SwitchReason | None = None
        self.lost_packets = 0
        """How many packets came for it, from either side, while neither PIC was Active."""
        self.mirror = Mirror()
        self._world = world
        self._bus = bus
        self._primary = primary
        self._backup = backup
        self._last_active: Pic | None = None

    # What is shown

    @property
    def primary_interface(self) -> str:
        """The interface that is configured to be the primary one."""
        return self._primary.name

    @property
    def backup_interface(self) -> str | None:
        """The interface that stands in for it."""
        return self._backup.name if self._backup is not None else None

    @property
    def primary_state(self) -> RedundancyState:
        """What the primary PIC is."""
        return self._primary.state

    @property
    def backup_state(self) -> RedundancyState | None:
        """What the backup PIC is."""
        return self._backup.state if self._backup is not None else None

    @property
    def members(self) -> tuple[Pic, ...]:
        """The primary PIC, and the backup where there is one."""
        return (self._primary,) if self._backup is None else (self._primary, self._backup)

    @property
    def active(self) -> Pic | None:
        """The PIC that carries the traffic; None while there is none that could."""
        return next((pic for pic in self.members if pic.is_active), None)

    @property
    def has_standby(self) -> bool:
        """Whether a PIC stands by."""
        return any(pic.state is RedundancyState.STANDBY for pic in self.members)

    @property
    def is_taken_over(self) -> bool:
        """Whether a PIC stands by and none is Active: it is about to be."""
        return self.has_standby and self.active is None

    # What is done with it

    def settle(self, reason: SwitchReason) -> None:
        """Have exactly one PIC Active if any can be: the one that is already, else the first that can be."""
        active = self.active
        for pic in self.members:
            if active is None and pic.is_available:
                if pic is not self._last_active:
                    self.mirror.take_over()
                pic.run(PicInput.ELECTED)
                active = pic
            elif pic is not active:
                pic.run(PicInput.RELIEVED)
        self._note(active, reason)

    def switch(self) -> None:
        """Have the other PIC be Active. Raises NoBackup or BackupOffline, and then nothing has changed."""
        if self._backup is None:
            raise NoBackup(self.primary_interface)
        active = self.active
        other = self._primary if active is self._backup else self._backup
        if active is None or not other.is_available:
            raise BackupOffline(other.name)
        active.run(PicInput.RELIEVED)
        other.run(PicInput.ELECTED)
        self._note(other, SwitchReason.MANUAL)

    def _note(self, active: Pic | None, reason: SwitchReason) -> None:
        """Count a switch if the Active PIC is another than the last one."""
        before = self._last_active
        if active is None or active is before:
            return
        self._last_active = active
        if before is None:
            return
        self.failure_counter += 1
        self.last_switch_at, self.last_switch_reason = self._world.now, reason
        switched = InterfaceSwitched(
            self._world.now, self.primary_interface, before.name, active.name, reason, self.failure_counter
        )
        self._bus.publish(switched)


def backups(interfaces: Iterable[EsInterface]) -> Mapping[str, str]:
    """Return the backup of each primary interface. Raises ValueError unless each belongs to one pair at most."""
    interfaces = tuple(interfaces)
    names = {each.name for each in interfaces}
    pairs = {each.name: each.backup_interface for each in interfaces if each.backup_interface is not None}
    seen: set[str] = set()
    for primary, backup in pairs.items():
        if backup not in names:
            raise ValueError(f"{primary}: its backup {backup} is no encryption services PIC")
        if backup == primary or backup in pairs or backup in seen:
            raise ValueError(f"{primary}: its backup {backup} belongs to another pair")
        seen.add(backup)
    return pairs
