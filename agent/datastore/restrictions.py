"""What narrows a type: ranges and lengths (RFC 7950 sections 9.2.4, 9.4.4) and patterns (9.4.5).

Patterns are XML Schema regular expressions; libxml2 judges them, since Python's `re` reads another language.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree

_XSD = "http://www.w3.org/2001/XMLSchema"


_SHOWN_CHARACTERS = 64


def quote(text: str) -> str:
    """The text as messages show it: quoted, and cut where it is long."""
    return f"'{text}'" if len(text) <= _SHOWN_CHARACTERS else f"'{text[:_SHOWN_CHARACTERS]}...'"


class InvalidValue(ValueError):
    """A text that its type does not allow.

    `message` says what is allowed instead, or is the module's error-message; `app_tag` is its error-app-tag, or ''.
    """

    def __init__(self, message: str, app_tag: str = "") -> None:
        """Keeps both for the rpc-error that this becomes."""
        super().__init__(message)
        self.message = message
        self.app_tag = app_tag


@dataclass(frozen=True, slots=True)
class Bounds:
    """A range or a length: inclusive pairs, ascending. Decimals are scaled to integers by their fraction digits."""

    parts: tuple[tuple[int, int], ...]
    error_message: str = ""
    error_app_tag: str = ""

    def check(self, number: int, default_message: Callable[[], str]) -> None:
        """Raises InvalidValue when `number` lies in none of the parts."""
        if not any(low <= number <= high for low, high in self.parts):
            raise InvalidValue(self.error_message or default_message(), self.error_app_tag)

    def describe(self, show: Callable[[int], str] = str) -> str:
        """The allowed values in the notation of YANG, such as '1..10 | 20'."""
        return " | ".join(show(low) if low == high else f"{show(low)}..{show(high)}" for low, high in self.parts)


class Pattern:
    """One pattern of a string type. It is compiled when it is first needed, since most patterns never are."""

    __slots__ = ("_schema", "error_app_tag", "error_message", "expression", "inverted")

    def __init__(
        self, expression: str, inverted: bool = False, error_message: str = "", error_app_tag: str = ""
    ) -> None:
        """`inverted` is the modifier invert-match: the text must not match."""
        self.expression = expression
        self.inverted = inverted
        self.error_message = error_message
        self.error_app_tag = error_app_tag
        self._schema: etree.XMLSchema | None = None

    def check(self, text: str, type_name: str = "") -> None:
        """Raises InvalidValue when `text`, which holds only characters of XML, breaks the pattern of a named type."""
        if self._schema is None:
            self._schema = _compile(self.expression)
        value = etree.Element("value")
        value.text = text
        if self._schema.validate(value) is self.inverted:
            raise InvalidValue(self.error_message or self._default_message(text, type_name), self.error_app_tag)

    def _default_message(self, text: str, type_name: str) -> str:
        verb = "must not match" if self.inverted else "does not match"
        if type_name:
            return f"{quote(text)} is no {type_name}: it {verb} the pattern '{self.expression}'"
        return f"{quote(text)} {verb} the pattern '{self.expression}'"


def _compile(expression: str) -> etree.XMLSchema:
    schema = etree.Element(f"{{{_XSD}}}schema")
    element = etree.SubElement(schema, f"{{{_XSD}}}element", name="value")
    simple_type = etree.SubElement(element, f"{{{_XSD}}}simpleType")
    restriction = etree.SubElement(simple_type, f"{{{_XSD}}}restriction", base=f"{schema.prefix}:string")
    etree.SubElement(restriction, f"{{{_XSD}}}pattern", value=expression)
    return etree.XMLSchema(schema)
