"""The datastores of one device and their locks (RFC 8342 section 5, RFC 6241 section 7.5).

Invariant: a datastore's root is replaced, never changed in place, so a reply that is being sent keeps reading what it
began with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from agent.datastore import errors
from agent.datastore.tree import Branch


class Datastore(Enum):
    """A datastore by the name that RFC 6241 gives it."""

    RUNNING = "running"
    CANDIDATE = "candidate"
    STARTUP = "startup"


@dataclass(frozen=True, slots=True)
class Lock:
    """Who holds a datastore's lock and since when (device time in microseconds)."""

    session_id: int
    locked_at: int


class Stores:
    """The datastores that this server has: running and startup."""

    def __init__(self, now: Callable[[], int], keep_startup: Callable[[Branch], None] = lambda root: None) -> None:
        """Start empty; `now` gives device time in microseconds, `keep_startup` keeps what a restart begins with."""
        self._now = now
        self._keep_startup = keep_startup
        self._roots = {Datastore.RUNNING: Branch(None), Datastore.STARTUP: Branch(None)}
        self._locks: dict[Datastore, Lock] = {}

    @property
    def names(self) -> tuple[Datastore, ...]:
        """The datastores that exist."""
        return tuple(self._roots)

    @property
    def running(self) -> Branch:
        """The configuration in use."""
        return self._roots[Datastore.RUNNING]

    def root(self, datastore: Datastore) -> Branch:
        """Return the content of a datastore; KeyError when this server does not have it."""
        return self._roots[datastore]

    def replace(self, datastore: Datastore, root: Branch) -> None:
        """Put new content in a datastore's place; OSError, and nothing has changed, when startup cannot be kept."""
        if datastore is Datastore.STARTUP:
            self._keep_startup(root)
        self._roots[datastore] = root

    def restore_startup(self, root: Branch) -> None:
        """Begin with a startup datastore that is kept already."""
        self._roots[Datastore.STARTUP] = root

    def lock_of(self, datastore: Datastore) -> Lock | None:
        """Return the lock of a datastore, if it is locked."""
        return self._locks.get(datastore)

    def lock(self, datastore: Datastore, session_id: int) -> None:
        """Lock for a session; lock-denied when any session, this one too, holds the lock."""
        held = self._locks.get(datastore)
        if held is not None:
            raise errors.lock_denied(f"session {held.session_id} holds the lock of {datastore.value}", held.session_id)
        self._locks[datastore] = Lock(session_id, self._now())

    def unlock(self, datastore: Datastore, session_id: int) -> None:
        """Release a session's lock; RpcError when there is none or another session holds it (RFC 6241 section 7.6)."""
        held = self._locks.get(datastore)
        if held is None:
            raise errors.operation_failed(f"{datastore.value} is not locked")
        if held.session_id != session_id:
            raise errors.lock_denied(f"session {held.session_id} holds the lock of {datastore.value}", held.session_id)
        del self._locks[datastore]

    def release(self, session_id: int) -> None:
        """Release every lock of a session that ended."""
        self._locks = {store: lock for store, lock in self._locks.items() if lock.session_id != session_id}
