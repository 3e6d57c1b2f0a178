"""The rendering of a list: entries that are configured or there as state, one after the other or looked up by key.

Like every part it keeps no reference to a device or to a datastore; entries are rendered some at a time, so that a list
of any length passes in bounded memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from math import prod
from typing import Final

from agent.datastore.origins import ALL, StartTags, of_instance
from agent.datastore.parts import NO_KEYS, Body, Guard, Keys, Part, wrapped
from agent.datastore.registry import StateList
from agent.datastore.rows import Member, Other
from agent.datastore.schema import SchemaNode
from agent.datastore.tree import Branch, Entries, Key, entries
from agent.datastore.values import Enumeration

GATHERED_ENTRIES: Final = 16
"""How many entries make one piece."""
FEW_ENTRIES: Final = 8
GATHERED_TEXTS: Final = 3 * GATHERED_ENTRIES
"""Each is three texts."""


class ListPart(Part):
    """A list: configured entries, then those that exist as state alone; look-ups where the filter gives the keys.

    Each key that is looked up (`keyed`, None when every entry is needed) has a guard of its own. Where not every entry
    is shown alike, `guard_of` gives that of each, None for one that is not shown. A list that can never have but a few
    entries, of which none is large, is no large part.
    """

    def __init__(
        self,
        node: SchemaNode,
        guard: Guard | None,
        state: StateList[object, object] | None,
        keyed: Mapping[Key, Guard] | None,
        key_of: Callable[[object], Key],
        tags: StartTags,
        guard_of: Callable[[Key], Guard | None] | None = None,
    ) -> None:
        self._node = node
        self._tags = tags
        self._wanted = tags.wanted
        self._guard = guard
        self._guard_of = guard_of
        self._state = state
        self._keyed = keyed
        self._key_of = key_of
        is_short = guard is not None and keyed is None and guard_of is None and has_few(node, state)
        self.streams = not is_short or guard is None or guard.streams
        self._body_of_all = self._body_alike()
        guards = [guard] if keyed is None else list(keyed.values())
        self.moves = guard_of is None and all(one is not None and one.moves for one in guards) and len(guards) == 1

    def text(self, config: Branch | None, subject: object) -> str:
        """Render all entries at once."""
        body = None if self.streams else self._body_of_all
        if body is None or self._state is None or self._node.config:
            return "".join(self.pieces(config, subject))
        start, end, render = self._tags.plain, self._tags.end, body.writer
        texts = [render(None, entry) for entry in self._state.iterate(subject)] if subject is not None else ()
        return "".join([f"{start}{text}{end}" for text in texts if text or body.bare])

    @property
    def member(self) -> Member:
        """A member that has state if there is a binding for it."""
        return Other(self.text, of_subject=self._state is not None)

    def pieces(self, config: Branch | None, subject: object, keys: Keys = NO_KEYS) -> Iterator[str]:
        """Render some entries at a time, those that can be large piece by piece; `keys` may be others to look up."""
        body = self._body_of_all
        if body is None:
            return self._one_by_one(config, subject, keys)
        configured = entries_of(config, self._node)
        if self._state is None or subject is None:
            return self._alike(configured, body)
        return self._with_state(configured, subject, body)

    def _alike(self, configured: Entries, body: Body) -> Iterator[str]:
        branches = iter(configured.values())
        while together := list(islice(branches, GATHERED_ENTRIES)):
            if text := body.texts(together, self._tags.plain, self._tags.end):
                yield text

    def _with_state(self, configured: Entries, subject: object, body: Body) -> Iterator[str]:
        start, end, bare = self._tags.plain, self._tags.end, body.bare
        instances = self._all(configured, subject)
        while together := list(islice(instances, GATHERED_ENTRIES)):
            render = body.writer
            texts = [render(entry, state) for entry, state in together]
            if text := "".join([f"{start}{text}{end}" for text in texts if text or bare]):
                yield text

    def _one_by_one(self, config: Branch | None, subject: object, keys: Keys) -> Iterator[str]:
        end, start_of, wants_all = self._tags.end, self._tags.of, self._wanted == ALL
        gathered: list[str] = []
        for guard, entry, state in self._instances(entries_of(config, self._node), subject, keys):
            body = guard.body(entry, state) if guard is not None else None
            if body is None:
                continue
            if not wants_all and of_instance(entry) not in self._wanted:
                body = body.shy
            if not body.streams:
                if (text := body.text(entry, state)) or body.bare:
                    gathered += (start_of(config, entry), text, end)
                    if len(gathered) >= GATHERED_TEXTS:
                        yield "".join(gathered)
                        gathered.clear()
                continue
            if gathered:
                yield "".join(gathered)
                gathered.clear()
            yield from _opened(start_of(config, entry), body.pieces(entry, state, keys), end, bare=body.bare)
        if gathered:
            yield "".join(gathered)

    def _body_alike(self) -> Body | None:
        """Return what is shown of every entry alike, None where that depends, or can be large."""
        body = self._guard.always if self._guard is not None and self._keyed is None else None
        return body if body is not None and self._tags.is_plain and not body.streams else None

    def _instances(
        self, configured: Entries, subject: object, keys: Keys
    ) -> Iterator[tuple[Guard | None, Branch | None, object]]:
        if self._keyed is not None:
            for own, keyed in self._keyed.items():
                key = keys.get(self._node, own) if keys else own
                entry, state = configured.get(key), self._find(subject, key)
                if entry is not None or state is not None:
                    yield keyed, entry, state
            return
        if self._guard_of is None:
            yield from ((self._guard, entry, state) for entry, state in self._all(configured, subject))
            return
        for key, entry in configured.items():
            yield self._guard_of(key), entry, self._find(subject, key)
        if self._state is not None and subject is not None:
            for state in self._state.iterate(subject):
                if (key := self._key_of(state)) not in configured:
                    yield self._guard_of(key), None, state

    def _all(self, configured: Entries, subject: object) -> Iterator[tuple[Branch | None, object]]:
        """Iterate over all entries, configured or not."""
        if self._state is None or subject is None:
            for entry in configured.values():
                yield entry, None
            return
        find, found = self._state.find, dict[int, object]()
        for key, entry in configured.items():
            state = find(subject, key)
            found[id(state)] = state
            yield entry, state
        for state in self._state.iterate(subject):
            # Mostly it has been shown, which its place in memory tells faster than its key.
            if not configured or (id(state) not in found and self._key_of(state) not in configured):
                yield None, state

    def _find(self, subject: object, key: Key) -> object:
        return self._state.find(subject, key) if self._state is not None and subject is not None else None


def _opened(start: str, pieces: Iterator[str], end: str, *, bare: bool) -> Iterator[str]:
    """Render an entry that can be large."""
    if not bare:
        yield from wrapped(start, pieces, end)
        return
    yield start
    yield from pieces
    yield end


def has_few(node: SchemaNode, state: StateList[object, object] | None) -> bool:
    """Tell whether a list never has more than some entries: its binding says so, or its keys have few values."""
    if state is not None:
        return state.few
    values = [len(leaf.type.names) if isinstance(leaf.type, Enumeration) else FEW_ENTRIES + 1 for leaf in node.keys]
    return bool(values) and prod(values) <= FEW_ENTRIES


def entries_of(config: Branch | None, node: SchemaNode) -> Entries:
    """Return the configured entries of a list."""
    return entries(config.children.get(node)) if config is not None else {}
