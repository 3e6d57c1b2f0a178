"""The words of a configuration as text: read with their positions, and written so that they read the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from agent.junos.configuration.statements import SYNTAX_ERROR, BadStatement, Position

SYMBOLS: Final = frozenset("{};[]")
TAGS: Final = ("inactive:", "replace:", "delete:", "protect:", "active:")
"""Words before a statement that say what is to be done with it."""
_TOKEN: Final = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<comment>\#[^\n]*|/\*.*?\*/)
      | (?P<symbol>[{};\[\]])
      | "(?P<quoted>(?:[^"\\]|\\.)*)"
      | (?P<plain>[^ \t\r\n{};\[\]"]+)""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:+*@%,=~-]+")
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = MappingProxyType({"n": "\n", "r": "\r", "t": "\t"})
_ESCAPES: Final = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


@dataclass(frozen=True, slots=True)
class Word:
    """A word or, unless it was quoted, a symbol."""

    text: str
    at: Position
    is_quoted: bool = False

    @property
    def symbol(self) -> str | None:
        """The symbol that it is, if it is one."""
        return self.text if self.text in SYMBOLS and not self.is_quoted else None

    @property
    def tag(self) -> str | None:
        """What is to be done with the statement after it, if it says so."""
        return self.text if self.text in TAGS and not self.is_quoted else None


def parse_words(text: str, first_line: int = 1) -> Iterator[Word]:
    """Iterate over the words and symbols of a text; comments are passed over. BadStatement for a quote without end."""
    line, line_start, offset = first_line, 0, 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        at = Position(line, offset - line_start + 1)
        if match is None:
            raise BadStatement(SYNTAX_ERROR, text[offset], (), at)  # what is quoted may be a key
        if match.lastgroup == "quoted":
            yield Word(_ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), match["quoted"]), at, is_quoted=True)
        elif match.lastgroup in ("symbol", "plain"):
            yield Word(match[0], at)
        offset = match.end()
        if newlines := match[0].count("\n"):
            line, line_start = line + newlines, match.start() + match[0].rindex("\n") + 1


def render_word(text: str) -> str:
    """Return a word as it is written: in quotes, if it would not be read as one word without."""
    if _PLAIN.fullmatch(text) and text not in TAGS and not text.startswith("/*"):
        return text
    return f'"{text.translate(_ESCAPES)}"'
