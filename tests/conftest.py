"""Fixtures of more than one folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.ssh_server import Stage, make_host_keys


@pytest.fixture(scope="session")
def host_keys(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Key files of an SSH server: Ed25519 and RSA."""
    return make_host_keys(tmp_path_factory.mktemp("host-keys"))


@pytest.fixture
def stage(host_keys: list[Path]) -> Stage:
    """Where a scene with an SSH server is played."""
    return Stage(host_keys)
