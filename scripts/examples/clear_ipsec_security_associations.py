#!/usr/bin/env python3
"""clear ipsec security-associations [NAME], over NETCONF."""

from __future__ import annotations

import sys
from xml.sax.saxutils import escape

from connection import arguments, connect
from ncclient.operations import RPCError
from ncclient.xml_ import to_ele

IPSEC = "urn:ipsec-agent:ipsec"


def main() -> int:
    """Clear, and print how many security associations were cleared, each direction counted."""
    parser = arguments(__doc__ or "")
    parser.add_argument("name", nargs="?", metavar="NAME", help="a dynamic security association; default: all of them")
    options = parser.parse_args()
    name = f"<name>{escape(options.name)}</name>" if options.name else ""
    operation = f'<clear-ipsec-security-associations xmlns="{IPSEC}">{name}</clear-ipsec-security-associations>'
    with connect(options) as session:
        try:
            reply = session.dispatch(to_ele(operation))
        except RPCError as error:
            print(f"error: {error.message}", file=sys.stderr)
            return 1
    print(f"{to_ele(reply.xml).findtext(f'{{{IPSEC}}}cleared')} cleared")
    return 0


if __name__ == "__main__":
    sys.exit(main())
