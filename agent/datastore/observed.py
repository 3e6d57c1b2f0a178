"""What is seen of data, and what it is seen through: the instances of a selection that can change with an event.

A lens is compiled for one selection and one reader, like a rendering; it leaves out what the reader may not read and
what changes without an event (RFC 8641 section 3.10). Capturing gives values, which can be compared. Invariant: a lens
keeps no reference to a device or to a datastore.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TypeAlias

from agent.datastore.list_part import entries_of
from agent.datastore.markup import plain
from agent.datastore.parts import Matcher, each
from agent.datastore.registry import Registry, StateContainer, StateList, Value
from agent.datastore.rendering import ReadableValues, Rights, match_test, may_read_match, wanted_values
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.selection import WHOLE, Alternatives, Match, Selection, merge
from agent.datastore.tree import Anydata, Branch, Key

Scalar: TypeAlias = "str | tuple[str, ...] | Anydata"
Content: TypeAlias = "Scalar | Seen | dict[Key, Seen]"
LEAVES = (Kind.LEAF, Kind.LEAF_LIST, Kind.ANYDATA)


@dataclass(slots=True, eq=False)
class Seen:
    """The children of one container or list entry, or of a datastore, as they were last seen: replaced in place."""

    children: dict[SchemaNode, Content] = field(default_factory=dict)

    def copy(self) -> Seen:
        """Return the same that can be replaced by itself."""
        return Seen({node: _copy(content) for node, content in self.children.items()})


def _copy(content: Content) -> Content:
    if isinstance(content, Seen):
        return content.copy()
    return {key: entry.copy() for key, entry in content.items()} if isinstance(content, dict) else content


class LeafLens:
    """A leaf, leaf-list or anydata: its configured value, else what its getter gives; `only` some values, or all."""

    def __init__(self, node: SchemaNode, getter: Callable[[object], Value] | None, only: Container[str] | None) -> None:
        self.node = node
        self._getter = getter
        self._only = only

    def capture(self, config: Branch | None, subject: object) -> Scalar | None:
        """Return the value or the values, None where there is none."""
        value: object = config.children.get(self.node) if config is not None else None
        if value is None and self._getter is not None and subject is not None:
            value = self._getter(subject)
        if value is None or isinstance(value, Anydata):
            return value
        if self.node.kind is Kind.LEAF_LIST:
            return self._wanted(tuple(map(plain, each(value)))) or None
        wanted = self._wanted((plain(value),))
        return wanted[0] if wanted else None

    def _wanted(self, values: tuple[str, ...]) -> tuple[str, ...]:
        return values if self._only is None else tuple(value for value in values if value in self._only)


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """What is seen of one instance, for one way in which its filters' matches hold.

    One that is `bare` is seen even if there is nothing in it but its keys.
    """

    keys: tuple[LeafLens, ...]
    rest: Mapping[SchemaNode, Lens]
    bare: bool

    def capture(self, config: Branch | None, subject: object, *, bare: bool) -> Seen | None:
        """Return the children; None where there is nothing but keys and that is not enough."""
        children: dict[SchemaNode, Content] = {}
        for key in self.keys:
            if (value := key.capture(config, subject)) is not None:
                children[key.node] = value
        keys = len(children)
        for node, lens in self.rest.items():
            if (content := lens.capture(config, subject)) is not None:
                children[node] = content
        return Seen(children) if bare or len(children) > keys else None


class Instances:
    """The alternatives of a container or list: which of them hold for an instance decides its body."""

    def __init__(
        self, tests: Sequence[tuple[Matcher, Selection]], compile_body: Callable[[Selection], Body], node: SchemaNode
    ) -> None:
        self.node = node
        self._tests = tuple(tests)
        self._body = cache(lambda holding: compile_body(merge(self._tests[number][1] for number in holding)))
        always = all(not selection.matches for _, selection in tests)
        self._always: Body | None = self._body(tuple(range(len(tests)))) if always else None

    def body(self, config: Branch | None, subject: object) -> Body | None:
        """Return what is seen of an instance, None for nothing."""
        if self._always is not None:
            return self._always
        holding = tuple(number for number, (holds, _) in enumerate(self._tests) if holds(config, subject))
        return self._body(holding) if holding else None


class ContainerLens(Instances):
    """A container: seen when something in it is, or, as a whole, when its presence means something."""

    state: StateContainer[object, object] | None = None

    def instance(self, config: Branch | None, subject: object) -> tuple[Branch | None, object]:
        """Return its configuration and its subject, given those of its parent."""
        inner = config.children.get(self.node) if config is not None else None
        if self.state is not None and subject is not None:
            subject = self.state.select(subject)
        return (inner if isinstance(inner, Branch) else None), subject

    def capture(self, config: Branch | None, subject: object) -> Seen | None:
        """Return what is in it."""
        inner, selected = self.instance(config, subject)
        body = self.body(inner, selected)
        if body is None:
            return None
        is_there = inner is not None or (self.state is not None and selected is not None)
        return body.capture(inner, selected, bare=self.node.presence and body.bare and is_there)


class ListLens(Instances):
    """A list: configured entries, then those that exist as state alone.

    Where not every entry is seen alike, `entry_of` gives what is seen of each, None for one that is not seen.
    """

    state: StateList[object, object] | None = None
    key_of: Callable[[object], Key]
    entry_of: Callable[[Key], Instances | None] | None = None

    def find(self, config: Branch | None, subject: object, key: Key) -> tuple[Branch | None, object]:
        """Return the configuration and the subject of one entry, given those of its parent; None for what is not."""
        entry = entries_of(config, self.node).get(key)
        return entry, self.state.find(subject, key) if self.state is not None and subject is not None else None

    def keys(self, config: Branch | None, subject: object) -> Iterator[Key]:
        """Iterate over the keys of all entries."""
        configured = entries_of(config, self.node)
        yield from configured
        if self.state is not None and subject is not None:
            yield from (key for key in map(self.key_of, self.state.iterate(subject)) if key not in configured)

    def body_of(self, key: Key, config: Branch | None, subject: object) -> Body | None:
        """Return what is seen of an entry, given its configuration and its subject; None for nothing."""
        seen = self if self.entry_of is None else self.entry_of(key)
        is_there = config is not None or subject is not None
        return seen.body(config, subject) if seen is not None and is_there else None

    def entry(self, key: Key, config: Branch | None, subject: object) -> Seen | None:
        """Return an entry as it is seen, given its configuration and its subject."""
        body = self.body_of(key, config, subject)
        return body.capture(config, subject, bare=body.bare) if body is not None else None

    def capture(self, config: Branch | None, subject: object) -> dict[Key, Seen] | None:
        """Return all entries that are seen."""
        found: dict[Key, Seen] = {}
        for key in self.keys(config, subject):
            if (seen := self.entry(key, *self.find(config, subject, key))) is not None:
                found[key] = seen
        return found or None


Lens: TypeAlias = LeafLens | ContainerLens | ListLens


class LensMaker:
    """Compiles the lenses of one reader; what is selected whole is compiled once."""

    def __init__(self, registry: Registry, rights: Rights, *, state: bool) -> None:
        """See what may be read, without `state` only configuration."""
        self._registry = registry
        self._rights = rights
        self._readable = cache(rights.may_read)
        self._with_state = state
        self._wholes: dict[SchemaNode, Lens | None] = {}
        self._by_rights: dict[Rights, LensMaker] = {rights: self}

    def lenses(self, roots: Mapping[SchemaNode, Alternatives]) -> Mapping[SchemaNode, Lens]:
        """Return the lenses of those top-level nodes of which anything can be seen."""
        made = ((node, self.lens(node, alternatives)) for node, alternatives in roots.items())
        return {node: lens for node, lens in made if lens is not None}

    def lens(self, node: SchemaNode, alternatives: Alternatives) -> Lens | None:
        """Return the lens of one node, None where nothing of it can be seen."""
        if not any(selection.is_unconditional for selection in alternatives):
            return self._make(node, alternatives)
        if node not in self._wholes:
            self._wholes[node] = self._make(node, (WHOLE,))
        return self._wholes[node]

    def _make(self, node: SchemaNode, alternatives: Alternatives) -> Lens | None:
        if not self._is_seen(node, alternatives):
            return None
        if node.kind in LEAVES:
            wanted = wanted_values(alternatives)
            only = ReadableValues(self._rights, node, wanted) if self._is_narrowed(node) else wanted
            return LeafLens(node, self._getter(node), only)
        if node.kind is Kind.LIST:
            return (self._narrowed if self._is_narrowed(node) else self._list)(node, alternatives)
        container = ContainerLens(self._tests(alternatives), lambda selection: self._body(node, selection), node)
        container.state = self._registry.containers.get(node) if self._with_state else None
        return container

    def _tests(self, alternatives: Alternatives) -> list[tuple[Matcher, Selection]]:
        return [(self._matcher(selection), selection) for selection in alternatives]

    def _list(self, node: SchemaNode, alternatives: Alternatives) -> ListLens:
        entries = ListLens(self._tests(alternatives), lambda selection: self._body(node, selection), node)
        entries.state = self._registry.lists.get(node) if self._with_state else None
        getters = [getter for leaf in node.keys if (getter := self._getter(leaf)) is not None]
        entries.key_of = lambda entry: tuple([plain(getter(entry)) for getter in getters])
        return entries

    def _narrowed(self, node: SchemaNode, alternatives: Alternatives) -> ListLens:
        """Return the lens of a list whose entries are not all seen alike: those are for which the rights are equal."""
        entries = self._list(node, ())
        found: dict[LensMaker, Instances | None] = {}

        def entry_of(key: Key) -> Instances | None:
            maker = self._at(node, key)
            if maker not in found:
                found[maker] = maker._list(node, alternatives) if maker._is_seen(node, alternatives) else None
            return found[maker]

        entries.entry_of = entry_of
        return entries

    def _is_narrowed(self, node: SchemaNode) -> bool:
        """Tell whether what may be read differs from one entry of a list, or value of a leaf-list, to another."""
        return node.kind in (Kind.LIST, Kind.LEAF_LIST) and self._rights.depends_on(node)

    def _at(self, node: SchemaNode, key: Key) -> LensMaker:
        """Return the maker of what is below one entry of a list."""
        rights = self._rights.at(node, key)
        if rights not in self._by_rights:
            made = LensMaker(self._registry, rights, state=self._with_state)
            made._by_rights = self._by_rights
            self._by_rights[rights] = made
        return self._by_rights[rights]

    def _body(self, node: SchemaNode, selection: Selection) -> Body:
        keys = tuple(lens for leaf in node.keys if isinstance(lens := self.lens(leaf, (WHOLE,)), LeafLens))
        rest: dict[SchemaNode, Lens] = {}
        for child in node.children.values():
            chosen = (WHOLE,) if selection.whole else selection.children.get(child, ())
            if chosen and child not in node.keys and (lens := self.lens(child, chosen)) is not None:
                rest[child] = lens
        return Body(
            keys, rest, selection.whole or selection.bare or any(key in selection.children for key in node.keys)
        )

    def _is_seen(self, node: SchemaNode, alternatives: Alternatives) -> bool:
        """Tell whether anything of a node can be seen, as far as schema and rights go, or of an entry of a list."""
        if not (self._with_state or node.config):
            return False
        is_narrowed = self._is_narrowed(node)
        if not is_narrowed and not self._readable(node):
            return False
        if node.kind in LEAVES:
            return self._registry.is_notifiable(node)
        if is_narrowed:
            return True
        if not all(self._is_seen(key, (WHOLE,)) for key in node.keys):
            return False
        is_itself = (node.kind is Kind.LIST or node.presence) and (node.config or bool(node.keys))
        return any((selection.whole and is_itself) or self._sees_below(node, selection) for selection in alternatives)

    def _sees_below(self, node: SchemaNode, selection: Selection) -> bool:
        children = dict.fromkeys(node.children.values(), (WHOLE,)) if selection.whole else selection.children
        return any(self._is_seen(child, chosen) for child, chosen in children.items())

    def _getter(self, node: SchemaNode) -> Callable[[object], Value] | None:
        return self._registry.getters.get(node) if self._with_state else None

    def _matcher(self, selection: Selection) -> Matcher:
        tests = [match_test(match, self._getter(match.leaf)) for match in selection.matches if self._may_ask(match)]
        if len(tests) < len(selection.matches):
            return lambda config, subject: False
        return lambda config, subject: all(test(config, subject) for test in tests)

    def _may_ask(self, match: Match) -> bool:
        return (self._with_state or match.leaf.config) and may_read_match(self._rights, match)
