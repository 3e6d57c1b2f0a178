"""What a script does with PyEZ: facts, commands, RPCs, a table, and the configuration, as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import yaml
from jnpr.junos import Device
from jnpr.junos.exception import CommitError, ConfigLoadError, RpcError
from jnpr.junos.factory.factory_loader import FactoryLoader
from jnpr.junos.utils.config import Config

TABLE = """
IkeTable:
  rpc: get-ike-security-associations-information
  item: ike-security-associations
  key: ike-sa-remote-address
  view: IkeView
IkeView:
  fields:
    state: ike-sa-state
    initiator_cookie: ike-sa-initiator-cookie
"""
FACTS = ("hostname", "model", "version", "personality", "serialnumber", "fqdn")


def connect(told: dict[str, Any], user: str) -> Device:
    """Open a session."""
    return Device(
        host=told["host"], port=told["port"], user=user, passwd=user, normalize=True, hostkey_verify=False
    ).open()


def rpcs(device: Device) -> dict[str, Any]:
    """Call RPCs, one of them with an unknown argument."""
    brief = device.rpc.get_ike_security_associations_information()
    detail = device.rpc.get_security_associations_information(detail=True, sa_name="sa-manual")
    try:
        device.rpc.get_security_associations_information(sa_name="sa-nowhere")
        refused = None
    except RpcError as error:
        refused = error.message
    return {
        "peer": brief.findtext(".//ike-sa-remote-address"),
        "protocols": [each.text for each in detail.iter("sa-protocol")],
        "refused": refused,
        "rpc_of_command": device.display_xml_rpc("show ike security-associations detail", format="text"),
    }


def configuration(device: Device) -> dict[str, Any]:
    """Load, compare, commit, go back; and load what is wrong."""
    seen: dict[str, Any] = {}
    with Config(device) as config:
        config.load("set system host-name pyez-set", format="set")
        seen["difference"] = config.diff()
        seen["check"] = config.commit_check()
        seen["commit"] = config.commit(comment="by PyEZ")
        seen["name"] = device.rpc.get_software_information().findtext(".//host-name")
        config.load("system { host-name pyez-text; }", format="text", merge=True)
        config.rollback()
        seen["after_discard"] = config.diff()
        config.rollback(rb_id=1)
        seen["back"] = config.diff()
        config.commit()
        seen["name_at_the_end"] = device.rpc.get_software_information().findtext(".//host-name")
        try:
            config.load("set protocols bgp", format="set")
            seen["wrong"] = None
        except (ConfigLoadError, CommitError) as error:
            seen["wrong"] = str(error)
            config.rollback()
    return seen


def guest(told: dict[str, Any]) -> str:
    """Return what a guest is told."""
    device = connect(told, "guest")
    try:
        device.rpc.get_ike_security_associations_information()
        return "let in"
    except RpcError as error:
        return f"{type(error).__name__}: {error.rpc_error['message']}"
    finally:
        device.close()


def main() -> None:
    """Tour the device."""
    told = json.load(sys.stdin)
    device = connect(told, "admin")
    facts = {name: device.facts[name] for name in FACTS}
    table = FactoryLoader().load(yaml.safe_load(TABLE))["IkeTable"](device).get()
    seen = {
        "facts": facts,
        "outputs": [device.cli(command, warning=False) for command in told["commands"]],
        "table": {row.name: {"state": row.state, "cookie": row.initiator_cookie} for row in table},
        "rpcs": rpcs(device),
        "configuration": configuration(device),
        "guest": guest(told),
    }
    device.close()
    print(json.dumps(seen))


main()
