"""Locks of parts of the running configuration (RFC 5717).

What a lock covers is settled when it is granted: the nodes that its expressions selected then, by name, and all that is
or will be below them. A node that its session deletes stays covered, so that nobody else puts another in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from agent.datastore import errors
from agent.datastore.diff import differences
from agent.datastore.errors import InstancePath, RpcErrors
from agent.datastore.tree import Branch

MAXIMUM_ID: Final = 2**32 - 1
MAXIMUM_HELD: Final = 64
"""How many locks a session has at a time."""


@dataclass(frozen=True, slots=True)
class PartialLock:
    """Who holds a lock of which nodes and since when (device time in microseconds).

    `selects` are the canonical expressions that it was asked for with.
    """

    id: int
    session_id: int
    locked_at: int
    selects: tuple[str, ...]
    nodes: tuple[InstancePath, ...]

    def covers(self, path: InstancePath) -> bool:
        """Tell whether a change of a node is one of what is locked.

        A new order of a list, which is the list's path without keys, changes every entry of it.
        """
        for locked in self.nodes:
            if path[: len(locked)] == locked:
                return True
            is_list = bool(path) and not path[-1].keys and path[-1].node.ordered_by_user
            if is_list and locked[: len(path) - 1] == path[:-1] and locked[len(path) - 1].node is path[-1].node:
                return True
        return False

    def overlaps(self, nodes: Sequence[InstancePath]) -> bool:
        """Tell whether any of the nodes is locked, or is above one that is."""
        return any(mine[: len(other)] == other or other[: len(mine)] == mine for mine in self.nodes for other in nodes)


class PartialLocks:
    """The partial locks of one running configuration."""

    def __init__(self, now: Callable[[], int]) -> None:
        """Start with none; `now` gives device time in microseconds."""
        self._now = now
        self._held: dict[int, PartialLock] = {}
        self._last_id = 0

    def __iter__(self) -> Iterator[PartialLock]:
        return iter(tuple(self._held.values()))

    def grant(self, session_id: int, selects: Sequence[str], nodes: Sequence[InstancePath]) -> PartialLock:
        """Lock nodes for a session.

        RpcErrors, lock-denied, where other sessions have locked any of it; resource-denied for one lock too many.
        """
        if sum(held.session_id == session_id for held in self) >= MAXIMUM_HELD:
            raise errors.resource_denied(f"a session has {MAXIMUM_HELD} partial locks at most")
        others = {held.session_id: held for held in self if held.session_id != session_id and held.overlaps(nodes)}
        if others:
            message = "session {} has locked some of it"
            raise RpcErrors(errors.lock_denied(message.format(other), other) for other in others)
        self._last_id = self._last_id % MAXIMUM_ID + 1
        lock = PartialLock(self._last_id, session_id, self._now(), tuple(selects), tuple(nodes))
        self._held[lock.id] = lock
        return lock

    def unlock(self, lock_id: int, session_id: int) -> bool:
        """Give a lock up; False where the session has none with this id."""
        held = self._held.get(lock_id)
        if held is None or held.session_id != session_id:
            return False
        del self._held[lock_id]
        return True

    def release(self, session_id: int) -> None:
        """Give up every lock of a session that ended."""
        self._held = {lock.id: lock for lock in self if lock.session_id != session_id}

    def require_free(self, session_id: int, before: Branch, after: Branch) -> None:
        """Raise in-use where a change of the configuration is one of what other sessions have locked."""
        others = [held for held in self if held.session_id != session_id]
        if not others:
            return
        for difference in differences(before, after):
            for held in others:
                if held.covers(difference.path):
                    raise errors.in_use(f"session {held.session_id} has locked this", difference.path)
