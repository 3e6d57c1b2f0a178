#!/usr/bin/env python3
"""request ipsec switch (interface [NAME] | security-associations [NAME]), over NETCONF."""

from __future__ import annotations

import sys
from xml.sax.saxutils import escape

from connection import arguments, connect
from ncclient.operations import RPCError
from ncclient.xml_ import to_ele

RED = "urn:ipsec-agent:redundancy"
OPERATIONS = {
    "interface": ("switch-interface", "interface"),
    "security-associations": ("switch-tunnel", "security-association"),
}


def main() -> int:
    """Switch, and print what was switched."""
    parser = arguments(__doc__ or "")
    parser.add_argument("what", choices=tuple(OPERATIONS), help="the encryption PIC, or the peer of a tunnel")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of an interface or security association; default: all")
    options = parser.parse_args()
    operation, parameter = OPERATIONS[options.what]
    name = f"<{parameter}>{escape(options.name)}</{parameter}>" if options.name else ""
    with connect(options) as session:
        try:
            reply = session.dispatch(to_ele(f'<{operation} xmlns="{RED}">{name}</{operation}>'))
        except RPCError as error:
            print(f"error: {error.message}", file=sys.stderr)
            return 1
    switched = [found.text for found in to_ele(reply.xml).iter(f"{{{RED}}}switched")]
    print(f"{', '.join(switched)} switched" if switched else "nothing to switch")
    return 0


if __name__ == "__main__":
    sys.exit(main())
