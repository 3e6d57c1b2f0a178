"""Compiled renderings: configuration and state in one reply, and what compiling decides once."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

from agent.datastore.registry import Bindings, StateList, compile_bindings
from agent.datastore.rendering import Compiler, Everywhere, compile_plan, everything
from agent.datastore.schema import SchemaNode
from agent.datastore.selection import WHOLE, Match, Selection
from agent.datastore.tree import Branch
from tests.support.schemas import load_texts
from tests.support.shop import BINDINGS, Customer, Shop, configuration, toy_registry, toy_schema

CONFIG = """
<shop xmlns="urn:toy" xmlns:t="urn:toy"><name>a&amp;b</name><kind>t:red</kind><tag>x</tag><tag>y</tag>
<shelf><row>1</row><column>a</column></shelf><open><since>today</since></open></shop>
"""


def shop() -> Shop:
    """Return a shop with state."""
    return Shop({1: Customer(1, "Ann", {"tea": 2}), 2: Customer(2, "Bob", {})}, sold=1, weights={(1, "a"): 3})


def render(
    selection: Selection = WHOLE, config: str = CONFIG, subject: object = None, state: bool = True, hidden: str = ""
) -> str:
    """Render what a selection of the shop shows; `hidden` is the path of a node that may not be read."""
    node = toy_schema().node("/toy:shop")
    plan = compile_plan(toy_registry(), {node: (selection,)}, lambda of: of.path != hidden, state=state)
    return "".join(plan.pieces(configuration(config), {} if subject is None else {"toy": subject}))


def node(path: str) -> SchemaNode:
    """Return a node of the shop."""
    return toy_schema().node(f"/toy:shop/{path}")


def test_configuration_alone_is_what_was_configured() -> None:
    assert render(state=False, subject=shop()) == (
        '<shop xmlns="urn:toy"><name>a&amp;b</name><kind xmlns:toy="urn:toy">toy:red</kind><tag>x</tag><tag>y</tag>'
        "<shelf><row>1</row><column>a</column></shelf><open><since>today</since></open></shop>"
    )


def test_a_configuration_that_was_rendered_reads_back() -> None:
    assert render(config=render(state=False), state=False) == render(state=False)


def test_without_a_subject_there_is_no_state() -> None:
    assert render() == render(state=False)


def test_state_stands_beside_configuration() -> None:
    rendered = render(subject=shop())
    assert "<shelf><row>1</row><column>a</column><weight>3</weight></shelf>" in rendered
    assert "<totals><sold>1</sold><is-full>false</is-full><moods>calm busy</moods></totals>" in rendered
    assert "<customer><number>2</number><name>Bob</name></customer>" in rendered


def test_an_entry_in_both_is_shown_once() -> None:
    both = shop()
    both.weights[9, "z"] = 1
    root = etree.fromstring(render(subject=both))
    assert [shelf.findtext("{urn:toy}row") for shelf in root.iter("{urn:toy}shelf")] == ["1", "9"]


def test_nothing_configured_and_no_state_shows_nothing() -> None:
    assert render(config="") == ""
    assert render(config='<shop xmlns="urn:toy"/>') == ""


def test_a_leaf_without_a_value_is_left_out() -> None:
    assert "moods" not in render(subject=Shop())


def test_what_may_not_be_read_is_not_there() -> None:
    assert "tag" not in render(hidden="/toy:shop/tag")
    assert render(hidden="/toy:shop") == ""
    assert "shelf" not in render(hidden="/toy:shop/shelf/column", subject=shop()), "no entry without its keys"


def test_a_match_with_what_may_not_be_read_never_holds() -> None:
    selection = Selection(whole=True, matches=(Match(node("name"), "a&b"),))
    assert render(selection) != ""
    assert render(selection, hidden="/toy:shop/name") == ""


def test_a_match_with_state_does_not_hold_in_a_configuration() -> None:
    totals = Selection(whole=True, matches=(Match(node("totals/sold"), "1"),))
    selection = Selection(children={node("totals"): (totals,)})
    assert render(selection, subject=shop()) != ""
    assert render(selection, subject=shop(), state=False) == ""


def test_a_value_of_a_leaf_can_be_selected() -> None:
    def name(value: str) -> Selection:
        return Selection(children={node("name"): (Selection(whole=True, matches=(Match(node("name"), value),)),)})

    assert render(name("a&b")) == '<shop xmlns="urn:toy"><name>a&amp;b</name></shop>'
    assert render(name("other")) == ""


def test_an_entry_that_vanished_between_iteration_and_look_up_shows_its_configuration() -> None:
    empty = Shop()
    assert "<shelf><row>1</row><column>a</column></shelf>" in render(subject=empty)


def test_very_many_keys_are_looked_up_one_by_one() -> None:
    many = Shop()
    many.welcome(5000)
    number = node("customer/number")
    chosen = tuple(Selection(whole=True, matches=(Match(number, str(n)),)) for n in range(1, 2001))
    rendered = render(Selection(children={node("customer"): chosen}), config="", subject=many)
    assert rendered.count("<customer>") == 2000
    assert (len(many.looked_up), many.iterations) == (2000, 0)


def test_a_reader_is_asked_about_each_node_once() -> None:
    asked: list[str] = []

    def readable(of: SchemaNode) -> bool:
        asked.append(of.path)
        return True

    compiler = Compiler(toy_registry(), Everywhere(readable), state=True)
    for _ in range(3):
        compiler.plan(everything(toy_registry()))
    assert asked.count("/toy:shop/name") == 1


def test_a_plan_renders_any_device() -> None:
    plan = compile_plan(toy_registry(), everything(toy_registry()), lambda of: True, state=True)
    one = "".join(plan.pieces(Branch(None), {"toy": Shop(sold=1)}))
    two = "".join(plan.pieces(Branch(None), {"toy": Shop(sold=2)}))
    assert "<sold>1</sold>" in one
    assert "<sold>2</sold>" in two


def test_state_needs_a_table() -> None:
    registry = compile_bindings(toy_schema(), (BINDINGS,))
    plan = compile_plan(registry, everything(registry), lambda of: True, state=True)
    assert "netconf-state" not in "".join(plan.pieces(Branch(None), {"ietf-netconf-monitoring": object()}))


def test_a_bare_node_is_shown_without_what_is_in_it_and_only_if_there_is_anything() -> None:
    bare = (Selection(bare=True),)
    shown = {node(name): bare for name in ("open", "totals", "rules", "shelf", "customer")}
    assert render(Selection(children=shown), subject=shop()) == (
        '<shop xmlns="urn:toy"><shelf><row>1</row><column>a</column></shelf><open></open><totals></totals>'
        "<customer><number>1</number></customer><customer><number>2</number></customer></shop>"
    )
    assert render(Selection(children=shown), config="", subject=None) == ""


def test_entries_of_which_the_same_is_selected_are_compiled_once() -> None:
    asked: list[SchemaNode] = []
    customer, number = node("customer"), node("customer/number")

    def readable(of: SchemaNode) -> bool:
        asked.append(of)
        return True

    each = tuple(Selection(whole=True, matches=(Match(number, str(key), shown=False),)) for key in range(100))
    roots = {toy_schema().node("/toy:shop"): (Selection(children={customer: each}),)}
    plan = Compiler(toy_registry(), Everywhere(readable), state=True).plan(roots)
    assert "".join(plan.pieces(Branch(None), {"toy": shop()})).count("<customer>") == 2
    assert asked.count(customer) == 1


def test_an_entry_without_keys_is_shown_empty_where_it_is_bare(tmp_path: Path) -> None:
    text = """module m { namespace "urn:m"; prefix m; list entry { config false; leaf v { type string; } } }"""
    schema = load_texts(tmp_path, text)
    entries = StateList[object, str]("/m:entry", lambda subject: ("a", "b"), lambda subject, key: None, {"v": str})
    registry = compile_bindings(schema, (Bindings("m", states=(entries,)),))
    plan = compile_plan(registry, {schema.node("/m:entry"): (Selection(bare=True),)}, lambda of: True, state=True)
    assert "".join(plan.pieces(Branch(None), {"m": object()})) == '<entry xmlns="urn:m"></entry>' * 2
