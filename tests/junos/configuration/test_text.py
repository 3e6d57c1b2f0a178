"""The format with braces: what is read, what is refused and where, and how it is written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.datastore.edit import Operation
from agent.junos.configuration.statements import BadStatement, Given, Position
from agent.junos.configuration.text import parse_text
from tests.support.junos_configuration import ConfiguredRouter, hierarchy


def read(text: str, *, tagged: bool = True) -> Given:
    return parse_text(hierarchy().root, text, tagged=tagged)


def leaves(statement: Given, before: str = "") -> Iterator[str]:
    """Iterate over the innermost statements, each with all the words before it and what is to be done with it."""
    for inner in statement.children():
        words = " ".join(filter(None, (before, inner.definition.row.word, inner.argument)))
        if inner.below:
            yield from leaves(inner, words)
        else:
            yield words if inner.operation is Operation.MERGE else f"{inner.operation.value}: {words}"


def refusal(text: str) -> BadStatement:
    with pytest.raises(BadStatement) as caught:
        read(text)
    return caught.value


def test_blocks_words_and_lists_are_read() -> None:
    text = """
        security {
            ike {
                policy 4.4.4.4 {
                    proposals [ a b ];
                    pre-shared-key ascii-text "two words"; ## SECRET-DATA
                }
            }
        }
    """
    assert list(leaves(read(text))) == [
        "security ike policy 4.4.4.4 proposals a",
        "security ike policy 4.4.4.4 proposals b",
        "security ike policy 4.4.4.4 pre-shared-key ascii-text two words",
    ]


def test_words_of_several_levels_can_stand_before_one_block() -> None:
    text = "interfaces es-1/3/0 unit 7 { family inet { address 10.0.0.1/24; } }"
    assert list(leaves(read(text))) == ["interfaces es-1/3/0 unit 7 family inet address 10.0.0.1/24"]


def test_statements_of_one_level_can_stand_in_one_line() -> None:
    text = "interfaces es-1/3/0 unit 7 tunnel source 1.1.1.1 destination 2.2.2.2;"
    assert [words.rpartition("tunnel ")[2] for words in leaves(read(text))] == [
        "source 1.1.1.1",
        "destination 2.2.2.2",
    ]


def test_a_level_that_is_given_twice_is_one() -> None:
    found = read(
        "security { ike { proposal p { dh-group group1; } } } security { ike { proposal p { dh-group group2; } } }"
    )
    assert list(leaves(found)) == ["security ike proposal p dh-group group2"]


def test_comments_are_passed_over() -> None:
    text = """## Last commit: 2003-03-10 12:00:00 UTC by admin
        version 7.4R1; # of the router
        /* what
           follows; is { a name */
        system { host-name r1; }"""
    assert list(leaves(read(text))) == ["system host-name r1"]


def test_quotes_hold_what_would_be_read_otherwise() -> None:
    text = r'interfaces { es-0/0/0 { description "a \"b\" \\ {;} # /* \n c"; } }'
    assert list(leaves(read(text))) == ['interfaces es-0/0/0 description a "b" \\ {;} # /* \n c']


def test_a_value_is_kept_in_its_canonical_form() -> None:
    assert list(leaves(read("security ike policy 2001:DB8::0:1 mode main;"))) == [
        "security ike policy 2001:db8::1 mode main"
    ]


def test_tags_say_what_is_to_be_done_with_the_statement_after_them() -> None:
    text = "security { ike { replace: proposal p { dh-group group1; } delete: policy 4.4.4.4; } }"
    ike = next(next(read(text).children()).children())
    assert [(each.argument, each.operation) for each in ike.children()] == [
        ("p", Operation.REPLACE),
        ("4.4.4.4", Operation.DELETE),
    ]


def test_a_merge_takes_no_notice_of_replace() -> None:
    ike = next(next(read("security { ike { replace: proposal p; } }", tagged=False).children()).children())
    assert [each.operation for each in ike.children()] == [Operation.MERGE]


def test_a_deletion_needs_no_value() -> None:
    assert list(leaves(read("delete: security ike proposal p dh-group;"))) == [
        "delete: security ike proposal p dh-group"
    ]


@pytest.mark.parametrize(
    ("text", "message", "level", "word", "line", "column"),
    [
        ("security {\n  foo bar;\n}", "syntax error", "security", "foo", 2, 3),
        ("firewall { }", "syntax error", "", "firewall", 1, 1),
        ("security ike policy 4.4.4.4 { mode quick; }", "syntax error", "security ike policy 4.4.4.4", "quick", 1, 36),
        ("interfaces { ge-0/0/0 { disable; } }", "syntax error", "interfaces", "ge-0/0/0", 1, 14),
        ("system { host-name; }", "missing argument", "system", "host-name", 1, 10),
        ("system { host-name a b; }", "syntax error", "system", "b", 1, 22),
        ("system { host-name { } }", "missing argument", "system", "host-name", 1, 10),
        ("system { host-name a { } }", "syntax error", "system", "{", 1, 22),
        ("system { host-name a }", "syntax error", "system", "}", 1, 22),
        ("system { ;", "syntax error", "system", ";", 1, 10),
        ("}", "syntax error", "", "}", 1, 1),
        ("system {", "syntax error, expecting ';' or '}'", "system", "{", 1, 8),
        ("system { host-name a", "syntax error, expecting ';' or '}'", "system", "a", 1, 20),
        ("security ipsec policy p proposals [ a;", "syntax error, expecting ']'",
         "security ipsec policy p", "[", 1, 35),
        ("security ipsec policy p proposals [ [ ];", "syntax error", "security ipsec policy p", "[", 1, 37),
        ('system { host-name "a; }', "syntax error", "", '"', 1, 20),
        ("inactive: system { host-name a; }", "'inactive:' is not supported", "", "inactive:", 1, 1),
        ("system { services { netconf { ssh { port 0; } } } }", None, "system services netconf ssh", "0", 1, 42),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_level_and_place(
    text: str, message: str | None, level: str, word: str, line: int, column: int
) -> None:
    error = refusal(text)
    assert (" ".join(error.words) or "", error.word) == (level or "", word)
    assert error.at == Position(line, column)
    assert message is None or error.message == message


PIECES = (
    *("security", "ike", "policy", "4.4.4.4", "proposals", "interfaces", "es-0/0/0", "unit", "0", "family", "inet"),
    *("disable", "version", "foo", "#", "/*", "*/", "\\", '"', "\n", '"quoted"'),
    *("{", "}", ";", "[", "]", "{", "}", ";", "replace:", "delete:", "inactive:"),
)


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=12))
def test_any_text_is_read_or_refused_as_a_statement(pieces: list[str]) -> None:
    with suppress(BadStatement):
        read(" ".join(pieces))


def test_a_value_out_of_range_is_told_in_the_words_of_its_type() -> None:
    error = refusal("security ike proposal p lifetime-seconds 5;")
    assert error.message == "lifetime-seconds: An IKE lifetime is 180 to 86400 seconds."


def test_the_chapter_is_written_as_a_router_writes_it() -> None:
    router = ConfiguredRouter()
    assert router.text("interfaces") == [
        "es-1/3/0 {",
        "    es-options {",
        "        backup-interface es-1/1/0;",
        "    }",
        "    unit 0 {",
        "        tunnel {",
        "            source 4.4.4.5;",
        "            destination 4.4.4.4;",
        "            backup-destination 3.3.3.3;",
        "        }",
        "        family inet {",
        "            ipsec-sa sa-dynamic;",
        "        }",
        "    }",
        "    unit 1 {",
        "        tunnel {",
        "            source 4.4.4.5;",
        "            destination 4.4.4.4;",
        "        }",
        "        family inet {",
        "            ipsec-sa sa-manual;",
        "        }",
        "    }",
        "}",
        "es-1/1/0;",
    ]


def test_a_secret_is_written_sealed_and_said_to_be_one() -> None:
    (line,) = ConfiguredRouter().text("security ike policy 4.4.4.4 pre-shared-key")
    assert line.startswith('ascii-text "$sealed$')
    assert line.endswith('"; ## SECRET-DATA')
    assert "between" not in line
