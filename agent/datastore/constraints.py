"""The constraints of one schema, and who reads what: found when they are first needed, then kept (RFC 7950 section 8).

Only configuration is looked at: what state must be like is nobody's to refuse.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent.datastore.dependencies import LEAVES, Constraint, Read, Rule, constraints_of
from agent.datastore.nodes import Kind, SchemaNode

NONE: Final[tuple[Constraint, ...]] = ()


@dataclass(frozen=True, slots=True)
class Profile:
    """What is to be looked at in every instance of a container or list, or (of no node) in the whole tree.

    `own` are the constraints of the instance itself, `leaves` those of its leaves. `conditional` are the children that
    may be missing for want of a condition.
    """

    own: tuple[Constraint, ...]
    containers: tuple[SchemaNode, ...]
    lists: tuple[SchemaNode, ...]
    leaves: tuple[tuple[SchemaNode, tuple[Constraint, ...]], ...]
    conditional: tuple[SchemaNode, ...]

    @property
    def is_free(self) -> bool:
        """Whether there is nothing to be looked at."""
        return not (self.own or self.lists or self.leaves or self.conditional)


class Constraints:
    """All constraints on the configuration of a schema."""

    def __init__(self, roots: Mapping[str, SchemaNode]) -> None:
        """Find them, and index them by what they read."""
        self._roots = roots
        self._of: dict[SchemaNode, tuple[Constraint, ...]] = {}
        self._readers: dict[SchemaNode, list[tuple[Constraint, Read]]] = {}
        self._references: dict[SchemaNode, list[Constraint]] = {}
        self._profiles: dict[SchemaNode | None, Profile] = {}
        for root in roots.values():
            self._find(root)
        every = [constraint for found in self._of.values() for constraint in found]
        self.opaque: Final = tuple(constraint for constraint in every if constraint.is_opaque)
        """Those of which nobody knows what they read."""
        for constraint in every:
            self._index(constraint)

    def _find(self, node: SchemaNode) -> None:
        if not node.config:
            return
        if found := tuple(constraints_of(node, self._roots)):
            self._of[node] = found
        for child in node.children.values():
            self._find(child)

    def _index(self, constraint: Constraint) -> None:
        for target in constraint.targets:
            if target.node is not None:
                self._references.setdefault(target.node, []).append(constraint)
        defaulted = (Read(read.node, read.anchor) for read in constraint.targets if read.node and read.node.defaults)
        for read in (*constraint.reads, *defaulted):
            passed = [node for node in read.route if node.kind is Kind.LIST or node.presence]
            for node in dict.fromkeys((*passed, *([read.node] if read.node is not None else ()))):
                self._readers.setdefault(node, []).append((constraint, read))

    @property
    def referred(self) -> Collection[SchemaNode]:
        """The leaves that leafrefs refer to."""
        return self._references.keys()

    def of(self, node: SchemaNode) -> Sequence[Constraint]:
        """Return the constraints at a node."""
        return self._of.get(node, NONE)

    def readers(self, node: SchemaNode) -> Sequence[tuple[Constraint, Read]]:
        """Return what reads a node, or passes it on the way to what it reads."""
        return self._readers.get(node, ())

    def references(self, node: SchemaNode) -> Sequence[Constraint]:
        """Return the leafrefs that refer to a leaf."""
        return self._references.get(node, ())

    def profile(self, node: SchemaNode | None) -> Profile:
        """Return what is to be looked at in every instance of a container or list, or of the whole tree."""
        if node not in self._profiles:
            self._profiles[node] = self._profile(node)
        return self._profiles[node]

    def _profile(self, node: SchemaNode | None) -> Profile:
        children = [child for child in (node.children if node else self._roots).values() if child.config]
        return Profile(
            own=NONE if node is None else tuple(self.of(node)),
            containers=tuple(child for child in children if child.kind is Kind.CONTAINER),
            lists=tuple(child for child in children if child.kind is Kind.LIST),
            leaves=tuple((child, self._of[child]) for child in children if child.kind in LEAVES and child in self._of),
            conditional=tuple(child for child in children if child.kind not in LEAVES and self._has_condition(child)),
        )

    def _has_condition(self, node: SchemaNode) -> bool:
        return any(constraint.rule is Rule.WHEN for constraint in self.of(node))

    def companions(self, node: SchemaNode) -> Iterator[SchemaNode]:
        """Iterate over what may come or go, as a default, with a node: all of the choices that it is in."""
        siblings = (node.parent.children if node.parent is not None else self._roots).values()
        choices = {choice for choice, _ in node.cases}
        for sibling in siblings if choices else ():
            if sibling is not node and any(choice in choices for choice, _ in sibling.cases):
                yield from self.unlisted(sibling)

    def unlisted(self, node: SchemaNode) -> Iterator[SchemaNode]:
        """Iterate over a node and all that is below it, but in no list below it."""
        yield node
        for child in node.children.values():
            if child.config and child.kind is not Kind.LIST:
                yield from self.unlisted(child)
