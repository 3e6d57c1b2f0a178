"""What a script does with NAPALM: facts, commands, and a change of the configuration, as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from napalm import get_network_driver
from napalm.base.exceptions import MergeConfigException


def connect(told: dict[str, Any], user: str) -> Any:
    """Open a session."""
    device = get_network_driver("junos")(told["host"], user, user, optional_args={"port": told["port"]})
    device.open()
    return device


def configuration(device: Any) -> dict[str, Any]:
    """Load, compare, discard, commit, go back, commit on trial; and load what is wrong."""
    seen: dict[str, Any] = {}
    device.load_merge_candidate(config="system { host-name by-napalm; }")
    seen["difference"] = device.compare_config()
    device.discard_config()
    seen["after_discard"] = device.compare_config()
    device.load_merge_candidate(config="set system host-name by-napalm")
    device.commit_config()
    seen["running"] = device.get_config(retrieve="running")["running"]
    device.rollback()
    seen["after_rollback"] = device.get_config(retrieve="running")["running"]
    device.load_merge_candidate(config="set system host-name on-trial")
    device.commit_config(revert_in=300)
    seen["pending"] = [device.has_pending_commit()]
    device.confirm_commit()
    seen["pending"].append(device.has_pending_commit())
    seen["after_trial"] = device.get_config(retrieve="running")["running"]
    try:
        device.load_merge_candidate(config="protocols { bgp; }")
        seen["wrong"] = None
    except MergeConfigException as error:
        seen["wrong"] = str(error)
        device.discard_config()
    return seen


def guest(told: dict[str, Any]) -> str:
    """Return what a guest is told."""
    device = connect(told, "guest")
    try:
        return str(device.cli(["show ike security-associations"]))
    except Exception as error:  # noqa: BLE001  (whatever NAPALM makes of it)
        return str(error)
    finally:
        device.close()


def main() -> None:
    """Tour the device."""
    told = json.load(sys.stdin)
    device = connect(told, "admin")
    seen = {
        "facts": device.get_facts(),
        "outputs": [device.cli([command])[command] for command in told["commands"]],
        "configuration": configuration(device),
        "guest": guest(told),
    }
    device.close()
    print(json.dumps(seen))


main()
