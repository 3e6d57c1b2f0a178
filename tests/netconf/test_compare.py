"""The comparison of two datastores (RFC 9144), as edits of a YANG patch (RFC 8072)."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agent.datastore.stores import Datastore
from tests.support.access import nacm, path, rule
from tests.support.candidates import edit_candidate
from tests.support.editor import OPEN_DOORS, copy_config, tags_of
from tests.support.edits import insert, op, shop
from tests.support.netconf_wire import Wire, error
from tests.support.shop import Customer, ShopServer, configuration

CMP: Final = "urn:ietf:params:xml:ns:yang:ietf-nmda-compare"
DS: Final = "urn:ietf:params:xml:ns:yang:ietf-datastores"
ORIGIN: Final = "{urn:ietf:params:xml:ns:yang:ietf-origin}origin"
SHOP: Final = '<subtree-filter><shop xmlns="urn:toy"/></subtree-filter>'
QUEUE: Final = "".join(f"<queue><name>{name}</name></queue>" for name in "abc")
CONFIG: Final = OPEN_DOORS + shop(
    f"<name>corner</name><tag>t1</tag>{QUEUE}<shelf><row>1</row><column>a/b c</column><label>top</label></shelf>"
)

Edit = dict[str, str]


def request(source: str, target: str, more: str = SHOP) -> str:
    """Return a compare."""
    named = f"<source>ds:{source}</source><target>ds:{target}</target>"
    return f'<compare xmlns="{CMP}" xmlns:ds="{DS}" xmlns:t="urn:toy">{named}{more}</compare>'


def compared(wire: Wire, source: str = "running", target: str = "candidate", more: str = SHOP) -> list[etree._Element]:
    """Return the edits that make the source the target."""
    reply = wire.rpc(request(source, target, more))
    assert [child.tag for child in reply] == [f"{{{CMP}}}differences"], etree.tostring(reply)
    patch = reply[0][0]
    assert patch.tag == f"{{{CMP}}}yang-patch"
    assert patch[0].text == f"{source}-{target}"
    return list(patch)[1:]


def plain(edit: etree._Element) -> Edit:
    """Return the leaves of an edit by their names, and what its values hold as texts."""
    found = {etree.QName(part).localname: part for part in edit}
    found.pop("edit-id")
    return {name: "".join(map(str, part.itertext())) for name, part in found.items()}


def edited(content: str) -> Wire:
    """Return a client whose candidate differs from running by an edit."""
    wire = ShopServer(CONFIG).connect()
    assert tags_of(wire.rpc(edit_candidate(content))) == []
    return wire


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            shop("<name>new</name>"),
            {"operation": "replace", "target": "/toy:shop/name", "value": "new", "source-value": "corner"},
        ),
        (shop("<kind xmlns:t='urn:toy'>t:red</kind>"), {"operation": "create", "target": "/toy:shop/kind"}),
        (
            shop(f"<name{op('delete')}/>"),
            {"operation": "delete", "target": "/toy:shop/name", "source-value": "corner"},
        ),
        (
            shop(f"<tag{op('delete')}>t1</tag>"),
            {"operation": "delete", "target": "/toy:shop/tag=t1", "source-value": "t1"},
        ),
        (
            shop("<shelf><row>1</row><column>a/b c</column><label>low</label></shelf>"),
            {"operation": "replace", "target": "/toy:shop/shelf=1,a%2Fb%20c/label", "value": "low"},
        ),
        (
            shop("<shelf><row>2</row><column>x</column><label>low</label></shelf>"),
            {"operation": "create", "target": "/toy:shop/shelf=2,x", "value": "2xlow"},
        ),
        (
            shop(f"<shelf{op('delete')}><row>1</row><column>a/b c</column></shelf>"),
            {"operation": "delete", "target": "/toy:shop/shelf=1,a%2Fb%20c", "source-value": "1a/b ctop"},
        ),
        (
            shop(f"<queue{insert('first')}><name>c</name></queue>"),
            {"operation": "move", "target": "/toy:shop/queue=c", "where": "first"},
        ),
        (
            shop(
                f"<queue{insert('after', key=chr(91) + 'toy:name=' + chr(39) + 'a' + chr(39) + chr(93))} "
                "xmlns:toy='urn:toy'><name>z</name></queue>"
            ),
            {
                "operation": "insert",
                "target": "/toy:shop/queue=z",
                "point": "/toy:shop/queue=a",
                "where": "after",
                "value": "z",
            },
        ),
    ],
)
def test_a_difference_is_an_edit(content: str, expected: Edit) -> None:
    edits = compared(edited(content))
    assert [etree.QName(part).localname for part in edits[0]][:3] == ["edit-id", "operation", "target"]
    assert len(edits) == 1
    found = plain(edits[0])
    assert found.items() >= expected.items()
    if expected["operation"] in ("delete", "move"):
        assert "value" not in found
    if expected["operation"] in ("create", "insert", "move"):
        assert "source-value" not in found


def test_the_other_way_round_is_the_opposite() -> None:
    (edit,) = compared(edited(shop("<name>new</name>")), "candidate", "running")
    assert (plain(edit)["value"], plain(edit)["source-value"]) == ("corner", "new")


def test_a_value_is_the_element_of_the_node_with_its_namespaces() -> None:
    (edit,) = compared(edited(shop("<kind xmlns:t='urn:toy'>t:red</kind>")))
    (value,) = (part for part in edit if part.tag == f"{{{CMP}}}value")
    (kind,) = value
    assert kind.tag == "{urn:toy}kind"
    prefix, _, name = (kind.text or "").partition(":")
    assert (kind.nsmap[prefix], name) == ("urn:toy", "red")


def test_equal_datastores_differ_in_nothing() -> None:
    assert compared(ShopServer(CONFIG).connect()) == []
    assert compared(ShopServer(CONFIG).connect(), more="") == []


@pytest.mark.parametrize(
    "nothing",
    [
        '<subtree-filter><shop xmlns="urn:toy"><kind/></shop></subtree-filter>',
        "<subtree-filter/>",
        "<xpath-filter>/t:shop/t:kind</xpath-filter>",
    ],
)
def test_a_filter_that_selects_nothing_is_told_so(nothing: str) -> None:
    reply = edited(shop("<name>new</name>")).rpc(request("running", "candidate", nothing))
    assert [child.tag for child in reply] == [f"{{{CMP}}}no-matches"]


def test_what_the_filter_does_not_select_is_not_compared() -> None:
    wire = edited(shop("<name>new</name><tag>t2</tag>"))
    (edit,) = compared(wire, more="<xpath-filter>/t:shop/t:tag</xpath-filter>")
    assert plain(edit)["target"] == "/toy:shop/tag=t2"


def test_startup_is_compared_too() -> None:
    wire = ShopServer(CONFIG).connect()
    edits = compared(wire, "startup", "running")
    assert {plain(edit)["operation"] for edit in edits} == {"create", "insert"}
    assert "/toy:shop/name" in {plain(edit)["target"] for edit in edits}
    wire.rpc(copy_config("<running/>", "startup"))
    assert compared(wire, "startup", "running") == []


# What is operational.


def operating() -> Wire:
    """Return a client of a shop in which something happens."""
    server = ShopServer(CONFIG)
    server.shop.sold = 1
    server.shop.customers = {1: Customer(1, "Ann", {"tea": 2})}
    server.shop.weights = {(2, "x"): 7}
    return server.connect()


def targets(edits: list[etree._Element]) -> set[str]:
    """Return the targets of edits."""
    return {plain(edit)["target"] for edit in edits}


def test_what_is_intended_and_what_is_operational_differ_in_defaults_and_what_the_device_has_by_itself() -> None:
    edits = compared(operating(), "intended", "operational")
    assert {plain(edit)["operation"] for edit in edits} == {"create"}
    assert {"/toy:shop/greeting", "/toy:shop/rules/limit", "/toy:shop/shelf=2,x"} <= targets(edits)
    assert not any("totals" in target or "customer" in target for target in targets(edits)), "state is not asked for"


def test_all_compares_state_too() -> None:
    found = targets(compared(operating(), "intended", "operational", f"<all/>{SHOP}"))
    assert {"/toy:shop/totals/sold", "/toy:shop/customer=1"} <= found


def test_origins_are_reported_if_that_is_asked_for() -> None:
    wire = operating()
    plain_ones = compared(wire, "intended", "operational")
    assert not any(element.get(ORIGIN) for edit in plain_ones for element in edit.iter(etree.Element))
    edits = compared(wire, "intended", "operational", f"<report-origin/>{SHOP}")
    origins = {
        plain(edit)["target"]: element.get(ORIGIN)
        for edit in edits
        for value in edit.iterchildren(f"{{{CMP}}}value")
        for element in value
    }
    assert origins["/toy:shop/greeting"] == "or:default"
    assert origins["/toy:shop/shelf=2,x"] == "or:system"


# Refusals and access.


@pytest.mark.parametrize("datastore", ["factory-default", "conventional"])
def test_a_datastore_that_there_is_not_is_refused(datastore: str) -> None:
    found = ShopServer(CONFIG).connect().rpc(request("running", datastore))
    assert error(found)["error-tag"] == "invalid-value"


def test_two_filters_are_refused() -> None:
    both = f"{SHOP}<xpath-filter>/t:shop</xpath-filter>"
    assert tags_of(ShopServer(CONFIG).connect().rpc(request("running", "candidate", both))) == ["bad-element"]


def test_source_and_target_are_needed() -> None:
    reply = ShopServer(CONFIG).connect().rpc(f'<compare xmlns="{CMP}"/>')
    assert tags_of(reply) == ["missing-element", "missing-element"]


def test_nobody_learns_of_a_difference_in_what_it_cannot_read() -> None:
    rules = nacm(rule("deny", path("/toy:shop/toy:name"), "read"), rule("permit"), users=("ann",))
    server = ShopServer(rules + shop("<name>corner</name><secret>s3</secret><tag>t1</tag>"))
    server.stores.replace(Datastore.CANDIDATE, configuration(rules + shop("<name>new</name><secret>s4</secret>")))
    everything = compared(server.connect("ann"))
    assert targets(everything) >= {"/toy:shop/tag=t1"}
    assert "/toy:shop/name" not in targets(everything)
    assert targets(compared(server.connect("stranger"))) == {"/toy:shop/name", "/toy:shop/tag=t1"}


# The order of lists that the user orders.

orders = st.permutations("abcdef").map(lambda names: names[:4])


@given(orders, orders)
@settings(max_examples=30, deadline=None)
def test_the_edits_carried_out_in_order_give_the_order_of_the_target(source: list[str], target: list[str]) -> None:
    def listed(names: list[str]) -> str:
        return OPEN_DOORS + shop("".join(f"<queue><name>{name}</name></queue>" for name in names))

    server = ShopServer(listed(source))
    server.stores.replace(Datastore.CANDIDATE, configuration(listed(target)))
    present = list(source)
    for edit in map(plain, compared(server.connect())):
        name = edit["target"][-1]
        if edit["operation"] in ("move", "delete"):
            present.remove(name)
        if edit["operation"] in ("move", "insert"):
            present.insert(present.index(edit["point"][-1]) + 1 if "point" in edit else 0, name)
    assert present == target
