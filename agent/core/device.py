"""The gateway: the public face of the core.

Everything that is shown of a device is read here, and everything it is told to do is called here. Its events go to the
World's bus.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from agent.core.config import DeviceConfig, IkeSettings
from agent.core.identifiers import Address, IkeSaId
from agent.core.ike.engine import IkeStatistics
from agent.core.ike.sa import IkeSa
from agent.core.keying import Keying
from agent.core.link import Network
from agent.core.peer import Peer
from agent.core.world import World


class Device:
    """A gateway and the peers that are emulated with it, in one World."""

    def __init__(
        self,
        world: World,
        network: Network,
        config: DeviceConfig,
        settings: IkeSettings | None = None,
        peers: Sequence[Peer] = (),
    ) -> None:
        self.world = world
        self.peers: Mapping[Address, Peer] = MappingProxyType(
            {address: peer for peer in peers for address in peer.config.addresses}
        )
        self._peers = tuple(peers)
        self._network = network
        self._keying = Keying(
            world=world,
            name="device",
            config=config,
            settings=settings or IkeSettings(),
            send=network.send,
            bus=world.bus,
        )
        for address in config.addresses:
            network.attach(address, self._keying.receive)

    @property
    def name(self) -> str:
        """The configured name."""
        return self.config.name

    @property
    def config(self) -> DeviceConfig:
        """What the device is configured with."""
        return self._keying.config

    @property
    def ike_sas(self) -> Mapping[IkeSaId, IkeSa]:
        """Every IKE SA, in the order of their ids: in negotiation, established, or failed and not yet removed."""
        return self._keying.ike_sas

    @property
    def ike_statistics(self) -> IkeStatistics:
        """A copy of the IKE counters."""
        return self._keying.ike_statistics

    def start(self) -> None:
        """Bring up the peers, then begin to negotiate what the tunnels demand."""
        for peer in self._peers:
            peer.start()
        self._keying.start()

    def reconfigure(self, config: DeviceConfig) -> None:
        """Do as another configuration wants from now on. Raises ValueError when an address is somebody else's."""
        before = self.config.addresses
        added = [address for address in config.addresses if address not in before]
        taken = [str(address) for address in added if self._network.is_attached(address)]
        if taken:
            raise ValueError(f"somebody else has {', '.join(taken)}")
        for address in added:
            self._network.attach(address, self._keying.receive)
        for address in before:
            if address not in config.addresses:
                self._network.detach(address)
        self._keying.reconfigure(config)

    def clear_ike_sas(self, peer: Address | None = None) -> int:
        """Delete the IKE SAs with one peer or with all, telling the peers, and return how many.

        Those that a tunnel demands are negotiated again at once. Raises UnknownPeer for an address with neither a
        policy nor an IKE SA.
        """
        return self._keying.clear(peer)
