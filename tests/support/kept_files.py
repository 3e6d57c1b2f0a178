"""The files that URLs name, in memory."""

from __future__ import annotations


class MemoryFiles:
    """A folder that takes what it is given, unless its disk is full."""

    def __init__(self, **contents: str) -> None:
        self.contents = {f"{name}.xml": content.encode() for name, content in contents.items()}
        self.is_full = False

    def read(self, name: str) -> bytes:
        """Return what is in a file."""
        if name not in self.contents:
            raise FileNotFoundError(2, "No such file or directory")
        return self.contents[name]

    def write(self, name: str, content: bytes) -> None:
        """Replace a file."""
        if self.is_full:
            raise OSError(28, "No space left on device")
        self.contents[name] = content

    def remove(self, name: str) -> None:
        """Remove a file."""
        self.read(name)
        del self.contents[name]
