"""The command line, up to where it hands over."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent import __version__
from agent.app.cli import describe


def ipsec_agent(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )


def test_the_version_is_the_packages() -> None:
    assert ipsec_agent("--version").stdout.split()[-1] == __version__


def test_help_names_every_option_of_serve() -> None:
    done = ipsec_agent("serve", "--help")
    assert done.returncode == 0
    for option in (
        "--scenario",
        "--reset",
        "--settings",
        "--listen",
        "--state-dir",
        "--time-scale",
        "--ike",
        "--journal",
    ):
        assert option in done.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["serve", "--listen", "8830"], "HOST:PORT"),
        (["serve", "--time-scale", "fast"], "step"),
        (["serve", "--nonsense"], "--nonsense"),
        (["serve", "--settings", "none.toml"], "none.toml: No such file"),
        (["serve", "--listen", "0.0.0.0:0", "--scenario", "chapter"], "default passwords"),
        (["serve", "--listen", "tls:127.0.0.1:0"], "[tls]"),
        (["serve", "--listen", "udp:127.0.0.1:0"], "brackets"),
        (["serve", "--ike", "0.0.0.0"], "no single address"),
        (["serve", "--ike", "127.0.0.1", "--time-scale", "10"], "time scale 10"),
        (["serve", "--ike", "127.0.0.1", "--time-scale", "step"], "this is steps"),
        (["serve", "--ike", "4.4.4.4", "--scenario", "chapter"], "emulates a remote gateway"),
        (["nonsense"], "nonsense"),
    ],
)
def test_a_usage_error_is_exit_code_2_and_one_message(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    if arguments[0] == "serve":
        arguments = [*arguments, "--state-dir", str(tmp_path / "state")]
    done = ipsec_agent(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_of_the_operating_system_names_its_file() -> None:
    assert describe(FileNotFoundError(2, "No such file or directory", "lab.yaml")) == (
        "lab.yaml: No such file or directory"
    )
    assert describe(OSError("cannot bind")) == "cannot bind"


def test_help_loads_nothing_that_only_a_server_needs() -> None:
    code = "import sys, agent.app.cli; print(*[name for name in ('asyncssh', 'lxml', 'pyang') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
