"""What a filter selects of the schema: the common form of subtree and XPath filters (RFC 6241 sections 6 and 8.9).

Several selections of one node are alternatives: what any of them selects is shown, each node once. A filter that
nothing can satisfy is no selection at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.tree import Key


@dataclass(frozen=True, slots=True)
class Match:
    """A leaf, or one of a leaf-list, that must have this canonical value."""

    leaf: SchemaNode
    value: str


@dataclass(frozen=True, slots=True)
class Selection:
    """What one filter node selects of an instance: if all `matches` hold, the whole of it or some of its children.

    The matches are on the instance's children; those of a leaf's or leaf-list's own selection are on itself.
    """

    whole: bool = False
    matches: tuple[Match, ...] = ()
    children: Mapping[SchemaNode, tuple[Selection, ...]] = field(default_factory=dict)

    @property
    def is_unconditional(self) -> bool:
        """Whether it is the whole of every instance."""
        return self.whole and not self.matches

    def key_of(self, node: SchemaNode) -> Key | None:
        """Return the key of the one entry of list `node` that the matches leave, or None when they leave several."""
        values = {match.leaf: match.value for match in self.matches}
        if not node.keys or any(leaf not in values for leaf in node.keys):
            return None
        return tuple(values[leaf] for leaf in node.keys)


Alternatives = tuple[Selection, ...]
WHOLE: Final = Selection(whole=True)


def merge(alternatives: Iterable[Selection]) -> Selection:
    """Return one selection, without matches, of all that alternatives whose matches hold select together.

    A match node is shown (RFC 6241 section 6.2.5): of a leaf-list the value that was matched.
    """
    children: dict[SchemaNode, list[Selection]] = {}
    for alternative in alternatives:
        if alternative.whole:
            return WHOLE
        for match in alternative.matches:
            shown = Selection(whole=True, matches=(match,)) if match.leaf.kind is Kind.LEAF_LIST else WHOLE
            children.setdefault(match.leaf, []).append(shown)
        for node, nested in alternative.children.items():
            children.setdefault(node, []).extend(nested)
    return Selection(children={node: tuple(nested) for node, nested in children.items()})
