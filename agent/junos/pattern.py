"""The patterns of `| match` and its kin: regular expressions that take time in proportion to the text.

A pattern is compiled into a small program, all threads of which run at once (K. Thompson, CACM 11(6), 1968): nothing is
ever tried again, so that no pattern holds the program up. Known are `. [] ^ $ * + ? | ()` and the backslash; upper and
lower case are the same, as at the router's prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

_REPEATS: Final = frozenset("*+?")
_DEPTH: Final = 50
"""How deep parentheses may be nested."""


_REMEMBERED: Final = 1000
"""How many steps a pattern remembers: output is made of few different characters."""


class BadPattern(ValueError):
    """What is no pattern; the message says why."""


@dataclass(frozen=True, slots=True)
class _Take:
    """Go on where the next character is one of these."""

    fits: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class _Split:
    """Go on at several places."""

    targets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Edge:
    """Go on at the beginning of the text, or at its end."""

    is_end: bool


_Instruction = _Take | _Split | _Edge
_Program = tuple[_Instruction, ...]
"""Instructions with targets relative to where they stand; one past the last is the end of it."""


class Pattern:
    """A compiled pattern. BadPattern for what is none."""

    def __init__(self, text: str) -> None:
        reader = _Reader(text.lower())
        self._program = reader.alternatives(0)
        if not reader.is_over:
            raise BadPattern("unbalanced parenthesis")
        self._first = self._reached({0}, is_start=True)
        self._steps: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def search(self, text: str) -> bool:
        """Tell whether the pattern is anywhere in the text."""
        end, threads = len(self._program), self._first
        for character in text.lower():
            if end in threads:
                return True
            threads = self._steps.get((threads, character)) or self._step(threads, character)
        return end in self._reached(threads, is_start=not text, is_end=True)

    def _step(self, threads: frozenset[int], character: str) -> frozenset[int]:
        """Return where the threads are after a character, with one that begins there, and remember it."""
        if len(self._steps) >= _REMEMBERED:
            self._steps.clear()
        after = self._reached({0, *self._stepped(threads, character)})
        self._steps[threads, character] = after
        return after

    def _stepped(self, threads: frozenset[int], character: str) -> Iterator[int]:
        for place in threads:
            instruction = self._program[place]
            if isinstance(instruction, _Take) and instruction.fits(character):
                yield place + 1

    def _reached(self, places: Iterable[int], *, is_start: bool = False, is_end: bool = False) -> frozenset[int]:
        """Return the places that are reached from these without a character."""
        reached: set[int] = set()
        waiting = [*places]
        while waiting:
            place = waiting.pop()
            if place in reached:
                continue
            reached.add(place)
            instruction = self._program[place] if place < len(self._program) else None
            if isinstance(instruction, _Split):
                waiting += (place + target for target in instruction.targets)
            elif isinstance(instruction, _Edge) and (is_end if instruction.is_end else is_start):
                waiting.append(place + 1)
        return frozenset(reached)


class _Reader:
    """Reads a pattern into a program."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    @property
    def is_over(self) -> bool:
        """Whether everything was read."""
        return self._at == len(self._text)

    @property
    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def alternatives(self, depth: int) -> _Program:
        if depth > _DEPTH:
            raise BadPattern("too many parentheses")
        program = self._sequence(depth)
        while self._next == "|":
            self._at += 1
            other = self._sequence(depth)
            program = (_Split((1, len(program) + 2)), *program, _Split((len(other) + 1,)), *other)
        return program

    def _sequence(self, depth: int) -> _Program:
        program: _Program = ()
        while self._next and self._next not in "|)":
            program += self._repeated(depth)
        return program

    def _repeated(self, depth: int) -> _Program:
        program = self._atom(depth)
        while self._next in _REPEATS:
            repeat, length = self._next, len(program)
            self._at += 1
            if repeat == "+":
                program = (*program, _Split((-length, 1)))
            elif repeat == "?":
                program = (_Split((1, length + 1)), *program)
            else:
                program = (_Split((1, length + 2)), *program, _Split((-length - 1,)))
        return program

    def _atom(self, depth: int) -> _Program:
        character = self._take()
        if character in _REPEATS:
            raise BadPattern(f"nothing to repeat before '{character}'")
        if character == "(":
            program = self.alternatives(depth + 1)
            if self._next != ")":
                raise BadPattern("unbalanced parenthesis")
            self._at += 1
            return program
        if character == "[":
            return (_Take(self._set()),)
        if character in "^$":
            return (_Edge(character == "$"),)
        if character == ".":
            return (_Take(lambda given: True),)
        wanted = self._take() if character == "\\" else character
        return (_Take(lambda given: given == wanted),)

    def _set(self) -> Callable[[str], bool]:
        """Read the rest of a set of characters."""
        is_negated = self._next == "^"
        self._at += is_negated
        ranges: list[tuple[str, str]] = []
        while self._next != "]" or not ranges:
            first = last = self._take()
            if self._next == "-" and self._text[self._at + 1 : self._at + 2] not in ("", "]"):
                self._at += 1
                last = self._take()
            ranges.append((first, last))
        self._at += 1
        return lambda given: is_negated != any(first <= given <= last for first, last in ranges)

    def _take(self) -> str:
        character = self._next
        if not character:
            raise BadPattern("the pattern ends too early")
        self._at += 1
        return character
