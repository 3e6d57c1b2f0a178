"""NETCONF framing, incremental: end-of-message and chunked (RFC 6242 sections 4.2 and 4.3).

A framer gives one message at a time, so that the switch to chunks after the hello happens at a message's end and not
at a read's. Memory is bounded: a message that grows over the limit is refused while it arrives.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

END_OF_MESSAGE: Final = b"]]>]]>"
END_OF_CHUNKS: Final = b"\n##\n"
MAXIMUM_CHUNK_BYTES: Final = 4_294_967_295
MAXIMUM_MESSAGE_BYTES: Final = 64 * 1024 * 1024
MAXIMUM_CHUNKS: Final = 100_000
"""Of one message: its chunks may be small, but not all of them."""
_HEADER: Final = re.compile(rb"\n#(?:([1-9][0-9]{0,9})|(#))\n")
_PARTIAL_HEADER: Final = re.compile(rb"(?:\n(?:#(?:#|[1-9][0-9]{0,9})?)?)?\Z")


class FramingError(Exception):
    """Bytes that are no frame: the session cannot go on (RFC 6242 section 4.2)."""


class MessageTooBig(Exception):
    """A message larger than this server takes; the session cannot go on. `limit` is the setting that it is over."""

    def __init__(self, message: str, limit: str = "message-bytes") -> None:
        super().__init__(message)
        self.limit = limit


class Framer(Protocol):
    """Bytes to messages and back."""

    def receive(self, data: bytes) -> None:
        """Take bytes as they come."""

    def next_message(self) -> bytes | None:
        """Return the next whole message, None when there is none yet; FramingError, MessageTooBig."""

    def remainder(self) -> bytes:
        """Return the bytes after the last message given out, for the framer that follows."""

    def encode(self, piece: bytes) -> bytes:
        """Return a piece of a message as it goes on the wire."""

    @property
    def end(self) -> bytes:
        """What goes on the wire after the last piece of a message."""

    @property
    def waiting_bytes(self) -> int:
        """How many bytes have come in and not been given out."""


class EndOfMessageFramer:
    """Messages that end with ]]>]]> (RFC 6242 section 4.3): the hello, and base:1.0."""

    end = END_OF_MESSAGE

    def __init__(self, maximum_bytes: int = MAXIMUM_MESSAGE_BYTES) -> None:
        """Start empty; `maximum_bytes` bounds one message."""
        self._maximum = maximum_bytes
        self._buffer = bytearray()
        self._searched = 0

    def receive(self, data: bytes) -> None:
        """Take bytes as they come."""
        self._buffer += data

    def next_message(self) -> bytes | None:
        """Return the next whole message, None when there is none yet."""
        found = self._buffer.find(END_OF_MESSAGE, self._searched)
        if (len(self._buffer) if found < 0 else found) > self._maximum:
            raise MessageTooBig(f"a message may have {self._maximum} bytes")
        if found < 0:
            self._searched = max(0, len(self._buffer) - len(END_OF_MESSAGE) + 1)
            return None
        message = bytes(self._buffer[:found])
        del self._buffer[: found + len(END_OF_MESSAGE)]
        self._searched = 0
        return message

    def remainder(self) -> bytes:
        """Return the bytes after the last message given out."""
        return bytes(self._buffer)

    @property
    def waiting_bytes(self) -> int:
        """How many bytes have come in and not been given out."""
        return len(self._buffer)

    def encode(self, piece: bytes) -> bytes:
        """Return the piece as it is: text never holds the end mark, since > is escaped."""
        return piece


class ChunkedFramer:
    """Messages as chunks with their lengths (RFC 6242 section 4.2): base:1.1."""

    end = END_OF_CHUNKS

    def __init__(self, maximum_bytes: int = MAXIMUM_MESSAGE_BYTES, maximum_chunks: int = MAXIMUM_CHUNKS) -> None:
        """Start empty; the maxima bound one message."""
        self._maximum = maximum_bytes
        self._maximum_chunks = maximum_chunks
        self._buffer = bytearray()
        self._message = bytearray()
        self._left = 0
        self._chunks = 0

    def receive(self, data: bytes) -> None:
        """Take bytes as they come."""
        self._buffer += data

    def next_message(self) -> bytes | None:
        """Return the next whole message, None when there is none yet."""
        if not self._buffer:
            return None
        message = self._message_of_one_chunk()
        return self._message_of_chunks() if message is None else message

    def _message_of_one_chunk(self) -> bytes | None:
        """Return the next message if it is there, one chunk, and within the limits: what most are."""
        header = _HEADER.match(self._buffer) if not self._chunks and self._maximum_chunks else None
        if header is None or header[1] is None:
            return None
        end = header.end() + int(header[1])
        if end - header.end() > self._maximum or not self._buffer.startswith(END_OF_CHUNKS, end):
            return None
        message = bytes(memoryview(self._buffer)[header.end() : end])
        del self._buffer[: end + len(END_OF_CHUNKS)]
        return message

    def _message_of_chunks(self) -> bytes | None:
        while True:
            if self._left:
                if not self._buffer:
                    return None
                self._take_content()
                continue
            header = _HEADER.match(self._buffer)
            if header is None:
                self._check_partial()
                return None
            size = int(header[1] or 0)
            del self._buffer[: header.end()]
            if not size:
                return self._finish()
            self._begin_chunk(size)

    def remainder(self) -> bytes:
        """Return the bytes after the last message given out."""
        return bytes(self._buffer)

    @property
    def waiting_bytes(self) -> int:
        """How many bytes have come in and not been given out."""
        return len(self._buffer) + len(self._message)

    def encode(self, piece: bytes) -> bytes:
        """Return the piece as one chunk; it is not empty."""
        return b"\n#%d\n%b" % (len(piece), piece)

    def _take_content(self) -> None:
        content = self._buffer[: self._left]
        self._message += content
        self._left -= len(content)
        del self._buffer[: len(content)]

    def _begin_chunk(self, size: int) -> None:
        if size > MAXIMUM_CHUNK_BYTES:
            raise FramingError(f"a chunk of {size} bytes: at most {MAXIMUM_CHUNK_BYTES} are allowed")
        if len(self._message) + size > self._maximum:
            raise MessageTooBig(f"a message may have {self._maximum} bytes")
        if self._chunks >= self._maximum_chunks:
            raise MessageTooBig(f"a message may have {self._maximum_chunks} chunks", "message-chunks")
        self._left = size
        self._chunks += 1

    def _finish(self) -> bytes:
        if not self._chunks:
            raise FramingError("the end of chunks without a chunk before it")
        message, self._message, self._chunks = bytes(self._message), bytearray(), 0
        return message

    def _check_partial(self) -> None:
        """Refuse what can no longer become a chunk's header."""
        start = bytes(self._buffer[:13])
        if not _PARTIAL_HEADER.match(start):
            raise FramingError(f"{start!r} is no chunk header")
