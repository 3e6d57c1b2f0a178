"""The list that servers are measured with: its module, its data, and the operations on it."""

from __future__ import annotations

import time
from pathlib import Path

MODULE = Path(__file__).with_name("bench-entries.yang")
NAME = "bench-entries"
NAMESPACE = "urn:ipsec-agent:bench-entries"
ENTRY = (
    "<entry><name>entry-{number:06}</name><description>what is said of entry {number}</description>"
    "<enabled>true</enabled><mtu>1500</mtu><speed>{speed}</speed><vlan>{vlan}</vlan><mode>trunk</mode>"
    "<priority>7</priority><weight>1.25</weight><address>192.0.2.{octet}</address><owner>nobody</owner>"
    "<count>{number}</count></entry>"
)
NETCONF = "urn:ietf:params:xml:ns:netconf:base:1.0"


def entry(number: int) -> str:
    """One entry."""
    return ENTRY.format(number=number, speed=1_000_000_000 + number, vlan=1 + number % 4094, octet=number % 256)


def table(count: int, first: int = 0) -> str:
    """The list with the entries up to so many."""
    return f'<table xmlns="{NAMESPACE}">{"".join(map(entry, range(first, count)))}</table>'


def edit(content: str) -> bytes:
    """An edit of running."""
    return f"<edit-config><target><running/></target><config>{content}</config></edit-config>".encode()


def create(count: int, first: int = 0) -> bytes:
    """The edit that creates entries, up to so many."""
    return edit(table(count, first))


def remove() -> bytes:
    """The edit that removes the list."""
    return edit(f'<table xmlns="{NAMESPACE}" xmlns:nc="{NETCONF}" nc:operation="remove"/>')


def change_leaf(number: int) -> bytes:
    """The edit of one leaf of one entry, to what it never was before."""
    text = f"changed at {time.perf_counter_ns()}"
    inner = f"<entry><name>entry-{number:06}</name><description>{text}</description></entry>"
    return edit(f'<table xmlns="{NAMESPACE}">{inner}</table>')


def read_all() -> bytes:
    """The whole list."""
    return (
        "<get-config><source><running/></source>"
        f'<filter type="subtree"><table xmlns="{NAMESPACE}"/></filter></get-config>'
    ).encode()


def read_one(number: int) -> bytes:
    """One entry by its key, with a subtree filter."""
    inner = f'<table xmlns="{NAMESPACE}"><entry><name>entry-{number:06}</name></entry></table>'
    return (f'<get-config><source><running/></source><filter type="subtree">{inner}</filter></get-config>').encode()


def select_one(number: int) -> bytes:
    """One entry by its key, with XPath."""
    path = f"/be:table/be:entry[be:name='entry-{number:06}']"
    return (
        f'<get-config xmlns:be="{NAMESPACE}"><source><running/></source>'
        f'<filter type="xpath" select="{path}"/></get-config>'
    ).encode()


def read_little() -> bytes:
    """Something small that every server has: who is logged in is not asked for, only how the server was started."""
    return (
        b'<get><filter type="subtree"><netconf-state xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring">'
        b"<statistics><in-sessions/></statistics></netconf-state></filter></get>"
    )
