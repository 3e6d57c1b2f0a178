"""From words to statements: where a row of words leads in the hierarchy, for the formats that are written in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.datastore.edit import Operation
from agent.junos.configuration.definitions import Definition, Shape
from agent.junos.configuration.statements import SYNTAX_ERROR, BadStatement, Given, canonical, repeatable
from agent.junos.configuration.words import Word


@dataclass(frozen=True, slots=True)
class Level:
    """A statement that holds statements, and the words that lead to it."""

    statement: Given
    words: tuple[str, ...] = ()

    def within(self, statement: Given) -> Level:
        """Return the level that a statement of this one is."""
        word, name = statement.definition.row.word, statement.argument
        said = (*((word,) if word else ()), *((name,) if name is not None else ()))
        return Level(statement, (*self.words, *said))


class Descent:
    """The way from one level down along the words of a statement."""

    def __init__(self, start: Level, words: Sequence[Word], operation: Operation) -> None:
        """Begin at a level; what the words say last is what is to be done so."""
        self.level = start
        self.innermost: list[Given] = []
        self._words = words
        self._next = 0
        self._operation = operation

    @property
    def opens_block(self) -> bool:
        """Whether statements can stand within what the words say last."""
        return self.innermost == [self.level.statement]

    def run(self) -> None:
        """Go to the last word; BadStatement for one that leads nowhere."""
        while self._next < len(self._words):
            self._step(self._take())
        for statement in self.innermost:
            statement.operation = self._operation

    def _step(self, word: Word) -> None:
        statement, words = self.level.statement, self.level.words
        definition = None if word.symbol else statement.definition.named(word.text)
        if definition is None:
            raise BadStatement(SYNTAX_ERROR, repeatable(statement.definition, word.text), words, word.at)
        if definition.shape is Shape.LIST:
            key = self._argument(word) if definition.row.word else word
            name = None if key is None else canonical(definition, key.text, words, key.at)
            self._enter(statement.add(definition, name, word.at))
        elif definition.holds_statements:
            self._enter(statement.add(definition, None, word.at))
        elif definition.shape is Shape.FLAG:
            self.innermost = [statement.add(definition, None, word.at)]
        else:
            self.innermost = [
                statement.add(definition, value, word.at)
                for value in self._values(word, definition, many=definition.shape is Shape.LEAF_LIST)
            ]

    def _enter(self, statement: Given) -> None:
        self.level = self.level.within(statement)
        self.innermost = [statement]

    def _take(self) -> Word:
        self._next += 1
        return self._words[self._next - 1]

    def _argument(self, before: Word) -> Word | None:
        """Return the name or value after a word; only what is deleted needs none."""
        if self._next < len(self._words):
            word = self._take()
            if word.symbol:
                raise BadStatement(SYNTAX_ERROR, word.text, self.level.words, word.at)
            return word
        if not self._operation.takes_away:
            raise BadStatement("missing argument", before.text, self.level.words, before.at)
        return None

    def _values(self, before: Word, definition: Definition, *, many: bool) -> Iterator[str | None]:
        """Iterate over the value after a word, or the values between brackets, as they are kept."""
        if not (many and self._next < len(self._words) and self._words[self._next].symbol == "["):
            word = self._argument(before)
            yield None if word is None else canonical(definition, word.text, self.level.words, word.at)
            return
        opening = self._take()
        while self._next < len(self._words) and self._words[self._next].symbol != "]":
            word = self._take()
            if word.symbol:
                raise BadStatement(SYNTAX_ERROR, word.text, self.level.words, word.at)
            yield canonical(definition, word.text, self.level.words, word.at)
        if self._next == len(self._words):
            raise BadStatement("syntax error, expecting ']'", opening.text, self.level.words, opening.at)
        self._take()
