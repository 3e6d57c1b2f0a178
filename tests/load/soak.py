"""Mixed clients who come, do something and go in every way there is, and what is left of them: nothing.

Device time goes on fast meanwhile, so security associations are rekeyed all the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from tests.load.client import LoadClient, Samples, connection, metrics, session
from tests.support.served import Served

WORKERS = 6
SETTLING_READS = 200
RED = "urn:ipsec-agent:redundancy"
FILTER = '<filter><ipsec xmlns="urn:ipsec-agent:ipsec"/></filter>'
EDIT = (
    "<edit-config><target><candidate/></target><config>"
    '<system xmlns="urn:ipsec-agent:system"><host-name>soaked</host-name></system></config></edit-config>'
)
SUBSCRIBED = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
PUSH = "urn:ietf:params:xml:ns:yang:ietf-yang-push"
PERIODIC = (
    f'<establish-subscription xmlns="{SUBSCRIBED}" xmlns:yp="{PUSH}">'
    '<yp:datastore xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">ds:operational</yp:datastore>'
    f'<yp:datastore-subtree-filter><ipsec xmlns="urn:ipsec-agent:ipsec"/></yp:datastore-subtree-filter>'
    "<yp:periodic><yp:period>20</yp:period></yp:periodic></establish-subscription>"
)


async def read(client: LoadClient, other: LoadClient) -> None:
    """Read, and take leave."""
    for operation in (f"<get>{FILTER}</get>", "<get-config><source><running/></source></get-config>"):
        await client.do(operation)
    await client.do("<close-session/>")


async def edit(client: LoadClient, other: LoadClient) -> None:
    """Edit the candidate under a lock, if nobody else has it, and think better of it."""
    if b"<ok/>" in await client.ask("<lock><target><candidate/></target></lock>"):
        await client.do(EDIT)
        await client.do("<discard-changes/>")


async def subscribe(client: LoadClient, other: LoadClient) -> None:
    """Be told of what another one brings about."""
    await client.do('<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"/>')
    await other.do('<clear-ipsec-security-associations xmlns="urn:ipsec-agent:ipsec"/>')
    await client.receive()


async def push(client: LoadClient, other: LoadClient) -> None:
    """Be sent updates, and go without a word."""
    await client.do(PERIODIC)
    await client.receive()


async def switch(client: LoadClient, other: LoadClient) -> None:
    """Switch PICs and peers, and clear what was negotiated; a PIC that boots may refuse."""
    for operation in ("switch-interface", "switch-tunnel"):
        await client.ask(f'<{operation} xmlns="{RED}"/>')
    await client.do('<clear-ike-security-associations xmlns="urn:ipsec-agent:ike"/>')


async def kill(client: LoadClient, other: LoadClient) -> None:
    """End another session."""
    await client.do(f"<kill-session><session-id>{other.session_id}</session-id></kill-session>")


async def break_off(client: LoadClient, other: LoadClient) -> None:
    """Go amid a message."""
    client.send_part(b"<rpc message-id='1' xmlns='urn:ietf:params:xml:ns:netconf:base:1.0'><get>")


WAYS: tuple[Callable[[LoadClient, LoadClient], Awaitable[None]], ...] = (
    read,
    edit,
    subscribe,
    push,
    switch,
    kill,
    break_off,
)
CALM = (read, edit, push, kill, break_off)
"""Those that clear nothing, so that security associations live to be rekeyed."""
PHASE = 500
"""As many clients of all ways are followed by as many calm ones."""


@dataclass
class Soak:
    """Clients in many ways, so many at a time. `go_on` is asked before each."""

    server: Served
    number: int
    done: int = 0

    async def run(self, go_on: Callable[[], bool]) -> None:
        """Let clients come as long as it goes on."""
        await asyncio.gather(*(self._work(Random(f"{self.number}/{worker}"), go_on) for worker in range(WORKERS)))

    async def _work(self, random: Random, go_on: Callable[[], bool]) -> None:
        while go_on():
            way = random.choice(CALM if self.done // PHASE % 2 else WAYS)
            async with await connection(self.server) as connected:
                client, other = await session(connected), await session(connected)
                await way(client, other)
                if random.random() < 0.5:
                    client.hang_up()
            self.done += 1
            if random.random() < 0.1:
                _, writer = await asyncio.open_connection(self.server.host, self.server.port)
                writer.close()

    async def rekeyed(self, before: Samples) -> None:
        """Return once a pair was rekeyed: clients may have cleared each before it was time to."""
        for _ in range(SETTLING_READS):
            if Remains(before, await metrics(self.server)).rekeys():
                return
            await self.run(self._once())
        raise AssertionError("nothing is rekeyed")

    def _once(self) -> Callable[[], bool]:
        end = self.done + 1
        return lambda: self.done < end

    async def settled(self) -> Samples:
        """Return the samples once nobody is there any more."""
        for _ in range(SETTLING_READS):
            samples = await metrics(self.server)
            if not samples['ipsec_agent_sessions{transport="netconf-ssh"}'] + samples["ipsec_agent_logins_waiting"]:
                return samples
        raise AssertionError("sessions are left over")


@dataclass(frozen=True)
class Remains:
    """What a soak has left behind, in the server's own figures before and after."""

    before: Samples
    after: Samples

    def grown(self, name: str) -> float:
        """Return by how much a figure has grown."""
        return self.after[name] - self.before[name]

    @property
    def memory(self) -> float:
        """Return by how many octets the server has grown."""
        return self.grown("process_resident_memory_bytes")

    @property
    def descriptors(self) -> float:
        """Return how many files more are open."""
        return self.grown("process_open_fds")

    @property
    def tasks(self) -> float:
        """Return how many tasks more there are."""
        return self.grown('ipsec_agent_queued{queue="tasks"}')

    @property
    def timers(self) -> float:
        """Return how many more calls are arranged for; a few more or less are on their way at any time."""
        return self.grown('ipsec_agent_queued{queue="timers"}')

    @property
    def subscriptions(self) -> float:
        """Return how many subscriptions are left."""
        return self.after["ipsec_agent_subscriptions"]

    def rekeys(self) -> float:
        """Return how many pairs were rekeyed meanwhile."""
        name = 'ipsec_agent_rekeys_total{kind="ipsec"}'
        return self.after.get(name, 0) - self.before.get(name, 0)
