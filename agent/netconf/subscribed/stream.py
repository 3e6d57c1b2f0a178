"""A subscription to an event stream: from the log first if asked, then as things happen (RFC 8639 section 2.4).

What waits for a client that does not read is bounded. What is too much suspends the subscription: it is told so once it
reads again, and then it goes on; what happened meanwhile is lost to it, and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.datastore.notifications import Notification
from agent.netconf.subscribed.delivery import Message, Receiver, Subscription, Words
from agent.netconf.subscribed.refusal import SUBSCRIBED, Ended
from agent.netconf.subscribed.terms import StreamTerms
from agent.netconf.subscriptions import Replay, render_message, selects


class StreamSubscription(Subscription):
    """One subscription to a stream."""

    terms: StreamTerms

    def __init__(self, id_: int, terms: StreamTerms, receiver: Receiver, words: Words) -> None:
        """Begin with nothing to send."""
        super().__init__(id_, terms, receiver, words)
        self._replay: Replay | None = None

    def replay(self, logged: Iterable[Notification], is_permitted: Callable[[Notification], bool]) -> None:
        """Send what is logged, and what of it the receiver may be told, before anything else."""
        end = self._words.replay_completed()
        self._replay = Replay(logged, lambda each: self._takes(each, is_permitted(each)), end)

    def on_notification(self, notification: Notification, *, is_permitted: bool) -> None:
        """Hear of something that has happened."""
        if not self._takes(notification, is_permitted):
            return
        if self.is_suspended:
            self.receiver.drop()
            return
        if len(self._waiting) >= self.receiver.limits.notifications:
            self.is_suspended = True
            self.receiver.drop()
            self.say(self._words.suspended(Ended.UNSUPPORTABLE_VOLUME))
            return
        self._waiting.append(notification)
        self.receiver.wake()

    def modify(self, terms: StreamTerms, word: Notification) -> None:
        """Go on under other terms, which are told first of all that is told under them; a suspension is over."""
        self.terms = terms
        self.is_suspended = False
        self.say(word)

    def conclude(self, last_word: Notification) -> None:
        """Come to an end after what waits, and after a last word."""
        self.is_suspended, self.is_over = False, True
        self.say(last_word)

    def next_message(self) -> Message | None:
        """Return the next event record, or the word that all is well again."""
        if self._replay is not None:
            return self._replayed(self._replay)
        if self._waiting:
            notification = self._waiting.popleft()
            self.sent += notification.node.module.name != SUBSCRIBED  # What is of that tells of the subscription.
            return iter((render_message(notification),))
        if self.is_suspended:
            self.is_suspended = False
            return iter((render_message(self._words.resumed()),))
        return None

    def _replayed(self, replay: Replay) -> Message | None:
        notification = replay.next()
        if notification is None:
            self.receiver.wake()  # The search goes on when others have had their turn.
            return None
        if replay.is_over:
            self._replay = None
        else:
            self.sent += 1
        return iter((render_message(notification),))

    def _takes(self, notification: Notification, is_permitted: bool) -> bool:
        stop_at = self.terms.stop_at
        if stop_at is not None and notification.at > stop_at:
            return False
        if is_permitted and selects(self.terms.filter, notification):
            return True
        self.excluded += 1
        return False
