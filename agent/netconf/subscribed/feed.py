"""What has changed in what many see alike: written down once, and read by each in its own time (RFC 8641 section 3.7).

A reader that is quick reads change by change; one that has to wait for its turn, or for its client, finds more than one
and sends them together. So telling costs the more readers the less it can be afforded. Invariants: what is appended
costs the same however many read; it is kept until the slowest has read it, which is bounded: one that has more before
it than it may is told so, and has to be content with that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from agent.datastore.patch import Operation

FEW_CHARACTERS: Final = 65_536
"""Nobody looks for what has been read by all before so much more is kept."""


class Reader(Protocol):
    """One who reads."""

    @property
    def room(self) -> int:
        """How many characters may wait for it."""

    def wake(self) -> None:
        """Learn that there may be something to read."""

    def on_overflow(self) -> None:
        """Learn that more waits than may; it reads no more."""


@dataclass(frozen=True, slots=True)
class Change:
    """What has changed at one moment, `at` in microseconds of device time: records of a patch, as text."""

    at: int
    text: str


class Feed:
    """The changes of one watch, without the operations that are `excluded`, and those who read them."""

    def __init__(self, excluded: frozenset[Operation]) -> None:
        """Begin without a reader."""
        self.excluded = excluded
        self._kept: list[Change] = []
        self._starts: list[int] = []
        self._dropped = 0
        self._characters = 0
        self._look_at = FEW_CHARACTERS
        self._positions: dict[Reader, int] = {}
        self._idle: dict[Reader, None] = {}
        self._joined: tuple[int, str] = (-1, "")

    @property
    def _end(self) -> int:
        return self._dropped + len(self._kept)

    # Those who read

    def follow(self, reader: Reader) -> None:
        """Let somebody read what is appended from now on."""
        self._positions[reader] = self._end
        self._look_at = min(self._look_at, self._characters + reader.room)

    def leave(self, reader: Reader) -> Sequence[Change]:
        """Let somebody read no more, and return what it has not read."""
        position = self._positions.pop(reader, self._end)
        self._idle.pop(reader, None)
        return self._kept[position - self._dropped :]

    def follows(self, reader: Reader) -> bool:
        """Tell whether somebody reads."""
        return reader in self._positions

    def has_news(self, reader: Reader) -> bool:
        """Tell whether there is something that a reader has not read."""
        return self._positions.get(reader, self._end) < self._end

    def rest(self, reader: Reader) -> None:
        """Have a reader that has read everything woken by what comes next."""
        if reader in self._positions:
            self._idle[reader] = None

    def read(self, reader: Reader) -> Change | None:
        """Return all that a reader has not read, as of the last moment; None where there is nothing."""
        position, end = self._positions.get(reader, self._end), self._end
        if position == end:
            return None
        self._positions[reader] = end
        if self._joined[0] != position:  # Those who read one after the other have mostly read as much before.
            self._joined = (position, "".join([change.text for change in self._kept[position - self._dropped :]]))
        return Change(self._kept[-1].at, self._joined[1])

    # What is told

    def wake(self) -> None:
        """Wake those who have nothing to do; the others look by themselves."""
        idle, self._idle = self._idle, {}
        for reader in idle:
            reader.wake()

    def append(self, change: Change) -> None:
        """Tell everybody who reads of a change."""
        if not self._positions:
            return
        self._kept.append(change)
        self._starts.append(self._characters)
        self._characters += len(change.text)
        self._joined = (-1, "")
        if self._characters > self._look_at:
            self._shorten()
        self.wake()

    def _shorten(self) -> None:
        """See to those who have more to read than they may, and drop what all others have read."""
        for reader in list(self._positions):
            if self._characters > self._fills_at(reader):
                reader.on_overflow()
        read = min(self._positions.values(), default=self._end) - self._dropped
        del self._kept[:read], self._starts[:read]
        self._dropped += read
        kept = self._characters - self._starts[0] if self._starts else 0
        self._look_at = self._characters + max(FEW_CHARACTERS, kept)
        self._look_at = min([self._look_at, *map(self._fills_at, self._positions)])

    def _fills_at(self, reader: Reader) -> int:
        """Return how many characters there may ever have been when the first is too much for a reader."""
        position = self._positions[reader]
        begins = self._starts[position - self._dropped] if position < self._end else self._characters
        return begins + reader.room
