"""A subscription to all of a selection, every so often (RFC 8641 section 3.1).

An update is rendered when it is sent, piece by piece. One that is due while the one before still waits for a client
that does not read is not sent: the next will say what is then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from agent.datastore.errors import RpcError, RpcErrors
from agent.datastore.notifications import Notification
from agent.netconf.subscribed.delivery import Message, Receiver, Subscription, Words, message, update
from agent.netconf.subscribed.refusal import Ended
from agent.netconf.subscribed.terms import CENTISECOND, Periodic, PushTerms
from agent.netconf.subscriptions import render_message

MICROSECONDS: Final = 1_000_000
Render = Callable[[PushTerms, Receiver], Iterator[str]]
"""Renders what is selected now of a datastore, for whoever receives it; RpcError where that cannot be done."""


class PeriodicSubscription(Subscription):
    """One periodic subscription. `next_at` is management time in seconds."""

    terms: PushTerms

    def __init__(
        self, id_: int, terms: PushTerms, receiver: Receiver, words: Words, now: Callable[[], int], render: Render
    ) -> None:
        """Begin; `now` gives device time in microseconds."""
        super().__init__(id_, terms, receiver, words)
        self.next_at = 0.0
        self._now = now
        self._render = render
        self._is_due = False

    def schedule(self, management_now: float) -> None:
        """Send the first update: at once, or at the next multiple of the period from the anchor."""
        self.next_at = management_now + self._until_first
        self.advance(management_now)

    @property
    def _until_first(self) -> float:
        """How many seconds there are to the first update; a device that has another pace counts its own."""
        trigger = self._trigger
        if trigger.anchor_at is None:
            return 0.0
        return (trigger.anchor_at - self._now()) / MICROSECONDS % (trigger.period * CENTISECOND)

    @property
    def _trigger(self) -> Periodic:
        assert isinstance(self.terms.trigger, Periodic)
        return self.terms.trigger

    def advance(self, management_now: float) -> None:
        """Send an update if one is due at a management time in seconds; of several that are, one."""
        if management_now < self.next_at:
            return
        period = self._trigger.period * CENTISECOND
        self.next_at += period * ((management_now - self.next_at) // period + 1)
        if self._is_due or self.is_suspended:
            self.receiver.drop()
        self._is_due = True
        self.receiver.wake()

    def modify(self, terms: PushTerms, word: Notification) -> None:
        """Go on under other terms."""
        self.terms = terms
        self.is_suspended = False
        self.say(word)

    @property
    def waiting(self) -> int:
        """How many notifications wait."""
        return super().waiting + self._is_due

    def next_message(self) -> Message | None:
        """Return what is to be said of the subscription, or the update that is due."""
        if self._waiting:
            return iter((render_message(self._waiting.popleft()),))
        if not self._is_due or self.is_suspended:
            return None
        self._is_due = False
        try:
            pieces = self._render(self.terms, self.receiver)
        except (RpcError, RpcErrors):  # An expression that has come to cost too much.
            self.is_suspended = True
            return iter((render_message(self._words.suspended(Ended.UPDATE_TOO_BIG)),))
        self.sent += 1
        return message(self._now(), update(self.id, pieces))
