"""The inventories of a fleet, read by those that they are for, who then ask every device of it."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.app.inventory import Inventory, render_ansible
from agent.app.settings import ListenAddress
from tests.support.clients import ENVIRONMENTS, SCRIPTS, needs, ran
from tests.support.fleets import served_fleet

FLEET = ("--devices", "3", "--processes", "2", "--ports", "0", "--time-scale", "step", "--print", "csv")
FILTER = '<ike xmlns="urn:ipsec-agent:ike"/>'
TRICKY = "a {{ 1 + 1 }} {% b: #c"
"""A password with what begins a template, and what means something in YAML."""


@dataclass(frozen=True, slots=True)
class Written:
    """The inventories of a running fleet, with the ports and the cookies that its devices really have."""

    folder: Path
    ports: dict[str, int]
    cookies: dict[str, list[str]]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Written]:
    """A running fleet; the path of its folder is short, for Ansible has sockets there."""
    with tempfile.TemporaryDirectory(prefix="fleet-") as path, served_fleet(*FLEET, "--inventory", path) as served:
        cookies = {name: [each.decode() for each in found] for name, found in served.cookies().items()}
        yield Written(Path(path), served.ports, cookies)


def ansible(home: Path, program: str, *words: str) -> str:
    """Run a program of Ansible's, and return what it prints."""
    binaries = ENVIRONMENTS / "ansible" / "bin"
    environment = {
        "HOME": str(home),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_PERSISTENT_CONTROL_PATH_DIR": str(home / "pc"),
        "LC_ALL": "C.UTF-8",
    }
    return ran([str(binaries / "python"), "-W", "ignore", str(binaries / program), *words], environment)


@needs("ansible")
def test_ansible_reads_every_device_with_its_own_program(fleet: Written) -> None:
    listed: Any = json.loads(
        ansible(fleet.folder, "ansible-inventory", "-i", str(fleet.folder / "ansible.yaml"), "--list")
    )
    assert listed["ipsec_agents"]["hosts"] == list(fleet.ports)
    hosts = listed["_meta"]["hostvars"]
    assert {name: host["ansible_port"] for name, host in hosts.items()} == fleet.ports
    assert {(host["ansible_user"], host["ansible_password"]) for host in hosts.values()} == {("admin", "admin")}


@needs("ansible")
def test_ansible_logs_in_to_every_device_with_nothing_but_the_inventory(fleet: Written) -> None:
    words = "-i", str(fleet.folder / "ansible.yaml"), "ipsec_agents", "-m", "ansible.netcommon.netconf_get"
    said = ansible(fleet.folder, "ansible", *words, "-a", f"filter='{FILTER}'", "--one-line")
    answers = dict(re.findall(r"^(\S+) \| SUCCESS => (.*)$", said, re.MULTILINE))
    found = {name: set(re.findall(r"<initiator-cookie>(\w+)<", answer)) for name, answer in answers.items()}
    assert found == {name: set(cookies) for name, cookies in fleet.cookies.items()}


@needs("ansible")
def test_ansible_takes_no_password_for_a_template(fleet: Written) -> None:
    path = fleet.folder / "tricky.yaml"
    path.write_text(render_ansible(Inventory({"r1": ListenAddress("::1", 830)}, "admin", TRICKY)))
    words = "-i", str(path), "r1", "-c", "local", "-m", "ansible.builtin.debug", "-a", "var=ansible_password"
    assert f'"ansible_password": {json.dumps(TRICKY)}' in ansible(fleet.folder, "ansible", *words, "--one-line")


@needs("nornir")
def test_nornir_logs_in_to_every_device(fleet: Written) -> None:
    python = str(ENVIRONMENTS / "nornir" / "bin" / "python")
    told = json.dumps({"hosts": str(fleet.folder / "hosts.yaml")})
    said = ran([python, "-W", "ignore", str(SCRIPTS / "nornir_tour.py")], {"HOME": str(fleet.folder)}, told)
    assert json.loads(said) == fleet.cookies
