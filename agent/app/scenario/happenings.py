"""Events as scenarios and journals tell them: by a name, with leaves that are text.

An event that is a YANG notification has its name and its leaves; those below a container are named by their path, as
`inbound/new-spi`. Few others are told, under names of the same make: most only say that something shown is out of date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import Enum
from typing import Final

from agent.app.document import Place
from agent.app.scenario.plan import EventMatch
from agent.core import events
from agent.datastore.markup import plain
from agent.datastore.registry import Registry
from agent.netconf.recording import Happening

ALSO_TOLD: Final = (events.DatagramDropped,)
_CAPITAL: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Told:
    """An event, at a device time in microseconds, with its leaves by name."""

    at: int
    name: str
    leaves: Mapping[str, str]

    def matches(self, match: EventMatch) -> bool:
        """Tell whether it is one of those that are meant."""
        return self.name == match.name and all(self.leaves.get(leaf) == value for leaf, value in match.where.items())


def tell(event: Happening, registry: Registry) -> Told | None:
    """Return an event as it is told, None for one that is not."""
    found = registry.notifications.get(type(event))
    if found is not None:
        node, binding = found
        return Told(event.at, node.name, dict(_leaves(binding.values(event), "")))
    return Told(event.at, _name(type(event)), dict(_fields(event))) if isinstance(event, ALSO_TOLD) else None


def require_event(match: EventMatch, place: Place, registry: Registry) -> None:
    """Raise DocumentError, at its place, for an event that there is not, or that has not the leaves that are meant."""
    leaves = known_events(registry).get(match.name)
    if leaves is None:
        raise place.error(f"there is no event {match.name!r}")
    for leaf in match.where:
        if leaf.partition("/")[0] not in leaves:
            raise place.error(f"the event {match.name!r} has no {leaf!r}")


def known_events(registry: Registry) -> Mapping[str, frozenset[str]]:
    """Return every event by its name, with the names at the top of what it tells."""
    bound = {node.name: node.children.values() for node, _ in registry.notifications.values()}
    return {
        **{_name(kind): frozenset(each.name.replace("_", "-") for each in fields(kind)) for kind in ALSO_TOLD},
        **{name: frozenset(child.name for child in children) for name, children in bound.items()},
    }


def _name(kind: type) -> str:
    return _CAPITAL.sub("-", kind.__name__).lower()


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _leaves(below, f"{path}/{name}" if path else name)
    elif isinstance(value, (list, tuple)) and any(isinstance(each, Mapping) for each in value):
        for number, below in enumerate(value):
            yield from _leaves(below, f"{path}/{number}")
    else:
        yield path, plain(value)


def _fields(event: events.DatagramDropped) -> Iterator[tuple[str, str]]:
    for field in fields(event):
        value = getattr(event, field.name)
        if field.name != "at" and value is not None:
            yield field.name.replace("_", "-"), _text(value)


def _text(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    return value.hex() if isinstance(value, bytes) else str(value)
