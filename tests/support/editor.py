"""A client that edits a shop, and what the shop is applied to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from lxml import etree

from agent.datastore.stores import Datastore
from agent.datastore.tree import Branch
from tests.support.access import NAMESPACE as NACM
from tests.support.edits import PREFIXES, serialized, shop
from tests.support.netconf_wire import NAMESPACES, error, texts
from tests.support.shop import ShopServer

OPEN_DOORS: Final = f'<nacm xmlns="{NACM}"><enable-nacm>false</enable-nacm></nacm>'
BEFORE: Final = shop("<name>corner</name><shelf><row>1</row><column>a</column><label>top</label></shelf>")


class Applied:
    """A target that takes every configuration but one, and counts."""

    def __init__(self, dislikes: str = "moon") -> None:
        self.names: list[object] = []
        self.dislikes = dislikes

    def prepare(self, values: Mapping[str, object]) -> Callable[[], None]:
        """Check, and return what applies."""
        name = values["/toy:shop"]
        if name == self.dislikes:
            raise ValueError(f"no shop is called {name}")
        return lambda: self.names.append(name)


class Editor:
    """A shop, what it is applied to, and a client that edits it."""

    def __init__(
        self, before: str = OPEN_DOORS + BEFORE, keep_startup: Callable[[Branch], None] = lambda root: None
    ) -> None:
        self.target = Applied()
        self.server = ShopServer(before, targets=(self.target,), keep_startup=keep_startup)
        self.wire = self.server.connect("ann")
        self.target.names.clear()

    @property
    def running(self) -> str:
        """The running configuration as bytes would have it."""
        return serialized(self.server.stores.running)

    def edit(self, content: str, options: str = "") -> etree._Element:
        """Send an edit-config of running and return the reply."""
        return self.wire.rpc(edit_config(content, options))

    def refused(self, request: str) -> dict[str, str]:
        """Return the one error of a request that changes nothing and applies nothing."""
        before, startup = self.running, serialized(self.server.stores.root(Datastore.STARTUP))
        reply = self.wire.rpc(request)
        assert reply.find("nc:ok", NAMESPACES) is None
        assert self.running == before
        assert serialized(self.server.stores.root(Datastore.STARTUP)) == startup
        assert self.target.names == []
        return error(reply)

    @property
    def denied(self) -> int:
        """How many changes were denied."""
        return self.server.server.access_counters.data_writes


def edit_config(content: str, options: str = "") -> str:
    """Return an edit-config of running."""
    return f"<edit-config><target><running/></target>{options}<config {PREFIXES}>{content}</config></edit-config>"


def copy_config(source: str, target: str, more: str = "") -> str:
    """Return a copy-config."""
    return f"<copy-config><target><{target}/></target><source>{source}</source>{more}</copy-config>"


def option(name: str, value: str) -> str:
    """Return a parameter of edit-config."""
    return f"<{name}>{value}</{name}>"


def tags_of(reply: etree._Element) -> list[str]:
    """Return the tags of all errors of a reply, none for ok."""
    return texts(reply, "nc:rpc-error/nc:error-tag")


def is_ok(reply: etree._Element) -> bool:
    """Tell whether a reply is ok and nothing else (row C15)."""
    return [child.tag for child in reply] == [f"{{{NAMESPACES['nc']}}}ok"]
