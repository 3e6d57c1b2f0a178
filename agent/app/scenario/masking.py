"""Secrets in what is written down: each stands as a reference, `$secret$1`, and its value in a file of its own.

What is looked for are keys of the configuration, in XML, in JSON and in the text of Junos, and whole documents that are
loaded, whose users have passwords. What stands between the tags of a key is masked as it stands, comments and all.
Invariant: the same value has the same reference, and what is masked can be had back to the byte.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Final

from agent.app.rotation import append_whole

PREFIX: Final = "$secret$"
SEALED: Final = "$sealed$"
"""How a secret begins that is none any more: it opens with the key of one state directory only."""
_NAMES: Final = "(?:ascii-text|hexadecimal)"
_PREFIX: Final = r"(?:[\w.-]+:)?"
_ATTRIBUTES: Final = r"""(?:\s(?:[^<>"']|"[^"]{0,1000}+"|'[^']{0,1000}+'){0,1000}+)?+"""
_QUOTE: Final = "(?:\"|'|&quot;|&apos;)"
_QUOTED: Final = rf"(?P<quote>{_QUOTE})(?P<value>(?:\\.|(?!(?P=quote)).)++)"
_GAP: Final = r"(?:\s|/\*(?:[^*]|\*(?!/)){0,1000}+\*/|\#[^\n]{0,1000}+\n)*+"
"""What may stand between two words of a configuration: comments too."""
_HOLDERS: Final = "(?:pre-shared-key|key)"
"""What a key stands within: somebody may have left out of what kind it is."""
_CHARACTERS: Final = r"""(?:&(?:amp|lt|gt|#\w+);|[^\s"'<>;&])++"""
_WORD: Final = rf"(?P<value>{_CHARACTERS}(?:[ \t]++{_CHARACTERS})*+)"
"""A word, and those behind it: a phrase whose quotes somebody has forgotten."""
_DATA: Final = rf"{_NAMES}{_QUOTE}\s*+:\s*+[\[{{][^\]]{{0,200}}?{_QUOTE}data{_QUOTE}\s*+:\s*+"
# Whoever can send a message chooses its length: each takes time in proportion to it. Of a message that is cut off all
# that is left may be a value.
_PATTERNS: Final = (
    re.compile(rf"<{_PREFIX}{_NAMES}{_ATTRIBUTES}>(?P<value>.+?)(?:</{_PREFIX}{_NAMES}\s*+>|\Z)", re.DOTALL),
    re.compile(rf"&lt;{_PREFIX}{_NAMES}\b(?:(?!&[gl]t;).)*+&gt;(?P<value>(?:(?!&lt;).)++)", re.DOTALL),
    re.compile(rf"<{_PREFIX}document{_ATTRIBUTES}>(?P<value>.+?)(?:</{_PREFIX}document\s*+>|\Z)", re.DOTALL),
    re.compile(_DATA + _QUOTED, re.DOTALL),
    re.compile(rf"{_DATA}(?P<value>\d+)", re.DOTALL),
    re.compile(rf"{_NAMES}{_QUOTE}?+{_GAP}:?{_GAP}{_QUOTED}", re.DOTALL),
    re.compile(rf"{_NAMES}{_QUOTE}\s*+:\s*+(?P<value>\d+)"),
    re.compile(rf"\b{_NAMES}(?=\s|:\s|/\*|\#){_GAP}:?{_GAP}{_WORD}"),
    re.compile(rf"<{_PREFIX}{_HOLDERS}{_ATTRIBUTES}>\s*+(?P<value>[^<\s][^<]*+)"),
    re.compile(rf"\b{_HOLDERS}{_QUOTE}?+{_GAP}:?{_GAP}{_QUOTED}", re.DOTALL),
    re.compile(rf"\b{_HOLDERS}(?=\s|:\s|/\*|\#){_GAP}:?{_GAP}(?!{_NAMES}|[{{/#]){_WORD}"),
)


class Secrets:
    """The secrets that were found, by their references."""

    def __init__(self, path: Path | None) -> None:
        """Keep them in a file that is made with the first of them, and held until `close`; None: in memory alone."""
        self._path = path
        self._descriptor: int | None = None
        self._references: dict[str, str] = {}
        self._values: dict[str, str] = {}

    def mask(self, text: str) -> str:
        """Return a text with references in the place of secrets."""
        for pattern in _PATTERNS:
            text = pattern.sub(self._masked, text)
        return text

    def _masked(self, found: re.Match[str]) -> str:
        value = found["value"]
        if value.startswith((PREFIX, SEALED)) or not value.strip():
            return found[0]
        start, end = found.start("value") - found.start(), found.end("value") - found.start()
        return found[0][:start] + self._reference(value) + found[0][end:]

    def _reference(self, value: str) -> str:
        value = unmask(value, self._values)  # in what another pattern has found there may be references already
        known = self._references.get(value)
        if known is None:
            known = self._references[value] = f"{PREFIX}{len(self._references) + 1}"
            self._values[known] = value
            self.keep(known, value)
        return known

    def keep(self, reference: str, value: str) -> None:
        """Keep a secret in the file, if there is one. OSError when that cannot be, and then nothing of it is there."""
        if self._path is None:
            return
        line = json.dumps({"reference": reference, "value": value}) + "\n"
        try:
            if self._descriptor is None:  # held, since the process may give up the right to open it
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
                self._descriptor = os.open(self._path, flags, 0o600)
            append_whole(self._descriptor, os.fstat(self._descriptor).st_size, line.encode("ascii"))
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self._path)) from error

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None


def load_secrets(path: Path) -> dict[str, str]:
    """Return the secrets of a journal by their references; none where there is no file. ValueError for a wrong one."""
    if not path.exists():
        return {}
    lines = (json.loads(line) for line in path.read_text("ascii").splitlines())
    return {line["reference"]: line["value"] for line in lines}


def unmask(text: str, secrets: dict[str, str]) -> str:
    """Return a text with the secrets in the place of their references; those that are not known stay."""
    return re.sub(rf"{re.escape(PREFIX)}\d+", lambda found: secrets.get(found[0], found[0]), text)
