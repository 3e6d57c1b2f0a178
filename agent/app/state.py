"""The state directory: host keys, and what a device keeps over a restart.

Invariants: it belongs to one process at a time; only its owner can read it (0700, files 0600); a file in it is replaced
whole or not at all, so a crash leaves the old one, and what was answered with ok is on the disk.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Final

import asyncssh

from agent.app.errors import StateError

LOCK: Final = "lock"
DRAFT_PREFIX: Final = "."
DRAFT_SUFFIX: Final = ".new"
"""With the prefix, the name of a file that is still being written; it then gets that of the one that it replaces."""
ED25519_HOST_KEY: Final = "ssh_host_ed25519_key"
RSA_HOST_KEY: Final = "ssh_host_rsa_key"
PROBE: Final = "probe"
"""What is written to see whether anything can be."""
RSA_BITS: Final = 2048


def replace_file(folder: int, name: str, content: bytes) -> None:
    """Replace a file of a folder, given by its descriptor, whole or not at all, and see to it that it is on the disk.

    OSError when that cannot be done.
    """
    draft = f"{DRAFT_PREFIX}{name}{DRAFT_SUFFIX}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(draft, flags, 0o600, dir_fd=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        os.unlink(draft, dir_fd=folder)  # what it takes of a full disk is nobody's
        raise
    os.fsync(folder)


def remove_drafts(folder: int) -> None:
    """Remove what a kill amid a write has left in a folder, given by its descriptor; it can also stay."""
    for name in os.listdir(folder):
        if name.startswith(DRAFT_PREFIX) and name.endswith(DRAFT_SUFFIX):
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)


def default_state_directory(scenario: str, environment: Mapping[str, str]) -> Path:
    """Return the state directory of a scenario, given by name or file, under the XDG state home."""
    home = environment.get("XDG_STATE_HOME", "")
    base = Path(home) if os.path.isabs(home) else Path.home() / ".local" / "state"
    return base / "ipsec-agent" / _directory_name(scenario)


def _directory_name(scenario: str) -> str:
    """A shipped scenario's own name; for a file its stem, made unique by where it lies."""
    path = Path(scenario)
    if path.name == scenario and not path.suffix:
        return scenario
    return f"{path.stem}-{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"


class StateDirectory:
    """A state directory that is ours until it is closed."""

    def __init__(self, path: Path, lock: int) -> None:
        """Use ``open``, which makes and locks it."""
        self.path = path
        self._lock = lock
        self._is_failing = False

    @classmethod
    def open(cls, path: Path) -> StateDirectory:
        """Make the directory if needed, and lock it. StateError when it is in use or cannot be had."""
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(f"state directory {path}: {error.strerror}") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
            os.close(lock)
            raise StateError(
                f"state directory {path} is in use by process {owner}; another one: --state-dir DIR"
            ) from error
        with suppress(OSError):  # whose it is helps who is refused; a disk that is full is no reason not to start
            os.truncate(lock, 0)
            os.pwrite(lock, b"%d\n" % os.getpid(), 0)
        state = cls(path, lock)
        with state._folder() as folder:
            remove_drafts(folder)
        return state

    def close(self) -> None:
        """Give it up."""
        os.close(self._lock)

    def __enter__(self) -> StateDirectory:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None when there is none. StateError when it cannot be read."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StateError(f"{self.path / name}: {error.strerror}") from error

    def write(self, name: str, content: bytes) -> None:
        """Replace a file, whole or not at all. StateError when it cannot be written."""
        with self._changing(name), self._folder() as folder:
            replace_file(folder, name, content)

    def complaint(self) -> str | None:
        """Return what is wrong where the last change could not be made, nor can another one; None for nothing."""
        if self._is_failing:
            try:
                self.write(PROBE, b"\n")
                self.remove(PROBE)
            except StateError:
                return "files cannot be written"
        return None

    @contextmanager
    def _changing(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._is_failing = True
            raise StateError(f"{self.path / name}: {error.strerror}") from error
        self._is_failing = False

    def remove(self, name: str) -> None:
        """Remove a file, if there is one."""
        with self._changing(name), self._folder() as folder:
            (self.path / name).unlink(missing_ok=True)
            os.fsync(folder)

    def set_aside(self, name: str) -> Path:
        """Give a file that is of no use another name, which none has yet, and return it. StateError."""
        target = next(path for path in self._names_aside(name) if not path.exists())
        try:
            (self.path / name).rename(target)
        except OSError as error:
            raise StateError(f"{self.path / name}: {error.strerror}") from error
        return target

    def _names_aside(self, name: str) -> Iterator[Path]:
        yield self.path / f"{name}.damaged"
        for number in count(2):
            yield self.path / f"{name}.damaged-{number}"

    @contextmanager
    def _folder(self) -> Iterator[int]:
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def host_keys(self) -> tuple[Path, ...]:
        """Return the private key files of the SSH server, made at first use: Ed25519, and RSA for older clients."""
        return self._host_key(ED25519_HOST_KEY, "ssh-ed25519"), self._host_key(RSA_HOST_KEY, "ssh-rsa")

    def _host_key(self, name: str, algorithm: str) -> Path:
        private = self.read(name)
        if private is None:
            key = (
                asyncssh.generate_private_key(algorithm, key_size=RSA_BITS)
                if algorithm == "ssh-rsa"
                else asyncssh.generate_private_key(algorithm)
            )
            self.write(f"{name}.pub", key.export_public_key())
            self.write(name, key.export_private_key())
        else:
            try:
                asyncssh.import_private_key(private)
            except asyncssh.KeyImportError as error:
                raise StateError(
                    f"{self.path / name} is not a private key: {error}; removing it makes a new one"
                ) from error
        return self.path / name
