"""The devices of a fleet that live in one process, each with its own clock, datastores, sessions and port.

They share what is constant: the schema, the scenario as it was read, the users, the host key. Each has a seed of its
own, which its name gives it: what a device is does not depend on which others live beside it.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from agent.app.files import KeptFiles
from agent.app.gateway import Kept, boot
from agent.app.hosting import Host, shared_registry
from agent.app.limits import ike_settings, session_limits
from agent.app.running import Gateway
from agent.app.scenario import Scenario
from agent.app.settings import ExponentReuse, Limits, ListenAddress
from agent.app.users import Users
from agent.core.crypto.seal import Seal


@dataclass(frozen=True, slots=True)
class Member:
    """A device of a fleet by its name, and where it listens, or is to: port 0 takes a free one."""

    name: str
    address: ListenAddress


@dataclass(frozen=True, slots=True)
class Common:
    """What the devices of a fleet have in common: `host_key` is a file, `folder` has room for the files of each."""

    scenario: Scenario
    users: Users
    seal: Seal
    host_key: Path
    folder: Path
    limits: Limits
    exponents: ExponentReuse


@asynccontextmanager
async def living(
    common: Common,
    members: Sequence[Member],
    on_started: Callable[[Member], object],
    keep_going: Callable[[], bool] = lambda: True,
) -> AsyncIterator[None]:
    """Start devices on the running loop, and end them with the block. AppError, OSError when they cannot begin.

    `on_started` is told of each as it is there; no more are started once `keep_going` says no.
    """
    hosts: list[Host] = []
    try:
        for member in members:
            if not keep_going():
                break
            hosts.append(await _start(common, member))
            gc.collect()
            gc.freeze()  # what is left lives as long as the fleet: no collection need look through it again
            on_started(Member(member.name, hosts[-1].address))
        yield
    finally:
        gc.unfreeze()
        await asyncio.gather(*(host.close() for host in hosts))


async def _start(common: Common, member: Member) -> Host:
    host = Host(_boot(common, member.name), common.users, [common.host_key], common.limits)
    await host.open(member.address.host, member.address.port)
    return host


def _boot(common: Common, name: str) -> Gateway:
    scenario = common.scenario
    own = replace(scenario, seed=f"{scenario.seed} {name}", device=replace(scenario.device, name=name))
    files = common.folder / name
    files.mkdir(mode=0o700)
    return boot(
        own,
        shared_registry(),
        common.seal,
        time.monotonic,
        session_limits(common.limits),
        settings=ike_settings(common.limits, common.exponents, None),
        kept=Kept(files=KeptFiles(files)),
    )
