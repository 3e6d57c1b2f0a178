"""The mirror: what a standby PIC holds of each SA of its group, so that it can take over without a negotiation.

It is filled when a PIC comes to stand by, and follows every pair that is installed and deleted from then on. Every
number that the active PIC takes, and the octets, are mirrored before the packet is handed on; of the numbers that it
sends, it mirrors RESERVED at a time, before the first of them is used. Invariants: while there is a standby PIC it
holds every SA of its group, and without one there is no copy of anything; after a failure no number is sent again and
no packet taken again.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from agent.core.events import IpsecSaDeleted, IpsecSaInstalled, PicStateChanged
from agent.core.ipsec.outbound import NUMBERS
from agent.core.ipsec.sa import IpsecSa, SaState, SaType
from agent.core.keying import TunnelSa
from agent.core.world import Bus

RESERVED: Final = 16
"""Numbers that the active PIC may send before it has to tell the mirror; less than a replay window holds, so that what
is under way when a PIC fails is not too old for the other end once it has seen what follows the gap."""


def mirrored(sa: IpsecSa) -> SaState:
    """Return what the mirror knows of an SA: of its numbers, that all are used that may have been.

    Those of a manual SA begin anew.
    """
    reserved = -(-sa.sequence // RESERVED) * RESERVED
    reserved = reserved % NUMBERS if sa.type is SaType.MANUAL else min(reserved, NUMBERS - 1)
    return SaState(reserved, sa.replay.top, sa.replay.bitmap, sa.usage.bytes)


class Mirror:
    """The SAs that a standby PIC holds, by security association."""

    def __init__(self) -> None:
        self._copies: dict[str, tuple[IpsecSa, ...]] = {}

    @property
    def copies(self) -> Mapping[str, tuple[IpsecSa, ...]]:
        """The SAs of each security association that has any."""
        return MappingProxyType(self._copies)

    def hold(self, association: TunnelSa) -> None:
        """Hold those SAs of a security association that packets can use."""
        installed = tuple(sa for sa in association.sas.values() if sa.is_installed)
        if installed:
            self._copies[association.name] = installed
        else:
            self._copies.pop(association.name, None)

    def take_over(self) -> None:
        """Have the SAs go on from what is known of them here: the PIC that used them is gone."""
        for sas in self._copies.values():
            for sa in sas:
                sa.restore(mirrored(sa))

    def clear(self) -> None:
        """Hold nothing."""
        self._copies.clear()


class Mirrored(Protocol):
    """A group of PICs, as far as the mirror of its standby PIC goes."""

    @property
    def mirror(self) -> Mirror:
        """What the standby PIC holds."""
        ...

    @property
    def has_standby(self) -> bool:
        """Whether a PIC stands by."""
        ...

    @property
    def is_taken_over(self) -> bool:
        """Whether a PIC stands by and none is Active: it is about to be, and needs what it holds."""
        ...


class Synchronization:
    """Keeps the mirrors of a gateway. `find` returns the group of a PIC by its interface."""

    def __init__(
        self, bus: Bus, find: Callable[[str], Mirrored | None], associations: Callable[[], Mapping[str, TunnelSa]]
    ) -> None:
        self._find = find
        self._associations = associations
        bus.subscribe(self._on_pic_state, PicStateChanged)
        bus.subscribe(self._on_pair, IpsecSaInstalled)
        bus.subscribe(self._on_pair, IpsecSaDeleted)

    def fill(self, group: Mirrored) -> None:
        """Have the mirror of a group hold what it is to hold now, whatever that was before."""
        if group.is_taken_over:
            return
        group.mirror.clear()
        if group.has_standby:
            for association in self._associations().values():
                if self._group_of(association) is group:
                    group.mirror.hold(association)

    def _on_pic_state(self, event: PicStateChanged) -> None:
        group = self._find(event.interface)
        if group is not None:
            self.fill(group)

    def _on_pair(self, event: IpsecSaInstalled | IpsecSaDeleted) -> None:
        association = self._associations().get(event.name)
        group = self._group_of(association) if association is not None else None
        if association is not None and group is not None and group.has_standby:
            group.mirror.hold(association)

    def _group_of(self, association: TunnelSa) -> Mirrored | None:
        """Return the PICs that carry a security association; one in transport mode belongs to no interface."""
        return self._find(association.interface.rpartition(".")[0]) if association.interface is not None else None
