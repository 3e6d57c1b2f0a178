"""Canonical values and the check of a text against its type (RFC 7950 section 9).

A type is built once, from the module's statements, and then trusted. Invariant: `parse` gives the same text for every
spelling of one value, and parsing a canonical text gives it back; stores, filters and keys compare canonical texts.
The types that name schema nodes or identities are in `references`.
"""

from __future__ import annotations

import base64
import binascii
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.datastore.restrictions import Bounds, InvalidValue, Pattern, quote

__all__ = [
    "NO_NAMESPACES",
    "NO_PREFIXES",
    "Binary",
    "Bits",
    "Boolean",
    "Decimal64",
    "Empty",
    "Enumeration",
    "Integer",
    "InvalidValue",
    "Leafref",
    "String",
    "Union",
    "ValueType",
]

NO_NAMESPACES: Mapping[str | None, str] = MappingProxyType({})
NO_PREFIXES: Mapping[str, str] = MappingProxyType({})

_INTEGER = re.compile(r"[+-]?[0-9]+")
_SCHEMA_INTEGER = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|0[0-7]+|[0-9]+)")
_DECIMAL = re.compile(r"([+-]?)([0-9]+)(?:\.([0-9]+))?")
_WHITESPACE = " \t\n\r"
# RFC 7950 section 14, yang-char: neither controls nor surrogates nor the noncharacters of any plane.
_NOT_YANG_CHARACTER = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd"
    + "".join(f"{chr(plane << 16)}-{chr((plane << 16) + 0xFFFD)}" for plane in range(1, 17))
    + "]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueType(ABC):
    """The type of a leaf or leaf-list; `base` names the builtin type it derives from."""

    base: str

    @abstractmethod
    def parse(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """The canonical form of `text`; `namespaces` are the prefixes in scope, as in lxml's nsmap. InvalidValue."""

    def parse_default(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """The same for a default statement, where a module may also write an integer in hexadecimal or octal."""
        return self.parse(text, namespaces)

    def render(self, canonical: str) -> tuple[str, Mapping[str, str]]:
        """The XML text of a canonical value, and the prefixes that it needs declared, with their namespaces."""
        return canonical, NO_PREFIXES

    def is_canonical(self, text: str) -> bool:
        """Whether `text` is a canonical value of this type."""
        try:
            return self.parse(text) == text
        except InvalidValue:
            return False

    @property
    def has_prefixes(self) -> bool:
        """Whether a rendered value can need namespace declarations."""
        return False

    @property
    def needs_escape(self) -> bool:
        """Whether a canonical value can hold a character that XML escapes."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(ValueType):
    """The eight integer types (section 9.2); `bounds` are never wider than the builtin's."""

    bounds: Bounds

    def parse(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """Decimal, without a plus sign or leading zeros."""
        stripped = text.strip(_WHITESPACE)
        if not _INTEGER.fullmatch(stripped):
            raise InvalidValue(f"{quote(text)} is not an integer; allowed: {self.bounds.describe()}")
        return self._bounded(int(stripped))

    def parse_default(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """Decimal, hexadecimal as 0x1f or octal as 017 (section 9.2.1)."""
        match = _SCHEMA_INTEGER.fullmatch(text)
        if match is None:
            raise InvalidValue(f"{quote(text)} is not an integer; allowed: {self.bounds.describe()}")
        return self._bounded(schema_integer(text))

    def _bounded(self, number: int) -> str:
        self.bounds.check(number, lambda: f"{number} is out of range; allowed: {self.bounds.describe()}")
        return str(number)


def schema_integer(text: str) -> int:
    """An integer as modules write it: decimal, 0x1f, or octal 017. ValueError if it is none."""
    match = _SCHEMA_INTEGER.fullmatch(text)
    if match is None:
        raise ValueError(f"{quote(text)} is not an integer")
    sign, digits = match.groups()
    radix = 16 if digits[:2] in ("0x", "0X") else 8 if digits[0] == "0" and len(digits) > 1 else 10
    return -int(digits, radix) if sign == "-" else int(digits, radix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decimal64(ValueType):
    """A decimal fraction (section 9.3); `bounds` are scaled by ten to the power of `fraction_digits`."""

    fraction_digits: int
    bounds: Bounds

    def parse(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """At least one digit on either side of the point, and no other zeros at the ends."""
        try:
            scaled = scale_decimal(text.strip(_WHITESPACE), self.fraction_digits)
        except ValueError as error:
            raise InvalidValue(f"{error}; allowed: {self._allowed()}") from None
        canonical = self._show(scaled)
        self.bounds.check(scaled, lambda: f"{canonical} is out of range; allowed: {self._allowed()}")
        return canonical

    def _show(self, scaled: int) -> str:
        digits = str(abs(scaled)).rjust(self.fraction_digits + 1, "0")
        whole, fraction = digits[: -self.fraction_digits], digits[-self.fraction_digits :].rstrip("0")
        return f"{'-' if scaled < 0 else ''}{whole}.{fraction or '0'}"

    def _allowed(self) -> str:
        return self.bounds.describe(self._show)


def scale_decimal(text: str, fraction_digits: int) -> int:
    """The decimal as an integer, scaled by ten to the power of `fraction_digits`. ValueError if it does not fit."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError(f"{quote(text)} is not a decimal number")
    sign, whole, fraction = match.groups(default="")
    fraction = fraction.rstrip("0")
    if len(fraction) > fraction_digits:
        raise ValueError(f"{quote(text)} has more than {fraction_digits} fraction digits")
    scaled = int(whole + fraction.ljust(fraction_digits, "0"))
    return -scaled if sign == "-" else scaled


@dataclass(frozen=True, slots=True, kw_only=True)
class String(ValueType):
    """A string (section 9.4): `length` in characters, every one of `patterns` holds; `name` is the typedef's, or ''.

    `canonical` gives the canonical form that a well-known derived type defines in its description, and raises
    ValueError for a text that the patterns allow and the description does not.
    """

    name: str = ""
    length: Bounds | None = None
    patterns: tuple[Pattern, ...] = ()
    canonical: Callable[[str], str] | None = None

    def parse(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """The text itself, unless the derived type has a canonical form."""
        if _NOT_YANG_CHARACTER.search(text):
            raise InvalidValue(f"{quote(text)} holds a character that YANG does not allow")
        if self.length is not None:
            allowed = self.length.describe()
            self.length.check(len(text), lambda: f"{quote(text)} has {len(text)} characters; allowed: {allowed}")
        for pattern in self.patterns:
            pattern.check(text, self.name)
        try:
            return self.canonical(text) if self.canonical else text
        except ValueError as error:
            raise InvalidValue(str(error)) from None

    @property
    def needs_escape(self) -> bool:
        """Any string can hold an ampersand."""
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean(ValueType):
    """true or false (section 9.5)."""

    base: str = "boolean"

    def parse(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """The text itself."""
        if text not in ("true", "false"):
            raise InvalidValue(f"{quote(text)} is not a boolean; allowed: true, false")
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Enumeration(ValueType):
    """One of `names` (section 9.6), in schema order, each with the integer in `numbers` at the same place."""

    names: tuple[str, ...]
    numbers: tuple[int, ...] = ()
    base: str = "enumeration"

    def parse(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """The text itself."""
        if text not in self.names:
            raise InvalidValue(f"{quote(text)} is not allowed; allowed: {', '.join(self.names)}")
        return text

    @property
    def needs_escape(self) -> bool:
        """An enum's name is any string."""
        return any(character in name for name in self.names for character in "&<>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bits(ValueType):
    """A set of `names` (section 9.7), which are in order of position."""

    names: tuple[str, ...]
    base: str = "bits"

    def parse(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """The bits that are set, in order of position, separated by one space."""
        chosen = text.split()
        for name in chosen:
            if name not in self.names:
                raise InvalidValue(f"{quote(name)} is not a bit; allowed: {', '.join(self.names)}")
            if chosen.count(name) > 1:
                raise InvalidValue(f"bit {quote(name)} appears more than once")
        return " ".join(name for name in self.names if name in chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class Binary(ValueType):
    """Octets in base64 (section 9.8); `length` counts octets."""

    length: Bounds | None = None
    base: str = "binary"

    def parse(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """Base64 without white space and with zero padding bits, so that equal octets have equal texts."""
        try:
            octets = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise InvalidValue(f"{quote(text)} is not base64") from None
        if self.length is not None:
            allowed = self.length.describe()
            self.length.check(len(octets), lambda: f"{len(octets)} octets is a wrong length; allowed: {allowed}")
        return base64.b64encode(octets).decode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty(ValueType):
    """A leaf that is there or not (section 9.11)."""

    base: str = "empty"

    def parse(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """The empty text."""
        if text:
            raise InvalidValue(f"{quote(text)} is not allowed: the element must be empty")
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leafref(ValueType):
    """A reference to a leaf (section 9.9), whose type is `target`. Whether an instance exists is libyang's to judge.

    `path` is the XPath to the leaf, with the prefixes of `namespaces`, None that of names without a prefix.
    """

    target: ValueType
    require_instance: bool = True
    path: str = ""
    namespaces: Mapping[str | None, str] = field(default_factory=lambda: NO_NAMESPACES, repr=False, hash=False)
    base: str = "leafref"

    def parse(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """As the target's type."""
        return self.target.parse(text, namespaces)

    def parse_default(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """As the target's type."""
        return self.target.parse_default(text, namespaces)

    def render(self, canonical: str) -> tuple[str, Mapping[str, str]]:
        """As the target's type."""
        return self.target.render(canonical)

    @property
    def has_prefixes(self) -> bool:
        """As the target's type."""
        return self.target.has_prefixes

    @property
    def needs_escape(self) -> bool:
        """As the target's type."""
        return self.target.needs_escape


@dataclass(frozen=True, slots=True, kw_only=True)
class Union(ValueType):
    """The first of `members` that takes the text (section 9.12); `name` is the typedef's, or ''."""

    name: str = ""
    members: tuple[ValueType, ...]
    base: str = "union"

    def parse(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """The canonical form of the first member type that takes the text."""
        return self._first(text, lambda member: member.parse(text, namespaces))

    def parse_default(self, text: str, namespaces: Mapping[str | None, str] = NO_NAMESPACES) -> str:
        """The same for a default statement."""
        return self._first(text, lambda member: member.parse_default(text, namespaces))

    def _first(self, text: str, parse: Callable[[ValueType], str]) -> str:
        refusals: list[InvalidValue] = []
        for member in self.members:
            try:
                return parse(member)
            except InvalidValue as refusal:
                refusals.append(refusal)
        if len(refusals) == 1:
            raise refusals[0]
        if self.name:
            raise InvalidValue(f"{quote(text)} is no {self.name}")
        raise InvalidValue(f"{quote(text)} fits no member: " + "; ".join(refusal.message for refusal in refusals))

    def render(self, canonical: str) -> tuple[str, Mapping[str, str]]:
        """As the first member that has this very canonical value."""
        for member in self.members:
            if member.is_canonical(canonical):
                return member.render(canonical)
        return canonical, NO_PREFIXES

    @property
    def has_prefixes(self) -> bool:
        """Whether a member's values can."""
        return any(member.has_prefixes for member in self.members)

    @property
    def needs_escape(self) -> bool:
        """Whether a member's values can."""
        return any(member.needs_escape for member in self.members)
