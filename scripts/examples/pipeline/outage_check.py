#!/usr/bin/env python3
"""Tell which tunnels of a gateway are down. Exit code 1 when one is.

The first run writes down the SPIs of every tunnel. A tunnel one of whose SPIs is gone in a later run is taken for down.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ncclient import manager

NAMESPACES = {"ipsec": "urn:ipsec-agent:ipsec"}
TUNNELS = '<ipsec xmlns="urn:ipsec-agent:ipsec"><security-association/></ipsec>'
Spis = Mapping[str, Sequence[str]]
Outages = Callable[[Spis, Spis], Sequence[str]]


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("user")
    parser.add_argument("password")
    parser.add_argument("--state", type=Path, required=True, help="where the SPIs are written down")
    return parser.parse_args(arguments)


def installed(options: argparse.Namespace) -> Spis:
    """Return the SPIs of each tunnel's installed security associations."""
    with manager.connect(
        host=options.host,
        port=options.port,
        username=options.user,
        password=options.password,
        hostkey_verify=False,
        look_for_keys=False,
        allow_agent=False,
    ) as session:
        data = session.get(filter=("subtree", TUNNELS)).data
    return {
        tunnel.findtext("ipsec:name", namespaces=NAMESPACES): [
            sa.findtext("ipsec:spi", namespaces=NAMESPACES)
            for sa in tunnel.iterfind("ipsec:sa", NAMESPACES)
            if sa.findtext("ipsec:state", namespaces=NAMESPACES) == "installed"
        ]
        for tunnel in data.iter("{urn:ipsec-agent:ipsec}security-association")
    }


def outages(before: Spis, now: Spis) -> list[str]:
    """Return the tunnels that were up before and are down now."""
    return [name for name, spis in before.items() if not set(spis) <= set(now.get(name, ()))]


def main(arguments: Sequence[str] | None = None, outages: Outages = outages) -> int:
    """Write down, or compare."""
    options = parse(arguments)
    now = installed(options)
    if not options.state.exists():
        options.state.write_text(json.dumps(now))
        return 0
    down = outages(json.loads(options.state.read_text()), now)
    for name in down:
        print(f"{name} is down")
    return 1 if down else 0


if __name__ == "__main__":
    sys.exit(main())
