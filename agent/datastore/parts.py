"""The pieces that a compiled rendering is made of: each renders one schema node for any device (RFC 6241 section 6).

A part is given the parent's configuration branch and the parent's subject, and joins text. Invariant: a part keeps no
reference to a device or to a datastore, so one part serves every request of every session whose user may read the
same.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Final, TypeAlias, TypeVar

from agent.datastore.defaults import DefaultsMode, DefaultValue
from agent.datastore.markup import element_of, plain, tags, text_of
from agent.datastore.origins import Origin, StartTags, of_instance, of_value
from agent.datastore.registry import StateContainer, Value
from agent.datastore.rows import Cell, Row
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.selection import Selection, merge
from agent.datastore.templates import LeafTemplates
from agent.datastore.tree import Anydata, Branch, Key

TAG: Final = ' xmlns:wd="urn:ietf:params:xml:ns:netconf:default:1.0" wd:default="true"'
"""What marks a value that nobody has set (RFC 6243 section 6)."""
Keys: TypeAlias = Mapping[SchemaNode, Key]
"""Keys by the lists that they are of."""
Copied = TypeVar("Copied")
Matcher = Callable[[Branch | None, object], bool]
"""Tells of one instance, its configuration and its subject, whether the matches of a filter hold for it."""


class Part:
    """The rendering of one node below a parent's configuration branch and subject."""

    streams = False
    """Whether an instance can be large: then `text` must not be used."""

    def text(self, config: Branch | None, subject: object) -> str:
        """Render all at once; empty when there is nothing to show."""
        raise NotImplementedError

    def pieces(self, config: Branch | None, subject: object) -> Iterator[str]:
        """Render piece by piece."""
        if text := self.text(config, subject):
            yield text

    @property
    def cell(self) -> Cell | None:
        """The same as a cell of a row, where the subject alone decides what is shown."""
        return None

    def at(self, keys: Keys) -> Part | None:
        """Return the same with other keys for the lists that are looked up; None where they decide what is shown."""
        return self


class RowPart(Part):
    """Neighbouring parts for which the subject is enough, rendered at once."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self.cells = tuple(cells)
        self._row = Row(cells)

    def text(self, config: Branch | None, subject: object) -> str:
        """Render all at once."""
        return self._row.text(subject) if subject is not None else ""


def in_rows(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return parts, in their order, with rows in place of those that can be in one."""
    rows = list[Part]()
    for is_alone, neighbours in groupby(((part, part.cell) for part in parts), lambda pair: pair[1] is None):
        if is_alone:
            rows.extend(part for part, _ in neighbours)
        else:
            rows.append(RowPart([cell for _, cell in neighbours if cell is not None]))
    return tuple(rows)


class LeafPart(Part):
    """A leaf, leaf-list or anydata: from the configuration, else from its getter; `only` some values, or all (None)."""

    def __init__(
        self,
        node: SchemaNode,
        getter: Callable[[object], Value] | None,
        only: Container[str] | None = None,
        mode: DefaultsMode = DefaultsMode.EXPLICIT,
        attributes: str = "",
    ) -> None:
        self._node = node
        self._getter = getter
        self._only = only
        self._trims = mode is DefaultsMode.TRIM and bool(node.defaults)
        tagged = mode is DefaultsMode.REPORT_ALL_TAGGED
        self._tagged = element_of(node, node.parent, TAG + attributes) if tagged else None
        self._start, self._end = tags(node, node.parent, attributes)
        self._element = element_of(node, node.parent, attributes)
        self._is_list = node.kind is Kind.LEAF_LIST

    @property
    def plain(self) -> SchemaNode | None:
        """The leaf, where nothing is shown but its configured value, between tags that are always the same."""
        node = self._node
        is_leaf = node.kind is Kind.LEAF and node.type is not None and not node.type.has_prefixes
        shows_all = self._only is None and not self._trims and self._tagged is None
        is_bare = self._getter is None and self._start == tags(node, node.parent)[0]
        return node if is_leaf and shows_all and is_bare else None

    @property
    def cell(self) -> Cell | None:
        """A leaf of state between its tags; of several values, all of them with theirs."""
        if self._node.config or self._getter is None:
            return None
        is_leaf = self._node.kind is Kind.LEAF and self._only is None
        convert = text_of(self._node) if is_leaf else None
        if convert is not None:
            return Cell(self._start, self._end, convert(self._getter))
        return Cell("", "", lambda subject: self.text(None, subject) or None)

    def text(self, config: Branch | None, subject: object) -> str:
        """Render the value or the values."""
        value: object = config.children.get(self._node) if config is not None else None
        is_configured = value is not None
        if value is None and (self._getter is None or subject is None or (value := self._getter(subject)) is None):
            return ""
        if isinstance(value, Anydata):
            return f"{self._start}{value.xml.decode()}{self._end}"
        if is_configured and self._trims and value in (self._node.defaults, *self._node.defaults[:1]):
            return ""
        if not self._is_list and self._only is None:
            return self._one(value)
        values = each(value) if self._is_list else (value,)
        return "".join([self._one(one) for one in values if self._only is None or plain(one) in self._only])

    def _one(self, value: object) -> str:
        if self._tagged is not None and isinstance(value, DefaultValue):
            return self._tagged(value)
        return self._element(value)


class OriginLeafPart(Part):
    """A leaf, leaf-list or anydata of the configuration, of which it matters where its values come from.

    `parts` render what is of each origin that is wanted; `inherited` what has the origin of its parent, None where the
    origins of all are shown.
    """

    def __init__(self, node: SchemaNode, parts: Mapping[Origin, Part], inherited: Part | None) -> None:
        self._node = node
        self._parts = parts
        self._inherited = inherited

    def text(self, config: Branch | None, subject: object) -> str:
        """Render the value or the values, which are all of one origin."""
        value: object = config.children.get(self._node) if config is not None else None
        origin = Origin.SYSTEM if value is None else of_value(value[0] if isinstance(value, tuple) else value)
        if origin not in self._parts:
            return ""
        is_inherited = self._inherited is not None and origin is of_instance(config)
        part = self._inherited if is_inherited and self._inherited is not None else self._parts[origin]
        return part.text(config, subject)


def each(value: object) -> Iterator[object]:
    """Iterate over the values of a leaf-list, which may be given as a single one."""
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        yield value
    else:
        yield from value


class Body:
    """The children of one instance, for one way in which its filters' matches hold.

    One that is `bare` is shown even if there is nothing in it but its keys; `shy` is the same that is not.
    """

    def __init__(self, keys: Sequence[Part], rest: Sequence[Part], *, bare: bool) -> None:
        self._keys = in_rows(keys)
        self._rest = in_rows(rest)
        self._all = in_rows((*keys, *rest))
        self.bare = bare
        self.shy = Body(keys, rest, bare=False) if bare else self
        self.streams = any(part.streams for part in rest)
        self._templates = _templates(keys, rest)

    def text(self, config: Branch | None, subject: object) -> str:
        """Render all at once."""
        if self._templates is not None and config is not None:
            text = self._templates.text(config.children)
            if text is not None:
                return text
        if self.bare:
            return "".join([part.text(config, subject) for part in self._all])
        rest = "".join([part.text(config, subject) for part in self._rest])
        if not rest and not self.bare:
            return ""
        return "".join([part.text(config, subject) for part in self._keys]) + rest

    def texts(self, entries: Sequence[Branch], start: str, end: str) -> str:
        """Render configured instances, each between its tags."""
        if self._templates is not None:
            text = self._templates.texts([entry.children for entry in entries], start, end)
            if text is not None:
                return text
        found = [self.text(entry, None) for entry in entries]
        return "".join([f"{start}{text}{end}" for text in found if text or self.bare])

    def pieces(self, config: Branch | None, subject: object) -> Iterator[str]:
        """Render piece by piece."""
        keys = "".join([part.text(config, subject) for part in self._keys])
        if self.bare and keys:
            yield keys
            keys = ""
        for part in self._rest:
            for piece in part.pieces(config, subject) if part.streams else (part.text(config, subject),):
                if piece:
                    yield keys + piece
                    keys = ""

    def at(self, keys: Keys) -> Body | None:
        """Return the same with other keys for the lists that are looked up, None where that cannot be."""
        if not self.streams:
            return self
        moved = [part.at(keys) for part in self._rest]
        made = copied(self)
        made._rest = tuple([part for part in moved if part is not None])
        made.shy = made
        if self.bare:
            made.shy = copied(made)
            made.shy.bare, made.shy.shy = False, made.shy
        return made if len(made._rest) == len(moved) else None

    @property
    def row(self) -> RowPart | None:
        """The one row that is all of it, None for more."""
        only = self._all[0] if len(self._all) == 1 else None
        return only if isinstance(only, RowPart) else None


def _templates(keys: Sequence[Part], rest: Sequence[Part]) -> LeafTemplates | None:
    """Return the templates of an instance that has nothing but plain leaves, None for another."""
    plain = [[part.plain if isinstance(part, LeafPart) else None for part in parts] for parts in (keys, rest)]
    nodes = [[node for node in found if node is not None] for found in plain]
    return LeafTemplates(*nodes) if rest and nodes == plain else None


class Guard:
    """The alternatives of a node: which of them hold for an instance decides its body, compiled when first needed."""

    def __init__(self, tests: Sequence[tuple[Matcher, Selection]], compile_body: Callable[[Selection], Body]) -> None:
        self._tests = tuple(tests)
        self._compile = compile_body
        self._bodies: dict[tuple[int, ...], Body] = {}
        always = all(not selection.matches for _, selection in tests)
        self.always = self._body(range(len(tests))) if always else None
        """What is shown of every instance, None where that depends."""
        self.streams = self.always is None or self.always.streams

    def body(self, config: Branch | None, subject: object) -> Body | None:
        """Return what is shown of an instance, None for nothing."""
        if self.always is not None:
            return self.always
        holding = [number for number, (matcher, _) in enumerate(self._tests) if matcher(config, subject)]
        return self._body(holding) if holding else None

    def at(self, keys: Keys) -> Guard | None:
        """Return the same with other keys for the lists that are looked up, None where matches decide what is shown."""
        body = self.always.at(keys) if self.always is not None else None
        if body is None or body is self.always:
            return None if body is None else self
        made = copied(self)
        made.always = body
        return made

    def _body(self, holding: Sequence[int]) -> Body:
        key = tuple(holding)
        if key not in self._bodies:
            self._bodies[key] = self._compile(merge(self._tests[number][1] for number in key))
        return self._bodies[key]


class ContainerPart(Part):
    """A container: shown when something in it is, or, as a whole, when its presence means something.

    Where another is to be shown without what is in it, `whole` tells whether there is anything in it.
    """

    def __init__(
        self,
        node: SchemaNode,
        guard: Guard,
        state: StateContainer[object, object] | None,
        whole: Part | None,
        tags: StartTags,
    ) -> None:
        self._node = node
        self._tags = tags
        self._wanted = tags.wanted
        self._guard = guard
        self._state = state
        self._whole = whole
        self.streams = guard.streams

    @property
    def cell(self) -> Cell | None:
        """A container of state: what is in it is a row of its own where nothing but that decides what is shown."""
        if self._node.config or self.streams:
            return None
        inner = self._guard.always.row if self._guard.always is not None else None
        if inner is None or self._node.presence or self._whole is not None:
            return Cell("", "", lambda subject: self.text(None, subject) or None)
        row = Row(inner.cells, self._tags.plain, self._tags.end)
        return Cell("", "", _within(row, self._state))

    def text(self, config: Branch | None, subject: object) -> str:
        """Render all at once."""
        inner, selected = self._instance(config, subject)
        body = self._guard.body(inner, selected)
        if body is None:
            return ""
        text = body.text(inner, selected)
        is_shown = text or self._is_shown(body, inner, selected) or self._is_there(body, config, subject)
        return f"{self._tags.of(config, inner)}{text}{self._tags.end}" if is_shown else ""

    def pieces(self, config: Branch | None, subject: object) -> Iterator[str]:
        """Render piece by piece."""
        inner, selected = self._instance(config, subject)
        body = self._guard.body(inner, selected)
        if body is None:
            return
        start = self._tags.of(config, inner)
        if self._is_shown(body, inner, selected) or self._is_there(body, config, subject):
            yield start
            yield from body.pieces(inner, selected)
            yield self._tags.end
        else:
            yield from wrapped(start, body.pieces(inner, selected), self._tags.end)

    def at(self, keys: Keys) -> Part | None:
        """Return the same with other keys for the lists below."""
        guard = self._guard.at(keys)
        if guard is None or guard is self._guard:
            return None if guard is None else self
        made = copied(self)
        made._guard = guard
        return made

    def _instance(self, config: Branch | None, subject: object) -> tuple[Branch | None, object]:
        inner = config.children.get(self._node) if config is not None else None
        if self._state is not None and subject is not None:
            subject = self._state.select(subject)
        return (inner if isinstance(inner, Branch) else None), subject

    def _is_shown(self, body: Body, inner: Branch | None, subject: object) -> bool:
        """Tell whether it is shown even without content."""
        is_there = inner is not None or (self._state is not None and subject is not None)
        return self._node.presence and body.bare and is_there and of_instance(inner) in self._wanted

    def _is_there(self, body: Body, config: Branch | None, subject: object) -> bool:
        """Tell whether there is anything in it, where it is to be shown if there is."""
        if self._whole is None or not body.bare:
            return False
        return next(self._whole.pieces(config, subject), None) is not None


def _within(row: Row, state: StateContainer[object, object] | None) -> Callable[[object], str | None]:
    """Return what renders the row of a container, by the subject of its parent."""
    if state is None:
        return lambda subject: row.text(subject) or None
    select = state.select

    def render(subject: object) -> str | None:
        selected = select(subject)
        return row.text(selected) or None if selected is not None else None

    return render


def copied(made: Copied) -> Copied:
    """Return a copy of a part of a rendering, to be changed before it is used."""
    copied = object.__new__(type(made))
    copied.__dict__.update(made.__dict__)
    return copied


def wrapped(start: str, pieces: Iterator[str], end: str) -> Iterator[str]:
    """Put tags around pieces, unless there are none."""
    first = next(pieces, None)
    if first is None:
        return
    yield start + first
    yield from pieces
    yield end
