"""The audit log: who has done what, from where, and what came of it; one JSON object in a line.

Everybody who is let in or leaves is in it, who is refused at the door, and every request but those that only read, and
of these the refused ones. Invariants: no value of the configuration is in it, secret or not; what is changed stands by
its path. A line is handed to the system before the request is answered, so that no kill of the process loses it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree

from agent.app.rotation import RotatingFile
from agent.app.scenario.happenings import tell
from agent.datastore.changes import ConfigurationChanged, ConfirmedCommitProgressed
from agent.datastore.date_and_time import date_and_time
from agent.datastore.errors import RpcError
from agent.datastore.registry import Registry
from agent.netconf.base_notifications import SessionEnded
from agent.netconf.recording import Happening, Recorder
from agent.transport.endpoint import Timed

FILE_NAME: Final = "audit.jsonl"
COMMAND: Final = "command"
"""The RPC of Junos that takes a line."""
MALFORMED: Final = "malformed"
"""What stands for the operation of a message that holds none."""
GAP: Final = "lines-lost"
"""What stands for the operation where lines before could not be written: how many."""
MAXIMUM_TEXT: Final = 256
"""How many characters of a name that a client has made up are written."""
_BASE: Final = "{urn:ietf:params:xml:ns:netconf:base:1.0}"
_READING: Final = frozenset({"get", "get-config", "get-data", "get-schema", "compare"})
_READING_PREFIXES: Final = ("get-", "show-")
_SHOWING: Final = ("show", "help", "?")


@dataclass(slots=True)
class _Session:
    """Who is at the other end, and what was asked last."""

    user: str
    source: str
    transport: str
    asked: etree._Element | None = None
    """The operation of the request that is being carried out; None for a message that holds none."""


class Audit(Recorder):
    """Writes the audit log of one server after the other."""

    def __init__(self, file: RotatingFile, registry: Registry, now: Callable[[], int], *, reads: bool = False) -> None:
        """Write to a file; `now` gives wall time in microseconds since the Unix epoch."""
        self.file = file
        self._registry = registry
        self._now = now
        self._reads = reads
        self._sessions: dict[int, _Session] = {}
        self._told_of = 0
        """How many lost lines have been told of in the log itself."""

    def opened(self, at: int, session_id: int, user: str, source: str, transport: str, groups: Sequence[str]) -> None:
        """Write down who was let in."""
        session = self._sessions[session_id] = _Session(user, source, transport)
        self._write(at, session, session_id, "login", {"result": "ok"})

    def refused_login(self, timed: Timed, user: str, source: str, transport: str) -> None:
        """Write down who was not let in, whose password was wrong or whose certificate was of no use.

        `user` is who they said they were, "" for nobody; `timed` knows what device time it is.
        """
        self._write(timed.now, _Session(user, source, transport), 0, "login", {"result": "access-denied"})

    def requested(self, at: int, session_id: int, message: bytes) -> None:
        """Forget what was asked before."""
        session = self._sessions.get(session_id)
        if session is not None:
            session.asked = None

    def called(self, at: int, session_id: int, operation: etree._Element) -> None:
        """Keep in mind what is asked for."""
        session = self._sessions.get(session_id)
        if session is not None:
            session.asked = operation

    def answered(self, at: int, session_id: int, refused: Sequence[RpcError]) -> None:
        """Write down a request, now that it is known what comes of it."""
        session = self._sessions.get(session_id)
        if session is None:
            return
        asked, session.asked = session.asked, None
        name = MALFORMED if asked is None else _local_name(asked)
        if not refused and not self._reads and name in _READING:
            return
        target = "" if asked is None else _target(asked)
        if refused and name == COMMAND:
            target = target.partition(" ")[0]  # what is no command may be anything, a line with a secret in it, too
        if refused or self._reads or not _only_reads(name, target):
            self._write(at, session, session_id, name[:MAXIMUM_TEXT], {"target": target, **_result(refused)})

    def acted(self, at: int, user: str, operation: bytes, refused: Sequence[RpcError]) -> None:
        """Write down what the scenario had done."""
        name = _local_name(etree.fromstring(operation))
        self._write(at, _Session(user, "", "scenario"), 0, name, _result(refused))

    def commanded(self, at: int, user: str, source: str, groups: Sequence[str], line: str, *, is_refused: bool) -> None:
        """Write down a line that was typed at the prompt, or given to `ssh`."""
        words = " ".join(line.split())[:MAXIMUM_TEXT]
        if is_refused or self._reads or not _only_reads(COMMAND, words):
            target = words.partition(" ")[0] if is_refused else words
            result = "refused" if is_refused else "ok"
            self._write(at, _Session(user, source, "cli"), 0, COMMAND, {"target": target, "result": result})

    def happened(self, event: Happening) -> None:
        """Write down what was changed by a commit or its undoing, and who has left."""
        if isinstance(event, SessionEnded):
            session = self._sessions.pop(event.caller.session_id, None)
            if session is not None:
                self._write(event.at, session, event.caller.session_id, "logout", {"result": event.reason.value})
        elif isinstance(event, (ConfigurationChanged, ConfirmedCommitProgressed)):
            self._changed(event)

    def _changed(self, event: ConfigurationChanged | ConfirmedCommitProgressed) -> None:
        told = tell(event, self._registry)
        by = event.by
        session = self._sessions.get(by.session_id) if by is not None else None
        if told is not None:
            who = session or _Session(by.user if by is not None else "", "", "server")
            leaves = {name: value for name, value in told.leaves.items() if name not in _ABOUT_WHOM}
            self._write(event.at, who, by.session_id if by is not None else 0, told.name, leaves)

    def _write(self, at: int, session: _Session, session_id: int, what: str, more: dict[str, str]) -> None:
        line = {
            "time": date_and_time(self._now()),
            "device-time": date_and_time(at),
            "user": session.user[:MAXIMUM_TEXT],
            "source": session.source,
            "transport": session.transport,
            "session": session_id,
            "operation": what,
            **{key: value for key, value in more.items() if value},
        }
        if self.file.write(_encoded(line)) and self.file.lost > self._told_of:
            lost, self._told_of = self.file.lost - self._told_of, self.file.lost
            gap = {"user": "", "source": "", "transport": "server", "session": 0, "operation": GAP, "lines": lost}
            self.file.write(_encoded({"time": line["time"], "device-time": line["device-time"], **gap}))


_ABOUT_WHOM: Final = frozenset(
    f"{prefix}{name}" for prefix in ("", "changed-by/") for name in ("username", "session-id", "source-host")
)


def _encoded(line: Mapping[str, object]) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode("ascii") + b"\n"


def _only_reads(operation: str, command: str) -> bool:
    """Tell whether an operation changes nothing; that of a command is told by its first word."""
    if operation == COMMAND:
        return command.split(" ")[0] in _SHOWING
    return operation in _READING or operation.startswith(_READING_PREFIXES)


def _local_name(element: etree._Element) -> str:
    return element.tag.rpartition("}")[2]


def _target(operation: etree._Element) -> str:
    """Return what an operation is about: a datastore by its name, a command by its words, a session by its id."""
    if _local_name(operation) == COMMAND:
        return " ".join((operation.text or "").split())[:MAXIMUM_TEXT]
    for name in ("target", "source", "session-id"):
        found = operation.find(f"{_BASE}{name}")
        if found is not None:
            inner = next(found.iterchildren(etree.Element), None)
            text = found.text if inner is None else _local_name(inner)
            return (text or "").strip()[:MAXIMUM_TEXT]
    return ""


def _result(refused: Sequence[RpcError]) -> dict[str, str]:
    """Return the outcome. Tags alone: the message of an error may repeat a value that is a secret."""
    return {"result": "ok"} if not refused else {"result": refused[0].tag, "app-tag": refused[0].app_tag or ""}
