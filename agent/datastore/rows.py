"""Rows: the children of an instance, written at once by a function that is made for them (RFC 6241 section 6).

All that is the same for every instance is in the text of that function, so that what is left to do for a leaf is to get
its value. It is Python, put together from the schema as `dataclasses` does it; nothing in it comes from a client: tags
are literals, all else has names of its own. Invariant: a row gives to the letter what its members give one after the
other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType
from typing import Final, TypeAlias

from agent.datastore.markup import escape_text, plain
from agent.datastore.nodes import SchemaNode
from agent.datastore.tree import Branch

Writer: TypeAlias = "Callable[[Branch | None, object], str]"
"""Writes an instance: its configuration, and the subject of its state."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A leaf between its tags: as it is configured, else as its getter says; nothing where that is None.

    `node` is None for one that is never configured, `getter` for one that never is anything else. What a getter gives
    is text or a number, or else `is_converted`. Text with characters that need it is escaped if it `is_doubtful`.
    """

    start: str
    end: str
    node: SchemaNode | None
    getter: Callable[[object], object] | None
    is_converted: bool = True
    is_doubtful: bool = True


@dataclass(frozen=True, slots=True)
class Inner:
    """A container between its tags, shown if there is anything in it; `select` gives the subject of its state.

    One with `presence` is shown if it is there.
    """

    start: str
    end: str
    node: SchemaNode | None
    select: Callable[[object], object] | None
    members: Sequence[Member]
    presence: bool = False


@dataclass(frozen=True, slots=True)
class Other:
    """Anything else, by what writes it; without state if it is not `of_subject`."""

    write: Writer
    of_subject: bool = True


Member: TypeAlias = "Cell | Inner | Other"
NOTHING: Final[Mapping[SchemaNode, object]] = MappingProxyType({})


def make_row(keys: Sequence[Member], rest: Sequence[Member], *, bare: bool) -> Writer:
    """Return what writes keys and other members; unless it is `bare`, nothing where there are no others."""
    source = _Source()
    source.write("def row(config, subject):")
    source.write("    children = nothing if config is None else config.children")
    scope = _Scope("config", "children", "subject", 1)
    if bare:
        source.write(f"    return {source.text([*keys, *rest], scope)}")
    else:
        shown = source.text(rest, scope)
        source.write(f"    if not {shown}:")
        source.write("        return ''")
        source.write(f"    return {source.text(keys, scope)} + {shown}")
    return source.compiled()


@dataclass(frozen=True, slots=True)
class _Scope:
    """The names of a configuration, its children and a subject, and how far the lines about them are indented."""

    config: str
    children: str
    subject: str
    depth: int


class _Source:
    """The lines of a function, and what the names in it stand for."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._names: dict[str, object] = {"nothing": NOTHING, "plain": plain, "escape_text": escape_text}
        self._count = 0

    def write(self, line: str, depth: int = 0) -> None:
        self._lines.append("    " * depth + line)

    def compiled(self) -> Writer:
        # Of our own making, from the schema: what comes from elsewhere, such as tags, is in it as literals only.
        exec(compile("\n".join(self._lines), "<row>", "exec"), self._names)  # noqa: S102
        row: Writer = self._names["row"]  # type: ignore[assignment]
        return row

    def text(self, members: Sequence[Member], scope: _Scope) -> str:
        """Write what makes a text of members, and return its name."""
        values = [self._value(member, scope) for member in members]
        cells = [(cell, name) for cell, name in zip(members, values, strict=True) if isinstance(cell, Cell)]
        self._escape([name for cell, name in cells if cell.is_doubtful], scope.depth)
        text, templates = self._new("text"), [_template(member) for member in members]
        whole = f"{text} = {_joined(''.join(templates), values)}"
        if not cells:
            self.write(whole, scope.depth)
            return text
        each = [
            f"('' if {name} is None else {_joined(template, [name])})" if isinstance(member, Cell) else name
            for member, template, name in zip(members, templates, values, strict=True)
        ]
        self.write(f"if {' or '.join(f'{name} is None' for _, name in cells)}:", scope.depth)
        self.write(f"{text} = {_joined('%s' * len(each), each)}", scope.depth + 1)
        self.write("else:", scope.depth)
        self.write(whole, scope.depth + 1)
        return text

    def _value(self, member: Member, scope: _Scope) -> str:
        """Write what gets the value of a cell, or the text of another member, and return its name."""
        if isinstance(member, Cell):
            return self._cell(member, scope)
        if isinstance(member, Inner):
            return self._inner(member, scope)
        name = self._new("text")
        self.write(f"{name} = {self._named(member.write)}({scope.config}, {scope.subject})", scope.depth)
        return name

    def _cell(self, cell: Cell, scope: _Scope) -> str:
        name, depth = self._new("value"), scope.depth
        configured = "None" if cell.node is None else f"{scope.children}.get({self._named(cell.node)})"
        self.write(f"{name} = {configured}", depth)
        if cell.getter is None:
            return name
        known = "" if cell.node is None else f"{name} is None and "
        self.write(f"if {known}{scope.subject} is not None:", depth)
        self.write(f"{name} = {self._gotten(cell.getter, scope.subject)}", depth + 1)
        if cell.is_converted:
            for truth in (True, False):
                self.write(f"{'' if truth else 'el'}if {name} is {truth}:", depth + 1)
                self.write(f"{name} = {plain(truth)!r}", depth + 2)
            self.write(f"elif {name}.__class__ is not str and {name} is not None:", depth + 1)
            self.write(f"{name} = plain({name})", depth + 2)
        return name

    def _inner(self, inner: Inner, scope: _Scope) -> str:
        text, config, children, subject = (self._new(name) for name in ("text", "config", "children", "subject"))
        depth = scope.depth
        configured = "None" if inner.node is None else f"{scope.children}.get({self._named(inner.node)})"
        self.write(f"{config} = {configured}", depth)
        selected = scope.subject
        if inner.select is not None:
            selected = f"None if {scope.subject} is None else {self._gotten(inner.select, scope.subject)}"
        self.write(f"{subject} = {selected}", depth)
        self.write(f"{text} = ''", depth)
        there = f"{config} is not None" + (f" or {subject} is not None" if _is_of_subject([inner]) else "")
        self.write(f"if {there}:", depth)
        self.write(f"{children} = nothing if {config} is None else {config}.children", depth + 1)
        within = self.text(inner.members, _Scope(config, children, subject, depth + 1))
        shown = within
        if inner.presence:
            shown += f" or {config} is not None" + ("" if inner.select is None else f" or {subject} is not None")
        self.write(f"if {shown}:", depth + 1)
        self.write(f"{text} = {_joined(f'{_literal(inner.start)}%s{_literal(inner.end)}', [within])}", depth + 2)
        return text

    def _escape(self, names: Sequence[str], depth: int) -> None:
        """Write what escapes values: mostly none needs it, which is found out for all of them in one look."""
        if not names:
            return
        probe = self._new("probe")
        self.write(f"{probe} = {_joined('%s' * len(names), names)}", depth)
        marks = " or ".join(f"{mark!r} in {probe}" for mark in "&<>")
        self.write(f"if not {probe}.isprintable() or {marks}:", depth)
        for name in names:
            self.write(f"{name} = None if {name} is None else escape_text({name})", depth + 1)

    def _gotten(self, getter: Callable[[object], object], subject: str) -> str:
        """Return the expression for what a getter gives."""
        if isinstance(getter, attrgetter):
            paths = [path for path in getter.__reduce__()[1] if isinstance(path, str)]
            if len(paths) == 1 and all(map(str.isidentifier, paths[0].split("."))):
                return f"{subject}.{paths[0]}"  # Without a call.
        return f"{self._named(getter)}({subject})"

    def _named(self, value: object) -> str:
        name = self._new("known")
        self._names[name] = value
        return name

    def _new(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}"


def _template(member: Member) -> str:
    return f"{_literal(member.start)}%s{_literal(member.end)}" if isinstance(member, Cell) else "%s"


def _joined(template: str, values: Sequence[str]) -> str:
    """Return the expression that fills a template in: CPython makes it one instruction."""
    return f"{template!r} % ({', '.join(values)},)" if values else repr("")


def _literal(tag: str) -> str:
    return tag.replace("%", "%%")


def _is_of_subject(members: Sequence[Member]) -> bool:
    """Tell whether anything can be there without configuration."""
    for member in members:
        if isinstance(member, Other):
            if member.of_subject:
                return True
        elif isinstance(member, Cell):
            if member.getter is not None:
                return True
        elif member.select is not None or _is_of_subject(member.members):
            return True
    return False
