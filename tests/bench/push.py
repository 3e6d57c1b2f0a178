"""A hundred subscribers to YANG push over SSH while many SAs a second rekey: how late each is told.

The gateway negotiates for real, both ends in its process, at as many times wall speed as that takes. Each subscriber
follows, on change, how often every security association was rekeyed. What an update tells of has happened since the
update before, so that much earlier it is late at most; early is what the promptest of all subscribers has, so that a
device which does not keep up with its clock makes all that follows late. The subscribers are a process of their own.
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

from tests.bench.netconf_client import HELLO, NetconfClient, connect, request
from tests.bench.processes import Server, serving
from tests.bench.rows import Row

TUNNELS = 1_000
REKEYS = 1_000
"""A second of wall time."""
SUBSCRIBERS = 100
SECONDS = 5.0
SETTLE_SECONDS = 2.0
TARGET_SECONDS = 1.0
LEAST_PACE = 0.95
SUBSCRIBE = b"""<establish-subscription xmlns="urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
 xmlns:yp="urn:ietf:params:xml:ns:yang:ietf-yang-push" xmlns:ds="urn:ietf:params:xml:ns:yang:ietf-datastores">
<yp:datastore>ds:operational</yp:datastore><yp:datastore-subtree-filter><ipsec xmlns="urn:ipsec-agent:ipsec">
<security-association><name/><rekeys/></security-association></ipsec></yp:datastore-subtree-filter>
<yp:on-change><yp:sync-on-start>false</yp:sync-on-start></yp:on-change></establish-subscription>"""
CLOCK = b'<get><filter type="subtree"><emulation xmlns="urn:ipsec-agent:emulation"><time/></emulation></filter></get>'
_GRANTED = b"</rpc-reply>"
_EDIT = b"<edit>"
_EVENT_TIME = re.compile(rb"<eventTime>([^<]+)</eventTime>")
_NOW = re.compile(rb"<now>([^<]+)</now>")
_SCALE = re.compile(rb"<scale>([^<]+)</scale>")
_LONGEST_MARK = 64


@dataclass(frozen=True, slots=True)
class Followed:
    """What the subscribers were told while it was measured.

    `late` is by how many seconds of wall time the latest was late, `edits` and `updates` how many came in all, `pace`
    how fast device time went, as a share of what it is to be.
    """

    late: float
    edits: int
    updates: int
    pace: float


def push(rekeys: int = REKEYS, count: int = SUBSCRIBERS) -> Iterator[Row]:
    """All rows of one measurement."""
    with (
        serving("-m", "tests.bench.hub", str(TUNNELS), str(rekeys)) as server,
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as elsewhere,
    ):
        alone = _share_of_a_core(server)
        followed = elsewhere.submit(_follow, server, count).result()
    case = f"{rekeys} rekeys a second, {count} subscribers on change"
    yield Row("push", f"{case}: latest told", "s", followed.late, target=TARGET_SECONDS)
    yield Row("push", f"{case}: edits told", "1/s", followed.edits / SECONDS, rekeys * count)
    yield Row("push", f"{case}: updates sent", "1/s", followed.updates / SECONDS)
    yield Row("push", f"{case}: pace of the device", "1", followed.pace, 1.0, target=LEAST_PACE)
    yield Row("push", f"{rekeys} rekeys a second without subscribers, share of a core", "1", alone)


def _share_of_a_core(server: Server) -> float:
    before, began = server.cpu_seconds, time.perf_counter()
    time.sleep(SETTLE_SECONDS)
    return (server.cpu_seconds - before) / (time.perf_counter() - began)


def _follow(server: Server, count: int) -> Followed:
    return asyncio.run(_following(server, count))


async def _following(server: Server, count: int) -> Followed:
    subscribed = [await _subscribe(server) for _ in range(count)]
    sessions = [session for _, session in subscribed]
    asker = await NetconfClient.open(server.port)
    scale = float(_SCALE.findall(await asker.exchange(CLOCK))[0])
    await asyncio.sleep(SETTLE_SECONDS)
    for session in sessions:
        session.told, session.edits = session.told[-1:], 0
    began_at, began = await _device_seconds(asker), time.perf_counter()
    await asyncio.sleep(SECONDS)
    ended_at, ended = await _device_seconds(asker), time.perf_counter()
    edits, updates = sum(session.edits for session in sessions), sum(len(session.told) - 1 for session in sessions)
    for connection, _ in subscribed:
        connection.abort()
    if not edits or not all(session.told for session in sessions):
        raise RuntimeError("somebody was told of nothing")
    prompt = min(min(session.lags(scale)) for session in sessions)
    late = max(max(session.waits(scale, ended)) for session in sessions) - prompt
    return Followed(late, edits, updates, (ended_at - began_at) / (ended - began) / scale)


async def _device_seconds(asker: NetconfClient) -> float:
    return _seconds(_NOW.findall(await asker.exchange(CLOCK))[0])


def _seconds(text: bytes) -> float:
    return datetime.fromisoformat(text.decode()).timestamp()


@dataclass(slots=True, eq=False)
class _Subscriber(asyncssh.SSHClientSession[bytes]):
    """Notes of each update what time it tells of, and when it came, in seconds of wall time."""

    told: list[tuple[bytes, float]] = field(default_factory=list)
    edits: int = 0
    tail: bytes = b""
    granted: asyncio.Event = field(default_factory=asyncio.Event)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Look for updates; what is looked for may be in two pieces."""
        now = time.perf_counter()
        seen, end = self.tail + data, 0
        for found in _EVENT_TIME.finditer(seen):
            self.told.append((found[1], now))
            end = found.end()
        self.edits += seen.count(_EDIT)
        if not self.granted.is_set() and _GRANTED in seen:
            self.granted.set()
        end = max(end, seen.rfind(_EDIT) + len(_EDIT), len(seen) - _LONGEST_MARK)
        self.tail = seen[end:]

    def lags(self, scale: float) -> Iterator[float]:
        """Iterate over how long after its time each update came, give or take what is the same for all."""
        return (came_at - _seconds(at) / scale for at, came_at in self.told)

    def waits(self, scale: float, ended: float) -> Iterator[float]:
        """Iterate over how long, at most, each update tells of what happened before, and the one to come, likewise."""
        coming = [came_at for _, came_at in self.told[1:]] + [ended]
        return (came_at - _seconds(at) / scale for (at, _), came_at in zip(self.told, coming, strict=True))


async def _subscribe(server: Server) -> tuple[asyncssh.SSHClientConnection, _Subscriber]:
    connection = await connect(server.port)
    session = _Subscriber()
    channel, _ = await connection.create_session(lambda: session, subsystem="netconf", encoding=None)
    channel.write(HELLO + request(1, SUBSCRIBE))
    await session.granted.wait()
    return connection, session
