"""Commands over SSH without a terminal: a single one, and the lines of a script (RFC 4254 section 6.5).

Both are sessions without I/O, as those of NETCONF are. Invariants: output is made when it is asked for, so a display of
any size takes no memory; what comes in meanwhile waits its turn; nothing but the command grammar is ever carried out.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from agent.junos.shell import CommandFailed, Shell

TYPE_AHEAD_CHARACTERS: Final = 4096
"""How much may wait that was typed ahead."""
BREAK: Final = "\x03"
"""Ctrl-C."""
IDLE_CLOSED: Final = "\nclosed: nothing was typed for too long\n"

MakeShell = Callable[[], Shell]
"""Returns the shell of a client: another one when the device has become another one."""


@dataclass(frozen=True, slots=True)
class ConsoleTimers:
    """Management time in monotonic seconds, and how long a prompt stays open; 0 for ever."""

    now: Callable[[], float]
    idle_seconds: float = 0
    total_seconds: float = 0


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

    def __init__(self, make_shell: MakeShell, timers: ConsoleTimers, is_welcome: Callable[[], bool]) -> None:
        self._make_shell = make_shell
        self._timers = timers
        self._is_welcome = is_welcome
        self._opened_at = self._typed_at = timers.now()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._keys = ""
        self._output = _Output()
        self._lines: Iterator[str] | None = None
        self._is_over = False
        self.exit_status = 0
        self.complaint = b""

    def receive(self, data: bytes) -> None:
        """Take what was typed; a break gives up what is being printed, and what was typed ahead of it."""
        if not self._is_welcome():
            self.lost()
        self._typed_at = self._timers.now()
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
        return len(self._keys) < TYPE_AHEAD_CHARACTERS

    @property
    def is_finished(self) -> bool:
        """Whether it is over, and everything was sent."""
        return self._is_over and not self._output

    def lost(self) -> None:
        """Go on with nothing."""
        self._is_over = True
        self._lines = None

    def advance(self, now: float) -> None:
        """End when it is time to."""
        deadline = self.next_deadline()
        if deadline is not None and now >= deadline:
            self._output.add(IDLE_CLOSED.replace("\n", "\r\n"))
            self.lost()

    def next_deadline(self) -> float | None:
        """When it is time to end."""
        timers = self._timers
        ends = [self._typed_at + timers.idle_seconds] if timers.idle_seconds else []
        ends += [self._opened_at + timers.total_seconds] if timers.total_seconds else []
        return min(ends, default=None)

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
        self._is_over = len(self._keys) >= TYPE_AHEAD_CHARACTERS  # a line that is too long to have an end
        return False
