"""YAML documents read with the place of everything in them, so that each error can name file, line and column.

Scalars are taken as text and converted by what is expected of them; YAML's own guesses (yes, 0o10, 12:30) are not used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

import yaml

from agent.app.errors import AppError

T = TypeVar("T")
_MISSING: Final = object()


class DocumentError(AppError):
    """What is wrong with a document; the message begins with file, line and column."""

    exit_code = 2


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
        mark = (node or self._node).start_mark
        return DocumentError(f"{self._file}:{mark.line + 1}:{mark.column + 1}: {message}")

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

    def read_several(self, key: str, convert: Callable[[str], T], expected: str) -> tuple[T, ...]:
        """Return one scalar, or a sequence of them, each converted."""
        if isinstance(self._values.get(key), yaml.SequenceNode):
            return self.read_all(key, convert, expected)
        return (self.read(key, convert, expected),)

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
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark is not None else ""
        raise DocumentError(f"{file}{where}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise DocumentError(f"{file}: {error}") from error
    if node is None:
        raise DocumentError(f"{file}: the document is empty")
    return Section(file, node, name)
