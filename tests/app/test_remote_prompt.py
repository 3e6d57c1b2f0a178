"""The prompt for a device elsewhere, with a device that only repeats what it is told, and how a reply is printed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from agent.app.remote import DeviceRefused, ReplyFormat
from agent.app.remote_commands import complaint, painted, run_lines, shown
from agent.app.remote_prompt import RemotePrompt


@dataclass
class Parrot:
    """Repeats a command; refuses one with a word that it does not know."""

    asked: list[str] = field(default_factory=list)

    async def run(self, command: str, format_: ReplyFormat) -> str:
        self.asked.append(command)
        if "nonsense" in command:
            raise DeviceRefused("syntax error", "nonsense")
        return f"did {command}\n"


def typed(keys: str) -> list[str]:
    """Type at a prompt until it ends, and return what the device was asked."""
    parrot = Parrot()
    with create_pipe_input() as keyboard, create_app_session(input=keyboard, output=DummyOutput()):
        keyboard.send_text(keys + "\x04")
        asyncio.run(RemotePrompt(parrot, "admin@host> ").run())
    return parrot.asked


def test_a_line_is_given_to_the_device_and_its_answer_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("show version\r") == ["show version"]
    assert capsys.readouterr().out == "did show version\n\n"


def test_words_are_completed_by_space_and_tab() -> None:
    assert typed("sh ips sec\t\r") == ["show ipsec security-associations "]


def test_what_our_table_does_not_have_is_given_to_the_device_all_the_same() -> None:
    assert typed("show bgp neighbor\r") == ["show bgp neighbor"]


def test_a_question_mark_explains_without_asking_the_device(capsys: pytest.CaptureFixture[str]) -> None:
    assert typed("clear ?\x15") == []
    assert "  ipsec                  Clear IP Security information" in capsys.readouterr().out


def test_what_a_prompt_does_by_itself_is_not_given_to_the_device() -> None:
    assert typed("set cli screen-length 0\rset cli complete-on-space off\rsh ver\r") == ["sh ver"]
    assert typed("quit\rshow version\r") == []


def test_a_word_that_is_refused_is_marked_below_the_prompt(capsys: pytest.CaptureFixture[str]) -> None:
    typed("show nonsense\rshow version\r")
    assert capsys.readouterr().out.startswith(f"{' ' * len('admin@host> show ')}^\nsyntax error\n\ndid show version\n")


def test_a_script_goes_on_after_a_refusal_and_tells_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    code = asyncio.run(run_lines(Parrot(), ["show version\n", "\n", "show nonsense\n", "show ike\n"]))
    shown = capsys.readouterr()
    assert code == 1
    assert shown.out == "did show version\ndid show ike\n"
    assert shown.err == "show nonsense\n     ^\nsyntax error\n"


@pytest.mark.parametrize(
    ("command", "word", "column"),
    [("clear ipsec ip", "ip", 12), ("request ipsec switch", "", 20), ("show ike", "ike", 5)],
)
def test_the_mark_is_below_the_word_and_no_part_of_another(command: str, word: str, column: int) -> None:
    lines = [*complaint(DeviceRefused("syntax error", word), command, 2)]
    assert lines == [f"{' ' * (2 + column)}^", "syntax error"]


def test_what_a_device_says_cannot_steer_the_terminal() -> None:
    assert [*shown("a\x9b2J\u202eb\n")] == ["a\\x9b2J\\x202eb"]


def test_a_refusal_without_a_word_is_the_message_alone() -> None:
    refused = DeviceRefused("permission denied", None)
    assert [*complaint(refused, "show version", 0, "show version")] == ["error: permission denied"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("State: Installed", "State: \x1b[32mInstalled\x1b[0m"),
        ("State: Not installed", "State: \x1b[31mNot installed\x1b[0m"),
        ("ID      Serial", "\x1b[1mID      Serial\x1b[0m"),
        ("Uptime", "Uptime"),
    ],
)
def test_states_have_colours_on_a_terminal(line: str, expected: str) -> None:
    assert painted(line) == expected
