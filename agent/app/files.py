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

from agent.app.state import remove_drafts, replace_file
from agent.netconf.url import FileLimitMet, FileLimits

FOLDER: Final = "files"


class KeptFiles:
    """The folder of one state directory; satisfies netconf.url.Files."""

    def __init__(self, state: Path) -> None:
        """Use the folder of a state directory that is ours; it is made when it is first written to."""
        self._path = state / FOLDER

    def read(self, name: str, limits: FileLimits) -> bytes:
        """Return what is in a file."""
        with self._folder() as folder:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # not to wait for a named pipe
            descriptor = os.open(name, flags, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                _check(os.fstat(descriptor), limits)
                return file.read(limits.octets)

    def write(self, name: str, content: bytes, limits: FileLimits) -> None:
        """Replace a file, whole or not at all."""
        if len(content) > limits.octets:
            raise _too_large(limits)
        self._path.mkdir(mode=0o700, exist_ok=True)
        with self._folder() as folder:
            remove_drafts(folder)
            names = os.listdir(folder)
            if name not in names and len(names) >= limits.files:
                raise FileLimitMet(errno.ENOSPC, f"there are {limits.files} files already", "files")
            replace_file(folder, name, content)

    def remove(self, name: str) -> None:
        """Remove a file that there is."""
        with self._folder() as folder:
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    @contextmanager
    def _folder(self) -> Iterator[int]:
        """Open the folder, which is no link."""
        descriptor = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _check(found: os.stat_result, limits: FileLimits) -> None:
    """Refuse what is no file of ours: another kind of file, one with a second name elsewhere, one too large."""
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        raise OSError(errno.EPERM, "not a plain file")
    if found.st_size > limits.octets:
        raise _too_large(limits)


def _too_large(limits: FileLimits) -> FileLimitMet:
    return FileLimitMet(errno.EFBIG, f"a file has {limits.octets} octets at most", "file-bytes")
