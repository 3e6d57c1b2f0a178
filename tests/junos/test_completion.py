"""What can come next in a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.junos.completion import complete
from agent.junos.grammar import COMMANDS
from agent.junos.parser import SyntaxFault, parse
from agent.junos.shell import Shell
from tests.support.chapter import Emulation
from tests.support.junos import prompt


@pytest.fixture(scope="module")
def shell() -> Shell:
    """The prompt of an administrator."""
    return prompt(Emulation())


def texts(shell: Shell, line: str) -> list[str]:
    return [each.text for each in shell.complete(line).candidates]


COMPLETED = {
    "sh": "ow ",
    "show ": "",
    "show ike se": "curity-associations ",
    "show ike security-associations 4": ".4.4.4 ",
    "show ipsec security-associations s": "a-",
    "show ipsec security-associations sa-d": "ynamic ",
    "show ipsec redundancy interface es-1/": "",
    "show ipsec certificates 223": "1",
    "request chassis pic fpc-slot ": "1 ",
    "show version | dis": "play ",
    "show version | display x": "ml ",
    "show version | display xml ": "rpc ",
    "nonsense ": "",
    "show nonsense ": "",
}


@pytest.mark.parametrize(("line", "insertion"), COMPLETED.items())
def test_a_word_is_completed_as_far_as_it_is_sure(shell: Shell, line: str, insertion: str) -> None:
    assert shell.complete(line).insertion == insertion


def test_what_may_come_next_is_named_with_what_the_device_knows(shell: Shell) -> None:
    assert texts(shell, "show ike security-associations ") == [
        "brief", "detail", "4.4.4.4", "3.3.3.3", "<peer-address>", "<[Enter]>", "|",
    ]  # fmt: skip
    assert texts(shell, "request ipsec switch security-associations ") == ["sa-dynamic", "<sa-name>", "<[Enter]>", "|"]


def test_an_option_that_was_given_is_offered_no_more(shell: Shell) -> None:
    assert texts(shell, "show ike security-associations detail 4.4.4.4 ") == ["<[Enter]>", "|"]


def test_a_command_that_lacks_something_cannot_be_entered_yet(shell: Shell) -> None:
    assert texts(shell, "request chassis pic fpc-slot 1 ") == ["offline", "online", "pic-slot"]


def test_a_question_mark_lists_commands_with_what_they_do(shell: Shell) -> None:
    assert [*shell.help("show ipsec ")] == [
        "Possible completions:",
        "  certificates           Show IPsec certificate database",
        "  redundancy             Show redundancy of PICs and tunnels",
        "  security-associations  Show IPsec security associations",
        "  statistics             Show counters of IPsec security associations",
    ]


def test_a_question_mark_after_a_wrong_word_points_at_it(shell: Shell) -> None:
    assert [*shell.help("show foo ")] == [" " * len("admin@host> show ") + "^", "syntax error, expecting <command>."]


def test_a_question_mark_where_nothing_fits_says_so(shell: Shell) -> None:
    assert [*shell.help("show vx")][-1] == "No valid completions"


def test_help_is_a_command_too(shell: Shell) -> None:
    assert [*shell.feed_line("help show ipsec")][:-1] == [*shell.help("show ipsec ")]


def test_what_the_device_knows_is_not_named_to_those_who_may_not_see_it() -> None:
    guest = prompt(Emulation(), "guest")
    for line in ("show ike security-associations ", "show ipsec security-associations ", "show ipsec certificates "):
        assert not [each for each in texts(guest, line) if each[0].isdigit() or each.startswith("sa-")]
    assert texts(guest, "show ike security-associations ") == [
        "brief", "detail", "<peer-address>", "<[Enter]>", "|",
    ]  # fmt: skip


WORDS = sorted({word for command in COMMANDS for word in command.words})
LINES = st.lists(st.sampled_from([*WORDS, "detail", "brief", "4.4.4.4", "|", "match", "x", '"']), max_size=6)


@given(LINES.map(" ".join), st.booleans())
def test_whatever_is_completed_has_not_gone_wrong_by_that(line: str, ends_with_space: bool) -> None:
    line += " " * ends_with_space
    try:
        insertion = complete(line, None, lambda authorisation: True).insertion
    except SyntaxFault:
        return
    complete(line + insertion, None, lambda authorisation: True)


@given(st.text(max_size=40) | LINES.map(" ".join))
def test_a_line_is_a_command_or_a_syntax_error(line: str) -> None:
    try:
        command, column = parse(line).command, 0
    except SyntaxFault as fault:
        command, column = COMMANDS[0], fault.column
    assert command in COMMANDS
    assert 0 <= column <= len(line)


def test_of_a_device_that_is_somewhere_else_the_words_alone_are_known() -> None:
    found = complete("show ike security-associations ", None, lambda authorisation: True).candidates
    assert [each.text for each in found] == ["brief", "detail", "<peer-address>", "<[Enter]>", "|"]
