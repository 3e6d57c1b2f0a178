"""The datastores of one device and their locks (RFC 8342 section 5, RFC 6241 sections 7.5 and 8.3).

Invariant: a datastore's root is replaced, never changed in place, so a reply that is being sent keeps reading what it
began with. The candidate is one for all sessions; as long as nobody has changed it, it is the running configuration,
whatever becomes of that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from agent.datastore import errors
from agent.datastore.diff import differences
from agent.datastore.partial_locks import PartialLocks
from agent.datastore.registry import Caller
from agent.datastore.tree import Branch

NOBODY: Final = 0
"""What stands for the id of a session where no session is to blame (RFC 6241 section 7.5)."""


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


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """A commit that waits to be confirmed (RFC 6241 section 8.4): what running goes back to otherwise, and when.

    `by` made it; only the session `session_id`, NOBODY if that is over, can confirm it, or whoever knows the `token`.
    `deadline` is in seconds of management time.
    """

    before: Branch
    by: Caller
    session_id: int
    token: str | None
    deadline: float


class Stores:
    """The datastores that this server has: running, candidate and startup."""

    def __init__(
        self,
        now: Callable[[], int],
        keep_startup: Callable[[Branch], None] = lambda root: None,
        keep_rollback: Callable[[Branch | None], None] = lambda root: None,
    ) -> None:
        """Start empty; `now` gives device time in microseconds, `keep_startup` keeps what a restart begins with.

        `keep_rollback` keeps what a restart begins with instead while a commit waits to be confirmed; None: no more.
        Both raise OSError when they cannot.
        """
        self.keep_rollback = keep_rollback
        self.unconfirmed: Unconfirmed | None = None
        self.partial_locks = PartialLocks(now)
        self._now = now
        self._keep_startup = keep_startup
        self._running = Branch(None)
        self._candidate: Branch | None = None
        self._startup = Branch(None)
        self._locks: dict[Datastore, Lock] = {}

    @property
    def names(self) -> tuple[Datastore, ...]:
        """The datastores that exist."""
        return tuple(Datastore)

    @property
    def running(self) -> Branch:
        """The configuration in use."""
        return self._running

    @property
    def is_candidate_changed(self) -> bool:
        """Whether the candidate differs from the running configuration."""
        if self._candidate is None:
            return False
        return next(differences(self._running, self._candidate), None) is not None

    def root(self, datastore: Datastore) -> Branch:
        """Return the content of a datastore."""
        if datastore is Datastore.CANDIDATE and self._candidate is not None:
            return self._candidate
        return self._startup if datastore is Datastore.STARTUP else self._running

    def replace(self, datastore: Datastore, root: Branch) -> None:
        """Put new content in a datastore's place; OSError, and nothing has changed, when startup cannot be kept."""
        if datastore is Datastore.RUNNING:
            self._running = root
        elif datastore is Datastore.CANDIDATE:
            self._candidate = root
        else:
            self._keep_startup(root)
            self._startup = root

    def discard_candidate(self) -> None:
        """Make the candidate what running is, and what it will be (RFC 6241 section 8.3.4.2)."""
        self._candidate = None

    def restore_startup(self, root: Branch) -> None:
        """Begin with a startup datastore that is kept already."""
        self._startup = root

    def lock_of(self, datastore: Datastore) -> Lock | None:
        """Return the lock of a datastore, if it is locked."""
        return self._locks.get(datastore)

    def lock(self, datastore: Datastore, session_id: int) -> None:
        """Lock for a session (RFC 6241 section 7.5).

        lock-denied when any session, this one too, holds the lock; for a candidate with changes that nobody has
        committed; and for running while parts of it are locked, or another session has a commit to confirm.
        """
        held = self._locks.get(datastore)
        if held is not None:
            raise errors.lock_denied(f"session {held.session_id} holds the lock of {datastore.value}", held.session_id)
        if datastore is Datastore.CANDIDATE and self.is_candidate_changed:
            raise errors.lock_denied("the candidate has changes: commit or discard them", NOBODY)
        if datastore is Datastore.RUNNING and (part := next(iter(self.partial_locks), None)) is not None:
            raise errors.lock_denied(f"session {part.session_id} has locked a part of running", part.session_id)
        waiting = self.unconfirmed if datastore is Datastore.RUNNING else None
        if waiting is not None and waiting.session_id != session_id:
            raise errors.lock_denied("a commit waits to be confirmed", waiting.session_id)
        self._locks[datastore] = Lock(session_id, self._now())

    def unlock(self, datastore: Datastore, session_id: int) -> None:
        """Release a session's lock; RpcError when there is none or another session holds it (RFC 6241 section 7.6)."""
        held = self._locks.get(datastore)
        if held is None:
            raise errors.operation_failed(f"{datastore.value} is not locked")
        if held.session_id != session_id:
            raise errors.lock_denied(f"session {held.session_id} holds the lock of {datastore.value}", held.session_id)
        self._unlock(datastore)

    def release(self, session_id: int) -> None:
        """Release every lock of a session that ended."""
        self.partial_locks.release(session_id)
        for datastore in [datastore for datastore, lock in self._locks.items() if lock.session_id == session_id]:
            self._unlock(datastore)

    def _unlock(self, datastore: Datastore) -> None:
        """Release a lock; the candidate's takes with it what is not committed (RFC 6241 section 8.3.5.2)."""
        del self._locks[datastore]
        if datastore is Datastore.CANDIDATE:
            self.discard_candidate()

    def require_unlocked(self, datastore: Datastore, session_id: int) -> None:
        """Raise in-use where another session has locked a datastore (RFC 6241 section 7.5)."""
        held = self._locks.get(datastore)
        if held is not None and held.session_id != session_id:
            raise errors.in_use(f"session {held.session_id} has locked {datastore.value}")
