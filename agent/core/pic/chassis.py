"""The PICs of a gateway, and what they make of its configuration: which units have a PIC that carries them.

A PIC is there because its interface is configured, but it sits in its slot from the start: one that is configured later
has booted like the others. Every interface is in one group, alone or with its backup, and the Active PIC of the group
carries the units of all its interfaces. Without an Active PIC their families are down.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from agent.core.config import EsInterface, InterfaceFamily, Unit
from agent.core.events import SwitchReason
from agent.core.keying import NoBackup
from agent.core.pic.counters import PicCounters
from agent.core.pic.pic import Pic, PicCommand, PicState
from agent.core.pic.redundancy import BackupOffline, RedundancyGroup, backups
from agent.core.world import Bus, World


class UnknownInterface(Exception):
    """No encryption services PIC, or none of its units, is configured by a name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no interface {name}")
        self.name = name


class Chassis:
    """The PICs of one gateway.

    `before_change` is called before another PIC, or none, carries some unit, and `on_changed` when it does.
    """

    def __init__(
        self,
        world: World,
        bus: Bus,
        boot_us: int,
        on_changed: Callable[[], None],
        before_change: Callable[[], object] = lambda: None,
    ) -> None:
        self._world = world
        self._bus = bus
        self._boot_us = boot_us
        self._on_changed = on_changed
        self._before_change = before_change
        self._boots_until: int | None = None
        self._pics: dict[str, Pic] = {}
        self._groups: dict[str, RedundancyGroup] = {}
        self._group_of: dict[str, RedundancyGroup] = {}
        self._units: set[tuple[str, int]] = set()
        self._down: set[tuple[str, int]] = set()

    @property
    def pics(self) -> Mapping[str, Pic]:
        """Every PIC by its interface, in the order of the configuration."""
        return MappingProxyType(self._pics)

    @property
    def groups(self) -> Mapping[str, RedundancyGroup]:
        """Every group by its primary interface, those without a backup included."""
        return MappingProxyType(self._groups)

    @property
    def pairs(self) -> Mapping[str, RedundancyGroup]:
        """The groups that have a backup, by their primary interfaces."""
        return {name: group for name, group in self._groups.items() if group.backup_interface is not None}

    def group_of(self, interface: str) -> RedundancyGroup | None:
        """Return the group of an interface."""
        return self._group_of.get(interface)

    def counters_of(self, interface: str) -> PicCounters | None:
        """Return the counters of the PIC that carries the units of an interface; None while there is none."""
        group = self._group_of.get(interface)
        active = group.active if group is not None else None
        return active.counters if active is not None else None

    def note_lost(self, interface: str, packets: int) -> None:
        """Count packets for an interface that no PIC carries."""
        group = self._group_of.get(interface)
        if group is not None:
            group.lost_packets += packets

    # Configuration

    def configure(self, interfaces: tuple[EsInterface, ...]) -> None:
        """Have these PICs; one that is configured already goes on as it is. `on_changed` is not called."""
        pairs = backups(interfaces)
        self._before_change()
        before = self._pics
        self._pics = {each.name: before.get(each.name) or self._new_pic(each.name) for each in interfaces}
        self._units = {(each.name, unit.id) for each in interfaces for unit in each.units}
        self._down &= self._units
        taken = frozenset(pairs.values())
        self._groups = {name: self._group(name, pairs.get(name)) for name in self._pics if name not in taken}
        self._group_of = {pic.name: group for group in self._groups.values() for pic in group.members}
        # Only now does anything happen: whoever hears of it sees the PICs as they are configured.
        for pic in before.values():
            if pic.name not in self._pics:
                pic.stop_booting()
        for each in interfaces:
            pic = self._pics[each.name]
            if each.name not in before and self._boots_until is not None:
                pic.boot_until(self._boots_until)
            pic.enable(is_enabled=each.enabled)
        for group in self._groups.values():
            group.settle(SwitchReason.MANUAL)

    def _new_pic(self, name: str) -> Pic:
        return Pic(self._world, self._bus, name, self._boot_us, self._on_booted)

    def _group(self, primary: str, backup: str | None) -> RedundancyGroup:
        """Return the group of a primary interface: the one there is, unless it has another backup."""
        present = self._groups.get(primary)
        if present is not None and present.backup_interface == backup:
            return present
        stand_in = self._pics[backup] if backup is not None else None
        return RedundancyGroup(self._world, self._bus, self._pics[primary], stand_in)

    def carried(self, interfaces: tuple[EsInterface, ...]) -> tuple[EsInterface, ...]:
        """Return the configured interfaces as they are carried, in the same order.

        Each has the name of the PIC that carries its units, and is enabled if there is one; families that are down are
        not enabled.
        """
        return tuple(self._carried(each) for each in interfaces)

    def _carried(self, interface: EsInterface) -> EsInterface:
        carrier = self._group_of[interface.name].active
        units = tuple(_down(unit) if (interface.name, unit.id) in self._down else unit for unit in interface.units)
        name = carrier.name if carrier is not None else interface.name
        return replace(interface, name=name, enabled=carrier is not None, units=units)

    # What happens to the PICs

    def start(self) -> None:
        """Let the PICs boot, primary ones first: of two that have booted the first is Active."""
        self._boots_until = self._world.now + self._boot_us
        waiting = [pic for pic in self._pics.values() if pic.condition is PicState.BOOTING]
        for pic in sorted(waiting, key=lambda pic: pic.name not in self._groups):
            pic.boot()
        self._on_booted()

    def command(self, interface: str, command: PicCommand) -> None:
        """Bring a PIC up, take it out of service, or let it fail. Raises UnknownInterface."""
        group = self._known(interface)
        self._before_change()
        self._pics[interface].command(command)
        group.settle(SwitchReason.FAILURE)
        self._on_changed()

    def set_unit(self, interface: str, unit: int, *, is_up: bool) -> None:
        """Take the families of a unit down, or have them as they are configured. Raises UnknownInterface."""
        if (interface, unit) not in self._units:
            raise UnknownInterface(f"{interface}.{unit}")
        self._before_change()
        if is_up:
            self._down.discard((interface, unit))
        else:
            self._down.add((interface, unit))
        self._on_changed()

    def switch(self, interface: str | None) -> tuple[str, ...]:
        """Do what `Device.switch_interfaces` says."""
        self._before_change()
        if interface is not None:
            group = self._known(interface)
            group.switch()
            switched = [group]
        else:
            switched = self._switch_all()
        self._on_changed()
        return tuple(each.primary_interface for each in switched)

    def _switch_all(self) -> list[RedundancyGroup]:
        """Switch every pair that can be, and return which. Raises NoBackup or BackupOffline when none can."""
        switched: list[RedundancyGroup] = []
        refusal: BackupOffline | NoBackup = NoBackup(None)
        for group in self.pairs.values():
            try:
                group.switch()
            except BackupOffline as error:
                refusal = error
            else:
                switched.append(group)
        if not switched:
            raise refusal
        return switched

    def _known(self, interface: str) -> RedundancyGroup:
        group = self._group_of.get(interface)
        if group is None:
            raise UnknownInterface(interface)
        return group

    def _on_booted(self) -> None:
        self._before_change()
        for group in self._groups.values():
            group.settle(SwitchReason.FAILURE)
        self._on_changed()


def _down(unit: Unit) -> Unit:
    """Return a unit none of whose families is enabled."""
    return replace(unit, inet=_disabled(unit.inet), inet6=_disabled(unit.inet6))


def _disabled(family: InterfaceFamily | None) -> InterfaceFamily | None:
    return replace(family, enabled=False) if family is not None else None
