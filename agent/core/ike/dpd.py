"""Dead peer detection (RFC 3706): an end that has heard nothing for a while asks whether the other is there.

    prober                                        prober's peer
    HDR*, HASH(1), N(R-U-THERE, sequence)    -->
                                             <--  HDR*, HASH(1), N(R-U-THERE-ACK, sequence)

Whatever the peer sends, authenticated, is a sign of life, and then nothing is asked. Every probe has a higher sequence
number than the one before, so an acknowledgement that is replayed or late by a whole round proves nothing.
"""

from collections.abc import Callable
from enum import Enum
from itertools import product
from types import MappingProxyType
from typing import Final

from agent.core.config import DeadPeerDetection
from agent.core.enumeration import Enumeration
from agent.core.events import DropReason
from agent.core.ike.exchange import Discarded, Exchange, Step, Table
from agent.core.ike.message import CookiePair
from agent.core.ike.numbers import NotifyType, ProtocolId
from agent.core.ike.payloads import Notification
from agent.core.ike.phase1 import Draw
from agent.core.world import SECOND, Timer, World

_SEQUENCE_OCTETS: Final = 4
_HIGHEST_START: Final = 0x7FFFFFFF
"""The first number has its high bit clear, so that it does not wrap around (RFC 3706 sec. 5.3)."""


class State(Enumeration):
    """What the prober knows of its peer."""

    HEARD = "heard of"
    PROBING = "awaiting an acknowledgement"
    DEAD = "given up"


class Input(Enumeration):
    """What moves a prober."""

    SIGN_OF_LIFE = "sign of life"
    ACKNOWLEDGED = "R-U-THERE-ACK"
    SILENT = "silent for an interval"
    UNANSWERED = "no acknowledgement in time"
    EXHAUSTED = "no acknowledgement of the last probe"


def probe(cookies: CookiePair, sequence: int) -> Notification:
    """Return the question."""
    return _notification(NotifyType.R_U_THERE, cookies, sequence)


def acknowledgement(cookies: CookiePair, sequence: int) -> Notification:
    """Return the answer."""
    return _notification(NotifyType.R_U_THERE_ACK, cookies, sequence)


def _notification(kind: NotifyType, cookies: CookiePair, sequence: int) -> Notification:
    return Notification(ProtocolId.ISAKMP, cookies.spi, kind, sequence.to_bytes(_SEQUENCE_OCTETS))


def sequence_of(notification: Notification, cookies: CookiePair) -> int:
    """Return the sequence number of a question or an answer. Raises Discarded when it is malformed."""
    is_ours = notification.protocol == ProtocolId.ISAKMP and notification.spi == cookies.spi
    if not is_ours or len(notification.data) != _SEQUENCE_OCTETS:
        raise Discarded(DropReason.MALFORMED_MESSAGE)
    return int.from_bytes(notification.data)


class Prober(Exchange):
    """The end that asks. `send` sends a probe of a sequence number; `on_dead` is called once, when all were in vain."""

    __slots__ = ("_detection", "_first", "_heard_at", "_last", "_on_dead", "_probes", "_send", "_timer", "_world")

    def __init__(
        self,
        *,
        world: World,
        detection: DeadPeerDetection,
        draw: Draw,
        send: Callable[[int], object],
        on_dead: Callable[[], None],
    ) -> None:
        super().__init__(INITIATOR, State.HEARD)
        self._world = world
        self._detection = detection
        self._send = send
        self._on_dead = on_dead
        self._last = (int.from_bytes(draw("dpd-sequence", _SEQUENCE_OCTETS)) & _HIGHEST_START) - 1
        self._first = self._last
        self._probes = 0
        self._heard_at = world.now
        self._timer: Timer = world.call_later(self._interval_us, self._on_interval)

    def on_sign_of_life(self, at: int) -> None:
        """Be content for another interval. The timer stays: it finds out by itself that it came too early."""
        self._heard_at = max(self._heard_at, at)

    def on_acknowledged(self, sequence: int) -> None:
        """Take an acknowledgement of one of the probes that are out."""
        if sequence not in range(self._first, self._last + 1):
            raise Discarded(DropReason.REPLAYED_MESSAGE)
        self._be_content()

    def on_answered_otherwise(self, at: int) -> None:
        """Take anything else from the peer for an acknowledgement."""
        self._be_content()

    def on_silent(self) -> None:
        """Ask."""
        self._probes = 0
        self._first = self._last + 1
        self._ask()

    def on_unanswered(self) -> None:
        """Ask again."""
        self._ask()

    def on_exhausted(self) -> None:
        """Give the peer up."""
        self._on_dead()

    def close(self) -> None:
        """Stop the timer: the IKE SA is gone."""
        self._timer.cancel()

    @property
    def due_at(self) -> int:
        """When it matters next whether the peer has been heard of, in device time: at once, while a probe is out."""
        return self._world.now if self.state is State.PROBING else self._timer.at

    @property
    def _interval_us(self) -> int:
        return self._detection.interval_seconds * SECOND

    def _be_content(self) -> None:
        self._heard_at = self._world.now
        self._rearm(self._interval_us)

    def _ask(self) -> None:
        self._last += 1
        self._probes += 1
        self._rearm(self._detection.retry_interval_seconds * SECOND)
        self._send(self._last)

    def _rearm(self, delay_us: int) -> None:
        self._timer.cancel()
        self._timer = self._world.call_later(delay_us, self._on_interval)

    def _on_interval(self) -> None:
        if self.state is State.PROBING:
            is_last = self._probes > self._detection.retries
            self.run(Input.EXHAUSTED if is_last else Input.UNANSWERED)
            return
        silent_us = self._world.now - self._heard_at
        if silent_us >= self._interval_us:
            self.run(Input.SILENT)
        else:
            self._rearm(self._interval_us - silent_us)


class Answerer:
    """The end that is asked: it answers each question once, and the older ones no more."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = -1

    def note(self, sequence: int) -> None:
        """See a question. Raises Discarded unless its number is higher than all before."""
        if sequence <= self._last:
            raise Discarded(DropReason.REPLAYED_MESSAGE)
        self._last = sequence


INITIATOR: Final[Table] = MappingProxyType(
    {
        (State.HEARD, Input.SIGN_OF_LIFE): Step(Prober.on_sign_of_life, State.HEARD),
        (State.HEARD, Input.SILENT): Step(Prober.on_silent, State.PROBING),
        (State.PROBING, Input.SIGN_OF_LIFE): Step(Prober.on_answered_otherwise, State.HEARD),
        (State.PROBING, Input.ACKNOWLEDGED): Step(Prober.on_acknowledged, State.HEARD),
        (State.PROBING, Input.UNANSWERED): Step(Prober.on_unanswered, State.PROBING),
        (State.PROBING, Input.EXHAUSTED): Step(Prober.on_exhausted, State.DEAD),
    }
)

REJECTED: Final[frozenset[tuple[Enum, Enum]]] = frozenset(
    {
        *product((State.HEARD,), (Input.ACKNOWLEDGED, Input.UNANSWERED, Input.EXHAUSTED)),
        (State.PROBING, Input.SILENT),
        *product((State.DEAD,), Input),
    }
)
"""Every pair that the table does not have: an acknowledgement that nobody asked for among them."""
