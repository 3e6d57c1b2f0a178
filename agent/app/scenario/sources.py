"""The files that a scenario is read from: those beside it, or, for one that came over the network, the shipped ones.

Invariant: everything that is read goes into the digest, in the order of reading.
"""

from __future__ import annotations

from hashlib import sha256
from importlib.resources.abc import Traversable
from pathlib import PurePath

from agent.app.document import Section

BESIDE = "a file beside the scenario"


def is_there(path: Traversable) -> bool:
    """Whether there is a file; there is none whose name is longer than any may be, or that cannot be got to."""
    try:
        return path.is_file()
    except OSError:
        return False


class Sources:
    """One folder, and the digest of what was read from it."""

    def __init__(self, folder: Traversable, *, is_open: bool) -> None:
        """Read from a folder; only one that `is_open` lets names lead out of it."""
        self._folder = folder
        self._is_open = is_open
        self._digest = sha256()

    @property
    def digest(self) -> str:
        """The digest of all that was read so far, in hexadecimal digits."""
        return self._digest.hexdigest()

    def add(self, content: bytes) -> None:
        """Count something in that was read elsewhere."""
        self._digest.update(b"%d:" % len(content) + content)

    def existing(self, name: str) -> Traversable:
        """Return a file; ValueError when there is none of this name."""
        path = self._folder / name
        if not (self._is_open or PurePath(name).name == name) or not is_there(path):
            raise ValueError(name)
        return path

    def read(self, path: Traversable) -> bytes:
        """Return what is in a file."""
        content = path.read_bytes()
        self.add(content)
        return content

    def octets(self, section: Section, key: str) -> bytes:
        """Return what is in the file that a section names."""
        return self.read(section.read(key, self.existing, BESIDE))
