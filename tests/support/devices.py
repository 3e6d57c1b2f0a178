"""A device and its peers in one World, as scenarios put them together."""

from ipaddress import ip_address

from agent.core.config import DeviceConfig, IkeConfig, IkePolicy, IkeSettings, Tunnel
from agent.core.device import Device
from agent.core.events import DatagramDropped
from agent.core.identifiers import Address
from agent.core.ike.sa import IkeSa
from agent.core.link import LinkProfile, Network
from agent.core.peer import Peer
from agent.core.world import SECOND, Event, World
from tests.support.gateways import policy

LOCAL = ip_address("4.4.4.5")
NEAR = ip_address("4.4.4.4")
FAR = ip_address("3.3.3.3")


def device_config(
    *policies: IkePolicy, tunnels: tuple[Address, ...] = (NEAR,), addresses: tuple[Address, ...] = (LOCAL,)
) -> DeviceConfig:
    """Return a device's configuration: policies, and the destinations of its tunnels from LOCAL."""
    return DeviceConfig("r1", addresses, IkeConfig(policies), tuple(Tunnel(LOCAL, each) for each in tunnels))


def peer_config(address: Address, *tunnels: Address, name: str = "") -> DeviceConfig:
    """Return a peer's configuration, which has a policy for the device."""
    ike = IkeConfig((policy(LOCAL),))
    return DeviceConfig(name or str(address), (address,), ike, tuple(Tunnel(address, each) for each in tunnels))


class Lab:
    """A device with two peers, and what it has published."""

    def __init__(
        self,
        config: DeviceConfig | None = None,
        *,
        seed: int = 7,
        settings: IkeSettings | None = None,
        near: DeviceConfig | None = None,
    ) -> None:
        self.world = World(now=0, seed=seed)
        self.network = Network(self.world)
        self.near = Peer(self.world, self.network, near or peer_config(NEAR))
        self.far = Peer(self.world, self.network, peer_config(FAR))
        self.device = Device(
            self.world,
            self.network,
            config or device_config(policy(NEAR), policy(FAR)),
            settings,
            peers=(self.near, self.far),
        )
        self.events: list[Event] = []
        self.world.bus.subscribe(self.events.append)

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

    @property
    def story(self) -> list[str]:
        """The names of the events, with the reason where there is one; dropped datagrams left out."""
        told = [event for event in self.events if not isinstance(event, DatagramDropped)]
        return [type(each).__name__ + _reason(each) for each in told]

    def partition(self, address: Address, *, is_partitioned: bool = True) -> None:
        """Cut the device off from a peer, or join them again."""
        profile = LinkProfile(is_partitioned=is_partitioned)
        self.network.set_profile(LOCAL, address, profile)
        self.network.set_profile(address, LOCAL, profile)


def _reason(event: Event) -> str:
    reason = getattr(event, "reason", None)
    return f"({reason.value})" if reason is not None else ""
