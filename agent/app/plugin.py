"""The pytest plugin: a running device as a fixture, with what happened to it beside every failure.

It is loaded by pytest alone, and imports nothing of the device before a test asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

import agent

MARKER: Final = "ipsec_scenario"
EVENTS: Final = 30
REQUESTS: Final = 10
"""How many of the last ones are shown beside a failure."""
HELD: Final = pytest.StashKey[list["agent.Device"]]()
Make = Callable[..., "agent.Device"]
"""Takes what `agent.Device` takes, and returns one that has been started."""


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers",
        f'{MARKER}(scenario, time_scale="step", seed=None, ...): what ipsec_device is; takes what agent.Device takes',
    )


@pytest.fixture
def ipsec_device_factory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Make]:
    """Start devices, as many as are called for; they end with the test.

    It takes what `agent.Device` takes. Journals are kept among pytest's temporary directories, unless others are named.
    """
    held: list[agent.Device] = []
    request.node.stash[HELD] = held
    with ExitStack() as stack:

        def make(scenario: str | Path = "demo", **options: object) -> agent.Device:
            journal = options.pop("journal", None) or tmp_path_factory.mktemp("ipsec_device") / "journal.jsonl"
            device = agent.Device(scenario, journal=journal, **options)  # type: ignore[arg-type]
            held.append(stack.enter_context(device))
            return device

        yield make


@pytest.fixture
def ipsec_device(request: pytest.FixtureRequest, ipsec_device_factory: Make) -> agent.Device:
    """A device of the scenario that the marker `ipsec_scenario` names, or else `demo`, whose time is stepped."""
    marker = request.node.get_closest_marker(MARKER)
    return ipsec_device_factory(*marker.args, **marker.kwargs) if marker is not None else ipsec_device_factory()


@pytest.hookimpl(hookwrapper=True)  # as old versions of pytest know it, too: they load this whether it is used or not
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """Show beside a failure what has happened to its devices."""
    report: pytest.TestReport = (yield).get_result()
    if report.failed and report.when == "call":
        for device in item.stash.get(HELD, []):
            report.sections.append((f"ipsec_device at {device.host}:{device.port}", story(device)))


def story(device: agent.Device) -> str:
    """Return the last that has happened to a device, and where the rest is."""
    lines = ["events:", *map(str, device.events[-EVENTS:]), "requests:", *map(str, device.requests[-REQUESTS:])]
    return "\n".join([*lines, f"journal: {device.journal}"])
