"""Clients with an environment of their own (`scripts/clients`): a script tours the device, and says what it saw."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.served import Served
from tests.support.seven_commands import SEVEN_COMMANDS

ROOT = Path(__file__).parents[2]
ENVIRONMENTS = ROOT / ".venv-clients"
SCRIPTS = ROOT / "tests" / "interop" / "clients"
SECONDS = 100


def needs(name: str) -> pytest.MarkDecorator:
    """Mark tests that are left out where there is no such environment."""
    missing = not (ENVIRONMENTS / name / "made-for").exists()
    return pytest.mark.skipif(missing, reason=f"scripts/clients has not made .venv-clients/{name}")


def tour(environment: str, script: str, server: Served) -> Any:
    """Run a script of SCRIPTS, which is told of the server on its stdin, and return the JSON that it prints."""
    told = {"host": server.host, "port": server.port, "commands": SEVEN_COMMANDS}
    python = ENVIRONMENTS / environment / "bin" / "python"
    return json.loads(ran([str(python), "-W", "ignore", str(SCRIPTS / script)], {}, json.dumps(told)))


def ran(command: list[str], environment: Mapping[str, str], given: str = "") -> str:
    """Run a command of a client to a good end, and return what it prints."""
    done = subprocess.run(
        command,
        input=given,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout
