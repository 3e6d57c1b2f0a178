"""Who tells a test what has happened: the events of the device, and what its clients have sent.

Raw messages are kept in this process alone: they may hold secrets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from lxml import etree

from agent.app.scenario.happenings import tell
from agent.app.scenario.plan import EventMatch
from agent.datastore.errors import RpcError
from agent.datastore.faults import Fault
from agent.datastore.registry import Registry
from agent.netconf.messages import MalformedMessage, parse_document
from agent.netconf.recording import Happening, Recorder

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
OK: Final = ("ok",)


def moment(at: int) -> datetime:
    """Return a device time, in microseconds, as a date and time in UTC."""
    return EPOCH + timedelta(microseconds=at)


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the device: when in its time, what, and its leaves by name.

    Those that are YANG notifications have the name and the leaves of these; a leaf below a container is named by its
    path, as `inbound/new-spi`.
    """

    at: datetime
    name: str
    leaves: Mapping[str, str]

    def matches(self, match: EventMatch) -> bool:
        """Tell whether it is one of those that are meant."""
        return self.name == match.name and all(self.leaves.get(leaf) == value for leaf, value in match.where.items())

    def __str__(self) -> str:
        return " ".join((self.at.isoformat(), self.name, *(f"{leaf}={value}" for leaf, value in self.leaves.items())))


@dataclass(frozen=True, slots=True)
class Request:
    """A message of a client, and what came of it.

    `operation` is the local name of what it asks for, None for a message that is no rpc. `outcome` is ('ok',), or the
    error-tags of the answer; empty as long as there is none. `fault` is the kind of the fault that has struck it.
    """

    at: datetime
    session_id: int
    user: str
    raw: bytes = field(repr=False)
    operation: str | None = None
    outcome: tuple[str, ...] = ()
    fault: str | None = None

    def parse(self) -> etree._Element:
        """Return the message as an element, without comments; ValueError for one that is no XML."""
        try:
            return parse_document(self.raw)
        except MalformedMessage as error:
            raise ValueError(str(error)) from error

    def __str__(self) -> str:
        fault = f" (struck by {self.fault})" if self.fault is not None else ""
        outcome = ", ".join(self.outcome) or "not answered"
        return f"{self.at.isoformat()} {self.user}: {self.operation or 'no rpc'}: {outcome}{fault}"


class Witness(Recorder):
    """Keeps everything that it is told."""

    def __init__(self, registry: Registry) -> None:
        self.events: list[Event] = []
        self.requests: list[Request] = []
        self.heard = 0
        """How many events there were, those included of which nothing is told."""
        self._registry = registry
        self._users: dict[int, str] = {}
        self._last: dict[int, int] = {}

    def opened(self, at: int, session_id: int, user: str, source: str, transport: str, groups: Sequence[str]) -> None:
        """Learn whose session it is."""
        self._users[session_id] = user

    def requested(self, at: int, session_id: int, message: bytes) -> None:
        """Keep a message."""
        self._last[session_id] = len(self.requests)
        self.requests.append(Request(moment(at), session_id, self._users[session_id], message))

    def called(self, at: int, session_id: int, operation: etree._Element) -> None:
        """Add what the message asks for."""
        self._amend(session_id, operation=etree.QName(operation).localname)

    def struck(self, at: int, session_id: int, fault: Fault) -> None:
        """Add that it was struck."""
        self._amend(session_id, fault=fault.rule.kind.value)

    def answered(self, at: int, session_id: int, refused: Sequence[RpcError]) -> None:
        """Add what came of it."""
        self._amend(session_id, outcome=tuple(error.tag for error in refused) or OK)

    def happened(self, event: Happening) -> None:
        """Keep an event."""
        self.heard += 1
        told = tell(event, self._registry)
        if told is not None:
            self.events.append(Event(moment(told.at), told.name, told.leaves))

    def _amend(self, session_id: int, **changes: object) -> None:
        position = self._last[session_id]
        self.requests[position] = replace(self.requests[position], **changes)  # type: ignore[arg-type]


class Search:
    """Looks for an event among those that there are and those that come, each of which it looks at once."""

    def __init__(self, witness: Witness, match: EventMatch, since: int, taken: frozenset[int]) -> None:
        """Begin with the event of the number `since`; those `taken` are meant no more."""
        self._witness = witness
        self._match = match
        self._position = since
        self._taken = taken
        self.found: int | None = None
        """The number of the event, once there is one."""

    def look(self) -> bool:
        """Look at what has come, and return whether it has been found."""
        events = self._witness.events
        while self.found is None and self._position < len(events):
            if self._position not in self._taken and events[self._position].matches(self._match):
                self.found = self._position
            self._position += 1
        return self.found is not None
