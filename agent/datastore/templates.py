"""The leaves of an instance as one text: a template for each set of leaves that is there, filled in one step.

Entries of a list mostly have the same leaves, so what stands between their values is put together once. Invariant: the
text is the one that the parts of the leaves would give, one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Any, Final

from agent.datastore.markup import escape_text, tags
from agent.datastore.schema import SchemaNode
from agent.datastore.tree import Item

MAXIMUM_TEMPLATES: Final = 128
"""So many sets of leaves are remembered for one kind of instance; others are put together each time."""


@dataclass(frozen=True, slots=True)
class _Template:
    """The text for one set of leaves; `values` takes those of all, `doubtful` those that may need escaping.

    Either takes two at least, one of them twice if need be, so that it gives a tuple.
    """

    text: str
    values: itemgetter[Any]
    doubtful: itemgetter[Any] | None


class LeafTemplates:
    """The templates of one kind of instance."""

    def __init__(self, keys: Sequence[SchemaNode], rest: Sequence[SchemaNode]) -> None:
        """The leaves that are shown, in their order; without one of the `rest` there is nothing to show."""
        self._keys = tuple(keys)
        self._rest = tuple(rest)
        self._templates: dict[tuple[SchemaNode, ...], _Template | None] = {}

    def text(self, children: Mapping[SchemaNode, Item]) -> str | None:
        """Return the leaves of an instance as text; None where that takes more than a template."""
        shape = tuple(children)
        try:
            template = self._templates[shape]
        except KeyError:
            template = self._remember(shape)
        if template is None:
            return None
        if template.doubtful is not None:
            probe = "".join(template.doubtful(children))
            if not probe.isprintable() or "&" in probe or "<" in probe or ">" in probe:
                return template.text % tuple(map(escape_text, template.values(children)))
        text: str = template.text % template.values(children)
        return text

    def texts(self, instances: Sequence[Mapping[SchemaNode, Item]], start: str, end: str) -> str | None:
        """Return several instances as one text, each between tags; None where they are not all of one template."""
        shapes = set(map(tuple, instances))
        shape = shapes.pop() if len(shapes) == 1 else ()
        template = self._templates.get(shape)
        if template is None:
            return None
        if template.doubtful is not None:
            probe = "".join(chain.from_iterable(map(template.doubtful, instances)))
            if not probe.isprintable() or "&" in probe or "<" in probe or ">" in probe:
                return None
        text = f"{start.replace('%', '%%')}{template.text}{end}"
        return "".join([text % values for values in map(template.values, instances)])

    def _remember(self, shape: tuple[SchemaNode, ...]) -> _Template | None:
        template = self._template(shape)
        if len(self._templates) < MAXIMUM_TEMPLATES:
            self._templates[shape] = template
        return template

    def _template(self, shape: tuple[SchemaNode, ...]) -> _Template | None:
        rest = [node for node in self._rest if node in shape]
        shown = [node for node in (*self._keys, *rest) if node in shape]
        if not rest or len(shown) < 2:
            return None
        text = "".join("%s".join(part.replace("%", "%%") for part in tags(node, node.parent)) for node in shown)
        doubtful = [node for node in shown if node.type is not None and node.type.needs_escape]
        taken = itemgetter(*doubtful, *doubtful[:1]) if doubtful else None
        return _Template(text, itemgetter(*shown), taken)
