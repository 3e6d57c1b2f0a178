"""What YANG modules define, as it has been read, and as a text from which it is had again without reading them.

The text is JSON: a table of objects, each with the values of its fields, which refer to others by their numbers.
Invariants: decoding makes nothing but what is listed here, and runs nothing; what was encoded comes back as it was, the
same object wherever it was the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from agent.datastore.canonical import CANONICAL_FORMS
from agent.datastore.nodes import Access, Condition, Kind, Module, SchemaNode, Submodule
from agent.datastore.references import Identityref, ModuleNames, NodePath
from agent.datastore.restrictions import Bounds, Pattern
from agent.datastore.values import (
    Binary,
    Bits,
    Boolean,
    Decimal64,
    Empty,
    Enumeration,
    Integer,
    Leafref,
    String,
    Union,
)


@dataclass(frozen=True, slots=True)
class Definitions:
    """What modules define.

    `implemented` and `imported` modules are in the order of their names, `nodes` their top-level data nodes, rpcs and
    notifications. `by_imports` names the implemented ones, each behind those that it imports. `sources` are the texts
    of all by file name, in which every import says the revision that is meant. `identities` are those of the
    implemented modules by their canonical names, each with itself and all that it is derived from.
    """

    implemented: tuple[Module, ...]
    imported: tuple[Module, ...]
    nodes: tuple[SchemaNode, ...]
    by_imports: tuple[str, ...]
    sources: Mapping[str, str]
    identities: Mapping[str, frozenset[str]]


_TYPES: Final = (Binary, Bits, Boolean, Decimal64, Empty, Enumeration, Integer, Leafref, String, Union)
_CLASSES: Final[tuple[type, ...]] = (
    *(Definitions, Module, Submodule, SchemaNode, Condition, Bounds, Identityref, NodePath, ModuleNames),
    *_TYPES,
)
_FIELDS: Final = MappingProxyType({made: tuple(field.name for field in fields(made)) for made in _CLASSES})
_PATTERN: Final = ("expression", "inverted", "error_message", "error_app_tag")
_CLASS_NUMBERS: Final = MappingProxyType({made: number for number, made in enumerate((*_CLASSES, Pattern))})
_ENUMERATIONS: Final[tuple[type[Enum], ...]] = (Kind, Access)
_FORMS: Final = tuple(dict.fromkeys(CANONICAL_FORMS.values()))
_TUPLE, _SET, _MAPPING, _ENUM, _FORM, _OBJECT = range(6)
"""How a list in the text begins, by what it stands for; anything but a list stands for itself."""


def encode_definitions(definitions: Definitions) -> bytes:
    """Return definitions as a text."""
    encoder = _Encoder()
    encoder.value(definitions)
    return json.dumps(encoder.objects, separators=(",", ":"), ensure_ascii=False).encode()


class _Encoder:
    """Numbers objects as they are met."""

    def __init__(self) -> None:
        self.objects: list[list[object]] = []
        self._numbers: dict[int, int] = {}
        self._met: list[object] = []
        """Kept, so that no other object takes the place in memory by which one is known."""

    def value(self, value: object) -> object:
        if value is None or (isinstance(value, bool | int | str) and not isinstance(value, Enum)):
            return value
        if isinstance(value, tuple):
            return [_TUPLE, *map(self.value, value)]
        if isinstance(value, frozenset):
            return [_SET, *sorted(value)]
        if isinstance(value, Mapping):
            return [_MAPPING, *(self.value(part) for pair in value.items() for part in pair)]
        if isinstance(value, Enum):
            return [_ENUM, _ENUMERATIONS.index(type(value)), value.value]
        if callable(value) and value in _FORMS:
            return [_FORM, _FORMS.index(value)]
        return [_OBJECT, self._number(value)]

    def _number(self, value: object) -> int:
        known = self._numbers.get(id(value))
        if known is None:
            known = self._numbers[id(value)] = len(self.objects)
            self._met.append(value)
            encoded: list[object] = [_CLASS_NUMBERS[type(value)]]
            self.objects.append(encoded)
            names = _PATTERN if isinstance(value, Pattern) else _FIELDS[type(value)]
            encoded += [self.value(getattr(value, name)) for name in names]
        return known


def decode_definitions(text: bytes) -> Definitions:
    """Return what was encoded; ValueError for a text that is none."""
    try:
        made = _decoded(json.loads(text))
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise ValueError(f"no definitions: {error}") from error
    if not isinstance(made, Definitions):
        raise ValueError("no definitions")
    return made


def _decoded(encoded: list[list[Any]]) -> object:
    """Make all objects, then set their fields, since they refer to one another."""
    classes = (*_CLASSES, Pattern)
    objects = [
        Pattern(*fields_) if number == len(_CLASSES) else object.__new__(classes[number])
        for number, *fields_ in encoded
    ]
    decoded = _decoder(objects)
    assign = object.__setattr__
    for made, (_, *values) in zip(objects, encoded, strict=True):
        if not isinstance(made, Pattern):
            for name, value in zip(_FIELDS[type(made)], values, strict=True):
                assign(made, name, decoded(value) if value.__class__ is list else value)
    return objects[0]


def _decoder(objects: Sequence[object]) -> Callable[[object], object]:
    def decoded(value: object) -> object:
        if not isinstance(value, list):
            return value
        kind, *rest = value
        if kind == _OBJECT:
            return objects[rest[0]]
        if kind == _TUPLE:
            return tuple([decoded(one) for one in rest])
        if kind == _MAPPING:
            parts = [decoded(one) for one in rest]
            return MappingProxyType(dict(zip(parts[::2], parts[1::2], strict=True)))
        if kind == _SET:
            return frozenset(rest)
        if kind == _ENUM:
            return _ENUMERATIONS[rest[0]](rest[1])
        return _FORMS[rest[0]]

    return decoded
