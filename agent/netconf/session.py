"""One NETCONF session as a sans-IO engine (RFC 6241 sections 4 and 8.1).

Bytes go in with `receive`, bytes are pulled out with `transmit`. A request is begun only when the reply before it has
been pulled out, so requests are answered one after the other, a reply of any size needs little memory, and a client
that does not read holds up nobody else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol

from lxml import etree

from agent.datastore import errors
from agent.datastore.errors import RpcError, RpcErrors
from agent.datastore.faults import FaultKind, FaultRule
from agent.datastore.notifications import Notification
from agent.datastore.output import render_output
from agent.datastore.registry import Caller, Pending
from agent.datastore.schema import SchemaNode
from agent.netconf.capabilities import BASE_1_1, BadHello, common_base, parse_hello, render_hello
from agent.netconf.errors import render_errors
from agent.netconf.framing import ChunkedFramer, EndOfMessageFramer, Framer, FramingError, MessageTooBig
from agent.netconf.impairment import ENDING, impaired, mistake_message_id, refusal, reply_end
from agent.netconf.limits import SessionLimits
from agent.netconf.messages import (
    DocumentTooComplex,
    MalformedMessage,
    parse_document,
    parse_rpc,
    reply_start,
)
from agent.netconf.operations import execute
from agent.netconf.request import Host, Reply
from agent.netconf.subscribed.delivery import Message, Receiver
from agent.netconf.subscriptions import Subscriber, Subscription, Teller, render_message
from agent.netconf.tracing import Trace, fields, note, trace_of

PIECE_CHARACTERS: Final = 32 * 1024
"""How much of a reply is made at a time."""
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


class Keeper(Host, Teller, Protocol):
    """What a session needs of the server beside what operations need."""

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What the hello announces."""

    def settle(self) -> object:
        """Take in what has happened, before anything is sent."""

    def started(self, session: NetconfSession) -> None:
        """Learn that a session has become usable: hellos have been exchanged."""

    def requested(self, session: NetconfSession, message: bytes) -> None:
        """Learn of a message that is about to be carried out, or refused."""

    def answered(self, session: NetconfSession, refused: Sequence[RpcError]) -> None:
        """Learn what is answered to the message before: errors, or none."""

    def strike(self, session: NetconfSession, operation: etree._Element) -> FaultRule | None:
        """Return the fault on purpose that strikes a request, None for one that is to be answered as it should."""

    def subscribed(self, session: NetconfSession) -> None:
        """Learn that a session has a subscription of create-subscription."""

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
        self.limits = limits
        self._state = State.WAITING_FOR_HELLO
        self._framer: Framer = EndOfMessageFramer(limits.message_bytes)
        self._now = now
        self._began_at = self._quiet_since = now()
        self._pending: tuple[Pending, SchemaNode] | None = None
        self._outgoing: Iterator[bytes] | None = iter(
            (render_hello(keeper.capabilities, caller.session_id) + self._framer.end,)
        )
        self._start = reply_start(None)
        self._fault: FaultRule | None = None
        self._held_until: float | None = None
        self._has_begun = True
        self._is_leaving = False
        self._trace: Trace | None = None
        most = limits.receiver.notifications
        self._subscriber = Subscriber(keeper, lambda: self.caller, wake, self._on_dropped, most)
        self.receiver = Receiver(lambda: self.caller, wake, self._on_dropped, limits.receiver)
        self._was_told = False
        self._takes_input = True

    @property
    def is_subscribed(self) -> bool:
        """Whether there is a subscription of create-subscription on this session."""
        return self._subscriber.is_subscribed

    @property
    def maximum_subscriptions(self) -> int:
        """How many dynamic subscriptions it may have."""
        return self.limits.subscriptions

    @property
    def maximum_partial_locks(self) -> int:
        """How many partial locks it may have."""
        return self.limits.partial_locks

    @property
    def is_chunked(self) -> bool:
        """Whether messages are framed in chunks, which base:1.1 does."""
        return isinstance(self._framer, ChunkedFramer)

    @property
    def state(self) -> State:
        """Where the session is in its life."""
        return self._state

    @property
    def wants_input(self) -> bool:
        """False while enough input waits behind a request that is being answered."""
        busy = self._outgoing is not None or self._pending is not None or self._subscriber.is_replaying
        return not (busy and self._framer.waiting_bytes > self.limits.waiting_input_bytes)

    @property
    def waiting_notifications(self) -> int:
        """How many notifications wait to be sent."""
        return self._subscriber.waiting + self.receiver.waiting

    @property
    def waiting_bytes(self) -> int:
        """How many bytes have come in that belong to no request yet, or to one that is not begun."""
        return self._framer.waiting_bytes

    @property
    def is_finished(self) -> bool:
        """Whether the transport has nothing more to do than to close."""
        return self._state is State.FINISHED

    def receive(self, data: bytes) -> None:
        """Take bytes; after the end of the session they are ignored."""
        if self._state in (State.WAITING_FOR_HELLO, State.OPEN):
            self._quiet_since = self._now()
            self._framer.receive(data)
            self._note_refusal_of_input()

    def transmit(self, limit: int) -> bytes:
        """Return about `limit` bytes to send, carrying out requests as far as that takes; empty for nothing."""
        self._keeper.settle()
        pieces, size = list[bytes](), 0
        while size < limit and (piece := self._next_piece()) is not None:
            pieces.append(piece)
            size += len(piece)
        self._note_refusal_of_input()
        return b"".join(pieces)

    def _note_refusal_of_input(self) -> None:
        """Count each time that so much waits that no more is taken in."""
        took, self._takes_input = self._takes_input, self.wants_input
        if took and not self._takes_input:
            self._keeper.exceeded("waiting-input-bytes")

    def lost(self) -> None:
        """End without a word: the channel is gone."""
        self._end(EndReason.DROPPED)

    def kill(self, by: int) -> None:
        """End at once, at the request of the session with the id `by`."""
        self.killed_by = by
        self._end(EndReason.KILLED)
        self._wake()

    def leave(self) -> None:
        """Take no more requests, and end once what is asked and told already has been answered and sent."""
        self._is_leaving = True
        self._keeper.publisher.dismiss(self.receiver)
        self._wake()

    def give_up(self) -> bool:
        """Refuse the request whose answer is still to come: nobody will give it any more. False where there is none."""
        if self._pending is None:
            return False
        refused = Pending()
        refused.fail(errors.operation_failed("the server ended before this was done"))
        self._pending = (refused, self._pending[1])
        self._wake()
        return True

    def finish_after_reply(self) -> None:
        """Take no more requests, and end when what is being sent has been sent."""
        self._state = State.CLOSING

    def subscribe(self, subscription: Subscription) -> None:
        """Send notifications, those of the log first; a session has one subscription (RFC 5277 section 6.5)."""
        if self.receiver.subscriptions:
            message = "this session has subscriptions of the other kind, from establish-subscription"
            raise errors.operation_not_supported(message, errors.ErrorType.APPLICATION)
        self._subscriber.subscribe(subscription)
        self._keeper.subscribed(self)

    def notify(self, notification: Notification) -> None:
        """Tell of something that happened, if it is wanted; a client that does not read loses what does not fit."""
        if self._state is State.OPEN:
            self._subscriber.notify(notification)

    def _on_dropped(self) -> None:
        self.counters.dropped_notifications += 1

    def next_deadline(self) -> float | None:
        """When the session goes on, or ends for want of a hello, of requests or of time, in management time."""
        return min((at for at in (self._held_until, self._ends_at()) if at is not None), default=None)

    def advance(self, now: float) -> None:
        """End the session if, at the management time `now`, it has been quiet or there for too long."""
        ends_at = self._ends_at()
        if ends_at is not None and now >= ends_at:
            self._end(EndReason.TIMEOUT)

    def _ends_at(self) -> float | None:
        """Return when the session is ended, as things stand. A hello that comes in drops takes no longer than one."""
        limits, ends = self.limits, []
        if limits.total_seconds:
            ends.append(self._began_at + limits.total_seconds)
        if self._state is State.WAITING_FOR_HELLO and limits.hello_seconds:
            ends.append(self._began_at + limits.hello_seconds)
        if self._is_idle and limits.idle_seconds:
            ends.append(self._quiet_since + limits.idle_seconds)
        return min(ends, default=None)

    @property
    def _is_idle(self) -> bool:
        """Whether nothing is being done for the client, and nothing was asked to be."""
        is_told = self.is_subscribed or self.receiver.subscriptions
        busy = self._outgoing or self._pending or is_told or self._held_until is not None
        return self._state is State.OPEN and not busy

    def _next_piece(self) -> bytes | None:
        """Return the next piece to send, or None when there is nothing to do before something comes in."""
        try:
            return self._step()
        except (RpcError, RpcErrors) as error:
            self._fail(error.errors)
        except Exception:  # the one broad except: a defect of ours must not cost the client its session
            log.exception("session %d: a request failed", self.caller.session_id, extra=fields(self._trace))
            self._fail((errors.operation_failed("the server failed to carry this out; its log says why"),))
        return b""

    def _step(self) -> bytes | None:
        if self._is_held():
            return None
        if self._outgoing is not None:
            piece = next(self._outgoing, None)
            if piece is not None:
                self._has_begun = True
                return piece
            self._outgoing = None
            self._quiet_since = self._now()
        if self._state is State.CLOSING:
            self._end(EndReason.OTHER if self._fault is not None and self._fault.kind in ENDING else EndReason.CLOSED)
        if (notification := self._subscriber.next()) is not None:
            self._send(iter((render_message(notification),)))
            return b""
        if self._subscriber.is_replaying:
            return None
        # Requests and what is told of subscriptions take turns, so that neither keeps the other waiting.
        was_told, self._was_told = self._was_told, False
        if not was_told and self._state is State.OPEN and (update := self.receiver.next_message()) is not None:
            self._was_told = True
            self._send(update)
            return b""
        piece = self._go_on()
        return b"" if piece is None and was_told else piece

    def _go_on(self) -> bytes | None:
        """Answer the request that waits, or take in the next message; None when there is neither."""
        if self._pending is not None:
            return self._settle(*self._pending)
        if self._is_leaving and not self.receiver.waiting:
            self._end(EndReason.OTHER)
        takes_more = self._state in (State.WAITING_FOR_HELLO, State.OPEN) and not self._is_leaving
        message = self._next_message() if takes_more else None
        if message is None:
            return None
        self._has_begun = False
        if self._state is State.WAITING_FOR_HELLO:
            self._on_hello(message)
        else:
            self._on_message(message)
        return b""

    def release(self) -> bool:
        """Hold back no longer what a fault holds back; False where there is nothing of the kind."""
        was_held, self._held_until = self._held_until is not None, None
        return was_held

    def _is_held(self) -> bool:
        """Whether a fault holds back what is to be sent next."""
        if self._held_until is not None and self._now() >= self._held_until:
            self._held_until = None
        return self._held_until is not None

    def _pause(self, seconds: float) -> None:
        """Hold back what is to be sent next."""
        self._held_until = self._now() + seconds

    def _send(self, notification: Message) -> None:
        self.counters.out_notifications += 1
        self._has_begun = True
        self._outgoing = self._framed("", notification, "")

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
            if isinstance(error, MessageTooBig):
                self._keeper.exceeded(error.limit)
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
            self._framer = ChunkedFramer(self.limits.message_bytes, self.limits.message_chunks)
            self._framer.receive(rest)
        self._state = State.OPEN
        self._keeper.started(self)

    def _on_message(self, message: bytes) -> None:
        self._start, self._fault, self._trace = reply_start(None), None, None
        self._keeper.requested(self, message)
        try:
            root = parse_document(message, self.limits.document)
            self._start, self._trace = reply_start(root), trace_of(root)
            operation = parse_rpc(root)
        except MalformedMessage as error:
            if isinstance(error, DocumentTooComplex):
                self._keeper.exceeded(error.limit)
            self._on_bad_rpc(errors.malformed_message(str(error)))
        except RpcError as error:
            self._on_bad_rpc(error)
        else:
            self.counters.in_rpcs += 1
            note(log, self.caller.session_id, operation, self._trace)
            self._suffer(root, self._keeper.strike(self, operation))
            self._answer(*execute(self._keeper, self, operation))

    def _suffer(self, root: etree._Element, fault: FaultRule | None) -> None:
        """Let a fault strike the request; RpcError where it is not to be carried out."""
        self._fault = fault
        if fault is None:
            return
        if fault.kind is FaultKind.ERROR:
            raise refusal(fault)
        if fault.kind is FaultKind.WRONG_MESSAGE_ID:
            mistake_message_id(root)
            self._start = reply_start(root)

    def _on_bad_rpc(self, error: RpcError) -> None:
        """Refuse; base:1.0 has no malformed-message, so there the session ends instead (RFC 6241 appendix A)."""
        self.counters.in_bad_rpcs += 1
        if error.tag == "malformed-message" and not isinstance(self._framer, ChunkedFramer):
            self._end(EndReason.DROPPED)
        else:
            self._refuse((error,))

    def _answer(self, reply: Reply, rpc: SchemaNode | None) -> None:
        if isinstance(reply, Pending):
            assert rpc is not None, "what has no schema is answered at once"
            self._pending = (reply, rpc)
            reply.when_settled(self._wake)
        else:
            self._keeper.answered(self, ())
            self._reply(reply)

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
        self._keeper.answered(self, refused)
        self._reply(iter((render_errors(refused),)))

    def _reply(self, pieces: Iterator[str]) -> None:
        frames, fault = self._framed(self._start, pieces, reply_end(self._fault)), self._fault
        self._outgoing = frames if fault is None else impaired(frames, fault, self._pause)
        if fault is not None and fault.kind in ENDING:
            self.finish_after_reply()

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
        self._outgoing = self._pending = self._held_until = None
        self._subscriber.end()
        self._keeper.ended(self, reason)
        self.receiver.end()
