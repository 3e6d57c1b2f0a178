"""Random edits against an independent model, through the whole server: the same outcome, or both refuse."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.datastore.diff import Change, differences
from agent.datastore.stores import Datastore
from agent.datastore.tree import Branch, Item
from tests.support.edit_model import SHOP, Data, Element, Node, Refused, apply
from tests.support.edits import PREFIXES, edited, serialized, shop
from tests.support.netconf_wire import NAMESPACES
from tests.support.shop import ShopServer, configuration, toy_schema

OPEN_DOORS: Final = '<nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><enable-nacm>false</enable-nacm></nacm>'
OPERATIONS: Final = st.sampled_from([None] * 6 + ["merge", "replace", "replace", "create", "delete", "remove"])
LETTERS: Final = st.sampled_from("abc")
VALUES: Final = {"from": "789", "until": "789", "limit": "789", "always": [""]}
BEGINNING: Final = shop(
    "<name>a</name><tag>a</tag><tag>b</tag><aisle>a</aisle><aisle>b</aisle>"
    "<queue><name>a</name><since>a</since></queue><queue><name>b</name></queue>"
    "<from>8</from><rules><limit>7</limit></rules><open><since>a</since></open>"
)
"""What the shop has at first, so that there is something to find."""


def elements(name: str, node: Node) -> st.SearchStrategy[Element]:
    """Return edits of one node."""
    keys = st.sampled_from(VALUES[name]) if name in VALUES else LETTERS
    below = [elements(inner, of) for inner, of in node.below.items()]
    return st.builds(
        Element,
        st.just(name),
        keys,
        OPERATIONS,
        st.lists(st.one_of(below), max_size=2).map(tuple) if below else st.just(()),
        st.sampled_from([None, "first", "last", "before", "after"]) if node.ordered else st.none(),
        LETTERS,
    ).map(without_idle_anchor)


def without_idle_anchor(element: Element) -> Element:
    """Leave the anchor to those that need one."""
    anchor = element.anchor if element.where in ("before", "after") else None
    return Element(element.name, element.key, element.operation, element.below, element.where, anchor)


EDITS: Final = st.tuples(
    st.sampled_from(["merge"] * 8 + ["replace", "none"]),
    st.sampled_from([None] * 8 + ["merge", "replace", "create", "delete", "remove"]),
    st.lists(
        st.one_of([elements(name, node) for name, node in SHOP.items()]),
        max_size=4,
        unique_by=lambda element: (element.name, element.key),
    ),
)


def data_of(root: Branch) -> Data:
    """Return a tree as the model has it."""
    items = {node.name: item for node, item in root.children.items()}
    return content(items["shop"]) if isinstance(items.get("shop"), Branch) else {}


def content(item: Item) -> Data:
    """Return a container or an entry, without its keys."""
    assert isinstance(item, Branch)
    keys = item.schema.keys if item.schema is not None else ()
    return {node.name: plain(below) for node, below in item.children.items() if node not in keys}


def plain(item: Item) -> str | Data:
    """Return any item."""
    if isinstance(item, str):
        return item
    if isinstance(item, tuple):
        return {value: value for value in item}
    if isinstance(item, Mapping):
        return {key[0]: content(entry) for key, entry in item.items()}
    return content(item)


def in_order(data: Data) -> list[tuple[str, list[str]]]:
    """Return what is ordered by the user in its order."""
    return [(name, list(item)) for name, node in SHOP.items() if node.ordered and (item := data.get(name))]


@cache
def server() -> ShopServer:
    """Return one server for all examples: each begins with an empty shop."""
    return ShopServer(OPEN_DOORS)


@settings(max_examples=300, deadline=None)
@given(st.lists(EDITS, min_size=3, max_size=12))
def test_edits_do_what_the_model_does_and_those_refused_change_nothing(
    edits: list[tuple[str, str | None, list[Element]]],
) -> None:
    served = server()
    served.configure(OPEN_DOORS + BEGINNING)
    wire, stores = served.connect(), served.stores
    model = data_of(stores.running)
    for default, operation, below in edits:
        before = serialized(stores.running)
        whole = f' nc:operation="{operation}"' if operation else ""
        content = shop("".join(element.render() for element in below), whole) if below or operation else ""
        access = OPEN_DOORS if default == "replace" else ""
        reply = wire.rpc(
            f"<edit-config><target><running/></target><default-operation>{default}</default-operation>"
            f"<config {PREFIXES}>{access}{content}</config></edit-config>"
        )
        try:
            expected = outcome(model, default, operation, below)
        except Refused:
            assert reply.find("nc:rpc-error", NAMESPACES) is not None, content
            assert serialized(stores.running) == before
        else:
            assert reply.find("nc:ok", NAMESPACES) is not None, content
            model = expected
        assert data_of(stores.running) == model
        assert in_order(data_of(stores.running)) == in_order(model)
    wire.session.lost()


def outcome(model: Data, default: str, operation: str | None, below: list[Element]) -> Data:
    """Return the shop after an edit."""
    before: Data = {"shop": model} if model else {}
    start = {} if default == "replace" else before
    nodes = {"shop": Node("container", below=SHOP)}
    whole = [Element("shop", "", operation, tuple(below))] if below or operation else []
    after = apply(nodes, before, start, whole, default).get("shop", {})
    assert isinstance(after, dict)
    return after


# What differs between two trees.

TREES: Final = st.lists(st.one_of([elements(name, node) for name, node in SHOP.items()]), max_size=8)


def tree(below: list[Element]) -> Branch:
    """Return a tree with what stands together of random elements."""
    root = Branch(None)
    for element in below:
        bare = Element(element.name, element.key, None, tuple(Element(e.name, e.key) for e in element.below[:1]))
        root = edited(serialized(root), shop(bare.render())).root
    return root


@settings(max_examples=100, deadline=None)
@given(TREES)
def test_a_tree_does_not_differ_from_itself_and_is_read_as_it_was_written(below: list[Element]) -> None:
    root = tree(below)
    again = configuration(serialized(root))
    assert list(differences(root, root)) == []
    assert list(differences(root, again)) == []
    assert serialized(again) == serialized(root)


@settings(max_examples=200, deadline=None)
@given(TREES, TREES)
def test_trees_differ_exactly_where_they_are_written_differently(one: list[Element], two: list[Element]) -> None:
    old, new = tree(one), tree(two)
    found = list(differences(old, new))
    assert (found == []) == (data_of(old) == data_of(new) and in_order(data_of(old)) == in_order(data_of(new)))
    back = list(differences(new, old))
    turned = {Change.CREATED: Change.DELETED, Change.DELETED: Change.CREATED, Change.UPDATED: Change.UPDATED}
    assert {(turned[one.change], one.path) for one in found} == {(one.change, one.path) for one in back}
    assert len({one.path for one in found}) == len(found)


def test_the_model_and_the_server_speak_of_the_same_nodes() -> None:
    for name in SHOP:
        assert toy_schema().node(f"/toy:shop/{name}").config
    assert Datastore.RUNNING in server().stores.names
