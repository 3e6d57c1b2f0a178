#!/usr/bin/env python3
"""show ike security-associations [PEER] [brief | detail], over NETCONF."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from xml.sax.saxutils import escape

from connection import arguments, connect
from lxml import etree
from ncclient.operations import RPCError

IKE = "urn:ipsec-agent:ike"
FLAGS = {
    "caller-notification-sent": "Caller notification sent",
    "waiting-for-done": "Waiting for done",
    "waiting-for-remove": "Waiting for remove",
    "waiting-for-policy-manager": "Waiting for policy manager",
}


def subtree(peer: str | None) -> str:
    """Return a filter for all IKE security associations, or those with one peer."""
    match = f"<remote-address>{escape(peer)}</remote-address>" if peer else ""
    entry = f"<security-association>{match}</security-association>"
    return f'<ike xmlns="{IKE}"><security-associations>{entry}</security-associations></ike>'


class SecurityAssociation:
    """One entry of the reply."""

    def __init__(self, element: etree._Element) -> None:
        self._element = element

    def __getitem__(self, path: str) -> str:
        """Return the text of a leaf, empty when the device does not show it."""
        return self._element.findtext("/".join(f"{{{IKE}}}{name}" for name in path.split("/")), default="")

    def each(self, name: str) -> Iterator[SecurityAssociation]:
        """Iterate over the entries of a list."""
        return (SecurityAssociation(found) for found in self._element.iterfind(f"{{{IKE}}}{name}"))

    @property
    def flags(self) -> str:
        """The flags in the words of the router."""
        return ", ".join(FLAGS[flag] for flag in self["flags"].split())


def brief(associations: list[SecurityAssociation]) -> Iterator[str]:
    """Render one line for each security association."""
    yield f"{'Remote Address':<16}{'State':<13}{'Initiator cookie':<18}{'Responder cookie':<18}Exchange type"
    for sa in associations:
        state, mode = sa["state"].capitalize(), sa["exchange-type"].capitalize()
        yield f"{sa['remote-address']:<16}{state:<13}{sa['initiator-cookie']:<18}{sa['responder-cookie']:<18}{mode}"


def detail(sa: SecurityAssociation) -> Iterator[str]:
    """Render everything of one security association."""
    local, remote = f"{sa['local-address']}:{sa['local-port']}", f"{sa['remote-address']}:{sa['remote-port']}"
    yield f"IKE peer {sa['remote-address']}"
    yield f"  Role: {sa['role'].capitalize()}, State: {sa['state'].capitalize()}"
    yield f"  Initiator cookie: {sa['initiator-cookie']}, Responder cookie: {sa['responder-cookie']}"
    method = sa["authentication-method"].capitalize()
    yield f"  Exchange type: {sa['exchange-type'].capitalize()}, Authentication method: {method}"
    yield f"  Local: {local}, Remote: {remote}"
    if sa["lifetime-remaining"]:
        yield f"  Lifetime: Expires in {sa['lifetime-remaining']} seconds"
    yield "  Algorithms:"
    yield f"    Authentication        : {sa['algorithms/authentication']}"
    yield f"    Encryption            : {sa['algorithms/encryption']}"
    yield f"    Pseudo random function: {sa['algorithms/pseudo-random-function']}"
    yield "  Traffic statistics:"
    for label in ("Input bytes", "Output bytes", "Input packets", "Output packets"):
        yield f"    {label:<14}: {sa['statistics/' + label.lower().replace(' ', '-')]:>14}"
    yield f"  Flags: {sa.flags}"
    yield f"  IPsec security associations: {sa['ipsec-sas-created']} created, {sa['ipsec-sas-deleted']} deleted"
    yield f"  Phase 2 negotiations in progress: {sa['negotiations-in-progress']}"
    for negotiation in sa.each("negotiation"):
        yield ""
        role, message_id = negotiation["role"].capitalize(), negotiation["message-id"]
        yield f"  Negotiation type: Quick mode, Role: {role}, Message ID: {message_id}"
        yield f"  Local identity: {negotiation['local-identity']}"
        yield f"  Remote identity: {negotiation['remote-identity']}"
        yield f"  Flags: {negotiation.flags}"


def main() -> int:
    """Read the security associations and print them."""
    parser = arguments(__doc__ or "")
    parser.add_argument("peer", nargs="?", metavar="PEER", help="the remote end of the negotiation; default: all")
    parser.add_argument("level", nargs="?", choices=("brief", "detail"), default="brief", help="default: %(default)s")
    options = parser.parse_args()
    if options.peer in ("brief", "detail"):
        options.peer, options.level = None, options.peer
    with connect(options) as session:
        try:
            reply = session.get(filter=("subtree", subtree(options.peer)))
        except RPCError as error:
            print(f"error: {error.message}", file=sys.stderr)
            return 1
    associations = [SecurityAssociation(found) for found in reply.data.iter(f"{{{IKE}}}security-association")]
    if options.level == "brief":
        print("\n".join(brief(associations)))
    else:
        print("\n\n".join("\n".join(detail(sa)) for sa in associations))
    return 0


if __name__ == "__main__":
    sys.exit(main())
