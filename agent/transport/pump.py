"""The pump: drives one sans-IO session over one byte stream, whatever the stream is made of.

Invariants: output is pulled, never pushed: at most ``TURN_BYTES`` in one turn of the loop and nothing while the stream
is congested, so a reply of any size passes in bounded memory; a session that wants no input gets none; the session is
told that its stream is lost exactly once, and nothing is asked of it after that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from agent.transport.endpoint import Cancellable, Loop, Session, Wake
from agent.transport.turns import Turns

TURN_BYTES: Final = 65_536
"""The most that one session sends in one turn of the loop."""


class Stream(Protocol):
    """What a pump needs of a connection."""

    @property
    def is_congested(self) -> bool:
        """True while what was written waits for the other end to read; the pump is told when that is over."""

    def write(self, data: bytes) -> None:
        """Send, or buffer."""

    def pause_reading(self) -> None:
        """Deliver no input, and let the other end feel it."""

    def resume_reading(self) -> None:
        """Deliver input again; what has waited may be delivered within this call."""

    def finish(self) -> None:
        """Deliver what was written, then close."""


class Pump:
    """One session on one stream. Everything happens in the loop's thread."""

    def __init__(
        self, stream: Stream, make_session: Callable[[Wake], Session], loop: Loop, turns: Turns | None = None
    ) -> None:
        """Begin; `turns` are shared with the other sessions of a listener, None for one that is alone."""
        self._stream = stream
        self._loop = loop
        self._turns = turns or Turns()
        self._session: Session | None = make_session(self.arrange_turn)
        self._turn_is_arranged = False
        self._input_is_paused = False
        self._is_draining = False
        self._timer: Cancellable | None = None
        self._timer_at = 0.0
        self._surplus = b""
        """What is over of the last turn: a turn's worth fills its packets, since it is a multiple of theirs."""

    def receive(self, data: bytes) -> None:
        """Hand input to the session. What it answers goes out at once, unless a turn is already arranged."""
        if self._session is None:
            return
        self._session.receive(data)
        if not self._turn_is_arranged:
            self.turn()

    def arrange_turn(self) -> None:
        """Look at the session soon, in its turn: it may have something to send, or want input again."""
        if not self._turn_is_arranged and self._session is not None:
            self._turn_is_arranged = True
            self._turns.arrange(self._loop, self._arranged_turn)

    def drain(self) -> None:
        """End the session as soon as it has nothing more to send."""
        self._is_draining = True
        self.arrange_turn()

    def lost(self) -> None:
        """Learn that the stream is gone."""
        session, self._session = self._session, None
        self._surplus = b""
        self._cancel_timer()
        if session is not None:
            session.lost()

    def turn(self) -> None:
        """Send one turn's worth, and see to the end, the input and the timers of the session."""
        session = self._session
        if session is None:
            return
        is_exhausted = self._send(session)
        if session.is_finished or (self._is_draining and is_exhausted):
            self._finish(session)
            return
        self._control_input(session)
        self._arrange_timer(session)

    def _arranged_turn(self) -> None:
        self._turn_is_arranged = False
        self._perform(self.turn)

    def _send(self, session: Session) -> bool:
        """Send one turn's worth and return whether the session has nothing more at present."""
        budget = TURN_BYTES
        while budget > 0 and not self._stream.is_congested:
            data = self._surplus + session.transmit(max(0, budget - len(self._surplus)))
            if not data:
                return True
            self._surplus = data[budget:]
            self._stream.write(data[:budget])
            budget -= len(data)
        if budget <= 0:
            self.arrange_turn()
        return False

    def _finish(self, session: Session) -> None:
        self._session = None
        self._cancel_timer()
        if self._surplus:
            self._stream.write(self._surplus)
        self._stream.finish()
        session.lost()

    def _control_input(self, session: Session) -> None:
        if session.wants_input == (not self._input_is_paused):
            return
        self._input_is_paused = not self._input_is_paused
        if self._input_is_paused:
            self._stream.pause_reading()
        else:  # in a fresh turn, because input that has waited would be delivered within this one
            self._loop.call_soon(self._resume_input)

    def _resume_input(self) -> None:
        if self._session is not None and not self._input_is_paused:
            self._stream.resume_reading()

    def _arrange_timer(self, session: Session) -> None:
        """Wake for the session's next deadline. A timer that is early only looks again, so it need not be moved."""
        deadline = session.next_deadline()
        if deadline is None or (self._timer is not None and self._timer_at <= deadline):
            return
        self._cancel_timer()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        if self._session is not None:
            self._perform(self._timed_turn)

    def _timed_turn(self) -> None:
        if self._session is not None:
            self._session.advance(self._loop.time())
            self.turn()

    def _perform(self, step: Callable[[], None]) -> None:
        """Do a step of the session's. One that raises ends it, since nobody else would; the loop logs why."""
        is_done = False
        try:
            step()
            is_done = True
        finally:
            if not is_done and self._session is not None:
                self._finish(self._session)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
