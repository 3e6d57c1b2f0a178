#!/usr/bin/env python3
"""show ipsec security-associations [NAME] [brief | detail], over NETCONF."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from xml.sax.saxutils import escape

from connection import arguments, connect
from lxml import etree
from ncclient.operations import RPCError

IPSEC = "urn:ipsec-agent:ipsec"
FAMILY = {"up": "Up", "down": "Down", "no-reference": "No reference"}
STATE = {"installed": "Installed", "not-installed": "Not installed"}
PROTOCOL = {"esp": "ESP", "ah": "AH", "ah-esp": "AH+ESP"}


def subtree(name: str | None) -> str:
    """Return a filter for all security associations, or the one of a name."""
    match = f"<name>{escape(name)}</name>" if name else ""
    return f'<ipsec xmlns="{IPSEC}"><security-association>{match}</security-association></ipsec>'


class Entry:
    """One entry of a list in the reply."""

    def __init__(self, element: etree._Element) -> None:
        self._element = element

    def __getitem__(self, path: str) -> str:
        """Return the text of a leaf, empty when the device does not show it."""
        return self._element.findtext("/".join(f"{{{IPSEC}}}{name}" for name in path.split("/")), default="")

    @property
    def each_sa(self) -> Iterator[Entry]:
        """Iterate over the two directions of each pair."""
        return (Entry(found) for found in self._element.iterfind(f"{{{IPSEC}}}sa"))


def heading(association: Entry) -> str:
    """Render the name and, in tunnel mode, how it is bound to an interface."""
    family = association["interface-family"]
    bound = f", Interface family: {FAMILY[family]}" if family else ""
    return f"Security association: {association['name']}{bound}"


def brief(association: Entry) -> Iterator[str]:
    """Render one line for each direction."""
    yield heading(association)
    yield f"{'Direction':<10}{'SPI':<12}{'AUX-SPI':<12}{'Mode':<11}{'Type':<9}Protocol"
    for sa in association.each_sa:
        spis = f"{sa['spi']:<12}{sa['aux-spi']:<12}"
        yield f"{sa['direction']:<10}{spis}{sa['mode']:<11}{sa['type']:<9}{PROTOCOL[sa['protocol']]}"


def detail(association: Entry) -> Iterator[str]:
    """Render everything of each direction."""
    yield heading(association)
    for sa in association.each_sa:
        yield ""
        state = STATE[sa["state"]]
        yield f"Direction: {sa['direction']}, SPI: {sa['spi']}, AUX-SPI: {sa['aux-spi']}, State: {state}"
        yield f"Mode: {sa['mode']}, Type: {sa['type']}"
        algorithms = f"Authentication: {algorithm(sa, 'authentication')}, Encryption: {algorithm(sa, 'encryption')}"
        yield f"Protocol: {PROTOCOL[sa['protocol']]}, {algorithms}"
        yield from lifetime(sa, "soft")
        yield from lifetime(sa, "hard")
        is_enabled = sa["anti-replay-service"] == "enabled"
        size = f", Replay window size: {sa['replay-window-size']}" if is_enabled else ""
        yield f"Anti-replay service: {sa['anti-replay-service'].capitalize()}{size}"


def algorithm(sa: Entry, use: str) -> str:
    """Render an algorithm, or that there is none."""
    name = sa[f"{use}-algorithm"]
    return "None" if name == "none" else name


def lifetime(sa: Entry, kind: str) -> Iterator[str]:
    """Render a lifetime, a line for each measure that limits it; a manual security association has none."""
    if sa[f"{kind}-lifetime/expired"] == "true":
        yield f"{kind.capitalize()} lifetime: Expired"
        return
    for unit in ("seconds", "kilobytes"):
        if remaining := sa[f"{kind}-lifetime/remaining-{unit}"]:
            yield f"{kind.capitalize()} lifetime: Expires in {remaining} {unit}"


def main() -> int:
    """Read the security associations and print them."""
    parser = arguments(__doc__ or "")
    parser.add_argument("name", nargs="?", metavar="NAME", help="a security association; default: all")
    parser.add_argument("level", nargs="?", choices=("brief", "detail"), default="brief", help="default: %(default)s")
    options = parser.parse_args()
    if options.name in ("brief", "detail"):
        options.name, options.level = None, options.name
    with connect(options) as session:
        try:
            reply = session.get(filter=("subtree", subtree(options.name)))
        except RPCError as error:
            print(f"error: {error.message}", file=sys.stderr)
            return 1
    associations = [Entry(found) for found in reply.data.iter(f"{{{IPSEC}}}security-association")]
    if options.name and not associations:
        print(f"error: there is no security association {options.name}", file=sys.stderr)
        return 1
    render = brief if options.level == "brief" else detail
    print("\n\n".join("\n".join(render(association)) for association in associations))
    return 0


if __name__ == "__main__":
    sys.exit(main())
