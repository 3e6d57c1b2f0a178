"""Memory of an SA: a mature dynamic pair with its IKE SA and the standby PIC's mirror, in bytes of Python objects.

Each tunnel leads to an address of its own, so that each has an IKE SA; a few gateways have those addresses. What the
configuration takes is there before and is not counted. The peer's end is what is left free when it forgets everything.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from agent.core.config import (
    AuthenticationMethod,
    DeviceConfig,
    DhGroup,
    DynamicSa,
    EncryptionAlgorithm,
    EsInterface,
    ExchangeMode,
    HashAlgorithm,
    IkeConfig,
    IkePolicy,
    IkeProposal,
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
from agent.core.identifiers import Address
from agent.core.link import Network
from agent.core.peer import Peer
from agent.core.world import SECOND, World
from tests.bench.rows import Row

SAS = 400
ALL_SAS = 100_000
FEW_SAS = 10
OF_ONE_GATEWAY = 50
TARGET = 8
MATURED_US = 200 * SECOND
"""By then no message of phase 1 or 2 can come again."""
HUB = ip_address("192.0.2.1")
FIRST_SPOKE = ip_address("10.0.0.1")
FIRST_NET = ip_address("11.0.0.0")
HUBS_NET = TrafficIdentity(ip_network("172.16.0.0/16"))
PROPOSAL = IkeProposal(
    "ike",
    AuthenticationMethod.PRE_SHARED_KEYS,
    HashAlgorithm.SHA1,
    EncryptionAlgorithm.TRIPLE_DES_CBC,
    DhGroup.GROUP1,
    86_400,
)
POLICY = IpsecPolicy(
    "ipsec",
    (
        IpsecProposal(
            "ipsec",
            IpsecProtocol.ESP,
            IpsecAuthentication.HMAC_SHA1_96,
            EncryptionAlgorithm.TRIPLE_DES_CBC,
            lifetime_seconds=28_800,
        ),
    ),
)


def memory(sas: int = SAS) -> Iterator[Row]:
    """What one SA takes at the device, and at the other end."""
    measure(FEW_SAS)  # what is made once in a process, such as tables of the cryptography, belongs to no SA
    at_device, at_peer = measure(sas)
    case = f"an SA of {sas}, with its IKE SA and its mirror"
    yield Row("memory", case, "kB", at_device / sas / 1e3, peers={"the peer's end": at_peer / sas / 1e3}, target=TARGET)


def measure(sas: int) -> tuple[int, int]:
    """Return how many bytes so many SAs take at the device, and at the other ends."""
    hub, spokes = configurations(sas)
    world = World(now=0, seed="memory")
    network = Network(world)
    settings = IkeSettings(half_open_limit=sas, half_open_limit_per_peer=sas)
    peers = [Peer(world, network, config, settings) for config in spokes]
    device = Device(world, network, hub, settings, peers)
    world.advance(60 * SECOND)
    for peer in peers:
        peer.start()
    before = traced()
    device.start()
    world.advance(world.now + MATURED_US)
    require_mature(device, sas)
    both = traced()
    for peer in peers:
        peer.reboot(3600)
    drop_cancelled(world)
    without_peers = traced()
    tracemalloc.stop()
    return without_peers - before, both - without_peers


def drop_cancelled(world: World) -> None:
    """Have the timers dropped that were cancelled: that happens once they are the larger half."""
    for timer in [world.call_later(SECOND, lambda: None) for _ in range(world.scheduled + 100)]:
        timer.cancel()


def configurations(sas: int) -> tuple[DeviceConfig, list[DeviceConfig]]:
    """Return the configuration of the device, and those of gateways that are the other ends of its tunnels."""
    ends = [(number, HUB, FIRST_SPOKE + number) for number in range(sas)]
    hub = DeviceConfig("hub", (HUB,), *_configured(ends, [spoke for _, _, spoke in ends], is_hub=True))
    swapped = [(number, spoke, hub) for number, hub, spoke in ends]
    return hub, [_spokes(swapped[first : first + OF_ONE_GATEWAY]) for first in range(0, sas, OF_ONE_GATEWAY)]


def _spokes(ends: list[tuple[int, Address, Address]]) -> DeviceConfig:
    addresses = tuple(local for _, local, _ in ends)
    return DeviceConfig(str(addresses[0]), addresses, *_configured(ends, [HUB], is_hub=False))


def _configured(
    ends: list[tuple[int, Address, Address]], peers: list[Address], *, is_hub: bool
) -> tuple[IkeConfig, tuple[SecurityAssociationConfig, ...], tuple[EsInterface, ...]]:
    policies = tuple(IkePolicy(peer, ExchangeMode.MAIN, (PROPOSAL,), b"a secret") for peer in peers)
    nets = [TrafficIdentity(ip_network((int(FIRST_NET) + 4 * number, 30))) for number, _, _ in ends]
    associations = tuple(
        SecurityAssociationConfig(
            f"sa-{number}", SaMode.TUNNEL, DynamicSa(POLICY, 64, *((HUBS_NET, net) if is_hub else (net, HUBS_NET)))
        )
        for (number, _, _), net in zip(ends, nets, strict=True)
    )
    units = tuple(
        Unit(number, InterfaceFamily(ipsec_sa=f"sa-{number}"), tunnel=UnitTunnel(local, remote))
        for number, local, remote in ends
    )
    primary = EsInterface("es-0/0/0", backup_interface="es-0/1/0", units=units)
    return IkeConfig(policies), associations, (primary, EsInterface("es-0/1/0"))


def require_mature(device: Device, sas: int) -> None:
    """RuntimeError unless there is what is measured."""
    matured = sum(sa.is_matured and not sa.is_settling for sa in device.ike_sas.values())
    mirrored = sum(len(group.mirror.copies) for group in device.interface_redundancy.values())
    if not (matured == mirrored == device.sad.installed // 2 == sas):
        raise RuntimeError(f"not what is measured: {matured} IKE SAs, {device.sad.installed} SAs, {mirrored} mirrored")


def traced() -> int:
    """The bytes of all objects that were made since the first call and are still there."""
    if not tracemalloc.is_tracing():
        tracemalloc.start()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]
