"""The processes of a fleet: one event loop a core, and one process that leads them and speaks for all.

They are forked once everything constant has been read, and before there is a thread or a loop: so they have the schema
in common, in memory too, and none of them reads it again. Invariant: no process outlives the one that leads. Each has a
channel to it; whichever end is closed, by whatever death, the other one sees.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from time import monotonic
from typing import Final

from agent.app.errors import AppError
from agent.app.fleet_members import Common, Member, living
from agent.app.operating import logged
from agent.app.settings import ListenAddress, LogSettings

END_SECONDS: Final = 10.0
"""How long processes have to end that were told to."""
ENDING: Final = (signal.SIGINT, signal.SIGTERM)
"""What ends a fleet."""


class ProcessLost(AppError):
    """A process of the fleet has ended by itself, and its devices with it."""


@dataclass(frozen=True, slots=True)
class Worker:
    """A process, the devices that live in it, and our end of its channel."""

    process: ForkProcess
    members: Sequence[Member]
    channel: Connection


@dataclass(frozen=True, slots=True)
class _Gone:
    """Nothing more comes from a process."""

    worker: Worker


_News = Member | AppError | OSError | _Gone
"""What a channel says: a device is there, no device can be, or nothing any more."""


def dealt(members: Sequence[Member], processes: int) -> Sequence[Sequence[Member]]:
    """Return what each process has: neighbours live apart, as a few devices of many are often the first few."""
    return [members[number::processes] for number in range(min(processes, len(members)))]


@contextmanager
def forked(common: Common, shares: Sequence[Sequence[Member]], log: LogSettings) -> Iterator[Sequence[Worker]]:
    """Start a process for each share of the devices; when the block ends, all of them have ended.

    Nothing but the calling thread may run yet.
    """
    context, workers = get_context("fork"), list[Worker]()
    gc.collect()
    gc.freeze()  # a collection that looks through it would give every process a copy of its own
    try:
        for share in shares:
            ours, theirs = context.Pipe()
            others = [*(worker.channel for worker in workers), ours]
            process = context.Process(target=_live, args=(common, share, log, theirs, others))
            process.start()
            theirs.close()
            workers.append(Worker(process, share, ours))
        yield workers
    finally:
        _end(workers)


def _end(workers: Sequence[Worker]) -> None:
    """Have every process end, and wait until it has."""
    for worker in workers:
        worker.channel.close()
    end = monotonic() + END_SECONDS
    for worker in workers:
        worker.process.join(max(0.0, end - monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()


class Overseer:
    """Follows processes on the running loop until a signal ends the fleet, or one of them has ended it."""

    def __init__(self, workers: Sequence[Worker]) -> None:
        """Follow them from now on."""
        self._workers = workers
        self._news: asyncio.Queue[_News | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        for number in ENDING:
            loop.add_signal_handler(number, self._news.put_nowait, None)
        for worker in workers:
            loop.add_reader(worker.channel.fileno(), self._read, worker)

    def _read(self, worker: Worker) -> None:
        try:
            self._news.put_nowait(worker.channel.recv())
        except (EOFError, OSError):
            asyncio.get_running_loop().remove_reader(worker.channel.fileno())
            self._news.put_nowait(_Gone(worker))

    async def started(self, on_started: Callable[[Member], object]) -> Mapping[str, ListenAddress] | None:
        """Return where every device listens, by its name, once all are there; None when the fleet is to end.

        ProcessLost when a process has ended; AppError, OSError when a device cannot be.
        """
        expected, found = sum(len(worker.members) for worker in self._workers), dict[str, ListenAddress]()
        while len(found) < expected:
            member = await self._next()
            if member is None:
                return None
            found[member.name] = member.address
            on_started(member)
        return found

    async def ended(self) -> None:
        """Return when the fleet is to end. ProcessLost when a process has ended instead."""
        while await self._next() is not None:
            pass

    async def _next(self) -> Member | None:
        news = await self._news.get()
        if isinstance(news, _Gone):
            raise ProcessLost(_obituary(news.worker))
        if isinstance(news, Exception):
            raise news
        return news


def _obituary(worker: Worker) -> str:
    process, members = worker.process, worker.members
    process.join(END_SECONDS)
    code = process.exitcode
    how = f"was ended by {signal.Signals(-code).name}" if code is not None and code < 0 else f"ended with {code}"
    gone = members[0].name
    if len(members) > 1:
        gone = f"{len(members)} devices from {gone} to {members[-1].name}"
    return f"process {process.pid} of the fleet {how}; gone with it: {gone}"


# In a process of its own


def _live(
    common: Common, members: Sequence[Member], log: LogSettings, channel: Connection, others: Sequence[Connection]
) -> None:
    """Be a process of the fleet: `channel` leads to the one that leads, `others` are ends that are not ours."""
    for other in others:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the process that leads hears of it, and tells us
    try:
        with logged(log):
            asyncio.run(_serve(common, members, channel))
    except (AppError, OSError) as error:
        with suppress(OSError):
            channel.send(error)
        sys.exit(1)


async def _serve(common: Common, members: Sequence[Member], channel: Connection) -> None:
    """Serve until the channel is closed at its other end, over which nothing else is ever said."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_reader(channel.fileno(), stopped.set)

    def tell(member: Member) -> None:
        with suppress(BrokenPipeError):  # nobody leads any more, and the loop will see it
            channel.send(member)

    async with living(common, members, tell, lambda: not stopped.is_set()):
        await stopped.wait()
        loop.remove_reader(channel.fileno())
