"""The part of a configuration that is judged after a change: libyang finds in it what it would find in the whole.

An excerpt holds all that is in no list, the entries that have changed, the entries whose constraints read something
that has changed, and whatever the constraints of all these read. Invariant: of every constraint on a node that is in
an excerpt, all that it reads is in it too, so that its verdict is that of the whole tree; every other constraint reads
what it read when the tree before was found valid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice, product
from types import MappingProxyType
from typing import Final

from agent.datastore.alteration import alteration
from agent.datastore.constraints import Constraints
from agent.datastore.dependencies import LEAVES, Constraint, KeySource, Pins, Read, Rule, below
from agent.datastore.nodes import Kind, SchemaNode
from agent.datastore.tree import Branch, Item, Key, entries

NOTHING: Final[Mapping[SchemaNode, Item]] = MappingProxyType({})


class Opaque(Exception):
    """What a constraint reads is not known, so that all has to be judged."""


class Place:
    """An instance of a container or list entry, or (node None) the whole tree, and the places above it."""

    __slots__ = ("above", "branch", "key", "node")

    def __init__(self, node: SchemaNode | None, branch: Branch, above: Place | None, key: Key = ()) -> None:
        self.node = node
        self.branch = branch
        self.above = above
        self.key = key

    def at(self, node: SchemaNode | None) -> Place | None:
        """Return this place or the one above it that is an instance of a node."""
        place: Place | None = self
        while place is not None and place.node is not node:
            place = place.above
        return place


class Kept(Place):
    """A place that is in the excerpt, with what is kept of it."""

    __slots__ = ("containers", "done", "is_flat", "lists")

    def __init__(
        self, node: SchemaNode | None, branch: Branch, above: Kept | None, key: Key = (), *, is_flat: bool = False
    ) -> None:
        """One that `is_flat` has nothing but leaves, and is kept as it is."""
        super().__init__(node, branch, above, key)
        self.is_flat = is_flat
        self.containers: dict[SchemaNode, Kept] = {}
        self.lists: dict[SchemaNode, dict[Key, Kept]] = {}
        self.done: set[SchemaNode] = set()
        """The nodes below of which every instance is kept."""

    def excerpt(self) -> Branch:
        """Return what is kept, in the order in which it stands."""
        if self.is_flat:
            return self.branch
        children: dict[SchemaNode, Item] = {}
        for node, item in self.branch.children.items():
            if isinstance(item, Branch):
                children[node] = self.containers[node].excerpt()
            elif node.kind is not Kind.LIST:
                children[node] = item
            elif kept := self.lists.get(node):
                listed = entries(item)
                ordered: Iterable[Key] = kept if len(kept) == 1 else (key for key in listed if key in kept)
                children[node] = {key: kept[key].excerpt() for key in ordered}
        return Branch(self.node, children)


def excerpt(constraints: Constraints, before: Branch, after: Branch) -> Branch:
    """Return what of `after` has to be judged where `before` is valid; Opaque where nobody can say."""
    return _Excerpt(constraints, before, after).taken()


class _Excerpt:
    """The taking of one excerpt."""

    def __init__(self, constraints: Constraints, before: Branch, after: Branch) -> None:
        self._constraints = constraints
        self._altered = alteration(before, after, constraints.referred)
        self._after = after
        self._todo: list[Kept] = []
        self._whole: set[SchemaNode] = set()
        self._found: dict[tuple[SchemaNode, int], dict[str, tuple[Key, ...]]] = {}
        self._root = self._keep(None, after, None)

    def taken(self) -> Branch:
        self._refuse_opaque()
        for path in self._altered.entries:
            self._keep_path(path)
        self._keep_affected()
        self._attend()
        return self._root.excerpt()

    def _refuse_opaque(self) -> None:
        for constraint in self._constraints.opaque:
            node = constraint.node
            places = _instances(Place(None, self._after, None), below(None, node.parent))
            is_when = constraint.rule is Rule.WHEN
            if any(is_when or node in place.branch.children or node.defaults for place in places):
                raise Opaque(f"what a constraint at {node.path} reads is not known")

    def _keep(self, node: SchemaNode | None, branch: Branch, above: Kept | None, key: Key = ()) -> Kept:
        """Keep an instance, with all of it that is in no list."""
        profile = self._constraints.profile(node)
        kept = Kept(node, branch, above, key, is_flat=not profile.containers and not profile.lists)
        if not profile.is_free:
            self._todo.append(kept)
        for container in profile.containers:
            inner = branch.children.get(container)
            if isinstance(inner, Branch):
                kept.containers[container] = self._keep(container, inner, kept)
            elif not container.presence:
                kept.containers[container] = self._keep(container, Branch(container, NOTHING), kept)
        return kept

    def _keep_entry(self, above: Kept, node: SchemaNode, key: Key) -> Kept | None:
        """Keep an entry of a list; None where there is none with this key."""
        listed = above.lists.setdefault(node, {})
        if key not in listed:
            entry = entries(above.branch.children.get(node)).get(key)
            if entry is None:
                return None
            listed[key] = self._keep(node, entry, above, key)
        return listed[key]

    def _keep_all(self, above: Kept, node: SchemaNode) -> None:
        for key in entries(above.branch.children.get(node)):
            self._keep_entry(above, node, key)

    def _keep_path(self, path: Iterable[tuple[SchemaNode, Key]]) -> None:
        """Keep the instance that a path leads to."""
        kept: Kept | None = self._root
        for node, key in path:
            if kept is None:
                return
            kept = kept.containers.get(node) if node.kind is Kind.CONTAINER else self._keep_entry(kept, node, key)

    def _keep_affected(self) -> None:
        """Keep every instance of a constraint that reads something that has changed."""
        todo = list(self._altered.nodes)
        seen = set(todo)
        while todo:
            node = todo.pop()
            for constraint, read in self._constraints.readers(node):
                self._keep_readers(constraint, read)
                if constraint.rule is Rule.WHEN:  # with it come and go the defaults that depend on it
                    new = [each for each in self._constraints.unlisted(constraint.node) if each not in seen]
                    seen.update(new)
                    todo.extend(new)
            new = [each for each in self._constraints.companions(node) if each not in seen]
            seen.update(new)
            todo.extend(new)
        for node, values in self._altered.gone.items():
            for constraint in self._constraints.references(node):
                self._keep_referring(constraint, values)

    def _keep_readers(self, constraint: Constraint, read: Read) -> None:
        listed = [node for node in below(read.anchor, constraint.node) if node.kind is Kind.LIST]
        if not listed or self._whole.issuperset(listed):
            return  # They lie in the very instance that has changed, or are kept already.
        pinned = next((node for node in read.route if node in read.pins), None)
        changed = self._altered.keys.get(pinned, ()) if pinned is not None else ()
        if pinned is None or not changed or constraint.rule is Rule.WHEN:
            self._whole.update(listed)
            return
        for place in self._places(constraint.node):
            if any(key in changed for key in _keys(read.pins[pinned], place, constraint.node)):
                self._keep_place(place)

    def _places(self, node: SchemaNode) -> Iterator[Place]:
        """Iterate over the instances of a container or list, or over those that may hold a leaf."""
        holder = node.parent if node.kind in LEAVES else node
        return _instances(Place(None, self._after, None), below(None, holder))

    def _keep_referring(self, constraint: Constraint, values: set[str]) -> None:
        node = constraint.node
        if not any(above.kind is Kind.LIST for above in below(None, node)):
            return
        for place in self._places(node):
            if not values.isdisjoint(_values(place.branch, node)):
                self._keep_place(place)

    def _keep_place(self, place: Place) -> None:
        path: list[tuple[SchemaNode, Key]] = []
        here: Place | None = place
        while here is not None and here.node is not None:
            path.append((here.node, here.key))
            here = here.above
        self._keep_path(reversed(path))

    def _attend(self) -> None:
        """Keep what the constraints of all that is kept read, until there is nothing more."""
        while self._todo:
            kept = self._todo.pop()
            profile = self._constraints.profile(kept.node)
            for constraint in profile.own:
                self._keep_read(constraint, kept)
            for leaf, constraints in profile.leaves:
                is_there = bool(_values(kept.branch, leaf))
                for constraint in constraints:
                    if is_there or constraint.rule is Rule.WHEN:
                        self._keep_read(constraint, kept)
            for node in profile.lists:
                self._attend_list(kept, node)
            for node in profile.conditional:
                for constraint in self._constraints.of(node):
                    if constraint.rule is Rule.WHEN:
                        self._keep_read(constraint, kept)

    def _attend_list(self, kept: Kept, node: SchemaNode) -> None:
        """Keep what of a list its counts and its unique leaves need, or all where all may be affected."""
        listed = entries(kept.branch.children.get(node))
        if not listed:
            return
        too_many = node.max_elements is not None and len(listed) > node.max_elements
        if node in self._whole or too_many or None in node.uniques:
            self._keep_all(kept, node)
            return
        if node.min_elements:
            for key in islice(listed, node.min_elements):
                self._keep_entry(kept, node, key)
        changed = self._altered.keys.get(node, ())
        for leaves in node.uniques if changed else ():
            if leaves is not None:
                self._keep_alike(kept, node, leaves, [key for key in changed if key in listed])

    def _keep_alike(self, kept: Kept, node: SchemaNode, leaves: tuple[SchemaNode, ...], changed: Iterable[Key]) -> None:
        """Keep the entries that have in common with one that has changed what they must not have in common."""
        listed = entries(kept.branch.children.get(node))
        tell = _teller(node, leaves)
        taken = {told for key in changed if (told := tell(listed[key])) is not None}
        if taken:
            for key, entry in listed.items():
                if tell(entry) in taken:
                    self._keep_entry(kept, node, key)

    def _keep_read(self, constraint: Constraint, kept: Kept) -> None:
        for read in constraint.reads:
            self._keep_route(read, kept, constraint.node)
        for target in constraint.targets:
            if target.pins:
                self._keep_route(target, kept, constraint.node)
            else:
                self._keep_referred(target, kept, constraint.node)

    def _keep_route(self, read: Read, kept: Kept, reader: SchemaNode) -> None:
        """Keep what a constraint reads that stands at, or in, a place that is kept."""
        route = read.route
        anchor = kept.at(read.anchor)
        if not isinstance(anchor, Kept) or not any(node.kind is Kind.LIST for node in route):
            return
        if not read.pins:
            if read.node is None or read.node in anchor.done:
                return
            anchor.done.add(read.node)
        places = [anchor]
        for node in route:
            places = [inner for place in places for inner in self._kept_below(place, node, read.pins, kept, reader)]

    def _kept_below(
        self, place: Kept, node: SchemaNode, pins: Pins, reading: Place, reader: SchemaNode
    ) -> Iterable[Kept]:
        if node.kind is Kind.CONTAINER:
            inner = place.containers.get(node)
            return () if inner is None else (inner,)
        if node.kind is not Kind.LIST:
            return ()
        if node not in pins:
            self._keep_all(place, node)
            return place.lists.get(node, {}).values()
        found = (self._keep_entry(place, node, key) for key in _keys(pins[node], reading, reader))
        return [entry for entry in found if entry is not None]

    def _keep_referred(self, target: Read, kept: Kept, reader: SchemaNode) -> None:
        """Keep one entry that has each value of a leafref, if there is any."""
        anchor = kept.at(target.anchor)
        route = target.route
        if not isinstance(anchor, Kept) or not any(node.kind is Kind.LIST for node in route) or target.node is None:
            return
        known = (target.node, id(anchor))
        if known not in self._found:
            self._found[known] = _paths_by_value(anchor, target.node)
        for value in _values(kept.branch, reader):
            path = self._found[known].get(value)
            if path is not None:
                self._keep_from(anchor, route, path)

    def _keep_from(self, anchor: Kept, route: Iterable[SchemaNode], keys: tuple[Key, ...]) -> None:
        place: Kept | None = anchor
        left = iter(keys)
        for node in route:
            if place is None or node.kind not in (Kind.CONTAINER, Kind.LIST):
                return
            is_entry = node.kind is Kind.LIST
            place = self._keep_entry(place, node, next(left)) if is_entry else place.containers.get(node)


def _instances(place: Place, route: tuple[SchemaNode, ...]) -> Iterator[Place]:
    """Iterate over the instances at the end of a way down; containers without presence are always there."""
    if not route:
        yield place
        return
    node, rest = route[0], route[1:]
    item = place.branch.children.get(node)
    if node.kind is Kind.LIST:
        for key, entry in entries(item).items():
            yield from _instances(Place(node, entry, place, key), rest)
    elif isinstance(item, Branch):
        yield from _instances(Place(node, item, place), rest)
    elif not node.presence:
        yield from _instances(Place(node, Branch(node, NOTHING), place), rest)


def _values(branch: Branch, leaf: SchemaNode) -> tuple[str, ...]:
    """Return the values of a leaf or leaf-list, or the defaults that may be in use."""
    item = branch.children.get(leaf)
    if isinstance(item, str):
        return (item,)
    return item if isinstance(item, tuple) else leaf.defaults


def _keys(sources: tuple[KeySource, ...], reading: Place, reader: SchemaNode) -> Iterator[Key]:
    """Iterate over the keys that pin a list for a reader that stands at, or in, a place."""
    return product(*(_given(source, reading, reader) for source in sources))


def _given(source: KeySource, reading: Place, reader: SchemaNode) -> tuple[str, ...]:
    if isinstance(source, str):
        return (source,)
    if source.node is reader and source.anchor is reader:
        return _values(reading.branch, reader)
    place = reading.at(source.anchor)
    if place is None:
        return ()
    *containers, leaf = below(source.anchor, source.node)
    branch = place.branch
    for node in containers:
        inner = branch.children.get(node)
        branch = inner if isinstance(inner, Branch) else Branch(node, NOTHING)
    return _values(branch, leaf)


def _paths_by_value(anchor: Place, leaf: SchemaNode) -> dict[str, tuple[Key, ...]]:
    """Return, for each value of a leaf below a place, the keys on the way to one that has it."""
    found: dict[str, tuple[Key, ...]] = {}
    for place in _instances(Place(anchor.node, anchor.branch, None), below(anchor.node, leaf.parent)):
        for value in _values(place.branch, leaf):
            if value not in found:
                found[value] = _list_keys(place)
    return found


def _list_keys(place: Place) -> tuple[Key, ...]:
    """Return the keys of the entries from below the topmost place down to one."""
    keys: list[Key] = []
    while place.above is not None:
        if place.node is not None and place.node.kind is Kind.LIST:
            keys.append(place.key)
        place = place.above
    return tuple(reversed(keys))


def _teller(node: SchemaNode, leaves: tuple[SchemaNode, ...]) -> Callable[[Branch], tuple[str, ...] | None]:
    """Return what gives the values of the leaves of a unique statement in an entry, None where one is absent."""
    ways = [(below(node, leaf)[:-1], leaf) for leaf in leaves]

    def tell(entry: Branch) -> tuple[str, ...] | None:
        told: list[str] = []
        for containers, leaf in ways:
            branch: Item | None = entry
            for container in containers:
                branch = branch.children.get(container) if isinstance(branch, Branch) else None
            value = branch.children.get(leaf) if isinstance(branch, Branch) else None
            if value is None and leaf.defaults:
                value = leaf.defaults[0]
            if not isinstance(value, str):
                return None
            told.append(value)
        return tuple(told)

    return tell
