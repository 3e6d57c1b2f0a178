"""Elements of a reply, and how they are written: as XML in a reply, as XML on a screen, and as JSON.

In JSON, as Junos writes it, every element is a list with one entry for each time that it is there: text as `data`,
an empty element as null, the attributes of one under `attributes`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final, TypeAlias

from agent.datastore.markup import escape_text, quoted
from agent.junos.router import RELEASE

NAMESPACE: Final = f"http://xml.juniper.net/junos/{RELEASE}/junos"
"""The namespace of the attributes; that of a reply's content ends in a subsystem, too."""
INDENT: Final = "    "

Json: TypeAlias = "str | list[Json] | dict[str, Json] | None"


@dataclass(frozen=True, slots=True)
class Element:
    """An element with text or with elements in it."""

    name: str
    content: str | tuple[Element, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """The one element of a reply, whose children come one after the other: there may be many."""

    name: str
    subsystem: str
    children: Iterable[Element]
    style: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_attributes(self) -> dict[str, str]:
        """Return the attributes of the element, its namespaces included."""
        style = {"junos:style": self.style} if self.style is not None else {}
        return {
            "xmlns": f"{NAMESPACE}-{self.subsystem}" if self.subsystem else NAMESPACE,
            "xmlns:junos": NAMESPACE,
            **style,
            **self.attributes,
        }


def leaf(name: str, value: object, **attributes: str) -> Element:
    """Return an element with a value as its text; the attributes are of the namespace junos."""
    return Element(name, str(value), {f"junos:{key}": text for key, text in attributes.items()})


def leaves(values: Mapping[str, object]) -> tuple[Element, ...]:
    """Return an element for each value that is not None."""
    return tuple(leaf(name, value) for name, value in values.items() if value is not None)


def render(reply: Reply) -> Iterator[str]:
    """Yield a reply as XML without white space between its elements."""
    yield f"<{reply.name}{_attributes(reply.all_attributes)}>"
    for child in reply.children:
        yield "".join(_compact(child))
    yield f"</{reply.name}>"


def _compact(element: Element) -> Iterator[str]:
    start = f"{element.name}{_attributes(element.attributes)}"
    if not element.content:
        yield f"<{start}/>"
    elif isinstance(element.content, str):
        yield f"<{start}>{escape_text(element.content)}</{element.name}>"
    else:
        yield f"<{start}>"
        for child in element.content:
            yield from _compact(child)
        yield f"</{element.name}>"


def render_lines(reply: Reply) -> Iterator[str]:
    """Yield the lines of a reply as the prompt shows it, in its envelope."""
    yield f'<rpc-reply xmlns:junos="{NAMESPACE}">'
    attributes = {name: value for name, value in reply.all_attributes.items() if name != "xmlns:junos"}
    yield f"{INDENT}<{reply.name}{_attributes(attributes)}>"
    for child in reply.children:
        yield from indented(child, 2)
    yield f"{INDENT}</{reply.name}>"
    yield from ENVELOPE_END


ENVELOPE_END: Final = (
    f"{INDENT}<cli>",
    f"{INDENT}{INDENT}<banner></banner>",
    f"{INDENT}</cli>",
    "</rpc-reply>",
)


def indented(element: Element, depth: int) -> Iterator[str]:
    """Yield the lines of an element at a depth."""
    margin, start = INDENT * depth, f"{element.name}{_attributes(element.attributes)}"
    if not element.content:
        yield f"{margin}<{start}/>"
    elif isinstance(element.content, str):
        yield f"{margin}<{start}>{escape_text(element.content)}</{element.name}>"
    else:
        yield f"{margin}<{start}>"
        for child in element.content:
            yield from indented(child, depth + 1)
        yield f"{margin}</{element.name}>"


def render_json(reply: Reply) -> Iterator[str]:
    """Yield the lines of a reply as JSON, one child after the other: those of one name stand together in a reply."""
    yield from ("{", f"{INDENT}{json.dumps(reply.name)}: [", f"{INDENT * 2}{{")
    *lines, held = _lines({"attributes": dict(reply.all_attributes)})[1:-1]
    yield from (f"{INDENT * 2}{line}" for line in lines)
    for name, children in groupby(reply.children, lambda child: child.name):
        yield f"{INDENT * 2}{held},"
        yield f"{INDENT * 3}{json.dumps(name)}: ["
        yield from _listed(map(_object, children))
        held = f"{INDENT}]"
    yield from (f"{INDENT * 2}{held}", f"{INDENT * 2}}}", f"{INDENT}]", "}")


def _listed(values: Iterable[Json]) -> Iterator[str]:
    """Yield the lines of what is in a list, with a comma after each value but the last."""
    held = ""
    for value in values:
        if held:
            yield f"{held},"
        *lines, held = (f"{INDENT * 4}{line}" for line in _lines(value))
        yield from lines
    yield held


def _lines(value: Json) -> list[str]:
    return json.dumps(value, indent=len(INDENT)).splitlines()


def _members(children: Iterable[Element]) -> dict[str, Json]:
    members: dict[str, list[Json]] = {}
    for child in children:
        members.setdefault(child.name, []).append(_object(child))
    return {name: values for name, values in members.items()}


def _object(element: Element) -> Json:
    attributes: dict[str, Json] = {"attributes": dict(element.attributes)} if element.attributes else {}
    if not element.content:
        return {**attributes, "data": [None]} if attributes else None
    if isinstance(element.content, str):
        return {**attributes, "data": element.content}
    return {**attributes, **_members(element.content)}


def _attributes(attributes: Mapping[str, str]) -> str:
    return "".join(f" {name}={quoted(value)}" for name, value in attributes.items())
