"""RFC 6241 sections 7.5, 7.6, 8.3 and 8.4, and RFC 5717, over a dictionary: what two sessions may do.

An independent reading. A configuration is a shop's leaves; 'moon' is a name that no shop can have. Every action gives
the error tag that it meets, '' for none.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias

Config: TypeAlias = "dict[str, str]"
Token: TypeAlias = "str | None"
RUNNING, CANDIDATE = "running", "candidate"


@dataclass(frozen=True)
class Waiting:
    """A confirmed commit: `session` is 0 once the session that made it is over."""

    before: Config
    session: int
    token: Token
    deadline: float


@dataclass
class Model:
    """What a server is to do."""

    running: Config
    candidate: Config | None = None
    locks: dict[str, int] = field(default_factory=dict)
    parts: list[tuple[int, str]] = field(default_factory=list)
    """Who has locked which leaf of running, the oldest first."""
    waiting: Waiting | None = None
    now: float = 0.0

    @property
    def shown_candidate(self) -> Config:
        """What is read from the candidate."""
        return self.running if self.candidate is None else self.candidate

    def _is_kept_out(self, session: int, *datastores: str) -> bool:
        return any(self.locks.get(datastore, session) != session for datastore in datastores)

    def edit(self, session: int, datastore: str, leaf: str, value: str) -> str:
        """Set one leaf."""
        if self._is_kept_out(session, datastore):
            return "in-use"
        if datastore == CANDIDATE:
            self.candidate = {**self.shown_candidate, leaf: value}
            return ""
        return self._run(session, {**self.running, leaf: value})

    def _run(self, session: int, config: Config) -> str:
        """Make a configuration the one that runs."""
        if any(holder != session and config[leaf] != self.running[leaf] for holder, leaf in self.parts):
            return "in-use"
        if config.get("name") == "moon":
            return "operation-failed"
        self.running = config
        return ""

    def lock(self, session: int, datastore: str) -> str:
        """Lock a datastore."""
        is_changed = datastore == CANDIDATE and self.shown_candidate != self.running
        is_reserved = datastore == RUNNING and self.waiting is not None and self.waiting.session != session
        is_locked_in_part = datastore == RUNNING and bool(self.parts)
        if datastore in self.locks or is_changed or is_reserved or is_locked_in_part:
            return "lock-denied"
        self.locks[datastore] = session
        return ""

    def unlock(self, session: int, datastore: str) -> str:
        """Release a lock, and with the candidate's what is not committed."""
        if datastore not in self.locks:
            return "operation-failed"
        if self.locks[datastore] != session:
            return "lock-denied"
        self._release(datastore)
        return ""

    def _release(self, datastore: str) -> None:
        del self.locks[datastore]
        if datastore == CANDIDATE:
            self.candidate = None

    def lock_part(self, session: int, leaf: str) -> str:
        """Lock one leaf of running."""
        if RUNNING in self.locks:
            return "lock-denied"
        if self.waiting is not None and self.waiting.session != session:
            return "in-use"
        if any(holder != session and locked == leaf for holder, locked in self.parts):
            return "lock-denied"
        self.parts.append((session, leaf))
        return ""

    def unlock_part(self, session: int) -> str:
        """Release what a session has locked last."""
        own = [place for place, (holder, _) in enumerate(self.parts) if holder == session]
        if not own:
            return "invalid-value"
        del self.parts[own[-1]]
        return ""

    def discard(self, session: int) -> str:
        """Take back what is not committed."""
        if self._is_kept_out(session, CANDIDATE):
            return "in-use"
        self.candidate = None
        return ""

    def _is_not_for(self, session: int, token: Token) -> str:
        if token != (self.waiting.token if self.waiting else None):
            return "invalid-value"
        if self.waiting and self.waiting.token is None and self.waiting.session != session:
            return "in-use"
        return ""

    def commit(self, session: int, token: Token, seconds: int | None = None, persist: Token = None) -> str:
        """Commit, to be confirmed within `seconds` where they are given."""
        if self._is_kept_out(session, RUNNING, CANDIDATE):
            return "in-use"
        if tag := self._is_not_for(session, token):
            return tag
        before = self.waiting.before if self.waiting else self.running
        if tag := self._run(session, self.shown_candidate):
            return tag
        self.candidate = None
        if seconds is None:
            self.waiting = None
        else:
            self.waiting = Waiting(before, session, token if persist is None else persist, self.now + seconds)
        return ""

    def cancel(self, session: int, token: Token) -> str:
        """Undo the commit that waits."""
        if self._is_kept_out(session, RUNNING):
            return "in-use"
        if tag := self._is_not_for(session, token):
            return tag
        if self.waiting is None:
            return "operation-failed"
        self._undo()
        return ""

    def _undo(self) -> None:
        if self.waiting is not None:
            self.running, self.waiting = self.waiting.before, None

    def disconnect(self, session: int) -> None:
        """End a session."""
        self.parts = [(holder, leaf) for holder, leaf in self.parts if holder != session]
        for datastore in [name for name, holder in self.locks.items() if holder == session]:
            self._release(datastore)
        if self.waiting is not None and self.waiting.session == session:
            if self.waiting.token is None:
                self._undo()
            else:
                self.waiting = replace(self.waiting, session=0)

    def wait(self, seconds: float) -> None:
        """Let management time pass."""
        self.now += seconds
        if self.waiting is not None and self.now >= self.waiting.deadline:
            self._undo()
