"""Tunnels with two peers: which of them is in use, and when the other is turned to.

The peer in use is given up when it is declared dead: it left a phase 1 negotiation of ours, or a rekey, without an
answer. It is then the other's turn, and so on with every failure, at first at once and later after growing delays; a
peer that answers and refuses is not dead. Nothing turns a tunnel back to its primary but a failure or a hand.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from agent.core.config import DeviceConfig, UnitTunnel
from agent.core.events import RedundancyState, SwitchReason, TunnelSwitched
from agent.core.identifiers import Address
from agent.core.keying.association import TunnelSa
from agent.core.keying.plan import Ends
from agent.core.keying.retry import FIRST_RETRY_US, LONGEST_RETRY_US
from agent.core.world import Bus, Timer, World


class NoBackup(Exception):
    """There is nothing to switch to, for what is named or, without a name, for anything."""

    def __init__(self, name: str | None) -> None:
        super().__init__(f"{name} has no backup" if name is not None else "nothing has a backup")
        self.name = name


class TunnelRedundancy:
    """The two peers of a security association's tunnel. `last_switch_at` is device time."""

    def __init__(self, name: str, tunnel: UnitTunnel, find: Callable[[str], TunnelSa | None]) -> None:
        assert tunnel.backup_destination is not None
        self.name = name
        self.tunnel = tunnel
        self.remote_address = tunnel.destination
        self.failure_counter = 0
        self.last_switch_at: int | None = None
        self.last_switch_reason: SwitchReason | None = None
        self._backup = tunnel.backup_destination
        self._find = find
        self._failures = 0
        self._not_before = 0

    # What is shown

    @property
    def local_address(self) -> Address:
        """This end's address."""
        return self.tunnel.source

    @property
    def primary_remote_address(self) -> Address:
        """The peer that is configured as the destination."""
        return self.tunnel.destination

    @property
    def backup_remote_address(self) -> Address:
        """The peer that stands in for it."""
        return self._backup

    @property
    def primary_state(self) -> RedundancyState:
        """Active while there is a pair of SAs with the primary peer, Standby otherwise."""
        return self._state_of(self.primary_remote_address)

    @property
    def backup_state(self) -> RedundancyState:
        """Active while there is a pair of SAs with the backup peer, Standby otherwise."""
        return self._state_of(self.backup_remote_address)

    def _state_of(self, address: Address) -> RedundancyState:
        association = self._find(self.name)
        is_connected = association is not None and association.current is not None
        is_active = is_connected and address == self.remote_address
        return RedundancyState.ACTIVE if is_active else RedundancyState.STANDBY

    # What is done with it

    @property
    def ends(self) -> Ends:
        """The two gateways between which it leads now."""
        return Ends(self.local_address, self.remote_address)

    @property
    def not_before(self) -> int:
        """The device time from which its peer may be negotiated with."""
        return self._not_before

    def on_connected(self) -> None:
        """There is a pair: the next failure is the first again."""
        self._failures = self._not_before = 0

    def switch(self, now: int, reason: SwitchReason) -> TunnelSwitched:
        """Lead to the other peer from now on."""
        before = self.remote_address
        is_primary = before == self.primary_remote_address
        self.remote_address = self.backup_remote_address if is_primary else self.primary_remote_address
        self.failure_counter += 1
        self.last_switch_at, self.last_switch_reason = now, reason
        self._not_before = now + self._delay_us(reason)
        return TunnelSwitched(now, self.name, before, self.remote_address, reason, self.failure_counter)

    def _delay_us(self, reason: SwitchReason) -> int:
        """Return how long the other peer is left alone: longer with every failure since there was a connection."""
        if reason is SwitchReason.MANUAL:
            self._failures = 0
            return 0
        self._failures += 1
        return 0 if self._failures == 1 else min(FIRST_RETRY_US << (self._failures - 2), LONGEST_RETRY_US)


class Failover:
    """The tunnels with two peers of one gateway. `on_switched` is called when peers that died have been given up."""

    def __init__(
        self, world: World, bus: Bus, find: Callable[[str], TunnelSa | None], on_switched: Callable[[], None]
    ) -> None:
        self._world = world
        self._bus = bus
        self._find = find
        self._on_switched = on_switched
        self._tunnels: dict[str, TunnelRedundancy] = {}
        self._dead: set[Ends] = set()
        self._burial: Timer | None = None

    @property
    def tunnels(self) -> Mapping[str, TunnelRedundancy]:
        """The tunnels with two peers by their security associations, in the order of the configuration."""
        return MappingProxyType(self._tunnels)

    @property
    def remotes(self) -> Mapping[str, Address]:
        """The peer in use of each tunnel with two, by its security association."""
        return {name: tunnel.remote_address for name, tunnel in self._tunnels.items()}

    def not_before(self, name: str) -> int:
        """Return the device time from which a security association may be negotiated."""
        tunnel = self._tunnels.get(name)
        return tunnel.not_before if tunnel is not None else 0

    def adapt(self, config: DeviceConfig) -> None:
        """Have the tunnels of another configuration; one that stays as it is goes on with the peer in use.

        A manual security association has one peer only, whatever its tunnel: nothing can be negotiated with another.
        """
        self._tunnels = {
            each.name: self._adapted(each.name, reference.unit.tunnel)
            for each in config.security_associations
            if each.is_dynamic
            and (reference := config.references.get(each.name)) is not None
            and reference.unit.tunnel is not None
            and reference.unit.tunnel.backup_destination is not None
        }

    def _adapted(self, name: str, tunnel: UnitTunnel) -> TunnelRedundancy:
        present = self._tunnels.get(name)
        if present is not None and present.tunnel == tunnel:
            return present
        return TunnelRedundancy(name, tunnel, self._find)

    def switch(self, name: str | None) -> tuple[str, ...]:
        """Turn one tunnel to its other peer, or all that have one, and return which. Raises NoBackup for none."""
        chosen = tuple(tunnel for tunnel in self._tunnels.values() if name in (None, tunnel.name))
        if not chosen:
            raise NoBackup(name)
        self._switch(chosen, SwitchReason.MANUAL)
        return tuple(tunnel.name for tunnel in chosen)

    def on_connected(self, name: str) -> None:
        """Hear that a security association has a pair."""
        tunnel = self._tunnels.get(name)
        if tunnel is not None:
            tunnel.on_connected()

    def on_dead(self, ends: Ends) -> None:
        """Hear that a peer does not answer.

        Its tunnels are turned away from it once whoever is telling has come to an end: many peers may die at once.
        """
        self._dead.add(ends)
        if self._burial is None:
            self._burial = self._world.call_later(0, self._bury)

    def _bury(self) -> None:
        self._burial = None
        lost = tuple(tunnel for tunnel in self._tunnels.values() if tunnel.ends in self._dead)
        self._dead.clear()
        if lost:
            self._switch(lost, SwitchReason.FAILURE)
            self._on_switched()

    def _switch(self, tunnels: tuple[TunnelRedundancy, ...], reason: SwitchReason) -> None:
        for tunnel in tunnels:
            self._bus.publish(tunnel.switch(self._world.now, reason))
