"""A device's commands from here, without a prompt: one on the command line, or those of a script.

Colours are for terminals alone. Nothing of the gateway is imported: a command line has to answer at once.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

import click

from agent.app.remote import DeviceRefused, ReplyFormat, connected
from agent.app.target import Target
from agent.junos.terminal import visible

GOOD: Final = re.compile(r"\b(?<!Not )(Matured|Installed|Up|Active|Enabled)\b")
BAD: Final = re.compile(r"\b(Not matured|Not installed|Down|Offline|Expired|No reference|Disabled)\b")
HEADING: Final = re.compile(r"(Remote Address|Exchange type|Direction |ID  )")


class Device(Protocol):
    """What carries commands out; `agent.app.remote.Remote` is one."""

    async def run(self, command: str, format_: ReplyFormat) -> str:
        """Return what a command prints. Raises DeviceRefused, Unreachable."""


def print_reply(target: Target, command: str, format_: ReplyFormat) -> int:
    """Have a device carry out one command, print the reply, and return the exit code. Unreachable."""

    async def run() -> str:
        async with connected(target, ask_password) as remote:
            return await remote.run(command, format_)

    try:
        text = asyncio.run(run())
    except DeviceRefused as refused:
        click.echo("\n".join(complaint(refused, command, 0, command)), err=True)
        return 1
    click.echo("".join(f"{line}\n" for line in shown(text, format_)), nl=False)
    return 0


def run_script(target: Target, lines: Iterable[str]) -> int:
    """Give a device commands, one in each line, and return the exit code. Unreachable."""

    async def run() -> int:
        async with connected(target, ask_password) as remote:
            return await run_lines(remote, lines)

    return asyncio.run(run())


async def run_lines(remote: Device, lines: Iterable[str]) -> int:
    """Carry out lines of a script, and go on after one that is refused."""
    exit_code = 0
    for line in filter(None, map(str.strip, lines)):
        try:
            text = await remote.run(line, ReplyFormat.TEXT)
            click.echo("".join(f"{each}\n" for each in shown(text)), nl=False)
        except DeviceRefused as refused:
            click.echo("\n".join(complaint(refused, line, 0, line)), err=True)
            exit_code = 1
    return exit_code


async def ask_password() -> str | None:
    """Ask whoever sits at the terminal; None where nobody does."""
    if not sys.stdin.isatty():
        return None
    return await asyncio.to_thread(click.prompt, "password", hide_input=True, default="", show_default=False, err=True)


def complaint(refused: DeviceRefused, command: str, indent: int, *above: str) -> Iterator[str]:
    """Yield what a refusal prints: a mark below the word that is to blame, where that is in the command.

    `indent` is the column that the command begins in; `above` stands before the line with the mark.
    """
    column = _column(command, refused.word)
    if column is None:
        yield f"error: {refused.message}"
        return
    yield from above
    yield f"{' ' * (indent + column)}^"
    yield refused.message


def _column(command: str, word: str | None) -> int | None:
    """Return where a word stands in a command, "" at its end; None for one that does not."""
    if not word:
        return None if word is None else len(command)
    found = re.search(rf"(?<!\S){re.escape(word)}(?!\S)", command)
    return found.start() if found is not None else None


def shown(text: str, format_: ReplyFormat = ReplyFormat.TEXT) -> Iterator[str]:
    """Return the lines of a reply: of text, or on a terminal, with nothing in them that a terminal would obey.

    On a terminal, those of text have colours.
    """
    is_text, is_on_terminal = format_ is ReplyFormat.TEXT, sys.stdout.isatty()
    lines = iter(text.removesuffix("\n").split("\n") if text else ())
    if is_text or is_on_terminal:
        lines = map(visible, lines)
    return map(painted, lines) if is_text and is_on_terminal else lines


def painted(line: str) -> str:
    """Return a line with its states in colours."""
    if HEADING.match(line):
        return click.style(line, bold=True)
    line = BAD.sub(lambda found: click.style(found[0], fg="red"), line)
    return GOOD.sub(lambda found: click.style(found[0], fg="green"), line)
