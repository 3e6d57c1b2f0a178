"""The prompt: lines in, lines out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agent.core.events import RedundancyState
from agent.junos.command import NOTHING, Command
from agent.junos.grammar import COMMANDS
from agent.junos.shell import CommandFailed
from tests.support.chapter import Emulation
from tests.support.junos import prompt

PEERLESS = "show ike security-associations 9.9.9.9"
UNKNOWN_PEER = "error: there is no IKE policy and no IKE security association for 9.9.9.9"


def typed(line: str, user: str = "admin") -> list[str]:
    return [*prompt(Emulation(), user).feed_line(line)]


def test_the_prompt_names_the_user_and_the_host() -> None:
    assert prompt(Emulation(), "operator").prompt == "operator@host> "


def test_the_prompt_follows_the_configured_host_name() -> None:
    emulation = Emulation()
    shell = prompt(emulation)
    config = '<config><system xmlns="urn:ipsec-agent:system"><host-name>edge-1</host-name></system></config>'
    reply = emulation.connect().rpc(f"<edit-config><target><running/></target>{config}</edit-config>")
    assert reply.find("{*}ok") is not None
    assert shell.prompt == "admin@edge-1> "


def test_output_ends_with_a_blank_line_before_the_next_prompt() -> None:
    assert typed("show version | match host") == ["Hostname: host", ""]


def test_a_command_without_output_gives_the_blank_line_alone() -> None:
    assert typed("clear ike security-associations") == [""]


@pytest.mark.parametrize("line", ["", "   "])
def test_an_empty_line_gives_nothing(line: str) -> None:
    assert typed(line) == []


def test_a_syntax_error_points_at_the_word_below_the_prompt() -> None:
    assert typed("show foo") == ["                 ^", "syntax error, expecting <command>.", ""]
    assert len("admin@host> show ") == 17


def test_an_ambiguous_word_is_answered_with_what_it_could_be() -> None:
    lines = typed("show i")
    assert lines[1:3] == ["'i' is ambiguous.", "Possible completions:"]
    assert [line.split()[0] for line in lines[3:-1]] == ["ike", "interfaces", "ipsec"]


def test_what_is_not_there_is_an_error() -> None:
    assert typed(PEERLESS) == [UNKNOWN_PEER, ""]


@pytest.mark.parametrize("line", ["quit", "exit", "qu"])
def test_quit_ends_it(line: str) -> None:
    shell = prompt(Emulation())
    assert not shell.is_finished
    assert [*shell.feed_line(line)] == [""]
    assert shell.is_finished


@pytest.mark.parametrize(
    "command",
    [each for each in COMMANDS if each.authorisation != NOTHING],
    ids=lambda command: "-".join(command.words),
)
def test_a_guest_is_denied_in_the_words_of_the_router(command: Command) -> None:
    emulation = Emulation()
    words = " ".join(command.words)
    slots = " fpc-slot 1 pic-slot 3 offline" if words == "request chassis pic" else ""
    before = list(emulation.gateway.device.ike_sas)
    assert [*prompt(emulation, "guest").feed_line(words + slots)] == ["error: permission denied", ""]
    assert list(emulation.gateway.device.ike_sas) == before
    assert emulation.gateway.device.pics["es-1/3/0"].state is RedundancyState.ACTIVE
    assert emulation.gateway.server.access_counters.operations == 1


def test_what_is_completed_or_explained_is_no_denied_operation() -> None:
    emulation = Emulation()
    shell = prompt(emulation, "guest")
    for line in ("show ike security-associations ", "show ipsec security-associations "):
        assert not any(candidate.text == "4.4.4.4" for candidate in shell.complete(line).candidates)
        assert list(shell.help(line))
    assert emulation.gateway.server.access_counters.operations == 0


def test_what_somebody_may_do_is_asked_each_time() -> None:
    emulation = Emulation()
    shell = prompt(emulation, "guest")
    assert next(shell.feed_line("show version")) == "error: permission denied"
    rule = (
        '<config><nacm xmlns="urn:ietf:params:xml:ns:yang:ietf-netconf-acm"><groups><group><name>admin</name>'
        "<user-name>guest</user-name></group></groups></nacm></config>"
    )
    emulation.connect().rpc(f"<edit-config><target><running/></target>{rule}</edit-config>")
    assert next(shell.feed_line("show version")) == "Hostname: host"


# What is somebody else's


CUNNING = "a\x9b2J\u202eb"
NAMED = (
    f'<ipsec xmlns="urn:ipsec-agent:ipsec"><security-association><name>{CUNNING}</name><manual><direction>'
    "<direction>bidirectional</direction><protocol>ah</protocol><spi>256</spi><authentication>"
    "<algorithm>hmac-md5-96</algorithm><key><ascii-text>0123456789abcdef</ascii-text></key></authentication>"
    "</direction></manual></security-association></ipsec>"
)


def test_a_name_that_a_terminal_would_obey_is_shown_and_not_obeyed() -> None:
    emulation = Emulation()
    reply = emulation.connect().rpc(f"<edit-config><target><running/></target><config>{NAMED}</config></edit-config>")
    assert reply.find("{*}ok") is not None
    shell = prompt(emulation)
    shown = [*shell.feed_line("show ipsec security-associations")]
    assert "Security association: a\\x9b2J\\x202eb, Interface family: No reference" in shown
    shown += shell.feed_line("show configuration")
    shown += shell.feed_line("show configuration | display xml")
    shown += shell.run("show ipsec security-associations | display json")
    shown += shell.feed_line(f"clear ipsec security-associations {CUNNING}")
    shown += shell.feed_line(f"show {CUNNING}")
    shown += shell.help("clear ipsec security-associations ")
    assert not [line for line in shown if "\x9b" in line or "\u202e" in line]
    offered = shell.complete("clear ipsec security-associations ").candidates
    assert "sa-dynamic" in [each.text for each in offered]
    assert CUNNING not in [each.text for each in offered], "it cannot be typed"


# One command alone


def test_one_command_gives_its_output_without_a_blank_line() -> None:
    assert [*prompt(Emulation()).run("show version | match host")] == ["Hostname: host"]


FAILURES = {
    PEERLESS: UNKNOWN_PEER,
    "show foo": "show foo\n     ^\nsyntax error, expecting <command>.",
    "show version | match (": "error: invalid pattern: unbalanced parenthesis",
    "show version | display set": "error: 'display set' is for the configuration alone",
}


@pytest.mark.parametrize(("line", "message"), FAILURES.items())
def test_one_command_that_fails_says_why(line: str, message: str) -> None:
    with pytest.raises(CommandFailed) as caught:
        prompt(Emulation()).run(line)
    assert str(caught.value) == message


def test_a_command_is_not_carried_out_when_its_pipe_is_wrong() -> None:
    emulation = Emulation()
    before = list(emulation.gateway.device.ike_sas)
    with pytest.raises(CommandFailed, match="pattern"):
        prompt(emulation).run("clear ike security-associations | match (")
    assert list(emulation.gateway.device.ike_sas) == before


def test_one_command_of_a_guest_fails() -> None:
    with pytest.raises(CommandFailed, match=r"^error: permission denied$"):
        prompt(Emulation(), "guest").run("show version")


# Pages


def test_long_output_comes_page_by_page() -> None:
    shell = prompt(Emulation())
    shell.screen_length = 10
    pages = [*shell.pages(iter(map(str, range(20))))]
    assert [len(page) for page in pages] == [9, 9, 2]
    assert [line for page in pages for line in page] == [*map(str, range(20))]


def test_pages_are_made_as_they_are_looked_at() -> None:
    shell = prompt(Emulation())
    made: list[int] = []

    def lines() -> Iterator[str]:
        for number in range(1000):
            made.append(number)
            yield str(number)

    pages = shell.pages(lines())
    next(pages)
    assert len(made) == shell.screen_length - 1


def test_a_screen_length_of_0_makes_no_pages() -> None:
    shell = prompt(Emulation())
    assert shell.is_paged("show version")
    assert [*shell.feed_line("set cli screen-length 0")] == ["Screen length set to 0", ""]
    assert not shell.is_paged("show version")
    assert len([*shell.pages(iter(map(str, range(1000))))]) == 1


def test_no_more_makes_no_pages() -> None:
    shell = prompt(Emulation())
    assert not shell.is_paged("show version | no-more")
    assert shell.is_paged("show version | count")
