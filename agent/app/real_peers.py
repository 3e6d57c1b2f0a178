"""IKE with peers that are not emulated: what ``serve --ike`` adds to a gateway.

Real peers live at wall speed and must not be able to foretell what the device draws, so device time keeps to the wall
clock and entropy is the operating system's: such a run cannot be repeated.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from agent.app.errors import SettingsError
from agent.app.real_packets import receive_encapsulated
from agent.app.running import Gateway
from agent.app.scenario import Scenario
from agent.app.settings import IkeAddress
from agent.core.config import IkeSettings
from agent.core.identifiers import Endpoint
from agent.transport import udp


class SystemEntropy:
    """Octets that nobody can foretell."""

    def draw(self, name: str, count: int) -> bytes:
        """Return octets of the operating system, whatever the stream."""
        return secrets.token_bytes(count)


def check_scenario(ike: IkeAddress, scenario: Scenario) -> None:
    """Raise SettingsError for a scenario that cannot be served to real peers at an address."""
    if scenario.time_scale != 1:
        pace = f"time scale {scenario.time_scale:g}" if scenario.time_scale else "steps"
        raise SettingsError(f"--ike needs time scale 1, because real peers live at wall speed: this is {pace}")
    if any(ike.address in peer.addresses for peer in scenario.peers):
        raise SettingsError(f"--ike {ike.address}: the scenario emulates a remote gateway with this address")


@contextmanager
def bound(ike: IkeAddress | None) -> Iterator[udp.UdpSockets | None]:
    """Hold both ports, if there are to be any. OSError when they cannot be had."""
    if ike is None:
        yield None
        return
    sockets = udp.bind(ike.address, ike.port, ike.nat_port)
    try:
        yield sockets
    finally:
        sockets.close()


def ike_settings(sockets: udp.UdpSockets) -> IkeSettings:
    """Return how the device's engine behaves that is reached by these sockets.

    It takes no chances: strongSwan, for one, drops the IPsec SAs with the IKE SA that they were negotiated under.
    """
    return IkeSettings(local_port=sockets.port, local_nat_port=sockets.nat_port, pairs_end_with_ike_sa=True)


async def connect(
    gateway: Gateway, sockets: udp.UdpSockets, bring_up_to_now: Callable[[], object]
) -> udp.UdpCarrier[Endpoint]:
    """Open the way between the gateway's network and the real one."""
    carrier = udp.UdpCarrier(
        sockets,
        endpoint=Endpoint,
        deliver=gateway.network.receive,
        before_input=bring_up_to_now,
        deliver_esp=partial(receive_encapsulated, gateway),
    )
    await carrier.start()
    gateway.network.open_outside(carrier.send)
    gateway.world.fix_pace()
    if sockets.address not in gateway.device.config.local_addresses:
        hint = f"no tunnel of the device has the source {sockets.address}: real peers are not heard until one has"
        print(f"ipsec-agent: --ike: {hint}", file=sys.stderr, flush=True)
    return carrier
