"""What one session may take of the server: its time, its messages, and what is done for it."""

from __future__ import annotations

from dataclasses import dataclass

from agent.datastore.xpath import XPATH_LIMITS, XPathLimits
from agent.netconf.messages import DOCUMENT_LIMITS, DocumentLimits
from agent.netconf.subscribed.delivery import RECEIVER_LIMITS, ReceiverLimits
from agent.netconf.url import FILE_LIMITS, FileLimits


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Limits of a session: seconds of management time (0: none) and bytes."""

    hello_seconds: float = 60.0
    idle_seconds: float = 0.0
    total_seconds: float = 0.0
    """How long it may last, busy or not."""
    message_bytes: int = 64 * 1024 * 1024
    message_chunks: int = 100_000
    document: DocumentLimits = DOCUMENT_LIMITS
    subscriptions: int = 64
    """Dynamic ones, of RFC 8639."""
    receiver: ReceiverLimits = RECEIVER_LIMITS
    waiting_input_bytes: int = 64 * 1024
    """How much input may wait behind a request that is being answered."""
    xpath: XPathLimits = XPATH_LIMITS
    files: FileLimits = FILE_LIMITS
    partial_locks: int = 64
    command_characters: int = 4096
    """Of a line at the prompt."""
