"""Clients that subscribe to notifications, and what they are told."""

from __future__ import annotations

from typing import Final

from lxml import etree

from tests.support.editor import is_ok
from tests.support.netconf_wire import NAMESPACES, Wire
from tests.support.shop import ShopServer

NOTIFICATION: Final = "urn:ietf:params:xml:ns:netconf:notification:1.0"
NAMES: Final = {**NAMESPACES, "n": NOTIFICATION}


def subscribe(content: str = "") -> str:
    """Return a create-subscription."""
    return f'<create-subscription xmlns="{NOTIFICATION}">{content}</create-subscription>'


def period(start: str | None = None, stop: str | None = None) -> str:
    """Return the times of a replay."""
    given = {"startTime": start, "stopTime": stop}
    return "".join(f"<{name}>{value}</{name}>" for name, value in given.items() if value is not None)


def filter_(content: str, attributes: str = 'type="subtree"') -> str:
    """Return a filter of notifications."""
    return f"<filter {attributes}>{content}</filter>"


def subscriber(server: ShopServer, content: str = "", user: str = "admin") -> Wire:
    """Return a session with a subscription."""
    wire = server.connect(user)
    assert is_ok(wire.rpc(subscribe(content)))
    return wire


def told(wire: Wire) -> list[etree._Element]:
    """Return the notifications that are there, as the elements after their eventTime."""
    found = []
    while (message := wire.receive()) is not None:
        assert message.tag == f"{{{NOTIFICATION}}}notification"
        time, content = message
        assert time.tag == f"{{{NOTIFICATION}}}eventTime"
        found.append(content)
    return found


def articles(wire: Wire) -> list[str]:
    """Return what the notifications that are there say is sold out."""
    return [element.text or "" for content in told(wire) for element in content.iterfind("toy:article", NAMES)]


def stories(wire: Wire) -> list[str]:
    """Return what is told in order: what is sold out by its article, everything else by its name."""
    names = []
    for content in told(wire):
        article = content.find("toy:article", NAMES)
        names.append(etree.QName(content).localname if article is None else article.text or "")
    return names
