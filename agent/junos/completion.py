"""What can come next in a line: for tab and space, and for the question mark.

What the device knows of (peers, security associations) is named to those alone who may have the command carried out,
and only what can be typed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, takewhile
from typing import Final

from agent.datastore.registry import Authorisation
from agent.junos.command import Command, Kind
from agent.junos.parser import QUOTE, SyntaxFault, last_place
from agent.junos.router import Router
from agent.junos.values import known

Permits = Callable[[Authorisation], bool]
"""Tells whether somebody may do what is authorised so."""
ENTER: Final = "<[Enter]>"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that can come next; `is_placeholder` where it says what, and not the text itself."""

    text: str
    help: str
    is_placeholder: bool = False


@dataclass(frozen=True, slots=True)
class Completion:
    """What can come next, the part of the word that is there already, and what completes it as far as it is sure."""

    begun: str
    candidates: tuple[Candidate, ...]

    @property
    def insertion(self) -> str:
        """The characters to add: up to where the candidates part, and a space after the only one."""
        texts = [each.text for each in self.candidates if not each.is_placeholder]
        if not texts:
            return ""
        return _shared(min(texts), max(texts))[len(self.begun) :] + (" " if len(texts) == 1 else "")

    @property
    def is_unfinished(self) -> bool:
        """Whether the last word is the beginning of words that are known, and is none of them."""
        words = [each.text for each in self.candidates if not each.is_placeholder]
        return self.begun != "" and bool(words) and self.begun not in words


def is_quoted(text: str) -> bool:
    """Whether the end of a text is within quotation marks, where no key has a meaning."""
    return text.count(QUOTE) % 2 == 1


def _shared(first: str, last: str) -> str:
    """Return the beginning of two texts that is the same."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return "".join(character for character, _ in pairs)


def complete(line: str, router: Router | None, permits: Permits) -> Completion:
    """Return what can come next, without what the device knows where there is none.

    SyntaxFault for a line that has gone wrong before its last word.
    """
    place, begun = last_place(line, router)
    found = [Candidate(word, help_) for word, help_ in place.choices().items()]
    row = place.row
    is_permitted = not isinstance(row, Command) or permits(row.authorisation)
    for parameter in place.valued():
        values = known(parameter.kind, router) if is_permitted else ()
        found += (Candidate(_quoted(value), "") for value in dict.fromkeys(values) if value.isprintable())
        if parameter.kind is not Kind.REST or not begun:
            found.append(Candidate(f"<{parameter.name}>", parameter.help, is_placeholder=True))
    matching = [each for each in found if each.is_placeholder or each.text.startswith(begun)]
    if begun and any(not each.is_placeholder for each in matching):
        matching = [each for each in matching if not each.is_placeholder]
    if not begun and row is not None and not place.missing:
        matching.append(Candidate(ENTER, "Execute this command", is_placeholder=True))
        matching.append(Candidate("|", "Pipe through a command", is_placeholder=True))
    return Completion(begun, tuple(matching))


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value or "|" in value else value


def explain(line: str, router: Router | None, permits: Permits) -> Iterator[str]:
    """Return the lines that a question mark gives; SyntaxFault for a line that has gone wrong before its last word."""
    candidates = complete(line, router, permits).candidates
    if not candidates:
        raise SyntaxFault("No valid completions", len(line))
    return chain(("Possible completions:",), listed((each.text, each.help) for each in candidates))


def listed(entries: Iterator[tuple[str, str]]) -> Iterator[str]:
    """Yield completions with what is said of them, in two columns."""
    return (f"  {text:<22} {help_}".rstrip() for text, help_ in entries)
