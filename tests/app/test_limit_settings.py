"""Every limit of the settings is read somewhere, and is what the table of the threat model says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

from agent.app.gauges import Gauges, Sources
from agent.app.limits import admission_limits, device_limits, ike_settings, session_limits, ssh_limits, throttle_limits
from agent.app.metrics import Metrics
from agent.app.operating import Lost
from agent.app.settings import ExponentReuse, Limits
from agent.netconf.base_notifications import SessionEnded
from agent.netconf.server import Client
from agent.netconf.session import EndReason
from agent.transport.admission import Admission, AdmissionLimits
from tests.support.chapter import Emulation, registry

CLIENT = Client("admin", "::1", "netconf-ssh")
ROOT = Path(__file__).parents[2]


def test_every_limit_is_read_somewhere() -> None:
    marked = {each.name: 1000 + number for number, each in enumerate(fields(Limits))}
    limits = Limits(**marked)
    of_session = session_limits(limits)
    parts = (of_session, of_session.document, of_session.receiver, of_session.xpath, of_session.files)
    read = [value for part in parts for value in _values(part)]
    others = (
        admission_limits(limits),
        ssh_limits(limits),
        throttle_limits(limits),
        ike_settings(limits, ExponentReuse(), None),
    )
    of_device = device_limits(limits)
    read += [value for part in (*others, of_device, of_device.certificates) for value in _values(part)]
    assert {name for name, value in marked.items() if value not in read} == set()


@dataclass(frozen=True)
class Row:
    """A row of the table of limits: settings, counters as they are shown but for prefix and suffix, files of tests."""

    settings: list[str]
    counters: list[str]
    tests: list[str]


def table() -> list[Row]:
    """Return the table of limits in the threat model."""
    text = (ROOT / "agent" / "README.md").read_text()
    lines = text[text.index("| limit | setting |") : text.index("Replies themselves do not wait")].splitlines()[2:]
    cells = [line.strip("|").split("|")[1:] for line in lines if line]
    return [Row(*(re.findall(r"`([^`]+)`", cell) for cell in row)) for row in cells]


def exposed() -> str:
    """Return the metrics of a gateway at which every limit that is counted by its name was met once."""
    emulation = Emulation()
    for limit in fields(Limits):
        emulation.gateway.server.exceeded(limit.name.replace("_", "-"))
    metrics = Metrics(registry())
    admission = Admission(AdmissionLimits())
    sources = Sources(emulation.gateway, admission, lambda: 0.0, lambda: 0, Lost(lambda: 0, lambda: 0))
    metrics.collectors.register(Gauges(sources))
    emulation.gateway.server.record(metrics)
    wire = emulation.connect()
    wire.exchange("<!DOCTYPE rpc><rpc/>")
    wire.session.advance(emulation.gateway.server.limits.hello_seconds)
    emulation.gateway.server.publish(SessionEnded(0, emulation.gateway.server.caller(CLIENT), EndReason.TIMEOUT))
    return metrics.exposition().decode()


def test_the_table_of_the_threat_model_has_every_limit_and_no_other() -> None:
    named = [setting for row in table() for setting in row.settings]
    assert sorted(named) == sorted(each.name.replace("_", "-") for each in fields(Limits))


def test_what_the_table_of_limits_says_is_counted_can_be_seen() -> None:
    shown = exposed()
    for row in table():
        assert row.counters
        for counter in row.counters:
            name, _, labels = counter.rstrip("}").partition("{")
            wanted = f'limit="{row.settings[0]}"' if name == "limits_exceeded" else labels
            samples = re.findall(rf"^ipsec_agent_{name}_total(.*) ", shown, re.MULTILINE)
            assert any(wanted in sample for sample in samples), counter


COUNTED = re.compile(
    r"(?:exceeded|_refusal|MessageTooBig|DocumentTooComplex|FileLimitMet)\([^()]*?\"([a-z]+(?:-[a-z]+)*)\""
)


def test_every_limit_is_counted_by_a_name_that_the_settings_have() -> None:
    found = {name for path in (ROOT / "agent").rglob("*.py") for name in COUNTED.findall(path.read_text())}
    assert {"subscriptions", "xpath-visits", "partial-locks", "message-depth", "files"} <= found
    assert found - {each.name.replace("_", "-") for each in fields(Limits)} == set()


def test_each_file_that_the_table_of_limits_names_tests_that_limit() -> None:
    for row in table():
        assert row.tests
        texts = [(ROOT / path).read_text() for path in row.tests]
        if "limits_exceeded" in row.counters:
            _, _, within_its_kind = row.settings[0].partition("-")
            names = (row.settings[0], within_its_kind.replace("-", "_"), f"too-many-{row.settings[0]}")
            assert any(f'"{name}"' in text for text in texts for name in names if name), row.settings


def _values(of: object) -> list[object]:
    return [getattr(of, name) for name in of.__dataclass_fields__]  # type: ignore[attr-defined]
