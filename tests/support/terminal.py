"""A terminal: what is on it after what was sent to it, and a person who types at a prompt."""

from __future__ import annotations

import re
from collections.abc import Callable

from agent.app.consoles import Consoles
from agent.app.settings import User
from agent.app.users import Users
from agent.transport.endpoint import Console, ConsoleRequest, Peer, Terminal
from tests.support.chapter import Emulation

SEQUENCE = re.compile(r"\x1b\[(\d*)([ABCD])|([\r\n\b\a])|([^\x1b\r\n\b\a]+)")
TRANSMIT_BYTES = 1000


class Screen:
    """The lines of a terminal that forgets none; knows what the line editor sends, and nothing else."""

    def __init__(self) -> None:
        self.lines: list[str] = [""]
        self.bells = 0
        self._row = 0
        self._column = 0

    def write(self, text: str) -> None:
        """Show text, and move the cursor as it says."""
        at = 0
        while at < len(text):
            found = SEQUENCE.match(text, at)
            assert found is not None, f"not understood: {text[at : at + 20]!r}"
            at = found.end()
            if found[2]:
                self._move(int(found[1] or 1), found[2])
            elif found[3]:
                self._control(found[3])
            else:
                self._print(found[4])

    def _move(self, by: int, direction: str) -> None:
        self._row += {"A": -by, "B": by}.get(direction, 0)
        self._column += {"C": by, "D": -by}.get(direction, 0)
        assert self._row >= 0, "above the first line"
        assert self._column >= 0, "left of the first column"

    def _control(self, character: str) -> None:
        if character == "\r":
            self._column = 0
        elif character == "\b":
            self._column -= 1
        elif character == "\a":
            self.bells += 1
        else:
            self._row += 1
            if self._row == len(self.lines):
                self.lines.append("")

    def _print(self, text: str) -> None:
        line = self.lines[self._row].ljust(self._column)
        self.lines[self._row] = line[: self._column] + text + line[self._column + len(text) :]
        self._column += len(text)

    @property
    def text(self) -> str:
        """What is on it, without the blanks at the ends of lines."""
        return "\n".join(line.rstrip() for line in self.lines)


class Typist:
    """Somebody at a prompt of a gateway of their own."""

    def __init__(
        self,
        emulation: Emulation,
        user: str = "admin",
        rows: int = 24,
        columns: int = 100,
        command: str | None = None,
        has_terminal: bool = True,
    ) -> None:
        self.screen = Screen()
        self.now = 0.0
        self.users = Users([User(name) for name in ("admin", "operator", "guest")])
        self.make = Consoles(emulation.gateway, self.users, lambda: None, lambda: self.now)
        terminal = Terminal("xterm", columns, rows) if has_terminal else None
        peer = Peer(user, "192.0.2.1", 50000, "netconf-ssh")
        self.console: Console = self.make(peer, ConsoleRequest(command, terminal), lambda: None)
        self.read()

    def read(self) -> str:
        """Return what the prompt sends now, all of it."""
        sent = b""
        while data := self.console.transmit(TRANSMIT_BYTES):
            sent += data
        text = sent.decode()
        self.screen.write(text)
        return text

    def type(self, *keys: str) -> str:
        """Press keys, one group after the other, and return what is sent for the last."""
        sent = ""
        for each in keys:
            self.console.receive(each.encode())
            sent = self.read()
        return sent

    def shown_by(self, action: Callable[[], object]) -> list[str]:
        """Return the lines that come onto the screen by something, that with the cursor first."""
        before = len(self.screen.lines) - 1
        action()
        return self.screen.text.split("\n")[before:]
