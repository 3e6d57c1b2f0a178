"""Ansible, unmodified, with its modules for NETCONF and for Junos."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import ENVIRONMENTS, SCRIPTS, needs, ran
from tests.support.served import Served
from tests.support.seven_commands import DENIED, SEVEN_COMMANDS, check_seven

pytestmark = needs("ansible")

INVENTORY = """
all:
  vars:
    ansible_connection: ansible.netcommon.netconf
    ansible_network_os: junipernetworks.junos.junos
  hosts:
    localhost: {{ansible_connection: local, ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"}}
    device: {{ansible_host: {host}, ansible_port: {port}, ansible_user: admin, ansible_password: admin}}
    guest: {{ansible_host: {host}, ansible_port: {port}, ansible_user: guest, ansible_password: guest}}
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A home for Ansible with a short path: its persistent connections are sockets in it."""
    with tempfile.TemporaryDirectory(prefix="ansible-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def seen(chapter: Served, home: Path) -> Any:
    """The results of every task of the playbook."""
    (home / "inventory.yml").write_text(INVENTORY.format(host=chapter.host, port=chapter.port))
    (home / "commands.json").write_text(json.dumps({"commands": SEVEN_COMMANDS}))
    binaries = ENVIRONMENTS / "ansible" / "bin"
    ran(
        [
            *(str(binaries / "python"), "-W", "ignore", str(binaries / "ansible-playbook")),
            *("-i", str(home / "inventory.yml"), "-e", f"@{home / 'commands.json'}", str(SCRIPTS / "ansible_tour.yml")),
        ],
        {
            "HOME": str(home),
            "ANSIBLE_HOME": str(home),
            "ANSIBLE_PERSISTENT_CONTROL_PATH_DIR": str(home / "pc"),
            "ANSIBLE_HOST_KEY_CHECKING": "False",
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "ANSIBLE_NETWORK_IMPORT_MODULES": "True",
            "LC_ALL": "C.UTF-8",
            "OUTPUT": str(home / "output.json"),
        },
    )
    return json.loads((home / "output.json").read_text())


def test_netconf_get_has_the_state(seen: Any) -> None:
    association = seen["netconf_get"]["output"]["rpc-reply"]["data"]["ike"]["security-associations"]
    assert association["security-association"]["remote-address"] == "4.4.4.4"


def test_netconf_config_changes_what_is_not_so_yet(seen: Any) -> None:
    assert seen["netconf_config"]["changed"] is True
    assert seen["netconf_config_again"]["changed"] is False


def test_netconf_rpc_calls_the_rpcs_of_a_router(seen: Any) -> None:
    reply = seen["netconf_rpc"]["output"]["rpc-reply"]["ike-security-associations-information"]
    assert reply["ike-security-associations"]["ike-sa-remote-address"] == "4.4.4.4"


def test_junos_command_runs_the_seven_commands(seen: Any) -> None:
    check_seven(seen["junos_command"]["stdout"])


def test_junos_command_has_xml(seen: Any) -> None:
    (reply,) = seen["junos_command_xml"]["output"]
    pair = reply["rpc-reply"]["ipsec-pic-redundancy-information"]["ipsec-pic-redundancy"]
    assert pair["ipsec-pic-redundancy-primary-interface"] == "es-1/3/0"


def test_junos_command_tells_what_is_refused(seen: Any) -> None:
    assert seen["junos_command_refused"]["failed"] is True
    assert "9.9.9.9" in json.dumps(seen["junos_command_refused"])


def test_junos_rpc_takes_arguments(seen: Any) -> None:
    assert "Protocol: AH, Authentication: hmac-md5-96, Encryption: None" in seen["junos_rpc"]["output"]
    assert "sa-dynamic" not in seen["junos_rpc"]["output"]


def test_junos_config_changes_what_is_not_so_yet(seen: Any) -> None:
    assert seen["junos_config"]["changed"] is True
    assert seen["junos_config_again"]["changed"] is False
    assert "host-name by-junos;" in seen["name_at_the_end"]["stdout"][0]


def test_junos_config_tells_what_is_no_statement(seen: Any) -> None:
    assert seen["junos_config_refused"]["failed"] is True
    assert "protocols" in json.dumps(seen["junos_config_refused"])


def test_a_guest_is_denied(seen: Any) -> None:
    assert seen["guest"]["failed"] is True
    assert f">{DENIED}<" in json.dumps(seen["guest"])
