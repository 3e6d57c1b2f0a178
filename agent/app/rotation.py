"""A file of lines that is begun anew when it has grown large; a few of those before it are kept.

Invariants: a line is in the file whole or not at all, also when the disk is full or the process is killed; the file is
its owner's alone; what cannot be written costs the caller nothing but the line, and is counted.
"""

from __future__ import annotations

import errno
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

log: Final = logging.getLogger(__name__)


def append_whole(descriptor: int, size: int, line: bytes) -> None:
    """Append a line to a file of so many octets. OSError when it cannot be, and then nothing of it is there."""
    if os.write(descriptor, line) != len(line):
        os.ftruncate(descriptor, size)  # half a line would spoil the next one, too
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class RotatingFile:
    """FILE, and FILE.1 (the last one before it) to FILE.N, of so many octets each at most."""

    def __init__(self, path: Path, maximum_octets: int, kept: int) -> None:
        """Open nothing yet: the file is made by `open`, or with its first line."""
        self.path = path
        self.lost = 0
        """How many lines could not be written."""
        self._maximum = maximum_octets
        self._kept = kept
        self._descriptor: int | None = None
        self._size = 0
        self.is_failing = False
        """Whether the last line could not be written."""

    def open(self) -> None:
        """Make the file unless it is there; OSError when it could not be written to, nor another take its place."""
        if self._descriptor is None:
            self._descriptor = self._opened()
        if not os.access(self.path.parent, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "no further file can be made in this folder", str(self.path.parent))

    def write(self, line: bytes) -> bool:
        """Append a line, which ends with a newline; False, and a word in the log, when that cannot be."""
        try:
            self._append(line)
        except OSError as error:
            self.lost += 1
            if not self.is_failing:
                log.error("%s: %s: lines are lost from now on", self.path, error.strerror)
            self.is_failing = True
            return False
        if self.is_failing:
            log.warning("%s: lines are written again; lost until now: %d", self.path, self.lost)
        self.is_failing = False
        return True

    def close(self) -> None:
        """Close the file; a further line opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def _append(self, line: bytes) -> None:
        if self._descriptor is not None and self._size + len(line) > self._maximum and self._size:
            self._rotate()
        if self._descriptor is None:
            self._descriptor = self._opened()
        append_whole(self._descriptor, self._size, line)
        self._size += len(line)

    def _opened(self) -> int:
        """Open the file for appending; one that a crash of the machine has cut within a line is ended there."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o600)
        self._size = os.fstat(descriptor).st_size
        if self._size and os.pread(descriptor, 1, self._size - 1) != b"\n":
            self._size += os.write(descriptor, b"\n")
        return descriptor

    def _rotate(self) -> None:
        """Give every file the number after its own, up to the first that is free; the last one goes."""
        self.close()
        if not self._kept:
            self.path.unlink(missing_ok=True)
            return
        free = 1
        while free < self._kept and self._numbered(free).exists():
            free += 1
        for number in range(free, 0, -1):
            with suppress(FileNotFoundError):  # somebody has taken it away
                os.replace(self._numbered(number - 1), self._numbered(number))

    def _numbered(self, number: int) -> Path:
        """Return the name of one of those that are kept, 0 for that of the file itself."""
        return self.path.with_name(f"{self.path.name}.{number}") if number else self.path
