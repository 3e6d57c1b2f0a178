"""Edits as records of a YANG patch (RFC 8072 section 2.5), and data as elements.

The target of an edit is named like a resource of RESTCONF (RFC 8040 section 3.5.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cache
from urllib.parse import quote

from agent.datastore.errors import InstancePath, PathStep
from agent.datastore.markup import element_of, tags
from agent.datastore.observed import Content, Seen
from agent.datastore.schema import SchemaNode
from agent.datastore.tree import Anydata


class Operation(Enum):
    """What is done to the target; the change types of RFC 8641."""

    CREATE = "create"
    DELETE = "delete"
    INSERT = "insert"
    MOVE = "move"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Edit:
    """One edit: what it does, and the content of its record after the edit-id."""

    operation: Operation
    record: str


class PatchWriter:
    """Writes edits and data; it remembers the tags of what it wrote."""

    def __init__(self) -> None:
        """Begin with no tags."""
        self._tags = cache(lambda node, is_top: tags(node, None if is_top else node.parent))
        self._element_of = cache(lambda node, is_top: element_of(node, None if is_top else node.parent))

    def edit(
        self, operation: Operation, path: InstancePath, content: Content | None = None, after: PathStep | None = None
    ) -> Edit:
        """Return the edit of one node: to `content`, where the operation has a value.

        One that inserts or moves puts the node behind its sibling `after`, or first where that is None.
        """
        record = f"<operation>{operation.value}</operation><target>{resource(path)}</target>"
        if operation in (Operation.INSERT, Operation.MOVE):
            point = f"<point>{resource((*path[:-1], after))}</point>" if after is not None else ""
            record += f"{point}<where>{'first' if after is None else 'after'}</where>"
        if content is not None:
            record += f"<value>{self.element(path[-1].node, content, is_top=True)}</value>"
        return Edit(operation, record)

    def element(self, node: SchemaNode, content: Content, *, is_top: bool = False) -> str:
        """Return a node as XML, each entry and each value as an element; one that `is_top` stands by itself."""
        if isinstance(content, Mapping):
            return "".join([self.element(node, entry, is_top=is_top) for entry in content.values()])
        if isinstance(content, Seen | Anydata):
            start, end = self._tags(node, is_top)
            return f"{start}{content.xml.decode() if isinstance(content, Anydata) else self.elements(content)}{end}"
        one: Callable[[object], str] = self._element_of(node, is_top)
        return one(content) if isinstance(content, str) else "".join(map(one, content))

    def elements(self, seen: Seen) -> str:
        """Return the children of an instance as XML."""
        return "".join([self.element(node, content) for node, content in seen.children.items()])


def resource(path: InstancePath) -> str:
    """Return the name of a node below a datastore, as text of an element."""
    parts, module = [], None
    for step in path:
        name = step.node.name if step.node.module is module else f"{step.node.module.name}:{step.node.name}"
        module = step.node.module
        keys = ",".join(quote(key, safe="") for key in step.keys)
        parts.append(f"/{name}={keys}" if step.keys else f"/{name}")
    return "".join(parts)
