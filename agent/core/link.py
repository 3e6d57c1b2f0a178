"""Paths between the gateways of one World, for datagrams and for packets of ESP and AH, and the way out of it.

Each direction has its own delay, loss, duplication, reordering and partition. Chance comes from the World's entropy,
one stream a direction, and only where a profile asks for it: a path without faults draws nothing. A path between a
gateway of the World and a real one is a path like the others, but it adds no delay of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

from agent.core.identifiers import Address, Endpoint
from agent.core.world import World

Receiver = Callable[[Endpoint, Endpoint, bytes], None]
"""Takes the source, the destination and the octets of a datagram."""
PacketReceiver = Callable[[Address, Address, bytes], None]
"""Takes the source, the destination and the octets of an IP packet."""

_CHANCE_OCTETS: Final = 4
_CHANCE_UNIT: Final = 256**_CHANCE_OCTETS


@dataclass(frozen=True, slots=True)
class LinkProfile:
    """How one direction of a path behaves; `loss`, `duplication` and `reordering` are probabilities.

    `jitter_us` is the most that is added to the delay. A datagram that is reordered is held back for longer than that,
    so that those sent soon after it overtake it.
    """

    delay_us: int = 5_000
    jitter_us: int = 0
    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    is_partitioned: bool = False


_DEFAULT: Final = LinkProfile()
_TO_OUTSIDE: Final = LinkProfile(delay_us=0)
"""A real path has its own delay."""
HELD_BACK_US: Final = 20_000
"""For how long a datagram is held back that others are to overtake."""


class Network:
    """Carries datagrams and packets between the addresses that are attached to it.

    `before_change` is called before they fare otherwise than until now.
    """

    def __init__(self, world: World) -> None:
        self.before_change: Callable[[], object] = lambda: None
        self._world = world
        self._receivers: dict[Address, Receiver] = {}
        self._packet_receivers: dict[Address, PacketReceiver] = {}
        self._outside: Receiver | None = None
        self._packets_outside: PacketReceiver | None = None
        self._profiles: dict[tuple[Address, Address], LinkProfile] = {}
        self._lost = 0
        self._undeliverable = 0

    @property
    def lost(self) -> int:
        """How many datagrams and packets loss and partition have swallowed."""
        return self._lost

    @property
    def undeliverable(self) -> int:
        """How many datagrams and packets found nobody at their destination."""
        return self._undeliverable

    def is_attached(self, address: Address) -> bool:
        """Whether somebody has the address."""
        return address in self._receivers

    def attach(self, address: Address, receiver: Receiver, packets: PacketReceiver | None = None) -> None:
        """Hand datagrams for an address to a receiver from now on, and packets to another if there is one.

        Raises ValueError when somebody else has the address.
        """
        if self.is_attached(address):
            raise ValueError(f"{address} is attached already")
        self._receivers[address] = receiver
        if packets is not None:
            self._packet_receivers[address] = packets

    def detach(self, address: Address) -> None:
        """Swallow what is for an address from now on, and what is under way to it."""
        self._receivers.pop(address, None)
        self._packet_receivers.pop(address, None)

    def open_outside(self, receiver: Receiver) -> None:
        """Hand datagrams for addresses that nobody has to a receiver from now on: they leave the World."""
        self._outside = receiver

    def open_outside_for_packets(self, receiver: PacketReceiver) -> None:
        """Hand packets for addresses that nobody has to a receiver from now on."""
        self._packets_outside = receiver

    def close_outside(self) -> None:
        """Swallow what is for addresses that nobody has, as at first."""
        self._outside = self._packets_outside = None

    def receive(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        """Take a datagram from outside, which is there at once.

        One from an address that somebody in the World has is forged, and swallowed like one for nobody.
        """
        receiver = None if self.is_attached(source.address) else self._receivers.get(destination.address)
        if receiver is None:
            self._undeliverable += 1
            return
        receiver(source, destination, payload)

    def receive_packet(self, source: Address, destination: Address, packet: bytes) -> None:
        """Take a packet from outside, as `receive` does a datagram."""
        receiver = None if self.is_attached(source) else self._packet_receivers.get(destination)
        if receiver is None:
            self._undeliverable += 1
            return
        receiver(source, destination, packet)

    def set_profile(self, source: Address, destination: Address, profile: LinkProfile) -> None:
        """Set how datagrams from one address to another fare; those under way are not touched."""
        self.before_change()
        self._profiles[source, destination] = profile

    @property
    def profiles(self) -> Mapping[tuple[Address, Address], LinkProfile]:
        """Every profile that was set, by source and destination, in the order in which they first were."""
        return MappingProxyType(self._profiles)

    def profile(self, source: Address, destination: Address) -> LinkProfile:
        """Return how datagrams from one address to another fare."""
        leaves = self._outside is not None and destination not in self._receivers
        default = _TO_OUTSIDE if leaves else _DEFAULT
        return self._profiles.get((source, destination), default) if self._profiles else default

    def send(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        """Send a datagram on its way."""
        deliver = partial(self._deliver, source, destination, payload)
        if self._profiles or self._outside is not None:
            self._send(source.address, destination.address, deliver)
        else:  # Nothing is wrong with any path, and all are within.
            self._world.call_later(_DEFAULT.delay_us, deliver)

    def send_packet(self, source: Address, destination: Address, packet: bytes) -> None:
        """Send an IP packet on its way."""
        self._send(source, destination, partial(self._deliver_packet, source, destination, packet))

    def copies(self, source: Address, destination: Address) -> int:
        """Decide how often something that is sent now arrives: not at all, once, or twice. None is counted as lost."""
        return self._copies(source, destination, self.profile(source, destination))

    def _copies(self, source: Address, destination: Address, profile: LinkProfile) -> int:
        if profile.is_partitioned or (profile.loss and self._chance(source, destination) < profile.loss):
            self._lost += 1
            return 0
        return 2 if profile.duplication and self._chance(source, destination) < profile.duplication else 1

    def share(self, source: Address, destination: Address, count: int) -> tuple[int, int]:
        """Decide how many of so many packets are lost, and how many of the others arrive twice, without going through.

        Both are what is to be expected, and a fraction of a packet is left to chance.
        """
        profile = self.profile(source, destination)
        lost = count if profile.is_partitioned else self._part(source, destination, profile.loss * count)
        self._lost += lost
        return lost, self._part(source, destination, profile.duplication * (count - lost))

    def _part(self, source: Address, destination: Address, expected: float) -> int:
        whole = int(expected)
        return whole + (expected > whole and self._chance(source, destination) < expected - whole)

    def _send(self, source: Address, destination: Address, deliver: Callable[[], object]) -> None:
        profile = self.profile(source, destination)
        for _ in range(self._copies(source, destination, profile)):
            delay_us = profile.delay_us
            if profile.jitter_us:
                delay_us += int(self._chance(source, destination) * profile.jitter_us)
            if profile.reordering and self._chance(source, destination) < profile.reordering:
                delay_us += profile.jitter_us + HELD_BACK_US
            self._world.call_later(delay_us, deliver)

    def _chance(self, source: Address, destination: Address) -> float:
        """Draw a number of at least 0 and less than 1."""
        stream = f"link/{source}>{destination}"
        return int.from_bytes(self._world.entropy.draw(stream, _CHANCE_OCTETS)) / _CHANCE_UNIT

    def _deliver(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        receiver = self._receivers.get(destination.address, self._outside)
        if receiver is None:
            self._undeliverable += 1
            return
        receiver(source, destination, payload)

    def _deliver_packet(self, source: Address, destination: Address, packet: bytes) -> None:
        is_inside = destination in self._receivers
        receiver = self._packet_receivers.get(destination) if is_inside else self._packets_outside
        if receiver is None:
            self._undeliverable += 1
            return
        receiver(source, destination, packet)
