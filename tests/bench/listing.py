"""A list of 10,000 entries of 12 leaves: written, read, looked up and edited, over SSH, by us and by others.

The limits: OpenSSH's server sending the same bytes for what is read in one, else asyncssh with a canned reply.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench import entries
from tests.bench.netconf_client import NetconfClient
from tests.bench.peers import install_peers, sshd_sending, yuma123
from tests.bench.processes import Server, agent_arguments, serving
from tests.bench.rows import Row, medians

ENTRIES = 10_000
ROUNDS = 5
SECONDS = 0.4
"""How long a rate is measured."""
AT_ONCE = 100
WAITS_OF_OTHERS = 10
"""During how many edits another session is watched."""
OURS = "ipsec-agent"


@dataclass(frozen=True, slots=True)
class Stand:
    """The servers under measurement: ours, the peers by name, and what limits a small and a large reply."""

    ours: Server
    peers: Mapping[str, Server]
    canned: Server
    bulk: Server | None

    @property
    def all(self) -> dict[str, Server]:
        """Ours and the peers."""
        return {OURS: self.ours, **self.peers}


def listing(named: Mapping[str, Server]) -> Iterator[Row]:
    """All rows; `named` are further peers, which have the module."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        root = Path(folder)
        arguments = [*agent_arguments(root / "state"), "--yang", str(entries.MODULE)]
        ours = stack.enter_context(serving(*arguments))
        has_peers = install_peers()
        peers = {"yuma123": stack.enter_context(yuma123(root / "yuma")), **named} if has_peers else dict(named)
        created = _create(ours, peers)
        one = asyncio.run(_once(ours, entries.read_one(ENTRIES // 2)))
        canned = stack.enter_context(serving("-m", "tests.bench.canned", str(len(one))))
        size = len(asyncio.run(_once(ours, entries.read_all())))
        bulk = stack.enter_context(sshd_sending(root / "bulk", size)) if has_peers else None
        stand = Stand(ours, peers, canned, bulk)
        yield created
        yield _read_all(stand, size)
        yield from _look_up(stand)
        yield from _edit_leaf(stand)


def _create(ours: Server, peers: Mapping[str, Server]) -> Row:
    """Create all entries at once. What it costs to take them away is not measured."""

    def measure(name: str, server: Server) -> float:
        asyncio.run(_once(server, entries.remove()))
        return asyncio.run(_seconds(server, entries.create(ENTRIES)))

    figures = medians(_each({OURS: ours, **peers}, measure), ROUNDS)
    return _row(f"create {ENTRIES} entries", "s", figures, target=0.6)


def _read_all(stand: Stand, size: int) -> Row:
    """Read all in one reply."""
    servers = {**stand.all, **({"limit": stand.bulk} if stand.bulk is not None else {})}
    figures = medians(_each(servers, lambda name, server: asyncio.run(_seconds(server, entries.read_all()))), ROUNDS)
    limit = figures.get("limit")
    case = f"get-config of {ENTRIES} entries again, {size / 1e6:.1f} MB"
    return _row(case, "s", figures, target=None if limit is None else 2 * limit)


def _look_up(stand: Stand) -> Iterator[Row]:
    """Look one entry up by its key."""
    for way, operation in (("subtree", entries.read_one), ("XPath", entries.select_one)):
        servers = {**stand.all, "limit": stand.canned}
        figures = medians(_each(servers, _rate_of(_stepping(operation))), ROUNDS)
        yield _row(f"one entry of {ENTRIES} by key, {way}", "1/s", figures, target=0.9 * figures["limit"])


def _edit_leaf(stand: Stand) -> Iterator[Row]:
    """Edit one leaf with all entries present, and see what that costs another session."""
    figures = medians(_each(stand.all, _rate_of(entries.change_leaf)), ROUNDS)
    yield _row(f"one-leaf edit, {ENTRIES} entries present", "1/s", figures, target=10.0)
    waits = medians({OURS: lambda: asyncio.run(_longest_wait(stand.ours))}, ROUNDS)
    yield _row("another session's longest wait meanwhile", "ms", waits, target=20.0)


def _row(case: str, unit: str, figures: Mapping[str, float], target: float | None) -> Row:
    peers = {name: value for name, value in figures.items() if name not in (OURS, "limit")}
    return Row("list", case, unit, figures[OURS], figures.get("limit"), peers, target)


def _each(servers: Mapping[str, Server], measure: Callable[[str, Server], float]) -> dict[str, Callable[[], float]]:
    def measuring(name: str, server: Server) -> Callable[[], float]:
        return lambda: measure(name, server)

    return {name: measuring(name, server) for name, server in servers.items()}


def _stepping(operation: Callable[[int], bytes]) -> Callable[[int], bytes]:
    """Go from entry to entry in steps, so that no two requests in a row are the same."""
    return lambda count: operation(count * 7 % ENTRIES)


def _rate_of(operation: Callable[[int], bytes]) -> Callable[[str, Server], float]:
    return lambda name, server: asyncio.run(rate(server, operation))


async def rate(server: Server, operation: Callable[[int], bytes], at_once: int = 1) -> float:
    """Requests a second on one session, each sent when the one before is answered, or so many at once."""
    client = await NetconfClient.open(server.port, server.login)
    check(await client.exchange(operation(0)))
    began, done = time.perf_counter(), 0
    while (seconds := time.perf_counter() - began) < SECONDS:
        await client.exchange_pieces(operation(done), at_once)
        done += at_once
    await client.close()
    return done / seconds


async def _once(server: Server, operation: bytes) -> bytes:
    client = await NetconfClient.open(server.port, server.login)
    reply = await client.exchange(operation)
    await client.close()
    return check(reply)


async def _seconds(server: Server, operation: bytes) -> float:
    """Seconds for one exchange, over a session that is open."""
    client = await NetconfClient.open(server.port, server.login)
    began = time.perf_counter()
    pieces = await client.exchange_pieces(operation)
    seconds = time.perf_counter() - began
    await client.close()
    check(b"".join(pieces))
    return seconds


async def _longest_wait(server: Server) -> float:
    """The longest that a small request waits, in milliseconds, while another session edits."""
    editor, other = [await NetconfClient.open(server.port, server.login) for _ in range(2)]

    async def edit() -> None:
        for number in range(WAITS_OF_OTHERS):
            check(await editor.exchange(entries.change_leaf(number)))
            await asyncio.sleep(0.02)

    editing = asyncio.create_task(edit())
    longest = 0.0
    while not editing.done():
        began = time.perf_counter()
        await other.exchange_pieces(entries.read_little())
        longest = max(longest, time.perf_counter() - began)
    await editing
    await editor.close()
    await other.close()
    return 1000 * longest


class Refused(Exception):
    """A server does not do what is measured."""


def check(reply: bytes) -> bytes:
    """Return a reply that is none of refusal."""
    if b"<rpc-error" in reply[:2000]:
        raise Refused(f"refused: {reply[:1000]!r}")
    return reply
