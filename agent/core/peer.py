"""A remote gateway in the World of a device: the same engine and the same keying, without PICs.

It has a bus of its own, so whoever follows the device's events never sees a peer's. Like a server it answers and begins
nothing, unless it is made to initiate: else both ends of every tunnel would begin at once. A fault is another
configuration than its own, so what goes wrong is what would go wrong between real gateways.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum
from types import MappingProxyType
from typing import Final

from agent.core.config import DeviceConfig, DynamicSa, IkeConfig, IkeSettings, check
from agent.core.identifiers import Address, Endpoint, IkeSaId
from agent.core.ike.engine import IkeStatistics
from agent.core.ike.sa import IkeSa
from agent.core.ipsec.sad import Sad
from agent.core.keying import Keying, Protection, TunnelSa
from agent.core.link import Network
from agent.core.world import SECOND, Bus, Timer, World

WRONG_KEY: Final = b" which is wrong"
"""What is added to a key that the other end does not know."""


class PeerFault(Enum):
    """What is wrong with a peer, by the names of the published module."""

    NONE = "none"
    WRONG_KEY = "wrong-key"
    """Its pre-shared keys are others than the device's: phase 1 fails."""
    REFUSES_PROPOSALS = "refuses-proposals"
    """It allows none of what it is offered, in phase 1 and in phase 2."""


class Peer:
    """A remote gateway, which can be made to fall silent, to be slow, to be wrong, and to reboot.

    `answer_delay_us` is how long it takes over each datagram that it gets, in microseconds.
    """

    def __init__(
        self,
        world: World,
        network: Network,
        config: DeviceConfig,
        settings: IkeSettings | None = None,
        *,
        initiates: bool = False,
    ) -> None:
        check(config)
        self.bus = Bus()
        self.answer_delay_us = 0
        self.before_change: Callable[[], object] = lambda: None
        """Is called before its packets fare otherwise than until now."""
        self.before_look: Callable[[], object] = lambda: None
        """Is called before somebody looks at what its packets have changed."""
        self.is_on_the_network = True
        """Whether it hears and is heard: it is up and reachable."""
        self._reachable = True
        self._world = world
        self._network = network
        self._config = config
        self._fault = PeerFault.NONE
        self._boot: Timer | None = None
        self._keying = Keying(
            world=world,
            name=f"peer/{config.name}",
            config=config,
            settings=settings or IkeSettings(),
            send=self._send,
            bus=self.bus,
            answers_only=not initiates,
            before_change=lambda name: self.before_change(),
        )
        for address in config.local_addresses:
            network.attach(address, self._receive, self._receive_packet)

    @property
    def name(self) -> str:
        """The configured name."""
        return self._config.name

    @property
    def address(self) -> Address:
        """The first of its addresses."""
        return self._config.local_addresses[0]

    @property
    def config(self) -> DeviceConfig:
        """What the peer is configured with; what a fault makes of that is not told."""
        return self._config

    @property
    def reachable(self) -> bool:
        """Whether it hears and is heard, while it is up."""
        return self._reachable

    @reachable.setter
    def reachable(self, reachable: bool) -> None:
        self.before_change()
        self._reachable = reachable
        self._note_presence()

    @property
    def fault(self) -> PeerFault:
        """What is wrong with the peer."""
        return self._fault

    @property
    def is_booting(self) -> bool:
        """Whether it went down and has not come up again."""
        return self._boot is not None

    @property
    def ike_sas(self) -> Mapping[IkeSaId, IkeSa]:
        """Every IKE SA of the peer, in the order of their ids."""
        return self._keying.ike_sas

    @property
    def ike_statistics(self) -> IkeStatistics:
        """A copy of the peer's IKE counters."""
        return self._keying.ike_statistics

    @property
    def established(self) -> int:
        """How many established IKE SAs the peer has."""
        return sum(sa.is_matured for sa in self.ike_sas.values())

    @property
    def security_associations(self) -> Mapping[str, TunnelSa]:
        """Every security association that the peer is configured with, by its name."""
        self.before_look()
        return self._keying.security_associations

    @property
    def sad(self) -> Sad:
        """The peer's database of IPsec SAs."""
        return self._keying.sad

    @property
    def protection(self) -> Protection:
        """What packets see of the peer."""
        return self._keying.protection

    def start(self) -> None:
        """Come up: install what is configured by hand, and negotiate the rest if the peer initiates."""
        self._keying.start()

    def reconfigure(self, config: DeviceConfig) -> None:
        """Do as another configuration wants from now on; the addresses stay what they are. Raises ValueError."""
        check(config)
        self._config = config
        self._carry_out()

    def set_fault(self, fault: PeerFault) -> None:
        """Have something be wrong from now on, or nothing. SAs that there are stay until they are renewed."""
        self._fault = fault
        self._carry_out()

    def reboot(self, seconds: float) -> None:
        """Forget every SA without a word to anybody, and come up again after some seconds of silence."""
        self.before_change()
        if self._boot is not None:
            self._boot.cancel()
        self._boot = self._world.call_later(round(seconds * SECOND), self._on_booted)
        self._note_presence()
        self._keying.reconfigure(DeviceConfig(self.name, self._config.local_addresses))

    def _on_booted(self) -> None:
        self.before_change()
        self._boot = None
        self._note_presence()
        self._carry_out()

    def _note_presence(self) -> None:
        self.is_on_the_network = self._reachable and not self.is_booting

    def _carry_out(self) -> None:
        """Have keying do as the configuration and the fault want, once the peer is up."""
        if not self.is_booting:
            self._keying.reconfigure(_FAULTY[self._fault](self._config))

    def clear_ike_sas(self, peer: Address | None = None) -> int:
        """Do what `Device.clear_ike_sas` does, at the other end."""
        return self._keying.clear_ike_sas(peer)

    def clear_ipsec_sas(self, name: str | None = None) -> int:
        """Do what `Device.clear_ipsec_sas` does, at the other end."""
        return self._keying.clear_ipsec_sas(name)

    def _send(self, source: Endpoint, destination: Endpoint, datagram: bytes) -> None:
        if self.is_on_the_network:
            self._network.send(source, destination, datagram)

    def _receive(self, source: Endpoint, destination: Endpoint, datagram: bytes) -> None:
        if self.answer_delay_us:
            self._world.call_later(self.answer_delay_us, lambda: self._take(source, destination, datagram))
        elif self.is_on_the_network:
            self._keying.receive(source, destination, datagram)

    def _take(self, source: Endpoint, destination: Endpoint, datagram: bytes) -> None:
        if self.is_on_the_network:
            self._keying.receive(source, destination, datagram)

    def _receive_packet(self, source: Address, destination: Address, packet: bytes) -> None:
        if self.is_on_the_network:
            self.protection.open(packet)


def _with_wrong_keys(config: DeviceConfig) -> DeviceConfig:
    policies = (replace(each, pre_shared_key=each.pre_shared_key + WRONG_KEY) for each in config.ike.policies)
    return replace(config, ike=IkeConfig(tuple(policies)))


def _without_proposals(config: DeviceConfig) -> DeviceConfig:
    """Return a configuration that no `check` would let pass: every policy is there, and allows nothing."""
    policies = (replace(each, proposals=()) for each in config.ike.policies)
    associations = (
        replace(each, keying=replace(each.keying, policy=replace(each.keying.policy, proposals=())))
        if isinstance(each.keying, DynamicSa)
        else each
        for each in config.security_associations
    )
    return replace(config, ike=IkeConfig(tuple(policies)), security_associations=tuple(associations))


_FAULTY: Final[Mapping[PeerFault, Callable[[DeviceConfig], DeviceConfig]]] = MappingProxyType(
    {
        PeerFault.NONE: lambda config: config,
        PeerFault.WRONG_KEY: _with_wrong_keys,
        PeerFault.REFUSES_PROPOSALS: _without_proposals,
    }
)
"""What a fault makes of a configuration."""
