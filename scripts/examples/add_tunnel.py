#!/usr/bin/env python3
"""Add a tunnel to a peer, or remove it: proposals, policies, a dynamic security association and an interface unit.

All of it is one edit-config: either the whole tunnel is there afterwards, or nothing of it.
"""

from __future__ import annotations

import sys
import time
from xml.sax.saxutils import escape

from connection import arguments, connect
from ncclient.manager import Manager
from ncclient.operations import RPCError

BASE = "urn:ietf:params:xml:ns:netconf:base:1.0"
IPSEC = "urn:ipsec-agent:ipsec"
TUNNEL = """
<config xmlns="{base}" xmlns:nc="{base}">
  <ike xmlns="urn:ipsec-agent:ike">
    <proposal nc:operation="{operation}">
      <name>{name}</name>{ike_proposal}
    </proposal>
    <policy nc:operation="{operation}">
      <peer-address>{peer}</peer-address>{ike_policy}
    </policy>
  </ike>
  <ipsec xmlns="{ipsec}">
    <proposal nc:operation="{operation}">
      <name>{name}</name>{ipsec_proposal}
    </proposal>
    <policy nc:operation="{operation}">
      <name>{name}</name>{ipsec_policy}
    </policy>
    <security-association nc:operation="{operation}">
      <name>{name}</name>{association}
    </security-association>
  </ipsec>
  <interfaces xmlns="urn:ietf:params:xml:ns:yang:ietf-interfaces">
    <interface>
      <name>{interface}</name>{interface_type}
      <unit xmlns="urn:ipsec-agent:interfaces" nc:operation="{operation}">
        <id>{unit}</id>{tunnel}
      </unit>
    </interface>
  </interfaces>
</config>
"""
CONTENT = {
    "ike_proposal": (
        "<authentication-algorithm>sha1</authentication-algorithm>"
        "<encryption-algorithm>3des-cbc</encryption-algorithm><dh-group>group2</dh-group>"
    ),
    "ike_policy": ("<proposal>{name}</proposal><pre-shared-key><ascii-text>{key}</ascii-text></pre-shared-key>"),
    "ipsec_proposal": (
        "<protocol>esp</protocol><authentication-algorithm>hmac-sha1-96</authentication-algorithm>"
        "<encryption-algorithm>3des-cbc</encryption-algorithm>"
    ),
    "ipsec_policy": "<proposal>{name}</proposal><perfect-forward-secrecy>group2</perfect-forward-secrecy>",
    "association": "<dynamic><ipsec-policy>{name}</ipsec-policy></dynamic>",
    "interface_type": '<type xmlns:esif="urn:ipsec-agent:interfaces">esif:es-pic</type>',
    "tunnel": (
        "<family-inet><ipsec-sa>{name}</ipsec-sa></family-inet>"
        "<tunnel><source>{local}</source><destination>{peer}</destination></tunnel>"
    ),
}


def config(options: dict[str, str], *, remove: bool) -> str:
    """Return the edit; to remove a tunnel, its keys are enough."""
    values = {name: escape(value) for name, value in options.items()}
    content = {name: "" if remove else text.format(**values) for name, text in CONTENT.items()}
    return TUNNEL.format(base=BASE, ipsec=IPSEC, operation="delete" if remove else "create", **values, **content)


def installed(session: Manager, name: str) -> int:
    """Return how many IPsec security associations a tunnel has now."""
    entry = f"<security-association><name>{escape(name)}</name><sa><spi/></sa></security-association>"
    reply = session.get(filter=("subtree", f'<ipsec xmlns="{IPSEC}">{entry}</ipsec>'))
    return sum(1 for _ in reply.data.iter(f"{{{IPSEC}}}spi"))


def main() -> int:
    """Edit the configuration, and wait until the tunnel is up."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("--peer", default="5.5.5.5", help="the other gateway; default: %(default)s")
    parser.add_argument("--local", default="4.4.4.5", help="this gateway; default: %(default)s")
    parser.add_argument("--key", default="between-4.4.4.5-and-5.5.5.5", help="the pre-shared key; default: %(default)s")
    parser.add_argument("--name", default="sa-added", help="of everything that is added; default: %(default)s")
    parser.add_argument("--interface", default="es-1/3/0", help="default: %(default)s")
    parser.add_argument("--unit", default="7", help="default: %(default)s")
    parser.add_argument("--remove", action="store_true", help="remove the tunnel instead")
    options = parser.parse_args()
    with connect(options) as session:
        try:
            session.edit_config(target="running", config=config(strings(options), remove=options.remove))
            if options.remove:
                print(f"{options.name} removed")
                return 0
            for _ in range(50):
                if installed(session, options.name):
                    print(f"{options.name} up")
                    return 0
                time.sleep(0.2)
        except RPCError as error:
            print(f"error: {error.message}", file=sys.stderr)
            return 1
    print(f"error: {options.name} is configured and not up", file=sys.stderr)
    return 1


def strings(options: object) -> dict[str, str]:
    """Return the options that stand in the edit."""
    return {name: getattr(options, name) for name in ("peer", "local", "key", "name", "interface", "unit")}


if __name__ == "__main__":
    sys.exit(main())
