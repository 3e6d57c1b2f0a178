"""The rendering of a selection as XML, compiled once, run over any device (RFC 6241 section 6, RFC 8342 section 5.3).

Compiling decides everything that the schema, the selection and the reader's rights decide: which nodes, which tags,
which getter, how a value becomes text. Running joins text. A list streams entry by entry; a filter that gives all keys
of a list is a look-up. A node that the reader may not see is not compiled at all, so no reply, and no match of a
filter, can tell of it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from functools import cache

from agent.datastore.defaults import DefaultsMode
from agent.datastore.markup import plain
from agent.datastore.origins import PLAIN, Origin, OriginView
from agent.datastore.parts import Body, ContainerPart, Guard, LeafPart, ListPart, Matcher, OriginLeafPart, Part, each
from agent.datastore.registry import Registry, Value
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.selection import WHOLE, Alternatives, Match, Selection
from agent.datastore.tree import Branch, Key

Readable = Callable[[SchemaNode], bool]
Subjects = Mapping[str, object]
"""The subject of each top-level node's state, by the name of the node's module; without one it shows no state."""
Roots = Mapping[SchemaNode, Alternatives]


class Plan:
    """A compiled rendering of top-level nodes."""

    def __init__(self, parts: Sequence[tuple[str, Part]]) -> None:
        """Keep the parts with the module name by which each finds its subject."""
        self._parts = tuple(parts)

    def pieces(self, config: Branch, subjects: Subjects) -> Iterator[str]:
        """Render lazily: each piece is well-formed only together with the others, in order."""
        for module, part in self._parts:
            yield from part.pieces(config, subjects.get(module))


def everything(registry: Registry) -> Roots:
    """Return the selection of every top-level node: no filter (RFC 6241 section 6.4.1)."""
    return {node: (WHOLE,) for node in registry.schema.roots.values()}


def compile_plan(registry: Registry, roots: Roots, readable: Readable, *, state: bool) -> Plan:
    """Compile what `roots` selects of what is `readable`; without `state` only configuration."""
    return Compiler(registry, readable, state=state).plan(roots)


class Compiler:
    """Compiles plans for one reader and one kind of reading; what is selected whole is compiled once."""

    def __init__(
        self,
        registry: Registry,
        readable: Readable,
        *,
        state: bool,
        mode: DefaultsMode = DefaultsMode.EXPLICIT,
        origins: OriginView = PLAIN,
    ) -> None:
        """Compile what is `readable`, without `state` only configuration; `mode` says what becomes of defaults."""
        self._mode = mode
        self._origins = origins
        self._registry = registry
        self._readable = cache(readable)
        self._with_state = state
        self._wholes: dict[SchemaNode, Part | None] = {}

    def plan(self, roots: Roots) -> Plan:
        """Compile what `roots` selects of the top-level nodes."""
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
        if not self._shown(node):
            return None
        if node.kind in (Kind.LEAF, Kind.LEAF_LIST, Kind.ANYDATA):
            return self._leaf(node, _wanted(alternatives))
        if node.kind is Kind.LIST:
            return self._list(node, alternatives)
        state = self._registry.containers.get(node) if self._with_state else None
        bare = any(selection.bare for selection in alternatives) and not node.presence
        whole = self._part(node, (WHOLE,)) if bare else None
        return ContainerPart(node, self._guard(node, alternatives), state, whole, self._view(node))

    def _view(self, node: SchemaNode) -> OriginView:
        return self._origins if node.config else PLAIN

    def _leaf(self, node: SchemaNode, only: frozenset[str] | None) -> Part:
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
        return ListPart(node, self._guard(node, alternatives), state, keyed, self._key_of(node), self._view(node))

    def _keyed(self, node: SchemaNode, by_key: Mapping[Key, Alternatives]) -> Mapping[Key, Guard]:
        """Return a guard for each entry that is looked up; entries of which the same is selected share one."""
        guards: dict[Hashable, Guard] = {}
        keyed: dict[Key, Guard] = {}
        for key, chosen in by_key.items():
            rest = [selection.without_key(node, key) for selection in chosen]
            shape = tuple(selection.shape for selection in rest)
            if shape not in guards:
                guards[shape] = self._guard(node, tuple(rest))
            keyed[key] = guards[shape]
        return keyed

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
        leaf, wanted = match.leaf, match.value
        if not self._shown(leaf):
            return lambda config, subject: False
        getter = self._getter(leaf)

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

    def _key_of(self, node: SchemaNode) -> Callable[[object], Key]:
        getters = [getter for leaf in node.keys if (getter := self._getter(leaf)) is not None]
        return lambda entry: tuple([plain(getter(entry)) for getter in getters])


def _wanted(alternatives: Alternatives) -> frozenset[str] | None:
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
