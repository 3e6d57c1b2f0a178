"""The files that URLs of the NETCONF server name: a folder of the state directory (RFC 6241 section 8.8).

Invariants: nothing outside the folder is read or written, whatever lies in it: no link of either kind is followed. What
the folder takes of the disk is bounded, in files and in octets of each.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from agent.app.state import replace_file

FOLDER: Final = "files"
MAXIMUM_FILES: Final = 1000
MAXIMUM_OCTETS: Final = 64 * 1024 * 1024


class KeptFiles:
    """The folder of one state directory; satisfies netconf.url.Files."""

    def __init__(self, state: Path, maximum_files: int = MAXIMUM_FILES, maximum_octets: int = MAXIMUM_OCTETS) -> None:
        """Use the folder of a state directory that is ours; it is made when it is first written to."""
        self._path = state / FOLDER
        self._maximum_files = maximum_files
        self._maximum_octets = maximum_octets

    def read(self, name: str) -> bytes:
        """Return what is in a file."""
        with self._folder() as folder:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # not to wait for a named pipe
            descriptor = os.open(name, flags, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                self._check(os.fstat(descriptor))
                return file.read(self._maximum_octets)

    def write(self, name: str, content: bytes) -> None:
        """Replace a file, whole or not at all."""
        if len(content) > self._maximum_octets:
            raise OSError(errno.EFBIG, f"a file has {self._maximum_octets} octets at most")
        self._path.mkdir(mode=0o700, exist_ok=True)
        with self._folder() as folder:
            names = os.listdir(folder)
            if name not in names and len(names) >= self._maximum_files:
                raise OSError(errno.ENOSPC, f"there are {self._maximum_files} files already")
            replace_file(folder, name, content)

    def remove(self, name: str) -> None:
        """Remove a file that there is."""
        with self._folder() as folder:
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    def _check(self, found: os.stat_result) -> None:
        """Refuse what is no file of ours: another kind of file, one with a second name elsewhere, one too large."""
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise OSError(errno.EPERM, "not a plain file")
        if found.st_size > self._maximum_octets:
            raise OSError(errno.EFBIG, f"a file has {self._maximum_octets} octets at most")

    @contextmanager
    def _folder(self) -> Iterator[int]:
        """Open the folder, which is no link."""
        descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)
