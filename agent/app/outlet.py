"""Where the log goes out, so that nobody waits for it: whoever reads it may be slow, or have stopped reading.

Invariants: writing never blocks; what waits is bounded, lines beyond that are lost and their number is told; the end of
the process waits a moment for the rest, and no longer.
"""

from __future__ import annotations

import os
from queue import Full, Queue
from threading import Thread
from typing import Final

LINES: Final = 10_000
END_SECONDS: Final = 1.0


class Outlet:
    """A file descriptor that is written to by a thread of its own; satisfies what logging.StreamHandler needs."""

    def __init__(self, descriptor: int, lines: int = LINES) -> None:
        """Begin to write to a descriptor, which stays its owner's."""
        self.lost = 0
        """How many lines were lost."""
        self._told = 0
        self._descriptor = descriptor
        self._waiting: Queue[str | None] = Queue(lines)
        # A daemon, because nothing can be done about a write that never returns.
        self._thread = Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Take a line to be written."""
        try:
            self._waiting.put_nowait(text)
        except Full:
            self.lost += 1

    def flush(self) -> None:
        """Do nothing: nobody waits."""

    def close(self) -> None:
        """Write what waits, if that does not take long."""
        try:
            self._waiting.put(None, timeout=END_SECONDS)
        except Full:
            return
        self._thread.join(END_SECONDS)

    def _run(self) -> None:
        while (text := self._waiting.get()) is not None:
            if self.lost > self._told:
                text, self._told = f"{text}{self.lost - self._told} lines of the log were lost\n", self.lost
            try:
                self._put(text.encode("utf-8", "backslashreplace"))
            except OSError:
                self.lost += 1

    def _put(self, octets: bytes) -> None:
        while octets:
            octets = octets[os.write(self._descriptor, octets) :]
