"""Which of the scripts is tested: pytest --script outage_check_mended."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from agent import Device


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --script."""
    parser.addoption("--script", default="outage_check", help="the script that is tested")


@pytest.fixture
def check(
    ipsec_device: Device, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[], tuple[int, str]]:
    """Run the script against the device, and return its exit code and what it prints."""
    device, script = ipsec_device, import_module(request.config.getoption("--script"))

    def run() -> tuple[int, str]:
        where = [device.host, str(device.port), device.user, device.password]
        code = script.main([*where, "--state", str(tmp_path / "spis.json")])
        return code, capsys.readouterr().out

    return run
