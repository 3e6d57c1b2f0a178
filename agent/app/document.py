"""YAML documents read with the place of everything in them, so that each error can name file, line and column.

Scalars are taken as text and converted by what is expected of them; YAML's own guesses (yes, 0o10, 12:30) are not used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeAlias, TypeVar

import yaml

from agent.app.errors import AppError

T = TypeVar("T")
Tree: TypeAlias = "str | list[Tree] | dict[str, Tree]"
"""What stands at a place of a document that may hold anything: its scalars are text."""
JSON_SCALAR: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
"""The plain scalars of YAML that mean what they mean in JSON; all others are strings."""
MAXIMUM_NODES: Final = 1_000_000
_MISSING: Final = object()


class DocumentError(AppError):
    """What is wrong with a document; the message begins with file, line and column."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file; line and column count from 1."""

    file: str
    line: int
    column: int

    def error(self, message: str) -> DocumentError:
        """Return an error at this place."""
        return DocumentError(f"{self}: {message}")

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Section:
    """One mapping of a document. What is asked for is taken; `finish` refuses what nobody asked for."""

    def __init__(self, file: str, node: yaml.Node, name: str) -> None:
        """Take a node that must be a mapping; `name` is what messages call it."""
        self._file = file
        self._node = node
        self._name = name
        if not isinstance(node, yaml.MappingNode):
            raise self.error(f"{name} is a mapping of names to values", node)
        self._values: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if str(key.value) in self._values:
                raise self.error(f"{key.value!r} is given twice", key)
            self._values[str(key.value)] = value
        self._left = dict(self._values)

    def error(self, message: str, node: yaml.Node | None = None) -> DocumentError:
        """Return an error at a node, or at the section."""
        return self._place(node or self._node).error(message)

    @property
    def place(self) -> Place:
        """Where the section begins."""
        return self._place(self._node)

    def _place(self, node: yaml.Node) -> Place:
        return Place(self._file, node.start_mark.line + 1, node.start_mark.column + 1)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def read(self, key: str, convert: Callable[[str], T], expected: str, default: T | object = _MISSING) -> T:
        """Return a scalar converted by `convert`, whose ValueError means that it is not `expected`."""
        node = self._take(key, optional=default is not _MISSING)
        if node is None:
            return default  # type: ignore[return-value]
        return self._convert(node, convert, f"{key!r} must be {expected}")

    def text(self, key: str, default: str | object = _MISSING) -> str:
        """Return a scalar as it stands."""
        return self.read(key, str, "text", default)

    def read_all(self, key: str, convert: Callable[[str], T], expected: str) -> tuple[T, ...]:
        """Return a sequence of scalars, each converted."""
        node = self._take(key)
        if not isinstance(node, yaml.SequenceNode):
            raise self.error(f"{key!r} is a list", node)
        return tuple(self._convert(one, convert, f"every entry of {key!r} must be {expected}") for one in node.value)

    def section(self, key: str) -> Section:
        """Return a mapping below this one."""
        return Section(self._file, self._required(key), repr(key))

    def sections(self, key: str) -> Iterator[Section]:
        """Iterate over the mappings of a list; none when it is absent."""
        node = self._take(key, optional=True)
        if node is not None and not isinstance(node, yaml.SequenceNode):
            raise self.error(f"{key!r} is a list", node)
        for one in node.value if node is not None else ():
            yield Section(self._file, one, f"an entry of {key!r}")

    def items(self, key: str) -> Iterator[tuple[str, str]]:
        """Iterate over the names and texts of a mapping of scalars; none when it is absent."""
        node = self._take(key, optional=True)
        if node is None:
            return
        section = Section(self._file, node, repr(key))
        for name in section._values:
            yield name, section.text(name)

    def one_of(self, *keys: str) -> str:
        """Return which one of several names is given; DocumentError for none and for two."""
        given = [key for key in keys if key in self._values]
        if len(given) != 1:
            raise self.error(f"{self._name} needs {'one' if not given else 'only one'} of {', '.join(map(repr, keys))}")
        return given[0]

    def tree(self, key: str) -> dict[str, Tree]:
        """Return a mapping of anything; an empty one when it is absent."""
        node = self._take(key, optional=True)
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            raise self.error(f"{key!r} is a mapping of names to values", node)
        return {str(name.value): _tree(value) for name, value in node.value}

    def texts_and_data(self, key: str) -> Iterator[tuple[Place, str | bytes]]:
        """Iterate over one value or a list of them: scalars as text, mappings as JSON, each with its place.

        That of a block of text is where its first line stands.
        """
        node = self._required(key)
        for one in node.value if isinstance(node, yaml.SequenceNode) else (node,):
            if isinstance(one, yaml.ScalarNode):
                is_block = one.style in ("|", ">")
                place = self._place(one)
                yield Place(place.file, place.line + is_block, place.column), str(one.value)
            elif isinstance(one, yaml.MappingNode):
                yield self._place(one), _json(one).encode()
            else:
                raise self.error(f"an entry of {key!r} is a text or a mapping", one)

    def finish(self) -> None:
        """Refuse what nobody asked for."""
        for key, node in self._left.items():
            raise self.error(f"{self._name} has no {key!r}", node)

    def _take(self, key: str, *, optional: bool = False) -> yaml.Node | None:
        self._left.pop(key, None)
        if key not in self._values and not optional:
            raise self.error(f"{self._name} needs {key!r}")
        return self._values.get(key)

    def _required(self, key: str) -> yaml.Node:
        self._left.pop(key, None)
        if key not in self._values:
            raise self.error(f"{self._name} needs {key!r}")
        return self._values[key]

    def _convert(self, node: yaml.Node, convert: Callable[[str], T], expected: str) -> T:
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(expected, node)
        try:
            return convert(str(node.value))
        except ValueError as error:
            raise self.error(f"{expected}, not {node.value!r}", node) from error


def read_document(file: str, text: str, name: str) -> Section:
    """Return the root of a YAML document; DocumentError for what is no YAML, or no mapping."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None and _size(node, {}) > MAXIMUM_NODES:
            raise Place(file, 1, 1).error(f"written out, the document has more than {MAXIMUM_NODES} values")
    except RecursionError as error:
        raise Place(file, 1, 1).error("the document is nested too deeply, or within itself") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        raise DocumentError(f"{file}{where}: {error.problem}") from error
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = Place(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise place.error(f"a character that may not stand here, number {error.character}") from error
    if node is None:
        raise Place(file, 1, 1).error("the document is empty")
    return Section(file, node, name)


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values there are with everything written out that an alias stands for."""
    if id(node) not in known:
        below: Iterable[yaml.Node] = ()
        if isinstance(node, yaml.MappingNode):
            below = chain.from_iterable(node.value)
        elif isinstance(node, yaml.SequenceNode):
            below = node.value
        known[id(node)] = 1 + sum(_size(each, known) for each in below)
    return known[id(node)]


def _tree(node: yaml.Node) -> Tree:
    if isinstance(node, yaml.MappingNode):
        return {str(name.value): _tree(value) for name, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_tree(each) for each in node.value]
    return str(node.value)


def _json(node: yaml.Node) -> str:
    """Return a part of a document as JSON text, with the numbers as they are written."""
    if isinstance(node, yaml.MappingNode):
        members = (f"{json.dumps(str(name.value))}: {_json(value)}" for name, value in node.value)
        return f"{{{', '.join(members)}}}"
    if isinstance(node, yaml.SequenceNode):
        return f"[{', '.join(map(_json, node.value))}]"
    text = str(node.value)
    is_plain = isinstance(node, yaml.ScalarNode) and node.style is None
    return text if is_plain and JSON_SCALAR.fullmatch(text) else json.dumps(text)
