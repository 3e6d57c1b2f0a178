"""The prompt for a device elsewhere: prompt_toolkit's line editor, and what a router's prompt does by itself.

The words that can be typed are those of our own command table, so completion asks the device nothing; what else the
device knows it is given all the same.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Iterator
from itertools import islice
from typing import Final

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from agent.app.remote import DeviceRefused, ReplyFormat, connected
from agent.app.remote_commands import Device, ask_password, complaint, shown
from agent.app.target import Target
from agent.junos import pipes
from agent.junos.command import Local
from agent.junos.completion import Completion, complete, explain, is_quoted
from agent.junos.parser import SyntaxFault, parse
from agent.junos.shell import MORE, SCREEN_LENGTH, pointed
from agent.junos.terminal import visible

END_OF_OUTPUT: Final = ("q", "Q")
HOST_NAME: Final = re.compile(r"^Hostname: (\S+)$", re.MULTILINE)


def run_prompt(target: Target) -> None:
    """Give a device the commands that are typed, until the user leaves. Unreachable."""

    async def run() -> None:
        async with connected(target, ask_password) as remote:
            await RemotePrompt(remote, f"{target.user}@{await _name(remote, target)}> ").run()

    asyncio.run(run())


async def _name(remote: Device, target: Target) -> str:
    """Return what the device calls itself, or else how it is reached."""
    try:
        found = HOST_NAME.search(await remote.run("show version", ReplyFormat.TEXT))
    except DeviceRefused:
        found = None
    return visible(found[1]) if found is not None else target.host


class RemotePrompt:
    """The prompt: prompt_toolkit's line editor, and what a router does by itself."""

    def __init__(self, remote: Device, prompt: str) -> None:
        self._remote = remote
        self._prompt = prompt
        self._screen_length: int | None = None
        self._completes_on_space = True
        self._is_finished = False

    async def run(self) -> None:
        """Carry out what is typed, until the user leaves."""
        session: PromptSession[str] = PromptSession(self._prompt, key_bindings=self._keys())
        while not self._is_finished:
            try:
                line = await session.prompt_async()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            if line.strip():
                self._show(await self._lines(line), line)

    async def _lines(self, text: str) -> Iterator[str]:
        try:
            line = parse(text)
            if isinstance(line.command.does, Local) and line.command.does is not Local.CONFIGURATION:
                return self._do(line.command.does, dict(line.arguments))
        except SyntaxFault:
            pass  # the device may know better
        try:
            return shown(await self._remote.run(text, ReplyFormat.TEXT))
        except DeviceRefused as refused:
            return complaint(refused, text, len(self._prompt))

    def _do(self, what: Local, arguments: dict[str, str]) -> Iterator[str]:
        match what:
            case Local.QUIT:
                self._is_finished = True
            case Local.HELP:
                return explain(f"{arguments.get('topic', '')} ".lstrip(), None, lambda authorisation: True)
            case Local.SCREEN_LENGTH:
                self._screen_length = int(arguments["length"])
            case Local.COMPLETE_ON_SPACE:
                self._completes_on_space = "on" in arguments
            case _:
                pass  # the width of a terminal here is its own
        return iter(())

    def _show(self, lines: Iterator[str], text: str) -> None:
        rows = self._rows(text)
        while page := list(islice(lines, rows)):
            click.echo("\n".join(page))
            if rows is not None and len(page) == rows and not self._goes_on():
                return
        click.echo()

    def _rows(self, text: str) -> int | None:
        """Return how many lines are shown at once, None for all."""
        try:
            if pipes.wants_no_pages(parse(text).pipes):
                return None
        except SyntaxFault:
            pass
        length = self._screen_length
        if length is None:
            length = shutil.get_terminal_size((80, SCREEN_LENGTH)).lines
        return max(1, length - 1) if length else None

    def _goes_on(self) -> bool:
        click.echo(MORE, nl=False)
        try:
            key = click.getchar()
        except (KeyboardInterrupt, EOFError):
            key = END_OF_OUTPUT[0]
        click.echo(f"\r{' ' * len(MORE)}\r", nl=False)
        return key not in END_OF_OUTPUT

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        keys.add(" ")(self._on_space)
        keys.add("tab")(self._on_tab)
        keys.add("?")(self._on_help)
        return keys

    def _on_space(self, event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        text = buffer.document.text_before_cursor
        may_complete = self._completes_on_space and buffer.document.is_cursor_at_the_end and not is_quoted(text)
        found = self._found(text)
        if may_complete and found.is_unfinished:
            self._complete(event, found)
        else:
            buffer.insert_text(" ")

    def _on_tab(self, event: KeyPressEvent) -> None:
        if event.current_buffer.document.is_cursor_at_the_end:
            self._complete(event, self._found(event.current_buffer.text))

    def _on_help(self, event: KeyPressEvent) -> None:
        text = event.current_buffer.document.text_before_cursor
        if is_quoted(text):
            event.current_buffer.insert_text("?")
        else:
            self._tell(text)

    def _complete(self, event: KeyPressEvent, found: Completion) -> None:
        if found.insertion:
            event.current_buffer.insert_text(found.insertion)
        elif found.candidates:
            self._tell(event.current_buffer.text)

    def _found(self, text: str) -> Completion:
        try:
            return complete(text, None, lambda authorisation: True)
        except SyntaxFault:
            return Completion("", ())

    def _tell(self, text: str) -> None:
        try:
            lines = [*explain(text, None, lambda authorisation: True)]
        except SyntaxFault as fault:
            lines = [*pointed(fault, len(self._prompt))]
        run_in_terminal(lambda: click.echo("\n".join((f"{self._prompt}{text}?", *lines))))
