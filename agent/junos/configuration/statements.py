"""Statements of a configuration: those that somebody gives, and those that a configuration of ours shows as.

Both are trees of the same hierarchy. Parsers make `Given` ones, whatever the format; renderers take `Shown` ones, which
read the tree of a datastore only as far as they are looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from agent.datastore.edit import Operation
from agent.datastore.errors import ErrorInfo, ErrorType, InstancePath, RpcError
from agent.datastore.schema import SchemaNode
from agent.datastore.tree import Branch, Item, entries
from agent.datastore.values import Enumeration, InvalidValue
from agent.junos.configuration.definitions import Definition, Shape, edit_path

SYNTAX_ERROR: Final = "syntax error"


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a text a word begins, counted from 1; both 0 where there are no lines."""

    line: int = 0
    column: int = 0


NOWHERE: Final = Position()


class BadStatement(Exception):
    """A statement that is none, or not so: the word that is wrong, where it is, and the level it was to be at."""

    def __init__(
        self, message: str, word: str, words: Sequence[str], at: Position = NOWHERE, app_tag: str | None = None
    ) -> None:
        """Keep the parts; `words` are those of the level."""
        super().__init__(message)
        self.message = message
        self.word = word
        self.words = tuple(words)
        self.at = at
        self.app_tag = app_tag

    def as_rpc_error(self) -> RpcError:
        """Return it as the router tells of it."""
        return refusal(self.message, edit_path(self.words), self.word, self.at, self.app_tag)


def refusal(message: str, place: str, word: str, at: Position, app_tag: str | None = None) -> RpcError:
    """Return an error of a statement: `place` is the level as Junos shows it."""
    info = [ErrorInfo("bad-element", word)]
    if at != NOWHERE:
        info += [ErrorInfo("line-number", str(at.line)), ErrorInfo("column", str(at.column))]
    return RpcError(ErrorType.PROTOCOL, "operation-failed", message, app_tag=app_tag, info=info, place=place)


@dataclass(slots=True)
class Given:
    """A statement as it was given: with the name of an entry or a value, and what is to be done with it.

    Without a name or a value all of its definition are meant, which only a deletion can say.
    """

    definition: Definition
    argument: str | None = None
    at: Position = NOWHERE
    operation: Operation = Operation.MERGE
    below: dict[object, Given] = field(default_factory=dict)

    def add(self, definition: Definition, argument: str | None, at: Position) -> Given:
        """Return a statement within: the one that is there already, if it is the same."""
        told_apart = definition.shape in (Shape.LIST, Shape.LEAF_LIST)
        key = (definition.identity, argument if told_apart else None)
        present = self.below.get(key)
        if present is None or not definition.holds_statements:
            present = self.below[key] = Given(definition, argument, at)
        return present

    def children(self) -> Iterator[Given]:
        """Iterate over the statements within."""
        return iter(self.below.values())

    def nearest(self, path: InstancePath) -> Given:
        """Return the statement that an instance was given by, or the one around where it would be."""
        found = self
        for step in path:
            key = step.keys[0] if step.keys else None
            found = next(
                (
                    each
                    for each in found._visible()
                    if each.definition.node is step.node and (key is None or each.argument in (key, None))
                ),
                found,
            )
        return found

    def _visible(self) -> Iterator[Given]:
        for each in self.children():
            if each.definition.shape is Shape.LEVEL:
                yield from each._visible()
            else:
                yield each


def canonical(definition: Definition, text: str, words: Sequence[str], at: Position) -> str:
    """Return a value, or a name, as it is kept; BadStatement when it is none.

    Of the words that could stand there each is one of the syntax: another is an error of the syntax.
    """
    try:
        return definition.canonical(text)
    except InvalidValue as error:
        is_word = isinstance(definition.node.type, Enumeration)
        message = SYNTAX_ERROR if is_word else f"{definition.row.word}: {error.message}"
        raise BadStatement(message, repeatable(definition, text), words, at, error.app_tag) from error


def repeatable(definition: Definition, text: str) -> str:
    """Return a word that was found at a statement, or within it, as an error may repeat it.

    A key is not repeated, and neither is what stands where a key could be meant: the statement is named instead.
    """
    may_be_key = definition.is_secret or any(each.is_secret for each in definition.below)
    return definition.row.word or definition.tag if may_be_key else text


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for of a statement: the whole, or statements within by tag; of one entry only, if it is named."""

    name: str | None = None
    whole: bool = True
    below: Mapping[str, tuple[Wanted, ...]] = field(default_factory=dict)

    def within(self, tag: str) -> tuple[Wanted, ...]:
        """Return what is asked for of the statements with a tag."""
        return (EVERYTHING,) if self.whole else self.below.get(tag, ())


EVERYTHING: Final = Wanted()


@dataclass(frozen=True, slots=True)
class Shown:
    """A statement that a configuration shows as. `branch` is what its node holds, or that of the node around a level.

    `wanted` are alternatives: what any of them asks for is shown.
    """

    definition: Definition
    argument: str | None = None
    branch: Branch | None = None
    wanted: tuple[Wanted, ...] = (EVERYTHING,)

    def children(self) -> Iterator[Shown]:
        """Iterate over the statements within, in the order of the hierarchy."""
        for definition in self.definition.below:
            wanted = tuple(inner for each in self.wanted for inner in each.within(definition.tag))
            if wanted and self.branch is not None:
                yield from _shown(definition, self.branch, wanted)


def _shown(definition: Definition, branch: Branch, wanted: tuple[Wanted, ...]) -> Iterator[Shown]:
    if definition.shape is Shape.LEVEL:
        level = Shown(definition, None, branch, wanted)
        if next(level.children(), None) is not None:
            yield level
        return
    item = below(branch, definition.nodes)
    if definition.shape is Shape.LIST:
        yield from _shown_entries(definition, item, wanted)
    elif isinstance(item, Branch):
        container = Shown(definition, None, item, wanted)
        if definition.node.presence or next(container.children(), None) is not None:
            yield container
    elif isinstance(item, str):
        if definition.shape is Shape.LEAF:
            yield Shown(definition, item)
        elif item == definition.row.flag:
            yield Shown(definition)
    elif isinstance(item, tuple):
        yield from (Shown(definition, value) for value in item)


def _shown_entries(definition: Definition, item: Item | None, wanted: tuple[Wanted, ...]) -> Iterator[Shown]:
    for (name, *_), entry in entries(item).items():
        chosen = tuple(each for each in wanted if each.name in (None, name))
        if chosen and definition.covers(entry):
            yield Shown(definition, name, entry, chosen)


def below(branch: Branch | None, nodes: Sequence[SchemaNode]) -> Item | None:
    """Return what a tree holds at the end of a path of containers; None when it is not there."""
    item: Item | None = branch
    for node in nodes:
        item = item.children.get(node) if isinstance(item, Branch) else None
    return item
