"""XML into a data tree: structure and types, with all that is wrong reported."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from agent.datastore.edit import parse_configuration
from agent.datastore.errors import RpcError, RpcErrors
from agent.datastore.parsing import MAXIMUM_ERRORS, parse_input
from agent.datastore.schema import Schema, SchemaNode
from agent.datastore.tree import Anydata, Branch
from tests.support.schemas import load_texts
from tests.support.shop import configuration, toy_schema

TRIP = """
module trip {
  yang-version 1.1;
  namespace "urn:trip";
  prefix trip;
  rpc book {
    input {
      container traveller {
        leaf name { type string; mandatory true; }
        choice contact { leaf mail { type string; } leaf phone { type string; } }
      }
      container luggage { presence "there is some"; leaf weight { type uint8; mandatory true; } }
      list stop { leaf place { type string; mandatory true; } }
      leaf-list note { type string; }
      anydata extra;
    }
  }
}
"""


@pytest.fixture(scope="module")
def trip(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    folder: Path = tmp_path_factory.mktemp("trip")
    return load_texts(folder, TRIP)


def book(schema: Schema, content: str) -> Branch:
    """Parse the input of a booking."""
    element = etree.fromstring(f'<book xmlns="urn:trip">{content}</book>')
    return parse_input(schema, schema.node("/trip:book").input, element)


def refused(schema: Schema, content: str) -> list[tuple[str, object]]:
    """Return tag and bad element of each error that an input meets."""
    with pytest.raises(RpcErrors) as refusal:
        book(schema, content)
    return [(error.tag, error.info[0].value) for error in refusal.value.errors]


def problems(content: str) -> list[RpcError]:
    """Return the errors that the configuration of a shop meets."""
    with pytest.raises(RpcErrors) as refusal:
        configuration(f'<shop xmlns="urn:toy">{content}</shop>')
    return list(refusal.value.errors)


def shop(content: str) -> Branch:
    """Return the shop of a configuration."""
    branch = configuration(f'<shop xmlns="urn:toy" xmlns:t="urn:toy">{content}</shop>').children[
        toy_schema().node("/toy:shop")
    ]
    assert isinstance(branch, Branch)
    return branch


# Configuration.


def test_values_are_kept_in_canonical_form() -> None:
    branch = shop("<kind>t:red</kind><shelf><row> 007 </row><column>a</column></shelf>")
    assert branch.leaf("kind") == "toy:red"
    assert list(branch.entries("shelf")) == [("7", "a")]


def test_an_empty_leaf_is_an_empty_string() -> None:
    assert shop("<name/>").leaf("name") == ""


def test_comments_and_white_space_between_elements_are_ignored() -> None:
    """Row C17."""
    assert shop(" <!-- a --> <name>corner</name>\n<?b?> ").leaf("name") == "corner"


def test_text_between_elements_is_an_error() -> None:
    """Row C17."""
    assert [(error.tag, error.info[0].value) for error in problems("<name>a</name>text")] == [("bad-element", "shop")]


@pytest.mark.parametrize(
    ("content", "tag", "element"),
    [
        ("<nonsense/>", "unknown-element", "nonsense"),
        ('<nonsense xmlns=""/>', "unknown-element", "nonsense"),
        ('<name xmlns="urn:other"/>', "unknown-namespace", "name"),
        ("<totals/>", "unknown-element", "totals"),
        ("<shelf><row>1</row><column>a</column><weight>1</weight></shelf>", "unknown-element", "weight"),
        ("<shelf><row>1</row></shelf>", "missing-element", "column"),
        ("<shelf><row>256</row><column>a</column></shelf>", "invalid-value", "row"),
        ("<name>a</name><name>b</name>", "bad-element", "name"),
        ("<open/><open/>", "bad-element", "open"),
        ("<tag>a</tag><tag>b</tag><tag>a</tag>", "bad-element", "tag"),
        (
            "<shelf><row>1</row><column>a</column></shelf><shelf><row>01</row><column>a</column></shelf>",
            "bad-element",
            "shelf",
        ),
        ("<name><b/></name>", "bad-element", "name"),
    ],
)
def test_what_the_schema_does_not_allow_is_refused(content: str, tag: str, element: str) -> None:
    errors = problems(content)
    assert [(error.type.value, error.tag, error.info[0].value) for error in errors] == [("application", tag, element)]


def test_an_error_below_a_list_entry_has_its_keys_in_the_path() -> None:
    (error,) = problems("<shelf><row>1</row><column>a</column><nonsense/></shelf>")
    assert [(step.node.name, step.keys) for step in error.path] == [("shop", ()), ("shelf", ("1", "a"))]


def test_all_that_is_wrong_is_reported_in_order() -> None:
    assert [error.info[0].value for error in problems("<a/><shelf><row>x</row></shelf><b/>")] == [
        "a",
        "row",
        "column",
        "b",
    ]


def test_of_very_many_errors_the_first_are_reported() -> None:
    assert len(problems("<nonsense/>" * (MAXIMUM_ERRORS * 3))) == MAXIMUM_ERRORS


def test_secrets_are_sealed_as_they_come_in() -> None:
    def seal(node: SchemaNode, value: str) -> str:
        return f"sealed:{value}" if node.name == "secret" else value

    element = etree.fromstring('<config><shop xmlns="urn:toy"><name>corner</name><secret>gold</secret></shop></config>')
    branch = parse_configuration(toy_schema(), element, seal).children[toy_schema().node("/toy:shop")]
    assert isinstance(branch, Branch)
    assert (branch.leaf("name"), branch.leaf("secret")) == ("corner", "sealed:gold")


def test_very_long_lists_take_no_more_than_their_length() -> None:
    """Each entry by itself: a copy of the list for each one would take minutes."""
    shelves = "".join(f"<shelf><row>1</row><column>{n}</column></shelf>" for n in range(20_000))
    tags = "".join(f"<tag>{n}</tag>" for n in range(20_000))
    branch = shop(shelves + tags)
    assert (len(branch.entries("shelf")), len(branch.leaf_list("tag"))) == (20_000, 20_000)


# The input of RPCs.


def test_an_input_is_read(trip: Schema) -> None:
    branch = book(trip, "<traveller><name>Ann</name><mail>a@b</mail></traveller><note>x</note><note>x</note>")
    traveller = branch.container("traveller")
    assert traveller is not None
    assert (traveller.leaf("name"), traveller.leaf("mail"), traveller.leaf("phone")) == ("Ann", "a@b", None)
    assert branch.leaf_list("note") == ("x", "x"), "only configuration has distinct values"
    assert branch.container("luggage") is None


def test_what_is_mandatory_is_required_at_every_level(trip: Schema) -> None:
    assert refused(trip, "") == [("missing-element", "name")]
    assert refused(trip, "<traveller><name>Ann</name></traveller><luggage/>") == [("missing-element", "weight")]
    assert refused(trip, "<traveller><name>Ann</name></traveller><stop/>") == [("missing-element", "place")]


def test_one_case_of_a_choice_is_allowed_at_every_level(trip: Schema) -> None:
    content = "<traveller><name>Ann</name><mail>a</mail><phone>1</phone></traveller>"
    assert refused(trip, content) == [("bad-element", "phone")]


def test_the_entries_of_a_list_without_keys_are_all_kept(trip: Schema) -> None:
    stops = "<stop><place>Rome</place></stop>" * 3
    branch = book(trip, f"<traveller><name>Ann</name></traveller>{stops}")
    assert [stop.leaf("place") for stop in branch.entries("stop").values()] == ["Rome"] * 3


def test_anydata_is_kept_as_it_came(trip: Schema) -> None:
    branch = book(trip, '<traveller><name>Ann</name></traveller><extra><a xmlns="urn:x">]]&gt;</a></extra>')
    extra = branch.children[branch.node("extra")]
    assert isinstance(extra, Anydata)
    element = etree.fromstring(extra.xml)
    assert (element.tag, element.text) == ("{urn:x}a", "]]>")


def test_errors_of_an_input_are_of_the_protocol(trip: Schema) -> None:
    with pytest.raises(RpcErrors) as refusal:
        book(trip, "<nonsense/>")
    first = refusal.value.errors[0]
    assert (first.type.value, [step.node.name for step in first.path]) == ("protocol", ["book"])
