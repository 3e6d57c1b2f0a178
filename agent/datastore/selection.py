"""What a filter selects of the schema: the common form of subtree and XPath filters (RFC 6241 sections 6 and 8.9).

Several selections of one node are alternatives: what any of them selects is shown, each node once. A filter that
nothing can satisfy is no selection at all.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.tree import Key

NO_CHILDREN: Mapping[SchemaNode, tuple[Selection, ...]] = MappingProxyType({})
"""One for all, so that selections without children are of one shape."""


@dataclass(frozen=True, slots=True)
class Match:
    """A leaf, or one of a leaf-list, that must have this canonical value; that of a subtree filter is `shown` too."""

    leaf: SchemaNode
    value: str
    shown: bool = True


@dataclass(frozen=True, slots=True)
class Selection:
    """What one filter node selects of an instance: if all `matches` hold, the whole of it or some of its children.

    The matches are on the instance's children; those of a leaf's or leaf-list's own selection are on itself. One that
    is `bare` shows the instance even if there is nothing else in it to show.
    """

    whole: bool = False
    bare: bool = False
    matches: tuple[Match, ...] = ()
    children: Mapping[SchemaNode, tuple[Selection, ...]] = field(default_factory=lambda: NO_CHILDREN)

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

    def without_key(self, node: SchemaNode, key: Key) -> Selection:
        """Return what is left of it for the entry of list `node` with this key: its key needs no matching any more."""
        given = set(zip(node.keys, key, strict=True))
        matches = tuple(match for match in self.matches if (match.leaf, match.value) not in given)
        shows_key = any(match.shown for match in self.matches if match.leaf in node.keys)
        return replace(self, matches=matches, bare=self.bare or shows_key)

    @property
    def shape(self) -> Hashable:
        """Equal for selections that show the same of one node, as far as can be told without a look at all of it."""
        return self.whole, self.bare, self.matches, id(self.children)


Alternatives = tuple[Selection, ...]
Selections = Mapping[SchemaNode, Alternatives]
WHOLE: Final = Selection(whole=True)
_LEAVES: Final = (Kind.LEAF, Kind.LEAF_LIST, Kind.ANYDATA)


class LookUp(Selections):
    """What is selected is that of `template`, but for the keys of some lists of which that selects one entry each.

    It is so told that a rendering compiled for the template can be used, with other keys.
    """

    def __init__(self, template: Selections, entry_keys: Mapping[SchemaNode, Key]) -> None:
        """`entry_keys` are those of each list that the template gives one for."""
        self.template = template
        self.entry_keys = entry_keys

    def __getitem__(self, node: SchemaNode) -> Alternatives:
        return tuple(_with_keys(node, selection, self.entry_keys) for selection in self.template[node])

    def __iter__(self) -> Iterator[SchemaNode]:
        return iter(self.template)

    def __len__(self) -> int:
        return len(self.template)


def _with_keys(node: SchemaNode, selection: Selection, keys: Mapping[SchemaNode, Key]) -> Selection:
    values = dict(zip(node.keys, keys[node], strict=True)) if node in keys else {}
    matches = tuple(replace(match, value=values.get(match.leaf, match.value)) for match in selection.matches)
    below = {
        child: tuple(_with_keys(child, inner, keys) for inner in alternatives)
        for child, alternatives in selection.children.items()
    }
    return replace(selection, matches=matches, children=below or NO_CHILDREN)


def tried_matches(selected: Selections) -> int:
    """Return with how many matches an instance is compared at most, with whatever is in it, to find what is selected.

    Matches with the keys of a list are not counted where they all lead to one entry each: such a one is looked up.
    """
    return sum(_tried(node, alternatives) for node, alternatives in selected.items())


def _tried(node: SchemaNode, alternatives: Alternatives) -> int:
    together: dict[Key | None, int] = {}
    for selection in alternatives:
        key = selection.key_of(node)
        unkeyed = max(0, len(selection.matches) - len(key or ()))
        together[key] = together.get(key, 0) + unkeyed + tried_matches(selection.children)
    if None in together:  # every entry is looked at, those too that a key leads to
        return sum(together.values()) + sum(len(key) for key in together if key is not None)
    return max(together.values(), default=0)


def merge(alternatives: Iterable[Selection]) -> Selection:
    """Return one selection, without matches, of all that alternatives whose matches hold select together.

    A match node of a subtree filter is shown (RFC 6241 section 6.2.5): of a leaf-list the value that was matched.
    """
    bare = False
    children: dict[SchemaNode, list[Selection]] = {}
    for alternative in alternatives:
        if alternative.whole:
            return WHOLE
        bare = bare or alternative.bare
        for match in (match for match in alternative.matches if match.shown):
            shown = Selection(whole=True, matches=(match,)) if match.leaf.kind is Kind.LEAF_LIST else WHOLE
            children.setdefault(match.leaf, []).append(shown)
        for node, nested in alternative.children.items():
            children.setdefault(node, []).extend(nested)
    return Selection(bare=bare, children={node: tuple(nested) for node, nested in children.items()})


def to_depth(selected: Selections, levels: int) -> Selections:
    """Return what is left where of each node that is selected whole only so many levels are shown, itself the first.

    Keys stand with their entries (RFC 8526 section 3.1.1).
    """
    return _each(selected, lambda node, selection: _to_depth(node, selection, levels))


def _to_depth(node: SchemaNode, selection: Selection, levels: int) -> Selection:
    if not selection.whole:
        children = _each(selection.children, lambda child, inner: _to_depth(child, inner, levels))
        return replace(selection, children=children)
    if not node.children:
        return selection
    below = node.children.values() if levels > 1 else ()
    children = {child: (_to_depth(child, WHOLE, levels - 1),) for child in below}
    return Selection(bare=True, matches=selection.matches, children=children)


def of_config(selected: Selections, *, config: bool) -> Selections:
    """Return what is configuration of what is selected, or (not `config`) what is state, with what is above it."""
    return _each(selected, lambda node, selection: _of_config(node, selection, config=config))


def _of_config(node: SchemaNode, selection: Selection, *, config: bool) -> Selection | None:
    if not node.config:
        return None if config else selection
    if node.kind in _LEAVES:
        return selection if config else None
    whole = {child: (WHOLE,) for child in node.children.values()} if selection.whole else selection.children
    children = _each(whole, lambda child, inner: _of_config(child, inner, config=config))
    bare = config and (selection.bare or (selection.whole and (node.presence or node.kind is Kind.LIST)))
    return Selection(bare=bare, matches=selection.matches, children=children)


def _each(selected: Selections, change: Callable[[SchemaNode, Selection], Selection | None]) -> Selections:
    changed = {
        node: tuple(one for selection in alternatives if (one := change(node, selection)) is not None)
        for node, alternatives in selected.items()
    }
    return {node: alternatives for node, alternatives in changed.items() if alternatives}
