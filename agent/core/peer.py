"""A remote gateway in the World of a device: the same engine and the same keying, without PICs.

It has a bus of its own, so whoever follows the device's events never sees a peer's. Like a server it answers and begins
nothing, unless it is made to initiate: else both ends of every tunnel would begin at once.
"""

from collections.abc import Mapping

from agent.core.config import DeviceConfig, IkeSettings, check
from agent.core.identifiers import Address, Endpoint, IkeSaId
from agent.core.ike.engine import IkeStatistics
from agent.core.ike.sa import IkeSa
from agent.core.ipsec.sad import Sad
from agent.core.keying import Keying, TunnelSa
from agent.core.link import Network
from agent.core.world import Bus, World


class Peer:
    """A remote gateway, which can be made to fall silent."""

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
        self.reachable = True
        self._network = network
        self._keying = Keying(
            world=world,
            name=f"peer/{config.name}",
            config=config,
            settings=settings or IkeSettings(),
            send=self._send,
            bus=self.bus,
            answers_only=not initiates,
        )
        for address in config.local_addresses:
            network.attach(address, self._receive)

    @property
    def name(self) -> str:
        """The configured name."""
        return self._keying.config.name

    @property
    def address(self) -> Address:
        """The first of its addresses."""
        return self._keying.config.local_addresses[0]

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

    @property
    def security_associations(self) -> Mapping[str, TunnelSa]:
        """Every security association that the peer is configured with, by its name."""
        return self._keying.security_associations

    @property
    def sad(self) -> Sad:
        """The peer's database of IPsec SAs."""
        return self._keying.sad

    def start(self) -> None:
        """Come up: install what is configured by hand, and negotiate the rest if the peer initiates."""
        self._keying.start()

    def reconfigure(self, config: DeviceConfig) -> None:
        """Do as another configuration wants from now on; the addresses stay what they are. Raises ValueError."""
        check(config)
        self._keying.reconfigure(config)

    def clear_ike_sas(self, peer: Address | None = None) -> int:
        """Do what `Device.clear_ike_sas` does, at the other end."""
        return self._keying.clear_ike_sas(peer)

    def clear_ipsec_sas(self, name: str | None = None) -> int:
        """Do what `Device.clear_ipsec_sas` does, at the other end."""
        return self._keying.clear_ipsec_sas(name)

    def _send(self, source: Endpoint, destination: Endpoint, datagram: bytes) -> None:
        if self.reachable:
            self._network.send(source, destination, datagram)

    def _receive(self, source: Endpoint, destination: Endpoint, datagram: bytes) -> None:
        if self.reachable:
            self._keying.receive(source, destination, datagram)
