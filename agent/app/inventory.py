"""Inventories of a fleet, as the tools of network engineers read them: CSV, Ansible, Nornir, Cisco NSO."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

import yaml
from lxml import etree

from agent.app.settings import ListenAddress

GROUP: Final = "ipsec_agents"
_TEMPLATE_MARKS: Final = ("{{", "{%", "{#")
"""What a template of Jinja begins with."""
NSO_CONFIG: Final = "http://tail-f.com/ns/config/1.0"
NSO_DEVICES: Final = "http://tail-f.com/ns/ncs"
NSO_NETCONF: Final = "http://tail-f.com/ns/ned-id/netconf"


class InventoryFormat(Enum):
    """Who is to read it."""

    CSV = "csv"
    ANSIBLE = "ansible"
    NORNIR = "nornir"
    NSO = "nso"


@dataclass(frozen=True, slots=True)
class Inventory:
    """The devices by name, and who logs in to all of them. `password` None: it is not ours to tell."""

    devices: Mapping[str, ListenAddress]
    user: str
    password: str | None = field(repr=False)

    @property
    def login(self) -> Mapping[str, str]:
        """The user, and the password if it is known."""
        return {"user": self.user, **({} if self.password is None else {"password": self.password})}


def render_csv(inventory: Inventory) -> str:
    """Return a table with a line for each device."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("name", "host", "port", "user", "password"))
    for name, address in inventory.devices.items():
        writer.writerow((name, address.host, address.port, inventory.user, inventory.password or ""))
    return out.getvalue()


def render_ansible(inventory: Inventory) -> str:
    """Return an inventory for `ansible.netcommon.netconf`, in YAML."""
    hosts = {
        name: {"ansible_host": address.host, "ansible_port": address.port}
        for name, address in inventory.devices.items()
    }
    shared: dict[str, object] = {f"ansible_{key}": _plain(value) for key, value in inventory.login.items()}
    shared |= {"ansible_connection": "ansible.netcommon.netconf", "ansible_host_key_checking": False}
    return _yaml({"all": {"children": {GROUP: {"hosts": hosts, "vars": shared}}}})


def render_nornir(inventory: Inventory) -> str:
    """Return a `hosts.yaml` for the SimpleInventory of Nornir, with what nornir-netconf wants to know."""
    options = {"netconf": {"extras": {"hostkey_verify": False, "allow_agent": False, "look_for_keys": False}}}
    login = {"username": inventory.user, **({} if inventory.password is None else {"password": inventory.password})}
    return _yaml(
        {
            name: {"hostname": address.host, "port": address.port, **login, "connection_options": options}
            for name, address in inventory.devices.items()
        }
    )


def render_nso(inventory: Inventory) -> str:
    """Return devices and their authgroup as NSO's `ncs_load -l -m` takes them."""
    root = etree.Element(f"{{{NSO_CONFIG}}}config", nsmap={"config": NSO_CONFIG})
    devices = etree.SubElement(root, f"{{{NSO_DEVICES}}}devices", nsmap={"ncs": NSO_DEVICES})
    group = _below(devices, "authgroups", "group")
    _leaf(group, "name", GROUP)
    login = _below(group, "default-map")
    _leaf(login, "remote-name", inventory.user)
    if inventory.password is not None:
        _leaf(login, "remote-password", inventory.password)
    for name, address in inventory.devices.items():
        device = _below(devices, "device")
        for leaf, value in (("name", name), ("address", address.host), ("port", str(address.port))):
            _leaf(device, leaf, value)
        _leaf(_below(device, "ssh"), "host-key-verification", "none")
        _leaf(device, "authgroup", GROUP)
        kind = _below(device, "device-type", "netconf")
        ned = etree.SubElement(kind, f"{{{NSO_DEVICES}}}ned-id", nsmap={"netconf": NSO_NETCONF})
        ned.text = "netconf:netconf"
        _leaf(_below(device, "state"), "admin-state", "unlocked")
    return etree.tostring(root, pretty_print=True, encoding="unicode")


def _below(parent: etree._Element, *names: str) -> etree._Element:
    for name in names:
        parent = etree.SubElement(parent, f"{{{NSO_DEVICES}}}{name}")
    return parent


def _leaf(parent: etree._Element, name: str, value: str) -> None:
    _below(parent, name).text = value


class _Plain(str):
    """Text that Ansible must not take for a template."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes YAML, with the tag of Ansible's own for what is no template, though it looks like one."""

    def represent_data(self, data: object) -> yaml.Node:
        """Return the node of a value."""
        if isinstance(data, _Plain):
            return self.represent_scalar("!unsafe", str(data))
        return super().represent_data(data)


def _plain(text: str) -> str:
    return _Plain(text) if any(mark in text for mark in _TEMPLATE_MARKS) else text


def _yaml(content: Mapping[str, object]) -> str:
    text: str = yaml.dump(content, Dumper=_Dumper, sort_keys=False)
    return text


FILES: Final[Mapping[InventoryFormat, tuple[str, Callable[[Inventory], str]]]] = MappingProxyType(
    {
        InventoryFormat.CSV: ("devices.csv", render_csv),
        InventoryFormat.ANSIBLE: ("ansible.yaml", render_ansible),
        InventoryFormat.NORNIR: ("hosts.yaml", render_nornir),
        InventoryFormat.NSO: ("nso.xml", render_nso),
    }
)
"""Under what name each lies in a folder, and what is in it."""


def names(stem: str, count: int) -> Sequence[str]:
    """Return a name for each of so many devices, which sort as they are numbered."""
    return tuple(f"{stem}-{number:0{len(str(count))}}" for number in range(1, count + 1))
