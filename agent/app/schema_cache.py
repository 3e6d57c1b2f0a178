"""What was read of YANG modules, kept for the next start in the user's cache directory.

It is found by a fingerprint of everything that it depends on, so that it need not be looked after; it can be deleted at
any time. Invariants: what somebody else than its owner could have written is not read; nothing in it is run; that it
cannot be kept is no error.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

SUFFIX: Final = ".json"
KEPT: Final = 4
"""So many are kept, the last ones used: each set of modules has its own."""
MAXIMUM_BYTES: Final = 256 * 1024 * 1024
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def cache_directory(environment: Mapping[str, str]) -> Path | None:
    """Return where it is kept, under the XDG cache home; None for a user without a home."""
    home = environment.get("XDG_CACHE_HOME", "")
    try:
        base = Path(home) if os.path.isabs(home) else Path.home() / ".cache"
    except RuntimeError:
        return None
    return base / "ipsec-agent" / "schema"


class SchemaCache:
    """A directory of definitions; satisfies datastore.schema.DefinitionsKeeper."""

    def __init__(self, folder: Path) -> None:
        """Use a directory, which is made when something is to be kept."""
        self._folder = folder

    def load(self, key: str) -> bytes | None:
        """Return what was kept under a key; None where there is nothing, or nothing that is ours alone."""
        try:
            with self._opened() as folder:
                descriptor = os.open(key + SUFFIX, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
                with os.fdopen(descriptor, "rb") as file:
                    if not _is_ours(os.fstat(descriptor)):
                        return None
                    os.utime(descriptor)
                    return file.read(MAXIMUM_BYTES)
        except OSError:
            return None

    def keep(self, key: str, definitions: bytes) -> None:
        """Keep definitions, in place of those that were not used the longest, if that can be done."""
        with suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._opened() as folder:
                draft = f"{key}.{os.getpid()}"
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
                with os.fdopen(os.open(draft, flags, 0o600, dir_fd=folder), "wb") as file:
                    file.write(definitions)
                os.replace(draft, key + SUFFIX, src_dir_fd=folder, dst_dir_fd=folder)
                files = os.listdir(folder)  # drafts, too, that a kill has left
                files.sort(key=lambda name: os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime_ns)
                for name in files[:-KEPT]:
                    os.unlink(name, dir_fd=folder)

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Open the directory; PermissionError for one that is not ours alone."""
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if not _is_ours(os.fstat(descriptor)):
                raise PermissionError(f"{self._folder} is not its owner's alone")
            yield descriptor
        finally:
            os.close(descriptor)


def _is_ours(found: os.stat_result) -> bool:
    return found.st_uid == os.geteuid() and not found.st_mode & _OTHERS
