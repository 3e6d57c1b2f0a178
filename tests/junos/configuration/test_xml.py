"""The formats of elements and of objects: what is read, and what is refused."""

from __future__ import annotations

import json

import pytest
from lxml import etree

from agent.datastore.edit import Operation
from agent.junos.configuration.json import parse_json
from agent.junos.configuration.statements import BadStatement, Given
from agent.junos.configuration.xml import parse_wanted, parse_xml
from tests.support.junos_configuration import hierarchy

NC = "urn:ietf:params:xml:ns:netconf:base:1.0"


def read(content: str, attributes: str = "") -> Given:
    document = etree.fromstring(f"<configuration {attributes}>{content}</configuration>")
    return parse_xml(hierarchy().root, document)


def only(statement: Given, depth: int) -> Given:
    """Return the one statement so many levels down."""
    for _ in range(depth):
        (statement,) = statement.children()
    return statement


def refusal(content: str) -> BadStatement:
    with pytest.raises(BadStatement) as caught:
        read(content)
    return caught.value


def in_ike(content: str) -> str:
    return f"<security><ike>{content}</ike></security>"


def test_elements_are_known_by_their_local_names() -> None:
    given = read(in_ike("<policy><name>4.4.4.4</name><mode>main</mode></policy>"), f'xmlns="{NC}"')
    assert (only(given, 3).argument, only(given, 4).argument) == ("4.4.4.4", "main")


def test_a_configuration_within_a_configuration_is_one() -> None:
    given = read("<configuration><system><host-name>a</host-name></system></configuration>")
    assert only(given, 2).argument == "a"


def test_white_space_around_a_name_is_no_part_of_it_and_in_a_value_it_is() -> None:
    text = "<interfaces><interface><name>\n es-0/0/0 </name><description> a </description></interface></interfaces>"
    given = read(text)
    assert (only(given, 2).argument, only(given, 3).argument) == ("es-0/0/0", " a ")


@pytest.mark.parametrize(
    ("attribute", "operation"),
    [
        ('delete="delete"', Operation.DELETE),
        ('replace="replace"', Operation.REPLACE),
        ('operation="delete"', Operation.DELETE),
        (f'xmlns:nc="{NC}" nc:operation="create"', Operation.CREATE),
        ('operation="remove"', Operation.REMOVE),
        ('active="active"', Operation.MERGE),
        ('xmlns:junos="http://xml.juniper.net/junos/9.3R1/junos" junos:changed="changed"', Operation.MERGE),
    ],
)
def test_an_attribute_says_what_is_to_be_done(attribute: str, operation: Operation) -> None:
    assert only(read(in_ike(f"<policy {attribute}><name>4.4.4.4</name></policy>")), 3).operation is operation


@pytest.mark.parametrize(
    ("content", "message", "level", "word"),
    [
        ("<firewall/>", "syntax error", (), "firewall"),
        (in_ike("<foo/>"), "syntax error", ("security", "ike"), "foo"),
        (in_ike("<proposal><name>p</name><foo/></proposal>"), "syntax error",
         ("security", "ike", "proposal", "p"), "foo"),
        (in_ike("<proposal><dh-group>group1</dh-group></proposal>"), "missing mandatory statement: 'name'",
         ("security", "ike"), "proposal"),
        (in_ike("stray"), "syntax error", ("security", "ike"), "stray"),
        ("<system><host-name><a/></host-name></system>", "syntax error", ("system",), "a"),
        ("<system inactive='inactive'/>", "inactive='inactive' is not supported", (), "system"),
        ("<system operation='none'/>", "operation='none' is not supported", (), "system"),
        ("<interfaces><interface><name>ge-0/0/0</name></interface></interfaces>",
         "invalid name: it has the form es-[0-9]+/[0-9]+/[0-9]+", ("interfaces",), "ge-0/0/0"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_level(content: str, message: str, level: tuple[str, ...], word: str) -> None:
    error = refusal(content)
    assert (error.message, error.words, error.word) == (message, level, word)


def test_comments_and_the_release_are_passed_over() -> None:
    junos = "http://xml.juniper.net/junos/9.3R1/junos"
    given = read(f"<version>9.3R1</version><!-- a --><junos:comment xmlns:junos='{junos}'>/* a */</junos:comment>")
    assert list(given.children()) == []


def test_what_is_asked_for_is_narrowed_by_names_and_statements() -> None:
    asked = etree.fromstring(
        "<configuration><security><ike><policy><name>4.4.4.4</name><mode/></policy><proposal/></ike></security></configuration>"
    )
    ike = parse_wanted(hierarchy().root, asked).within("security")[0].within("ike")[0]
    (policy,) = ike.within("policy")
    assert (policy.name, policy.whole) == ("4.4.4.4", False)
    assert policy.within("mode") != ()
    assert policy.within("proposals") == ()
    assert ike.within("proposal")[0].whole


def test_what_is_no_statement_cannot_be_asked_for() -> None:
    with pytest.raises(BadStatement, match="syntax error"):
        parse_wanted(hierarchy().root, etree.fromstring("<configuration><firewall/></configuration>"))


# Objects are read as the elements that they stand for.


def read_json(document: object) -> Given:
    return parse_json(hierarchy().root, json.dumps({"configuration": document}))


def test_an_object_of_either_age_is_read() -> None:
    new = {"security": {"ike": {"proposal": [{"name": "p", "dh-group": "group2"}]}}}
    old = {"security": [{"ike": [{"proposal": [{"name": {"data": "p"}, "dh-group": [{"data": "group2"}]}]}]}]}
    for document in (new, old):
        given = read_json(document)
        assert (only(given, 3).argument, only(given, 4).argument) == ("p", "group2")


def test_attributes_of_objects_and_of_leaves_say_what_is_to_be_done() -> None:
    proposal = {"name": "p", "@": {"operation": "replace"}, "dh-group": None, "@dh-group": {"operation": "delete"}}
    given = read_json({"@": {"junos:changed-seconds": "1"}, "security": {"ike": {"proposal": [proposal]}}})
    assert (only(given, 3).operation, only(given, 4).operation) == (Operation.REPLACE, Operation.DELETE)


def test_a_word_without_a_value_is_null_in_an_array() -> None:
    given = read_json({"interfaces": {"interface": [{"name": "es-0/0/0", "disable": [None]}]}})
    assert only(given, 3).definition.row.word == "disable"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"configuration": "x"}',
        '{"configuration": {"a b": 1}}',
        '{"configuration": {"system": {"host-name": [["a"]]}}}',
        '{"configuration": {"system": {"host-name": "\\u0000"}}}',
        "[" * 100_000,
        '{"a":' * 2_000 + "1" + "}" * 2_000,
    ],
)
def test_what_is_no_object_of_the_hierarchy_is_a_syntax_error(text: str) -> None:
    with pytest.raises(BadStatement, match="syntax error"):
        parse_json(hierarchy().root, text)


def test_a_text_that_is_no_json_is_refused_with_its_place() -> None:
    with pytest.raises(BadStatement) as caught:
        parse_json(hierarchy().root, '{\n "configuration": }')
    assert (caught.value.at.line, caught.value.at.column) == (2, 19)
