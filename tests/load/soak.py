"""Mixed clients who come, do something and go in every way there is, and what is left of them: nothing.

Device time goes on fast meanwhile, so security associations are rekeyed all the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random

from tests.load.client import LoadClient, Samples, command, connection, metrics, session
from tests.support.served import Served

WORKERS = 6
SETTLING_READS = 1000
TIMERS = 5
"""A few more or less are on their way at any time."""
QUEUED_TIMERS = 'ipsec_agent_queued{queue="timers"}'
SEEING_RUNS = 1000
RED = "urn:ipsec-agent:redundancy"
FILTER = '<filter><ipsec xmlns="urn:ipsec-agent:ipsec"/></filter>'
EDIT = (
    "<edit-config><target><candidate/></target><config>"
    '<system xmlns="urn:ipsec-agent:system"><host-name>soaked</host-name></system></config></edit-config>'
)
SUBSCRIBED = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
PUSH = "urn:ietf:params:xml:ns:yang:ietf-yang-push"
PUSHED = (
    f'<establish-subscription xmlns="{SUBSCRIBED}" xmlns:yp="{PUSH}">'
    '<yp:datastore xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">ds:operational</yp:datastore>'
    '<yp:datastore-subtree-filter><ipsec xmlns="urn:ipsec-agent:ipsec"/></yp:datastore-subtree-filter>{}'
    "</establish-subscription>"
)
PERIODIC = PUSHED.format("<yp:periodic><yp:period>20</yp:period></yp:periodic>")
ON_CHANGE = PUSHED.format("<yp:on-change/>")
EMULATION = "urn:ipsec-agent:emulation"
PIC = "es-1/3/0"


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


async def fail(client: LoadClient, other: LoadClient) -> None:
    """Let a PIC fail, so that the other one takes over, and repair it."""
    for state in ("fault", "online"):
        await client.do(f'<set-pic xmlns="{EMULATION}"><interface>{PIC}</interface><state>{state}</state></set-pic>')


async def be_told(client: LoadClient, other: LoadClient) -> None:
    """Be told of changes as they come."""
    await client.do(ON_CHANGE)
    await client.receive()


async def ask_as_of_a_router(client: LoadClient, other: LoadClient) -> None:
    """Ask in the words of a router's clients."""
    for line in ("show ike security-associations detail", "show ipsec certificates", "show configuration"):
        await client.do(f"<command>{line}</command>")


async def kill(client: LoadClient, other: LoadClient) -> None:
    """End another session."""
    await client.do(f"<kill-session><session-id>{other.session_id}</session-id></kill-session>")


async def break_off(client: LoadClient, other: LoadClient) -> None:
    """Go amid a message."""
    client.send_part(b"<rpc message-id='1' xmlns='urn:ietf:params:xml:ns:netconf:base:1.0'><get>")


Way = Callable[[LoadClient, LoadClient], Awaitable[None]]
WAYS: tuple[Way, ...] = (
    read,
    edit,
    subscribe,
    push,
    switch,
    fail,
    kill,
    be_told,
    ask_as_of_a_router,
    break_off,
)
CALM: tuple[Way, ...] = (read, edit, push, kill, be_told, ask_as_of_a_router, break_off)
"""Those that clear nothing, so that security associations live to be rekeyed."""
PHASE = 500
"""As many clients of all ways are followed by as many calm ones."""


@dataclass
class Soak:
    """Clients in many ways, so many at a time. `go_on` is asked before each."""

    server: Served
    number: int
    done: int = 0
    runs: int = 0

    async def run(self, go_on: Callable[[], bool], ways: Sequence[Way] = ()) -> None:
        """Let clients come as long as it goes on, in some ways, or else in all and the calm ones by turns."""
        self.runs += 1
        randoms = [Random(f"{self.number}/{self.runs}/{worker}") for worker in range(WORKERS)]
        await asyncio.gather(*(self._work(random, go_on, ways) for random in randoms))

    async def _work(self, random: Random, go_on: Callable[[], bool], ways: Sequence[Way]) -> None:
        while go_on():
            way = random.choice(ways or (CALM if self.done // PHASE % 2 else WAYS))
            async with await connection(self.server) as connected:
                client, other = await session(connected), await session(connected)
                await way(client, other)
                if random.random() < 0.5:
                    client.hang_up()
                if random.random() < 0.2:
                    assert "sa-manual" in await command(connected, "show ipsec security-associations")
            self.done += 1
            if random.random() < 0.1:
                _, writer = await asyncio.open_connection(self.server.host, self.server.port)
                writer.close()

    async def seen(self, before: Samples) -> None:
        """Return once everything was seen that has to be: what clients do, and what it comes to, is a matter of chance.

        Who only waits for a rekey lets in none that clears what is to be rekeyed.
        """
        for _ in range(SEEING_RUNS):
            remains = Remains(before, await metrics(self.server))
            if remains.is_everything:
                return
            await self.run(self._once(), CALM if remains.is_disturbed else WAYS)
        raise AssertionError("nothing is rekeyed, switched or killed")

    def _once(self) -> Callable[[], bool]:
        end = self.done + 1
        return lambda: self.done < end

    async def settled(self, before: Samples | None = None) -> Samples:
        """Return the samples once nobody is there any more, and what the device was amid has ended as it had before."""
        for _ in range(SETTLING_READS):
            samples = await metrics(self.server)
            sessions = samples['ipsec_agent_sessions{transport="netconf-ssh"}'] + samples["ipsec_agent_logins_waiting"]
            if not sessions and (before is None or Remains(before, samples).timers <= TIMERS):
                return samples
        raise AssertionError(f"{sessions:.0f} sessions are left over, {samples[QUEUED_TIMERS]:.0f} timers")


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
        """Return how many more calls are arranged for."""
        return self.grown(QUEUED_TIMERS)

    @property
    def subscriptions(self) -> float:
        """Return how many subscriptions are left."""
        return self.after["ipsec_agent_subscriptions"]

    def rekeys(self, kind: str = "ipsec") -> int:
        """Return how many pairs, or IKE SAs, were rekeyed meanwhile."""
        return self._counted(f'ipsec_agent_rekeys_total{{kind="{kind}"}}')

    def switches(self, reason: str) -> int:
        """Return how often one PIC or peer took over from another, since it was asked to ("manual") or on a failure."""
        return self._counted("ipsec_agent_failovers_total{", f'reason="{reason}"')

    def kills(self) -> int:
        """Return how many sessions were killed."""
        return self._counted('ipsec_agent_sessions_ended_total{reason="killed"}')

    @property
    def is_disturbed(self) -> bool:
        """Whether there were switches and kills."""
        return min(self.switches("manual"), self.kills()) > 0

    @property
    def is_everything(self) -> bool:
        """Whether pairs were rekeyed, too."""
        return self.is_disturbed and self.rekeys() > 0

    def _counted(self, *parts: str) -> int:
        """Return by how much counters with all these parts in their names have grown; one that is not there is 0."""
        names = [name for name in self.after if all(part in name for part in parts)]
        return round(sum(self.after[name] - self.before.get(name, 0) for name in names))
