"""What runs beside a served gateway for those who operate it: the log, the audit log, metrics and health.

It only listens: a Recorder each, and a page each. Nothing of the gateway knows of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

from agent.app import logs
from agent.app.audit import FILE_NAME, Audit
from agent.app.errors import SettingsError
from agent.app.outlet import Outlet
from agent.app.rotation import RotatingFile
from agent.app.running import Gateway
from agent.app.scenario.journal import Journal
from agent.app.settings import ListenAddress, LogSettings, Settings
from agent.app.state import StateDirectory
from agent.datastore.registry import Registry
from agent.netconf.server import Server
from agent.transport.admission import Admission
from agent.transport.driver import Driver

_STDERR: Final = 2
"""The descriptor of the process, whatever sys.stderr has been replaced by."""


@contextmanager
def logged(settings: LogSettings) -> Iterator[Outlet]:
    """Write the log to stderr until the block ends; what it goes out through is given."""
    outlet = Outlet(_STDERR)
    end = logs.set_up(outlet, settings.level, settings.format)
    try:
        yield outlet
    finally:
        end()
        outlet.close()


Complaint = Callable[[], str | None]
"""Tells what is wrong with something, None for nothing."""


@dataclass(frozen=True, slots=True)
class Lost:
    """How many lines could not be written."""

    of_audit: Callable[[], int]
    of_log: Callable[[], int]


class Measuring(Protocol):
    """Counts what happens and serves it: `agent.app.measuring`, where it was asked for."""

    def follow(self, server: Server) -> None:
        """Count what a server tells."""

    async def open(
        self, gateway: Gateway, admission: Admission, driver: Driver, lost: Lost, complaints: Mapping[str, Complaint]
    ) -> tuple[ListenAddress, ...]:
        """Serve metrics and health, which is that nobody has a complaint; return where."""

    async def close(self) -> None:
        """Serve nothing any more."""


class Operations:
    """The listeners of one process."""

    def __init__(
        self, settings: Settings, state: StateDirectory, registry: Registry, outlet: Outlet, journal: Journal | None
    ) -> None:
        """Begin with nobody to listen to."""
        audit = settings.audit
        file = RotatingFile(audit.file or state.path / FILE_NAME, audit.maximum_bytes, audit.kept)
        self.audit = Audit(file, registry, lambda: time.time_ns() // 1000, reads=audit.reads)
        self.is_stopping = False
        self._events = logs.EventLog(registry)
        self._measuring = _measuring(settings.monitoring, registry)
        self._lost = Lost(lambda: file.lost, lambda: outlet.lost)
        self._complaints: dict[str, Complaint] = {
            "running": lambda: "the server is stopping" if self.is_stopping else None,
            "audit-log": lambda: "lines cannot be written" if file.is_failing else None,
            "state-directory": state.complaint,
        }
        if journal is not None:
            self._complaints["journal"] = journal.complaint

    def begin(self) -> None:
        """Begin to write, as whoever the process is from now on; SettingsError when the audit log cannot be written."""
        try:
            self.audit.file.open()
        except OSError as error:
            raise SettingsError(f"audit: {self.audit.file.path}: {error.strerror}") from error

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
        return await self._measuring.open(gateway, admission, driver, self._lost, self._complaints)

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
