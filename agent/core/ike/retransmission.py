"""Retransmission and the memory of what was received (RFC 2408 sec. 5.1).

An end that waits for an answer sends its message again with growing intervals. An end that gets a message a second
time answers it with what it answered the first time, and does nothing else: a lost reply costs no work and changes no
state.
"""

from collections.abc import Callable

from agent.core.config import Retransmission
from agent.core.world import Timer, World


class Retransmitter:
    """Sends one message again and again until it is stopped or gives up."""

    __slots__ = ("_attempt", "_datagram", "_on_exhausted", "_schedule", "_send", "_timer", "_world")

    def __init__(
        self, world: World, schedule: Retransmission, send: Callable[[bytes], None], on_exhausted: Callable[[], None]
    ) -> None:
        self._world = world
        self._schedule = schedule
        self._send = send
        self._on_exhausted = on_exhausted
        self._timer: Timer | None = None
        self._datagram = b""
        self._attempt = 0

    def start(self, datagram: bytes) -> None:
        """Send a message that awaits an answer, instead of the one before it."""
        self.stop()
        self._datagram = datagram
        self._attempt = 0
        self._transmit()

    def stop(self) -> None:
        """Send no more: the answer has come, or is not awaited any longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _transmit(self) -> None:
        self._timer = self._world.call_later(self._schedule.interval_us(self._attempt), self._on_interval)
        self._send(self._datagram)

    def _on_interval(self) -> None:
        if self._attempt == self._schedule.limit:
            self._timer = None
            self._on_exhausted()
            return
        self._attempt += 1
        self._transmit()


class ReplyMemory:
    """The last messages that were received, by their hashes, and the answer to the very last.

    A message is met first, and remembered only once it has been acted on.
    """

    __slots__ = ("_answer", "_limit", "_met", "_seen")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._met = 0
        self._seen: dict[int, None] = {}
        self._answer: bytes | None = None

    def meet(self, datagram: bytes) -> bool:
        """Look at a message that has come, and say whether it came before."""
        # Any hash would do that nobody can make collide by accident; within one IKE SA there is no more to it.
        self._met = hash(datagram)
        return self._met in self._seen

    def remember(self) -> None:
        """Keep that the message met last was acted on."""
        self._seen[self._met] = None
        self._answer = None
        if len(self._seen) > self._limit:
            del self._seen[next(iter(self._seen))]

    def keep_answer(self, answer: bytes) -> None:
        """Keep what the message remembered last was answered with."""
        self._answer = answer

    def forget_answer(self) -> None:
        """Answer nothing from memory any longer."""
        self._answer = None

    @property
    def answer(self) -> bytes | None:
        """The answer to the message met last: there is one only if it is the one remembered last."""
        is_last = bool(self._seen) and next(reversed(self._seen)) == self._met
        return self._answer if is_last else None
