"""Where YANG modules are found, and which of them are asked for.

Invariant: only the directories named here are searched: those of the user's files, our own `yang`, and the IETF and
IANA modules of pyang's distribution; never the environment or the home directory.
"""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

ALL_FEATURES = ("*",)
OWN_MODULES = Path(__file__).resolve().parent.parent / "yang"
FILE_NAME: Final = re.compile(r"([^@]+?)(?:@(\d{4}-\d{2}-\d{2}))?\.yang")
_READERS: Final = Path(__file__).resolve().parent


class SchemaError(Exception):
    """The modules cannot be used: one line for each complaint, with file and line where there are any."""


@dataclass(frozen=True, slots=True)
class ModuleRequest:
    """A module to implement, with the features it is to support; ALL_FEATURES means each one that it defines.

    Without a revision the latest one is meant that can be found.
    """

    name: str
    features: tuple[str, ...] = ()
    revision: str = ""


def directories(paths: Sequence[Path]) -> list[Path]:
    """Return what is searched, in this order: our own modules, the user's, pyang's. Raises SchemaError."""
    return [OWN_MODULES, *_user_directories(paths), *_pyang_directories()]


def fingerprint(paths: Sequence[Path], requests: Sequence[ModuleRequest]) -> str:
    """Return what tells apart whatever may change what is read: the modules, what is asked for, and who reads them.

    Raises SchemaError.
    """
    asked = [(request.name, request.features, request.revision) for request in (*user_requests(paths), *requests)]
    found = sha256(repr((asked, _pyang_version())).encode())
    for directory, pattern in (*((each, "*.yang") for each in directories(paths)), (_READERS, "*.py")):
        for file in sorted(directory.glob(pattern)):
            try:
                content = file.read_bytes()
            except OSError as error:
                raise SchemaError(f"{file}: {error}") from None
            found.update(repr((str(file), len(content))).encode() + content)
    return found.hexdigest()


def _user_directories(paths: Sequence[Path]) -> list[Path]:
    for path in paths:
        if not path.exists():
            raise SchemaError(f"{path}: no such file or directory")
    return list(dict.fromkeys(path if path.is_dir() else path.parent for path in paths))


def user_requests(paths: Sequence[Path]) -> Iterator[ModuleRequest]:
    """Iterate over the modules of the user's files, with all features. Raises SchemaError."""
    for path in paths:
        files = sorted(path.glob("*.yang")) if path.is_dir() else [path]
        for file in files:
            match = FILE_NAME.fullmatch(file.name)
            if match is None:
                raise SchemaError(f"{file}: a module's file is named NAME.yang or NAME@YYYY-MM-DD.yang")
            revision = "" if path.is_dir() else match[2] or ""
            yield ModuleRequest(match[1], ALL_FEATURES, revision)
        if not files:
            raise SchemaError(f"{path}: the directory holds no .yang file")


def _pyang_version() -> str:
    try:
        return distribution("pyang").version
    except PackageNotFoundError:
        return ""


def _pyang_directories() -> list[Path]:
    """Where pyang's own modules are: as its installer recorded it, else in the data directory of the interpreter."""
    try:
        recorded = distribution("pyang").files or ()
    except PackageNotFoundError:
        recorded = ()
    found = {Path(str(file.locate())).parent.resolve() for file in recorded if file.name.endswith(".yang")}
    if not found:
        shared = Path(sysconfig.get_path("data"), "share", "yang", "modules")
        found = {shared / "ietf", shared / "iana"}
    return sorted(directory for directory in found if directory.is_dir())
