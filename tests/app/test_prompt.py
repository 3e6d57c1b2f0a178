"""The prompt over SSH, key by key: the editor, completion, help, pages; and single commands."""

from __future__ import annotations

import cProfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.app.console import BREAK, ConsoleLimits
from agent.app.prompt import PromptConsole
from agent.app.router import open_shell
from agent.app.settings import User
from agent.app.users import Users
from agent.junos.router import LINE_CHARACTERS
from agent.junos.shell import MORE
from agent.netconf.limits import SessionLimits
from agent.netconf.server import Client
from agent.transport.endpoint import Terminal
from tests.support.chapter import Emulation
from tests.support.terminal import TRANSMIT_BYTES, Typist

PROMPT = "admin@host>"
LONG = "show ipsec certificates detail\r"


@pytest.fixture(scope="module")
def still() -> Emulation:
    """A gateway that nobody changes."""
    return Emulation()


@pytest.fixture
def typist(still: Emulation) -> Typist:
    return Typist(still)


def last(typist: Typist) -> str:
    """Return the line with the cursor."""
    return typist.screen.text.split("\n")[-1]


# Lines


def test_a_line_is_carried_out_and_another_prompt_follows(typist: Typist) -> None:
    lines = typist.shown_by(lambda: typist.type("show version | match Model\r"))
    assert lines == [f"{PROMPT} show version | match Model", "Model: m20", "", PROMPT]


def test_lines_that_come_at_once_are_carried_out_one_after_the_other(typist: Typist) -> None:
    lines = typist.shown_by(lambda: typist.type("show version | match Model\nshow version | match Host\n"))
    expected = [f"{PROMPT} show version | match Model", "Model: m20", "", f"{PROMPT} show version | match Host"]
    assert lines == [*expected, "Hostname: host", "", PROMPT]


def test_return_and_newline_are_one_end_of_line(typist: Typist) -> None:
    assert typist.shown_by(lambda: typist.type("\r\n")) == [PROMPT, PROMPT]
    assert typist.shown_by(lambda: typist.type("\r", "\n", "\n")) == [PROMPT, PROMPT, PROMPT]


def test_history_brings_a_line_back(typist: Typist) -> None:
    typist.type("show version | match Model\r", "\x1b[A")
    assert last(typist) == f"{PROMPT} show version | match Model"


def test_a_break_gives_a_line_up(typist: Typist) -> None:
    lines = typist.shown_by(lambda: typist.type("clear ike", "\x03"))
    assert lines == [f"{PROMPT} clear ike^C", PROMPT]
    assert typist.shown_by(lambda: typist.type("\r")) == [PROMPT, PROMPT], "nothing of it is left"


@pytest.mark.parametrize("keys", ["quit\r", "exit\r", "\x04"])
def test_quit_and_the_end_of_input_end_it(typist: Typist, keys: str) -> None:
    assert not typist.console.is_finished
    typist.type(keys)
    assert typist.console.is_finished
    assert typist.console.exit_status == 0


def test_nothing_is_carried_out_after_quit(still: Emulation) -> None:
    typist = Typist(still)
    typist.type("quit\rshow version\r")
    assert typist.console.is_finished
    assert "Model" not in typist.screen.text


def test_what_is_not_utf8_does_no_harm(typist: Typist) -> None:
    typist.console.receive(b"show \xff\xfe\r")
    typist.read()
    assert last(typist) == PROMPT


# Completion and help


@pytest.mark.parametrize("key", [" ", "\t"], ids=["space", "tab"])
def test_a_word_is_completed(typist: Typist, key: str) -> None:
    typist.type("sh", key, "ips", key, "sec", key)
    assert last(typist) == f"{PROMPT} show ipsec security-associations"
    assert typist.type("x") == "x", "a blank stands behind the word already"
    assert last(typist).endswith("associations x")


def test_a_name_of_the_device_is_completed(typist: Typist) -> None:
    typist.type("show ipsec security-associations sa-m\t")
    assert last(typist) == f"{PROMPT} show ipsec security-associations sa-manual"


def test_a_word_that_could_be_several_is_answered_with_them(typist: Typist) -> None:
    lines = typist.shown_by(lambda: typist.type("show i", " "))
    assert lines[:2] == [f"{PROMPT} show i", "Possible completions:"]
    assert [line.split()[0] for line in lines[2:-1]] == ["ike", "interfaces", "ipsec"]
    assert lines[-1] == f"{PROMPT} show i"


def test_a_question_mark_explains_and_leaves_the_line(typist: Typist) -> None:
    lines = typist.shown_by(lambda: typist.type("clear ", "?"))
    assert lines[0] == f"{PROMPT} clear ?"
    assert [line.split()[0] for line in lines[2:-1]] == ["ike", "ipsec"]
    assert typist.type("ike") == "ike"
    assert last(typist) == f"{PROMPT} clear ike"


def test_keys_mean_themselves_within_quotation_marks(typist: Typist) -> None:
    typist.type('show version | match "a? ', "\t")
    assert last(typist) == f'{PROMPT} show version | match "a?'


def test_space_can_be_told_not_to_complete(typist: Typist) -> None:
    typist.type("set cli complete-on-space off\r", "sh ips ")
    assert last(typist) == f"{PROMPT} sh ips"


def test_typed_whole_a_line_is_echoed_as_it_is(typist: Typist) -> None:
    sent = typist.type("show ipsec redundancy security-associations")
    assert sent == "show ipsec redundancy security-associations", "programs look for their echo"


def test_a_guest_is_not_told_what_the_device_knows(still: Emulation) -> None:
    guest = Typist(still, "guest")
    guest.type("show ipsec security-associations ", "?")
    assert "sa-manual" not in guest.screen.text


# Pages


def test_a_long_display_waits_at_the_end_of_a_page(still: Emulation) -> None:
    typist = Typist(still, rows=10)
    lines = typist.shown_by(lambda: typist.type(LONG))
    assert len(lines) == 1 + 9 + 1
    assert lines[-1] == MORE


def test_space_shows_the_next_page_return_a_line_and_q_no_more(still: Emulation) -> None:
    typist = Typist(still, rows=10)
    typist.type(LONG)
    assert len(typist.shown_by(lambda: typist.type(" "))) == 9 + 1
    assert len(typist.shown_by(lambda: typist.type("\r"))) == 1 + 1
    assert typist.shown_by(lambda: typist.type("x")) == [MORE]
    assert typist.shown_by(lambda: typist.type("q")) == [PROMPT]
    assert MORE not in typist.screen.text, "it is wiped out"


def test_all_pages_together_are_the_display(still: Emulation) -> None:
    paged, whole = Typist(still, rows=10), Typist(still, rows=200)
    paged.type(LONG, *" " * 10)
    whole.type(LONG)
    assert paged.screen.text.rstrip() == whole.screen.text.rstrip()


@pytest.mark.parametrize("first", ["set cli screen-length 0\r", ""], ids=["screen-length", "no-more"])
def test_pages_can_be_done_without(still: Emulation, first: str) -> None:
    typist = Typist(still, rows=10)
    typist.type(first, LONG if first else LONG.replace("\r", " | no-more\r"))
    assert last(typist) == PROMPT


def test_a_resized_terminal_has_other_pages_unless_the_user_has_said(still: Emulation) -> None:
    typist = Typist(still, rows=10)
    typist.console.resized(100, 8)
    assert len(typist.shown_by(lambda: typist.type(LONG))) == 1 + 7 + 1
    typist.type("q", "set cli screen-length 0\r")
    typist.console.resized(100, 9)
    typist.type(LONG)
    assert last(typist) == PROMPT


def test_a_line_that_takes_two_rows_counts_for_two(still: Emulation) -> None:
    wide, narrow = Typist(still, rows=10, columns=100), Typist(still, rows=10, columns=20)
    shown = [len(typist.shown_by(lambda typist=typist: typist.type(LONG))) for typist in (wide, narrow)]  # type: ignore[misc]
    assert shown[1] < shown[0]


def test_a_break_ends_what_is_printed_and_what_was_typed_ahead(still: Emulation) -> None:
    typist = Typist(still, rows=10)
    typist.type(LONG, "show version\r\x03")
    assert last(typist) == PROMPT
    assert "Model" not in typist.screen.text


def test_output_is_made_only_when_it_is_asked_for(still: Emulation) -> None:
    typist = Typist(still, rows=0)
    typist.console.receive(LONG.encode())
    assert len(typist.console.transmit(10)) == 10
    assert not typist.console.is_finished
    assert "Issuer" in typist.read()


def test_too_much_typed_ahead_has_to_wait(still: Emulation) -> None:
    typist = Typist(still, rows=10)
    typist.type(LONG)
    assert typist.console.wants_input
    typist.console.receive(b"x" * LINE_CHARACTERS)
    assert typist.console.wants_input
    typist.console.receive(b"x")
    assert not typist.console.wants_input


# Time, and who may stay


def test_a_prompt_that_is_left_alone_is_closed() -> None:
    emulation = Emulation()
    limits = emulation.gateway.server.limits
    emulation.gateway.server.limits = type(limits)(hello_seconds=limits.hello_seconds, idle_seconds=60)
    typist = Typist(emulation)
    typist.now = 50.0
    typist.type("x")
    assert typist.console.next_deadline() == 110.0
    typist.console.advance(109.0)
    assert not typist.console.is_finished
    typist.console.advance(110.0)
    typist.read()
    assert typist.console.is_finished
    assert dict(emulation.gateway.server.exceeded_limits) == {"idle-seconds": 1}


def test_a_prompt_is_closed_when_it_has_been_open_for_as_long_as_it_may() -> None:
    emulation = Emulation()
    emulation.gateway.server.limits = SessionLimits(total_seconds=60)
    typist = Typist(emulation)
    typist.now = 59.0
    typist.type("x")
    assert typist.console.next_deadline() == 60.0
    typist.console.advance(60.0)
    typist.read()
    assert typist.console.is_finished
    assert dict(emulation.gateway.server.exceeded_limits) == {"session-seconds": 1}


def test_a_prompt_is_told_that_the_device_is_shut_down(still: Emulation) -> None:
    typists = [Typist(still), Typist(still, has_terminal=False)]
    for typist in typists:
        typist.make.leave()
        assert "closed: the device is shut down" in typist.read()
        assert typist.console.is_finished
        typist.make.leave()
        assert typist.read() == "", "it is told once"


def test_who_is_no_user_any_more_is_shown_out_at_the_next_key() -> None:
    typist = Typist(Emulation())
    typist.users.become(Users([User("operator")]))
    said = typist.type("show version\r")
    assert "closed: you are no user any more" in said
    assert "Hostname" not in said
    assert typist.console.is_finished


def test_who_is_no_user_any_more_is_shown_out_at_once_and_nobody_else(still: Emulation) -> None:
    gone, stays = Typist(still), Typist(still, "operator")
    for typist in (gone, stays):
        typist.users.become(Users([User("operator")]))
        typist.make.dismiss()
    assert "closed: you are no user any more" in gone.read()
    assert gone.console.is_finished
    assert stays.read() == ""
    assert "Hostname" in stays.type("show version\r")


def test_the_prompt_follows_a_gateway_that_becomes_another() -> None:
    emulation = Emulation()
    typist = Typist(emulation)
    typist.type("set cli screen-length 0\r")
    before = emulation.gateway.server
    gateway = emulation.gateway
    gateway.load(gateway.server.caller(Client("admin", "192.0.2.1", "cli")), "demo", None)
    assert gateway.server is not before
    typist.type(LONG)
    assert MORE not in typist.screen.text


# Single commands, and scripts


def test_a_command_prints_and_ends(still: Emulation) -> None:
    typist = Typist(still, command="show version | match Model", has_terminal=False)
    assert typist.screen.text == "Model: m20\n"
    assert typist.console.is_finished
    assert (typist.console.exit_status, typist.console.complaint) == (0, b"")


@pytest.mark.parametrize(
    ("user", "command", "complaint"),
    [
        ("admin", "show foo", "show foo\n     ^\nsyntax error, expecting <command>.\n"),
        ("guest", "show version", "error: permission denied\n"),
    ],
)
def test_a_refused_command_complains_and_prints_nothing(
    still: Emulation, user: str, command: str, complaint: str
) -> None:
    typist = Typist(still, user, command=command, has_terminal=False)
    assert typist.screen.text == ""
    assert (typist.console.exit_status, typist.console.complaint) == (1, complaint.encode())


def test_without_a_terminal_there_is_neither_echo_nor_prompt_nor_page(still: Emulation) -> None:
    typist = Typist(still, rows=5, has_terminal=False)
    typist.type("show version | match Model\n", LONG.replace("\r", "\r\n"), "quit\n")
    assert typist.screen.text.startswith("Model: m20\n\n")
    assert MORE not in typist.screen.text
    assert PROMPT not in typist.screen.text
    assert typist.console.is_finished


def test_a_line_without_end_ends_a_script(still: Emulation) -> None:
    typist = Typist(still, has_terminal=False)
    typist.type("x" * LINE_CHARACTERS)
    assert not typist.console.is_finished
    typist.type("x")
    assert typist.console.is_finished
    assert (typist.console.exit_status, typist.console.complaint) == (1, b"error: line is too long.\n")


# Whatever is typed

KEYS = ("show ", "ike", "ips", "sec", "sa-m", "\t", " ", "?", "\r", "\n", "\x03", '"', "|", "match ", "é", "界", "Q")
"""No small q: before Enter it is `quit`."""
CONTROL_KEYS = (
    "\x1b[A",
    "\x1b[B",
    "\x1b[C",
    "\x1b[D",
    "\x1b",
    "\x01",
    "\x05",
    "\x0b",
    "\x15",
    "\x19",
    "\x7f",
    "\x00",
    "set cli ",
)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from([*KEYS, *CONTROL_KEYS]) | st.tuples(st.integers(0, 120), st.integers(0, 40)), max_size=30)
)
def test_whatever_is_typed_the_prompt_answers_the_next_line(
    still: Emulation, steps: list[str | tuple[int, int]]
) -> None:
    console = Typist(still, rows=10, columns=40).console
    for step in (*steps, "q", "q", BREAK, BREAK, (200, 100)):
        if isinstance(step, str):
            console.receive(step.encode())
        else:
            console.resized(*step)
        while console.transmit(TRANSMIT_BYTES):
            pass
    assert not console.is_finished
    console.receive(b"show version | match Model\r")
    assert b"Model: m20" in console.transmit(TRANSMIT_BYTES)


@pytest.mark.parametrize("columns", [1, 2, 11, 12, 13, 14, 20])
def test_a_terminal_that_is_too_narrow_for_the_prompt_is_served_all_the_same(still: Emulation, columns: int) -> None:
    shell = open_shell(still.gateway.server, Client("admin", "192.0.2.1", "cli"))
    console = PromptConsole(lambda: shell, Terminal("dumb", columns, 24), ConsoleLimits(lambda: 0.0), lambda: True)
    console.receive("漢漢a\x01漢show version | match Model\x05\x7f\r\x15show version | match Model\r".encode())
    shown = b""
    while piece := console.transmit(TRANSMIT_BYTES):
        shown += piece
    assert b"Model: m20" in shown


def test_a_line_that_is_longer_than_a_terminal_that_does_not_wrap_can_be_given_up(still: Emulation) -> None:
    shell = open_shell(still.gateway.server, Client("admin", "192.0.2.1", "cli"))
    console = PromptConsole(lambda: shell, Terminal("dumb", 30, 24), ConsoleLimits(lambda: 0.0), lambda: True)
    console.receive(b"show ipsec certificates detail\x03show version | match Model\r")
    assert b"Model: m20" in console.transmit(TRANSMIT_BYTES)


# What a prompt costs


def test_one_more_prompt_costs_next_to_nothing(still: Emulation) -> None:
    Typist(still)
    profile = cProfile.Profile()
    profile.runcall(Typist, still)
    assert sum(entry.callcount for entry in profile.getstats()) < 5000, "characters are not looked at one by one"


def test_characters_of_every_script_stand_for_themselves(typist: Typist) -> None:
    typist.type("show äß€漢\x1b[Z\x00")
    assert last(typist) == f"{PROMPT} show äß€漢"
