"""What differs between two configurations, as Junos shows it: below each level, lines that went and lines that came.

[edit security ike proposal p]
-  dh-group group1;
+  dh-group group2;
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from agent.junos.configuration.definitions import Shape, edit_path
from agent.junos.configuration.statements import Shown
from agent.junos.configuration.text import head_words, render_block

_GONE: Final = "-"
_NEW: Final = "+"
_CHANGED: Final = "  "
"""The margin of a statement that is there in both, with another value."""
_WHOLE: Final = "   "
"""The margin of one that is there in one of them only."""
_Statements = dict[object, list[Shown]]


def compare(old: Shown, new: Shown) -> Iterator[str]:
    """Iterate over the lines of the difference; none where there is none."""
    return _compare(old, new, ())


def _compare(old: Shown, new: Shown, words: tuple[str, ...]) -> Iterator[str]:
    if old.branch is new.branch and old.wanted == new.wanted:
        return
    before, after = _statements(old), _statements(new)
    own: list[str] = []
    inner: list[tuple[Shown, Shown]] = []
    for key in {**before, **after}:
        gone, new_ones = before.get(key, []), after.get(key, [])
        if gone and new_ones and _has_level(gone[0]):
            inner.append((gone[0], new_ones[0]))
        elif not _is_same(gone, new_ones):
            margin = _CHANGED if gone and new_ones else _WHOLE
            own += [f"{_GONE}{line}" for line in render_block(gone, margin)]
            own += [f"{_NEW}{line}" for line in render_block(new_ones, margin)]
    if own:
        yield edit_path(words)
        yield from own
    for former, latter in inner:
        yield from _compare(former, latter, (*words, *head_words(latter)))


def _statements(level: Shown) -> _Statements:
    """Return the statements within one by what tells them apart: the values of a leaf-list are one statement."""
    found: _Statements = {}
    for each in level.children():
        name = each.argument if each.definition.shape is Shape.LIST or each.definition.row.is_named else None
        found.setdefault((each.definition.identity, name), []).append(each)
    return found


def _has_level(statement: Shown) -> bool:
    """Tell whether what differs within a statement is shown at a level of its own: not where it is one line."""
    definition = statement.definition
    return definition.holds_statements and not (definition.row.is_joined and definition.shape is Shape.CONTAINER)


def _is_same(old: list[Shown], new: list[Shown]) -> bool:
    return list(render_block(old, "")) == list(render_block(new, ""))
