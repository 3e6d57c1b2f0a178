"""What scripts/check says of security: known vulnerabilities, and the rules of bandit that are not followed."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RULE = re.compile(r"\bS\d{3}\b")
ALL = len(re.findall(r"^[A-Za-z0-9]", (ROOT / ".ci" / "constraints.txt").read_text(), re.MULTILINE))
FOUND = "Found 2 known vulnerabilities in 1 package"
NONE = "No known vulnerabilities found"
UNKNOWN = "asyncssh Dependency not found on PyPI and could not be audited: asyncssh (2.24.1)"
BROKEN = "requests.exceptions.ConnectionError: no route to host"


@pytest.mark.parametrize(
    ("said", "code", "expected", "words"),
    [
        (FOUND, 1, 1, [FOUND]),
        (NONE, 0, 0, [f"{ALL} packages, no known vulnerability"]),
        (f"{UNKNOWN}\n{UNKNOWN}\n{NONE}", 0, 0, ["NOT AUDITED", f"of 2 of {ALL} packages nothing could be looked up"]),
        (BROKEN, 1, 0, ["NOT AUDITED", "it could not be run", BROKEN]),
    ],
    ids=["vulnerable", "clean", "unknown", "broken"],
)
def test_what_is_not_known_of_vulnerabilities_is_said(
    tmp_path: Path, said: str, code: int, expected: int, words: list[str]
) -> None:
    tool = tmp_path / "pip-audit"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{said}\nEND\nexit {code}\n")
    tool.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [ROOT / "scripts" / "audit"], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == expected
    assert all(word in done.stdout + done.stderr for word in words)
    if "NOT AUDITED" in words:
        assert "no known vulnerability" not in done.stderr


def exceptions() -> list[str]:
    """Return the lines that except something from bandit's rules: of the project's settings, and of the sources."""
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    sources = [path for folder in ("agent", "scripts", "tests") for path in (ROOT / folder).rglob("*.py")]
    lines += [line for path in sources for line in path.read_text().splitlines() if re.search(r"#\s*noqa", line)]
    return [line for line in lines if RULE.search(line)]


def test_the_rules_of_bandit_hold_for_everything() -> None:
    lint = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    ignored = {rule for rule in lint["ignore"] if RULE.fullmatch(rule)}
    assert ignored == {"S101"}, "what is excepted for all is an assert, and nothing else"


def test_each_exception_from_the_rules_of_bandit_has_its_reason_beside_it() -> None:
    found = exceptions()
    assert len(found) > 5
    for line in found:
        _, _, reason = line.partition("#")
        assert RULE.sub("", reason).strip(" ,"), line
