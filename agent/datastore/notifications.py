"""Events as YANG notifications, and the log from which they are told again (RFC 5277 section 3).

Invariant: the log is bounded, by a count and by characters; what is too much goes, the oldest first, and the log knows
up to when it has forgotten.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from agent.datastore.output import render_notification
from agent.datastore.registry import Output
from agent.datastore.schema import SchemaNode


@dataclass(frozen=True, slots=True)
class Notification:
    """What is told of one event: `at` is device time in microseconds, `content` the element that has the values."""

    at: int
    node: SchemaNode
    values: Output
    content: str

    @classmethod
    def of(cls, at: int, node: SchemaNode, values: Output) -> Notification:
        """Return it with its content rendered: once, however many are told of it."""
        return cls(at, node, values, render_notification(node, values))


@dataclass(frozen=True, slots=True)
class LogLimits:
    """How many notifications a log keeps, and how many characters of content."""

    notifications: int = 10_000
    characters: int = 4_000_000


LOG_LIMITS: Final = LogLimits()


class NotificationLog:
    """The notifications of a stream from `created_at` on, those that have been forgotten excepted.

    `aged_at` is the time of the newest one that has been forgotten; None while there is none. Both are device time in
    microseconds.
    """

    def __init__(self, created_at: int, limits: LogLimits = LOG_LIMITS) -> None:
        """Begin empty."""
        self.created_at = created_at
        self.aged_at: int | None = None
        self._limits = limits
        self._kept: deque[Notification] = deque()
        self._characters = 0

    def __len__(self) -> int:
        return len(self._kept)

    def record(self, notification: Notification) -> None:
        """Keep a notification; it is not older than those before."""
        self._kept.append(notification)
        self._characters += len(notification.content)
        while len(self._kept) > self._limits.notifications or self._characters > self._limits.characters:
            oldest = self._kept.popleft()
            self._characters -= len(oldest.content)
            self.aged_at = oldest.at

    def between(self, start: int, stop: int | None) -> tuple[Notification, ...]:
        """Return what is kept from `start` on, up to and including `stop`, in order."""
        return tuple(kept for kept in self._kept if start <= kept.at and (stop is None or kept.at <= stop))
