"""A subscription to what changes in a selection (RFC 8641 section 3.1).

A watch is what subscribers share that see the same: what has changed is found and written once, whatever their number.
While a client does not read, what changes joins the one update that waits for it; what grows too much suspends the
subscription, and everything is sent anew when the client reads again.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

from agent.datastore.notifications import Notification
from agent.datastore.observer import Observer
from agent.datastore.patch import Edit, Operation
from agent.datastore.rendering import Roots
from agent.datastore.touched import Interest, Touched
from agent.netconf.subscribed.delivery import Message, Receiver, Subscription, Words, message, update
from agent.netconf.subscribed.feed import Change, Feed
from agent.netconf.subscribed.refusal import PUSH_NAMESPACE, Ended
from agent.netconf.subscribed.terms import OnChange, PushTerms
from agent.netconf.subscriptions import render_message


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
        self.interest = Interest(selected)
        self.observer = observer
        self.number = number
        self.members: dict[OnChangeSubscription, None] = {}
        self.touched: dict[Touched, None] = {}
        self.not_before = 0.0
        self._feeds: dict[frozenset[Operation], Feed] = {}
        self._content: str | None = None

    def admit(self, members: Iterable[OnChangeSubscription]) -> None:
        """Let somebody be told from now on, who has seen what is seen here; what they have not been told stays."""
        for member in members:
            self.members[member] = None
            excluded = member.trigger.excluded
            member.move(self, self._feeds.setdefault(excluded, Feed(excluded)))

    def dismiss(self, member: OnChangeSubscription) -> None:
        """Tell somebody no more, but of what has changed already."""
        del self.members[member]
        member.move(None, None)

    def wake(self) -> None:
        """Wake those who are told, but for those who look by themselves."""
        for feed in self._feeds.values():
            feed.wake()

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
        first, self.number = self.number + 1, self.number + len(edits)
        for feed in self._feeds.values():
            text = "".join(
                [
                    f"<edit><edit-id>{number}</edit-id>{edit.record}</edit>"
                    for number, edit in enumerate(edits, first)
                    if edit.operation not in feed.excluded
                ]
            )
            if text:
                feed.append(Change(at, text))


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
        self._feed: Feed | None = None
        self._taken_along: list[Change] = []
        self._needs_sync = False
        self._is_incomplete = False
        self._is_too_big = False
        self._patch_number = 0

    @property
    def trigger(self) -> OnChange:
        """When it is told of what."""
        assert isinstance(self.terms.trigger, OnChange)
        return self.terms.trigger

    def move(self, watch: Watch | None, feed: Feed | None) -> None:
        """Be told by another watch from now on, or by none, and keep what it has not been told by the one before."""
        is_told = self._feed is None or self._feed.follows(self)
        if self._feed is not None:
            self._taken_along += self._feed.leave(self)
        self.watch, self._feed = watch, feed
        if feed is not None and is_told:
            feed.follow(self)
            self.wake()

    def synchronize(self) -> None:
        """Send everything before what changes from now on."""
        self._forget_changes()
        self._needs_sync = True
        self.wake()

    @property
    def room(self) -> int:
        """How many characters of what changes may wait."""
        return self.receiver.limits.changes_characters - sum([len(change.text) for change in self._taken_along])

    def wake(self) -> None:
        """Have the session look whether there is something to send."""
        self.receiver.wake()

    def on_overflow(self) -> None:
        """Hear that it does not read as fast as things change."""
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
        has_news = self._feed is not None and self._feed.has_news(self)
        return super().waiting + (self._needs_sync or has_news or bool(self._taken_along))

    def next_message(self) -> Message | None:
        """Return what is to be said of the subscription, everything, or what has changed."""
        if self._waiting:
            return iter((render_message(self._waiting.popleft()),))
        if self.is_suspended:
            return None if self._is_too_big else iter((render_message(self._resume()),))
        if self._needs_sync:
            return self._sync()
        return self._update()

    def _resume(self) -> Notification:
        """Go on: with everything, or, where that is not wanted, with the word that something is missing."""
        self.is_suspended = False
        if self.trigger.sync_on_start:
            self._needs_sync = True
        else:
            self._is_incomplete = True
            self._follow()
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
        self._follow()
        self._patch_number = 0
        self.sent += 1
        return message(at, update(self.id, iter((content,))))

    def _update(self) -> Message | None:
        feed, changes = self._feed, self._taken_along
        if feed is not None and (news := feed.read(self)) is not None:
            changes = [*changes, news]
        if not changes:
            if feed is not None:
                feed.rest(self)
            return None
        is_incomplete, number = self._is_incomplete, self._patch_number
        self._taken_along = []
        self._is_incomplete = False
        self._patch_number = (number + 1) % 2**32
        self.sent += 1
        records = "".join([change.text for change in changes])
        return message(changes[-1].at, iter((_change_update(self.id, number, records, is_incomplete=is_incomplete),)))

    def _follow(self) -> None:
        if self._feed is not None:
            self._feed.follow(self)

    def _forget_changes(self) -> None:
        self._taken_along = []
        if self._feed is not None:
            self._feed.leave(self)


def _change_update(id_: int, number: int, records: str, *, is_incomplete: bool) -> str:
    end = "<incomplete-update/>" if is_incomplete else ""
    return (
        f'<push-change-update xmlns="{PUSH_NAMESPACE}"><id>{id_}</id><datastore-changes><yang-patch>'
        f"<patch-id>{number}</patch-id>{records}</yang-patch></datastore-changes>{end}</push-change-update>"
    )
