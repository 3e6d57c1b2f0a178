"""A gateway in this process, in a namespace, between a network and hosts behind it: real sockets, a TUN interface."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path

from agent.app.real_packets import PacketDoors
from agent.transport import udp
from agent.transport.raw_ip import RawIp
from agent.transport.tun import open_tun
from tests.support.live_gateway import LiveGateway, live_gateway
from tests.support.namespaces import Namespace
from tests.support.real_tunnel import RealTunnel

TUN = "tun0"
HOST_HERE, HOST_THERE = "10.78.1.1", "10.78.2.1"
"""Of the networks at both ends of a tunnel."""


def begin(
    stack: ExitStack, here: Namespace, folder: Path, tunnel: RealTunnel, explain: Callable[[], str]
) -> LiveGateway:
    """Start the gateway until the stack is closed; it begins to negotiate. `explain` is as LiveGateway's."""
    address = ip_address(tunnel.local)
    sockets = here.within(lambda: udp.bind(address, 500, 4500))
    doors = here.within(lambda: PacketDoors(open_tun(TUN), RawIp(address)))
    assert doors.raw is not None
    stack.callback(doors.raw.close)
    here.ip("address", "add", f"{HOST_HERE}/32", "dev", TUN)
    here.ip("route", "add", "10.78.2.0/24", "dev", TUN, "src", HOST_HERE)
    gateway = stack.enter_context(live_gateway(tunnel.write(folder), sockets, explain, doors))
    gateway.leap_to_negotiation()
    return gateway
