"""A gateway on the running event loop: its device time, its management time, and NETCONF over SSH in front of it.

Any number of them live on one loop; what they share is constant. With nothing due, nothing of them runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from agent.app.consoles import Consoles
from agent.app.doors import Inside, ssh_service
from agent.app.gateway import load_registry
from agent.app.limits import admission_limits
from agent.app.running import Gateway
from agent.app.settings import Limits, ListenAddress
from agent.app.users import Users
from agent.datastore.registry import Registry
from agent.netconf.server import Client
from agent.netconf.session import NetconfSession
from agent.transport import ssh
from agent.transport.admission import Admission
from agent.transport.driver import SLICE_SECONDS, Driver
from agent.transport.endpoint import Peer, SessionFactory


@cache
def shared_registry() -> Registry:
    """Return the schema and the bindings: loaded when they are first asked for, and constant."""
    return load_registry()


class ManagementTimer:
    """Runs what a server has to do at some management time, whatever sessions there are."""

    def __init__(self, gateway: Gateway, loop: asyncio.AbstractEventLoop, before: Callable[[], object]) -> None:
        """Begin at once; `before` brings the device up to now."""
        self._gateway = gateway
        self._loop = loop
        self._before = before
        self._timer: asyncio.TimerHandle | None = None
        gateway.when_replaced(self._follow)
        self._follow()

    def _follow(self) -> None:
        """Look at the server that is there now."""
        self._gateway.server.when_rescheduled(self._arrange)
        self._arrange()

    def stop(self) -> None:
        """Run nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _arrange(self) -> None:
        self.stop()
        deadline = self._gateway.server.next_deadline()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._run)

    def _run(self) -> None:
        self._before()
        self._gateway.server.advance(self._loop.time())
        self._arrange()


def session_factory(gateway: Gateway, users: Users) -> SessionFactory:
    """Return what opens sessions of NETCONF for clients that have logged in."""

    def open_session(peer: Peer, wake: Callable[[], None]) -> NetconfSession:
        client = Client(peer.user, peer.source_host, peer.transport, users.groups(peer.user))
        return gateway.server.open_session(client, wake)

    return open_session


class Host:
    """A gateway that clients can log in to, until it is closed. Made and used in the loop's thread."""

    def __init__(self, gateway: Gateway, users: Users, host_keys: Sequence[Path], limits: Limits) -> None:
        """Listen on nothing yet; `host_keys` are private key files."""
        self.gateway = gateway
        self._loop = asyncio.get_running_loop()
        self._driver = Driver(gateway, self._loop)
        consoles = Consoles(gateway, users, self._driver.catch_up, self._loop.time)
        inside = Inside(
            users,
            session_factory(gateway, users),
            self._driver.before_input,
            consoles=consoles,
            after_input=self._driver.after_input,
        )
        self._listener = ssh.Listener(ssh_service(limits, inside, Admission(admission_limits(limits))), host_keys)
        self._timer: ManagementTimer | None = None

    @property
    def address(self) -> ListenAddress:
        """Where clients log in."""
        return ListenAddress(*self._listener.addresses[0])

    async def open(self, host: str, port: int) -> None:
        """Let clients in, and device time go on; port 0 takes a free one. OSError when the address cannot be had."""
        await self._listener.open(host, port)
        self._driver.start()
        self._timer = ManagementTimer(self.gateway, self._loop, self._driver.catch_up)

    def catch_up(self) -> None:
        """Bring the device up to now, before something is done to it."""
        self._driver.catch_up()

    def advance(self, to: int, keep_going: Callable[[], bool] = lambda: True) -> bool:
        """Make for a device time, in microseconds, at full speed for one slice; return whether there is no more to do.

        That is so at `to`, or earlier, between two events, once `keep_going` says no.
        """
        end = self._loop.time() + SLICE_SECONDS
        self._driver.catch_up()
        reached = to < self.gateway.now or self.gateway.advance(to, lambda: keep_going() and self._loop.time() < end)
        self._driver.catch_up()  # looks at what is due next, from here
        return reached or not keep_going()

    async def close(self) -> None:
        """Let nobody in any more, and return when everybody has gone."""
        await self._listener.close()
        if self._timer is not None:
            self._timer.stop()
        self._driver.stop()
