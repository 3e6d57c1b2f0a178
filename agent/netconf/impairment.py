"""What a fault does to the reply of one request, frame by frame; the session keeps the time.

`delay` and `error` touch no frame. What is cut off, or never sent, ends the session.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from lxml import etree

from agent.datastore.errors import ErrorType, RpcError
from agent.datastore.faults import FaultKind, FaultRule
from agent.netconf.messages import REPLY_END

PARTS: Final = 20
"""In how many parts the beginning of a slow reply is sent."""
UNCLOSED: Final = "</rpc-reply"
"""The end of a reply that no parser takes, in a frame that every client takes."""
ENDING: Final = frozenset({FaultKind.CLOSE, FaultKind.TRUNCATE})
"""The faults that end the session with the reply."""


def refusal(rule: FaultRule) -> RpcError:
    """Return the error of choice."""
    return RpcError(ErrorType.APPLICATION, rule.error_tag, "a fault was injected: nothing has been carried out")


def mistake_message_id(root: etree._Element) -> None:
    """Have an rpc be answered under another message-id than its own."""
    root.set("message-id", f"not-{root.get('message-id', '')}")


def reply_end(rule: FaultRule | None) -> str:
    """Return how the reply is to end."""
    return UNCLOSED if rule is not None and rule.kind is FaultKind.MALFORMED else REPLY_END


def impaired(frames: Iterator[bytes], rule: FaultRule, pause: Callable[[float], None]) -> Iterator[bytes]:
    """Return the frames as the fault leaves them; `pause` holds the next one back for some seconds."""
    match rule.kind:
        case FaultKind.CLOSE:
            return iter(())
        case FaultKind.TRUNCATE:
            return _truncated(frames)
        case FaultKind.SLOW_REPLY:
            return _slow(frames, rule.seconds, pause)
        case FaultKind.DELAY:
            pause(rule.seconds)
            return frames
    return frames


def _truncated(frames: Iterator[bytes]) -> Iterator[bytes]:
    first = next(frames, b"")
    yield first[: len(first) // 2]


def _slow(frames: Iterator[bytes], seconds: float, pause: Callable[[float], None]) -> Iterator[bytes]:
    first = next(frames, b"")
    size = max(1, -(-len(first) // PARTS))
    for start in range(0, len(first), size):
        pause(seconds / PARTS)
        yield first[start : start + size]
    yield from frames
