"""The format with braces: `proposal p { dh-group group2; }`.

What is secret is shown sealed, with the comment that Junos puts behind it. `replace:` and `delete:` before a statement
say what is to be done with it; `inactive:` is refused, since no node of ours can be there and not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Final

from agent.datastore.edit import Operation
from agent.junos.configuration.definitions import Definition, Shape
from agent.junos.configuration.parsing import Descent, Level
from agent.junos.configuration.statements import SYNTAX_ERROR, BadStatement, Given, Shown, repeatable
from agent.junos.configuration.words import Word, parse_words, render_word

INDENT: Final = "    "
_OPERATIONS: Final = MappingProxyType({"replace:": Operation.REPLACE, "delete:": Operation.DELETE})
_VERSION: Final = "version"
"""The release that wrote a configuration: the first statement of every router's, and of no meaning here."""


def parse_text(root: Definition, text: str, *, tagged: bool = True) -> Given:
    """Read a configuration; BadStatement names the word that is wrong. Unless `tagged`, `replace:` says nothing."""
    statement = Given(root)
    words = parse_words(text)
    _parse_block(Level(statement), words, None, tagged=tagged)
    return statement


def _parse_block(level: Level, words: Iterator[Word], opening: Word | None, *, tagged: bool) -> None:
    """Read statements up to the end of the block that `opening` began, or of the text."""
    said: list[Word] = []
    for word in words:
        if word.symbol == "}":
            if opening is None or said:
                raise BadStatement(SYNTAX_ERROR, word.text, level.words, word.at)
            return
        if word.symbol == "{":
            descent = _descend(level, said, word, tagged=tagged)
            if not descent.opens_block:
                raise BadStatement(SYNTAX_ERROR, word.text, level.words, word.at)
            _parse_block(descent.level, words, word, tagged=tagged)
            said = []
        elif word.symbol == ";":
            _descend(level, said, word, tagged=tagged)
            said = []
        else:
            said.append(word)
    if said or opening is not None:
        last = said[-1] if said else opening
        assert last is not None
        shown = repeatable(_meant(level, said), last.text)
        raise BadStatement("syntax error, expecting ';' or '}'", shown, level.words, last.at)


def _meant(level: Level, said: Sequence[Word]) -> Definition:
    """Return the innermost statement that words without an end lead to."""
    definition, words = level.statement.definition, iter(said)
    for word in words:
        found = definition.named(word.text)
        if found is None:
            break
        definition = found
        if found.shape is Shape.LIST and found.row.word:
            next(words, None)  # the name of an entry
    return definition


def _descend(level: Level, said: list[Word], end: Word, *, tagged: bool) -> Descent:
    """Read one statement up to its end, which is a symbol."""
    operation = Operation.MERGE
    words = said
    if words and (tag := words[0].tag) is not None:
        operation = _operation(words[0], tag, level)
        words = words[1:]
        if operation is Operation.REPLACE and not tagged:
            operation = Operation.MERGE
    if not words:
        raise BadStatement(SYNTAX_ERROR, end.text, level.words, end.at)
    descent = Descent(level, words, operation)
    if level.words or words[0].text != _VERSION:
        descent.run()
    return descent


def _operation(word: Word, tag: str, level: Level) -> Operation:
    if tag == "active:":
        return Operation.MERGE
    if tag not in _OPERATIONS:
        raise BadStatement(f"{tag!r} is not supported", word.text, level.words, word.at)
    return _OPERATIONS[tag]


def render_text(root: Shown) -> Iterator[str]:
    """Iterate over the lines of what stands within a statement."""
    return render_block(root.children(), "")


def render_block(statements: Iterable[Shown], indent: str, before: str = "") -> Iterator[str]:
    """Iterate over the lines of statements; `before` are words that each begins with."""
    for definition, group in groupby(statements, key=lambda each: each.definition):
        if definition.shape is Shape.LEAF_LIST and not definition.row.is_named:
            yield f"{indent}{before}{leaf_list(definition, [each.argument or '' for each in group])}"
            continue
        for statement in group:
            yield from _render(statement, indent, before)


def _render(statement: Shown, indent: str, before: str) -> Iterator[str]:
    definition = statement.definition
    head = f"{before}{' '.join(head_words(statement))}"
    if not definition.holds_statements:
        yield f"{indent}{head};{' ## SECRET-DATA' if definition.is_secret else ''}"
    elif definition.row.is_joined:
        yield from render_block(statement.children(), indent, f"{head} ")
    else:
        inner = render_block(statement.children(), indent + INDENT)
        first = next(inner, None)
        if first is None:
            yield f"{indent}{head};"
            return
        yield f"{indent}{head} {{"
        yield first
        yield from inner
        yield f"{indent}}}"


def head_words(statement: Shown) -> tuple[str, ...]:
    """Return the words of a statement itself, as they are written."""
    word, argument = statement.definition.row.word, statement.argument
    return (*((word,) if word else ()), *((render_word(argument),) if argument is not None else ()))


def leaf_list(definition: Definition, values: list[str]) -> str:
    """Return the one statement of several values."""
    written = " ".join(map(render_word, values))
    return f"{definition.row.word} {written};" if len(values) == 1 else f"{definition.row.word} [ {written} ];"
