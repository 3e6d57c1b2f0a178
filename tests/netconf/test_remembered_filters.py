"""What the same filter selects is found once, unless the data decide."""

from __future__ import annotations

import pytest
from lxml import etree

from agent.datastore.parsing import parse_input
from agent.datastore.registry import compile_bindings
from agent.datastore.rendering import Roots
from agent.datastore.schema import ModuleRequest, load_schema
from agent.datastore.tree import Branch
from agent.datastore.xpath import BUDGET
from agent.netconf.filters import REMEMBERED_BYTES, REMEMBERED_FILTERS, Filters
from agent.netconf.messages import BASE_NAMESPACE
from tests.support.schemas import load_texts

NETCONF = (ModuleRequest("ietf-netconf", ("xpath",)),)
MODULE = """module list { namespace "urn:list"; prefix l;
  list entry { key k; leaf k { type string; } leaf v { type string; } } }"""


@pytest.fixture(scope="module")
def filters(tmp_path_factory: pytest.TempPathFactory) -> Filters:
    return Filters(compile_bindings(load_texts(tmp_path_factory.mktemp("list"), MODULE, modules=NETCONF), ()))


GIVEN = Branch(None)


def get(content: str) -> etree._Element:
    return etree.fromstring(f'<get xmlns="{BASE_NAMESPACE}">{content}</get>')


def subtree(key: str) -> etree._Element:
    return get(f'<filter><entry xmlns="urn:list"><k>{key}</k></entry></filter>')


def parse(filters: Filters, operation: etree._Element) -> Roots:
    return filters.parse(operation, GIVEN, lambda roots: iter(()), BUDGET)


def plain(value: str) -> etree._Element:
    """Return a get of what has a value that is no key."""
    return get(f'<filter><entry xmlns="urn:list"><v>{value}</v></entry></filter>')


def test_the_same_filter_is_read_once(filters: Filters) -> None:
    for operation, other in ((subtree("a"), subtree("b")), (plain("a"), plain("b"))):
        first = parse(filters, operation)
        known = filters.recall(operation)
        assert known is not None
        assert known.roots is first
        assert filters.recall(other) is None or filters.recall(other) != known


def test_what_is_remembered_of_a_request_is_without_its_filter(filters: Filters) -> None:
    schema = load_schema(modules=NETCONF)
    operation = plain("input")
    given = parse_input(schema, schema.rpcs[f"{{{BASE_NAMESPACE}}}get"].input, operation)
    filters.parse(operation, given, lambda roots: iter(()), BUDGET)
    known = filters.recall(operation)
    assert known is not None
    assert [node.name for node in given.children] == ["filter"]
    assert not known.input.children


def test_the_same_words_with_another_prefix_are_another_filter(filters: Filters) -> None:
    one = get('<filter xmlns:x="urn:list"><x:entry/></filter>')
    other = get('<filter xmlns:x="urn:other"><x:entry/></filter>')
    assert filters.parse(one, GIVEN, lambda roots: iter(()), BUDGET) != filters.parse(
        other, GIVEN, lambda roots: iter(()), BUDGET
    )
    assert not filters.parse(other, GIVEN, lambda roots: iter(()), BUDGET)


def test_a_long_filter_is_not_kept(filters: Filters) -> None:
    for operation in (subtree("a" * REMEMBERED_BYTES), plain("a" * REMEMBERED_BYTES)):
        parse(filters, operation)
        assert filters.recall(operation) is None


def test_the_filter_that_nobody_has_asked_for_the_longest_is_forgotten_first(filters: Filters) -> None:
    parse(filters, plain("kept"))
    parse(filters, plain("forgotten"))
    for number in range(REMEMBERED_FILTERS - 1):
        parse(filters, plain(str(number)))
        assert filters.recall(plain("kept")) is not None
    assert filters.recall(plain("forgotten")) is None


def test_an_expression_that_depends_on_the_data_is_looked_up_each_time(filters: Filters) -> None:
    operation = get('<filter xmlns:l="urn:list" type="xpath" select="/l:entry[l:v > 1]"/>')

    def read(value: str) -> object:
        xml = f'<entry xmlns="urn:list"><k>a</k><v>{value}</v></entry>'
        assert filters.recall(operation) is None
        return filters.parse(operation, GIVEN, lambda roots: iter((xml,)), BUDGET)

    assert read("2")
    assert not read("0")
