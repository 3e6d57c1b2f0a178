"""Locks of parts of the running configuration (RFC 5717).

What a lock covers is settled when it is granted: the nodes that its expressions selected then, by name, and all that is
or will be below them. A node that its session deletes stays covered, so that nobody else puts another in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent.datastore import errors
from agent.datastore.diff import differences
from agent.datastore.errors import InstancePath, RpcErrors
from agent.datastore.tree import Branch

MAXIMUM_ID: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class PartialLock:
    """Who holds a lock of which nodes and since when (device time in microseconds).

    `selects` are the canonical expressions that it was asked for with, `nodes` in the order of the datastore.
    """

    id: int
    session_id: int
    locked_at: int
    selects: tuple[str, ...]
    nodes: Mapping[InstancePath, None]

    def covers(self, path: InstancePath) -> bool:
        """Tell whether a change of a node is one of what is locked.

        A new order of a list, which is the list's path without keys, changes every entry of it.
        """
        if _is_within(path, self.nodes):
            return True
        if not path or path[-1].keys or not path[-1].node.ordered_by_user:
            return False
        last = len(path) - 1
        return any(locked[:last] == path[:-1] and locked[last].node is path[-1].node for locked in self.nodes)

    def overlaps(self, nodes: Collection[InstancePath]) -> bool:
        """Tell whether any of the nodes is locked, or is above one that is."""
        return any(_is_within(each, self.nodes) for each in nodes) or any(
            _is_within(each, nodes) for each in self.nodes
        )


def _is_within(path: InstancePath, nodes: Collection[InstancePath]) -> bool:
    """Tell whether a node is one of some, or below one of them."""
    return any(path[:steps] in nodes for steps in range(len(path) + 1))


class PartialLocks:
    """The partial locks of one running configuration."""

    def __init__(self, now: Callable[[], int]) -> None:
        """Start with none; `now` gives device time in microseconds."""
        self._now = now
        self._held: dict[int, PartialLock] = {}
        self._last_id = 0

    def __iter__(self) -> Iterator[PartialLock]:
        return iter(tuple(self._held.values()))

    def count(self, session_id: int) -> int:
        """Return how many locks a session has."""
        return sum(held.session_id == session_id for held in self)

    def grant(self, session_id: int, selects: Sequence[str], nodes: Sequence[InstancePath]) -> PartialLock:
        """Lock nodes for a session; RpcErrors, lock-denied, where other sessions have locked any of it."""
        wanted = dict.fromkeys(nodes)
        others = {held.session_id: held for held in self if held.session_id != session_id and held.overlaps(wanted)}
        if others:
            message = "session {} has locked some of it"
            raise RpcErrors(errors.lock_denied(message.format(other), other) for other in others)
        self._last_id = self._last_id % MAXIMUM_ID + 1
        lock = PartialLock(self._last_id, session_id, self._now(), tuple(selects), wanted)
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
