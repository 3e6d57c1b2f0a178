"""A PIC fails and its backup takes ten thousand SAs over: how long that takes, and how long the device is held.

Device time does not move meanwhile: not one packet finds no PIC. The limit is to go through the SAs once, and to copy
what packets change in each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from ipaddress import ip_address
from statistics import median

from agent.core.config import (
    DeviceConfig,
    EsInterface,
    IkeConfig,
    InterfaceFamily,
    IpsecAuthentication,
    IpsecProtocol,
    ManualAuthentication,
    ManualDirection,
    ManualKeys,
    ManualSa,
    SaMode,
    SecurityAssociationConfig,
    Unit,
    UnitTunnel,
)
from agent.core.device import Device
from agent.core.ipsec.sa import IpsecSa
from agent.core.link import Network
from agent.core.pic import PicCommand
from agent.core.world import SECOND, World
from tests.bench.rows import Row

TUNNELS = 5_000
ROUNDS = 7
MOST_MS = 1_000.0
LOCAL, REMOTE = ip_address("192.0.2.1"), ip_address("198.51.100.1")
ONE, OTHER = "es-0/0/0", "es-0/1/0"


def failover() -> Iterator[Row]:
    """Fail the PIC that is active, again and again."""
    world = World(now=0, seed=1)
    device = Device(world, Network(world), configuration(), pic_boot_us=0)
    device.start()
    world.advance(SECOND)
    sas = [sa for association in device.security_associations.values() for sa in association.sas.values()]
    held, copied = [], []
    began_at = world.now
    for number in range(ROUNDS):
        active = (ONE, OTHER)[number % 2]
        for sa in sas:
            sa.sequence += 1
        held.append(_ms(partial(device.set_pic, active, PicCommand.FAULT)))
        copied.append(_ms(partial(_copy, sas)))
        assert device.interface_redundancy[ONE].failure_counter == number + 1
        device.set_pic(active, PicCommand.ONLINE)
    case = f"{len(sas)} SAs"
    yield Row("failover", f"{case}, time of the device", "ms", (world.now - began_at) / 1000, target=0.0)
    yield Row("failover", f"{case}, real time", "ms", median(held), median(copied), target=MOST_MS)


def configuration() -> DeviceConfig:
    """Return manual tunnels at the units of a PIC that has a backup."""
    authentication = ManualAuthentication(IpsecAuthentication.HMAC_MD5_96, b"0123456789abcdef")
    associations, units = list[SecurityAssociationConfig](), list[Unit]()
    for number in range(TUNNELS):
        name = f"sa-{number}"
        keys = ManualKeys(ManualDirection.BIDIRECTIONAL, IpsecProtocol.ESP, 1000 + number, None, authentication, None)
        associations.append(SecurityAssociationConfig(name, SaMode.TUNNEL, ManualSa((keys,))))
        units.append(Unit(number, InterfaceFamily(True, name), None, UnitTunnel(LOCAL, REMOTE)))
    interfaces = EsInterface(ONE, backup_interface=OTHER, units=tuple(units)), EsInterface(OTHER)
    return DeviceConfig("bench", (LOCAL,), IkeConfig(()), tuple(associations), interfaces)


def _copy(sas: Iterable[IpsecSa]) -> None:
    for sa in sas:
        sa.restore(sa.state)


def _ms(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1000
