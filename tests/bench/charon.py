"""Full negotiations a second with strongSwan's charon: a device in this process begins with many peers at once.

All the peers are one charon with many addresses, in a network namespace; it works on another processor meanwhile.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, ip_network
from pathlib import Path

from agent.core.config import DeviceConfig, DynamicSa, IkeConfig, SecurityAssociationConfig, TrafficIdentity
from agent.core.device import Device
from agent.core.identifiers import Endpoint
from agent.core.link import Network
from agent.core.world import World
from agent.transport import udp
from agent.transport.driver import Driver
from tests.support import charon
from tests.support.namespaces import Namespace, namespace

DEVICE = IPv4Address("127.0.0.1")
BEHIND_CHARON, ITS_ADDRESS = "10.78.2.0/24", "10.78.2.1/32"
SECONDS = 20


@dataclass(frozen=True)
class Answering:
    """A charon that answers the device on any of its addresses, whatever is behind the device."""

    proposals: str
    esp_proposals: str
    secret: str

    def render(self) -> str:
        """Return it in the syntax of swanctl.conf."""
        return f"""
connections {{ t {{
  version = 1
  unique = never
  local_addrs = 127.0.0.0/8
  remote_addrs = {DEVICE}
  proposals = {self.proposals}
  local {{ auth = psk }}
  remote {{ auth = psk
    id = {DEVICE} }}
  children {{ c {{
    local_ts = {BEHIND_CHARON}
    remote_ts = 0.0.0.0/0
    esp_proposals = {self.esp_proposals} }} }}
}} }}
secrets {{ ike {{ secret = "{self.secret}" }} }}
"""


def peer_addresses(count: int) -> list[IPv4Address]:
    """So many addresses of charon."""
    return [IPv4Address("127.0.1.1") + number for number in range(count)]


def negotiations(answering: Answering, config: DeviceConfig) -> float:
    """How many tunnels of a device a second are negotiated, begun all at once: Main mode, quick mode, installed."""
    with (
        tempfile.TemporaryDirectory() as folder,
        namespace(ITS_ADDRESS) as made,
        charon.charon(Path(folder), made, answering, is_verbose=False),
    ):
        return asyncio.run(_negotiations(made, _towards_charon(config)))


def _towards_charon(config: DeviceConfig) -> DeviceConfig:
    """Return a configuration with charon's ports, and with traffic for which charon can make routes."""
    policies = tuple(
        replace(each, remote_port=charon.PORT, remote_nat_port=charon.NAT_PORT) for each in config.ike.policies
    )
    associations = tuple(_with_traffic(number, each) for number, each in enumerate(config.security_associations))
    return replace(config, ike=IkeConfig(policies), security_associations=associations)


def _with_traffic(number: int, association: SecurityAssociationConfig) -> SecurityAssociationConfig:
    assert isinstance(association.keying, DynamicSa)
    local, remote = TrafficIdentity(ip_network(f"10.100.{number}.0/24")), TrafficIdentity(ip_network(BEHIND_CHARON))
    return replace(association, keying=replace(association.keying, local_identity=local, remote_identity=remote))


async def _negotiations(made: Namespace, config: DeviceConfig) -> float:
    world = World(now=0, seed="bench")
    network = Network(world)
    device = Device(world, network, config, pic_boot_us=0)
    driver = Driver(world, asyncio.get_running_loop())
    sockets = made.within(lambda: udp.bind(DEVICE, 500, 4500))
    carrier = udp.UdpCarrier(sockets, endpoint=Endpoint, deliver=network.receive, before_input=driver.catch_up)
    await carrier.start()
    network.open_outside(carrier.send)
    driver.start()
    try:
        began = time.perf_counter()
        device.start()
        driver.catch_up()
        while any(each.current is None for each in device.security_associations.values()):
            if time.perf_counter() - began > SECONDS:
                raise RuntimeError(f"not all negotiations with charon came to their end in {SECONDS} s")
            await asyncio.sleep(0.002)
        return len(device.security_associations) / (time.perf_counter() - began)
    finally:
        driver.stop()
        carrier.close()
