"""The url capability (RFC 6241 section 8.8): configurations in files of the server, by the scheme 'file'.

Invariant: a URL names a file directly in the one folder that the server keeps for them, or nothing at all. What such a
file holds is a configuration below the element config, as edit-config takes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol
from urllib.parse import unquote, urlsplit

from lxml import etree

from agent.datastore import errors
from agent.datastore.errors import ErrorType, InstancePath, PathStep, RpcError
from agent.datastore.tree import Branch
from agent.netconf.messages import BASE_NAMESPACE, MalformedMessage, parse_document

SCHEME: Final = "file"
CONFIG: Final = f"{{{BASE_NAMESPACE}}}config"
_START: Final = f'<config xmlns="{BASE_NAMESPACE}">'.encode()
_END: Final = b"</config>\n"
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class FileLimits:
    """What the files of a server may take of its disk: how many there may be, and of how many octets each."""

    files: int = 1000
    octets: int = 64 * 1024 * 1024


FILE_LIMITS: Final = FileLimits()


class FileLimitMet(OSError):
    """A file that would be one too many, or is too large: `limit` is named as the settings name it."""

    def __init__(self, number: int, message: str, limit: str) -> None:
        super().__init__(number, message)
        self.limit = limit


class Files(Protocol):
    """The folder of a server; a name is one that `file_name` has let through. OSError when something cannot be done."""

    def read(self, name: str, limits: FileLimits) -> bytes:
        """Return what is in a file; FileLimitMet for too large a one."""

    def write(self, name: str, content: bytes, limits: FileLimits) -> None:
        """Replace a file, whole or not at all; FileLimitMet."""

    def remove(self, name: str) -> None:
        """Remove a file that there is."""


class NoFiles:
    """The folder of a server that has none."""

    def read(self, name: str, limits: FileLimits) -> bytes:
        """Refuse."""
        raise OSError("this server keeps no files")

    def write(self, name: str, content: bytes, limits: FileLimits) -> None:
        """Refuse."""
        raise OSError("this server keeps no files")

    def remove(self, name: str) -> None:
        """Refuse."""
        raise OSError("this server keeps no files")


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a server, what they may take, and who is told of a limit that was met."""

    files: Files
    limits: FileLimits
    exceeded: Callable[[str], object]


class NamedFile:
    """A file that a request names, with the path of the parameter that does, for errors."""

    def __init__(self, folder: Folder, name: str, path: InstancePath) -> None:
        """Take a name that `file_name` has let through."""
        self.name = name
        self._folder = folder
        self._path = path

    def read(self) -> etree._Element:
        """Return the config element in the file; RpcError where there is no file, or something else in it."""
        try:
            root = parse_document(self._folder.files.read(self.name, self._folder.limits))
        except OSError as error:
            raise self._refused("read", error) from error
        except MalformedMessage as error:
            raise errors.operation_failed(f"file {self.name!r}: {error}", path=self._path) from error
        if root.tag != CONFIG:
            message = f"file {self.name!r} holds {root.tag} instead of the config element of {BASE_NAMESPACE}"
            raise errors.operation_failed(message, path=self._path)
        return root

    def write(self, xml: bytes) -> None:
        """Put a configuration, given as its top-level elements, in the place of the file; RpcError."""
        try:
            self._folder.files.write(self.name, _START + xml + _END, self._folder.limits)
        except OSError as error:
            raise self._refused("written", error) from error

    def remove(self) -> None:
        """Remove the file; RpcError where there is none."""
        try:
            self._folder.files.remove(self.name)
        except OSError as error:
            raise self._refused("deleted", error) from error

    def _refused(self, done: str, error: OSError) -> RpcError:
        if isinstance(error, FileNotFoundError):
            return errors.invalid_value(f"there is no file {self.name!r}", path=self._path, kind=ErrorType.PROTOCOL)
        if isinstance(error, FileLimitMet):
            self._folder.exceeded(error.limit)
        reason = error.strerror or str(error)
        return errors.operation_failed(f"file {self.name!r} cannot be {done}: {reason}", path=self._path)


def named_file(folder: Folder, parameters: Branch, above: InstancePath) -> NamedFile | None:
    """Return the file that the leaf 'url' of an operation, or of its source or target, names; None without the leaf.

    RpcError for a URL that names no file here. `above` is the path of `parameters`.
    """
    for node, value in parameters.children.items():
        if node.name == "url" and isinstance(value, str):
            path = (*above, PathStep(node))
            try:
                return NamedFile(folder, file_name(value), path)
            except ValueError as error:
                raise errors.invalid_value(str(error), path=path, kind=ErrorType.PROTOCOL) from error
    return None


def file_name(url: str) -> str:
    """Return the name of the file that a URL means; ValueError for one that means no file of this server."""
    parts = urlsplit(url)
    if parts.scheme != SCHEME:
        raise ValueError(f"URLs of the scheme {SCHEME!r} alone are taken, not {parts.scheme!r}")
    if parts.netloc not in ("", "localhost") or parts.query or parts.fragment:
        raise ValueError("a URL of a file has no host, query or fragment: file:///NAME")
    name = unquote(parts.path.removeprefix("/"), errors="strict")
    if not _NAME.fullmatch(name):
        raise ValueError("a file has a name of up to 100 letters, digits, '.', '_' and '-', and lies in no folder")
    return name
