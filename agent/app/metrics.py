"""What is measured, for Prometheus: counters that follow events, and gauges that are read when somebody asks.

Invariant: no name that a client can make up becomes a label, so the number of time series is bounded. Everything
happens in the loop's thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree
from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)

from agent.core import events
from agent.datastore.errors import RpcError
from agent.datastore.faults import Fault
from agent.datastore.registry import Registry
from agent.netconf.base_notifications import SessionEnded
from agent.netconf.recording import Happening, Recorder

PREFIX: Final = "ipsec_agent"
LATENCY_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
MALFORMED: Final = "malformed"
"""The operation of a message that asks for none, or for one that there is not."""


@dataclass(slots=True)
class _Asked:
    """A request that is not answered yet: what for, and since when in monotonic seconds."""

    operation: str
    since: float


class Metrics(Recorder):
    """The counters of one process, and what is asked for when they are read."""

    def __init__(self, schema: Registry, clock: Callable[[], float] = time.perf_counter) -> None:
        """Begin with nothing; `clock` gives monotonic seconds."""
        self.collectors = CollectorRegistry(auto_describe=False)
        for process_wide in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            self.collectors.register(process_wide)
        self._clock = clock
        self._known = _operations(schema)
        self._asked: dict[int, _Asked] = {}
        self._rpcs = self._counter("rpcs", "Requests that were answered.", "operation", "outcome")
        self._seconds = Histogram(
            f"{PREFIX}_rpc_seconds",
            "Time from a request to the beginning of its answer.",
            ("operation",),
            buckets=LATENCY_SECONDS,
            registry=self.collectors,
        )
        self._logins = self._counter("sessions_opened", "Sessions that were opened.", "transport")
        self._ends = self._counter("sessions_ended", "Sessions that have ended.", "reason")
        self._rekeys = self._counter("rekeys", "Security associations that got a successor.", "kind")
        self._failovers = self._counter("failovers", "Switches to the other of two.", "kind", "reason")
        self._failures = self._counter(
            "negotiations_failed", "Negotiations that ended without an SA.", "phase", "reason"
        )
        self._faults = self._counter("faults", "Faults on purpose that have struck.", "kind")

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"{PREFIX}_{name}", documentation, labels, registry=self.collectors)

    def exposition(self) -> bytes:
        """Return everything in the text format of Prometheus."""
        return generate_latest(self.collectors)

    def opened(self, at: int, session_id: int, user: str, source: str, transport: str, groups: Sequence[str]) -> None:
        """Count a session."""
        self._logins.labels(transport).inc()

    def requested(self, at: int, session_id: int, message: bytes) -> None:
        """Begin to measure a request."""
        self._asked[session_id] = _Asked(MALFORMED, self._clock())

    def called(self, at: int, session_id: int, operation: etree._Element) -> None:
        """Learn what is measured."""
        name = operation.tag.rpartition("}")[2]
        if name in self._known:
            self._asked[session_id].operation = name

    def answered(self, at: int, session_id: int, refused: Sequence[RpcError]) -> None:
        """Count a request."""
        asked = self._asked.pop(session_id, None)
        if asked is not None:
            self._rpcs.labels(asked.operation, refused[0].tag if refused else "ok").inc()
            self._seconds.labels(asked.operation).observe(self._clock() - asked.since)

    def struck(self, at: int, session_id: int, fault: Fault) -> None:
        """Count a fault on purpose."""
        self._faults.labels(fault.rule.kind.value).inc()

    def happened(self, event: Happening) -> None:
        """Count what happened."""
        match event:
            case events.IpsecSaRekeyed():
                self._rekeys.labels("ipsec").inc()
            case events.IkeSaDeleted(reason=events.DeletionReason.REPLACED):
                self._rekeys.labels("ike").inc()
            case events.InterfaceSwitched():
                self._failovers.labels("interface", event.reason.value).inc()
            case events.TunnelSwitched():
                self._failovers.labels("tunnel", event.reason.value).inc()
            case events.IkeNegotiationFailed():
                self._failures.labels("1", event.reason.value).inc()
            case events.IpsecNegotiationFailed():
                self._failures.labels("2", event.reason.value).inc()
            case SessionEnded():
                self._asked.pop(event.caller.session_id, None)
                self._ends.labels(event.reason.value).inc()


def _operations(schema: Registry) -> frozenset[str]:
    """Return every operation that there is, by its name: the only ones that are told apart."""
    of_dialects = (name for dialect in schema.dialects for name in dialect.rpcs)
    return frozenset((*(rpc.name for rpc in schema.schema.rpcs.values()), *of_dialects, "action"))
