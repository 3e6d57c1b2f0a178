"""Who follows a server from within: journals, and whoever wants to know what a client has sent.

Everything is told in the order in which it happens, with the device time in microseconds, before anything that follows
from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lxml import etree

from agent.datastore.errors import RpcError
from agent.datastore.faults import Fault


class Happening(Protocol):
    """Something that happened; `at` is device time in microseconds."""

    @property
    def at(self) -> int:
        """When it happened."""


class Recorder:
    """Is told of everything; does nothing about what it has no method of its own for."""

    follows = True
    """Whether it is told of the server, too, that takes this one's place."""

    def opened(self, at: int, session_id: int, user: str, source: str, transport: str, groups: Sequence[str]) -> None:
        """Learn that a client has been let in; `groups` are those that the transport knows of."""

    def greeted(self, at: int, session_id: int, *, is_chunked: bool) -> None:
        """Learn that hellos have been exchanged, and whether messages come in chunks from now on."""

    def requested(self, at: int, session_id: int, message: bytes) -> None:
        """Learn of a message, as it came, that is about to be carried out or refused."""

    def called(self, at: int, session_id: int, operation: etree._Element) -> None:
        """Learn which operation the message before asks for; of one that holds none nothing is told here."""

    def struck(self, at: int, session_id: int, fault: Fault) -> None:
        """Learn that a fault on purpose strikes the message before."""

    def answered(self, at: int, session_id: int, refused: Sequence[RpcError]) -> None:
        """Learn what is answered to the message before: errors, or none."""

    def acted(self, at: int, user: str, operation: bytes, refused: Sequence[RpcError]) -> None:
        """Learn of an operation, as XML, that the scenario had carried out for a user, and of what came of it."""

    def loaded(self, at: int, start: int) -> None:
        """Learn that the device has become that of another scenario, which began at a device time of its own."""

    def commanded(self, at: int, user: str, source: str, groups: Sequence[str], line: str, *, is_refused: bool) -> None:
        """Learn of a line that somebody has typed at another door, and whether it was refused."""

    def happened(self, event: Happening) -> None:
        """Learn of an event of the device or of the server."""
