"""Packets of real hosts, and protected ones to and from real peers: what ``serve --tun`` adds to a gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from agent.app.errors import SettingsError
from agent.app.running import Gateway
from agent.app.scenario import Scenario
from agent.app.settings import IkeAddress
from agent.core.identifiers import Endpoint
from agent.core.ip import udp
from agent.transport.raw_ip import RawIp
from agent.transport.tun import TunCarrier, open_tun


@dataclass(frozen=True, slots=True)
class PacketDoors:
    """What is open to real packets: the interface's descriptor, and the network where real peers take part."""

    descriptor: int
    raw: RawIp | None


def check_pace(scenario: Scenario) -> None:
    """Raise SettingsError for a scenario whose time real packets cannot keep."""
    if scenario.time_scale != 1:
        pace = f"time scale {scenario.time_scale:g}" if scenario.time_scale else "steps"
        raise SettingsError(f"--tun needs time scale 1, because real hosts live at wall speed: this is {pace}")


@contextmanager
def opened(name: str | None, ike: IkeAddress | None) -> Iterator[PacketDoors | None]:
    """Open the interface, if there is to be one; what is carried by it closes it. OSError when it cannot be had."""
    if name is None:
        yield None
        return
    raw = RawIp(ike.address) if ike is not None else None
    try:
        yield PacketDoors(open_tun(name), raw)
    finally:
        if raw is not None:
            raw.close()


def carry(gateway: Gateway, doors: PacketDoors, bring_up_to_now: Callable[[], object]) -> TunCarrier:
    """Have the device take packets from the interface and give those to it that arrive, in the loop that runs.

    It is the device that the gateway is at the time, whatever scenario it was loaded from.
    """
    tun = TunCarrier(
        doors.descriptor,
        deliver=lambda packet: gateway.device.send_packet(packet),
        before_input=bring_up_to_now,
    )

    def follow() -> None:
        gateway.device.on_packet = tun.send
        gateway.world.fix_pace()
        if doors.raw is not None:
            gateway.network.open_outside_for_packets(doors.raw.send)

    follow()
    gateway.when_replaced(follow)
    tun.start()
    if doors.raw is not None:
        doors.raw.on_too_long = lambda packet, mtu: gateway.device.protection.note_too_long(packet, mtu)
        doors.raw.start(lambda *packet: gateway.network.receive_packet(*packet), bring_up_to_now)
    return tun


def receive_encapsulated(gateway: Gateway, source: Endpoint, destination: Endpoint, payload: bytes) -> None:
    """Take ESP that came within UDP (RFC 3948)."""
    gateway.network.receive_packet(source.address, destination.address, udp.encode(source, destination, payload))
