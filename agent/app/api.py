"""A device in a test's own process: started by a `with` or an `async with` block, on a port of its own, and held.

In a `with` block the device lives in a thread of its own, so that a client may wait for it in the test's thread. In an
`async with` block it lives on the loop that runs already, and a client that blocks belongs into another thread. What is
called is the same either way, and may be called from any thread; in the loop's own, time is moved there and then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Final, Literal

from agent.app.hands import Given, Link, Peer, Pic, do, look
from agent.app.life import LOOPBACK, Life, Plan, living
from agent.app.loop_thread import LoopThread
from agent.app.scenario.happenings import known_events
from agent.app.scenario.plan import EventMatch
from agent.app.settings import parse_time_scale
from agent.app.witness import Event, Request, Search, moment
from agent.core.world import SECOND

ANY: Final[Mapping[str, str]] = MappingProxyType({})
HOUR: Final = 3600
MINUTE: Final = 60
DAY: Final = 86_400
LOOK_EVERY: Final = MINUTE * SECOND


class NotSeen(AssertionError):
    """What a test expects has not come about in time; the message says what has, instead."""


class Device:
    """An emulated IPsec gateway that NETCONF clients can log in to, and the hand of the test that holds it.

    The users are those of the scenario, with one made-up password for all of them. Nothing of it outlives its block,
    but for a journal that was asked for.
    """

    def __init__(
        self,
        scenario: str | Path = "demo",
        *,
        time_scale: float | Literal["step"] = "step",
        seed: int | str | None = None,
        alike: int | None = None,
        host: str = LOOPBACK,
        port: int = 0,
        journal: str | Path | None = None,
    ) -> None:
        """Say what it is to be; it begins with its block.

        `scenario` is the name of a shipped one, or a file. `time_scale` is in device seconds to a second, or 'step':
        device time moves only when it is told to. `seed` is what chance begins with, `alike` how many there are of
        those that are alike; without, as the scenario says. `port` 0 takes a free one. `journal` is the file in which
        everything is written down that happens. ValueError for a pace that there is not.
        """
        self._plan = Plan(
            scenario=str(scenario),
            time_scale=parse_time_scale(str(time_scale)),
            seed=None if seed is None else str(seed),
            alike=alike,
            host=host,
            port=port,
            journal=None if journal is None else Path(journal),
        )
        self._thread: LoopThread | None = None
        self._living: AbstractAsyncContextManager[Life] | None = None
        self._life: Life | None = None

    def __enter__(self) -> Device:
        """Start it in a thread of its own. AppError when the scenario cannot be, OSError for an address in use."""
        self._require_rest()
        thread = LoopThread("ipsec-agent")
        try:
            thread.run(self.__aenter__())
            self._thread = thread
        finally:
            if self._thread is None:
                thread.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it, and every session with it."""
        if self._thread is not None:
            self._thread.run(self.__aexit__(None, None, None))
            self._thread.close()
            self._thread = None

    async def __aenter__(self) -> Device:
        """Start it on the loop that runs. AppError when the scenario cannot be, OSError for an address in use."""
        self._require_rest()
        self._living = living(self._plan)
        self._life = await self._living.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End it, and every session with it."""
        self._life = None
        if self._living is not None:
            await self._living.__aexit__(None, None, None)

    def __repr__(self) -> str:
        where = "not running" if self._life is None else self._life.address
        return f"<agent.Device {self._plan.scenario}, {where}>"

    def _require_rest(self) -> None:
        if self._life is not None:
            raise RuntimeError("the device is running already: another one is another agent.Device")

    @property
    def _running(self) -> Life:
        if self._life is None:
            raise RuntimeError("the device runs within its block: with agent.Device() as device")
        return self._life

    # Where it is, and who may log in.

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return self._running.address.host

    @property
    def port(self) -> int:
        """The TCP port of NETCONF over SSH, and of the prompt."""
        return self._running.address.port

    @property
    def user(self) -> str:
        """The first user of the scenario, who may do everything in the shipped ones."""
        return self._running.users[0]

    @property
    def password(self) -> str:
        """The password of every user, made up when it started."""
        return self._running.password

    @property
    def host_key(self) -> str:
        """Its SSH host key, as a line of OpenSSH."""
        return self._running.host_key

    def netconf(self, user: str | None = None, **options: object) -> Any:  # noqa: ANN401  (ncclient has no types)
        """Log in with ncclient and return its Manager; `options` are those of `ncclient.manager.connect`.

        ncclient blocks: within `async with`, call this, and what it returns, in another thread.
        """
        from ncclient import manager

        if self._running.bridge.is_here:
            raise RuntimeError("ncclient blocks the loop that the device lives on: await asyncio.to_thread(…) instead")
        login = {"host": self.host, "port": self.port, "username": user or self.user, "password": self.password}
        quiet = {"hostkey_verify": False, "look_for_keys": False, "allow_agent": False}
        return manager.connect(**{**login, **quiet, **options})

    # Time.

    @property
    def now(self) -> datetime:
        """Device time, in UTC."""
        life = self._running
        return moment(life.call(lambda: life.host.gateway.now))

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
        """Move device time forward, at full speed, and return when it is there. ValueError for a step back."""
        life = self._running
        life.advance(self._after(_microseconds(days, hours, minutes, seconds)))
        return self.now

    def advance_to_next_timer(self) -> datetime:
        """Move device time to the next thing that happens, and return when it has; at once when nothing will."""
        life, deadline = self._running, self._next_deadline()
        if deadline is not None:
            life.advance(deadline)
        return self.now

    def set_time_scale(self, time_scale: float | Literal["step"]) -> None:
        """Set the pace of device time, in device seconds to a second, or 'step'."""
        self.do("set-time-scale", factor=0 if time_scale == "step" else time_scale)

    # What goes wrong.

    def peer(self, address: str) -> Peer:
        """Take hold of a remote gateway. What is done to one that there is not is Refused."""
        return Peer(address, self.do, self.values)

    def link(self, source: str, destination: str, *, one_way: bool = False) -> Link:
        """Take hold of the path between two addresses."""
        return Link(source, destination, one_way, self.do)

    def pic(self, interface: str) -> Pic:
        """Take hold of a PIC, by the name of its interface. What is done to one that there is not is Refused."""
        return Pic(interface, self.do)

    def inject(
        self,
        kind: str,
        *,
        operation: str | None = None,
        user: str | None = None,
        count: int | None = None,
        probability: float = 1.0,
        seconds: float = 1.0,
        error_tag: str = "operation-failed",
    ) -> int:
        """Have requests of clients go wrong, and return the id of the fault.

        `kind` is one of delay, error, close, truncate, malformed, wrong-message-id, slow-reply. It strikes the requests
        of an operation and of a user (None: of any), `count` times (None: without end). `seconds`, of the wall clock,
        belong to delay and slow-reply, `error_tag` to error.
        """
        rule: dict[str, Given] = {"operation": operation, "user": user, "count": count, "probability": probability}
        return int(self.do("inject-fault", kind=kind, **rule, seconds=seconds, error_tag=error_tag)["id"])

    def clear_faults(self, id: int | None = None) -> None:
        """Take one fault back, or all."""
        self.do("clear-faults", id=id)

    def do(self, rpc: str, **leaves: Given) -> Mapping[str, str]:
        """Carry out any RPC of ipsec-agent-emulation that does not move time, and return the leaves of its answer.

        An underscore in the name of a leaf stands for a hyphen. Refused for what cannot be.
        """
        life = self._running
        return life.call(partial(do, life.host.gateway, rpc, leaves))

    # What has happened.

    @property
    def events(self) -> tuple[Event, ...]:
        """Everything that has happened since the device began to boot."""
        life = self._running
        return life.call(lambda: tuple(life.witness.events))

    @property
    def requests(self) -> tuple[Request, ...]:
        """What clients have sent, as it came, and what came of it."""
        life = self._running
        return life.call(lambda: tuple(life.witness.requests))

    @property
    def journal(self) -> Path:
        """The file in which everything is written down: lines of JSON that `scenario run --replay` can repeat."""
        return self._running.journal

    def values(self, path: str) -> tuple[str, ...]:
        """Return the texts of what a path selects in what `get` shows.

        It is an XPath from the root, whose prefixes are those of the modules, as in `/ike:ike/ike:policy/ike:mode`.
        """
        life = self._running
        return life.call(partial(look, life.host.gateway, path))

    def expect_event(
        self,
        name: str,
        where: Mapping[str, str] = ANY,
        *,
        within_hours: float = 0,
        within_minutes: float = 0,
        within_seconds: float = 0,
    ) -> Event:
        """Return an event that has some leaves, and let device time go on until it happens. NotSeen when it does not.

        It may have happened since the device had settled, but each event is returned once. Device time stops there.
        ValueError for an event that there is not.
        """
        __tracebackhide__ = True  # so that pytest shows the line of the test
        life, match = self._running, EventMatch(name, where)
        registry = life.host.gateway.server.registry
        if name not in known_events(registry):
            raise ValueError(f"there is no event {name!r}; there are {', '.join(sorted(known_events(registry)))}")
        search = Search(life.witness, match, life.since, life.taken)
        end = self._after(_microseconds(0, within_hours, within_minutes, within_seconds))
        if not life.call(search.look):
            life.advance(end, lambda: not search.look())
        if not life.call(search.look) or search.found is None:
            wanted = " ".join([name, *(f"{leaf}={value}" for leaf, value in where.items())])
            raise NotSeen(f"no {wanted} up to {moment(end).isoformat()}; what happened: {self._story()}")
        life.taken |= {search.found}
        return life.witness.events[search.found]

    def wait_until_visible(
        self,
        path: str,
        value: str | float | None = None,
        *,
        within_hours: float = 0,
        within_minutes: float = 0,
        within_seconds: float = 0,
    ) -> tuple[str, ...]:
        """Return what a path selects, and let device time go on until one of it is the value, or there is anything.

        NotSeen when that does not come about. What events tell of is seen at once; what changes without one, such as a
        counter of packets, within a minute of device time.
        """
        __tracebackhide__ = True
        end = self._after(_microseconds(0, within_hours, within_minutes, within_seconds))
        while not _is_among(value, shown := self.values(path)):
            if (now := self._after(0)) >= end:
                raise NotSeen(f"{path} is {', '.join(shown) or 'nothing'} up to {moment(end).isoformat()}")
            self._advance_to_something(min(end, now + LOOK_EVERY))
        return shown

    def _advance_to_something(self, to: int) -> None:
        """Let device time go on until anything happens that could be visible, but to a time at most."""
        life, heard = self._running, self._running.witness.heard
        life.advance(to, lambda: life.witness.heard == heard)

    def _story(self) -> str:
        """Return what has happened since the device had settled, in few words."""
        counted = Counter(event.name for event in self.events[self._running.since :])
        return ", ".join(f"{name} ({number})" for name, number in counted.items()) or "nothing"

    def _after(self, microseconds: int) -> int:
        if microseconds < 0:
            raise ValueError("device time never goes backwards")
        life = self._running
        return life.call(lambda: life.host.gateway.now) + microseconds

    def _next_deadline(self) -> int | None:
        life = self._running
        return life.call(life.host.gateway.next_deadline)


def _microseconds(days: float, hours: float, minutes: float, seconds: float) -> int:
    return round((days * DAY + hours * HOUR + minutes * MINUTE + seconds) * SECOND)


def _is_among(value: str | float | None, shown: tuple[str, ...]) -> bool:
    return bool(shown) if value is None else str(value) in shown
