"""The line editor of a terminal that is elsewhere: asyncssh's, without its connection.

Keys come in as text; lines and the end of input are told to whoever listens; what the terminal is to show waits
to be taken. Nothing here does any input or output.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol, cast

import asyncssh

from agent.transport.endpoint import Terminal

HISTORY_LINES: Final = 500
LINE_CHARACTERS: Final = 4096
PLAIN_TERMINAL: Final = "dumb"
ENCODING: Final = ("utf-8", "replace")

Edit = bool | tuple[str, int]
"""What a key does: True stands for itself, False is no good here, else the line and where the cursor is then."""
KeyHandler = Callable[[str, int], Edit]
"""Is given the line and where the cursor is in it."""


class Listener(Protocol):
    """Who is told what was typed."""

    def on_line(self, line: str) -> None:
        """A line was finished, by the key Enter."""

    def on_end(self) -> None:
        """There is no more to come, by Ctrl-D in an empty line."""


class LineEditor:
    """One line at a time, with a history."""

    def __init__(self, terminal: Terminal, listener: Listener) -> None:
        self._screen = _Screen(terminal)
        keyboard = _Keyboard(listener)
        self._channel = asyncssh.SSHLineEditorChannel(
            cast(Any, self._screen), cast(Any, keyboard), True, HISTORY_LINES, LINE_CHARACTERS
        )
        editor = self._channel.create_editor()
        assert editor is not None, "a terminal with an encoding has an editor"
        self._editor = editor

    def register_key(self, key: str, handler: KeyHandler) -> None:
        """Have a key do something else than it says."""
        self._channel.register_key(key, handler)

    def type(self, keys: str) -> None:
        """Take keys as they were pressed."""
        self._editor.process_input(keys, None)

    def show(self, text: str) -> None:
        """Show text above the line that is being typed; what follows the last end of line stands before that line."""
        self._channel.write(text)

    def show_aside(self, text: str) -> None:
        """Show text that the editor is to know nothing of: it leaves the cursor where it was."""
        self._screen.write(text)

    def resize(self, columns: int) -> None:
        """Learn that the terminal is wider or narrower."""
        self._editor.set_width(columns)

    def take(self) -> str:
        """Return what the terminal is to show next."""
        return self._screen.take()


class _Screen:
    """What asyncssh's editor takes for the channel of a terminal."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._shown: list[str] = []

    def get_encoding(self) -> tuple[str, str]:
        """Return how text becomes bytes."""
        return ENCODING

    def get_terminal_type(self) -> str:
        """Return the kind of terminal."""
        return self._terminal.kind or PLAIN_TERMINAL

    def get_terminal_size(self) -> tuple[int, int, int, int]:
        """Return columns, rows, and the same in pixels, of which nothing is known."""
        return (self._terminal.columns, self._terminal.rows, 0, 0)

    def write(self, data: str, datatype: object = None) -> None:
        """Keep text until it is taken."""
        self._shown.append(data)

    def take(self) -> str:
        """Return what was written."""
        text = "".join(self._shown)
        self._shown.clear()
        return text


class _Keyboard:
    """What asyncssh's editor takes for the session that it edits lines for."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener

    def data_received(self, data: str, datatype: object) -> None:
        """A line, with the end of it."""
        self._listener.on_line(data.removesuffix("\n"))

    def soft_eof_received(self) -> None:
        """Ctrl-D."""
        self._listener.on_end()
