"""The line editor of a terminal that is elsewhere: asyncssh's, without its connection.

Keys come in as text; lines and the end of input are told to whoever listens; what the terminal is to show waits
to be taken. Nothing here does any input or output.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final, Protocol, cast

from asyncssh.editor import SSHLineEditor

from agent.transport.endpoint import Terminal

HISTORY_LINES: Final = 500
PLAIN_TERMINAL: Final = "dumb"
COLUMNS: Final = 80
"""Of a terminal that does not say."""
LEAST_ROOM: Final = 4
"""How many columns there have to be for the line, or the editor cannot show one."""

Edit = bool | tuple[str, int]
"""What a key does: True stands for itself, False is no good here, else the line and where the cursor is then."""
KeyHandler = Callable[[str, int], Edit]
"""Is given the line and where the cursor is in it."""


class Listener(Protocol):
    """Who is told what was typed."""

    def on_line(self, line: str) -> None:
        """A line was finished, by the key Enter."""

    def on_too_long(self) -> None:
        """More was typed than there is room for in a line: what is over is dropped, and a bell rung."""

    def on_end(self) -> None:
        """There is no more to come, by Ctrl-D in an empty line."""


class LineEditor:
    """One line at a time, with a history."""

    def __init__(self, terminal: Terminal, listener: Listener, line_characters: int) -> None:
        self._screen = _Screen()
        self._editor = _Editor(
            cast(Any, self._screen),
            cast(Any, _Keyboard(listener)),
            True,
            HISTORY_LINES,
            line_characters,
            terminal.kind or PLAIN_TERMINAL,
            terminal.columns,
        )
        self._editor.when_full = listener.on_too_long
        self._columns = self._width = terminal.columns or COLUMNS
        self._before = 0

    def register_key(self, key: str, handler: KeyHandler) -> None:
        """Have a key do something else than it says."""
        self._editor.register_key(key, handler)

    def type(self, keys: str) -> None:
        """Take keys as they were pressed."""
        self._editor.process_input(keys, None)

    def show(self, text: str) -> None:
        """Show text above the line that is being typed; what follows the last end of line stands before that line."""
        self._before = 2 * len(text.rpartition("\n")[2])  # a character may be two columns wide
        self._set_width()
        self._editor.process_output(text)

    def show_aside(self, text: str) -> None:
        """Show text that the editor is to know nothing of: it leaves the cursor where it was."""
        self._screen.write(text)

    def resize(self, columns: int) -> None:
        """Learn that the terminal is wider or narrower."""
        self._columns = columns or COLUMNS
        self._set_width()

    def _set_width(self) -> None:
        """Leave some room for the line behind what stands before it, on a terminal that does not wrap it."""
        width = self._columns if self._editor.is_wrapping else max(self._columns, self._before + LEAST_ROOM)
        if width != self._width:
            self._width = width
            self._editor.set_width(width)

    def take(self) -> str:
        """Return what the terminal is to show next."""
        return self._screen.take()


class _Editor(SSHLineEditor):
    """asyncssh's, but for how it learns which characters stand for themselves, and that it tells when a line is full.

    It would look at every character there is, and again for each key that does something else: a tenth of a second for
    each prompt, in which the whole server stood still. And what it shows of a line is right when the line is another.
    """

    when_full: Callable[[], object]

    def _insert_printable(self, data: str) -> None:
        if len(self._line) + len(data) > self._max_line_length:
            self.when_full()
        super()._insert_printable(data)

    def _update_input_window(self, new_pos: int) -> int:
        """Choose what is seen of the line: as much as fits, with the cursor in it; return the column behind that.

        Columns are counted from where it begins. asyncssh counts from the cursor, which may stand behind the end of a
        line that a key has made shorter, and looks for characters that are not there.
        """
        behind, left = min(new_pos + 1, len(self._line)), min(self._left_pos, new_pos)
        column = self._start_column + sum(self._char_width(at) for at in range(left, behind))
        while column >= self._width and left < new_pos:
            column -= self._char_width(left)
            left += 1
        while left > 0 and column + self._char_width(left - 1) < self._width:
            left -= 1
            column += self._char_width(left)
        column, right = self._start_column, left
        while right < len(self._line) and column + self._char_width(right) < self._width:
            column += self._char_width(right)
            right += 1
        self._left_pos, self._right_pos = left, right
        return column

    @property
    def is_wrapping(self) -> bool:
        """Whether what does not fit into a line of the terminal goes on in the next one."""
        return self._wrap

    def _build_printable(self) -> None:
        self._printable = _standing_for_themselves(frozenset(self._keymap))


@cache
def _standing_for_themselves(others: frozenset[str]) -> re.Pattern[str]:
    """Return what matches characters that are shown as they are typed, which `others` are not."""
    ranges = (range(ord(" "), 0xD800), range(0xE000, 0x10000))
    shown = (chr(code) for each in ranges for code in each if chr(code).isprintable() and chr(code) not in others)
    return re.compile(f"[{re.escape(''.join(shown))}]*")


class _Screen:
    """What asyncssh's editor takes for the channel of a terminal."""

    def __init__(self) -> None:
        self._shown: list[str] = []

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

    def break_received(self, milliseconds: int) -> bool:
        """A break, by the key of that name: nothing here waits for one."""
        return True

    def signal_received(self, signal: str) -> None:
        """A signal: no key stands for one."""

    def soft_eof_received(self) -> None:
        """Ctrl-D."""
        self._listener.on_end()
