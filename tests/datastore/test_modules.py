"""Which modules are found, implemented and described, and what is said of those that cannot be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.datastore.module_files import OWN_MODULES
from agent.datastore.schema import ModuleRequest, Schema, SchemaError, SchemaNode, load_schema
from tests.support.house import DEVIATION, EXTENSION, HOUSE, ROOF
from tests.support.schemas import load_texts, write_module


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    folder = tmp_path_factory.mktemp("house")
    write_module(folder, ROOF)
    house = ModuleRequest("house", features=("garden",))
    return load_texts(folder, HOUSE, EXTENSION, modules=(house,))


def names(node: SchemaNode) -> list[str]:
    return [child.name for child in node.children.values()]


def refusal(*paths: Path, modules: tuple[ModuleRequest, ...] = ()) -> str:
    with pytest.raises(SchemaError) as error:
        load_schema(paths, modules)
    return str(error.value)


def test_only_chosen_features_bring_their_nodes(schema: Schema) -> None:
    assert schema.modules["house"].features == ("garden",)
    assert "garden" in names(schema.node("/house:house"))
    assert "pool" not in names(schema.node("/house:house"))


def test_a_users_own_module_has_all_its_features(tmp_path: Path) -> None:
    write_module(tmp_path, ROOF)
    module = load_texts(tmp_path, HOUSE).modules["house"]
    assert module.features == ("chimney", "garden", "pool")


def test_an_unknown_feature_is_refused(tmp_path: Path) -> None:
    write_module(tmp_path, ROOF)
    path = write_module(tmp_path, HOUSE)
    text = refusal(path, modules=(ModuleRequest("house", ("cellar",)),))
    assert text == "module 'house' has no feature 'cellar'"


def test_a_module_is_described_as_it_is_announced_and_served(schema: Schema) -> None:
    house = schema.modules["house"]
    assert (house.revision, house.namespace, house.prefix, house.implemented) == ("2026-01-02", "urn:house", "h", True)
    assert house.source == HOUSE
    assert [(part.name, part.revision, part.source) for part in house.submodules] == [
        ("house-roof", "2025-12-31", ROOF)
    ]
    assert schema.modules["extension"].revision == ""
    assert schema.by_namespace["urn:extension"] is schema.modules["extension"]


def test_a_module_that_is_only_imported_brings_no_nodes(tmp_path: Path) -> None:
    types = """module types { namespace "urn:types"; prefix t; typedef name { type string; } identity i;
      container stray { leaf x { type string; } } rpc stray-call; }"""
    user = """module user { namespace "urn:user"; prefix u; import types { prefix t; } identity j { base t:i; }
      leaf l { type t:name; } leaf k { type identityref { base t:i; } } }"""
    write_module(tmp_path, types)
    schema = load_texts(tmp_path, user)
    assert [(module.name, module.implemented) for module in schema.imported] == [("types", False)]
    assert [node.path for node in schema.roots.values()] == ["/user:l", "/user:k"]
    assert not schema.rpcs
    assert "types" not in schema.modules
    assert schema.validate(b'<stray xmlns="urn:types"/>') != ()
    assert schema.validate(b'<k xmlns="urn:user">j</k>') == ()


def test_a_module_that_is_augmented_is_implemented_too(tmp_path: Path) -> None:
    write_module(tmp_path, ROOF)
    write_module(tmp_path, HOUSE)
    schema = load_texts(tmp_path, EXTENSION)
    assert {"house", "extension"} <= schema.modules.keys()
    assert schema.modules["house"].features == ()


def test_a_module_whose_leafs_are_referred_to_is_implemented_too(tmp_path: Path) -> None:
    library = """module library { namespace "urn:library"; prefix l; container books { leaf best { type string; } }
      typedef best-book { type leafref { path "/l:books/l:best"; } } }"""
    write_module(tmp_path, library)
    user = (
        """module user { namespace "urn:user"; prefix u; import library { prefix l; } leaf b { type l:best-book; } }"""
    )
    schema = load_texts(tmp_path, user)
    assert "library" in schema.modules
    assert schema.node("/library:books/best").config


def test_a_deviation_changes_the_tree_and_is_announced(tmp_path: Path) -> None:
    write_module(tmp_path, ROOF)
    schema = load_texts(tmp_path, HOUSE, DEVIATION)
    assert "height" not in names(schema.node("/house:house"))
    number = schema.node("/house:house/room/number")
    assert number.type is not None
    assert (number.type.base, number.defaults) == ("uint16", ("5",))
    assert schema.modules["house"].deviated_by == ("deviation",)
    assert schema.modules["deviation"].deviated_by == ()


def test_a_directory_brings_all_its_modules_in_their_latest_revision(tmp_path: Path) -> None:
    write_module(tmp_path, ROOF)
    write_module(tmp_path, HOUSE)
    write_module(tmp_path, EXTENSION)
    old = HOUSE.replace("leaf height", "leaf old-height").replace("revision 2026-01-02", "revision 2025-01-02")
    (tmp_path / "house@2025-01-02.yang").write_text(old.replace("revision 2026-01-01", "revision 2025-01-01"))
    schema = load_schema([tmp_path])
    assert schema.modules["house"].revision == "2026-01-02"
    assert "house-roof" not in schema.modules
    assert {"house", "extension"} <= schema.modules.keys()
    assert not [module for module in schema.imported if module.name == "house"]


def test_the_content_id_changes_with_the_features_and_with_nothing_else(tmp_path: Path) -> None:
    write_module(tmp_path, ROOF)
    path = write_module(tmp_path, HOUSE)
    one = load_schema([path], [ModuleRequest("house", ("garden",))])
    same = load_schema([path], [ModuleRequest("house", ("garden",))])
    other = load_schema([path], [ModuleRequest("house", ("pool",))])
    assert one.content_id == same.content_id
    assert one.content_id != other.content_id


def test_modules_of_the_home_directory_and_the_environment_are_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = tmp_path / "yang" / "modules"
    hidden.mkdir(parents=True)
    write_module(hidden, 'module hidden { namespace "urn:hidden"; prefix h; }')
    for name in ("HOME", "YANG_INSTALL"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("YANG_MODPATH", os.fspath(hidden))
    assert refusal(modules=(ModuleRequest("hidden"),)) == "module 'hidden' is not found"


def test_what_a_module_that_is_only_imported_would_augment_is_left_out(tmp_path: Path) -> None:
    write_module(tmp_path, ROOF)
    types = """module types { namespace "urn:types"; prefix t; import house { prefix h; } typedef name { type string; }
      augment "/h:house" { leaf stray { type string; } } }"""
    write_module(tmp_path, types)
    user = """module user { namespace "urn:user"; prefix u; import types { prefix t; } leaf l { type t:name; } }"""
    schema = load_texts(tmp_path, HOUSE, user)
    assert "stray" not in names(schema.node("/house:house"))
    assert "types" not in schema.modules


def test_a_submodule_may_be_found_before_its_module(tmp_path: Path) -> None:
    write_module(tmp_path, ROOF.replace("house-roof", "attic").replace("made-of { ", 'made-of { default "h:straw"; '))
    write_module(tmp_path, HOUSE.replace("house-roof", "attic"))
    made_of = load_schema([tmp_path]).node("/house:roof/made-of")
    assert made_of.module.name == "house"
    assert made_of.defaults == ("house:straw",)


# What cannot be used.


def test_a_syntax_error_is_told_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "broken.yang"
    path.write_text('module broken {\n  namespace "urn:broken";\n  prefix b;\n  leaf x { type string }\n}\n')
    text = refusal(path)
    assert text.startswith(f"{path}:4: ")
    assert "Traceback" not in text


def test_every_semantic_error_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yang"
    path.write_text(
        'module wrong {\n  namespace "urn:wrong";\n  prefix w;\n  leaf a { type nothing; }\n'
        '  leaf b { type leafref { path "../c"; } }\n}\n'
    )
    assert [line.split(": ")[0] for line in refusal(path).splitlines()] == [f"{path}:4", f"{path}:5"]


def test_a_missing_import_is_told_where_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "lonely.yang"
    path.write_text('module lonely {\n  namespace "urn:lonely";\n  prefix l;\n  import nobody { prefix n; }\n}\n')
    text = refusal(path)
    assert text.startswith(f"{path}:4: ")
    assert "nobody" in text


def test_a_default_that_its_type_refuses_is_told(tmp_path: Path) -> None:
    path = tmp_path / "d.yang"
    path.write_text('module d {\n  namespace "urn:d";\n  prefix d;\n  leaf a { type uint8; default 256; }\n}\n')
    assert refusal(path).startswith(f"{path}:4: ")


LEAFREF = 'type leafref { path "../%s"; }'


@pytest.mark.parametrize("leaf_type", [LEAFREF, f"type union {{ {LEAFREF} type string; }}"])
def test_leafrefs_that_lead_in_a_circle_are_refused(tmp_path: Path, leaf_type: str) -> None:
    leafs = f"leaf a {{ {leaf_type % 'b'} }} leaf b {{ {leaf_type % 'a'} }}"
    path = write_module(tmp_path, f'module m {{ yang-version 1.1; namespace "urn:m"; prefix m;\n{leafs} }}')
    assert refusal(path).startswith(f"{path}:2: ")


def test_a_leafref_to_nothing_is_refused_also_inside_a_union(tmp_path: Path) -> None:
    text = """module m { yang-version 1.1; namespace "urn:m"; prefix m;
      leaf a { type union { type leafref { path "../none"; } type string; } } }"""
    path = write_module(tmp_path, text)
    assert refusal(path).startswith(f"{path}:2: ")


def test_a_submodule_alone_is_refused(tmp_path: Path) -> None:
    path = write_module(tmp_path, "submodule part { belongs-to whole { prefix w; } }")
    assert refusal(path) == f"{path}: a submodule is loaded with its module"


def test_a_missing_path_an_empty_directory_and_another_kind_of_file_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no module")
    assert refusal(tmp_path / "none") == f"{tmp_path / 'none'}: no such file or directory"
    assert refusal(tmp_path) == f"{tmp_path}: the directory holds no .yang file"
    assert refusal(text).startswith(f"{text}: ")


def test_a_file_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.yang"
    path.write_bytes(b'module latin { namespace "urn:l"; prefix l; description "\xe9"; }')
    assert str(path) in refusal(path)


def test_a_module_that_only_what_is_not_supported_refers_to_is_not_implemented(tmp_path: Path) -> None:
    text = """module tenant { yang-version 1.1; namespace "urn:tenant"; prefix t;
      import landlord { prefix l; } feature lease;
      leaf house { if-feature lease; type leafref { path "/l:houses/l:house"; } }
    }"""
    write_module(
        tmp_path, 'module landlord { namespace "urn:l"; prefix l; container houses { leaf house { type string; } } }'
    )
    path = write_module(tmp_path, text)
    without = load_schema((tmp_path / "tenant.yang",), (ModuleRequest("tenant"),))
    assert "landlord" not in without.modules
    assert "/tenant:house" not in {node.path for node in without.roots.values()}
    assert "landlord" in load_schema((path,), (ModuleRequest("tenant", ("lease",)),)).modules


# Our own modules.


def test_our_own_modules_load_and_their_types_are_those_that_are_served() -> None:
    own = [ModuleRequest(path.stem) for path in sorted(OWN_MODULES.glob("*.yang"))]
    schema = load_schema(modules=own)
    assert {request.name for request in own} <= schema.modules.keys()
    revisions = {module.name: module.revision for module in schema.imported}
    assert revisions["ietf-inet-types"] == revisions["ietf-yang-types"] == "2013-07-15"
