#!/usr/bin/env python3
"""show ipsec redundancy (interface [NAME] | security-associations [NAME]), over NETCONF."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from xml.sax.saxutils import escape

from connection import arguments, connect
from lxml import etree
from ncclient.operations import RPCError

RED = "urn:ipsec-agent:redundancy"
LISTS = {"interface": ("interface", "primary-interface"), "security-associations": ("tunnel", "security-association")}


def subtree(what: str, name: str | None) -> str:
    """Return a filter for the pairs of PICs, or the tunnels with a backup; for one of them by its name."""
    entry, key = LISTS[what]
    match = f"<{key}>{escape(name)}</{key}>" if name else ""
    return f'<redundancy xmlns="{RED}"><{entry}>{match}</{entry}></redundancy>'


def leaf(element: etree._Element, name: str) -> str:
    """Return the text of a leaf, empty when the device does not show it."""
    return element.findtext(f"{{{RED}}}{name}", default="")


def interface(element: etree._Element) -> Iterator[str]:
    """Render a pair of PICs."""
    primary, backup = leaf(element, "primary-state").capitalize(), leaf(element, "backup-state").capitalize()
    yield f"Failure counter: {leaf(element, 'failure-counter')}"
    yield f"Primary interface: {leaf(element, 'primary-interface')}, State: {primary}"
    yield f"Backup interface : {leaf(element, 'backup-interface')}, State: {backup}"


def tunnel(element: etree._Element) -> Iterator[str]:
    """Render a tunnel with a backup."""
    primary, backup = leaf(element, "primary-state").capitalize(), leaf(element, "backup-state").capitalize()
    name, counter = leaf(element, "security-association"), leaf(element, "failure-counter")
    yield f"Security association: {name}, Failure counter: {counter}"
    yield f"Local IP: {leaf(element, 'local-address')}"
    yield f"Primary remote IP: {leaf(element, 'primary-remote-address')}, State: {primary}"
    yield f"Backup remote IP : {leaf(element, 'backup-remote-address')}, State: {backup}"


def main() -> int:
    """Read, and print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("what", choices=tuple(LISTS), help="pairs of PICs, or tunnels with a backup")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of one of them; default: all")
    options = parser.parse_args()
    with connect(options) as session:
        try:
            reply = session.get(filter=("subtree", subtree(options.what, options.name)))
        except RPCError as error:
            print(f"error: {error.message}", file=sys.stderr)
            return 1
    entry, _ = LISTS[options.what]
    render = interface if options.what == "interface" else tunnel
    print("\n\n".join("\n".join(render(found)) for found in reply.data.iter(f"{{{RED}}}{entry}")))
    return 0


if __name__ == "__main__":
    sys.exit(main())
