"""A remote gateway in the World of a device: the same engine and the same keying, without PICs.

It has a bus of its own, so whoever follows the device's events never sees a peer's.
"""

from collections.abc import Mapping

from agent.core.config import DeviceConfig, IkeSettings
from agent.core.identifiers import Address, Endpoint, IkeSaId
from agent.core.ike.engine import IkeStatistics
from agent.core.ike.sa import IkeSa
from agent.core.keying import Keying
from agent.core.link import Network
from agent.core.world import Bus, World


class Peer:
    """A remote gateway, which can be made to fall silent."""

    def __init__(
        self, world: World, network: Network, config: DeviceConfig, settings: IkeSettings | None = None
    ) -> None:
        self.bus = Bus()
        self.reachable = True
        self._network = network
        self._keying = Keying(
            world=world,
            name=f"peer/{config.name}",
            config=config,
            settings=settings or IkeSettings(),
            send=self._send,
            bus=self.bus,
        )
        for address in config.addresses:
            network.attach(address, self._receive)

    @property
    def name(self) -> str:
        """The configured name."""
        return self._keying.config.name

    @property
    def address(self) -> Address:
        """The first of its addresses."""
        return self._keying.config.addresses[0]

    @property
    def config(self) -> DeviceConfig:
        """What the peer is configured with."""
        return self._keying.config

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

    def start(self) -> None:
        """Begin to negotiate what the peer's own tunnels demand."""
        self._keying.start()

    def reconfigure(self, config: DeviceConfig) -> None:
        """Do as another configuration wants from now on; the addresses stay what they are."""
        self._keying.reconfigure(config)

    def clear_ike_sas(self, peer: Address | None = None) -> int:
        """Do what `Device.clear_ike_sas` does, at the other end."""
        return self._keying.clear(peer)

    def _send(self, source: Endpoint, destination: Endpoint, datagram: bytes) -> None:
        if self.reachable:
            self._network.send(source, destination, datagram)

    def _receive(self, source: Endpoint, destination: Endpoint, datagram: bytes) -> None:
        if self.reachable:
            self._keying.receive(source, destination, datagram)
