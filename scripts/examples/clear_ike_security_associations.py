#!/usr/bin/env python3
"""clear ike security-associations [PEER], over NETCONF."""

from __future__ import annotations

import sys
from xml.sax.saxutils import escape

from connection import arguments, connect
from ncclient.operations import RPCError
from ncclient.xml_ import to_ele

IKE = "urn:ipsec-agent:ike"


def main() -> int:
    """Clear, and print how many security associations were cleared."""
    parser = arguments(__doc__ or "")
    parser.add_argument("peer", nargs="?", metavar="PEER", help="the remote end; default: all")
    options = parser.parse_args()
    peer = f"<peer-address>{escape(options.peer)}</peer-address>" if options.peer else ""
    operation = f'<clear-ike-security-associations xmlns="{IKE}">{peer}</clear-ike-security-associations>'
    with connect(options) as session:
        try:
            reply = session.dispatch(to_ele(operation))
        except RPCError as error:
            print(f"error: {error.message}", file=sys.stderr)
            return 1
    print(f"{to_ele(reply.xml).findtext(f'{{{IKE}}}cleared')} cleared")
    return 0


if __name__ == "__main__":
    sys.exit(main())
