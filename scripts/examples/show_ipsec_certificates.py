#!/usr/bin/env python3
"""show ipsec certificates [ID] [brief | detail | crl], over NETCONF."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import datetime

from connection import arguments, connect
from lxml import etree
from ncclient.operations import RPCError

CERTIFICATES = "urn:ipsec-agent:certificates"
ALTERNATIVE_NAMES = {
    "dns-name": "DNS name",
    "email-address": "Email address",
    "ip-address": "IP address",
    "uri": "URI",
}
ORDINALS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
LEVELS = ("brief", "detail", "crl")


def subtree(id_: str | None, level: str) -> str:
    """Return a filter for the totals and all certificates, one of them, or the revocation lists."""
    match = f"<id>{id_}</id>" if id_ else ""
    wanted = "<crl/>" if level == "crl" else f"<database/><certificate>{match}</certificate>"
    return f'<certificates xmlns="{CERTIFICATES}">{wanted}</certificates>'


class Entry:
    """One entry of a list in the reply."""

    def __init__(self, element: etree._Element) -> None:
        self._element = element

    def __getitem__(self, name: str) -> str:
        """Return the text of a leaf, empty when the device does not show it."""
        return self._element.findtext(f"{{{CERTIFICATES}}}{name}", default="")

    def each(self, name: str) -> list[Entry]:
        """Return the entries of a list."""
        return [Entry(found) for found in self._element.iterfind(f"{{{CERTIFICATES}}}{name}")]


def date(text: str) -> str:
    """Render a date and time as the chapter does: 2003 Mar 1st, 01:20:42 GMT."""
    at = datetime.fromisoformat(text)
    return f"{at:%Y %b} {at.day}{ORDINALS.get(at.day, 'th')}, {at:%H:%M:%S} GMT"


def short(name: str) -> str:
    """Return country and organization of a distinguished name."""
    parts = re.split(r"(?<!\\), ", name)
    return ", ".join(part for part in parts if part.startswith(("C=", "O=")))


def flags(certificate: Entry) -> str:
    """Render the flags in the words of the router."""
    trusted = "Trusted" if certificate["trusted"] == "true" else "Not trusted"
    root = "Root" if certificate["root"] == "true" else "Non-root"
    issuer = "Crl-issuer" if certificate["crl-issuer"] == "true" else "Non-crl-issuer"
    return f"{trusted} {root} {issuer}"


def totals(database: Entry) -> str:
    """Render how many entries there are."""
    kinds = ("total", "active", "locked")
    counts = " ".join(f"{kind.capitalize()} entries: {database[f'{kind}-entries']}" for kind in kinds)
    return f"Database: {counts}"


def brief(certificates: list[Entry]) -> Iterator[str]:
    """Render one line for each certificate."""
    yield f"{'ID':<8}{'Serial':<12}Subject"
    for each in certificates:
        yield f"{each['id']:<7} {each['serial']:<11} {short(each['subject'])}"


def detail(certificate: Entry) -> Iterator[str]:
    """Render everything of one certificate but its octets."""
    yield f"Subject: {certificate['subject']}"
    yield f"ID: {certificate['id']}, References: {certificate['references']}, Serial: {certificate['serial']}"
    yield f"Flags: {flags(certificate)}"
    yield f"Validity period starts: {date(certificate['not-before'])}"
    yield f"Validity period ends: {date(certificate['not-after'])}"
    names = certificate.each("alternative-name")
    if names:
        yield "Alternative name information:"
        yield from (f"  {ALTERNATIVE_NAMES[name['type']]}: {name['value']}" for name in names)
    yield f"Issuer: {certificate['issuer']}"


def crl(revocations: Entry) -> Iterator[str]:
    """Render one revocation list."""
    yield f"CRL issuer: {revocations['issuer']}"
    yield f"ID: {revocations['id']}, References: {revocations['references']}"
    yield f"Last update: {date(revocations['this-update'])}"
    if revocations["next-update"]:
        yield f"Next update: {date(revocations['next-update'])}"
    yield "Revoked certificates:"
    for each in revocations.each("revoked"):
        yield f"  Serial: {each['serial']}, Revoked: {date(each['revocation-date'])}, Reason: {each['reason']}"


def render(data: etree._Element, level: str) -> str:
    """Render the data of a reply: the newest entries first, as the router shows them."""
    (shown,) = (Entry(found) for found in data.iterfind(f"{{{CERTIFICATES}}}certificates")) if len(data) else (None,)
    if shown is None:
        return ""
    entries = sorted(shown.each("crl" if level == "crl" else "certificate"), key=lambda each: -int(each["id"]))
    if level == "crl":
        return "\n\n".join("\n".join(crl(each)) for each in entries)
    (database,) = shown.each("database")
    if level == "brief":
        return "\n".join((totals(database), *brief(entries)))
    return totals(database) + "\n" + "\n\n".join("\n".join(detail(each)) for each in entries)


def main() -> int:
    """Read the certificates, or the revocation lists, and print them."""
    parser = arguments(__doc__ or "")
    parser.add_argument("id", nargs="?", metavar="ID", help="an entry of the database; default: all")
    parser.add_argument("level", nargs="?", choices=LEVELS, default="brief", help="default: %(default)s")
    options = parser.parse_args()
    if options.id in LEVELS:
        options.id, options.level = None, options.id
    if options.id and not options.id.isdecimal():
        parser.error(f"an ID is a number, not {options.id!r}")
    with connect(options) as session:
        try:
            reply = session.get(filter=("subtree", subtree(options.id, options.level)))
        except RPCError as error:
            print(f"error: {error.message}", file=sys.stderr)
            return 1
    if options.id and next(reply.data.iter(f"{{{CERTIFICATES}}}certificate"), None) is None:
        print(f"error: there is no certificate with the ID {options.id}", file=sys.stderr)
        return 1
    print(render(reply.data, options.level))
    return 0


if __name__ == "__main__":
    sys.exit(main())
