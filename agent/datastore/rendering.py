"""The rendering of a selection as XML, compiled once, run over any device (RFC 6241 section 6, RFC 8342 section 5.3).

Compiling decides everything that the schema, the selection and the reader's rights decide: which nodes, which tags,
which getter, how a value becomes text. Running joins text. A list streams entry by entry; a filter that gives all keys
of a list is a look-up. A node that the reader may not see is not compiled at all, so no reply, and no match of a
filter, can tell of it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Protocol

from agent.datastore.defaults import DefaultsMode
from agent.datastore.list_part import ListPart
from agent.datastore.markup import plain
from agent.datastore.origins import PLAIN, Origin, OriginView, StartTags
from agent.datastore.parts import (
    NO_KEYS,
    Body,
    ContainerPart,
    Guard,
    Keys,
    LeafPart,
    Matcher,
    OriginLeafPart,
    Part,
    each,
)
from agent.datastore.registry import Registry, Value
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.selection import WHOLE, Alternatives, LookUp, Match, Selection
from agent.datastore.tree import Branch, Key

Readable = Callable[[SchemaNode], bool]
Subjects = Mapping[str, object]
"""The subject of each top-level node's state, by the name of the node's module; without one it shows no state."""
Roots = Mapping[SchemaNode, Alternatives]

REMEMBERED_PLANS: Final = 256


class Plan:
    """A compiled rendering of top-level nodes."""

    def __init__(self, parts: Sequence[tuple[str, Part]], keys: Keys = NO_KEYS) -> None:
        """Keep the parts with the module name by which each finds its subject, and the keys that are looked up."""
        self._parts = parts
        self._keys = keys

    def pieces(self, config: Branch, subjects: Subjects) -> Iterator[str]:
        """Render lazily: each piece is well-formed only together with the others, in order."""
        for module, part in self._parts:
            yield from part.pieces(config, subjects.get(module), self._keys)

    def at(self, keys: Keys) -> Plan | None:
        """Return the same with other keys for the lists that it looks one entry up in; None where it depends on them.

        That is so where not all entries are shown alike.
        """
        return Plan(self._parts, keys) if all([part.moves for _, part in self._parts]) else None


class Rights(Protocol):
    """What a reader may see; those that are equal see the same."""

    def may_read(self, node: SchemaNode) -> bool:
        """Decide about a node, as far as keys are known."""

    def depends_on(self, node: SchemaNode) -> bool:
        """Tell whether the rights differ from one entry of a list to another."""

    def at(self, node: SchemaNode, key: Key) -> Rights:
        """Return the rights at one entry of a list, and below it."""


@dataclass(frozen=True, slots=True)
class Everywhere:
    """Rights that are the same for every entry of a list."""

    readable: Readable

    def may_read(self, node: SchemaNode) -> bool:
        """Decide about a node."""
        return self.readable(node)

    def depends_on(self, node: SchemaNode) -> bool:
        """Never."""
        return False

    def at(self, node: SchemaNode, key: Key) -> Rights:
        """Return the same."""
        return self


@dataclass(frozen=True, slots=True)
class ReadableValues:
    """The values of a leaf-list that may be read, as far as they are wanted."""

    rights: Rights
    node: SchemaNode
    wanted: frozenset[str] | None

    def __contains__(self, value: object) -> bool:
        if self.wanted is not None and value not in self.wanted:
            return False
        return self.rights.at(self.node, (str(value),)).may_read(self.node)


def everything(registry: Registry) -> Roots:
    """Return the selection of every top-level node: no filter (RFC 6241 section 6.4.1)."""
    return {node: (WHOLE,) for node in registry.schema.roots.values()}


def compile_plan(registry: Registry, roots: Roots, readable: Readable, *, state: bool) -> Plan:
    """Compile what `roots` selects of what is `readable`; without `state` only configuration."""
    return Compiler(registry, Everywhere(readable), state=state).plan(roots)


class Compiler:
    """Compiles plans for one reader and one kind of reading; what is selected whole is compiled once."""

    def __init__(
        self,
        registry: Registry,
        rights: Rights,
        *,
        state: bool,
        mode: DefaultsMode = DefaultsMode.EXPLICIT,
        origins: OriginView = PLAIN,
    ) -> None:
        """Compile what may be read, without `state` only configuration; `mode` says what becomes of defaults."""
        self._mode = mode
        self._origins = origins
        self._registry = registry
        self._rights = rights
        self._readable = cache(rights.may_read)
        self._with_state = state
        self._wholes: dict[SchemaNode, Part | None] = {}
        self._by_rights: dict[Rights, Compiler] = {rights: self}
        self._plain_guards: dict[tuple[SchemaNode, bool, bool], Guard] = {}
        self._start_tags: dict[SchemaNode, StartTags] = {}
        self._plans: dict[int, tuple[Roots, Plan]] = {}

    def plan(self, roots: Roots) -> Plan:
        """Compile what `roots` selects of the top-level nodes; what the very same object selects is compiled once."""
        if isinstance(roots, LookUp):
            return self.plan(roots.template).at(roots.entry_keys) or self._plan(roots)
        known = self._plans.get(id(roots))
        if known is not None:
            return known[1]
        plan = self._plan(roots)
        if len(self._plans) >= REMEMBERED_PLANS:
            self._plans.clear()
        self._plans[id(roots)] = (roots, plan)
        return plan

    def _plan(self, roots: Roots) -> Plan:
        parts = []
        for node in self._registry.schema.roots.values():
            if node in roots and (part := self._part(node, roots[node])) is not None:
                parts.append((node.module.name, part))
        return Plan(parts)

    def _part(self, node: SchemaNode, alternatives: Alternatives) -> Part | None:
        """Return the part of one node, or None where nothing of it is to be shown."""
        if not any(selection.is_unconditional for selection in alternatives):
            return self._compile(node, alternatives)
        if node not in self._wholes:
            self._wholes[node] = self._compile(node, (WHOLE,))
        return self._wholes[node]

    def _compile(self, node: SchemaNode, alternatives: Alternatives) -> Part | None:
        if node.kind is Kind.LIST and self._rights.depends_on(node):
            return self._narrowed_list(node, alternatives)
        if node.kind is Kind.LEAF_LIST and self._rights.depends_on(node):
            values = ReadableValues(self._rights, node, wanted_values(alternatives))
            return self._leaf(node, values) if self._with_state or node.config else None
        if not self._shown(node):
            return None
        if node.kind in (Kind.LEAF, Kind.LEAF_LIST, Kind.ANYDATA):
            return self._leaf(node, wanted_values(alternatives))
        if node.kind is Kind.LIST:
            return self._list(node, alternatives)
        state = self._registry.containers.get(node) if self._with_state else None
        bare = any(selection.bare for selection in alternatives) and not node.presence
        whole = self._part(node, (WHOLE,)) if bare else None
        return ContainerPart(node, self._guard(node, alternatives), state, whole, self._tags(node))

    def _tags(self, node: SchemaNode) -> StartTags:
        """Return the tags of a container or list, which are made once."""
        if node not in self._start_tags:
            self._start_tags[node] = StartTags(node, self._view(node))
        return self._start_tags[node]

    def _view(self, node: SchemaNode) -> OriginView:
        return self._origins if node.config else PLAIN

    def _leaf(self, node: SchemaNode, only: Container[str] | None) -> Part:
        getter, view = self._getter(node), self._view(node)
        plain = LeafPart(node, getter, only, self._mode)
        if view == PLAIN or (node.parent is not None and node in node.parent.keys):
            return plain
        parts: dict[Origin, Part] = dict.fromkeys(view.wanted, plain)
        if view.shown:
            parts = {origin: LeafPart(node, getter, only, self._mode, origin.attribute) for origin in view.wanted}
        return OriginLeafPart(node, parts, plain if node.parent is not None else None)

    def _list(self, node: SchemaNode, alternatives: Alternatives) -> Part | None:
        if not all(self._shown(leaf) for leaf in node.keys):
            return None
        state = self._registry.lists.get(node) if self._with_state else None
        by_key = _by_key(node, alternatives)
        keyed = None if by_key is None else self._keyed(node, by_key)
        guard = self._guard(node, alternatives) if keyed is None else None
        return ListPart(node, guard, state, keyed, self._key_of(node), self._tags(node))

    def _narrowed_list(self, node: SchemaNode, alternatives: Alternatives) -> Part | None:
        """Return the part of a list whose entries are not all shown alike: those for which the rights are equal are."""
        if not self._with_state and not node.config:
            return None
        state = self._registry.lists.get(node) if self._with_state else None
        guards: dict[Compiler, Guard | None] = {}

        def guard_of(key: Key) -> Guard | None:
            compiler = self._at(node, key)
            if compiler not in guards:
                guards[compiler] = compiler._entry_guard(node, alternatives)
            return guards[compiler]

        by_key, keyed = _by_key(node, alternatives), None
        if by_key is not None:
            rest = {key: tuple(one.without_key(node, key) for one in chosen) for key, chosen in by_key.items()}
            found = ((key, self._at(node, key)._entry_guard(node, chosen)) for key, chosen in rest.items())
            keyed = {key: guard for key, guard in found if guard is not None}
        return ListPart(node, None, state, keyed, self._key_of(node), self._tags(node), guard_of)

    def _entry_guard(self, node: SchemaNode, alternatives: Alternatives) -> Guard | None:
        """Return the guard of an entry, None where it, or one of its keys, is not shown."""
        if not all(self._shown(needed) for needed in (node, *node.keys)):
            return None
        return self._guard(node, alternatives)

    def _at(self, node: SchemaNode, key: Key) -> Compiler:
        """Return the compiler for what is below one entry of a list."""
        rights = self._rights.at(node, key)
        if rights not in self._by_rights:
            made = Compiler(self._registry, rights, state=self._with_state, mode=self._mode, origins=self._origins)
            made._by_rights = self._by_rights
            self._by_rights[rights] = made
        return self._by_rights[rights]

    def _keyed(self, node: SchemaNode, by_key: Mapping[Key, Alternatives]) -> Mapping[Key, Guard]:
        """Return a guard for each entry that is looked up; entries of which the same is selected share one."""
        guards: dict[Hashable, Guard] = {}
        keyed: dict[Key, Guard] = {}
        for key, chosen in by_key.items():
            rest = [selection.without_key(node, key) for selection in chosen]
            shape = tuple(selection.shape for selection in rest)
            if shape not in guards:
                guards[shape] = self._guard_of(node, tuple(rest))
            keyed[key] = guards[shape]
        return keyed

    def _guard_of(self, node: SchemaNode, alternatives: Alternatives) -> Guard:
        """Return a guard; one without matches and without a choice of children is kept for the next time."""
        selection = alternatives[0]
        if len(alternatives) > 1 or selection.matches or selection.children:
            return self._guard(node, alternatives)
        what = (node, selection.whole, selection.bare)
        if what not in self._plain_guards:
            self._plain_guards[what] = self._guard(node, alternatives)
        return self._plain_guards[what]

    def _guard(self, node: SchemaNode, alternatives: Alternatives) -> Guard:
        tests = [(self._matcher(selection.matches), selection) for selection in alternatives]
        return Guard(tests, lambda selection: self._body(node, selection))

    def _shown(self, node: SchemaNode) -> bool:
        return (self._with_state or node.config) and self._readable(node)

    def _getter(self, node: SchemaNode) -> Callable[[object], Value] | None:
        return self._registry.getters.get(node) if self._with_state else None

    def _body(self, node: SchemaNode, selection: Selection) -> Body:
        keys = [part for leaf in node.keys if (part := self._part(leaf, (WHOLE,))) is not None]
        bare = selection.whole or selection.bare or any(leaf in selection.children for leaf in node.keys)
        rest = []
        for child in node.children.values():
            alternatives = (WHOLE,) if selection.whole else selection.children.get(child, ())
            if alternatives and child not in node.keys and (part := self._part(child, alternatives)) is not None:
                rest.append(part)
        return Body(keys, rest, bare=bare)

    def _matcher(self, matches: Sequence[Match]) -> Matcher:
        tests = [self._match(match) for match in matches]
        if len(tests) == 1:
            return tests[0]
        return lambda config, subject: all(test(config, subject) for test in tests)

    def _match(self, match: Match) -> Matcher:
        is_there = self._with_state or match.leaf.config
        if not is_there or not may_read_match(self._rights, match):
            return lambda config, subject: False
        return match_test(match, self._getter(match.leaf))

    def _key_of(self, node: SchemaNode) -> Callable[[object], Key]:
        getters = [getter for leaf in node.keys if (getter := self._getter(leaf)) is not None]
        return lambda entry: tuple([plain(getter(entry)) for getter in getters])


def may_read_match(rights: Rights, match: Match) -> bool:
    """Tell whether a reader may know whether a match holds: of a leaf-list, whether it may see that value."""
    return rights.at(match.leaf, (match.value,) if match.leaf.kind is Kind.LEAF_LIST else ()).may_read(match.leaf)


def match_test(match: Match, getter: Callable[[object], Value] | None) -> Matcher:
    """Return what tells of an instance whether a match holds, which is on a leaf that its reader may see."""
    leaf, wanted = match.leaf, match.value

    def holds(config: Branch | None, subject: object) -> bool:
        value: object = config.children.get(leaf) if config is not None else None
        if value is None and getter is not None and subject is not None:
            value = getter(subject)
        if value is None:
            return False
        if leaf.kind is Kind.LEAF_LIST:
            return any(plain(one) == wanted for one in each(value))
        return plain(value) == wanted

    return holds


def wanted_values(alternatives: Alternatives) -> frozenset[str] | None:
    """Return the values of a leaf or leaf-list that alternatives select, None for all."""
    if any(not selection.matches for selection in alternatives):
        return None
    return frozenset(match.value for selection in alternatives for match in selection.matches)


def _by_key(node: SchemaNode, alternatives: Alternatives) -> Mapping[Key, Alternatives] | None:
    """Return the alternatives by the keys that they look up, or None when one of them needs every entry."""
    found: dict[Key, list[Selection]] = {}
    for selection in alternatives:
        key = selection.key_of(node)
        if key is None:
            return None
        found.setdefault(key, []).append(selection)
    return {key: tuple(chosen) for key, chosen in found.items()}
