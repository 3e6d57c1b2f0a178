"""A subscription to what changes in a selection (RFC 8641 section 3.1).

A watch is what subscribers share that see the same: what has changed is found and written once, whatever their number.
While a client does not read, what changes joins the one update that waits for it; what grows too much suspends the
subscription, and everything is sent anew when the client reads again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from agent.datastore.notifications import Notification
from agent.datastore.observer import Observer
from agent.datastore.patch import Edit, Operation
from agent.datastore.rendering import Roots
from agent.datastore.touched import Touched
from agent.netconf.subscribed.delivery import Message, Receiver, Subscription, Words, message, update
from agent.netconf.subscribed.refusal import PUSH_NAMESPACE, Ended
from agent.netconf.subscribed.terms import OnChange, PushTerms
from agent.netconf.subscriptions import render_message


@dataclass(frozen=True, slots=True)
class Changes:
    """What has changed at one moment, `at` in microseconds of device time: records with their operations, as text."""

    at: int
    edits: tuple[tuple[Operation, str], ...]
    operations: frozenset[Operation]
    text: str

    def without(self, excluded: frozenset[Operation]) -> str:
        """Return the records of those operations that are not excluded."""
        if not excluded or self.operations.isdisjoint(excluded):
            return self.text
        return "".join(record for operation, record in self.edits if operation not in excluded)


@dataclass(frozen=True, slots=True)
class WatchKey:
    """What those have in common who see the same: the filter stands for what it selects.

    One whose updates are dampened is `alone`, the id of a subscription: nobody else is told at the same times.
    """

    datastore: str
    filter: Hashable
    rights: Hashable
    dampening_period: int = 0
    alone: int | None = None


class Watch:
    """One view of a datastore and those who are told of what changes in it; `selected` is what they see.

    `not_before` is when they may be told again, in seconds of management time; `number` the last edit-id.
    """

    def __init__(self, key: WatchKey, selected: Roots, observer: Observer, number: int = 0) -> None:
        """Begin without anybody."""
        self.key = key
        self.selected = selected
        self.observer = observer
        self.number = number
        self.members: list[OnChangeSubscription] = []
        self.touched: dict[Touched, None] = {}
        self.not_before = 0.0
        self._content: str | None = None

    def adopt(self, other: Watch) -> None:
        """Take over the members of another watch, who have seen the same."""
        self.members += other.members
        self.number = max(self.number, other.number)

    def content(self) -> str:
        """Return all that is seen; it is written once as long as nothing changes."""
        if self._content is None:
            self._content = self.observer.content()
        return self._content

    def tell(self, at: int, edits: Sequence[Edit]) -> None:
        """Tell every member of edits, made at a device time in microseconds."""
        if not edits:
            return
        self._content = None
        records = []
        for edit in edits:
            self.number += 1
            records.append((edit.operation, f"<edit><edit-id>{self.number}</edit-id>{edit.record}</edit>"))
        operations = frozenset(operation for operation, _ in records)
        changes = Changes(at, tuple(records), operations, "".join([record for _, record in records]))
        for member in self.members:
            member.on_changes(changes)


class OnChangeSubscription(Subscription):
    """One on-change subscription."""

    terms: PushTerms

    def __init__(
        self, id_: int, terms: PushTerms, receiver: Receiver, words: Words, settled: Callable[[], int]
    ) -> None:
        """Begin; `settled` has all that has happened taken in, and gives device time in microseconds."""
        super().__init__(id_, terms, receiver, words)
        self.watch: Watch | None = None
        self._settled = settled
        self._changes: list[tuple[int, str]] = []
        self._size = 0
        self._needs_sync = False
        self._is_incomplete = False
        self._is_too_big = False
        self._patch_number = 0

    @property
    def trigger(self) -> OnChange:
        """When it is told of what."""
        assert isinstance(self.terms.trigger, OnChange)
        return self.terms.trigger

    def synchronize(self) -> None:
        """Send everything before what changes from now on."""
        self._forget_changes()
        self._needs_sync = True
        self.receiver.wake()

    def on_changes(self, changes: Changes) -> None:
        """Hear of what has changed; what is sent as a whole later on needs no mention now."""
        if self._needs_sync or self.is_suspended:
            return
        text = changes.without(self.trigger.excluded)
        if not text:
            return
        if not self._changes:
            self.receiver.wake()
        self._changes.append((changes.at, text))
        self._size += len(text)
        if self._size > self.receiver.limits.changes_characters:
            self.receiver.drop()
            self.suspend(Ended.UNSUPPORTABLE_VOLUME)

    def suspend(self, reason: Ended) -> None:
        """Forget what has changed: it is too much."""
        self._forget_changes()
        self._needs_sync = False
        self.is_suspended = True
        self.say(self._words.suspended(reason))

    def modify(self, terms: PushTerms, word: Notification) -> None:
        """Go on under other terms; a suspension is over."""
        self.terms = terms
        self.is_suspended = self._is_too_big = False
        self._forget_changes()
        self.say(word)

    @property
    def waiting(self) -> int:
        """How many notifications wait."""
        return super().waiting + (self._needs_sync or bool(self._changes))

    def next_message(self) -> Message | None:
        """Return what is to be said of the subscription, everything, or what has changed."""
        if self._waiting:
            return iter((render_message(self._waiting.popleft()),))
        if self.is_suspended:
            return None if self._is_too_big else iter((render_message(self._resume()),))
        if self._needs_sync:
            return self._sync()
        if self._changes:
            return self._update()
        return None

    def _resume(self) -> Notification:
        """Go on: with everything, or, where that is not wanted, with the word that something is missing."""
        self.is_suspended = False
        if self.trigger.sync_on_start:
            self._needs_sync = True
        else:
            self._is_incomplete = True
        return self._words.resumed()

    def _sync(self) -> Message | None:
        self._needs_sync = False
        at = self._settled()
        if self.watch is None:  # The stop time came first.
            return None
        content = self.watch.content()
        if len(content) > self.receiver.limits.selection_characters:
            self.suspend(Ended.SYNC_TOO_BIG)
            self._is_too_big = True
            return iter((render_message(self._waiting.popleft()),))
        self._patch_number = 0
        self.sent += 1
        return message(at, update(self.id, iter((content,))))

    def _update(self) -> Message:
        changes = self._changes
        at, is_incomplete, number = changes[-1][0], self._is_incomplete, self._patch_number
        self._forget_changes()
        self._is_incomplete = False
        self._patch_number = (number + 1) % 2**32
        self.sent += 1
        records = "".join([text for _, text in changes])
        return message(at, iter((_change_update(self.id, number, records, is_incomplete=is_incomplete),)))

    def _forget_changes(self) -> None:
        self._changes = []
        self._size = 0


def _change_update(id_: int, number: int, records: str, *, is_incomplete: bool) -> str:
    end = "<incomplete-update/>" if is_incomplete else ""
    return (
        f'<push-change-update xmlns="{PUSH_NAMESPACE}"><id>{id_}</id><datastore-changes><yang-patch>'
        f"<patch-id>{number}</patch-id>{records}</yang-patch></datastore-changes>{end}</push-change-update>"
    )
