#!/usr/bin/env python3
"""Watch the IPsec security associations of a device come and go: what it tells a subscriber (RFC 5277)."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from connection import arguments, connect
from lxml import etree
from ncclient.operations import RPCError

IPSEC = "urn:ipsec-agent:ipsec"
NOTIFICATION = "urn:ietf:params:xml:ns:netconf:notification:1.0"
NAMES = ("ipsec-sa-installed", "ipsec-sa-rekeyed", "ipsec-sa-expired", "ipsec-sa-deleted")


def line(notification: etree._Element) -> str:
    """Render one notification: when, what, and every leaf of it."""
    when = notification.findtext(f"{{{NOTIFICATION}}}eventTime")
    content = notification[1]
    return " ".join([f"{when} {etree.QName(content).localname}", *leaves(content)])


def leaves(element: etree._Element, above: str = "") -> Iterator[str]:
    """Iterate over the leaves below an element as path=value."""
    for child in element.iterchildren(etree.Element):
        path = above + etree.QName(child).localname
        if len(child):
            yield from leaves(child, f"{path}/")
        else:
            yield f"{path}={child.text}"


def main() -> int:
    """Subscribe, and print what comes."""
    parser = arguments(__doc__ or "")
    parser.add_argument(
        "--count", type=int, default=10, help="how many notifications to wait for; default: %(default)s"
    )
    parser.add_argument("--timeout", type=float, default=600, help="seconds to wait for each; default: %(default)s")
    options = parser.parse_args()
    wanted = [f'<{name} xmlns="{IPSEC}"/>' for name in NAMES]
    with connect(options) as session:
        try:
            session.create_subscription(filter=wanted)
        except RPCError as error:
            print(f"error: {error.message}", file=sys.stderr)
            return 1
        for _ in range(options.count):
            notification = session.take_notification(timeout=options.timeout)
            if notification is None:
                print(f"error: nothing within {options.timeout} seconds", file=sys.stderr)
                return 1
            print(line(notification.notification_ele), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
