"""Fixtures of more than one folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.ssh_server import Stage, make_host_keys

# The same examples each time, however slow the machine is: whether a change passes is no matter of chance. To look for
# new ones: pytest --hypothesis-profile default.
settings.register_profile("repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def host_keys(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Key files of an SSH server: Ed25519 and RSA."""
    return make_host_keys(tmp_path_factory.mktemp("host-keys"))


@pytest.fixture
def stage(host_keys: list[Path]) -> Stage:
    """Where a scene with an SSH server is played."""
    return Stage(host_keys)
