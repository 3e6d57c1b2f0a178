"""What Prometheus reads: it follows what happens, and no client can make up a time series."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from agent.app.gauges import Gauges, Sources
from agent.app.metrics import Metrics
from agent.app.operating import Lost
from agent.core.crypto.seal import KEY_OCTETS
from agent.transport.admission import Admission, AdmissionLimits
from tests.support.chapter import Emulation, registry

Samples = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]


class Measured:
    """The gateway of the chapter, measured. The clock is moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0
        self.emulation = Emulation()
        self.metrics = Metrics(registry(), lambda: self.now)
        self.admission = Admission(AdmissionLimits())
        gateway = self.emulation.gateway
        gateway.server.record(self.metrics)
        sources = Sources(gateway, self.admission, lambda: 2.5, lambda: 3, Lost(lambda: 4, lambda: 5))
        self.metrics.collectors.register(Gauges(sources))

    def read(self) -> Samples:
        """Return every sample by its name and labels."""
        families = text_string_to_metric_families(self.metrics.exposition().decode())
        return {
            (each.name, tuple(sorted(each.labels.items()))): each.value
            for family in families
            for each in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """Return one sample; 0 where there is none."""
        return self.read().get((f"ipsec_agent_{name}", tuple(sorted(labels.items()))), 0.0)


def test_requests_are_counted_by_operation_and_outcome() -> None:
    measured = Measured()
    wire = measured.emulation.connect()
    wire.rpc("<get-config><source><running/></source></get-config>")
    wire.rpc("<lock><target><running/></target></lock>")
    wire.rpc("<lock><target><running/></target></lock>")
    assert measured.value("rpcs_total", operation="get-config", outcome="ok") == 1
    assert measured.value("rpcs_total", operation="lock", outcome="ok") == 1
    assert measured.value("rpcs_total", operation="lock", outcome="lock-denied") == 1
    assert measured.value("rpc_seconds_count", operation="lock") == 2


def test_a_name_that_a_client_makes_up_is_no_label() -> None:
    measured = Measured()
    wire = measured.emulation.connect()
    before = len(measured.read())
    wire.rpc("<made-up-once/>")
    after_one = len(measured.read())
    wire.rpc("<made-up-twice/>")
    wire.exchange("<rpc")
    assert before < after_one
    assert not any("made-up" in str(sample) for sample in measured.read())
    assert measured.value("rpc_seconds_count", operation="malformed") == 3


def test_latency_is_what_the_clock_says_between_request_and_answer() -> None:
    measured = Measured()
    wire = measured.emulation.connect()
    wire.send(
        '<rpc xmlns="urn:ietf:params:xml:ns:netconf:base:1.0" message-id="1">'
        '<advance-time xmlns="urn:ipsec-agent:emulation"><seconds>1</seconds></advance-time></rpc>'
    )
    wire.receive()
    measured.now = 7.0
    measured.emulation.advance(1)
    wire.receive()
    assert measured.value("rpc_seconds_sum", operation="advance-time") == 7.0


def test_sessions_are_counted_while_they_are_there() -> None:
    measured = Measured()
    wire = measured.emulation.connect()
    assert measured.value("sessions", transport="netconf-ssh") == 1
    wire.rpc("<close-session/>")
    assert measured.value("sessions", transport="netconf-ssh") == 0
    assert measured.value("sessions_opened_total", transport="netconf-ssh") == 1
    assert measured.value("sessions_ended_total", reason="closed") == 1


def test_security_associations_stand_there_by_state() -> None:
    measured = Measured()
    assert measured.value("ike_sas", state="matured") == 1
    assert measured.value("ipsec_sas", state="installed") == measured.emulation.gateway.device.sad.installed > 0


def test_dropped_packets_are_counted_by_reason() -> None:
    measured = Measured()
    assert measured.value("packets_dropped_total", reason="malformed") == 0
    measured.emulation.gateway.device.protection.open(bytes(20))
    assert measured.value("packets_dropped_total", reason="malformed") == 1
    assert measured.value("packets_dropped_total", reason="replay") == 0


def test_rekeys_and_failovers_are_counted() -> None:
    measured = Measured()
    measured.emulation.advance(9 * 3600)
    measured.emulation.connect().rpc('<switch-interface xmlns="urn:ipsec-agent:redundancy"/>')
    assert measured.value("rekeys_total", kind="ipsec") >= 1
    assert measured.value("rekeys_total", kind="ike") >= 1
    assert measured.value("failovers_total", kind="interface", reason="manual") == 1


def test_certificates_say_how_many_days_they_have_left() -> None:
    measured = Measured()
    before = _days(measured.read())
    measured.emulation.advance(86_400)
    after = _days(measured.read())
    assert len(before) == 3
    assert all(abs(before[serial] - after[serial] - 1) < 1e-6 for serial in before)


def _days(samples: Samples) -> dict[str, float]:
    name = "ipsec_agent_certificate_days_left"
    return {dict(labels)["serial"]: value for (each, labels), value in samples.items() if each == name}


def test_what_waits_and_what_was_lost_is_read_off() -> None:
    measured = Measured()
    assert measured.value("device_lag_seconds") == 2.5
    assert measured.value("queued", queue="tasks") == 3
    assert measured.value("audit_lines_lost_total") == 4
    assert measured.value("log_lines_lost_total") == 5
    assert measured.value("queued", queue="timers") == measured.emulation.gateway.world.scheduled


def test_refused_passwords_are_counted() -> None:
    measured = Measured()
    measured.admission.counters.failed_passwords += 1
    assert measured.value("admission_total", what="failed_passwords") == 1


def test_nothing_measured_repeats_a_key() -> None:
    measured = Measured()
    measured.emulation.connect().get_config()
    text = measured.metrics.exposition()
    assert b"sealed" not in text
    assert bytes(KEY_OCTETS) not in text
