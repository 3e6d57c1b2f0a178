"""Journals run again: what the clients sent and typed, at its recorded device times, to a gateway of the same scenario.

What only the wall clock could tell, that a session timed out or that nobody confirmed a commit in time, is taken from
the journal; so is that a client went away. Everything else must come about by itself, and to the byte.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from agent.app.errors import AppError
from agent.app.router import PROMPT, open_shell
from agent.app.running import Gateway
from agent.app.scenario.journal import VERSION, secrets_path
from agent.app.scenario.masking import load_secrets, unmask
from agent.app.scenario.performing import HAND, act
from agent.datastore.date_and_time import microseconds
from agent.netconf.capabilities import BASE_1_1
from agent.netconf.framing import END_OF_MESSAGE
from agent.netconf.messages import BASE_NAMESPACE, parse_document
from agent.netconf.server import Client
from agent.netconf.session import NetconfSession

BASE_1_0: Final = "urn:ietf:params:netconf:base:1.0"
READ_AT_ONCE: Final = 65_536
FOREVER: Final = float("inf")

Line = Mapping[str, Any]


class BadJournal(AppError):
    """A file that is no journal, or one that cannot be run again; the message says why."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Recorded:
    """A journal that was read: its first line, the others, and the secrets that they refer to."""

    text: str
    first: Line
    lines: Sequence[Line]
    secrets: Mapping[str, str]

    @property
    def start(self) -> int:
        """The device time at which it begins, in microseconds."""
        return microseconds(self.first["start"])


def read_journal(path: Path) -> Recorded:
    """Read a journal and its secrets; BadJournal, OSError."""
    try:
        text = path.read_text("ascii")
        first, *lines = (json.loads(line) for line in text.splitlines())
        recorded = Recorded(text, first, lines, load_secrets(secrets_path(path)))
        if first["journal"] != VERSION or not first["repeatable"]:
            raise BadJournal(f"{path}: this run cannot be repeated")
    except (ValueError, KeyError, TypeError) as error:
        raise BadJournal(f"{path}: this is no journal: {error}") from error
    return recorded


class Replay:
    """The inputs of a journal, given to a gateway again."""

    def __init__(self, recorded: Recorded, gateway: Gateway) -> None:
        """Begin with a gateway that has just been booted from the same scenario."""
        self._recorded = recorded
        self._gateway = gateway
        self._sessions: dict[int, NetconfSession] = {}
        self._is_chunked: dict[int, bool] = {}
        self._position = 0
        gateway.today = self._next_start

    def run(self) -> None:
        """Give every input at its time, and go on to the end."""
        inputs: Mapping[str, Callable[[Any], None]] = {
            "session": self._open,
            "hello": self._greet,
            "request": self._send,
            "reply": lambda reply: self._pull(reply["session"]),
            "command": self._type,
            "end": lambda end: None,
        }
        for position, line in enumerate(self._recorded.lines):
            self._position = position
            kind = next((each for each in inputs if each in line), None)
            try:
                if kind is not None:
                    self._advance(microseconds(line["at"]))
                    inputs[kind](line[kind])
                elif line.get("action", {}).get("user") == HAND:
                    self._advance(microseconds(line["at"]))
                    act(self._gateway.server, parse_document(self._unmasked(line["action"]["operation"])))
                elif line.get("event") in ("netconf-session-end", "netconf-confirmed-commit"):
                    self._on_told(line)
            except KeyError as error:
                raise BadJournal(f"line {position + 2} of the journal lacks {error}") from error

    def _next_start(self) -> int:
        """Return when the scenario began that was loaded next; any time will do for one that was refused."""
        later = self._recorded.lines[self._position :]
        return next((microseconds(line["loaded"]["start"]) for line in later if "loaded" in line), 0)

    def _advance(self, to: int) -> None:
        """Move time as the driver does: what is asked for at full speed is told as soon as it is there."""
        gateway = self._gateway
        while (goal := gateway.goal) is not None and gateway.now <= goal <= to:
            gateway.advance(goal)
        if to > gateway.now:
            gateway.advance(to)

    def _open(self, client: Line) -> None:
        given = Client(client["user"], client["source"], client["transport"], tuple(client["groups"]))
        self._sessions[client["id"]] = self._gateway.server.open_session(given, lambda: None)

    def _greet(self, hello: Line) -> None:
        chunked = hello["base"] == "1.1"
        capability = f"<capability>{BASE_1_1 if chunked else BASE_1_0}</capability>"
        message = f'<hello xmlns="{BASE_NAMESPACE}"><capabilities>{capability}</capabilities></hello>'
        self._is_chunked[hello["session"]] = chunked
        self._sessions[hello["session"]].receive(message.encode() + END_OF_MESSAGE)
        self._pull(hello["session"])

    def _send(self, request: Line) -> None:
        content = self._unmasked(request["message"])
        chunked = self._is_chunked[request["session"]]
        frame = b"\n#%d\n%b\n##\n" % (len(content), content) if chunked else content + END_OF_MESSAGE
        self._sessions[request["session"]].receive(frame)
        self._pull(request["session"])

    def _type(self, command: Line) -> None:
        """Give a line at the prompt, and read all that it prints."""
        client = Client(command["user"], command["source"], PROMPT, tuple(command["groups"]))
        shell = open_shell(self._gateway.server, client)
        deque(shell.feed_line(self._unmasked(command["line"]).decode("utf-8", "surrogateescape")), maxlen=0)

    def _unmasked(self, text: str) -> bytes:
        return unmask(text, dict(self._recorded.secrets)).encode("utf-8", "surrogateescape")

    def _on_told(self, line: Line) -> None:
        """Let come about what the clock of the wall, or the client, brought about."""
        leaves = line["leaves"]
        if line["event"] == "netconf-confirmed-commit":
            if leaves["confirm-event"] == "timeout":
                self._advance(microseconds(line["at"]))
                self._gateway.server.changes.advance(FOREVER)
            return
        session = self._sessions[int(leaves["session-id"])]
        end: Mapping[str, Callable[[], None]] = {
            "dropped": session.lost,
            "timeout": lambda: session.advance(FOREVER),
            "bad-hello": lambda: _spoil(session),
        }
        if leaves["termination-reason"] in end and not session.is_finished:
            self._advance(microseconds(line["at"]))
            end[leaves["termination-reason"]]()

    def _pull(self, session_id: int) -> None:
        """Read what a session has to say, and at once what a fault holds back."""
        session = self._sessions[session_id]
        while session.transmit(READ_AT_ONCE) or session.release():
            pass


def _spoil(session: NetconfSession) -> None:
    """Say no hello."""
    session.receive(b"<none/>" + END_OF_MESSAGE)
    session.transmit(READ_AT_ONCE)


def first_difference(expected: str, found: str) -> int | None:
    """Return the number of the first line that differs, from 1 on; None for the same bytes."""
    if expected == found:
        return None
    pairs = enumerate(zip(expected.splitlines(), found.splitlines(), strict=False), start=1)
    both = min(expected.count("\n"), found.count("\n"))
    return next((number for number, (one, other) in pairs if one != other), both + 1)
