"""What is read off a gateway when its metrics are asked for: nothing is kept up for it meanwhile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from agent.app.metrics import PREFIX
from agent.app.operating import Lost
from agent.app.running import Gateway
from agent.core.device import Device
from agent.transport.admission import Admission

DAY_US: Final = 86_400 * 1_000_000
MAXIMUM_CERTIFICATES: Final = 1000
"""How many certificates are told apart, those that end first."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Whom to ask."""

    gateway: Gateway
    admission: Admission
    lag_seconds: Callable[[], float]
    """By how many device seconds the device lags behind its pace."""
    tasks: Callable[[], int]
    """How many tasks the event loop has."""
    lost: Lost


class Gauges(Collector):
    """Reads everything anew each time."""

    def __init__(self, sources: Sources) -> None:
        """Ask these."""
        self._sources = sources

    def collect(self) -> Iterator[Metric]:
        """Read it."""
        yield from self._management()
        yield from self._queues()
        yield from _security_associations(self._sources.gateway.device)
        yield from _certificates(self._sources.gateway)

    def _management(self) -> Iterator[Metric]:
        sources, server = self._sources, self._sources.gateway.server
        transports = Counter(opened.client.transport for opened in server.sessions.values())
        yield _gauges("sessions", "Sessions that there are.", "transport", {"netconf-ssh": 0, **transports})
        yield _gauge("connections", "Connections that there are.", sources.admission.connections)
        yield _gauge("logins_waiting", "Connections that have not logged in.", sources.admission.logins)
        admitted = sources.admission.counters
        counts = {field.name: getattr(admitted, field.name) for field in fields(admitted)}
        yield _counters("admission", "What has become of connections and sessions.", "what", counts)
        denied, ended = server.access_counters, server.counters
        yield _counters(
            "access_denied",
            "What access rules have denied.",
            "what",
            {"operation": denied.operations, "write": denied.data_writes, "notification": denied.notifications},
        )
        yield _counters("hellos_refused", "Hellos that were none.", None, {"": ended.in_bad_hellos})
        exceeded = self._sources.gateway.server.exceeded_limits
        yield _counters("limits_exceeded", "What was over a limit, by its name in the settings.", "limit", exceeded)
        lost = sources.lost
        yield _counters("audit_lines_lost", "Lines of the audit log that were lost.", None, {"": lost.of_audit()})
        yield _counters("log_lines_lost", "Lines of the log that nobody read in time.", None, {"": lost.of_log()})

    def _queues(self) -> Iterator[Metric]:
        sources, server = self._sources, self._sources.gateway.server
        sessions = [opened.session for opened in server.sessions.values()]
        depths = {
            "notifications": sum(session.waiting_notifications for session in sessions),
            "input_bytes": sum(session.waiting_bytes for session in sessions),
            "timers": sources.gateway.world.scheduled,
            "tasks": sources.tasks(),
            "notification_log": len(server.log),
        }
        yield _gauges("queued", "What waits, or is held, by its kind.", "queue", depths)
        yield _gauge("subscriptions", "Dynamic subscriptions that there are.", len(server.publisher.subscriptions))
        dropped = server.counters.ended.dropped_notifications
        dropped += sum(session.counters.dropped_notifications for session in sessions)
        yield _counters("notifications_dropped", "Told to nobody: the client did not read.", None, {"": dropped})
        yield _gauge("device_lag_seconds", "Device time that is overdue.", sources.lag_seconds())


def _security_associations(device: Device) -> Iterator[Metric]:
    ike = Counter("matured" if sa.is_matured else "not-matured" for sa in device.ike_sas.values())
    yield _gauges("ike_sas", "IKE SAs by state.", "state", {"matured": 0, "not-matured": 0, **ike})
    tunnels = device.security_associations.values()
    held = sum(len(tunnel.sas) for tunnel in tunnels)
    installed = device.sad.installed
    states = {"installed": installed, "not-installed": max(0, held - installed)}
    yield _gauges("ipsec_sas", "IPsec SAs by state, each direction counted.", "state", states)
    packets = {reason.value: count for reason, count in device.dropped_packets.items()}
    yield _counters("packets_dropped", "Packets of tunnels that were dropped.", "reason", packets)
    statistics = device.ike_statistics
    yield _gauge("ike_half_open", "Negotiations that others began and have not authenticated.", statistics.half_open)
    dropped = {reason.value: count for reason, count in statistics.dropped.items()}
    yield _counters("ike_datagrams_dropped", "Datagrams of IKE that were dropped.", "reason", dropped)


def _certificates(gateway: Gateway) -> Iterator[Metric]:
    days = GaugeMetricFamily(
        f"{PREFIX}_certificate_days_left",
        "Days of device time until a certificate ends; below 0 once it has.",
        labels=("id", "serial", "subject"),
    )
    entries = sorted(gateway.device.certificates.certificates(), key=lambda entry: entry.certificate.not_after)
    for entry in [entry for entry in entries if not entry.is_deleted][:MAXIMUM_CERTIFICATES]:
        certificate = entry.certificate
        left = (certificate.not_after - gateway.now) / DAY_US
        days.add_metric((str(entry.id), str(certificate.serial), certificate.subject.text), left)
    yield days


def _gauge(name: str, documentation: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", documentation, value=value)


def _gauges(name: str, documentation: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", documentation, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family


def _counters(name: str, documentation: str, label: str | None, values: Mapping[str, float]) -> Metric:
    """Return counters by a label; without one, the only counter is that of the empty name."""
    family = CounterMetricFamily(f"{PREFIX}_{name}", documentation, labels=() if label is None else (label,))
    for key, value in values.items():
        family.add_metric(() if label is None else (key,), value)
    return family
