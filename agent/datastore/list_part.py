"""The rendering of a list: entries that are configured or there as state, one after the other or looked up by key.

Like every part it keeps no reference to a device or to a datastore; entries are rendered some at a time, so that a list
of any length passes in bounded memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Final

from agent.datastore.origins import ALL, StartTags, of_instance
from agent.datastore.parts import Body, Guard, Keys, Part, copied, wrapped
from agent.datastore.registry import StateList
from agent.datastore.schema import SchemaNode
from agent.datastore.tree import Branch, Entries, Key, entries

GATHERED_ENTRIES: Final = 16
"""How many entries make one piece."""
GATHERED_TEXTS: Final = 3 * GATHERED_ENTRIES
"""Each is three texts."""


class ListPart(Part):
    """A list: configured entries, then those that exist as state alone; look-ups where the filter gives the keys.

    Each key that is looked up (`keyed`, None when every entry is needed) has a guard of its own. Where not every entry
    is shown alike, `guard_of` gives that of each, None for one that is not shown.
    """

    streams = True

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

    def text(self, config: Branch | None, subject: object) -> str:
        """Render all entries at once."""
        return "".join(self.pieces(config, subject))

    def pieces(self, config: Branch | None, subject: object) -> Iterator[str]:
        """Render some entries at a time, those that can be large piece by piece."""
        body = self._body_of_all if self._state is None or subject is None else None
        if body is not None:
            return self._alike(entries_of(config, self._node), body)
        return self._one_by_one(config, subject)

    def _alike(self, configured: Entries, body: Body) -> Iterator[str]:
        branches = iter(configured.values())
        while together := list(islice(branches, GATHERED_ENTRIES)):
            if text := body.texts(together, self._tags.plain, self._tags.end):
                yield text

    def _one_by_one(self, config: Branch | None, subject: object) -> Iterator[str]:
        end, start_of, wants_all = self._tags.end, self._tags.of, self._wanted == ALL
        gathered: list[str] = []
        for guard, entry, state in self._instances(entries_of(config, self._node), subject):
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
            yield from _opened(start_of(config, entry), body, entry, state, end)
        if gathered:
            yield "".join(gathered)

    def at(self, keys: Keys) -> Part | None:
        """Return the same with other keys: for the one entry that is looked up, if one is, and for lists below."""
        if self._guard_of is not None:
            return None
        guards = [self._guard] if self._keyed is None else list(self._keyed.values())
        guard = guards[0].at(keys) if len(guards) == 1 and guards[0] is not None else None
        if guard is None:
            return None
        made = copied(self)
        if self._keyed is None:
            made._guard = guard
        else:
            made._keyed = {keys.get(self._node, key): guard for key in self._keyed}
        return made

    @property
    def _body_of_all(self) -> Body | None:
        """What is shown of every configured entry alike, None where that depends, or can be large."""
        body = self._guard.always if self._guard is not None and self._keyed is None else None
        return body if body is not None and self._tags.is_plain and not body.streams else None

    def _instances(self, configured: Entries, subject: object) -> Iterator[tuple[Guard | None, Branch | None, object]]:
        if self._keyed is not None:
            for key, keyed in self._keyed.items():
                entry, state = configured.get(key), self._find(subject, key)
                if entry is not None or state is not None:
                    yield keyed, entry, state
            return
        for key, entry in configured.items():
            guard = self._guard if self._guard_of is None else self._guard_of(key)
            yield guard, entry, self._find(subject, key)
        if self._state is not None and subject is not None:
            for state in self._state.iterate(subject):
                if not configured or self._key_of(state) not in configured:
                    guard = self._guard if self._guard_of is None else self._guard_of(self._key_of(state))
                    yield guard, None, state

    def _find(self, subject: object, key: Key) -> object:
        return self._state.find(subject, key) if self._state is not None and subject is not None else None


def _opened(start: str, body: Body, entry: Branch | None, state: object, end: str) -> Iterator[str]:
    """Render an entry that can be large."""
    if not body.bare:
        yield from wrapped(start, body.pieces(entry, state), end)
        return
    yield start
    yield from body.pieces(entry, state)
    yield end


def entries_of(config: Branch | None, node: SchemaNode) -> Entries:
    """Return the configured entries of a list."""
    return entries(config.children.get(node)) if config is not None else {}
