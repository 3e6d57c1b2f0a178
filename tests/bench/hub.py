"""The shipped scenario of many tunnels from one hub, with other lifetimes than it says.

``python -m tests.bench.hub TUNNELS [REKEYS]`` serves it, without a clock, or with so many rekeys in each second: then
an IPsec SA lives for an hour, and an IKE SA for a day.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from agent.app.configuration_file import ConfigurationFile
from agent.app.gateway import boot, load_registry
from agent.app.hosting import Host
from agent.app.running import Gateway
from agent.app.scenario import Scenario, load_scenario
from agent.app.scenario.run import seal_of
from agent.app.settings import Limits
from agent.app.state import StateDirectory
from agent.app.users import choose_users
from agent.core.world import SECOND

SCENARIO = "ten-thousand-tunnels"
IKE_LIFETIME = IPSEC_LIFETIME = 28_800
HOUR, DAY = 3_600, 86_400
SOFT_SHARE = 0.8
"""Of its lifetime a pair lives until it is rekeyed."""


def hub(tunnels: int, ike_lifetime: int = IKE_LIFETIME, ipsec_lifetime: int = IPSEC_LIFETIME) -> Scenario:
    """Return the scenario with so many tunnels; lifetimes in seconds."""
    scenario = load_scenario(SCENARIO, alike=tunnels)

    def changed(files: Sequence[ConfigurationFile]) -> tuple[ConfigurationFile, ...]:
        return tuple(replace(file, xml=_with_lifetimes(file.xml, ike_lifetime, ipsec_lifetime)) for file in files)

    device = replace(scenario.device, configuration=changed(scenario.device.configuration))
    peers = {files: changed(files) for files in {peer.configuration for peer in scenario.peers}}
    return replace(
        scenario,
        device=device,
        peers=tuple(replace(peer, configuration=peers[peer.configuration]) for peer in scenario.peers),
    )


def _with_lifetimes(xml: bytes, ike: int, ipsec: int) -> bytes:
    before, name, after = xml.partition(b"<ipsec ")
    return _with_lifetime(before, ike) + name + _with_lifetime(after, ipsec)


def _with_lifetime(xml: bytes, seconds: int) -> bytes:
    start, end = b"<lifetime-seconds>", b"</lifetime-seconds>"
    before, mark, rest = xml.partition(start)
    return before + start + str(seconds).encode() + end + rest.partition(end)[2] if mark else xml


def stagger(gateway: Gateway, tunnels: int, lifetime: int = IPSEC_LIFETIME) -> int:
    """Have the pairs of all tunnels begin one after the other, a soft lifetime in all, which is returned in seconds."""
    soft_us = round(lifetime * SOFT_SHARE * SECOND)
    for number in range(tunnels):
        at = gateway.now + number * soft_us // tunnels
        gateway.world.call_at(at, partial(gateway.device.clear_ipsec_sas, f"sa-{number + 1}"))
    gateway.advance(gateway.now + soft_us)
    return soft_us // SECOND


async def serve(gateway: Gateway, folder: Path) -> None:
    """Serve until ended."""
    users = choose_users(None, {"admin": "admin"}, (), ())
    with StateDirectory.open(folder) as state:
        host = Host(gateway, users, state.host_keys(), Limits())
    await host.open("127.0.0.1", 0)
    print(f"ready ssh {host.address}", flush=True)
    await asyncio.Event().wait()


def main() -> None:
    """Serve what the arguments say."""
    tunnels, rekeys = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    scenario = hub(tunnels, DAY, HOUR) if rekeys else hub(tunnels)
    gateway = boot(scenario, load_registry(), seal_of(scenario), time.monotonic)
    factor = stagger(gateway, tunnels, HOUR) * rekeys / tunnels if rekeys else 0.0
    gateway.world.set_factor(factor)
    gc.freeze()  # as the program does
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(serve(gateway, Path(folder) / "state"))


if __name__ == "__main__":
    main()
