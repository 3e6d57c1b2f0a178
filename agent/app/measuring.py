"""Metrics and health of one process, served over HTTP: for those who ask for them alone.

What it takes to count and to serve costs time at every start, so nothing imports this but where it is asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from agent.app import monitoring
from agent.app.gauges import Gauges, Sources
from agent.app.metrics import Metrics
from agent.app.monitoring import Answer, Check, Monitoring
from agent.app.operating import Complaint, Lost
from agent.app.running import Gateway
from agent.app.settings import ListenAddress
from agent.datastore.registry import Registry
from agent.netconf.server import Server
from agent.transport.admission import Admission
from agent.transport.driver import Driver

TOLERATED_LAG_SECONDS: Final = 60.0
"""A device this far behind its pace, in device seconds at scale 1, is not well."""


class Measuring:
    """Counts from the start, and serves what it has counted at one address."""

    def __init__(self, address: ListenAddress, registry: Registry) -> None:
        """Count; serve nothing yet."""
        self._address = address
        self._metrics = Metrics(registry)
        self._monitoring: Monitoring | None = None

    def follow(self, server: Server) -> None:
        """Count what a server tells."""
        server.record(self._metrics)

    async def open(
        self, gateway: Gateway, admission: Admission, driver: Driver, lost: Lost, complaints: Mapping[str, Complaint]
    ) -> tuple[ListenAddress, ...]:
        """Serve metrics, and whether anybody has a complaint; return where. OSError when the address cannot be had."""
        sources = Sources(
            gateway,
            admission,
            lambda: driver.lag_seconds,
            lambda: len(asyncio.all_tasks()),
            lost,
        )
        self._metrics.collectors.register(Gauges(sources))
        checks = (
            *(Check(name, complaint) for name, complaint in complaints.items()),
            Check("device-time", lambda: _lag(driver, gateway)),
        )
        self._monitoring = Monitoring(
            {
                "/metrics": lambda: Answer(HTTPStatus.OK, monitoring.METRICS, self._metrics.exposition()),
                "/healthz": lambda: monitoring.health(checks),
            }
        )
        await self._monitoring.open(self._address.host, self._address.port)
        return tuple(ListenAddress(*each) for each in self._monitoring.addresses)

    async def close(self) -> None:
        """Serve nothing any more."""
        if self._monitoring is not None:
            await self._monitoring.close()


def _lag(driver: Driver, gateway: Gateway) -> str | None:
    tolerated = TOLERATED_LAG_SECONDS * max(1.0, gateway.factor)
    return f"{driver.lag_seconds:.0f} s behind its pace" if driver.lag_seconds > tolerated else None
