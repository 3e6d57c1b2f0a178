"""A fleet: devices of one process, each of its own, and the inventories that name them."""

from __future__ import annotations

import asyncio
import csv
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import yaml
from lxml import etree
from ncclient import manager

from agent.app.errors import SettingsError
from agent.app.fleet import FleetOptions, running
from agent.app.inventory import FILES, Inventory, InventoryFormat
from agent.app.settings import STEP, ListenAddress, Settings, User
from tests.bench.netconf_client import NetconfClient
from tests.support.fleets import COOKIES, served_fleet

DEVICES = 3
NOW = (
    b'<get><filter type="subtree"><emulation xmlns="urn:ipsec-agent:emulation"><time><now/></time></emulation>'
    b"</filter></get>"
)
AN_HOUR = b'<advance-time xmlns="urn:ipsec-agent:emulation"><seconds>3600</seconds></advance-time>'
RENAME = (
    b"<edit-config><target><running/></target><config>"
    b'<system xmlns="urn:ipsec-agent:system"><host-name>renamed</host-name></system></config></edit-config>'
)
RUNNING = (
    b'<get-config><source><running/></source><filter type="subtree"><system xmlns="urn:ipsec-agent:system"/>'
    b"</filter></get-config>"
)
INVENTORY = Inventory(
    {"hub-1": ListenAddress("127.0.0.1", 4001), "hub-2": ListenAddress("::1", 4002)}, "admin", "a & b: #c"
)


def options(**changes: object) -> FleetOptions:
    """Options of a small fleet on free ports."""
    given = {"devices": DEVICES, "scenario": "chapter", "host": "127.0.0.1", "first_port": 0, "settings": Settings()}
    return FleetOptions(**{**given, "time_scale": STEP, **changes})  # type: ignore[arg-type]


def with_clients(scene: Callable[[list[NetconfClient]], Awaitable[None]]) -> Inventory:
    """Play a scene with a session to each device of a fleet."""

    async def play() -> Inventory:
        async with running(options()) as inventory:
            clients = [await NetconfClient.open(each.port) for each in inventory.devices.values()]
            await scene(clients)
            for client in clients:
                await client.close()
        return inventory

    return asyncio.run(play())


def test_each_device_answers_with_state_of_its_own() -> None:
    async def scene(clients: list[NetconfClient]) -> None:
        replies = [await client.exchange(COOKIES) for client in clients]
        cookies = {found for reply in replies for found in re.findall(rb"<initiator-cookie>(\w{16})<", reply)}
        assert len(cookies) == DEVICES

    assert list(with_clients(scene).devices) == ["host-1", "host-2", "host-3"]


def test_what_is_done_to_one_device_is_done_to_no_other() -> None:
    async def scene(clients: list[NetconfClient]) -> None:
        one, other, _ = clients
        assert b"<ok/>" in await one.exchange(RENAME)
        assert b"rpc-error" not in await one.exchange(AN_HOUR)
        assert b"renamed" in await one.exchange(RUNNING)
        assert b"T13:00:08" in await one.exchange(NOW)
        assert b"renamed" not in await other.exchange(RUNNING)
        assert b"T12:00:08" in await other.exchange(NOW)

    with_clients(scene)


def test_more_ports_than_there_are_is_an_error() -> None:
    with pytest.raises(SettingsError, match="3 ports from 65534 on"):
        _ = options(first_port=65_534).addresses


def test_ports_follow_the_first() -> None:
    assert [each.port for each in options(first_port=4000).addresses] == [4000, 4001, 4002]


async def begin(given: FleetOptions) -> None:
    """Start a fleet, and end it."""
    async with running(given):
        pass


def test_default_passwords_are_good_on_loopback_only() -> None:
    with pytest.raises(SettingsError, match=r"0\.0\.0\.0:0 can be reached from other machines"):
        asyncio.run(begin(options(host="0.0.0.0")))


def test_an_inventory_does_not_tell_the_passwords_of_others() -> None:
    async def scene() -> Inventory:
        settings = Settings(users=(User("ann", "$2b$12$" + "x" * 53),))
        async with running(options(devices=1, settings=settings)) as inventory:
            return inventory

    inventory = asyncio.run(scene())
    assert (inventory.user, inventory.password) == ("ann", None)
    for _, render in FILES.values():
        assert "admin" not in render(inventory).replace("admin-state", "")
        assert "$2b$" not in render(inventory)


def rendered(format_: InventoryFormat) -> str:
    """The inventory in some format."""
    return FILES[format_][1](INVENTORY)


def test_csv_has_a_line_for_each_device() -> None:
    lines = list(csv.DictReader(rendered(InventoryFormat.CSV).splitlines()))
    assert [line["name"] for line in lines] == ["hub-1", "hub-2"]
    assert lines[1] == {"name": "hub-2", "host": "::1", "port": "4002", "user": "admin", "password": "a & b: #c"}


def test_ansible_connects_by_netconf() -> None:
    group = yaml.safe_load(rendered(InventoryFormat.ANSIBLE))["all"]["children"]["ipsec_agents"]
    assert group["hosts"]["hub-1"] == {"ansible_host": "127.0.0.1", "ansible_port": 4001}
    assert group["vars"]["ansible_connection"] == "ansible.netcommon.netconf"
    assert (group["vars"]["ansible_user"], group["vars"]["ansible_password"]) == ("admin", "a & b: #c")


def test_nornir_knows_what_netconf_needs() -> None:
    hosts = yaml.safe_load(rendered(InventoryFormat.NORNIR))
    assert (hosts["hub-2"]["hostname"], hosts["hub-2"]["port"]) == ("::1", 4002)
    assert (hosts["hub-2"]["username"], hosts["hub-2"]["password"]) == ("admin", "a & b: #c")
    assert hosts["hub-2"]["connection_options"]["netconf"]["extras"]["hostkey_verify"] is False


def test_nso_has_devices_and_who_logs_in_to_them() -> None:
    names = {"ncs": "http://tail-f.com/ns/ncs"}
    root = etree.fromstring(rendered(InventoryFormat.NSO))
    assert root.tag == "{http://tail-f.com/ns/config/1.0}config"
    group = root.find("ncs:devices/ncs:authgroups/ncs:group", names)
    assert group is not None
    assert group.findtext("ncs:default-map/ncs:remote-password", namespaces=names) == "a & b: #c"
    devices = root.findall("ncs:devices/ncs:device", names)
    assert [each.findtext("ncs:port", namespaces=names) for each in devices] == ["4001", "4002"]
    assert {each.findtext("ncs:authgroup", namespaces=names) for each in devices} == {
        group.findtext("ncs:name", namespaces=names)
    }
    (kind, *_) = [each.find("ncs:device-type/ncs:netconf/ncs:ned-id", names) for each in devices]
    assert kind is not None
    assert kind.nsmap["netconf"] == "http://tail-f.com/ns/ned-id/netconf", "the prefix of the value is declared"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_ncclient_logs_in_to_every_device_of_a_served_fleet(tmp_path: Path) -> None:
    given = ("--devices", "2", "--ports", "0", "--inventory", str(tmp_path / "new"), "--print", "csv")
    with served_fleet(*given) as fleet:
        lines = fleet.lines
        printed = "".join(lines[:-1])
        entries = list(csv.DictReader(printed.splitlines()))
        assert lines[-1] == "ready " + " ".join(f"ssh {each['host']}:{each['port']}" for each in entries) + "\n"
        cookies = set()
        for each in entries:
            login = {"username": each["user"], "password": each["password"], "hostkey_verify": False}
            with manager.connect(host=each["host"], port=int(each["port"]), allow_agent=False, **login) as session:
                shown = session.get(filter=("subtree", '<ike xmlns="urn:ipsec-agent:ike"/>')).data_xml
                cookies.add(re.findall(r"<initiator-cookie>(\w+)<", shown)[0])
        assert len(cookies) == 2
    assert (tmp_path / "new" / "devices.csv").read_text() == printed
    assert sorted(each.name for each in (tmp_path / "new").iterdir()) == sorted(name for name, _ in FILES.values())


def test_a_fleet_without_a_number_is_a_usage_error() -> None:
    done = subprocess.run([sys.executable, "-m", "agent", "fleet"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--devices" in done.stderr
