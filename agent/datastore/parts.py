"""The pieces that a compiled rendering is made of: each renders one schema node for any device (RFC 6241 section 6).

A part is given the parent's configuration branch and the parent's subject, and joins text. Invariant: a part keeps no
reference to a device or to a datastore, so one part serves every request of every session whose user may read the
same.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Final, TypeAlias

from agent.datastore.defaults import DefaultsMode, DefaultValue
from agent.datastore.markup import element_of, plain, tags
from agent.datastore.origins import Origin, StartTags, of_instance, of_value
from agent.datastore.registry import StateContainer, Value
from agent.datastore.rows import Cell, Inner, Member, Other, Writer, make_row
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.selection import Selection, merge
from agent.datastore.templates import LeafTemplates
from agent.datastore.tree import Anydata, Branch, Key
from agent.datastore.values import Enumeration, Integer

TAG: Final = ' xmlns:wd="urn:ietf:params:xml:ns:netconf:default:1.0" wd:default="true"'
"""What marks a value that nobody has set (RFC 6243 section 6)."""
WRITTEN_AFTER: Final = 64
"""After so many instances the function is made that writes them: it takes a few milliseconds, as long as hundreds."""
Keys: TypeAlias = Mapping[SchemaNode, Key]
"""Keys by the lists that they are of."""
NO_KEYS: Final[Keys] = MappingProxyType({})
Matcher = Callable[[Branch | None, object], bool]
"""Tells of one instance, its configuration and its subject, whether the matches of a filter hold for it."""


class Part:
    """The rendering of one node below a parent's configuration branch and subject."""

    streams = False
    """Whether an instance can be large, or is looked up: then `text` must not be used."""
    moves = True
    """Whether other keys of lists that are looked up change nothing but which entries are shown."""

    def text(self, config: Branch | None, subject: object) -> str:
        """Render all at once; empty when there is nothing to show."""
        raise NotImplementedError

    def pieces(self, config: Branch | None, subject: object, keys: Keys = NO_KEYS) -> Iterator[str]:
        """Render piece by piece, with these keys for lists of which one entry is looked up."""
        if text := self.text(config, subject):
            yield text

    @property
    def member(self) -> Member:
        """The same as a member of a row: this part does not stream."""
        return Other(self.text)


class Run(Part):
    """Neighbouring parts that are not large: keys of an instance, or none, and others.

    Without others there is nothing to show, unless it is `bare`. Those that show many instances become a row.
    """

    def __init__(self, keys: Sequence[Part], rest: Sequence[Part], *, bare: bool) -> None:
        self._keys = tuple(keys)
        self._rest = tuple(rest)
        self._bare = bare
        self._shown = 0
        self._row: Writer | None = None

    @property
    def writer(self) -> Writer:
        """The row, once there is one."""
        return self._row or self.text

    @property
    def members(self) -> list[Member]:
        """All parts, as members of a row."""
        return [*_members(self._keys), *_members(self._rest)]

    def text(self, config: Branch | None, subject: object) -> str:
        """Render all at once."""
        if self._row is not None:
            return self._row(config, subject)
        self._shown += 1
        if self._shown > WRITTEN_AFTER:
            self._row = make_row(_members(self._keys), _members(self._rest), bare=self._bare)
        text = "".join([part.text(config, subject) for part in self._rest])
        return "".join([part.text(config, subject) for part in self._keys]) + text if text or self._bare else ""


def _members(parts: Iterable[Part]) -> list[Member]:
    return [part.member for part in parts]


def in_runs(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Return parts, in their order, with runs in place of those that are not large."""
    runs = list[Part]()
    for streams, neighbours in groupby(parts, lambda part: part.streams):
        together = tuple(neighbours)
        runs.extend(together if streams else [Run((), together, bare=True)])
    return tuple(runs)


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
    def member(self) -> Member:
        """A leaf with one value between tags that are always the same; others as they are."""
        type_ = self._node.type
        is_leaf = self._node.kind is Kind.LEAF and type_ is not None and not type_.has_prefixes
        if not is_leaf or type_ is None or self._only is not None or self._trims or self._tagged is not None:
            return Other(self.text, of_subject=self._getter is not None)
        is_converted = type_.needs_escape or not isinstance(type_, Integer | Enumeration)
        node = self._node if self._node.config else None
        return Cell(self._start, self._end, node, self._getter, is_converted, type_.needs_escape)

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
        self.bare = bare
        self.streams = any(part.streams for part in rest)
        self.moves = all(part.moves for part in rest)
        self._keys = Run((), keys, bare=True) if keys else None
        self._rest = in_runs(rest) if self.streams else ()
        self._all = Run(keys, rest, bare=bare)
        self.shy = Body(keys, rest, bare=False) if bare else self
        self._templates = _templates(keys, rest)

    def text(self, config: Branch | None, subject: object) -> str:
        """Render all at once: only of one that does not stream."""
        if self._templates is not None and config is not None:
            text = self._templates.text(config.children)
            if text is not None:
                return text
        return self._all.text(config, subject)

    @property
    def writer(self) -> Writer:
        """What renders an instance at once, as directly as can be at present."""
        return self.text if self._templates is not None else self._all.writer

    def texts(self, entries: Sequence[Branch], start: str, end: str) -> str:
        """Render configured instances, each between its tags."""
        if self._templates is not None:
            text = self._templates.texts([entry.children for entry in entries], start, end)
            if text is not None:
                return text
        found = [self.text(entry, None) for entry in entries]
        return "".join([f"{start}{text}{end}" for text in found if text or self.bare])

    def pieces(self, config: Branch | None, subject: object, keys: Keys = NO_KEYS) -> Iterator[str]:
        """Render piece by piece, with these keys for lists of which one entry is looked up."""
        if not self.streams:
            if text := self.text(config, subject):
                yield text
            return
        before = self._keys.text(config, subject) if self._keys is not None else ""
        if self.bare and before:
            yield before
            before = ""
        for part in self._rest:
            for piece in part.pieces(config, subject, keys):
                yield before + piece if before else piece
                before = ""

    @property
    def members(self) -> list[Member]:
        """All of it, as members of a row."""
        return self._all.members


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
        self.moves = self.always is not None and self.always.moves

    def body(self, config: Branch | None, subject: object) -> Body | None:
        """Return what is shown of an instance, None for nothing."""
        if self.always is not None:
            return self.always
        holding = [number for number, (matcher, _) in enumerate(self._tests) if matcher(config, subject)]
        return self._body(holding) if holding else None

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
        self.moves = guard.moves

    @property
    def member(self) -> Member:
        """A container of which all instances show the same, if they show anything; others as they are."""
        body = self._guard.always
        if body is None or self._whole is not None or not self._tags.is_plain:
            return Other(self.text)
        node = self._node if self._node.config else None
        select = self._state.select if self._state is not None else None
        presence = self._node.presence and body.bare
        return Inner(self._tags.plain, self._tags.end, node, select, body.members, presence)

    def text(self, config: Branch | None, subject: object) -> str:
        """Render all at once."""
        inner, selected = self._instance(config, subject)
        body = self._guard.body(inner, selected)
        if body is None:
            return ""
        text = body.text(inner, selected)
        is_shown = text or self._is_shown(body, inner, selected) or self._is_there(body, config, subject)
        return f"{self._tags.of(config, inner)}{text}{self._tags.end}" if is_shown else ""

    def pieces(self, config: Branch | None, subject: object, keys: Keys = NO_KEYS) -> Iterator[str]:
        """Render piece by piece, with these keys for lists of which one entry is looked up."""
        inner, selected = self._instance(config, subject)
        body = self._guard.body(inner, selected)
        if body is None:
            return
        start = self._tags.of(config, inner)
        if self._is_shown(body, inner, selected) or self._is_there(body, config, subject):
            yield start
            yield from body.pieces(inner, selected, keys)
            yield self._tags.end
        else:
            yield from wrapped(start, body.pieces(inner, selected, keys), self._tags.end)

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


def wrapped(start: str, pieces: Iterator[str], end: str) -> Iterator[str]:
    """Put tags around pieces, unless there are none."""
    first = next(pieces, None)
    if first is None:
        return
    yield start + first
    yield from pieces
    yield end
