"""What is in scripts/deploy holds: unit, container, settings and topology are what they say they are."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from agent.app.settings import LogFormat
from agent.app.settings_file import load_settings

DEPLOY = Path(__file__).parents[1] / "scripts" / "deploy"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text("utf-8")


def tool(name: str) -> str:
    """Return a tool of the system or of this environment; without it the test is left out."""
    found = shutil.which(name) or shutil.which(name, path=Path(sys.executable).parent)
    if found is None:
        pytest.skip(f"there is no {name}")
    return found


def run(*command: str) -> tuple[int, str]:
    """Run a tool, and return its exit code and what it said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_container_is_what_the_linter_wants() -> None:
    assert run(tool("hadolint"), str(DEPLOY / "Containerfile")) == (0, "")


def test_the_container_runs_as_an_ordinary_user_and_says_how_it_is() -> None:
    (user,) = re.findall(r"^USER (\d+):(\d+)$", CONTAINERFILE, re.MULTILINE)
    assert all(int(number) > 0 for number in user)
    after = CONTAINERFILE.partition("USER ")[2]
    assert "RUN" not in after, "nothing is installed by the user that serves"
    assert "/healthz" in after
    assert "--no-deps --wheel-dir dist" in CONTAINERFILE


def test_the_container_is_built_where_there_is_an_engine() -> None:
    engine = next((each for each in ("podman", "docker") if shutil.which(each) and run(each, "info")[0] == 0), None)
    if engine is None:
        pytest.skip("there is no container engine")
    code, said = run(engine, "build", "-f", str(DEPLOY / "Containerfile"), str(DEPLOY.parents[1]))
    assert code == 0, said


def test_the_container_listens_where_it_says_on_a_port_that_an_ordinary_user_can_take() -> None:
    (exposed,) = re.findall(r"^EXPOSE (\d+)/tcp$", CONTAINERFILE, re.MULTILINE)
    assert f'"--listen", "0.0.0.0:{exposed}"' in CONTAINERFILE
    assert int(exposed) >= 1024


def test_the_unit_gives_the_program_one_power_and_no_more() -> None:
    unit = (DEPLOY / "ipsec-agent.service").read_text("utf-8")
    assert set(re.findall(r"CAP_\w+", unit)) == {"CAP_NET_BIND_SERVICE"}
    for line in ("DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectoryMode=0700"):
        assert line in unit.splitlines()
    assert not re.search(r"^User=root|^ExecStart=[+!]", unit, re.MULTILINE)


def test_the_unit_is_one() -> None:
    analyze = tool("systemd-analyze")
    _, said = run(analyze, "verify", str(DEPLOY / "ipsec-agent.service"))
    complaints = [line for line in said.splitlines() if "ipsec-agent.service" in line]
    assert [line for line in complaints if "is not executable" not in line] == [], "but for the program itself"


def test_the_settings_are_read_and_open_nothing_to_others_but_netconf() -> None:
    settings = load_settings(DEPLOY / "settings.toml")
    assert [address.port for address in settings.listen] == [830]
    assert settings.monitoring is not None
    assert settings.monitoring.is_loopback
    assert f"http://{settings.monitoring}/healthz" in CONTAINERFILE, "health is asked for where it is served"
    assert settings.log.format is LogFormat.JSON
    assert [user.name for user in settings.users or ()] == ["admin"]


def test_the_topology_names_what_the_container_has() -> None:
    topology = yaml.safe_load((DEPLOY / "topology.clab.yaml").read_text("utf-8"))["topology"]
    gateways = [node for node in topology["nodes"].values() if "--scenario" in node.get("cmd", "")]
    assert len(gateways) == 2
    for node in gateways:
        assert "/etc/ipsec-agent/settings.toml" in node["binds"][0]
        assert "/etc/ipsec-agent/settings.toml" in CONTAINERFILE
    for link in topology["links"]:
        assert {end.partition(":")[0] for end in link["endpoints"]} <= topology["nodes"].keys()
