"""What the bindings say of changes is true: a mirror that is only told of changes shows what the device shows.

Whatever is done to the gateway of the chapter, at every quiet moment the mirror of a subscriber equals what get-data
answers, as far as it changes with events.
"""

from __future__ import annotations

import inspect
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agent.core import events
from agent.datastore.schema import Kind, SchemaNode
from tests.support.chapter import Emulation, registry
from tests.support.push import Mirror, datastore, established, facts, get_data

EM: Final = "urn:ipsec-agent:emulation"
RED: Final = "urn:ipsec-agent:redundancy"
IKE: Final = "urn:ipsec-agent:ike"
IPSEC: Final = "urn:ipsec-agent:ipsec"
IF: Final = "urn:ietf:params:xml:ns:yang:ietf-interfaces"
CERT: Final = "urn:ipsec-agent:certificates"
ANCHOR: Final = "company-abc"
ALL: Final = "".join(
    f'<{name} xmlns="{namespace}"/>'
    for name, namespace in (
        ("ike", IKE),
        ("ipsec", IPSEC),
        ("interfaces", IF),
        ("redundancy", RED),
        ("certificates", CERT),
    )
)
NOT_OF_STATE: Final = frozenset(
    {
        "PeerUnreachable",  # Whether a peer answers is shown of no peer.
        "PeerReachable",
        "DatagramDropped",  # It counts, and counters are not told of.
        "IpsecNegotiationFailed",  # Nothing that is shown was there.
        "CertificateExpiring",  # It is what it was.
        "CertificateRevoked",  # CertificateDatabaseChanged comes with both.
        "CrlUpdated",
    }
)


def edit(content: str) -> str:
    """Return an edit of running; the prefix nc is bound."""
    return (
        '<edit-config xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"><target><running/></target>'
        f"<config>{content}</config></edit-config>"
    )


def interface(content: str, name: str = "es-1/3/0") -> str:
    """Return an edit of an interface."""
    return edit(f'<interfaces xmlns="{IF}"><interface><name>{name}</name>{content}</interface></interfaces>')


def unit(content: str, number: int = 0) -> str:
    """Return an edit of a unit."""
    return interface(f'<unit xmlns="urn:ipsec-agent:interfaces"><id>{number}</id>{content}</unit>')


ACTIONS: Final = (
    *(
        f'<set-pic xmlns="{EM}"><interface>{pic}</interface><state>{state}</state></set-pic>'
        for pic in ("es-1/3/0", "es-1/1/0")
        for state in ("online", "offline", "fault")
    ),
    *(
        f'<set-peer xmlns="{EM}"><address>{peer}</address><reachable>{reachable}</reachable></set-peer>'
        for peer in ("4.4.4.4", "3.3.3.3")
        for reachable in ("true", "false")
    ),
    *(
        f'<set-family xmlns="{EM}"><interface>es-1/3/0</interface><unit>{number}</unit>'
        f"<enabled>{enabled}</enabled></set-family>"
        for number in (0, 1)
        for enabled in ("true", "false")
    ),
    f'<switch-interface xmlns="{RED}"/>',
    f'<switch-tunnel xmlns="{RED}"/>',
    f'<clear-ike-security-associations xmlns="{IKE}"/>',
    f'<clear-ipsec-security-associations xmlns="{IPSEC}"/>',
    f'<delete-crl xmlns="{CERT}"><issuer>nobody</issuer></delete-crl>',
    f'<delete-certificate xmlns="{CERT}"><id>2</id></delete-certificate>',
    edit(
        f'<certificates xmlns="{CERT}"><trust-anchor nc:operation="remove"><name>{ANCHOR}</name></trust-anchor>'
        "</certificates>"
    ),
    unit("<family-inet><enabled>false</enabled></family-inet>"),
    unit("<family-inet><enabled>true</enabled></family-inet>"),
    unit('<tunnel><backup-destination nc:operation="remove"/></tunnel>'),
    unit("<tunnel><backup-destination>3.3.3.3</backup-destination></tunnel>"),
    unit('<family-inet><ipsec-sa nc:operation="remove"/></family-inet>', 1),
    unit("<family-inet><ipsec-sa>sa-manual</ipsec-sa></family-inet>", 1),
    interface('<es-options xmlns="urn:ipsec-agent:interfaces"><backup-interface nc:operation="remove"/></es-options>'),
    interface(
        '<es-options xmlns="urn:ipsec-agent:interfaces"><backup-interface>es-1/1/0</backup-interface></es-options>'
    ),
    interface("<enabled>false</enabled>"),
    interface("<enabled>true</enabled>"),
    edit(
        f'<ipsec xmlns="{IPSEC}"><security-association><name>another</name><dynamic><ipsec-policy>ipsec-policy'
        "</ipsec-policy></dynamic></security-association></ipsec>"
    ),
    edit(
        f'<ipsec xmlns="{IPSEC}"><security-association nc:operation="remove"><name>another</name>'
        "</security-association></ipsec>"
    ),
    edit(
        f'<ike xmlns="{IKE}"><proposal><name>ike-proposal</name><lifetime-seconds>400</lifetime-seconds></proposal>'
        "</ike>"
    ),
)
"""What can be done to the gateway; not all of it can be done at every time."""
STEPS: Final = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.sampled_from([0.0, 0.015, 0.05, 1.0, 7.0, 40.0, 600.0, 4000.0, 30_000.0])),
    max_size=10,
)


class Witness:
    """A gateway, and a mirror of it that is only told of changes."""

    def __init__(self, name: str = "operational") -> None:
        self.emulation = Emulation()
        self.datastore = name
        self.hand = self.emulation.connect()
        self.wire = self.emulation.connect()
        established(self.wire, datastore(name, ALL))
        self.mirror = Mirror(registry().schema)
        self.check()

    def act(self, operation: str) -> None:
        """Do something, whether or not it can be done."""
        self.hand.rpc(operation)

    def check(self) -> None:
        """Compare what the mirror shows with what the device does."""
        self.mirror.follow(self.wire)
        assert self.mirror.patches == list(range(len(self.mirror.patches)))
        shown = facts(get_data(self.hand, self.datastore, ALL), registry(), notifiable=True)
        assert facts(self.mirror.data, registry()) == shown


@settings(max_examples=15, deadline=None)
@given(STEPS)
def test_whatever_is_done_a_mirror_of_the_changes_shows_what_the_device_shows(steps: list[tuple[str, float]]) -> None:
    witness = Witness()
    for operation, seconds in steps:
        witness.act(operation)
        witness.check()
        witness.emulation.advance(seconds)
        witness.check()


@pytest.mark.parametrize("operation", ACTIONS)
def test_each_action_by_itself_is_mirrored(operation: str) -> None:
    witness = Witness()
    witness.act(operation)
    witness.check()
    witness.emulation.advance(120)
    witness.check()


def test_a_day_of_rekeys_is_mirrored() -> None:
    witness = Witness()
    number = 0
    for _ in range(24 * 6):
        witness.emulation.advance(600)
        number += witness.mirror.follow(witness.wire)
        if number % 5 == 0:
            witness.check()
    witness.check()
    assert number > 20


def test_a_rekey_is_mirrored_from_timer_to_timer() -> None:
    witness = Witness()
    world = witness.emulation.gateway.world
    witness.emulation.advance(0.8 * 28_800 - 30)  # Before the soft lifetime of the pair is over.
    seen = 0
    for _ in range(60):
        deadline = world.next_deadline()
        assert deadline is not None
        world.advance(deadline)
        witness.check()
        seen += "expired>true" in etree.tostring(witness.mirror.data).decode()
    assert seen


def test_years_of_certificates_are_mirrored() -> None:
    witness = Witness()
    for pic in ("es-1/3/0", "es-1/1/0"):  # Or there would be years of rekeys.
        witness.act(f'<set-pic xmlns="{EM}"><interface>{pic}</interface><state>offline</state></set-pic>')
    for _ in range(30):
        witness.emulation.gateway.world.advance(witness.emulation.gateway.world.now + 90 * 86_400 * 1_000_000)
        witness.check()


def device_events() -> list[type]:
    """Return every event of a device."""
    return [
        found
        for _, found in inspect.getmembers(events, inspect.isclass)
        if "at" in getattr(found, "__dataclass_fields__", {})
    ]


@pytest.mark.parametrize("event", device_events(), ids=lambda event: event.__name__)
def test_every_event_says_what_it_changes_or_is_listed(event: type) -> None:
    assert (event in registry().changes) != (event.__name__ in NOT_OF_STATE)


def state_leaves(node: SchemaNode) -> list[SchemaNode]:
    """Return the state leaves at and below a node."""
    below = [leaf for child in node.children.values() for leaf in state_leaves(child)]
    return [node, *below] if node.kind in (Kind.LEAF, Kind.LEAF_LIST) and not node.config else below


def test_what_is_unobserved_counts_or_runs_down_or_is_of_a_negotiation() -> None:
    roots = [
        registry().schema.node(path)
        for path in (f"/ipsec-agent-{name}:{name}" for name in ("ike", "ipsec", "redundancy"))
    ]
    silent = {leaf.path for root in roots for leaf in state_leaves(root) if not registry().is_notifiable(leaf)}
    words = ("statistics", "remaining", "negotiation", "flags", "mirrored-sas", "lost-packets", "ipsec-sas-")
    assert silent
    assert [path for path in sorted(silent) if not any(word in path for word in words)] == []


def test_the_state_of_interfaces_and_certificates_is_told_of_but_for_counters() -> None:
    for path in ("/ietf-interfaces:interfaces/interface", "/ipsec-agent-certificates:certificates"):
        leaves = [leaf for leaf in state_leaves(registry().schema.node(path)) if leaf.module.name.startswith("ipsec")]
        silent = [leaf.path for leaf in leaves if not registry().is_notifiable(leaf)]
        assert [leaf for leaf in silent if "statistics" not in leaf] == []
