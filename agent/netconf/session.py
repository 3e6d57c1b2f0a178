"""One NETCONF session as a sans-IO engine (RFC 6241 sections 4 and 8.1).

Bytes go in with `receive`, bytes are pulled out with `transmit`. A request is begun only when the reply before it has
been pulled out, so requests are answered one after the other, a reply of any size needs little memory, and a client
that does not read holds up nobody else.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from agent.datastore import errors
from agent.datastore.errors import RpcError, RpcErrors
from agent.datastore.notifications import Notification
from agent.datastore.output import render_output
from agent.datastore.registry import Caller, Pending
from agent.datastore.schema import SchemaNode
from agent.netconf.capabilities import BASE_1_1, BadHello, common_base, parse_hello, render_hello
from agent.netconf.errors import render_errors
from agent.netconf.framing import ChunkedFramer, EndOfMessageFramer, Framer, FramingError, MessageTooBig
from agent.netconf.messages import REPLY_END, MalformedMessage, parse_document, parse_rpc, reply_start
from agent.netconf.operations import execute
from agent.netconf.request import Host, Reply
from agent.netconf.subscriptions import Replay, Subscription, render_message

PIECE_CHARACTERS: Final = 32 * 1024
"""How much of a reply is made at a time."""
WAITING_BYTES: Final = 64 * 1024
"""How much input may wait behind a request that is being answered."""
WAITING_NOTIFICATIONS: Final = 1000
"""How many notifications may wait for a client that does not read."""
log: Final = logging.getLogger(__name__)


class State(Enum):
    """The life of a session."""

    WAITING_FOR_HELLO = "waiting for hello"
    OPEN = "open"
    CLOSING = "closing"
    FINISHED = "finished"


@dataclass(slots=True)
class SessionCounters:
    """The counters of ietf-netconf-monitoring for one session (RFC 6022 section 2.1.4)."""

    in_rpcs: int = 0
    in_bad_rpcs: int = 0
    out_rpc_errors: int = 0
    out_notifications: int = 0
    dropped_notifications: int = 0


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Limits of a session: seconds of management time (0: none) and bytes."""

    hello_seconds: float = 60.0
    idle_seconds: float = 0.0
    message_bytes: int = 64 * 1024 * 1024


class Alarm(Protocol):
    """A call that is to come."""

    def cancel(self) -> None:
        """See to it that it does not come."""


class Keeper(Host, Protocol):
    """What a session needs of the server beside what operations need."""

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What the hello announces."""

    def replay(self, session: NetconfSession, subscription: Subscription) -> Replay | None:
        """Return what is to be told from the log, None for a subscription that does not ask for it."""

    def end_of_subscription(self) -> Notification:
        """Return the word that a subscription has come to its stop time."""

    def call_at(self, at: int, callback: Callable[[], object]) -> Alarm:
        """Call back at a device time in microseconds; before this returns, if that is over."""

    def started(self, session: NetconfSession) -> None:
        """Learn that a session has become usable: hellos have been exchanged."""

    def ended(self, session: NetconfSession, reason: EndReason) -> None:
        """Learn that a session is over: its locks go, its id is free."""


class EndReason(Enum):
    """Why a session ended (the termination reasons of RFC 6470)."""

    CLOSED = "closed"
    KILLED = "killed"
    DROPPED = "dropped"
    TIMEOUT = "timeout"
    BAD_HELLO = "bad-hello"
    OTHER = "other"


class NetconfSession:
    """A session from hello to end; satisfies transport.endpoint.Session."""

    def __init__(
        self,
        keeper: Keeper,
        caller: Caller,
        wake: Callable[[], None],
        limits: SessionLimits,
        now: Callable[[], float],
    ) -> None:
        """Begin with the server's hello, which waits for nobody (RFC 6241 section 8.1); `now` gives management time."""
        self.caller = caller
        self.counters = SessionCounters()
        self.killed_by: int | None = None
        self._keeper = keeper
        self._wake = wake
        self._limits = limits
        self._state = State.WAITING_FOR_HELLO
        self._framer: Framer = EndOfMessageFramer(limits.message_bytes)
        self._now = now
        self._quiet_since = now()
        self._pending: tuple[Pending, SchemaNode] | None = None
        self._outgoing: Iterator[bytes] | None = iter(
            (render_hello(keeper.capabilities, caller.session_id) + self._framer.end,)
        )
        self._start = reply_start(None)
        self._has_begun = True
        self._subscription: Subscription | None = None
        self._replay: Replay | None = None
        self._stop: Alarm | None = None
        self._notices: deque[Notification] = deque()

    @property
    def is_subscribed(self) -> bool:
        """Whether notifications are sent on this session."""
        return self._subscription is not None

    @property
    def state(self) -> State:
        """Where the session is in its life."""
        return self._state

    @property
    def wants_input(self) -> bool:
        """False while enough input waits behind a request that is being answered."""
        busy = self._outgoing is not None or self._pending is not None or self._replay is not None
        return not (busy and self._framer.waiting_bytes > WAITING_BYTES)

    @property
    def is_finished(self) -> bool:
        """Whether the transport has nothing more to do than to close."""
        return self._state is State.FINISHED

    def receive(self, data: bytes) -> None:
        """Take bytes; after the end of the session they are ignored."""
        if self._state in (State.WAITING_FOR_HELLO, State.OPEN):
            self._quiet_since = self._now()
            self._framer.receive(data)

    def transmit(self, limit: int) -> bytes:
        """Return about `limit` bytes to send, carrying out requests as far as that takes; empty for nothing."""
        output = bytearray()
        while len(output) < limit and (piece := self._next_piece()) is not None:
            output += piece
        return bytes(output)

    def lost(self) -> None:
        """End without a word: the channel is gone."""
        self._end(EndReason.DROPPED)

    def kill(self, by: int) -> None:
        """End at once, at the request of the session with the id `by`."""
        self.killed_by = by
        self._end(EndReason.KILLED)
        self._wake()

    def finish_after_reply(self) -> None:
        """Take no more requests, and end when what is being sent has been sent."""
        self._state = State.CLOSING

    def subscribe(self, subscription: Subscription) -> None:
        """Send notifications, those of the log first; a session has one subscription (RFC 5277 section 6.5)."""
        if self._subscription is not None:
            raise errors.operation_failed("this session has a subscription already")
        self._subscription = subscription
        self._replay = self._keeper.replay(self, subscription)
        if subscription.stop_at is not None:
            self._stop = self._keeper.call_at(subscription.stop_at, self._on_stop)

    def _on_stop(self) -> None:
        """End the subscription; what is still to be told goes before the word that it has ended."""
        self._subscription = self._stop = None
        self._notices.append(self._keeper.end_of_subscription())
        self._wake()

    def notify(self, notification: Notification) -> None:
        """Tell of something that happened, if it is wanted; a client that does not read loses what does not fit."""
        if self._state is not State.OPEN or self._subscription is None or not self._subscription.wants(notification):
            return
        if len(self._notices) >= WAITING_NOTIFICATIONS:
            self.counters.dropped_notifications += 1
            return
        self._notices.append(notification)
        self._wake()

    def next_deadline(self) -> float | None:
        """When the session ends for want of a hello, or of requests, in seconds of management time."""
        if self._state is State.WAITING_FOR_HELLO:
            seconds = self._limits.hello_seconds
        elif self._state is State.OPEN and not (self._outgoing or self._pending or self._subscription):
            seconds = self._limits.idle_seconds
        else:
            seconds = 0.0
        return self._quiet_since + seconds if seconds else None

    def advance(self, now: float) -> None:
        """End the session if, at the management time `now`, it has been quiet for too long."""
        deadline = self.next_deadline()
        if deadline is not None and now >= deadline:
            self._end(EndReason.TIMEOUT)

    def _next_piece(self) -> bytes | None:
        """Return the next piece to send, or None when there is nothing to do before something comes in."""
        try:
            return self._step()
        except (RpcError, RpcErrors) as error:
            self._fail(error.errors)
        except Exception:  # the one broad except: a defect of ours must not cost the client its session
            log.exception("session %d: a request failed", self.caller.session_id)
            self._fail((errors.operation_failed("the server failed to carry this out; its log says why"),))
        return b""

    def _step(self) -> bytes | None:
        if self._outgoing is not None:
            piece = next(self._outgoing, None)
            if piece is not None:
                self._has_begun = True
                return piece
            self._outgoing = None
            self._quiet_since = self._now()
        if self._state is State.CLOSING:
            self._end(EndReason.CLOSED)
        if self._replay is not None:
            return self._replay_some(self._replay)
        if self._notices:
            self._tell(self._notices.popleft())
            return b""
        if self._pending is not None:
            return self._settle(*self._pending)
        message = self._next_message() if self._state in (State.WAITING_FOR_HELLO, State.OPEN) else None
        if message is None:
            return None
        self._has_begun = False
        if self._state is State.WAITING_FOR_HELLO:
            self._on_hello(message)
        else:
            self._on_message(message)
        return b""

    def _replay_some(self, replay: Replay) -> bytes | None:
        """Send the next notification of the log; None when other sessions should have their turn first."""
        notification = replay.next()
        if notification is None:
            self._wake()
            return None
        if replay.is_over:
            self._replay = None
        self._tell(notification)
        return b""

    def _tell(self, notification: Notification) -> None:
        self.counters.out_notifications += 1
        self._has_begun = True
        self._outgoing = self._framed("", iter((render_message(notification),)), "")

    def _fail(self, refused: tuple[RpcError, ...]) -> None:
        """Refuse the request if nothing of its reply has been sent yet; else the session cannot go on."""
        if self._has_begun or self._state not in (State.OPEN, State.CLOSING):
            self._end(EndReason.OTHER)
        else:
            self._refuse(refused)

    def _next_message(self) -> bytes | None:
        try:
            return self._framer.next_message()
        except (FramingError, MessageTooBig) as error:
            log.info("session %d: %s", self.caller.session_id, error)
            self._end(EndReason.DROPPED)
            return None

    def _on_hello(self, message: bytes) -> None:
        try:
            base = common_base(parse_hello(message))
        except BadHello as error:
            log.info("session %d: %s", self.caller.session_id, error)
            self._end(EndReason.BAD_HELLO)
            return
        if base == BASE_1_1:
            rest = self._framer.remainder()
            self._framer = ChunkedFramer(self._limits.message_bytes)
            self._framer.receive(rest)
        self._state = State.OPEN
        self._keeper.started(self)

    def _on_message(self, message: bytes) -> None:
        self._start = reply_start(None)
        try:
            root = parse_document(message)
            self._start = reply_start(root)
            operation = parse_rpc(root)
        except MalformedMessage as error:
            self._on_bad_rpc(errors.malformed_message(str(error)))
        except RpcError as error:
            self._on_bad_rpc(error)
        else:
            self.counters.in_rpcs += 1
            self._answer(*execute(self._keeper, self, operation))

    def _on_bad_rpc(self, error: RpcError) -> None:
        """Refuse; base:1.0 has no malformed-message, so there the session ends instead (RFC 6241 appendix A)."""
        self.counters.in_bad_rpcs += 1
        if error.tag == "malformed-message" and not isinstance(self._framer, ChunkedFramer):
            self._end(EndReason.DROPPED)
        else:
            self._refuse((error,))

    def _answer(self, reply: Reply, rpc: SchemaNode) -> None:
        if isinstance(reply, Pending):
            self._pending = (reply, rpc)
            reply.when_settled(self._wake)
        else:
            self._outgoing = self._framed(self._start, reply, REPLY_END)

    def _settle(self, pending: Pending, rpc: SchemaNode) -> bytes | None:
        """Answer the request that waits, None when its answer is not there yet."""
        outcome = pending.outcome
        if outcome is None:
            return None
        self._pending = None
        self._has_begun = False  # What was sent while it was waited for was notifications, not the reply.
        if isinstance(outcome, Exception):
            raise outcome
        self._answer(render_output(rpc.output, outcome), rpc)
        return b""

    def _refuse(self, refused: tuple[RpcError, ...]) -> None:
        self.counters.out_rpc_errors += len(refused)
        self._outgoing = self._framed(self._start, iter((render_errors(refused),)), REPLY_END)

    def _framed(self, start: str, pieces: Iterator[str], end: str) -> Iterator[bytes]:
        """Gather the pieces of one message into frames."""
        gathered, size = [start], len(start)
        for piece in pieces:
            gathered.append(piece)
            size += len(piece)
            if size >= PIECE_CHARACTERS:
                yield self._framer.encode("".join(gathered).encode())
                gathered, size = [], 0
        gathered.append(end)
        yield self._framer.encode("".join(gathered).encode()) + self._framer.end

    def _end(self, reason: EndReason) -> None:
        if self._state is State.FINISHED:
            return
        self._state = State.FINISHED
        self._outgoing = self._pending = self._subscription = self._replay = None
        if self._stop is not None:
            self._stop.cancel()
        self._notices.clear()
        self._keeper.ended(self, reason)
