"""The gateway itself: events of its scheduler, a day of many tunnels, and what a security association takes of memory.

A day is measured with fewer tunnels than ten thousand, and reckoned for as many: each does the same as every other.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Iterable, Iterator
from functools import partial
from types import BuiltinFunctionType, FunctionType, ModuleType

from agent.app.gateway import boot, load_registry
from agent.app.running import Gateway
from agent.app.scenario import load_scenario
from agent.core.crypto.seal import KEY_OCTETS, Seal
from agent.core.world import SECOND, World
from agent.datastore.registry import Registry
from tests.bench.rows import Row, medians

ROUNDS = 3
TIMERS = 1_000
EVENTS = 200_000
TUNNELS = 200
ALL_TUNNELS = 10_000
DAY = 24 * 3600 * SECOND
SCENARIO = "ten-thousand-tunnels"


def emulation() -> Iterator[Row]:
    """All rows."""
    figures = medians({"scheduler": scheduler_events}, ROUNDS)
    yield Row("emulation", "scheduler events", "1/s", figures["scheduler"], target=200_000.0)
    registry = load_registry()
    few, many = (_tunnels(registry, count) for count in (TUNNELS, 2 * TUNNELS))
    of_device, of_peer = (_end_bytes(many, end) - _end_bytes(few, end) for end in ("device", "peers"))
    yield Row(
        "emulation",
        "memory of a mature pair with its IKE SA",
        "kB",
        of_device / TUNNELS / 1024,
        peers={"the peer's end": of_peer / TUNNELS / 1024},
        target=8.0,
    )
    del few
    gc.collect()
    began = time.process_time()
    many.world.advance(many.world.now + DAY)
    seconds = (time.process_time() - began) * ALL_TUNNELS / (2 * TUNNELS)
    yield Row("emulation", f"a day of {ALL_TUNNELS} tunnels, reckoned from {2 * TUNNELS}", "s", seconds, target=600.0)


def scheduler_events() -> float:
    """Events a second of timers that are set anew whenever they are due."""
    world = World(now=0, seed="bench")
    left = EVENTS

    def tick(period: int) -> None:
        nonlocal left
        left -= 1
        if left > 0:
            world.call_later(period, partial(tick, period))

    for number in range(TIMERS):
        world.call_later(number, partial(tick, 1000 + number))
    began = time.perf_counter()
    while left > 0:
        world.advance(world.now + SECOND)
    return EVENTS / (time.perf_counter() - began)


def _tunnels(registry: Registry, count: int) -> Gateway:
    """A device with so many tunnels, all of them up."""
    gateway = boot(load_scenario(SCENARIO, alike=count), registry, Seal(bytes(KEY_OCTETS)), lambda: 0.0)
    up = sum(len(each.pairs) for each in gateway.device.security_associations.values())
    if up < count:
        raise RuntimeError(f"{up} of {count} tunnels are up")
    return gateway


def _end_bytes(gateway: Gateway, end: str) -> int:
    """What the security associations at one end take, with all that only they have."""
    device = gateway.device
    shared = [gateway.world, gateway.network, gateway.server, device.world.bus, device.config]
    peers = list(device._peers)
    if end == "peers":
        return deep_bytes(peers, [*shared, device, *(peer.config for peer in peers)])
    return deep_bytes([device], [*shared, *peers])


def deep_bytes(roots: Iterable[object], but: Iterable[object]) -> int:
    """The size of all that can be reached from some objects, but for others and what only these lead to."""
    seen = {id(each) for each in but}
    todo = list(roots)
    total = 0
    while todo:
        each = todo.pop()
        if id(each) in seen or isinstance(each, (type, ModuleType, FunctionType, BuiltinFunctionType)):
            continue
        seen.add(id(each))
        total += sys.getsizeof(each)
        todo.extend(gc.get_referents(each))
    return total
