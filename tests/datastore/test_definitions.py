"""Definitions come back from their text as they were, and a text that is none is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.app.gateway import MODULES
from agent.datastore.definitions import Definitions, decode_definitions, encode_definitions
from agent.datastore.reading import read_definitions
from agent.datastore.schema import ModuleRequest, Schema, SchemaNode, load_schema
from agent.datastore.values import Integer
from tests.support.schemas import write_module

EVERY_TYPE = """module every { yang-version 1.1; namespace "urn:every"; prefix e;
  import ietf-inet-types { prefix inet; } import ietf-yang-types { prefix yang; }
  identity base; identity derived { base base; }
  typedef port { type uint16 { range "1..10 | 20" { error-message "no port"; error-app-tag "bad-port"; } } }
  container c { presence "it"; must "count(l) < 9"; when "true()";
    list l { key "k"; unique "s"; min-elements 1; max-elements 8; ordered-by user;
      leaf k { type string { length "1..5"; pattern "[a-zé]*"; pattern "x.*" { modifier invert-match; } } }
      leaf s { type inet:ipv6-address; mandatory true; units "addresses"; }
      choice which { default one; case one { leaf d { type decimal64 { fraction-digits 2; } default 1.5; } }
        case two { leaf b { type boolean; } } }
      action poke { input { leaf hard { type bits { bit very; bit rather; } } } output { leaf ok { type empty; } } } }
    leaf-list p { type port; default 3; default 20; }
    leaf e { type enumeration { enum "a<b"; enum c { value 7; } } }
    leaf i { type identityref { base base; } } leaf n { type instance-identifier; }
    leaf x { type yang:xpath1.0; } leaf r { type leafref { path "../l/k"; require-instance false; } }
    leaf u { type union { type port; type binary { length "0..4"; } } } anydata any; }
  rpc go { input { leaf t { type yang:date-and-time; } } } notification gone { leaf why { type string; } } }"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("every")
    write_module(folder, EVERY_TYPE)
    return folder


@pytest.fixture(scope="module")
def every(folder: Path) -> bytes:
    return encode_definitions(read_definitions([folder], ()))


class Keeper:
    """Keeps definitions, and counts."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.found = 0

    def load(self, key: str) -> bytes | None:
        self.found += key in self.kept
        return self.kept.get(key)

    def keep(self, key: str, definitions: bytes) -> None:
        self.kept[key] = definitions


def nodes_of(definitions: Definitions) -> Iterator[SchemaNode]:
    """Iterate over all nodes."""
    pending = list(definitions.nodes)
    while pending:
        node = pending.pop()
        yield node
        pending += [*node.children.values(), *node.operations.values()]


def test_every_kind_of_definition_comes_back(folder: Path, every: bytes) -> None:
    read, decoded = read_definitions([folder], ()), decode_definitions(every)
    assert decoded.implemented == read.implemented
    assert (decoded.imported, decoded.sources, decoded.identities) == (read.imported, read.sources, read.identities)
    assert encode_definitions(decoded) == encode_definitions(read) == every


def test_all_that_is_served_comes_back() -> None:
    text = encode_definitions(read_definitions((), MODULES))
    assert encode_definitions(decode_definitions(text)) == text


def test_nodes_know_their_parents_and_keys_as_the_same_objects(every: bytes) -> None:
    decoded = decode_definitions(every)
    nodes = list(nodes_of(decoded))
    assert len(nodes) > 20
    for node in nodes:
        for below in (*node.children.values(), *node.operations.values()):
            assert below.parent is node
        assert all(node.children[key.tag] is key for key in node.keys)


def test_a_schema_that_was_kept_does_what_one_that_was_read_does(folder: Path) -> None:
    keeper = Keeper()
    schemas = [load_schema([folder], keeper=keeper) for _ in range(2)]
    assert keeper.found == 1

    def judged(schema: Schema) -> object:
        port, form = schema.node("/every:c/p").type, schema.node("/every:c/l/s").type
        assert isinstance(port, Integer)
        assert form is not None
        with pytest.raises(ValueError, match="no port") as refused:
            port.parse("11")
        valid = schema.validate(b'<c xmlns="urn:every"><l><k>a</k><s>::1</s></l></c>')
        invalid = schema.validate(b'<c xmlns="urn:every"><l><k>a</k></l></c>')
        return str(refused.value), form.parse("1:0::A"), valid, [each.path for each in invalid], schema.content_id

    assert judged(schemas[0]) == judged(schemas[1])
    assert judged(schemas[1])[2] == ()  # type: ignore[index]


def test_what_is_asked_for_and_what_is_written_are_known_apart(tmp_path: Path) -> None:
    keeper = Keeper()
    module = 'module one { namespace "urn:one"; prefix o; feature f; leaf a { if-feature f; type string; } }'
    file = write_module(tmp_path, module)
    assert list(load_schema([tmp_path], keeper=keeper).roots)
    file.write_text(module.replace("leaf a", "leaf b"))
    assert list(load_schema([tmp_path], keeper=keeper).roots) == ["{urn:one}b"]
    assert not load_schema([tmp_path], [ModuleRequest("one")], keeper).roots
    assert keeper.found == 0
    assert len(keeper.kept) == 3


def test_what_is_damaged_is_read_anew(folder: Path) -> None:
    keeper = Keeper()
    whole = load_schema([folder], keeper=keeper)
    (key,) = keeper.kept
    good = keeper.kept[key]
    for damaged in (b"", b"{}", b"[]", good[: len(good) // 2], good[::-1], b"\xff" + good):
        keeper.kept[key] = damaged
        assert load_schema([folder], keeper=keeper).content_id == whole.content_id
        assert keeper.kept[key] == good


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_text_with_anything_in_it_is_refused_or_made_of_nothing_but_definitions(
    every: bytes, data: st.DataObject
) -> None:
    objects = json.loads(every)
    at = data.draw(st.integers(0, len(objects) - 1))
    place = data.draw(st.integers(0, len(objects[at]) - 1))
    anything = st.none() | st.integers(-9, 99) | st.text() | st.lists(st.integers(-9, 99) | st.text(), max_size=3)
    objects[at][place] = data.draw(anything)
    try:
        decoded = decode_definitions(json.dumps(objects).encode())
    except ValueError:
        return
    assert isinstance(decoded, Definitions)
