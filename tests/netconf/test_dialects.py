"""RPCs without a schema: which elements they are, who may have them carried out, and how they are answered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from lxml import etree

from agent.datastore.errors import invalid_value
from agent.datastore.registry import Authorisation, Caller, Dialect, DialectRpc
from agent.netconf.capabilities import server_capabilities
from tests.support.access import nacm, path, rule
from tests.support.netconf_wire import BASE, Wire, error
from tests.support.shop import ShopServer, toy_registry, toy_schema

READS = Authorisation(reads=("/toy:shop/totals",))
EXECUTES = Authorisation(executes="/toy:buy")
VENDOR = "http://vendor.example/"


def said(heard: list[str], caller: Caller, element: etree._Element) -> Iterator[str]:
    """Answer with the name, and remember it."""
    heard.append(f"{caller.user} {etree.QName(element).localname}")
    return iter(("<said>", "so", "</said>"))


def refused(heard: list[str], caller: Caller, element: etree._Element) -> Iterator[str]:
    """Refuse."""
    raise invalid_value("no", app_tag="never")


def by_content(element: etree._Element) -> Authorisation:
    """Authorise as what the element names."""
    return READS if element.text == "read" else EXECUTES


DIALECT = Dialect(
    name="dialect",
    namespaces=(VENDOR,),
    capabilities=("http://vendor.example/speaks",),
    rpcs={
        rpc.name: rpc
        for rpc in (
            DialectRpc[list[str]]("say", lambda element: READS, said),
            DialectRpc[list[str]]("do", lambda element: EXECUTES, said),
            DialectRpc[list[str]]("either", by_content, said),
            DialectRpc[list[str]]("refuse", lambda element: READS, refused),
            DialectRpc[list[str]]("get", lambda element: READS, said),
        )
    },
    authorisations=(READS, EXECUTES),
)


class Speaking:
    """A server that knows the dialect, a client of it, and what was heard."""

    def __init__(self, *rules: str) -> None:
        self.heard: list[str] = []
        shop = ShopServer(nacm(*rules))
        shop.server.registry = replace(toy_registry(), dialects=(DIALECT,))
        shop.server.attach(DIALECT.name, self.heard)
        self.server = shop.server
        self.wire: Wire = shop.connect("ann")

    def denied(self, operation: str) -> bool:
        """Tell whether an operation is denied; if so, it was not carried out and was counted."""
        before = self.server.access_counters.operations
        reply = self.wire.rpc(operation)
        if reply.find("{*}rpc-error") is None:
            return False
        found = error(reply)
        assert (found["error-tag"], found["error-message"]) == ("access-denied", "permission denied")
        assert self.heard == []
        assert self.server.access_counters.operations == before + 1
        return True


@pytest.mark.parametrize("namespace", ["", BASE, f"{VENDOR}1.0/anything"])
def test_it_is_known_by_its_name_where_no_module_is_meant(namespace: str) -> None:
    speaking = Speaking()
    (answer,) = speaking.wire.rpc(f'<say xmlns="{namespace}"/>')
    assert answer.text == "so"
    assert speaking.heard == ["ann say"]


def test_an_operation_of_the_protocol_is_never_the_dialects() -> None:
    speaking = Speaking()
    assert speaking.wire.rpc("<get/>")[0].tag == f"{{{BASE}}}data"
    assert speaking.heard == []
    assert speaking.wire.rpc('<get xmlns=""/>')[0].text == "so"


def test_the_namespace_of_a_module_means_the_module() -> None:
    speaking = Speaking()
    assert error(speaking.wire.rpc('<say xmlns="urn:toy"/>'))["error-tag"] == "unknown-element"
    assert error(speaking.wire.rpc('<say xmlns="urn:vendor"/>'))["error-tag"] == "unknown-namespace"
    assert speaking.heard == []


@pytest.mark.parametrize("namespace", ["", BASE, VENDOR])
def test_an_unknown_name_is_refused(namespace: str) -> None:
    found = error(Speaking().wire.rpc(f'<mumble xmlns="{namespace}"/>'))
    assert (found["error-tag"], found["bad-element"]) == ("unknown-element", "mumble")


def test_a_refusal_is_an_error_like_any_other() -> None:
    found = error(Speaking().wire.rpc("<refuse/>"))
    assert (found["error-tag"], found["error-app-tag"]) == ("invalid-value", "never")


def test_what_reads_needs_the_right_to_read_all_of_it() -> None:
    assert not Speaking().denied("<say/>")
    for hidden in ("/toy:shop", "/toy:shop/toy:totals", "/toy:shop/toy:totals/toy:sold"):
        assert Speaking(rule("deny", path(hidden), "read")).denied("<say/>"), hidden
    assert not Speaking(rule("deny", path("/toy:shop/toy:name"), "read")).denied("<say/>")
    assert not Speaking(rule("deny", "<rpc-name>buy</rpc-name>", "exec")).denied("<say/>")


def test_what_executes_needs_the_right_to_execute_it() -> None:
    assert not Speaking().denied("<do/>")
    assert Speaking(rule("deny", "<module-name>toy</module-name><rpc-name>buy</rpc-name>", "exec")).denied("<do/>")
    assert not Speaking(rule("deny", path("/toy:shop"), "read")).denied("<do/>")


def test_what_it_is_authorised_as_can_depend_on_its_content() -> None:
    no_reading = Speaking(rule("deny", path("/toy:shop"), "read"))
    assert no_reading.denied("<either>read</either>")
    assert not no_reading.denied("<either>buy</either>")


def test_a_dialect_announces_itself() -> None:
    assert "http://vendor.example/speaks" in server_capabilities(toy_schema(), (DIALECT,))
    assert "http://vendor.example/speaks" not in server_capabilities(toy_schema())
