"""Commands over SSH without a terminal: a single one, and the lines of a script (RFC 4254 section 6.5).

Both are sessions without I/O, as those of NETCONF are. Invariants: output is made when it is asked for, so a display of
any size takes no memory; what comes in meanwhile waits its turn; nothing but the command grammar is ever carried out.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from agent.junos.parser import TOO_LONG
from agent.junos.router import LINE_CHARACTERS
from agent.junos.shell import CommandFailed, Shell

BREAK: Final = "\x03"
"""Ctrl-C."""
IDLE_CLOSED: Final = "\nclosed: nothing was typed for too long\n"
DISMISSED: Final = "\nclosed: you are no user any more\n"
SHUT_DOWN: Final = "\nclosed: the device is shut down\n"

MakeShell = Callable[[], Shell]
"""Returns the shell of a client: another one when the device has become another one."""


@dataclass(frozen=True, slots=True)
class ConsoleLimits:
    """Management time in monotonic seconds, how long a prompt stays open (0 for ever), and how long a line may be.

    As much as one line may wait that was typed ahead. `exceeded` is told the name of a limit that was met.
    """

    now: Callable[[], float]
    idle_seconds: float = 0
    total_seconds: float = 0
    line_characters: int = LINE_CHARACTERS
    exceeded: Callable[[str], object] = lambda limit: None


class _Output:
    """Bytes that wait to be sent."""

    def __init__(self) -> None:
        self._waiting = bytearray()

    def add(self, text: str) -> None:
        """Append text."""
        self._waiting += text.encode()

    def take(self, limit: int) -> bytes:
        """Return up to `limit` bytes, and forget them."""
        data = bytes(self._waiting[:limit])
        del self._waiting[:limit]
        return data

    def __len__(self) -> int:
        return len(self._waiting)


class CommandConsole:
    """One command: what it prints, and an exit code of 1 where it is refused."""

    wants_input = True

    def __init__(self, shell: Shell, command: str, is_on_terminal: bool) -> None:
        self._shell = shell
        self._command = command
        self._end = "\r\n" if is_on_terminal else "\n"
        self._lines: Iterator[str] | None = None
        self._output = _Output()
        self._is_over = False
        self.exit_status = 0
        self.complaint = b""

    def receive(self, data: bytes) -> None:
        """Take no notice: a command reads nothing."""

    def transmit(self, limit: int) -> bytes:
        """Return what the command prints next; it is carried out when that is asked for first."""
        while len(self._output) < limit and not self._is_over:
            self._go_on()
        return self._output.take(limit)

    def _go_on(self) -> None:
        try:
            if self._lines is None:
                self._lines = self._shell.run(self._command)
            line = next(self._lines, None)
        except CommandFailed as failed:
            self.exit_status, self._is_over = 1, True
            self.complaint = "".join(f"{each}{self._end}" for each in str(failed).splitlines()).encode()
            return
        if line is None:
            self._is_over = True
        else:
            self._output.add(line + self._end)

    @property
    def is_finished(self) -> bool:
        """Whether everything was printed."""
        return self._is_over and not self._output

    def lost(self) -> None:
        """Print nothing more."""
        self._is_over = True

    def advance(self, now: float) -> None:
        """Do nothing: a command has no timer."""

    def next_deadline(self) -> None:
        """Return that there is no timer."""

    def resized(self, columns: int, rows: int) -> None:
        """Take no notice: a command's output is not broken into lines."""


class Interactive:
    """Lines that come in one after the other, and what each prints. The one that is carried out is asked of no more."""

    def __init__(self, make_shell: MakeShell, limits: ConsoleLimits, is_welcome: Callable[[], bool]) -> None:
        self._make_shell = make_shell
        self._limits = limits
        self._is_welcome = is_welcome
        self._opened_at = self._typed_at = limits.now()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._keys = ""
        self._output = _Output()
        self._lines: Iterator[str] | None = None
        self._is_over = False
        self.when_lost: Callable[[], object] = lambda: None
        self.exit_status = 0
        self.complaint = b""

    def receive(self, data: bytes) -> None:
        """Take what was typed; a break gives up what is being printed, and what was typed ahead of it."""
        if not self._is_welcome():
            self.leave(DISMISSED)
        self._typed_at = self._limits.now()
        self._keys += self._decode(data)
        if self._lines is not None and BREAK in self._keys:
            self._keys = self._keys.rpartition(BREAK)[2]
            self._stop_printing()

    def transmit(self, limit: int) -> bytes:
        """Return what is printed next, and go on to the next line that was typed."""
        while len(self._output) < limit and not self._is_over and self._go_on():
            pass
        return self._output.take(limit)

    def _go_on(self) -> bool:
        """Print one line, or look at what was typed; False when there is nothing to do."""
        if self._lines is not None:
            return self._print_next(self._lines)
        if not self._keys:
            return False
        self._read()
        return True

    def _read(self) -> None:
        """Take no more of the keys than one line."""
        raise NotImplementedError

    def _print_next(self, lines: Iterator[str]) -> bool:
        line = next(lines, None)
        if line is None:
            self._stop_printing()
        else:
            self._print(line)
        return True

    def _print(self, line: str) -> None:
        self._output.add(f"{line}\n")

    def _stop_printing(self) -> None:
        self._lines = None
        self._is_over = self._is_over or self._make_shell().is_finished

    @property
    def wants_input(self) -> bool:
        """Whether more may be typed ahead."""
        return len(self._keys) <= self._limits.line_characters

    @property
    def is_finished(self) -> bool:
        """Whether it is over, and everything was sent."""
        return self._is_over and not self._output

    def lost(self) -> None:
        """Go on with nothing."""
        self.when_lost()
        self._is_over = True
        self._lines = None

    def advance(self, now: float) -> None:
        """End when it is time to."""
        at, limit = min(self._ends(), default=(None, ""))
        if at is not None and now >= at:
            self._limits.exceeded(limit)
            self.leave(IDLE_CLOSED)

    def leave(self, word: str) -> None:
        """End, with a word to who is there."""
        if not self._is_over:
            self._output.add(word.replace("\n", "\r\n"))
        self.lost()

    def next_deadline(self) -> float | None:
        """When it is time to end."""
        return min((at for at, _ in self._ends()), default=None)

    def _ends(self) -> Iterator[tuple[float, str]]:
        """Iterate over when it is time to end, and for which limit, as the settings name it."""
        limits = self._limits
        if limits.idle_seconds:
            yield self._typed_at + limits.idle_seconds, "idle-seconds"
        if limits.total_seconds:
            yield self._opened_at + limits.total_seconds, "session-seconds"

    def resized(self, columns: int, rows: int) -> None:
        """Take no notice."""


class ScriptConsole(Interactive):
    """A shell without a terminal: lines in, output out, and neither echo nor prompt."""

    def _read(self) -> None:
        line, _, self._keys = self._keys.partition("\n")
        self._lines = self._make_shell().feed_line(line.removesuffix("\r"))

    def _go_on(self) -> bool:
        if self._lines is not None or "\n" in self._keys:
            return super()._go_on()
        if len(self._keys) > self._limits.line_characters:  # nobody waits for the end of such a line
            self._limits.exceeded(TOO_LONG)
            self.exit_status, self.complaint, self._is_over = 1, b"error: line is too long.\n", True
        return False
