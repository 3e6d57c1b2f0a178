"""Datagram paths between the gateways of one World, and the way out of it.

Each direction has its own delay, loss, duplication, reordering and partition. Chance comes from the World's entropy,
one stream a direction, and only where a profile asks for it: a path without faults draws nothing. A path between a
gateway of the World and a real one is a path like the others, but it adds no delay of its own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agent.core.identifiers import Address, Endpoint
from agent.core.world import World

Receiver = Callable[[Endpoint, Endpoint, bytes], None]
"""Takes the source, the destination and the octets of a datagram."""

_CHANCE_OCTETS: Final = 4
_CHANCE_UNIT: Final = 256**_CHANCE_OCTETS


@dataclass(frozen=True, slots=True)
class LinkProfile:
    """How one direction of a path behaves.

    `jitter_us` is the most that is added to the delay, so that datagrams overtake one another.
    """

    delay_us: int = 5_000
    jitter_us: int = 0
    loss: float = 0.0
    duplication: float = 0.0
    is_partitioned: bool = False


_DEFAULT: Final = LinkProfile()
_TO_OUTSIDE: Final = LinkProfile(delay_us=0)
"""A real path has its own delay."""


class Network:
    """Carries datagrams between the addresses that are attached to it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._receivers: dict[Address, Receiver] = {}
        self._outside: Receiver | None = None
        self._profiles: dict[tuple[Address, Address], LinkProfile] = {}
        self._lost = 0
        self._undeliverable = 0

    @property
    def lost(self) -> int:
        """How many datagrams loss and partition have swallowed."""
        return self._lost

    @property
    def undeliverable(self) -> int:
        """How many datagrams found nobody at their destination."""
        return self._undeliverable

    def is_attached(self, address: Address) -> bool:
        """Whether somebody has the address."""
        return address in self._receivers

    def attach(self, address: Address, receiver: Receiver) -> None:
        """Hand datagrams for an address to a receiver from now on.

        Raises ValueError when somebody else has the address.
        """
        if self.is_attached(address):
            raise ValueError(f"{address} is attached already")
        self._receivers[address] = receiver

    def detach(self, address: Address) -> None:
        """Swallow datagrams for an address from now on, those under way included."""
        self._receivers.pop(address, None)

    def open_outside(self, receiver: Receiver) -> None:
        """Hand datagrams for addresses that nobody has to a receiver from now on: they leave the World."""
        self._outside = receiver

    def close_outside(self) -> None:
        """Swallow datagrams for addresses that nobody has, as at first."""
        self._outside = None

    def receive(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        """Take a datagram from outside, which is there at once.

        One from an address that somebody in the World has is forged, and swallowed like one for nobody.
        """
        receiver = None if self.is_attached(source.address) else self._receivers.get(destination.address)
        if receiver is None:
            self._undeliverable += 1
            return
        receiver(source, destination, payload)

    def set_profile(self, source: Address, destination: Address, profile: LinkProfile) -> None:
        """Set how datagrams from one address to another fare; those under way are not touched."""
        self._profiles[source, destination] = profile

    def profile(self, source: Address, destination: Address) -> LinkProfile:
        """Return how datagrams from one address to another fare."""
        leaves = self._outside is not None and destination not in self._receivers
        default = _TO_OUTSIDE if leaves else _DEFAULT
        return self._profiles.get((source, destination), default) if self._profiles else default

    def send(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        """Send a datagram on its way."""
        profile = self.profile(source.address, destination.address)
        if profile.is_partitioned or (profile.loss and self._chance(source, destination) < profile.loss):
            self._lost += 1
            return
        is_doubled = profile.duplication and self._chance(source, destination) < profile.duplication
        for _ in range(2 if is_doubled else 1):
            delay_us = profile.delay_us
            if profile.jitter_us:
                delay_us += int(self._chance(source, destination) * profile.jitter_us)
            self._world.call_later(delay_us, lambda: self._deliver(source, destination, payload))

    def _chance(self, source: Endpoint, destination: Endpoint) -> float:
        """Draw a number of at least 0 and less than 1."""
        stream = f"link/{source.address}>{destination.address}"
        return int.from_bytes(self._world.entropy.draw(stream, _CHANCE_OCTETS)) / _CHANCE_UNIT

    def _deliver(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        receiver = self._receivers.get(destination.address, self._outside)
        if receiver is None:
            self._undeliverable += 1
            return
        receiver(source, destination, payload)
