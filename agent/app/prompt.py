"""The prompt of the router on a terminal: a line editor, completion, help, and pages.

What is typed at a time is one line: what follows it waits until its output was shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from agent.app.console import BREAK, ConsoleLimits, Interactive, MakeShell
from agent.app.line_editor import Edit, LineEditor
from agent.junos.completion import Completion, is_quoted
from agent.junos.parser import TOO_LONG
from agent.junos.shell import MORE, Shell
from agent.transport.endpoint import Terminal

NEXT_PAGE: Final = " "
NEXT_LINE: Final = "\r\n"
END_OF_OUTPUT: Final = "qQ" + BREAK
COMPLETIONS_SHOWN: Final = 500
"""How many lines a question mark is answered with at most: a device may have many names."""


class PromptConsole(Interactive):
    """A shell on a terminal: a prompt, a line editor, completion, help, and pages."""

    def __init__(
        self, make_shell: MakeShell, terminal: Terminal, limits: ConsoleLimits, is_welcome: Callable[[], bool]
    ) -> None:
        super().__init__(make_shell, limits, is_welcome)
        self._columns = terminal.columns
        self._rows = terminal.rows
        self._editor = LineEditor(terminal, self, limits.line_characters)
        for key, handler in (
            (" ", self._on_space),
            ("\t", self._on_tab),
            ("?", self._on_help),
            (BREAK, self._on_break),
        ):
            self._editor.register_key(key, handler)
        self._is_after_return = False
        self._is_paged = False
        self._is_waiting = False
        self._left_on_page = 0
        self._held: str | None = None
        if terminal.rows:
            self._shell.screen_length = terminal.rows
        self._prompt()

    @property
    def _shell(self) -> Shell:
        return self._make_shell()

    def resized(self, columns: int, rows: int) -> None:
        """Fit lines and pages to the terminal, unless the user has said how long pages are."""
        if self._shell.screen_length == self._rows and rows:
            self._shell.screen_length = rows
        self._columns, self._rows = columns, rows
        self._editor.resize(columns)
        self._collect()

    def on_line(self, line: str) -> None:
        """Carry a line out."""
        self._is_paged = self._shell.is_paged(line)
        self._begin_page()
        self._lines = self._shell.feed_line(line)

    def on_too_long(self) -> None:
        """Count what did not find room in the line."""
        self._limits.exceeded(TOO_LONG)

    def on_end(self) -> None:
        """Leave."""
        self._editor.show("\n")
        self._is_over = True

    def _read(self) -> None:
        end = next((at for at, key in enumerate(self._keys, 1) if key in NEXT_LINE), len(self._keys))
        keys, self._keys = self._keys[:end], self._keys[end:]
        if self._is_after_return:
            keys = keys.removeprefix("\n")
        self._is_after_return = keys.endswith("\r")
        self._editor.type(keys)
        self._collect()

    def _collect(self) -> None:
        self._output.add(self._editor.take())

    def _prompt(self) -> None:
        self._editor.show(self._shell.prompt)
        self._collect()

    def _print(self, line: str) -> None:
        self._editor.show(f"{line}\n")
        self._collect()

    def _print_next(self, lines: Iterator[str]) -> bool:
        if self._is_waiting:
            return self._answer_more()
        if self._held is None:
            self._held = next(lines, None)
        line = self._held
        if line is None:
            self._stop_printing()
            return True
        rows = max(1, -(-len(line) // (self._columns or len(line) or 1)))
        if self._is_paged and rows > self._left_on_page and self._left_on_page < self._page_rows:
            self._wait()
            return True
        self._left_on_page -= rows
        self._held = None
        self._print(line)
        return True

    @property
    def _page_rows(self) -> int:
        return max(1, self._shell.screen_length - 1)

    def _begin_page(self) -> None:
        self._left_on_page = self._page_rows

    def _wait(self) -> None:
        self._is_waiting = True
        self._output.add(MORE)

    def _go_on_from_more(self) -> None:
        self._is_waiting = False
        self._output.add(f"\r{' ' * len(MORE)}\r")

    def _answer_more(self) -> bool:
        """Look at the key that was pressed below a page."""
        if not self._keys:
            return False
        key, self._keys = self._keys[0], self._keys[1:]
        if key in END_OF_OUTPUT:
            self._stop_printing()
        elif key == NEXT_PAGE:
            self._go_on_from_more()
            self._begin_page()
        elif key in NEXT_LINE:
            self._go_on_from_more()
            self._left_on_page = 1
        return True

    def _stop_printing(self) -> None:
        if self._is_waiting:
            self._go_on_from_more()
        self._held = None
        super()._stop_printing()
        if not self._is_over:
            self._prompt()

    def _on_break(self, line: str, at: int) -> Edit:
        self._editor.show(f"{line}^C\n{self._shell.prompt}")
        return "", 0

    def _on_help(self, line: str, at: int) -> Edit:
        if is_quoted(line[:at]):
            return True
        self._tell(line, islice(self._shell.help(line[:at]), COMPLETIONS_SHOWN), "?")
        return line, at

    def _on_space(self, line: str, at: int) -> Edit:
        before = line[:at]
        if at < len(line) or not self._shell.completes_on_space or is_quoted(before) or before[-1:] in ("", " "):
            return True
        found = self._shell.complete(before)
        if not found.is_unfinished:
            return True
        return self._completed(line, found, " ")

    def _on_tab(self, line: str, at: int) -> Edit:
        if at < len(line):
            return False
        found = self._shell.complete(line)
        return bool(found.candidates) and self._completed(line, found, "")

    def _completed(self, line: str, found: Completion, key: str) -> Edit:
        """Return the line with what completes it, or show what could."""
        if found.insertion:
            return line + found.insertion, len(line) + len(found.insertion)
        self._tell(line, islice(self._shell.help(line), COMPLETIONS_SHOWN), key)
        return line, len(line)

    def _tell(self, line: str, lines: Iterator[str], key: str) -> None:
        self._editor.show("".join((f"{line}{key}\n", *(f"{each}\n" for each in lines), self._shell.prompt)))
