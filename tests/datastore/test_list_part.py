"""Lists: one with few entries is shown at once, and shows what it would piece by piece."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from agent.datastore.edit import parse_configuration
from agent.datastore.list_part import FEW_ENTRIES, has_few
from agent.datastore.parts import WRITTEN_AFTER
from agent.datastore.registry import Bindings, Registry, StateList, compile_bindings
from agent.datastore.rendering import compile_plan, everything
from agent.datastore.schema import Schema
from agent.datastore.tree import Branch
from tests.support.schemas import load_texts

MODULE = """module lists { namespace "urn:lists"; prefix l;
  list box { key name; leaf name { type string; } leaf size { type uint8; }
    list side { key which; leaf which { type enumeration { enum left; enum right; } } leaf text { type string; } }
    list item { config false; key id; leaf id { type uint32; } leaf text { type string; } }
    list many { key "a b"; leaf a { type enumeration { enum x; enum y; enum z; } }
      leaf b { type enumeration { enum x; enum y; enum z; } } } } }"""
TEXT = st.text("a<&\n", max_size=3)


@dataclass(frozen=True, slots=True)
class Item:
    id: int
    text: str | None


Boxes = Mapping[str, Mapping[int, Item]]
"""The subject: items by the name of their box."""
ITEMS: StateList[Mapping[int, Item], Item] = StateList(
    "/lists:box/item",
    lambda items: list(items.values()),
    lambda items, key: items.get(int(key[0])),
    {"id": lambda item: item.id, "text": lambda item: item.text},
)
BOXES: StateList[Boxes, object] = StateList(
    "/lists:box", lambda boxes: list(boxes.values()), lambda boxes, key: boxes.get(key[0]), {}
)


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    return load_texts(tmp_path_factory.mktemp("lists"), MODULE)


@pytest.fixture(scope="module")
def registries(schema: Schema) -> tuple[Registry, Registry]:
    """Bindings that say that there are few items, and such that do not."""
    tables = [Bindings("other", states=(BOXES, replace(ITEMS, few=few))) for few in (True, False)]
    return compile_bindings(schema, tables[:1]), compile_bindings(schema, tables[1:])


def box(name: str, sides: Mapping[str, str]) -> str:
    within = "".join(f"<side><which>{which}</which><text>{text}</text></side>" for which, text in sides.items())
    return f'<box xmlns="urn:lists"><name>{name}</name>{within}</box>'


def show(registry: Registry, config: Branch, boxes: Boxes) -> str:
    plan = compile_plan(registry, everything(registry), lambda node: True, state=True)
    first = "".join(plan.pieces(config, {"lists": boxes}))
    for _ in range(WRITTEN_AFTER + 1):
        again = "".join(plan.pieces(config, {"lists": boxes}))
    assert again == first
    return first


@settings(max_examples=40, deadline=None)
@given(
    configured=st.dictionaries(
        st.sampled_from("abc"), st.dictionaries(st.sampled_from(("left", "right")), st.just("t"))
    ),
    there=st.dictionaries(
        st.sampled_from("abc"), st.dictionaries(st.integers(1, 4), st.none() | TEXT, max_size=3), min_size=1
    ),
)
def test_few_entries_are_shown_as_many_would_be(
    registries: tuple[Registry, Registry],
    configured: dict[str, dict[str, str]],
    there: dict[str, dict[int, str | None]],
) -> None:
    few, many = registries
    xml = "".join(box(name, sides) for name, sides in configured.items())
    config = parse_configuration(few.schema, etree.fromstring(f"<config>{xml}</config>"))
    boxes = {
        name: {number: Item(number, text) for number, text in items.items()}
        for name, items in there.items()
        if name in configured
    }
    assert show(few, config, boxes) == show(many, config, boxes)


def test_a_list_has_few_entries_if_its_keys_have_few_values_or_its_binding_says_so(schema: Schema) -> None:
    boxes, sides, items, many = (schema.node(f"/lists:box{path}") for path in ("", "/side", "/item", "/many"))
    assert has_few(sides, None)
    assert not has_few(boxes, None)
    assert not has_few(items, None)
    assert FEW_ENTRIES < 3 * 3
    assert not has_few(many, None)
    assert not has_few(items, ITEMS)  # type: ignore[arg-type]
    assert has_few(items, replace(ITEMS, few=True))  # type: ignore[arg-type]
