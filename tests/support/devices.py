"""A device and its peers in one World, as scenarios put them together."""

from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address, ip_network

from agent.core.config import (
    DeviceConfig,
    DynamicSa,
    EncryptionAlgorithm,
    EsInterface,
    IkeConfig,
    IkePolicy,
    IkeSettings,
    InterfaceFamily,
    IpsecAuthentication,
    IpsecPolicy,
    IpsecProposal,
    IpsecProtocol,
    SaMode,
    SecurityAssociationConfig,
    TrafficIdentity,
    Unit,
    UnitTunnel,
)
from agent.core.device import Device
from agent.core.events import DatagramDropped, InterfaceSwitched, PicStateChanged
from agent.core.identifiers import Address, Endpoint
from agent.core.ike.sa import IkeSa
from agent.core.keying import TunnelSa
from agent.core.keying.pair import SaPair
from agent.core.link import LinkProfile, Network
from agent.core.peer import Peer
from agent.core.world import SECOND, Event, World
from tests.support.gateways import UNTOLD, Datagram, policy

LOCAL = ip_address("4.4.4.5")
NEAR = ip_address("4.4.4.4")
FAR = ip_address("3.3.3.3")
PicEvent = PicStateChanged | InterfaceSwitched

ESP = IpsecProposal(
    name="3des-md5",
    protocol=IpsecProtocol.ESP,
    authentication_algorithm=IpsecAuthentication.HMAC_MD5_96,
    encryption_algorithm=EncryptionAlgorithm.TRIPLE_DES_CBC,
    lifetime_seconds=28800,
)
IPSEC_POLICY = IpsecPolicy("policy", (ESP,))


def traffic_of(address: Address) -> TrafficIdentity:
    """Return the traffic behind a gateway: a network of its own."""
    return TrafficIdentity(ip_network((f"10.{address.packed[-1]}.0.0", 16)))


def dynamic_sa(
    source: Address,
    destination: Address,
    *,
    name: str | None = None,
    ipsec: IpsecPolicy = IPSEC_POLICY,
    replay_window_size: int = 0,
) -> SecurityAssociationConfig:
    """Return a negotiated security association for the traffic between the networks behind two gateways."""
    keying = DynamicSa(ipsec, replay_window_size, traffic_of(source), traffic_of(destination))
    return SecurityAssociationConfig(name or f"to-{destination}", SaMode.TUNNEL, keying)


def unit(number: int, sa_name: str | None, source: Address, destination: Address, *, enabled: bool = True) -> Unit:
    """Return a unit with a tunnel, whose IPv4 a security association protects."""
    return Unit(number, InterfaceFamily(enabled, sa_name), None, UnitTunnel(source, destination))


def gateway_config(
    name: str,
    address: Address,
    policies: Sequence[IkePolicy],
    destinations: Sequence[Address],
    *,
    addresses: tuple[Address, ...] | None = None,
    ipsec: IpsecPolicy = IPSEC_POLICY,
) -> DeviceConfig:
    """Return a gateway with a negotiated tunnel to each destination, at a unit of its own."""
    associations = tuple(dynamic_sa(address, each, ipsec=ipsec) for each in destinations)
    units = tuple(
        unit(number, association.name, address, each)
        for number, (association, each) in enumerate(zip(associations, destinations, strict=True))
    )
    interfaces = (EsInterface("es-1/3/0", units=units),) if units else ()
    own = (address,) if addresses is None else addresses
    return DeviceConfig(name, own, IkeConfig(tuple(policies)), associations, interfaces)


def device_config(
    *policies: IkePolicy,
    tunnels: tuple[Address, ...] = (NEAR,),
    addresses: tuple[Address, ...] = (LOCAL,),
    ipsec: IpsecPolicy = IPSEC_POLICY,
) -> DeviceConfig:
    """Return a device's configuration: policies, and the destinations of its negotiated tunnels from LOCAL."""
    return gateway_config("r1", LOCAL, policies, tunnels, addresses=addresses, ipsec=ipsec)


def peer_config(address: Address, *, name: str = "", ipsec: IpsecPolicy = IPSEC_POLICY) -> DeviceConfig:
    """Return the configuration of a peer, which has a policy for the device and the other end of its tunnel."""
    return gateway_config(name or str(address), address, (policy(LOCAL),), (LOCAL,), ipsec=ipsec)


def disabled(config: DeviceConfig, number: int = 0) -> DeviceConfig:
    """Return a configuration in which the families of one unit of the first interface are not enabled."""
    first, *others = config.interfaces
    units = tuple(
        replace(each, inet=replace(each.inet, enabled=False)) if each.id == number and each.inet is not None else each
        for each in first.units
    )
    return replace(config, interfaces=(replace(first, units=units), *others))


class RecordingNetwork(Network):
    """A network that writes down what is sent."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.sent: list[Datagram] = []

    def send(self, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
        """Write a datagram down and send it on its way."""
        self.sent.append(Datagram(source, destination, payload))
        super().send(source, destination, payload)


class Lab:
    """A device with two peers, and what it has published: of its PICs, which are ready at once, apart."""

    def __init__(
        self,
        config: DeviceConfig | None = None,
        *,
        seed: int = 7,
        settings: IkeSettings | None = None,
        near: DeviceConfig | None = None,
        far: DeviceConfig | None = None,
        near_initiates: bool = False,
        pic_boot_us: int = 0,
    ) -> None:
        self.world = World(now=0, seed=seed)
        self.network = RecordingNetwork(self.world)
        near = near or peer_config(NEAR)
        self.near = Peer(self.world, self.network, near, settings, initiates=near_initiates)
        self.far = Peer(self.world, self.network, far or peer_config(FAR), settings)
        self.device = Device(
            self.world,
            self.network,
            config or device_config(policy(NEAR), policy(FAR)),
            settings,
            peers=(self.near, self.far),
            pic_boot_us=pic_boot_us,
        )
        self.events: list[Event] = []
        self.pic_events: list[PicEvent] = []
        self.world.bus.subscribe(self._on_event)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, PicEvent):
            self.pic_events.append(event)
        elif not isinstance(event, UNTOLD):
            self.events.append(event)

    def start(self, *, seconds: float = 1) -> "Lab":
        """Start the device and let some time pass."""
        self.device.start()
        return self.run(seconds=seconds)

    def run(self, *, seconds: float) -> "Lab":
        """Let time pass."""
        self.world.advance(self.world.now + int(seconds * SECOND))
        return self

    @property
    def sas(self) -> list[IkeSa]:
        """The device's IKE SAs."""
        return list(self.device.ike_sas.values())

    @property
    def matured(self) -> list[IkeSa]:
        """The device's established IKE SAs."""
        return [sa for sa in self.sas if sa.is_matured]

    def association(self, peer: Address = NEAR) -> TunnelSa:
        """Return the device's security association with a peer."""
        return self.device.security_associations[f"to-{peer}"]

    def opposite(self, peer: Address = NEAR) -> TunnelSa:
        """Return a peer's security association with the device."""
        return self.device.peers[peer].security_associations[f"to-{LOCAL}"]

    @property
    def ike_events(self) -> list[Event]:
        """The events about IKE SAs and peers."""
        return [each for each in self._told if not type(each).__name__.startswith("Ipsec")]

    @property
    def ipsec_events(self) -> list[Event]:
        """The events about IPsec SAs."""
        return [each for each in self._told if type(each).__name__.startswith("Ipsec")]

    @property
    def story(self) -> list[str]:
        """The names of the events, with the reason where there is one; dropped datagrams left out."""
        return [_name(each) for each in self._told]

    @property
    def ike_story(self) -> list[str]:
        """The part of the story that is about IKE SAs and peers."""
        return [_name(each) for each in self.ike_events]

    @property
    def ipsec_story(self) -> list[str]:
        """The part of the story that is about IPsec SAs."""
        return [_name(each) for each in self.ipsec_events]

    @property
    def _told(self) -> list[Event]:
        return [event for event in self.events if not isinstance(event, DatagramDropped)]

    @property
    def trace(self) -> list[str]:
        """What was sent: the address of the peer, an arrow as from or to the device, and the exchange."""
        return [
            f"> {each.destination.address} {each.label}"
            if each.source.address == LOCAL
            else f"< {each.source.address} {each.label}"
            for each in self.network.sent
        ]

    def partition(self, address: Address, *, is_partitioned: bool = True) -> None:
        """Cut the device off from a peer, or join them again."""
        self.set_link(address, LinkProfile(is_partitioned=is_partitioned))

    def set_link(self, address: Address, profile: LinkProfile) -> None:
        """Set how both directions between the device and a peer fare from now on."""
        self.network.set_profile(LOCAL, address, profile)
        self.network.set_profile(address, LOCAL, profile)


def _name(event: Event) -> str:
    reason = getattr(event, "reason", None) or getattr(event, "lifetime", None)
    return type(event).__name__ + (f"({reason.value})" if reason is not None else "")


def lab_of(ipsec: IpsecPolicy, *, near_initiates: bool = False) -> Lab:
    """Return a lab in which both ends of the near tunnel have an IPsec policy."""
    config, near = device_config(policy(NEAR), ipsec=ipsec), peer_config(NEAR, ipsec=ipsec)
    return Lab(config, near=near, near_initiates=near_initiates)


def is_mirrored(lab: Lab) -> bool:
    """Whether both ends of the near tunnel have the same pairs, at least one, with the same keys."""
    ours = [(spis(each), each.inbound.keys, each.outbound.keys) for each in lab.association().pairs]
    theirs = [(spis(each)[::-1], each.outbound.keys, each.inbound.keys) for each in lab.opposite().pairs]
    return bool(ours) and ours == theirs


def installed(lab: Lab) -> tuple[int, int]:
    """Return how many SAs are installed at the device and at the near peer."""
    return lab.device.sad.installed, lab.near.sad.installed


def spis(pair: SaPair) -> tuple[int, int]:
    """Return the inbound and the outbound SPI of a pair."""
    return pair.inbound.spi, pair.outbound.spi
