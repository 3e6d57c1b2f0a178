"""The commands, each in one row: its words, what can be said after them, what it shows or does, its RPC.

The prompt, its completion and help, exec, `command` and every RPC read this table and nothing else. A row says what it
is authorised as, in terms of our YANG modules: no door asks anything else.

RPC names are those that Junos publishes, but for `request-ipsec-switch-interface`,
`request-ipsec-switch-security-associations`, `get-ike-statistics-information`, `get-ipsec-statistics-information` and
`request-chassis-pic`, which are our own: for these it has none, or none is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from agent.datastore.registry import Authorisation
from agent.junos import actions, elements, system, text, traffic, views
from agent.junos.command import Command, Kind, Local, Parameter, Pipe, PipeCommand
from agent.junos.rows import (
    AssociationRow,
    CertificateRow,
    CrlRow,
    IkeSaRow,
    PicRedundancyRow,
    TotalsRow,
    TunnelRedundancyRow,
)
from agent.junos.view import View

BRIEF: Final = Parameter("brief", Kind.FLAG, "Display brief output (default)", group="level")
DETAIL: Final = Parameter("detail", Kind.FLAG, "Display detailed output", group="level")
LEVELS: Final = (BRIEF, DETAIL)
HEX: Final = Parameter("hex", Kind.FLAG, "Display SPIs in hexadecimal")
SA_NAME: Final = Parameter("sa-name", Kind.ASSOCIATION, "Name of security association")
PEER: Final = Parameter("peer-address", Kind.PEER, "Address of the remote end of the IKE negotiation")
DESTINATION: Final = Parameter("peer-address", Kind.PEER, "Address of the remote end", keyword="destination")

READ_IKE: Final = Authorisation(reads=("/ipsec-agent-ike:ike/security-associations",))
READ_IPSEC: Final = Authorisation(
    reads=tuple(
        f"/ipsec-agent-ipsec:ipsec/security-association/{name}"
        for name in ("name", "interface-family", "interface", "current-local-address", "current-remote-address", "sa")
    )
)
READ_CERTIFICATES: Final = Authorisation(
    reads=("/ipsec-agent-certificates:certificates/database", "/ipsec-agent-certificates:certificates/certificate")
)
READ_CRLS: Final = Authorisation(reads=("/ipsec-agent-certificates:certificates/crl",))
READ_INTERFACES: Final = Authorisation(reads=("/ietf-interfaces:interfaces",))
READ_SERVER: Final = Authorisation(reads=("/ietf-netconf-monitoring:netconf-state/statistics",))
READ_SOFTWARE: Final = Authorisation(reads=("/ietf-yang-library:yang-library",))

COMMANDS: Final = (
    Command(
        ("clear", "ike", "security-associations"),
        "Clear IKE security associations",
        actions.clear_ike_sas,
        Authorisation(executes="/ipsec-agent-ike:clear-ike-security-associations"),
        (PEER, DESTINATION),
        "clear-ike-security-associations",
    ),
    Command(
        ("clear", "ipsec", "security-associations"),
        "Clear IPsec security associations",
        actions.clear_ipsec_sas,
        Authorisation(executes="/ipsec-agent-ipsec:clear-ipsec-security-associations"),
        (SA_NAME,),
        "clear-ipsec-security-associations",
    ),
    Command(
        ("request", "ipsec", "switch", "interface"),
        "Switch to the other encryption PIC",
        actions.switch_interfaces,
        Authorisation(executes="/ipsec-agent-redundancy:switch-interface"),
        (Parameter("interface-name", Kind.INTERFACE, "Name of encryption interface"),),
        "request-ipsec-switch-interface",
    ),
    Command(
        ("request", "ipsec", "switch", "security-associations"),
        "Switch to the other tunnel",
        actions.switch_tunnels,
        Authorisation(executes="/ipsec-agent-redundancy:switch-tunnel"),
        (Parameter("sa-name", Kind.TUNNEL, "Name of security association"),),
        "request-ipsec-switch-security-associations",
    ),
    Command(
        ("show", "ike", "security-associations"),
        "Show IKE security associations",
        View[IkeSaRow](
            "ike-security-associations-information", "ike", views.ike_sas, text.ike_sas, elements.ike_sas, styles=True
        ),
        READ_IKE,
        (*LEVELS, PEER),
        "get-ike-security-associations-information",
        ("get-re-ike-security-associations-information",),
    ),
    Command(
        ("show", "ipsec", "certificates"),
        "Show IPsec certificate database",
        View[TotalsRow | CertificateRow](
            "certificates-information",
            "ipsec",
            views.certificates,
            text.certificates,
            elements.certificates,
            styles=True,
        ),
        READ_CERTIFICATES,
        (*LEVELS, Parameter("serial-number", Kind.SERIAL, "Serial number of certificate")),
        "get-certificates-information",
    ),
    Command(
        ("show", "ipsec", "certificates", "crl"),
        "Show certificate revocation lists",
        View[CrlRow]("crl-information", "ipsec", views.crls, text.crls, elements.crls, styles=True),
        READ_CRLS,
        (*LEVELS, Parameter("crl-name", Kind.ISSUER, "Name of the issuer, in quotation marks")),
        "get-crl-information",
    ),
    Command(
        ("show", "ipsec", "redundancy", "interface"),
        "Show redundancy of encryption PICs",
        View[PicRedundancyRow](
            "ipsec-pic-redundancy-information",
            "ipsec",
            views.pic_redundancy,
            text.pic_redundancy,
            elements.pic_redundancy,
        ),
        Authorisation(reads=("/ipsec-agent-redundancy:redundancy/interface",)),
        (Parameter("interface-name", Kind.INTERFACE, "Name of encryption interface"),),
        "get-ipsec-pic-redundancy-information",
    ),
    Command(
        ("show", "ipsec", "redundancy", "security-associations"),
        "Show redundancy of tunnels",
        View[TunnelRedundancyRow](
            "ipsec-tunnel-redundancy-information",
            "ipsec",
            views.tunnel_redundancy,
            text.tunnel_redundancy,
            elements.tunnel_redundancy,
        ),
        Authorisation(reads=("/ipsec-agent-redundancy:redundancy/tunnel",)),
        (Parameter("security-association-name", Kind.ASSOCIATION, "Name of security association"),),
        "get-ipsec-tunnel-redundancy-information",
    ),
    Command(
        ("show", "ipsec", "security-associations"),
        "Show IPsec security associations",
        View[AssociationRow](
            "security-associations-information",
            "ipsec",
            views.associations,
            text.associations,
            elements.associations,
            styles=True,
        ),
        READ_IPSEC,
        (*LEVELS, HEX, SA_NAME),
        "get-security-associations-information",
        ("get-re-security-associations-information",),
    ),
    # What stands around the seven.
    Command(
        ("show", "ike", "statistics"),
        "Show counters of IKE",
        traffic.IKE_STATISTICS,
        Authorisation(reads=("/ipsec-agent-ike:ike/statistics",)),
        (),
        "get-ike-statistics-information",
    ),
    Command(
        ("show", "ipsec", "statistics"),
        "Show counters of IPsec security associations",
        traffic.IPSEC_STATISTICS,
        Authorisation(
            reads=tuple(
                f"/ipsec-agent-ipsec:ipsec/security-association/{name}" for name in ("name", "rekeys", "statistics")
            )
        ),
        (SA_NAME,),
        "get-ipsec-statistics-information",
    ),
    Command(
        ("show", "interfaces"),
        "Show interface information",
        traffic.INTERFACES,
        READ_INTERFACES,
        (
            Parameter("terse", Kind.FLAG, "Display terse output", group="level"),
            BRIEF,
            DETAIL,
            Parameter("extensive", Kind.FLAG, "Display extensive output", group="level"),
            Parameter("interface-name", Kind.INTERFACES, "Name of interface, or pattern"),
        ),
        "get-interface-information",
    ),
    Command(
        ("show", "chassis", "hardware"),
        "Show installed hardware components",
        system.CHASSIS,
        READ_INTERFACES,
        (),
        "get-chassis-inventory",
    ),
    Command(
        ("show", "chassis", "routing-engine"),
        "Show Routing Engine status",
        system.ROUTING_ENGINE,
        READ_SERVER,
        (),
        "get-route-engine-information",
    ),
    Command(
        ("show", "configuration"),
        "Show current configuration",
        Local.CONFIGURATION,
        Authorisation(executes="/ietf-netconf:get-config"),
        (Parameter("path", Kind.REST, "Statements to show the configuration below"),),
    ),
    Command(
        ("show", "system", "uptime"),
        "Show time since system and processes started",
        system.UPTIME,
        READ_SERVER,
        (),
        "get-system-uptime-information",
    ),
    Command(
        ("show", "version"),
        "Show software process revision levels",
        system.SOFTWARE,
        READ_SOFTWARE,
        LEVELS,
        "get-software-information",
    ),
    Command(
        ("file", "list"),
        "List files",
        system.HOME,
        READ_SERVER,
        (Parameter("path", Kind.TEXT, "Path of the directory"),),
        "file-list",
    ),
    Command(
        ("request", "chassis", "pic"),
        "Take a PIC out of service, or bring it up",
        actions.set_pic,
        Authorisation(executes="/ipsec-agent-emulation:set-pic"),
        (
            Parameter("fpc-slot", Kind.FPC, "Slot of the FPC", keyword="fpc-slot", is_required=True),
            Parameter("pic-slot", Kind.PIC, "Slot of the PIC", keyword="pic-slot", is_required=True),
            Parameter("offline", Kind.FLAG, "Take the PIC out of service", group="state", is_required=True),
            Parameter("online", Kind.FLAG, "Bring the PIC up", group="state", is_required=True),
        ),
        "request-chassis-pic",
    ),
    Command(
        ("set", "cli", "screen-length"),
        "Set number of lines on screen",
        Local.SCREEN_LENGTH,
        parameters=(Parameter("length", Kind.NUMBER, "Number of lines, 0 for no pages", is_required=True),),
    ),
    Command(
        ("set", "cli", "screen-width"),
        "Set number of characters on a line",
        Local.SCREEN_WIDTH,
        parameters=(Parameter("width", Kind.NUMBER, "Number of characters, 0 for no limit", is_required=True),),
    ),
    Command(
        ("set", "cli", "complete-on-space"),
        "Set whether typing space completes current word",
        Local.COMPLETE_ON_SPACE,
        parameters=(
            Parameter("off", Kind.FLAG, "Type space without completing the word", group="state", is_required=True),
            Parameter("on", Kind.FLAG, "Complete the word by typing space", group="state", is_required=True),
        ),
    ),
    Command(
        ("help",),
        "Show what can be typed",
        Local.HELP,
        parameters=(Parameter("topic", Kind.REST, "Beginning of a command"),),
    ),
    Command(("quit",), "Exit the management session", Local.QUIT),
    Command(("exit",), "Exit the management session", Local.QUIT),
)

HELPS: Final[Mapping[tuple[str, ...], str]] = MappingProxyType(
    {
        ("clear",): "Clear information in the system",
        ("clear", "ike"): "Clear IKE information",
        ("clear", "ipsec"): "Clear IP Security information",
        ("file",): "Perform file operations",
        ("request",): "Make system-level requests",
        ("request", "chassis"): "Perform chassis-specific operations",
        ("request", "ipsec"): "Perform IP Security operations",
        ("request", "ipsec", "switch"): "Switch between primary and backup",
        ("set",): "Set CLI properties",
        ("set", "cli"): "Set CLI properties",
        ("show",): "Show system information",
        ("show", "chassis"): "Show chassis information",
        ("show", "ike"): "Show Internet Key Exchange information",
        ("show", "ipsec"): "Show IP Security information",
        ("show", "ipsec", "redundancy"): "Show redundancy of PICs and tunnels",
        ("show", "system"): "Show system information",
        ("display",): "Show additional kinds of information",
    }
)
"""What is said of words that are no commands by themselves."""


_PATTERN: Final = (Parameter("pattern", Kind.TEXT, "Pattern, in quotation marks if need be", is_required=True),)

PIPES: Final = (
    PipeCommand(("count",), "Count occurrences", Pipe.COUNT),
    PipeCommand(("display", "json"), "Show output in JSON format", Pipe.JSON),
    PipeCommand(("display", "set"), "Show 'set' commands that create configuration", Pipe.SET),
    PipeCommand(("display", "xml"), "Show output as XML tags", Pipe.XML),
    PipeCommand(("display", "xml", "rpc"), "Show the RPC that gives this output", Pipe.XML_RPC),
    PipeCommand(("except",), "Show only text that does not match a pattern", Pipe.EXCEPT, _PATTERN),
    PipeCommand(("find",), "Search for first occurrence of pattern", Pipe.FIND, _PATTERN),
    PipeCommand(
        ("last",),
        "Display end of output only",
        Pipe.LAST,
        (Parameter("number", Kind.NUMBER, "Number of lines", is_required=True),),
    ),
    PipeCommand(("match",), "Show only text that matches a pattern", Pipe.MATCH, _PATTERN),
    PipeCommand(("no-more",), "Don't paginate output", Pipe.NO_MORE),
)
