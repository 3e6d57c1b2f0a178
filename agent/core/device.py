"""The gateway: the public face of the core.

Everything that is shown of a device is read here, and everything it is told to do is called here. Its events go to the
World's bus.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Final

from agent.core.config import DeadPeerDetection, DeviceConfig, IkeConfig, IkeSettings, check
from agent.core.events import InterfacesChanged
from agent.core.identifiers import Address, IkeSaId
from agent.core.ike.engine import IkeStatistics
from agent.core.ike.sa import IkeSa
from agent.core.ipsec.refusal import Drop, DropReason
from agent.core.ipsec.sad import Sad
from agent.core.keying import Keying, Protection, TunnelRedundancy, TunnelSa
from agent.core.link import Network
from agent.core.peer import Peer
from agent.core.pic import PIC_BOOT_US, Chassis, Pic, PicCommand, PicMeter, RedundancyGroup
from agent.core.pic.interface import InterfaceState, interface_state
from agent.core.pic.redundancy import backups
from agent.core.pic.sync import Synchronization
from agent.core.pki import CertificateDatabase
from agent.core.traffic import Traffic
from agent.core.world import World

DECISION_US: Final = 1_000
"""How long the device's policy manager takes to decide what a peer asks for, unless settings say otherwise."""


class Device:
    """A gateway and the peers that are emulated with it, in one World."""

    def __init__(
        self,
        world: World,
        network: Network,
        config: DeviceConfig,
        settings: IkeSettings | None = None,
        peers: Sequence[Peer] = (),
        pic_boot_us: int = PIC_BOOT_US,
    ) -> None:
        self.world = world
        self.peers: Mapping[Address, Peer] = MappingProxyType(
            {address: peer for peer in peers for address in peer.config.local_addresses}
        )
        self._peers = tuple(peers)
        self._network = network
        self._config = config
        self._unroutable = 0
        self.on_packet: Callable[[bytes], object] = lambda packet: None
        """Is given every packet that arrived protected, or tells a sender why its packet was dropped."""
        self.traffic = Traffic(world, network, lambda: self.protection, self._find, self.peers)
        self._chassis = Chassis(world, world.bus, pic_boot_us, self._carry, self.traffic.settle)
        self._meter = PicMeter(self._find, self._chassis.counters_of, self._interface_at, self._chassis.note_lost)
        self._chassis.configure(config.interfaces)
        self.certificates = CertificateDatabase(world, world.bus)
        self._keying = Keying(
            world=world,
            name="device",
            config=self._carried(config),
            settings=settings or IkeSettings(decision_us=DECISION_US),
            send=network.send,
            bus=world.bus,
            meter=self._meter,
            before_change=self.traffic.settle,
        )
        self._synchronization = Synchronization(
            world.bus, self._chassis.group_of, lambda: self._keying.security_associations
        )
        for address in config.local_addresses:
            network.attach(address, self._keying.receive, self._receive_packet)
        network.before_change = self.traffic.settle
        for peer in peers:
            peer.before_change = partial(self.traffic.settle_with, peer)
            peer.before_look = partial(self.traffic.look_at, peer)

    @property
    def name(self) -> str:
        """The configured name."""
        return self.config.name

    @property
    def config(self) -> DeviceConfig:
        """What the device is configured with."""
        return self._config

    @property
    def ike_sas(self) -> Mapping[IkeSaId, IkeSa]:
        """Every IKE SA, in the order of their ids: in negotiation, established, or failed and not yet removed."""
        return self._keying.ike_sas

    @property
    def ike_statistics(self) -> IkeStatistics:
        """A copy of the IKE counters."""
        return self._keying.ike_statistics

    def limit_half_open(self, in_all: int, of_a_peer: int) -> None:
        """Let so many negotiations of IKE, which peers began, be half-open from now on."""
        self._keying.limit_half_open(in_all, of_a_peer)

    @property
    def security_associations(self) -> Mapping[str, TunnelSa]:
        """Every configured security association by its name, in the order of the configuration."""
        self.traffic.look()
        return self._keying.security_associations

    @property
    def sad(self) -> Sad:
        """The database of the IPsec SAs that packets can use."""
        return self._keying.sad

    @property
    def interfaces(self) -> Mapping[str, InterfaceState]:
        """Every encryption services PIC by its name, in the order of the configuration."""
        self.traffic.look()
        carried = zip(self.pics.values(), self._chassis.carried(self._config.interfaces), strict=True)
        return MappingProxyType({pic.name: interface_state(pic, interface) for pic, interface in carried})

    @property
    def pics(self) -> Mapping[str, Pic]:
        """Every encryption services PIC itself by its name, in the order of the configuration."""
        return self._chassis.pics

    @property
    def interface_redundancy(self) -> Mapping[str, RedundancyGroup]:
        """Every pair of PICs by its primary interface."""
        self.traffic.look()
        return MappingProxyType(self._chassis.pairs)

    @property
    def tunnel_redundancy(self) -> Mapping[str, TunnelRedundancy]:
        """Every tunnel with a backup peer by the name of its security association, which is dynamic."""
        return self._keying.tunnel_redundancy

    def start(self) -> None:
        """Bring up the peers, let the PICs boot, and negotiate what is configured as soon as they have."""
        for peer in self._peers:
            peer.start()
        self._keying.start()
        self._chassis.start()

    def check(self, config: DeviceConfig) -> None:
        """Raise ValueError, with a message for a person, for a configuration that the device cannot do."""
        check(config)
        backups(config.interfaces)
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
                self._network.attach(address, self._keying.receive, self._receive_packet)
        self.certificates.configure(config.certificates)
        self._config = config
        self._chassis.configure(config.interfaces)
        self._carry()
        for group in self._chassis.groups.values():
            self._synchronization.fill(group)
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

    def switch_interfaces(self, name: str | None = None) -> tuple[str, ...]:
        """Switch a pair of PICs by hand, named by either of its interfaces, or every pair that can be.

        Returns the primary interface of each that was switched. Raises UnknownInterface; NoBackup where there is no
        pair; BackupOffline where the other PIC is offline. Without a name a pair whose other PIC is offline is left
        alone, and only if that is so of all of them BackupOffline is raised. Nothing is switched or counted then.
        """
        return self._chassis.switch(name)

    def switch_tunnels(self, name: str | None = None) -> tuple[str, ...]:
        """Turn the tunnel of a security association to its other peer by hand, or all that have one.

        Returns the names of those that were. New SAs are negotiated, the old ones are deleted at once. Raises
        UnknownSecurityAssociation; NoBackup for a tunnel with one peer, or without a name if there is no other.
        """
        return self._keying.switch_tunnels(name)

    def set_pic(self, interface: str, command: PicCommand) -> None:
        """Bring a PIC up, take it out of service, or let it fail; what it is already it stays. UnknownInterface."""
        self._chassis.command(interface, command)

    def set_family(self, interface: str, unit: int, enabled: bool) -> None:
        """Take the families of a unit down, or up again where they are configured to be. UnknownInterface."""
        self._chassis.set_unit(interface, unit, is_up=enabled)

    # Packets

    @property
    def protection(self) -> Protection:
        """What packets see of the device."""
        return self._keying.protection

    def send_packet(self, packet: bytes) -> None:
        """Protect a packet that somebody has forwarded to the gateway, by the security association that is for it."""
        name = self.protection.route(packet)
        association = self._find(name) if name is not None else None
        if name is None or association is None or association.plan.ends is None:
            self._unroutable += 1
            return
        sent = self.protection.protect(name, packet)
        if isinstance(sent, Drop):
            if sent.reply is not None:
                self.on_packet(sent.reply)
            return
        ends = association.plan.ends
        for wire in sent:
            self._network.send_packet(ends.local, ends.remote, wire)

    @property
    def dropped_packets(self) -> Mapping[DropReason, int]:
        """How many packets were dropped by reason, whichever PIC had them, or none."""
        self.traffic.look()
        return MappingProxyType(self.protection.processor.drops)

    @property
    def unroutable(self) -> int:
        """How many packets were to leave that no security association is for."""
        return self._unroutable

    def _receive_packet(self, source: Address, destination: Address, wire: bytes) -> None:
        opened = self.protection.open(wire)
        if isinstance(opened, bytes):
            self.on_packet(opened)

    def _find(self, name: str) -> TunnelSa | None:
        return self._keying.security_associations.get(name)

    def _interface_at(self, address: Address) -> str | None:
        """Return the interface whose tunnel ends here at an address: the first of them."""
        for interface in self._config.interfaces:
            if any(unit.tunnel is not None and unit.tunnel.source == address for unit in interface.units):
                return interface.name
        return None

    def _carry(self) -> None:
        """Have keying do as the configuration is carried out now."""
        self._keying.reconfigure(self._carried(self._config))
        self.world.bus.publish(InterfacesChanged(self.world.now))

    def _carried(self, config: DeviceConfig) -> DeviceConfig:
        """Return a configuration as the PICs carry it out, with what a backup destination implies."""
        return replace(config, interfaces=self._chassis.carried(config.interfaces), ike=_watched(config))


def _watched(config: DeviceConfig) -> IkeConfig:
    """Return the IKE policies, with dead peer detection for both peers of every tunnel that has a backup.

    Without it nobody would know when to turn to the other.
    """
    tunnels = [unit.tunnel for interface in config.interfaces for unit in interface.units if unit.tunnel is not None]
    peers = {
        address
        for tunnel in tunnels
        if tunnel.backup_destination is not None
        for address in (tunnel.destination, tunnel.backup_destination)
    }
    if not peers:
        return config.ike
    return IkeConfig(
        tuple(
            replace(policy, dead_peer_detection=policy.dead_peer_detection or DeadPeerDetection())
            if policy.peer_address in peers
            else policy
            for policy in config.ike.policies
        )
    )
