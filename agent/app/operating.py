"""What runs beside a served gateway for those who operate it: the log, the audit log, metrics and health.

It only listens: a Recorder each, and a page each. Nothing of the gateway knows of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from agent.app import logs
from agent.app.audit import FILE_NAME, Audit
from agent.app.outlet import Outlet
from agent.app.rotation import RotatingFile
from agent.app.running import Gateway
from agent.app.settings import AuditSettings, ListenAddress, LogSettings
from agent.app.state import StateDirectory
from agent.datastore.registry import Registry
from agent.netconf.server import Server
from agent.transport.admission import Admission
from agent.transport.driver import Driver

_STDERR: Final = 2
"""The descriptor of the process, whatever sys.stderr has been replaced by."""


@contextmanager
def logged(settings: LogSettings) -> Iterator[None]:
    """Write the log to stderr until the block ends."""
    outlet = Outlet(_STDERR)
    end = logs.set_up(outlet, settings.level, settings.format)
    try:
        yield
    finally:
        end()
        outlet.close()


class Measuring(Protocol):
    """Counts what happens and serves it: `agent.app.measuring`, where it was asked for."""

    def follow(self, server: Server) -> None:
        """Count what a server tells."""

    async def open(
        self, gateway: Gateway, admission: Admission, driver: Driver, audit: Audit, is_stopping: Callable[[], bool]
    ) -> tuple[ListenAddress, ...]:
        """Serve metrics and health; return where."""

    async def close(self) -> None:
        """Serve nothing any more."""


class Operations:
    """The listeners of one process."""

    def __init__(
        self, settings: AuditSettings, state: StateDirectory, registry: Registry, monitoring: ListenAddress | None
    ) -> None:
        """Begin with nobody to listen to; metrics and health are served at `monitoring`, None: nowhere."""
        path = settings.file or state.path / FILE_NAME
        file = RotatingFile(path, settings.maximum_bytes, settings.kept)
        self.audit = Audit(file, registry, lambda: time.time_ns() // 1000, reads=settings.reads)
        self.is_stopping = False
        self._events = logs.EventLog(registry)
        self._measuring = _measuring(monitoring, registry)

    def follow(self, server: Server) -> None:
        """Listen to a server, and to those that take its place."""
        server.record(self._events)
        server.record(self.audit)
        if self._measuring is not None:
            self._measuring.follow(server)

    async def open(self, gateway: Gateway, admission: Admission, driver: Driver) -> tuple[ListenAddress, ...]:
        """Serve metrics and health, if they are to be; return where. OSError when the address cannot be had."""
        if self._measuring is None:
            return ()
        return await self._measuring.open(gateway, admission, driver, self.audit, lambda: self.is_stopping)

    async def close(self) -> None:
        """Serve nothing any more."""
        if self._measuring is not None:
            await self._measuring.close()
        self.audit.file.close()


def _measuring(address: ListenAddress | None, registry: Registry) -> Measuring | None:
    if address is None:
        return None
    from agent.app import measuring  # what it needs would cost every start that nobody measures

    return measuring.Measuring(address, registry)
