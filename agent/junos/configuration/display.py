"""A configuration in any of its formats, as lines: whole, or what stands below a path of statements."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from agent.core.world import SECOND
from agent.datastore.edit import Operation
from agent.datastore.markup import quoted
from agent.junos.configuration.definitions import Shape
from agent.junos.configuration.json import members_of
from agent.junos.configuration.parsing import Descent, Level
from agent.junos.configuration.set_commands import render_set
from agent.junos.configuration.statements import Given, Shown, Wanted
from agent.junos.configuration.text import head_words, render_block
from agent.junos.configuration.words import parse_words
from agent.junos.configuration.xml import CONFIGURATION, INDENT, render_xml
from agent.junos.markup import NAMESPACE
from agent.junos.router import Format

XNM: Final = "http://xml.juniper.net/xnm/1.1/xnm"
"""The namespace of a configuration's elements."""


@dataclass(frozen=True, slots=True)
class Header:
    """Who committed the configuration in use, and when: device time in microseconds."""

    at: int
    user: str

    @property
    def line(self) -> str:
        """The comment before a configuration as text."""
        return f"## Last commit: {local_time(self.at)} by {self.user}"

    @property
    def attributes(self) -> Mapping[str, str]:
        """The attributes of a configuration's element."""
        return {
            "xmlns": XNM,
            "xmlns:junos": NAMESPACE,
            "junos:commit-seconds": str(self.at // SECOND),
            "junos:commit-localtime": local_time(self.at),
            "junos:commit-user": self.user,
        }


def local_time(at: int) -> str:
    """Return a device time as Junos writes it; the time zone is UTC."""
    return f"{datetime.fromtimestamp(at // SECOND, UTC):%Y-%m-%d %H:%M:%S} UTC"


def lines(root: Shown, format_: Format, header: Header) -> Iterator[str]:
    """Return the lines of a whole configuration; in XML and JSON those of its element and its object."""
    if format_ is Format.TEXT:
        return _text(root.children(), header)
    if format_ is Format.SET:
        return render_set(root.children())
    return _xml(root, header) if format_ is Format.XML else _json(root, header)


def lines_below(root: Shown, path: str, format_: Format, header: Header) -> Iterator[str]:
    """Return the lines of what stands below a path of statements; BadStatement where it leads nowhere."""
    way = Given(root.definition)
    Descent(Level(way), list(parse_words(path)), Operation.REMOVE).run()
    if not way.below:
        return lines(root, format_, header)
    narrowed = replace(root, wanted=(_wanted(way),))
    if format_ in (Format.XML, Format.JSON):
        return lines(narrowed, format_, header)
    words, statements = _found(narrowed, way)
    return render_block(statements, "") if format_ is Format.TEXT else render_set(statements, words)


def _text(statements: Iterable[Shown], header: Header) -> Iterator[str]:
    yield header.line
    yield from render_block(statements, "")


def _xml(root: Shown, header: Header) -> Iterator[str]:
    attributes = "".join(f" {name}={quoted(value)}" for name, value in header.attributes.items())
    yield f"<{CONFIGURATION}{attributes}>"
    yield from render_xml(root, INDENT)
    yield f"</{CONFIGURATION}>"


def _json(root: Shown, header: Header) -> Iterator[str]:
    members = {"@": dict(header.attributes), **members_of(root)}
    yield from json.dumps({CONFIGURATION: members}, indent=4).split("\n")


def _wanted(way: Given) -> Wanted:
    below = {each.definition.tag: (_wanted(each),) for each in way.children()}
    name = way.argument if way.definition.shape is Shape.LIST else None
    return Wanted(name, not below, below)


def _found(root: Shown, way: Given) -> tuple[tuple[str, ...], Iterable[Shown]]:
    """Return the statements at the end of a way that nothing else is wanted of, and the words that lead to them."""
    level, words = root, tuple[str, ...]()
    while (step := next(way.children(), None)) is not None:
        statements = list(level.children())
        is_many = step.definition.shape is Shape.LIST and step.argument is None
        if not statements or is_many or not step.definition.holds_statements:
            return words, statements
        level, way = statements[0], step
        words = (*words, *head_words(level))
    return words, level.children()
