"""What a script does with Netmiko, which types at the prompt: commands, as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from netmiko import ConnectHandler


def connect(told: dict[str, Any], user: str) -> Any:
    """Log in, and get to the prompt."""
    return ConnectHandler(
        device_type="juniper_junos", host=told["host"], port=told["port"], username=user, password=user
    )


def main() -> None:
    """Tour the device."""
    told = json.load(sys.stdin)
    with connect(told, "admin") as device:
        seen = {
            "prompt": device.find_prompt(),
            "outputs": [device.send_command(command) for command in told["commands"]],
            "long": device.send_command("show ipsec certificates detail"),
            "unknown": device.send_command("show nonsense"),
        }
    with connect(told, "guest") as device:
        seen["guest"] = device.send_command("show ike security-associations")
    print(json.dumps(seen))


main()
