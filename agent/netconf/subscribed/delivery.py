"""What all subscriptions of a session have in common, and the one place where it asks what to send next.

Output is pulled: a subscription says what is next when the session has nothing else to send, so that a client that does
not read costs what may wait for it, which is bounded, and holds up nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from agent.datastore.date_and_time import date_and_time
from agent.datastore.notifications import Notification
from agent.datastore.registry import Caller, Value
from agent.netconf.subscribed.refusal import PUSH_NAMESPACE, SUBSCRIBED, Ended
from agent.netconf.subscribed.terms import Terms
from agent.netconf.subscriptions import NAMESPACE, render_message

Message = Iterator[str]
"""One notification message as a lazy stream."""


@dataclass(frozen=True, slots=True)
class ReceiverLimits:
    """What one subscription may take of the server."""

    notifications: int = 1000
    """That wait for a client that does not read."""
    changes_characters: int = 4_000_000
    """Of what has changed in a selection, and waits for a client that does not read."""
    selection_characters: int = 32_000_000
    """Of a whole selection whose changes are told."""


RECEIVER_LIMITS: Final = ReceiverLimits()


class Subscription:
    """One dynamic subscription: unique by its `id`, by the `terms` that were asked for, of the session of `receiver`.

    `sent` counts event records, `excluded` those that its filter, or access control, has kept from it. When `is_over`,
    nothing comes any more once there is nothing to send.
    """

    terms: Terms

    def __init__(self, id_: int, terms: Terms, receiver: Receiver, words: Words) -> None:
        """Begin with nothing to send."""
        self.id = id_
        self.terms = terms
        self.receiver = receiver
        self.sent = 0
        self.excluded = 0
        self.is_suspended = False
        self.is_over = False
        self._words = words
        self._waiting: deque[Notification] = deque()

    @property
    def waiting(self) -> int:
        """How many notifications wait."""
        return len(self._waiting)

    def say(self, word: Notification) -> None:
        """Send a notification about the subscription itself, after what waits."""
        self._waiting.append(word)
        self.receiver.wake()

    def next_message(self) -> Message | None:
        """Return what is to be sent next, None for nothing."""
        raise NotImplementedError


class Receiver:
    """The subscriptions of one session, each of which has its turn."""

    def __init__(
        self,
        caller: Callable[[], Caller],
        wake: Callable[[], None],
        drop: Callable[[], None],
        limits: ReceiverLimits = RECEIVER_LIMITS,
    ) -> None:
        """Begin without any; `drop` counts what a client loses that does not read, beyond the `limits`."""
        self.limits = limits
        self.wake = wake
        self.drop = drop
        self._caller = caller
        self._turns: deque[Subscription] = deque()
        self._words: deque[Notification] = deque()

    @property
    def caller(self) -> Caller:
        """On whose behalf the session acts now."""
        return self._caller()

    @property
    def subscriptions(self) -> tuple[Subscription, ...]:
        """All of them."""
        return tuple(self._turns)

    @property
    def waiting(self) -> int:
        """How many notifications wait."""
        return len(self._words) + sum(subscription.waiting for subscription in self._turns)

    def add(self, subscription: Subscription) -> None:
        """Ask one more from now on."""
        self._turns.append(subscription)
        self.wake()

    def remove(self, subscription: Subscription, last_word: Notification | None = None) -> None:
        """Ask one no longer; `last_word` is sent all the same."""
        if subscription in self._turns:
            self._turns.remove(subscription)
        if last_word is not None:
            self._words.append(last_word)
            self.wake()

    def end(self) -> None:
        """Let go of the session, which has ended, so that it need not be looked for by the collector."""
        caller = self._caller()
        self._caller, self.wake, self.drop = lambda: caller, _nothing, _nothing

    def next_message(self) -> Message | None:
        """Return what is to be sent next, None for nothing."""
        if self._words:
            return iter((render_message(self._words.popleft()),))
        for _ in range(len(self._turns)):
            subscription = self._turns.popleft()
            message = subscription.next_message()
            if message is not None or not subscription.is_over:
                self._turns.append(subscription)
            if message is not None:
                return message
        return None


def _nothing() -> None:
    """Stand for the callbacks of a session that has ended."""


NotificationMaker = Callable[[str, dict[str, Value]], Notification]
"""Returns a notification of now, by the name that ietf-subscribed-notifications gives it, with some leaves."""
STATE: Final = f"/{SUBSCRIBED}:"


class Words:
    """The notifications about one subscription itself (RFC 8639 section 2.7)."""

    def __init__(self, id_: int, make: NotificationMaker) -> None:
        """Speak of the subscription with an id."""
        self._id = id_
        self._make = make

    def replay_completed(self) -> Notification:
        """All that was logged has been sent."""
        return self._make("replay-completed", {"id": self._id})

    def suspended(self, reason: Ended) -> Notification:
        """Nothing is sent until it is resumed."""
        return self._make("subscription-suspended", {"id": self._id, "reason": reason.value})

    def resumed(self) -> Notification:
        """It goes on."""
        return self._make("subscription-resumed", {"id": self._id})

    def terminated(self, reason: Ended) -> Notification:
        """It is over."""
        return self._make("subscription-terminated", {"id": self._id, "reason": reason.value})


def message(at: int, pieces: Iterator[str]) -> Message:
    """Return a notification of a device time, in microseconds, with its content in pieces."""
    yield f'<notification xmlns="{NAMESPACE}"><eventTime>{date_and_time(at)}</eventTime>'
    yield from pieces
    yield "</notification>"


def update(id_: int, pieces: Iterator[str]) -> Iterator[str]:
    """Return a push-update with its content in pieces."""
    yield f'<push-update xmlns="{PUSH_NAMESPACE}"><id>{id_}</id><datastore-contents>'
    yield from pieces
    yield "</datastore-contents></push-update>"
