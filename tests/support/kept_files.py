"""The files that URLs name, in memory."""

from __future__ import annotations

from agent.netconf.url import FILE_LIMITS, FileLimits


class MemoryFiles:
    """A folder that takes what it is given, unless its disk is full."""

    def __init__(self, **contents: str) -> None:
        self.contents = {f"{name}.xml": content.encode() for name, content in contents.items()}
        self.is_full = False

    def read(self, name: str, limits: FileLimits = FILE_LIMITS) -> bytes:
        """Return what is in a file."""
        if name not in self.contents:
            raise FileNotFoundError(2, "No such file or directory")
        return self.contents[name]

    def write(self, name: str, content: bytes, limits: FileLimits = FILE_LIMITS) -> None:
        """Replace a file."""
        if self.is_full:
            raise OSError(28, "No space left on device")
        self.contents[name] = content

    def remove(self, name: str) -> None:
        """Remove a file."""
        self.read(name)
        del self.contents[name]
