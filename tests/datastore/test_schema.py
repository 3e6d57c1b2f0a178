"""The schema tree of modules made for the purpose (RFC 7950)."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.datastore.schema import (
    Access,
    Kind,
    ModuleRequest,
    Schema,
    SchemaNode,
    UnknownNode,
)
from agent.datastore.values import Enumeration, InvalidValue, Leafref
from tests.support.house import EXTENSION, HOUSE, ROOF
from tests.support.schemas import load_texts, write_module


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    folder = tmp_path_factory.mktemp("house")
    write_module(folder, ROOF)
    house = ModuleRequest("house", features=("garden",))
    return load_texts(folder, HOUSE, EXTENSION, modules=(house,))


def names(node: SchemaNode) -> list[str]:
    return [child.name for child in node.children.values()]


def test_children_come_in_schema_order_with_groupings_and_augments_in_place(schema: Schema) -> None:
    room = schema.node("/house:house/room")
    assert names(room) == ["number", "name", "floor", "kind", "width", "colour", "floor", "rack"]
    assert [child.module.name for child in room.children.values()][-3:] == ["house", "extension", "extension"]


def test_a_node_is_known_by_the_tag_that_xml_gives_it(schema: Schema) -> None:
    room = schema.node("/house:house/room")
    assert room.tag == "{urn:house}room"
    assert room.children["{urn:extension}floor"] is not room.children["{urn:house}floor"]
    assert schema.roots["{urn:house}roof"].path == "/house:roof"


def test_a_path_names_the_module_where_it_changes(schema: Schema) -> None:
    bottles = schema.node("/house:house/room/extension:rack/bottles")
    assert bottles.path == "/house:house/room/extension:rack/bottles"
    assert schema.node("/house:house/house:room/extension:rack/extension:bottles") is bottles


@pytest.mark.parametrize(
    "path",
    [
        "/house:house/rack",
        "/house:house/room/rack",
        "/house:nothing",
        "/nowhere:house",
        "/house",
        "",
        "/house:house/gas/x",
    ],
)
def test_a_path_without_a_node_is_refused_as_it_was_written(schema: Schema, path: str) -> None:
    with pytest.raises(UnknownNode) as error:
        schema.node(path)
    assert str(error.value).startswith(path)


def test_keys_come_in_the_order_of_the_key_statement(schema: Schema) -> None:
    room = schema.node("/house:house/room")
    assert room.keys == (room.children["{urn:house}floor"], room.children["{urn:house}name"])
    assert all(key.parent is room for key in room.keys)


def test_a_list_says_how_many_entries_it_takes_and_in_whose_order(schema: Schema) -> None:
    room = schema.node("/house:house/room")
    assert (room.min_elements, room.max_elements, room.ordered_by_user) == (1, 9, True)
    colours = schema.node("/house:house/room/colour")
    assert (colours.min_elements, colours.max_elements, colours.ordered_by_user) == (0, None, False)


@pytest.mark.parametrize(
    ("path", "defaults"),
    [
        ("/house:house/height", ("10",)),
        ("/house:house/room/width", ("7",)),
        ("/house:house/room/colour", ("red", "blue")),
        ("/house:house/room/kind", ("house:kitchen",)),
        ("/house:house/depth", ()),
        ("/house:knock/input/times", ("2",)),
    ],
)
def test_defaults_are_canonical_and_may_come_from_the_type(
    schema: Schema, path: str, defaults: tuple[str, ...]
) -> None:
    assert schema.node(path).defaults == defaults


def test_units_may_come_from_the_type(schema: Schema) -> None:
    assert schema.node("/house:house/height").units == "metres"
    assert schema.node("/house:house/room/number").units == ""


def test_choices_are_flattened_and_leave_their_cases_on_the_nodes(schema: Schema) -> None:
    house = schema.node("/house:house")
    assert "heating" not in names(house)
    assert schema.node("/house:house/gas").cases == (("heating", "gas"),)
    assert schema.node("/house:house/pipe").cases == (("heating", "oil"), ("supply", "pipe"))
    assert schema.node("/house:house/extension:wood").cases == (("heating", "extension:wood"),)
    assert schema.node("/house:house/depth").cases == ()
    assert house.default_cases == {"heating": "gas"}


def test_state_is_told_from_configuration(schema: Schema) -> None:
    assert schema.node("/house:house/room/name").config
    assert not schema.node("/house:house/climate/temperature").config
    assert not schema.node("/house:knock/input/times").config
    assert not schema.node("/house:rang/at").config
    assert schema.node("/house:house/climate/history").kind is Kind.ANYDATA


def test_mandatory_and_presence_are_those_of_the_statements(schema: Schema) -> None:
    assert schema.node("/house:house/depth").mandatory
    assert not schema.node("/house:house/height").mandatory
    assert schema.node("/house:house/lock").presence
    assert not schema.node("/house:house/climate").presence


def test_access_extensions_are_kept_where_they_are_written(schema: Schema) -> None:
    assert schema.node("/house:house/lock").access is Access.DENY_ALL
    assert schema.node("/house:house/lock/code").access is Access.DENY_WRITE
    assert schema.node("/house:house").access is None


def test_rpcs_and_notifications_stand_beside_the_data(schema: Schema) -> None:
    assert set(schema.rpcs) == {"{urn:house}knock"}
    assert set(schema.notifications) == {"{urn:house}rang"}
    assert not {"{urn:house}knock", "{urn:house}rang"} & schema.roots.keys()
    knock = schema.rpcs["{urn:house}knock"]
    assert [child.path for child in knock.input.children.values()] == [
        "/house:knock/input/times",
        "/house:knock/input/extension:loud",
    ]
    assert not knock.output.children


def test_actions_and_nested_notifications_are_operations_and_not_children(schema: Schema) -> None:
    room = schema.node("/house:house/room")
    assert {node.kind for node in room.operations.values()} == {Kind.ACTION, Kind.NOTIFICATION}
    assert not {"clean", "burnt"} & set(names(room))
    assert schema.node("/house:house/room/clean/output/result").mandatory
    assert schema.node("/house:house/room/burnt/at").kind is Kind.LEAF


def test_a_leafref_takes_the_values_of_its_target_also_inside_a_union(schema: Schema) -> None:
    neighbour = schema.node("/house:house/neighbour").type
    best = schema.node("/house:house/best-room").type
    assert neighbour is not None
    assert best is not None
    assert best.base == "leafref"
    assert neighbour.parse("007") == "7"
    assert neighbour.parse("0777") == "0777"


def test_identities_come_from_every_implemented_module_and_submodule(schema: Schema) -> None:
    kind = schema.node("/house:house/room/kind").type
    assert kind is not None
    namespaces: dict[str | None, str] = {"h": "urn:house", "x": "urn:extension"}
    assert kind.parse("h:kitchen", namespaces) == "house:kitchen"
    assert kind.parse("x:sauna", namespaces) == "extension:sauna"
    assert kind.render("extension:sauna") == ("x:sauna", {"x": "urn:extension"})
    material = schema.node("/house:roof/made-of").type
    assert material is not None
    assert material.parse("h:straw", namespaces) == "house:straw"


def test_a_default_means_the_prefixes_of_the_module_that_wrote_it(tmp_path: Path) -> None:
    library = """module library { namespace "urn:library"; prefix p; identity kind; identity book { base kind; }
      grouping thing { leaf kind { type identityref { base kind; } default "p:book"; } } }"""
    user = """module user { namespace "urn:user"; prefix u; import library { prefix other; } uses other:thing; }"""
    schema = load_texts(tmp_path, library, user)
    assert schema.node("/user:kind").defaults == ("library:book",)


def test_values_without_their_feature_are_none(tmp_path: Path) -> None:
    text = """module m { yang-version 1.1; namespace "urn:m"; prefix m; feature f; feature g; identity i;
      identity j { if-feature f; base i; } identity k { if-feature g; base i; }
      leaf e { type enumeration { enum a { if-feature f; } enum b { if-feature g; } } }
      leaf b { type bits { bit a { if-feature f; } bit b { if-feature g; } } }
      leaf i { type identityref { base i; } } }"""
    schema = load_texts(tmp_path, text, modules=(ModuleRequest("m", ("f",)),))
    for leaf, good, bad in (("e", "a", "b"), ("b", "a", "b"), ("i", "j", "k")):
        value_type = schema.node(f"/m:{leaf}").type
        assert value_type is not None
        value_type.parse(good, {None: "urn:m"})
        with pytest.raises(InvalidValue):
            value_type.parse(bad, {None: "urn:m"})


def test_modules_that_share_a_prefix_are_rendered_with_two(tmp_path: Path) -> None:
    texts = [f'module {name} {{ namespace "urn:{name}"; prefix p; container c; }}' for name in ("one", "two")]
    user = """module user { yang-version 1.1; namespace "urn:user"; prefix u;
      leaf l { type instance-identifier { require-instance false; } } }"""
    value_type = load_texts(tmp_path, *texts, user).node("/user:l").type
    assert value_type is not None
    text, prefixes = value_type.render("/one:c/two:c")
    assert sorted(prefixes.values()) == ["urn:one", "urn:two"]
    namespaces: dict[str | None, str] = dict(prefixes.items())
    assert value_type.parse(text, namespaces) == "/one:c/two:c"


def test_a_leafref_in_a_typedef_points_from_where_it_is_used(tmp_path: Path) -> None:
    text = """module m { yang-version 1.1; namespace "urn:m"; prefix m;
      typedef sibling { type leafref { path "../id"; } }
      container a { leaf id { type uint8; } leaf ref { type sibling; } }
      container b { leaf id { type boolean; } leaf ref { type sibling; } } }"""
    schema = load_texts(tmp_path, text)
    first, second = schema.node("/m:a/ref").type, schema.node("/m:b/ref").type
    assert first is not None
    assert second is not None
    assert first.parse("7") == "7"
    assert second.parse("true") == "true"
    with pytest.raises(InvalidValue):
        second.parse("7")


def test_an_identity_is_derived_from_all_its_bases(tmp_path: Path) -> None:
    text = """module m { yang-version 1.1; namespace "urn:m"; prefix m; identity a; identity b; identity c { base a; }
      identity d { base c; base b; } }"""
    identities = load_texts(tmp_path, text).identities
    assert identities["m:d"] == {"m:a", "m:b", "m:c", "m:d"}
    assert identities["m:a"] == {"m:a"}


def test_the_values_of_an_enumeration_are_those_of_its_base_type(tmp_path: Path) -> None:
    """RFC 7950 section 9.6.4.2."""
    text = """module m { yang-version 1.1; namespace "urn:m"; prefix m;
      typedef level { type enumeration { enum low { value -3; } enum middle; enum high { value 9; } enum top; } }
      leaf all { type level; } leaf some { type level { enum top; enum middle; } } }"""
    schema = load_texts(tmp_path, text)
    for leaf, numbers in (("all", (-3, -2, 9, 10)), ("some", (10, -2))):
        value_type = schema.node(f"/m:{leaf}").type
        assert isinstance(value_type, Enumeration)
        assert value_type.numbers == numbers


def test_a_path_in_a_grouping_means_the_module_that_uses_it_and_the_prefixes_of_the_one_that_wrote_it(
    tmp_path: Path,
) -> None:
    """RFC 7950 section 6.4.1."""
    library = """module library { namespace "urn:library"; prefix p; leaf top { type string; }
      grouping two { leaf name { type string; } leaf near { type leafref { path "../name"; } }
        leaf far { type leafref { path "/p:top"; } } } }"""
    user = """module user { namespace "urn:user"; prefix u; import library { prefix other; } uses other:two; }"""
    schema = load_texts(tmp_path, library, user)
    near, far = (schema.node(f"/user:{leaf}").type for leaf in ("near", "far"))
    assert isinstance(near, Leafref)
    assert isinstance(far, Leafref)
    assert (near.path, near.namespaces[None]) == ("../name", "urn:user")
    assert (far.path, far.namespaces["p"]) == ("/p:top", "urn:library")
