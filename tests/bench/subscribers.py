"""A hundred subscribers to YANG push over SSH while many SAs a second rekey: how late each is told.

The gateway negotiates for real, both ends in its process, at as many times wall speed as that takes. Each subscriber
follows, on change, how often every security association was rekeyed. A notification is late by what it came later,
after the event it tells of, than the promptest of all; so a device that does not keep up with its clock makes all that
follows late. The subscribers are a process of their own.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

import asyncssh

from tests.bench.netconf_client import ADMIN, HELLO, NetconfClient, request
from tests.bench.processes import Server, serving
from tests.bench.rows import Row

TUNNELS = 1_000
REKEYS = 200
ALL_REKEYS = 1_000
"""A second of wall time."""
SUBSCRIBERS = 100
SECONDS = 5.0
SETTLE_SECONDS = 2.0
TARGET_SECONDS = 1.0
SUBSCRIBE = b"""<establish-subscription xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
 xmlns:yp="urn:ietf:params:xml:ns:yang:ietf-yang-push" xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">
<yp:datastore>ds:operational</yp:datastore><yp:datastore-subtree-filter><ipsec xmlns="urn:ipsec-agent:ipsec">
<security-association><name/><rekeys/></security-association></ipsec></yp:datastore-subtree-filter>
<yp:on-change><yp:sync-on-start>false</yp:sync-on-start></yp:on-change></establish-subscription>"""
CLOCK = b'<get><filter type="subtree"><emulation xmlns="urn:ipsec-agent:emulation"><time/></emulation></filter></get>'
_TOLD = re.compile(rb"<eventTime>([^<]+)</eventTime>|(<edit>)")
_NOW = re.compile(rb"<now>([^<]+)</now>")
_SCALE = re.compile(rb"<scale>([^<]+)</scale>")
_LONGEST_MARK = 64


@dataclass(frozen=True, slots=True)
class Followed:
    """What the subscribers were told while it was measured.

    `late` is by how many seconds of wall time the latest was late, `edits` how many came in all, `pace` how fast device
    time went, as a share of what it is to be.
    """

    late: float
    edits: int
    pace: float


def subscribers(rekeys: int = REKEYS, count: int = SUBSCRIBERS) -> Iterator[Row]:
    """All rows of one measurement."""
    with (
        serving("-m", "tests.bench.hub", str(TUNNELS), str(rekeys)) as server,
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as elsewhere,
    ):
        alone = _share_of_a_core(server)
        followed = elsewhere.submit(_follow, server, count).result()
    if not followed.edits:
        raise RuntimeError("nobody was told of anything")
    case = f"{rekeys} rekeys a second, {count} subscribers"
    yield Row("subscribers", f"{case}: latest notification", "s", followed.late, target=TARGET_SECONDS)
    yield Row("subscribers", f"{case}: edits told", "1/s", followed.edits / SECONDS, rekeys * count)
    yield Row("subscribers", f"{case}: pace of the device", "1", followed.pace, 1.0, target=0.95)
    yield Row("subscribers", f"{rekeys} rekeys a second alone: of a core", "1", alone)


def _share_of_a_core(server: Server) -> float:
    before, began = server.cpu_seconds, time.perf_counter()
    time.sleep(SETTLE_SECONDS)
    return (server.cpu_seconds - before) / (time.perf_counter() - began)


def _follow(server: Server, count: int) -> Followed:
    return asyncio.run(_following(server, count))


async def _following(server: Server, count: int) -> Followed:
    connections = [await _connect(server) for _ in range(count)]
    sessions = [session for _, session in connections]
    asker = await NetconfClient.open(server.port)
    await asyncio.sleep(SETTLE_SECONDS)
    scale = float(_SCALE.findall(await asker.exchange(CLOCK))[0])
    for session in sessions:
        session.told, session.edits = [], 0
    began_at, began = await _device_seconds(asker), time.perf_counter()
    await asyncio.sleep(SECONDS)
    ended_at, ended = await _device_seconds(asker), time.perf_counter()
    waits = [came_at - at / scale for session in sessions for at, came_at in session.told]
    edits = sum(session.edits for session in sessions)
    for connection, _ in connections:
        connection.abort()
    late = max(waits) - min(waits) if waits else 0.0
    return Followed(late, edits, (ended_at - began_at) / (ended - began) / scale)


async def _device_seconds(asker: NetconfClient) -> float:
    return _seconds(_NOW.findall(await asker.exchange(CLOCK))[0])


def _seconds(text: bytes) -> float:
    return datetime.fromisoformat(text.decode()).timestamp()


@dataclass(slots=True, eq=False)
class _Subscriber(asyncssh.SSHClientSession[bytes]):
    """Notes of each notification what time it tells of, and when it came, both in seconds."""

    told: list[tuple[float, float]] = field(default_factory=list)
    edits: int = 0
    tail: bytes = b""

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Look for notifications; what is looked for may be in two pieces."""
        now = time.perf_counter()
        seen, end = self.tail + data, 0
        for found in _TOLD.finditer(seen):
            end = found.end()
            if found[1]:
                self.told.append((_seconds(found[1]), now))
            else:
                self.edits += 1
        self.tail = seen[max(end, len(seen) - _LONGEST_MARK) :]


async def _connect(server: Server) -> tuple[asyncssh.SSHClientConnection, _Subscriber]:
    connection = await asyncssh.connect(
        ADMIN.host,
        server.port,
        username=ADMIN.user,
        password=ADMIN.password,
        known_hosts=None,
        config=None,
        client_keys=None,
        agent_path=None,
    )
    session = _Subscriber()
    channel, _ = await connection.create_session(lambda: session, subsystem="netconf", encoding=None)
    channel.write(HELLO + request(1, SUBSCRIBE))
    return connection, session
