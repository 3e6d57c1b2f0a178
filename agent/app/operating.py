"""What runs beside a served gateway for those who operate it: the log, the audit log, metrics and health.

It only listens: a Recorder each, and a page each. Nothing of the gateway knows of it.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

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

TOLERATED_LAG_SECONDS: Final = 60.0
"""A device this far behind its pace, in device seconds at scale 1, is not well."""


@contextmanager
def logged(settings: LogSettings) -> Iterator[None]:
    """Write the log to stderr until the block ends."""
    outlet = Outlet(sys.stderr.fileno())
    end = logs.set_up(outlet, settings.level, settings.format)
    try:
        yield
    finally:
        end()
        outlet.close()


class Operations:
    """The listeners of one process."""

    def __init__(self, settings: AuditSettings, state: StateDirectory, registry: Registry, *, is_measured: bool) -> None:
        """Begin with nobody to listen to; nothing is counted unless it `is_measured`."""
        path = settings.file or state.path / FILE_NAME
        file = RotatingFile(path, settings.maximum_bytes, settings.kept)
        self.audit = Audit(file, registry, lambda: time.time_ns() // 1000, reads=settings.reads)
        self._measurement = _measurement(registry) if is_measured else None
        self.is_stopping = False
        self._events = logs.EventLog(registry)

    def follow(self, server: Server) -> None:
        """Listen to a server, and to those that take its place."""
        server.record(self._events)
        server.record(self.audit)
        if self._measurement is not None:
            server.record(self._measurement.metrics)

    async def open(
        self, address: ListenAddress | None, gateway: Gateway, admission: Admission, driver: Driver
    ) -> tuple[ListenAddress, ...]:
        """Serve metrics and health, if they are to be; return where. OSError when the address cannot be had."""
        sources = Sources(
            gateway,
            admission,
            lambda: driver.lag_seconds,
            lambda: len(asyncio.all_tasks()),
            lambda: self.audit.file.lost,
        )
        self.metrics.collectors.register(Gauges(sources))
        if address is None:
            return ()
        checks = (
            Check("running", lambda: "the server is stopping" if self.is_stopping else None),
            Check("device-time", lambda: _lag(driver, gateway)),
            Check("audit-log", lambda: "lines cannot be written" if self.audit.file.is_failing else None),
        )
        self._monitoring = Monitoring(
            {
                "/metrics": lambda: Answer(HTTPStatus.OK, monitoring.METRICS, self.metrics.exposition()),
                "/healthz": lambda: monitoring.health(checks),
            }
        )
        await self._monitoring.open(address.host, address.port)
        return tuple(ListenAddress(*each) for each in self._monitoring.addresses)

    async def close(self) -> None:
        """Serve nothing any more."""
        if self._monitoring is not None:
            await self._monitoring.close()
        self.audit.file.close()


def _lag(driver: Driver, gateway: Gateway) -> str | None:
    tolerated = TOLERATED_LAG_SECONDS * max(1.0, gateway.factor)
    return f"{driver.lag_seconds:.0f} s behind its pace" if driver.lag_seconds > tolerated else None
