"""The format of commands: `set security ike proposal p dh-group group2`, one to a line, carried out in their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from agent.datastore.edit import Operation
from agent.junos.configuration.definitions import Definition
from agent.junos.configuration.parsing import Descent, Level
from agent.junos.configuration.statements import SYNTAX_ERROR, BadStatement, Given, Shown
from agent.junos.configuration.text import head_words
from agent.junos.configuration.words import Word, parse_words

SET: Final = "set"
DELETE: Final = "delete"
UNSUPPORTED: Final = frozenset(
    {"activate", "annotate", "copy", "deactivate", "edit", "insert", "protect", "rename", "top", "unprotect", "up"}
)
"""Commands that a router has beside these."""


def parse_set(root: Definition, text: str) -> Iterator[Given]:
    """Iterate over what is to be done, one step after the other: commands in a row that set are one step.

    BadStatement names the word that is wrong.
    """
    step: Given | None = None
    for number, line in enumerate(text.split("\n"), start=1):
        words = list(parse_words(line, number))
        if not words:
            continue
        command, *rest = words
        if command.text == SET:
            step = step if step is not None else Given(root)
            _run(step, command, rest, Operation.MERGE)
        elif command.text == DELETE:
            if step is not None:
                yield step
            step = None
            deletion = Given(root)
            _run(deletion, command, rest, Operation.DELETE)
            yield deletion
        else:
            known = f"{command.text!r} is not supported: use 'set' and 'delete'"
            raise BadStatement(known if command.text in UNSUPPORTED else SYNTAX_ERROR, command.text, (), command.at)
    if step is not None:
        yield step


def _run(root: Given, command: Word, words: Sequence[Word], operation: Operation) -> None:
    if not words:
        raise BadStatement("missing argument", command.text, (), command.at)
    Descent(Level(root), words, operation).run()


def render_set(statements: Iterable[Shown], before: Sequence[str] = ()) -> Iterator[str]:
    """Iterate over the commands that make statements what they are; `before` are the words that lead to them."""
    for statement in statements:
        head = (*before, *head_words(statement))
        within = render_set(statement.children(), head)
        yield next(within, " ".join((SET, *head)))
        yield from within
