"""An expression over data that is given as text: what the shop's schema does not have, and the bounds of it all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.datastore.rendering import Roots
from agent.datastore.schema import Schema
from agent.datastore.selection import WHOLE
from agent.datastore.xpath import XPathError, XPathFilter, XPathLimits, XPathTooCostly
from tests.support.schemas import load_texts
from tests.support.shop import toy_schema

MODULE = """
module m {
  yang-version 1.1; namespace urn:m; prefix m;
  container c {
    leaf to { type instance-identifier; }
    list entry { key k; leaf k { type string; } leaf v { type string; } }
    list record { config false; leaf v { type string; } }
    anydata any;
    leaf level { type enumeration { enum low { value 3; } enum high { value 7; } } }
    leaf either { type union { type uint8; type string; } }
  }
}
"""
DATA = """<c xmlns="urn:m"><to xmlns:x="urn:m">/x:c/x:entry[x:k='b']/x:v</to>
<entry><k>a</k><v>1</v></entry><entry><k>b</k><v>2</v></entry><record><v>r</v></record>
<any><v>2</v></any><level>high</level><either>7</either></c>"""
NAMESPACES: dict[str | None, str] = {"m": "urn:m", "toy": "urn:toy"}


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    return load_texts(tmp_path_factory.mktemp("yang"), MODULE)


def names(selected: Roots) -> set[str]:
    """Return the paths of what is selected as a whole, with the keys of the entries."""
    found: set[str] = set()

    def walk(below: Roots, above: str) -> None:
        for node, alternatives in below.items():
            for one in alternatives:
                path = f"{above}/{node.name}" + "".join(f"[{match.value}]" for match in one.matches)
                if one.whole:
                    found.add(path)
                walk(one.children, path)

    walk(selected, "")
    return found


def select(schema: Schema, text: str, data: str = DATA) -> set[str]:
    """Return the paths of what an expression selects of the data."""
    return names(XPathFilter(schema, text, NAMESPACES).select(lambda roots: iter((data,))))


def test_an_instance_identifier_is_followed(schema: Schema) -> None:
    """RFC 7950 section 10.3.1."""
    assert select(schema, "deref(/m:c/m:to)") == {"/c/entry[b]/v"}
    assert select(schema, "deref(/m:c/m:to)/../m:k") == {"/c/entry[b]/k"}


def test_the_first_node_of_a_set_is_the_first_of_the_document(schema: Schema) -> None:
    assert select(schema, "deref(/m:c/m:entry/m:v | /m:c/m:to)") == {"/c/entry[b]/v"}


def test_an_enumeration_has_the_values_of_its_module(schema: Schema) -> None:
    """RFC 7950 section 10.5.1."""
    assert select(schema, "/m:c/m:level[enum-value(.) = 7]") == {"/c/level"}
    assert select(schema, "/m:c/m:level[enum-value(.) = 1]") == set()


def test_what_is_in_anydata_is_no_data_of_ours(schema: Schema) -> None:
    assert select(schema, "//m:v[. = 2]") == {"/c/entry[b]/v"}


def test_entries_without_keys_are_all_selected_where_one_is(schema: Schema) -> None:
    assert select(schema, "/m:c/m:record[m:v = 'r' and true()]") == {"/c/record"}


def test_a_value_of_a_union_is_compared_as_text_with_text_and_as_number_with_numbers(schema: Schema) -> None:
    for constant, found in (("'7'", {"/c[7]/level"}), ("7.0", {"/c/level"}), ("'7.0'", None)):
        selected = select(schema, f"/m:c[m:either = {constant}]/m:level")
        assert selected == (found if found is not None else {"/c[7.0]/level"}), constant


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/*/..", True),
        ("/..", False),
        ("/m:c/../..", False),
        ("/m:c[count(ancestor::*) = 0]/..", True),
        ("/m:c[count(ancestor::node()) = 1]/..", True),
        ("/m:c[count(ancestor-or-self::*) = 1]/..", True),
        ("/self::*", False),
        ("/self::node()", True),
        ("/ancestor-or-self::*", False),
        ("/m:c/parent::*", False),
        ("/m:c/parent::node()", True),
        ("/following::*", False),
        ("/m:c[not(parent::*)]/..", True),
    ],
)
def test_the_root_is_no_element_and_nothing_is_above_it(schema: Schema, text: str, found: bool) -> None:
    selected = XPathFilter(schema, text, NAMESPACES).select(lambda roots: iter((DATA,)))
    assert list(selected.values()) == ([(WHOLE,)] if found else [])


def test_only_what_is_touched_is_read() -> None:
    asked: list[Roots] = []

    def read(roots: Roots) -> Iterator[str]:
        asked.append(roots)
        return iter(())

    filter_ = XPathFilter(toy_schema(), "/toy:shop/toy:customer[last()]", NAMESPACES)
    filter_.select(read)
    assert [[node.name for node in roots] for roots in asked] == [["shop"]]


def test_what_is_exact_reads_nothing() -> None:
    def read(roots: Roots) -> Iterator[str]:
        raise AssertionError("nothing is to be read")

    assert names(XPathFilter(toy_schema(), "//toy:row", NAMESPACES).select(read)) == {"/shop/shelf/row"}


def test_more_data_than_is_looked_at_is_refused_without_being_gathered() -> None:
    taken = 0

    def read(roots: Roots) -> Iterator[str]:
        nonlocal taken
        while True:
            taken += 1
            yield "x" * (XPathLimits().data_characters // 4)

    with pytest.raises(XPathTooCostly, match="too much data"):
        XPathFilter(toy_schema(), "/toy:shop/toy:customer[last()]", NAMESPACES).select(read)
    assert taken == 5


def test_an_endless_expression_is_refused() -> None:
    with pytest.raises(XPathTooCostly):
        XPathFilter(toy_schema(), "/toy:shop |" * XPathLimits().characters, NAMESPACES)
    with pytest.raises(XPathTooCostly):
        XPathFilter(toy_schema(), "//." * 1000, NAMESPACES)


def test_an_expression_without_nodes_is_refused_before_there_is_data() -> None:
    with pytest.raises(XPathError, match="selects no nodes, it is a boolean"):
        XPathFilter(toy_schema(), "/toy:shop = 1", NAMESPACES)


def test_a_subscriber_is_told_where_judging_would_take_too_long() -> None:
    content = '<sold-out xmlns="urn:toy">' + "<colour>red</colour>" * 400 + "</sold-out>"
    deep = "//toy:nothing[1]"
    for _ in range(3):
        deep = f"//*[{deep}]"
    assert XPathFilter(toy_schema(), deep, NAMESPACES, of_notifications=True).holds(content)
    assert not XPathFilter(toy_schema(), "//toy:nothing[1]", NAMESPACES, of_notifications=True).holds(content)
