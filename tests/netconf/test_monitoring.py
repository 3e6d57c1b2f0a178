"""ietf-netconf-monitoring, RFC 6022: the server as it shows itself, and get-schema."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from lxml import etree

from agent.netconf.monitoring import served_schemas
from tests.support.netconf_wire import BASE_1_0, Wire, error
from tests.support.schemas import load_texts, write_module
from tests.support.shop import ShopServer, toy_schema

MONITORING: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring"
LOCK: Final = "<lock><target><running/></target></lock>"


def state(wire: Wire, content: str) -> etree._Element:
    """Return a part of netconf-state."""
    return wire.get(f'<netconf-state xmlns="{MONITORING}">{content}</netconf-state>')


def values(data: etree._Element, name: str) -> list[str]:
    """Return the texts of all elements of a name."""
    return [element.text or "" for element in data.iter(f"{{{MONITORING}}}{name}")]


def get_schema(content: str) -> etree._Element:
    """Return the reply to a get-schema."""
    return ShopServer().connect().rpc(f'<get-schema xmlns="{MONITORING}">{content}</get-schema>')


def test_the_capabilities_are_those_of_the_hello() -> None:
    wire = ShopServer().open()
    hello = wire.hello()
    announced = [element.text for element in hello.iter("{*}capability")]
    assert values(state(wire, "<capabilities/>"), "capability") == announced


def test_a_locked_datastore_shows_its_holder_and_the_device_time() -> None:
    server = ShopServer()
    server.connect()
    wire = server.connect()
    assert values(state(wire, "<datastores/>"), "locked-by-session") == []
    wire.rpc(LOCK)
    data = state(wire, "<datastores/>")
    assert values(data, "name") == ["running", "candidate", "startup"]
    assert values(data, "locked-by-session") == ["2"]
    assert values(data, "locked-time") == ["2003-03-10T12:00:00+00:00"]


def test_every_session_is_shown_until_it_ends() -> None:
    server = ShopServer()
    wire, other = server.connect("ann"), server.connect("bob")
    data = state(wire, "<sessions/>")
    assert values(data, "session-id") == ["1", "2"]
    assert values(data, "username") == ["ann", "bob"]
    assert values(data, "source-host") == ["192.0.2.1"] * 2
    assert values(data, "login-time") == ["2003-03-10T12:00:00+00:00"] * 2
    other.session.lost()
    assert values(state(wire, "<sessions/>"), "session-id") == ["1"]


def test_one_session_is_looked_up_by_its_id() -> None:
    server = ShopServer()
    wire = server.connect("ann")
    server.connect("bob")
    data = state(wire, "<sessions><session><session-id>2</session-id></session></sessions>")
    assert values(data, "username") == ["bob"]


def test_the_counters_of_a_session_count_its_own_requests() -> None:
    server = ShopServer()
    wire, other = server.connect(), server.connect()
    wire.rpc("<nonsense/>")
    wire.exchange("<rpc")
    other.rpc(LOCK)
    data = state(wire, "<sessions><session><session-id>1</session-id></session></sessions>")
    assert values(data, "in-rpcs") == ["2"], "this get is the second"
    assert values(data, "in-bad-rpcs") == ["1"]
    assert values(data, "out-rpc-errors") == ["2"]
    assert values(data, "out-notifications") == ["0"]


def test_the_counters_of_the_server_keep_those_of_sessions_that_have_ended() -> None:
    server = ShopServer()
    first = server.connect()
    first.rpc("<nonsense/>")
    first.exchange("<rpc")
    first.rpc("<close-session/>")
    first.receive()
    data = state(server.connect(), "<statistics/>")
    assert values(data, "in-rpcs") == ["3"]
    assert values(data, "in-bad-rpcs") == ["1"]
    assert values(data, "out-rpc-errors") == ["2"]


def test_bad_hellos_and_dropped_sessions_are_counted() -> None:
    """Row A2."""
    server = ShopServer()
    bad = server.open()
    bad.hello(BASE_1_0.replace("1.0", "9.9"))
    server.connect().session.lost()
    data = state(server.connect(), "<statistics/>")
    assert values(data, "in-sessions") == ["3"]
    assert values(data, "in-bad-hellos") == ["1"]
    assert values(data, "dropped-sessions") == ["2"]
    assert values(data, "netconf-start-time") == ["2003-03-10T12:00:00+00:00"]


def test_every_module_that_is_announced_can_be_had() -> None:
    wire = ShopServer().connect()
    data = state(wire, "<schemas/>")
    assert set(values(data, "format")) == {"ncm:yang"}
    assert set(values(data, "location")) == {"NETCONF"}
    for name, version in zip(values(data, "identifier"), values(data, "version"), strict=True):
        content = f"<identifier>{name}</identifier><version>{version}</version>"
        reply = wire.rpc(f'<get-schema xmlns="{MONITORING}">{content}</get-schema>')
        assert f"module {name}" in values(reply, "data")[0]


def test_one_schema_is_looked_up_by_its_keys() -> None:
    keys = f'<identifier>toy</identifier><version>2026-01-01</version><format xmlns:m="{MONITORING}">m:yang</format>'
    data = state(ShopServer().connect(), f"<schemas><schema>{keys}<namespace/></schema></schemas>")
    assert values(data, "namespace") == ["urn:toy"]


def test_get_schema_returns_the_text_unchanged() -> None:
    reply = get_schema("<identifier>toy</identifier>")
    assert values(reply, "data") == [toy_schema().modules["toy"].source]


@pytest.mark.parametrize(
    "format_", [f'<format xmlns:m="{MONITORING}">m:yang</format>', f'<format xmlns="{MONITORING}">yang</format>']
)
def test_the_format_yang_is_known_by_its_identity(format_: str) -> None:
    assert len(values(get_schema(f"<identifier>toy</identifier>{format_}"), "data")) == 1


@pytest.mark.parametrize(
    "content",
    [
        "<identifier>nonsense</identifier>",
        "<identifier>toy</identifier><version>1999-01-01</version>",
        f'<identifier>toy</identifier><format xmlns:m="{MONITORING}">m:yin</format>',
    ],
)
def test_a_schema_that_is_not_there_is_an_invalid_value(content: str) -> None:
    """RFC 6022 section 3.1."""
    found = error(get_schema(content))
    assert found["error-tag"] == "invalid-value"
    assert found["error-path"] == "/ncm:get-schema/ncm:identifier"


def test_get_schema_without_an_identifier_is_refused() -> None:
    found = error(get_schema(""))
    assert (found["error-tag"], found["bad-element"]) == ("missing-element", "identifier")


def test_submodules_are_served_with_the_namespace_of_their_module(tmp_path: Path) -> None:
    write_module(tmp_path, "submodule part { yang-version 1.1; belongs-to whole { prefix w; } revision 2026-01-01; }")
    schema = load_texts(tmp_path, "module whole { yang-version 1.1; namespace urn:whole; prefix w; include part; }")
    served = {(one.name, one.version): one for one in served_schemas(schema)}
    assert served["part", "2026-01-01"].namespace == "urn:whole"
    assert served["part", "2026-01-01"].source.startswith("submodule part")
    assert served["whole", ""].namespace == "urn:whole"
