"""The hello of RFC 6241 section 8.1: what each side announces, and which version they then speak."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from lxml import etree

from agent.datastore.schema import Module, ModuleRequest, load_schema
from agent.netconf.capabilities import (
    BASE_1_0,
    BASE_1_1,
    CAPABILITY,
    BadHello,
    common_base,
    module_capability,
    parse_hello,
    render_hello,
    server_capabilities,
)
from tests.support.netconf_wire import BASE, texts
from tests.support.shop import STANDARD, toy_schema


def hello(capabilities: str, more: str = "", name: str = "hello", namespace: str = BASE) -> bytes:
    """Return a client's hello."""
    return f'<{name} xmlns="{namespace}"><capabilities>{capabilities}</capabilities>{more}</{name}>'.encode()


def capability(uri: str) -> str:
    """Return the element of one capability."""
    return f"<capability>{uri}</capability>"


def test_the_servers_hello_has_a_session_id_and_no_message_id() -> None:
    """Row A11."""
    root = etree.fromstring(render_hello(("urn:a?b&c",), 7))
    assert root.tag == f"{{{BASE}}}hello"
    assert texts(root, "nc:capabilities/nc:capability") == ["urn:a?b&c"]
    assert texts(root, "nc:session-id") == ["7"]
    assert not root.attrib


def test_both_base_versions_are_announced_with_what_the_protocol_can_do() -> None:
    announced = server_capabilities(toy_schema())
    assert announced[:2] == (BASE_1_0, BASE_1_1)
    for name in ("writable-running:1.0", "validate:1.1", "startup:1.0", "rollback-on-error:1.0", "interleave:1.0"):
        assert f"urn:ietf:params:netconf:capability:{name}" in announced


def test_the_candidate_and_confirmed_commits_are_announced_for_older_clients_too() -> None:
    """Row D26."""
    announced = server_capabilities(toy_schema())
    for name in ("candidate:1.0", "confirmed-commit:1.0", "confirmed-commit:1.1"):
        assert f"urn:ietf:params:netconf:capability:{name}" in announced


def test_the_modes_of_defaults_and_the_notifications_are_announced() -> None:
    """RFC 6243 section 4.3, RFC 5277 section 3.1.1 and 6."""
    announced = server_capabilities(toy_schema())
    (uri,) = (uri for uri in announced if "with-defaults:1.0" in uri)
    name, _, query = uri.partition("?")
    assert name == "urn:ietf:params:netconf:capability:with-defaults:1.0"
    assert dict(parse_qsl(query)) == {
        "basic-mode": "explicit",
        "also-supported": "trim,report-all,report-all-tagged",
    }
    assert "urn:ietf:params:netconf:capability:notification:1.0" in announced
    assert not [uri for uri in announced if "time:1.0" in uri], "what this server does not have"


def test_xpath_is_announced() -> None:
    """RFC 6241 section 8.9."""
    assert "urn:ietf:params:netconf:capability:xpath:1.0" in server_capabilities(toy_schema())


def test_every_base_capability_is_a_feature_or_a_module_that_is_loaded() -> None:
    without = tuple(module for module in STANDARD if module.name in ("ietf-netconf", "notifications"))
    announced = server_capabilities(load_schema((), (ModuleRequest("ietf-netconf", ("validate",)), *without[1:])))
    names = [uri.removeprefix(f"{CAPABILITY}:") for uri in announced if uri.startswith(CAPABILITY)]
    assert names == ["validate:1.0", "validate:1.1", "notification:1.0", "interleave:1.0"]


def test_what_no_feature_and_no_module_stands_for_is_not_announced() -> None:
    bare = server_capabilities(load_schema((), (ModuleRequest("ietf-netconf"),)))
    assert not [uri for uri in bare if uri.startswith("urn:ietf:params:netconf:capability")]


def test_the_yang_library_is_announced_with_revision_and_content_id() -> None:
    library = next(uri for uri in server_capabilities(toy_schema()) if "yang-library:1.1" in uri)
    assert library == (
        f"urn:ietf:params:netconf:capability:yang-library:1.1?revision=2019-01-04&content-id={toy_schema().content_id}"
    )


def test_every_implemented_module_is_announced_with_its_revision() -> None:
    announced = server_capabilities(toy_schema())
    assert "urn:toy?module=toy&revision=2026-01-01" in announced
    for module in toy_schema().modules.values():
        assert module_capability(module) in announced
    assert not [uri for uri in announced if "module=ietf-inet-types" in uri], "imported, not implemented"


def test_features_and_deviations_are_part_of_a_modules_capability() -> None:
    module = Module("m", "", "urn:m", "m", True, ("a", "b"), "", (), ("d",))
    assert module_capability(module) == "urn:m?module=m&features=a,b&deviations=d"


def test_white_space_around_a_capability_is_ignored() -> None:
    """Row A6."""
    assert parse_hello(hello(capability(f"\n   {BASE_1_1}\n  "))) == {BASE_1_1}


def test_a_prefix_in_the_hello_makes_no_difference() -> None:
    """Row A7."""
    message = (
        f'<?xml version="1.0" encoding="utf-8"?><nc:hello xmlns:nc="{BASE}"><nc:capabilities>'
        f"<nc:capability>{BASE_1_0}</nc:capability></nc:capabilities></nc:hello>"
    )
    assert parse_hello(message.encode()) == {BASE_1_0}


def test_an_unknown_element_in_the_hello_is_ignored() -> None:
    """Row A13: the choice is to ignore."""
    assert parse_hello(hello(capability(BASE_1_1), "<more/>")) == {BASE_1_1}


def test_a_clients_hello_with_a_session_id_is_refused() -> None:
    """Row A2."""
    with pytest.raises(BadHello, match="session-id"):
        parse_hello(hello(capability(BASE_1_1), "<session-id>1</session-id>"))


@pytest.mark.parametrize("namespace", ["", "urn:ietf:params:netconf:base:1.0", "urn:toy"])
def test_a_hello_of_another_namespace_is_refused(namespace: str) -> None:
    """Row A8."""
    with pytest.raises(BadHello):
        parse_hello(hello(capability(BASE_1_1), namespace=namespace))


@pytest.mark.parametrize("message", [b"", b"nonsense", b"<hello>", hello("", name="rpc")])
def test_what_is_no_hello_is_refused(message: bytes) -> None:
    with pytest.raises(BadHello):
        parse_hello(message)


@pytest.mark.parametrize(
    ("offered", "chosen"), [((BASE_1_0,), BASE_1_0), ((BASE_1_1,), BASE_1_1), ((BASE_1_0, BASE_1_1), BASE_1_1)]
)
def test_the_newest_common_version_is_spoken(offered: tuple[str, ...], chosen: str) -> None:
    """Row A3."""
    assert common_base(offered) == chosen


def test_a_query_after_a_base_capability_is_ignored() -> None:
    """Row A5."""
    assert common_base([f"{BASE_1_1}?x=y"]) == BASE_1_1


@pytest.mark.parametrize("offered", [(), ("urn:ietf:params:netconf:base:1.2",), (f"{BASE_1_0}0",), ("",)])
def test_without_a_common_version_the_hello_is_refused(offered: tuple[str, ...]) -> None:
    """Row A4."""
    with pytest.raises(BadHello, match="no common base version"):
        common_base(offered)


def test_capabilities_outside_their_element_do_not_count() -> None:
    message = f'<hello xmlns="{BASE}"><capability>{BASE_1_1}</capability></hello>'
    assert parse_hello(message.encode()) == frozenset()
