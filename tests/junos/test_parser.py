"""Lines against the table: abbreviations, options in any order, and where a line goes wrong."""

from __future__ import annotations

import pytest

from agent.junos.command import Command, Pipe, PipeCommand
from agent.junos.grammar import COMMANDS, PIPES
from agent.junos.parser import MAXIMUM_PIPES, SyntaxFault, parse
from agent.junos.router import Router
from tests.support.chapter import Emulation
from tests.support.junos import prompt

UNIQUE = {
    "sh ike sec": "show ike security-associations",
    "show ipsec cert": "show ipsec certificates",
    "show ipsec certificates crl": "show ipsec certificates crl",
    "show ipsec cert cr": "show ipsec certificates crl",
    "show ipsec red i": "show ipsec redundancy interface",
    "cl ipsec s": "clear ipsec security-associations",
    "req ip sw sec": "request ipsec switch security-associations",
    "q": "quit",
}


def router() -> Router:
    """Return the router of the chapter."""
    return Router(Emulation().gateway.device, 0, "0")


@pytest.mark.parametrize(("line", "words"), UNIQUE.items())
def test_words_are_abbreviated_as_long_as_they_are_unique(line: str, words: str) -> None:
    assert " ".join(parse(line).command.words) == words


NEEDED = {
    "request chassis pic": "fpc-slot 1 pic-slot 3 online",
    "set cli complete-on-space": "off",
    "set cli screen-length": "0",
    "set cli screen-width": "132",
}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: " ".join(command.words))
def test_every_command_is_found_by_its_words(command: Command) -> None:
    words = " ".join(command.words)
    assert parse(f"{words} {NEEDED.get(words, '')}").command is command


def test_options_come_in_any_order() -> None:
    expected = {"sa-name": "sa-manual", "detail": ""}
    assert parse("show ipsec security-associations sa-manual detail").arguments == expected
    assert parse("show ipsec security-associations detail sa-manual").arguments == expected


@pytest.mark.parametrize("line", ["clear ike security-associations 4.4.4.4", "clear ike sec destination 4.4.4.4"])
def test_the_destination_of_a_clear_may_be_called_so(line: str) -> None:
    assert parse(line).arguments == {"peer-address": "4.4.4.4"}


def test_a_name_that_the_device_knows_goes_before_an_abbreviation() -> None:
    emulation = Emulation()
    known = Router(emulation.gateway.device, 0, "0")
    name = "sa-manual"
    assert parse(f"show ipsec security-associations {name}", known).arguments == {"sa-name": name}
    assert parse("show ipsec security-associations de", known).arguments == {"detail": ""}


def test_quotation_marks_hold_a_value_together() -> None:
    line = parse('show ipsec certificates crl "C=FI, O=Company-ABC" | match "a|b"')
    assert line.arguments == {"crl-name": "C=FI, O=Company-ABC"}
    (step,) = line.pipes
    assert (step.does, step.arguments) == (Pipe.MATCH, {"pattern": "a|b"})


def test_a_bar_needs_no_space_around_it() -> None:
    line = parse("show version|count|no-more")
    assert [step.does for step in line.pipes] == [Pipe.COUNT, Pipe.NO_MORE]


@pytest.mark.parametrize("pipe", PIPES, ids=lambda pipe: " ".join(pipe.words))
def test_every_pipe_is_found_by_its_words(pipe: PipeCommand) -> None:
    given = "5" if pipe.parameters else ""
    line = parse(f"show version | {' '.join(pipe.words)} {given}")
    assert [step.does for step in line.pipes] == [pipe.does]


FAULTS = [
    ("foo", 0, "foo", "unknown command."),
    ("show foo", 5, "foo", "syntax error, expecting <command>."),
    ("show  ike   foo", 12, "foo", "syntax error, expecting <command>."),
    ("show i", 5, "i", "'i' is ambiguous."),
    ("show ipsec", 10, "", "syntax error, expecting <command>."),
    ("request ipsec switch", 20, "", "syntax error, expecting <command>."),
    ("show ipsec redundancy", 21, "", "syntax error, expecting <command>."),
    ("show version brief detail", 19, "detail", "syntax error."),
    ("show ike security-associations brief brief", 37, "brief", "invalid ip address: 'brief'."),
    ("show ike security-associations 4.4.4.4 3.3.3.3", 39, "3.3.3.3", "syntax error."),
    ("show ike security-associations 4.4.4.256", 31, "4.4.4.256", "invalid ip address: '4.4.4.256'."),
    ("show ipsec certificates 12x", 24, "12x", "invalid serial number: '12x'."),
    ("set cli screen-length", 21, "", "missing argument."),
    ("set cli screen-length -1", 22, "-1", "invalid number: '-1'."),
    ("set cli screen-length 999999999999", 22, "999999999999", "invalid number: '999999999999'."),
    ("request chassis pic fpc-slot 1 pic-slot 3", 41, "", "missing argument."),
    ("request chassis pic fpc-slot", 28, "", "missing argument."),
    ("request chassis pic fpc-slot 1 pic-slot 3 online offline", 49, "offline", "syntax error."),
    ("show version |", 14, "", "syntax error, expecting <command>."),
    ("show version | tee x", 15, "tee", "unknown command."),
    ("show version | match", 20, "", "missing argument."),
    ("| match x", 9, "", "syntax error, expecting <command>."),
    ('show version | match "x', 21, '"x', "missing quotation mark."),
    ("quit now", 5, "now", "syntax error."),
]


@pytest.mark.parametrize(("line", "column", "word", "message"), FAULTS, ids=[each[0] for each in FAULTS])
def test_a_line_that_is_no_command_says_where_and_why(line: str, column: int, word: str, message: str) -> None:
    with pytest.raises(SyntaxFault) as caught:
        parse(line, router())
    assert (caught.value.message, caught.value.column, caught.value.word) == (message, column, word)


def test_an_ambiguous_word_names_what_it_could_be() -> None:
    with pytest.raises(SyntaxFault) as caught:
        parse("show i")
    assert list(caught.value.completions) == ["ike", "interfaces", "ipsec"]


def test_a_line_that_is_too_long_is_refused() -> None:
    with pytest.raises(SyntaxFault, match="too long"):
        parse("show " * 20_000)
    with pytest.raises(SyntaxFault, match="too long"):
        parse(f"show ipsec security-associations {'x' * 300}")


def test_pipes_are_so_many_at_most() -> None:
    assert len(parse("show version" + " | count" * MAXIMUM_PIPES).pipes) == MAXIMUM_PIPES
    with pytest.raises(SyntaxFault, match=r"^too many pipes\.$"):
        parse("show version" + " | count" * (MAXIMUM_PIPES + 1))


def test_as_many_pipes_as_there_can_be_are_gone_through() -> None:
    line = "show version" + " | match ." * (MAXIMUM_PIPES - 1) + " | count"
    assert [*prompt(Emulation()).run(line)] == ["Count: 4 lines"]
