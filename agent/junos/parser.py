"""A line against the table: words that may be abbreviated as long as they are unique, options in any order, pipes.

A `Place` is how far a line has come: parsing goes through to its end, completion asks it what may come next. Invariant:
a word of the table that is written in full goes before the name of something, and that before an abbreviation, so that
no thing on the device is out of reach because of its name unless it is called like an option.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from agent.junos.command import Command, Kind, Parameter, Pipe, PipeCommand
from agent.junos.grammar import COMMANDS, HELPS, PIPES
from agent.junos.router import Arguments, Router
from agent.junos.values import fault, known

QUOTE: Final = '"'
BAR: Final = "|"
EXPECTING_COMMAND: Final = "syntax error, expecting <command>."
SYNTAX_ERROR: Final = "syntax error."
UNKNOWN_COMMAND: Final = "unknown command."
MISSING_ARGUMENT: Final = "missing argument."
LONGEST_LINE: Final = 65_536
"""However long the lines of a router may be: before it is known whose line it is, it is looked at."""
TOO_LONG: Final = "command-characters"
"""The limit that a line is over which is too long, as the settings name it."""
MAXIMUM_PIPES: Final = 32
"""Each of them waits for the one before it, one within the other."""

Row = TypeVar("Row", Command, PipeCommand)


class SyntaxFault(Exception):
    """A line that is no command: what is wrong, the word it is about and its column, and what could have been meant."""

    def __init__(self, message: str, column: int, word: str = "", completions: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.word = word
        self.completions = completions or {}


class LineTooLong(SyntaxFault):
    """A line that was not even looked at."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a line, or a bar; `column` is where it begins."""

    text: str
    column: int
    is_quoted: bool = False

    @property
    def is_bar(self) -> bool:
        """Whether a pipe begins here."""
        return self.text == BAR and not self.is_quoted


@dataclass(frozen=True, slots=True)
class PipeStep:
    """One pipe with what it was given."""

    does: Pipe
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Line:
    """A command that was understood."""

    command: Command
    arguments: Arguments
    pipes: tuple[PipeStep, ...]


def tokens(line: str) -> Iterator[Token]:
    """Yield the words of a line; quotation marks hold one together. SyntaxFault for one that has no end."""
    at = 0
    while at < len(line):
        if line[at].isspace():
            at += 1
            continue
        start = at
        if line[at] == QUOTE:
            at = line.find(QUOTE, at + 1)
            if at < 0:
                raise SyntaxFault("missing quotation mark.", start, line[start:])
            at += 1
            yield Token(line[start + 1 : at - 1], start, is_quoted=True)
        elif line[at] == BAR:
            at += 1
            yield Token(BAR, start)
        else:
            while at < len(line) and not line[at].isspace() and line[at] != BAR:
                at += 1
            yield Token(line[start:at], start)


@dataclass
class Place(Generic[Row]):
    """How far a line has come in a table."""

    table: Sequence[Row]
    router: Router | None
    words: tuple[str, ...] = ()
    arguments: dict[str, str] = field(default_factory=dict)
    slots: set[str] = field(default_factory=set)
    awaited: Parameter | None = None

    @property
    def row(self) -> Row | None:
        """The row whose words have been said, all of them."""
        return next((row for row in self.table if row.words == self.words), None)

    @property
    def missing(self) -> bool:
        """Whether something has to be said yet before the row can be carried out."""
        row = self.row
        required = row.parameters if row is not None else ()
        return self.awaited is not None or any(each.is_required and each.slot not in self.slots for each in required)

    @property
    def open_parameters(self) -> tuple[Parameter, ...]:
        """The parameters that may be given yet."""
        row = self.row
        return tuple(each for each in row.parameters if each.slot not in self.slots) if row is not None else ()

    def choices(self) -> dict[str, str]:
        """Return the words of the table that may come next, with what is said of them."""
        if self.awaited is not None:
            return {}
        found: dict[str, str] = {}
        if not self.slots:
            depth = len(self.words)
            for row in self.table:
                if len(row.words) > depth and row.words[:depth] == self.words:
                    words = row.words[: depth + 1]
                    found.setdefault(words[-1], row.help if row.words == words else HELPS.get(words, row.help))
        found |= {each.word: each.help for each in self.open_parameters if each.word is not None}
        return dict(sorted(found.items()))

    def valued(self) -> tuple[Parameter, ...]:
        """Return the parameters whose values may come next."""
        if self.awaited is not None:
            return (self.awaited,)
        return tuple(each for each in self.open_parameters if each.word is None)

    def take(self, token: Token) -> None:
        """Go on by one word. Raises SyntaxFault where it has no place."""
        if self.awaited is None and not token.is_quoted:
            word = self._chosen(token)
            if word is not None:
                self._take_word(word)
                return
        if valued := self.valued():
            self._take_value(valued[0], token)
            return
        if not self.words:
            raise SyntaxFault(UNKNOWN_COMMAND, token.column, token.text)
        raise SyntaxFault(SYNTAX_ERROR if self.row is not None else EXPECTING_COMMAND, token.column, token.text)

    def _chosen(self, token: Token) -> str | None:
        """Return the word of the table that is meant, if one is."""
        choices = self.choices()
        if token.text in choices:
            return token.text
        meant = {word: help_ for word, help_ in choices.items() if word.startswith(token.text)}
        if not meant or self._is_name(token.text):
            return None
        if len(meant) > 1:
            raise SyntaxFault(f"'{token.text}' is ambiguous.", token.column, token.text, meant)
        return next(iter(meant))

    def _is_name(self, text: str) -> bool:
        return any(text in known(each.kind, self.router) for each in self.valued())

    def _take_word(self, word: str) -> None:
        parameter = next((each for each in self.open_parameters if each.word == word), None)
        if parameter is None:
            self.words = (*self.words, word)
        elif parameter.kind is Kind.FLAG:
            self._give(parameter, "")
        else:
            self.awaited = parameter

    def _take_value(self, parameter: Parameter, token: Token) -> None:
        if parameter.kind is Kind.REST:
            given = f'"{token.text}"' if token.is_quoted else token.text
            self.arguments[parameter.name] = f"{self.arguments.get(parameter.name, '')} {given}".strip()
            return
        complaint = fault(parameter.kind, token.text)
        if complaint is not None:
            raise SyntaxFault(f"{complaint}.", token.column, token.text)
        self._give(parameter, token.text)
        self.awaited = None

    def _give(self, parameter: Parameter, value: str) -> None:
        self.arguments[parameter.name] = value
        self.slots.add(parameter.slot)


def parse(line: str, router: Router | None = None) -> Line:
    """Return the command of a line. `router` tells what has names, which go before abbreviations.

    SyntaxFault says what is wrong, and where.
    """
    limit = LONGEST_LINE if router is None else min(router.line_characters(), LONGEST_LINE)
    if len(line) > limit:
        raise LineTooLong("line is too long.", limit)
    first, *rest = _parts(tokens(line))
    if len(rest) > MAXIMUM_PIPES:
        raise SyntaxFault("too many pipes.", len(line))
    command, arguments = _whole(COMMANDS, first, router, len(line))
    return Line(command, arguments, tuple(_step(each, len(line)) for each in rest))


def _parts(found: Iterable[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in found:
        if token.is_bar:
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _step(part: Sequence[Token], end: int) -> PipeStep:
    row, arguments = _whole(PIPES, part, None, end)
    return PipeStep(row.does, arguments)


def _whole(table: Sequence[Row], part: Sequence[Token], router: Router | None, end: int) -> tuple[Row, Arguments]:
    place = Place(table, router)
    for token in part:
        place.take(token)
    row = place.row
    if row is None:
        raise SyntaxFault(EXPECTING_COMMAND, end)
    if place.missing:
        raise SyntaxFault(MISSING_ARGUMENT, end)
    return row, place.arguments


def last_place(line: str, router: Router | None) -> tuple[Place[Command] | Place[PipeCommand], str]:
    """Return how far a line has come before its last word, and that word, which is empty after a space.

    SyntaxFault for a line that has gone wrong before.
    """
    found = [*tokens(line)]
    begun = "" if not found or line[-1:].isspace() or found[-1].is_bar else found.pop().text
    *before, current = _parts(found)
    if before:
        pipe = Place(PIPES, None)
        for token in current:
            pipe.take(token)
        return pipe, begun
    place = Place(COMMANDS, router)
    for token in current:
        place.take(token)
    return place, begun
