"""A view of a datastore, and what is found to have changed in it."""

from __future__ import annotations

from lxml import etree

from agent.datastore.observed import LensMaker
from agent.datastore.observer import Observer
from agent.datastore.patch import Operation, PatchWriter
from agent.datastore.rendering import Everywhere
from agent.datastore.schema import SchemaNode
from agent.datastore.touched import Touched
from agent.datastore.tree import Branch
from agent.netconf.filters import parse_subtree
from tests.support.market import registry
from tests.support.shop import Customer, Shop, configuration

NOTHING = Branch(None)
CUSTOMER = registry().schema.node("/toy:shop/customer")


def observer(subtree: str = "", hidden: tuple[str, ...] = ()) -> Observer:
    """Return a view of a part of a shop by somebody from whom some nodes are hidden."""
    element = etree.fromstring(f'<filter><shop xmlns="urn:toy">{subtree}</shop></filter>')
    selected = parse_subtree(registry().schema.roots, element)

    def readable(node: SchemaNode) -> bool:
        return node.name not in hidden

    return Observer(LensMaker(registry(), Everywhere(readable), state=True).lenses(selected), PatchWriter())


def test_a_first_look_finds_what_is_there() -> None:
    shop, view = Shop(), observer()
    shop.welcome(2)
    (edit,) = view.look(
        configuration('<shop xmlns="urn:toy"><name>corner</name></shop>', registry().schema), {"toy": shop}
    )
    assert edit.operation is Operation.CREATE
    assert "<number>2</number>" in edit.record
    assert view.content().startswith('<shop xmlns="urn:toy"><name>corner</name>')


def test_a_second_look_finds_nothing_new() -> None:
    shop, view = Shop(), observer()
    shop.welcome(2)
    view.look(NOTHING, {"toy": shop})
    assert view.look(NOTHING, {"toy": shop}) == []


def test_only_what_was_touched_is_compared() -> None:
    shop, view = Shop(), observer()
    shop.welcome(2)
    view.look(NOTHING, {"toy": shop})
    for number in (1, 2):
        shop.customers[number] = Customer(number, "zoe", {})
    (edit,) = view.refresh(Touched(CUSTOMER, ("2",)), NOTHING, {"toy": shop})
    assert "customer=2/name" in edit.record
    assert "customer 1" in view.content(), "the other was not looked at"


def test_what_nobody_sees_is_not_captured() -> None:
    shop, view = Shop(), observer("<customer/>", hidden=("name",))
    shop.customers[1] = Customer(1, "ann", {"tea": 1})
    view.look(NOTHING, {"toy": shop})
    assert "<name>" not in view.content()
    assert "count" not in view.content(), "it changes without an event"
    assert "<article>tea</article>" in view.content()


def test_a_list_whose_keys_are_hidden_is_not_seen_at_all() -> None:
    shop, view = Shop(), observer("<customer/>", hidden=("number",))
    shop.welcome(3)
    assert view.look(NOTHING, {"toy": shop}) == []
    assert view.content() == ""


def test_a_copy_of_what_is_seen_is_not_changed_with_it() -> None:
    shop, view = Shop(), observer("<customer/>")
    shop.welcome(1)
    view.look(NOTHING, {"toy": shop})
    kept = Observer({}, PatchWriter(), view.seen.copy())
    shop.welcome(2)
    view.refresh(Touched(CUSTOMER, ("2",)), NOTHING, {"toy": shop})
    assert "customer 2" in view.content()
    assert "customer 2" not in kept.content()
