"""The gateway: the public face of the core.

Everything that is shown of a device is read here, and everything it is told to do is called here. Its events go to the
World's bus.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from agent.core.config import DeviceConfig, IkeSettings, check
from agent.core.identifiers import Address, IkeSaId
from agent.core.ike.engine import IkeStatistics
from agent.core.ike.sa import IkeSa
from agent.core.ipsec.sad import Sad
from agent.core.keying import Keying, TunnelSa
from agent.core.link import Network
from agent.core.peer import Peer
from agent.core.pic.interface import InterfaceState, interface_state
from agent.core.pki import CertificateDatabase
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
            {address: peer for peer in peers for address in peer.config.local_addresses}
        )
        self._peers = tuple(peers)
        self._network = network
        self.certificates = CertificateDatabase(world, world.bus)
        self._keying = Keying(
            world=world,
            name="device",
            config=config,
            settings=settings or IkeSettings(),
            send=network.send,
            bus=world.bus,
        )
        for address in config.local_addresses:
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

    @property
    def security_associations(self) -> Mapping[str, TunnelSa]:
        """Every configured security association by its name, in the order of the configuration."""
        return self._keying.security_associations

    @property
    def sad(self) -> Sad:
        """The database of the IPsec SAs that packets can use."""
        return self._keying.sad

    @property
    def interfaces(self) -> Mapping[str, InterfaceState]:
        """Every encryption services PIC by its name, in the order of the configuration."""
        return MappingProxyType({each.name: interface_state(each) for each in self.config.interfaces})

    def start(self) -> None:
        """Bring up the peers, then begin to negotiate what is configured."""
        for peer in self._peers:
            peer.start()
        self._keying.start()

    def check(self, config: DeviceConfig) -> None:
        """Raise ValueError, with a message for a person, for a configuration that the device cannot do."""
        check(config)
        self.certificates.check(config.certificates)
        before = self.config.local_addresses
        taken = [each for each in config.local_addresses if each not in before and self._network.is_attached(each)]
        if taken:
            raise ValueError(f"somebody else has {', '.join(map(str, taken))}")

    def reconfigure(self, config: DeviceConfig) -> None:
        """Do as another configuration wants from now on. Raises what `check` does, and then nothing has changed."""
        self.check(config)
        before = self.config.local_addresses
        for address in config.local_addresses:
            if address not in before:
                self._network.attach(address, self._keying.receive)
        self.certificates.configure(config.certificates)
        self._keying.reconfigure(config)
        for address in before:
            if address not in config.local_addresses:
                self._network.detach(address)

    def clear_ike_sas(self, peer: Address | None = None) -> int:
        """Delete the IKE SAs with one peer or with all, telling the peers, and return how many.

        Those that a tunnel demands are negotiated again at once. Raises UnknownPeer for an address with neither a
        policy nor an IKE SA.
        """
        return self._keying.clear_ike_sas(peer)

    def clear_ipsec_sas(self, name: str | None = None) -> int:
        """Delete the pairs of one dynamic security association or of all, telling the peers, and negotiate new ones.

        Returns how many SAs that were, each direction counted. Manual ones are left alone; to name one raises
        NotDynamic, and a name that is not configured UnknownSecurityAssociation.
        """
        return self._keying.clear_ipsec_sas(name)
