"""Where the configuration in use comes from: the origin annotation of RFC 8342 section 5.3.4.

What a client has configured is intended, a value that nobody has set is a default, and what the device shows of
configuration by itself is of the system. Invariant: a node has the origin of its parent unless it says otherwise, and
the top-level ones always say; keys have that of their entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from agent.datastore.defaults import DefaultValue
from agent.datastore.markup import tags
from agent.datastore.schema import SchemaNode
from agent.datastore.tree import Branch

NAMESPACE: Final = "urn:ietf:params:xml:ns:yang:ietf-origin"
MODULE: Final = "ietf-origin"


class Origin(Enum):
    """The origins that configuration of this server can have, by the names of their identities."""

    INTENDED = "intended"
    DEFAULT = "default"
    SYSTEM = "system"

    @property
    def identity(self) -> str:
        """Its canonical name."""
        return f"{MODULE}:{self.value}"

    @property
    def attribute(self) -> str:
        """The annotation, to be put in a start tag."""
        return f' xmlns:or="{NAMESPACE}" or:origin="or:{self.value}"'


ALL: Final = frozenset(Origin)


@dataclass(frozen=True, slots=True)
class OriginView:
    """Whether origins are `shown`, and of which origins configuration is."""

    shown: bool = False
    wanted: frozenset[Origin] = ALL


PLAIN: Final = OriginView()
"""Origins are of no interest."""


def of_instance(configured: Branch | None) -> Origin:
    """Return the origin of a container or entry, by whether it is configured."""
    return Origin.SYSTEM if configured is None else Origin.INTENDED


def of_value(value: object) -> Origin:
    """Return the origin of a value from the configuration."""
    return Origin.DEFAULT if isinstance(value, DefaultValue) else Origin.INTENDED


class StartTags:
    """The start tags of a node's instances, with their origins where these are shown."""

    def __init__(self, node: SchemaNode, view: OriginView) -> None:
        """Make the tags once."""
        self.plain, self.end = tags(node, node.parent)
        self.wanted = view.wanted
        self._marked: Mapping[Origin, str] | None = None
        if view.shown and node.config:
            self._marked = {origin: tags(node, node.parent, origin.attribute)[0] for origin in Origin}
        self._is_top = node.parent is None

    @property
    def is_plain(self) -> bool:
        """Whether all instances are wanted, with one start tag."""
        return self._marked is None and self.wanted == ALL

    def of(self, parent: Branch | None, configured: Branch | None) -> str:
        """Return the start tag of an instance, by whether its parent and it are configured."""
        if self._marked is None:
            return self.plain
        origin = of_instance(configured)
        return self.plain if origin is of_instance(parent) and not self._is_top else self._marked[origin]
