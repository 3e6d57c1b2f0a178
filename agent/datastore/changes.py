"""Changes of the datastores on behalf of clients: edits, commits, and commits to be confirmed (RFC 6241 section 8.4).

A confirmed commit is undone unless it is confirmed in time. Invariants: what running would go back to is kept before
running changes, and forgotten once that is settled, so that a restart at any moment finds it; whatever changes running
or startup is told as an event.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from enum import Enum
from hmac import compare_digest
from typing import Final

from agent.datastore import errors
from agent.datastore.diff import differences
from agent.datastore.errors import ErrorType, InstancePath, RpcError, RpcErrors
from agent.datastore.registry import Caller
from agent.datastore.stores import NOBODY, Datastore, Stores, Unconfirmed
from agent.datastore.transaction import Transactions
from agent.datastore.tree import Branch

log: Final = logging.getLogger(__name__)


Authorize = Callable[[Caller, Branch, Branch], None]
"""Raises access-denied where a caller may not make a difference that there is between two trees."""


class CommitStage(Enum):
    """What became of a confirmed commit (RFC 6470 section 2.2)."""

    STARTED = "start"
    CANCELED = "cancel"
    TIMED_OUT = "timeout"
    EXTENDED = "extend"
    COMPLETED = "complete"


@dataclass(frozen=True, slots=True)
class ConfigurationChanged:
    """Running or startup has changed; `by` is None where the server did it. `at` is device time in microseconds.

    `is_commit` says that running has become the candidate, or what it was before a confirmed commit: not an edit.
    """

    at: int
    by: Caller | None
    datastore: Datastore
    before: Branch
    after: Branch
    is_commit: bool = False


@dataclass(frozen=True, slots=True)
class ConfirmedCommitProgressed:
    """A confirmed commit began, goes on, or is over; `by` is None when its time ran out.

    `seconds` is the time that is left, where it goes on. `at` is device time in microseconds.
    """

    at: int
    stage: CommitStage
    by: Caller | None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """That a commit is to be confirmed: within how many seconds of management time.

    With a token it outlives its session, and whoever gives the token can confirm it.
    """

    seconds: int
    token: str | None = None


class WrongToken(RpcError):
    """The token of another commit than the one that waits, or of none; `path` leads to where it was given."""

    def __init__(self, path: InstancePath = ()) -> None:
        message = "this is not the persist-id of a commit to confirm"
        super().__init__(ErrorType.PROTOCOL, "invalid-value", message, path=path)


class Changes:
    """The way of every change that a client makes of a datastore."""

    def __init__(
        self,
        transactions: Transactions,
        stores: Stores,
        device: Callable[[], int],
        management: Callable[[], float],
        publish: Callable[[ConfigurationChanged | ConfirmedCommitProgressed], None],
    ) -> None:
        """Work on `stores`; the clocks give device time in microseconds and management time in seconds."""
        self._transactions = transactions
        self._stores = stores
        self._device = device
        self._management = management
        self._publish = publish
        self._on_rescheduled: Callable[[], None] = lambda: None
        self._on_changed: Callable[[ConfigurationChanged], None] = lambda event: None

    def store(self, by: Caller, target: Datastore, root: Branch) -> None:
        """Put a configuration in a datastore's place. RpcError, RpcErrors, and nothing has changed, when it cannot be.

        Only what is valid, and can be applied, is taken, but for the candidate: that is judged when it is committed
        (RFC 7950 section 8.3.3).
        """
        if target is Datastore.RUNNING:
            self._change(by, root, is_commit=False)
            return
        if target is Datastore.STARTUP:
            self._transactions.check(root)
        self.keep(by, target, root)

    def keep(self, by: Caller, target: Datastore, root: Branch) -> None:
        """Put a configuration in the place of candidate or startup, whatever it is; RpcError when it cannot be kept."""
        before = self._stores.root(target)
        try:
            self._stores.replace(target, root)
        except OSError as error:
            raise errors.operation_failed(f"{target.value} cannot be stored: {error.strerror or error}") from error
        if target is Datastore.STARTUP:
            self._tell_changed(by, target, before, root)

    def commit(
        self, by: Caller, authorize: Authorize, confirmation: Confirmation | None = None, token: str | None = None
    ) -> None:
        """Make the candidate the running configuration, for good or until it is confirmed (sections 8.3.4 and 8.4).

        While a confirmed commit waits, this is the next one or what confirms it: RpcError for anybody who must not.
        RpcError, RpcErrors, and nothing has changed, when the candidate is refused, or what it changes not authorized.
        """
        waiting = self._waiting_for(by, token)
        before = self._stores.running
        authorize(by, before, self._stores.root(Datastore.CANDIDATE))
        with ExitStack() as if_refused:
            if confirmation is not None and waiting is None:
                self._keep_rollback(before)
                if_refused.callback(self._forget_rollback)
            if self._stores.is_candidate_changed:
                self._change(by, self._stores.root(Datastore.CANDIDATE), is_commit=True)
            if_refused.pop_all()
        self._stores.discard_candidate()
        if confirmation is not None:
            self._wait(by, confirmation, waiting, before)
        elif waiting is not None:
            self._keep_rollback(None)
            self._settle(CommitStage.COMPLETED, by)

    def cancel(self, by: Caller, token: str | None = None) -> None:
        """Undo the confirmed commit that waits (section 8.4.4.1); RpcError when there is none, or it is another's."""
        if self._waiting_for(by, token) is None:
            raise errors.operation_failed("no commit waits to be confirmed")
        self._undo(by, CommitStage.CANCELED)

    def session_ended(self, session_id: int) -> None:
        """Undo what a session that is over had to confirm, unless others can."""
        waiting = self._stores.unconfirmed
        if waiting is None or waiting.session_id != session_id:
            return
        if waiting.token is None:
            self._undo_by_itself(waiting.by, CommitStage.CANCELED)
        else:
            self._stores.unconfirmed = replace(waiting, session_id=NOBODY)

    def next_deadline(self) -> float | None:
        """When `advance` has work to do, in seconds of management time; None while nothing waits."""
        waiting = self._stores.unconfirmed
        return waiting.deadline if waiting is not None else None

    def advance(self, now: float) -> None:
        """Undo the confirmed commit that waits if, at the management time `now`, it has waited for too long."""
        deadline = self.next_deadline()
        if deadline is not None and now >= deadline:
            self._undo_by_itself(None, CommitStage.TIMED_OUT)

    def when_rescheduled(self, listener: Callable[[], None]) -> None:
        """Call `listener` from now on whenever there is another deadline than before, or none any more."""
        self._on_rescheduled = listener

    def when_changed(self, listener: Callable[[ConfigurationChanged], None]) -> None:
        """Call `listener` from now on with whatever changes running or startup."""
        self._on_changed = listener

    def _change(self, by: Caller, root: Branch, *, is_commit: bool) -> None:
        """Change running; in-use where that is a part that another session has locked (RFC 5717 section 2.5)."""
        locks, before = self._stores.partial_locks, self._stores.running
        self._transactions.commit(root, lambda settled: locks.require_free(by.session_id, before, settled))
        self._tell_changed(by, Datastore.RUNNING, before, self._stores.running, is_commit=is_commit)

    def _waiting_for(self, by: Caller, token: str | None) -> Unconfirmed | None:
        """Return the commit that waits for this caller; RpcError when it waits for another, or for another token.

        A token is compared in a time that does not depend on where it differs: it is all that another session needs.
        """
        self.advance(self._management())  # The timer may be late.
        waiting = self._stores.unconfirmed
        expected = waiting.token if waiting is not None else None
        if (token is None) != (expected is None) or not compare_digest(_octets(token), _octets(expected)):
            raise WrongToken()
        if waiting is not None and expected is None and waiting.session_id != by.session_id:
            raise errors.in_use(f"session {waiting.session_id} has a commit to confirm")
        return waiting

    def _wait(self, by: Caller, confirmation: Confirmation, waiting: Unconfirmed | None, before: Branch) -> None:
        """Wait for a confirmation: the first commit says what to go back to, the last one for how long to wait."""
        token = confirmation.token if confirmation.token is not None or waiting is None else waiting.token
        self._stores.unconfirmed = Unconfirmed(
            before=before if waiting is None else waiting.before,
            by=by,
            session_id=by.session_id,
            token=token,
            deadline=self._management() + confirmation.seconds,
        )
        stage = CommitStage.STARTED if waiting is None else CommitStage.EXTENDED
        self._tell(stage, by, confirmation.seconds)

    def _undo_by_itself(self, by: Caller | None, stage: CommitStage) -> None:
        """Undo with nobody there to be told that it cannot be done."""
        try:
            self._undo(by, stage)
        except (RpcError, RpcErrors) as error:
            log.error("what was configured before the confirmed commit is refused now: %s", error)
            self._forget_rollback()
            self._settle(stage, by)

    def _undo(self, by: Caller | None, stage: CommitStage) -> None:
        waiting = self._stores.unconfirmed
        if waiting is not None:
            before = self._stores.running
            self._transactions.commit(waiting.before)
            self._tell_changed(by, Datastore.RUNNING, before, self._stores.running, is_commit=True)
            self._forget_rollback()
            self._settle(stage, by)

    def _settle(self, stage: CommitStage, by: Caller | None) -> None:
        self._stores.unconfirmed = None
        self._tell(stage, by)

    def _keep_rollback(self, root: Branch | None) -> None:
        try:
            self._stores.keep_rollback(root)
        except OSError as error:
            message = f"what a confirmed commit needs cannot be stored: {error.strerror or error}"
            raise errors.operation_failed(message) from error

    def _forget_rollback(self) -> None:
        """Forget what running went back to: what a restart would find if that fails does no harm."""
        try:
            self._stores.keep_rollback(None)
        except OSError as error:
            log.error("what a confirmed commit went back to cannot be removed: %s", error)

    def _tell_changed(
        self, by: Caller | None, datastore: Datastore, before: Branch, after: Branch, *, is_commit: bool = False
    ) -> None:
        if next(differences(before, after), None) is not None:
            event = ConfigurationChanged(self._device(), by, datastore, before, after, is_commit)
            self._on_changed(event)
            self._publish(event)

    def _tell(self, stage: CommitStage, by: Caller | None, seconds: int | None = None) -> None:
        self._publish(ConfirmedCommitProgressed(self._device(), stage, by, seconds))
        self._on_rescheduled()


def _octets(token: str | None) -> bytes:
    return (token or "").encode()
