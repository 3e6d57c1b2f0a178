"""The import contracts of pyproject.toml hold, and each of them can be broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

TREE = (
    "__init__",
    "app/__init__",
    "app/cli",
    "bindings/__init__",
    "bindings/ike",
    "core/__init__",
    "core/config",
    "core/crypto/__init__",
    "core/device",
    "core/events",
    "core/identifiers",
    "core/ike/__init__",
    "core/keying",
    "core/link",
    "core/peer",
    "core/world",
    "datastore/__init__",
    "datastore/schema",
    "netconf/__init__",
    "netconf/session",
    "transport/__init__",
    "transport/driver",
    "transport/endpoint",
    "transport/pump",
    "transport/ssh",
)
"""A package of the real one's shape, with nothing in it."""


def lint(tree: Path, contract: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run import-linter with our contracts in a folder that holds a package ``agent``."""
    command = str(Path(sys.executable).with_name("lint-imports"))
    options = ["--no-cache", *(["--contract", contract] if contract else [])]
    return subprocess.run(
        [command, str(ROOT / "pyproject.toml"), *options], cwd=tree, capture_output=True, text=True, check=False
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in TREE:
        path = tmp_path / "agent" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_the_contracts_hold() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout


def test_a_lawful_tree_breaks_none(tree: Path) -> None:
    (tree / "agent/app/cli.py").write_text(
        "import asyncio\nfrom agent.core import device\nimport agent.transport.ssh\n"
    )
    (tree / "agent/bindings/ike.py").write_text("import agent.core.device\nimport agent.datastore.schema\n")
    (tree / "agent/core/crypto/__init__.py").write_text("import gmpy2\nfrom cryptography import x509\n")
    (tree / "agent/transport/ssh.py").write_text("import asyncio\nimport agent.transport.pump\n")
    done = lint(tree)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("contract", "module", "imported"),
    [
        ("layers", "datastore/schema", "agent.netconf.session"),
        ("layers", "netconf/session", "agent.bindings.ike"),
        ("layers", "bindings/ike", "agent.app.cli"),
        ("layers", "core/device", "agent.datastore.schema"),
        ("netconf-knows-no-core", "netconf/session", "agent.core.device"),
        ("netconf-knows-no-core", "datastore/schema", "agent.core.world"),
        ("transport-knows-nothing", "transport/ssh", "agent.core.world"),
        ("transport-knows-nothing", "transport/driver", "agent.datastore.schema"),
        ("transport-layers", "transport/driver", "agent.transport.ssh"),
        ("transport-layers", "transport/endpoint", "agent.transport.pump"),
        ("core-layers", "core/world", "agent.core.events"),
        ("core-layers", "core/ike/__init__", "agent.core.keying"),
        ("core-layers", "core/crypto/__init__", "agent.core.link"),
        ("core-layers", "core/peer", "agent.core.device"),
        *(
            ("core-is-pure", "core/device", forbidden)
            for forbidden in ("asyncio", "socket", "ssl", "time", "random", "secrets", "os", "logging", "lxml", "pyang")
        ),
        ("one-door-to-cryptography", "core/ike/__init__", "cryptography"),
        ("one-door-to-cryptography", "transport/ssh", "cryptography"),
        ("one-door-to-cryptography", "core/keying", "gmpy2"),
        ("one-place-for-the-loop", "netconf/session", "asyncio"),
        ("one-place-for-the-loop", "datastore/schema", "time"),
        ("one-place-for-the-loop", "bindings/ike", "socket"),
    ],
)
def test_an_unlawful_import_breaks_its_contract(tree: Path, contract: str, module: str, imported: str) -> None:
    (tree / f"agent/{module}.py").write_text(f"import {imported}\n")
    done = lint(tree, contract)
    assert done.returncode == 1
    assert "Contracts: 0 kept, 1 broken." in done.stdout


def test_a_module_without_a_place_in_the_core_breaks_its_contract(tree: Path) -> None:
    (tree / "agent/core/elsewhere.py").touch()
    done = lint(tree, "core-layers")
    assert done.returncode == 1
    assert "agent.core.elsewhere" in done.stdout
