"""A gateway of the product in this process, with real sockets and at wall speed, that lives only while a test waits.

What a real peer does cannot be stepped through, so a test says what must come about, and waits for it so long at most.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from agent.app.gateway import boot
from agent.app.real_packets import PacketDoors, carry
from agent.app.real_peers import SystemEntropy, connect, ike_settings
from agent.app.running import Gateway
from agent.app.scenario import load_scenario
from agent.core.crypto.seal import KEY_OCTETS, Seal
from agent.core.device import Device
from agent.core.identifiers import Endpoint
from agent.core.ike.sa import IkeSa
from agent.core.keying import TunnelSa
from agent.core.world import Event
from agent.transport.driver import Driver
from agent.transport.tun import TunCarrier
from agent.transport.udp import UdpCarrier, UdpSockets
from tests.support.chapter import registry

SECONDS = 30
"""How long anything may take that real peers do at once."""

E = TypeVar("E", bound=Event)
T = TypeVar("T")


class LiveGateway:
    """A booted gateway on bound sockets. `explain` tells, when something does not come about, what the peer saw.

    `doors` are what is open to packets of real hosts, if anything is.
    """

    def __init__(
        self,
        scenario: Path,
        sockets: UdpSockets,
        explain: Callable[[], str],
        doors: PacketDoors | None = None,
        exponent_uses: int = 1,
    ) -> None:
        self._loop = asyncio.new_event_loop()
        self._explain = explain
        self.events: list[Event] = []
        seal = Seal(bytes(KEY_OCTETS))
        self.gateway: Gateway = boot(
            load_scenario(str(scenario)),
            registry(),
            seal,
            self._loop.time,
            entropy=SystemEntropy(),
            settings=replace(ike_settings(sockets), exponent_uses=exponent_uses),
        )
        self.device.world.bus.subscribe(self.events.append)
        self._driver = Driver(self.gateway.world, self._loop)
        self.carrier: UdpCarrier[Endpoint] = self._loop.run_until_complete(
            connect(self.gateway, sockets, self._driver.catch_up)
        )
        self.tun = self._loop.run_until_complete(self._carry(doors)) if doors is not None else None
        self._driver.start()

    async def _carry(self, doors: PacketDoors) -> TunCarrier:
        return carry(self.gateway, doors, self._driver.catch_up)

    @property
    def device(self) -> Device:
        """The device."""
        return self.gateway.device

    @property
    def matured(self) -> list[IkeSa]:
        """The established IKE SAs, the oldest first."""
        return [sa for sa in self.device.ike_sas.values() if sa.is_matured]

    @property
    def tunnel(self) -> TunnelSa:
        """The security association of the tunnel."""
        return self.device.security_associations["real"]

    def until(self, condition: Callable[[], object], claim: str, seconds: float = SECONDS) -> None:
        """Live until a condition holds; fail with what should have come about, and what the peer saw instead."""

        async def wait() -> bool:
            deadline = self._loop.time() + seconds
            while not condition():
                if self._loop.time() > deadline:
                    return False
                await asyncio.sleep(0.01)
            return True

        came_about = self._loop.run_until_complete(wait())
        assert came_about, f"not in {seconds} s: {claim}\n{self.events}\n{self._explain()}"

    def live(self, seconds: float) -> None:
        """Live for a while, in which something must not happen."""
        self._loop.run_until_complete(asyncio.sleep(seconds))

    def during(self, command: Sequence[str]) -> tuple[int, str]:
        """Live while a command runs, and return its exit code and what it said."""

        async def run() -> tuple[int, str]:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            output, _ = await asyncio.wait_for(process.communicate(), 2 * SECONDS)
            assert process.returncode is not None
            return process.returncode, output.decode(errors="replace")

        return self._loop.run_until_complete(run())

    def amid(
        self, command: Sequence[str], condition: Callable[[], object], event: Sequence[str] | Callable[[], object]
    ) -> str:
        """Live while a command runs, and have something happen, or another command run, once a condition holds.

        Return what the first said, which must end well.
        """

        async def happen() -> None:
            while not condition():
                await asyncio.sleep(0.005)
            if callable(event):
                event()
                return
            process = await asyncio.create_subprocess_exec(
                *event, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
            )
            assert await process.wait() == 0

        async def run() -> str:
            process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            await asyncio.wait_for(happen(), 2 * SECONDS)
            output, _ = await asyncio.wait_for(process.communicate(), 2 * SECONDS)
            assert process.returncode == 0
            return output.decode()

        return self._loop.run_until_complete(run())

    def do(self, action: Callable[[Device], T]) -> T:
        """Do something to the device, as a request of a client would."""
        self._driver.catch_up()
        return action(self.device)

    def leap(self, to: int) -> None:
        """Move device time, in microseconds, to an instant at which something is due; the peer's does not move."""
        self.do(lambda device: device.world.advance(to))

    def leap_on(self, by: int) -> None:
        """Move device time on by so many microseconds."""
        self.leap(self.device.world.now + by)

    def leap_to_negotiation(self) -> None:
        """Move device time to where the device begins to negotiate: its PICs take a while to boot."""
        while not self.device.ike_sas:
            deadline = self.gateway.world.next_deadline()
            assert deadline is not None, "nothing is ever negotiated"
            self.leap(deadline)

    def seen(self, kind: type[E]) -> list[E]:
        """Return the events of a kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def close(self) -> None:
        """End it."""
        self._driver.stop()
        self.carrier.close()
        if self.tun is not None:
            self.tun.close()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


@contextmanager
def live_gateway(
    scenario: Path,
    sockets: UdpSockets,
    explain: Callable[[], str],
    doors: PacketDoors | None = None,
    exponent_uses: int = 1,
) -> Iterator[LiveGateway]:
    """Boot a gateway on bound sockets, and end it with the block."""
    gateway = LiveGateway(scenario, sockets, explain, doors, exponent_uses)
    try:
        yield gateway
    finally:
        gateway.close()
