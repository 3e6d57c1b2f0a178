"""with-defaults: RFC 6243. The basic mode is 'explicit'."""

from __future__ import annotations

from typing import Final

import pytest
from lxml import etree

from agent.datastore.stores import Datastore
from tests.support.access import nacm, path, rule
from tests.support.editor import BEFORE, OPEN_DOORS, Editor, copy_config, edit_config, is_ok
from tests.support.edits import serialized, shop
from tests.support.netconf_wire import NAMESPACES, Wire, error, texts
from tests.support.shop import ShopServer

NAMESPACE: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults"
DEFAULT: Final = "{urn:ietf:params:xml:ns:netconf:default:1.0}default"
SET_TO_DEFAULT: Final = shop("<name>corner</name><greeting>hello</greeting><from>8</from>")


def with_defaults(mode: str) -> str:
    """Return the parameter."""
    return f'<with-defaults xmlns="{NAMESPACE}">{mode}</with-defaults>'


def read(wire: Wire, mode: str | None, operation: str = "get-config", content: str = "") -> etree._Element:
    """Return the shop that a get or get-config shows in a mode, without it in none."""
    source = "<source><running/></source>" if operation == "get-config" else ""
    filter_ = f'<filter><shop xmlns="urn:toy">{content}</shop></filter>'
    parameter = with_defaults(mode) if mode is not None else ""
    reply = wire.rpc(f"<{operation}>{source}{filter_}{parameter}</{operation}>")
    data = reply.find("nc:data", NAMESPACES)
    assert data is not None, etree.tostring(reply)
    return data


def leaves(data: etree._Element) -> dict[str, str]:
    """Return the configured leaves by name."""
    return {etree.QName(leaf).localname: leaf.text or "" for leaf in data.iterdescendants() if not len(leaf)}


def tagged(data: etree._Element) -> set[str]:
    """Return the names of the elements that are tagged as defaults."""
    marked = [element for element in data.iter(etree.Element) if element.get(DEFAULT) is not None]
    assert {element.get(DEFAULT) for element in marked} <= {"true"}
    return {etree.QName(element).localname for element in marked}


EXPLICIT: Final = {"name": "corner", "greeting": "hello", "from": "8"}
ALL: Final = {**EXPLICIT, "until": "18", "limit": "5"}


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        (None, EXPLICIT),
        ("explicit", EXPLICIT),
        ("trim", {"name": "corner", "from": "8"}),
        ("report-all", ALL),
        ("report-all-tagged", ALL),
    ],
)
def test_each_mode_shows_its_defaults(mode: str | None, shown: dict[str, str]) -> None:
    assert leaves(read(ShopServer(SET_TO_DEFAULT).connect(), mode)) == shown


def test_the_tag_is_on_what_nobody_has_set_and_nothing_else() -> None:
    """Row E15; RFC 6243 section 3.4."""
    wire = ShopServer(SET_TO_DEFAULT).connect()
    assert tagged(read(wire, "report-all-tagged")) == {"until", "limit"}
    for mode in (None, "explicit", "trim", "report-all"):
        assert tagged(read(wire, mode)) == set()


def test_an_unknown_mode_is_refused() -> None:
    """Row E15."""
    reply = ShopServer().connect().rpc(f"<get>{with_defaults('some')}</get>")
    assert (error(reply)["error-tag"], error(reply)["bad-element"]) == ("invalid-value", "with-defaults")


def test_the_parameter_of_another_namespace_is_refused() -> None:
    reply = ShopServer().connect().rpc("<get><with-defaults>trim</with-defaults></get>")
    assert error(reply)["error-tag"] == "unknown-element"


def test_get_shows_defaults_beside_state() -> None:
    server = ShopServer(SET_TO_DEFAULT)
    server.shop.sold = 3
    shown = leaves(read(server.connect(), "report-all", "get"))
    assert {**ALL, "sold": "3"}.items() <= shown.items()


def test_trimming_twice_is_trimming_once() -> None:
    server = ShopServer(SET_TO_DEFAULT)
    first, second = (leaves(read(server.connect(), "trim")) for _ in range(2))
    assert first == second


def test_a_filter_finds_a_default_where_defaults_are_shown() -> None:
    wire = ShopServer(SET_TO_DEFAULT).connect()
    wanted = "<rules><limit>5</limit></rules>"
    assert texts(read(wire, "report-all", content=wanted), "toy:shop/toy:rules/toy:limit") == ["5"]
    assert leaves(read(wire, "explicit", content=wanted)) == {}
    assert leaves(read(wire, "report-all", content="<rules><limit>6</limit></rules>")) == {}


def test_reading_defaults_sets_none() -> None:
    server = ShopServer(SET_TO_DEFAULT)
    wire = server.connect()
    read(wire, "report-all")
    assert serialized(server.stores.running) == SET_TO_DEFAULT
    assert leaves(read(wire, None)) == EXPLICIT


def test_defaults_follow_the_configuration() -> None:
    editor = Editor(OPEN_DOORS + SET_TO_DEFAULT)
    assert leaves(read(editor.wire, "report-all"))["until"] == "18"
    editor.edit(shop("<always/><rules><limit>9</limit></rules>"))
    shown = leaves(read(editor.wire, "report-all"))
    assert ("until" in shown, shown["limit"]) == (False, "9")


def test_a_default_that_may_not_be_read_is_not_shown() -> None:
    server = ShopServer(SET_TO_DEFAULT + nacm(rule("deny", path("/toy:shop/toy:rules"))))
    assert "limit" not in leaves(read(server.connect("ann"), "report-all"))
    assert "limit" in leaves(read(server.connect("eve"), "report-all"))


def test_what_was_read_with_tags_can_be_written_back_and_sets_no_default() -> None:
    """RFC 6243 section 4.5.1."""
    editor = Editor(OPEN_DOORS + SET_TO_DEFAULT)
    before = editor.running
    data = read(editor.wire, "report-all-tagged")
    content = "".join(etree.tostring(child).decode() for child in data)
    assert 'default="true"' in content
    assert is_ok(editor.edit(content))
    assert editor.running == before


def test_a_value_that_is_tagged_and_is_not_the_default_is_refused() -> None:
    content = shop('<greeting wd:default="true">hi</greeting>')
    assert Editor().refused(edit_config(content))["error-tag"] == "invalid-value"


# copy-config.


def startup(editor: Editor) -> str:
    """Return the startup configuration of the shop."""
    return serialized(editor.server.stores.root(Datastore.STARTUP)).removeprefix(OPEN_DOORS)


@pytest.mark.parametrize(
    ("mode", "kept"),
    [
        ("explicit", SET_TO_DEFAULT),
        ("trim", shop("<name>corner</name><from>8</from>")),
        ("report-all-tagged", SET_TO_DEFAULT),
    ],
)
def test_a_copy_has_the_defaults_of_its_mode(mode: str, kept: str) -> None:
    editor = Editor(OPEN_DOORS + SET_TO_DEFAULT)
    assert is_ok(editor.wire.rpc(copy_config("<running/>", "startup", with_defaults(mode))))
    assert startup(editor) == kept


def test_a_copy_with_all_defaults_sets_them() -> None:
    editor = Editor(OPEN_DOORS + SET_TO_DEFAULT)
    editor.wire.rpc(copy_config("<running/>", "startup", with_defaults("report-all")))
    assert "<until>18</until><rules><limit>5</limit></rules>" in startup(editor)
    assert is_ok(editor.wire.rpc(copy_config("<startup/>", "running")))
    assert tagged(read(editor.wire, "report-all-tagged")) == set(), "set, and so no defaults any more"
    assert leaves(read(editor.wire, None)) == ALL


def test_a_configuration_in_full_that_is_not_valid_is_refused_in_every_mode() -> None:
    invalid = f"<config>{shop('<rules><favourite>nowhere</favourite></rules>')}</config>"
    for mode in ("explicit", "trim", "report-all", "report-all-tagged"):
        found = Editor(OPEN_DOORS + BEFORE).refused(copy_config(invalid, "startup", with_defaults(mode)))
        assert found["error-tag"] == "data-missing"
