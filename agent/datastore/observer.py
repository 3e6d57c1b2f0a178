"""One view of a datastore, and what has changed in it since it was last looked at.

What an event may have changed is looked at again, nothing else, and compared with what was seen there before: a change
costs in proportion to what it touches, and one that changed nothing gives no edit.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.datastore.errors import InstancePath, PathStep
from agent.datastore.observed import ContainerLens, Content, Lens, ListLens, Seen
from agent.datastore.patch import Edit, Operation, PatchWriter
from agent.datastore.rendering import Subjects
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.touched import Touched
from agent.datastore.tree import Branch, Key, lineage

Steps = tuple[SchemaNode, ...]


class Observer:
    """What is seen through the lenses of some top-level nodes."""

    def __init__(self, lenses: Mapping[SchemaNode, Lens], writer: PatchWriter, seen: Seen | None = None) -> None:
        """Begin with what was `seen` already, by default nothing."""
        self.seen = seen if seen is not None else Seen()
        self._writer = writer
        self._lenses = lenses
        self._edits: list[Edit] = []

    def look(self, config: Branch, subjects: Subjects) -> list[Edit]:
        """Look at everything, and return what has changed."""
        tops = dict.fromkeys([*self.seen.children, *self._lenses])
        for node in tops:
            lens = self._lenses.get(node)
            content = lens.capture(config, subjects.get(node.module.name)) if lens is not None else None
            self._replace(self.seen.children, node, content, ())
        return self._take()

    def refresh(self, touched: Touched, config: Branch, subjects: Subjects) -> list[Edit]:
        """Look at what may have changed, and return what has."""
        steps = lineage(touched.node)
        lens = self._lenses.get(steps[0])
        if lens is not None:
            subject = subjects.get(steps[0].module.name)
            self._visit(lens, self.seen.children, config, subject, steps, touched.keys, ())
        return self._take()

    def content(self) -> str:
        """Return all that is seen, as top-level elements."""
        return self._writer.elements(self.seen)

    def _take(self) -> list[Edit]:
        edits, self._edits = self._edits, []
        return edits

    # The way to what may have changed

    def _visit(
        self,
        lens: Lens,
        siblings: dict[SchemaNode, Content],
        config: Branch | None,
        subject: object,
        steps: Steps,
        keys: Key,
        path: InstancePath,
    ) -> None:
        """Go on to the node at the end of `steps`, of which `siblings` has the first."""
        if isinstance(lens, ListLens) and not lens.node.ordered_by_user:
            self._visit_entries(lens, siblings, config, subject, steps, keys, path)
            return
        before = siblings.get(steps[0])
        if isinstance(lens, ContainerLens) and len(steps) > 1 and isinstance(before, Seen):
            inner, selected = lens.instance(config, subject)
            body = lens.body(inner, selected)
            if body is not None:
                if (below := body.rest.get(steps[1])) is not None:
                    step = PathStep(lens.node)
                    self._visit(below, before.children, inner, selected, steps[1:], keys, (*path, step))
                return  # A container that is empty now stays: without a presence it means nothing.
        self._replace(siblings, steps[0], lens.capture(config, subject), path)

    def _visit_entries(
        self,
        lens: ListLens,
        siblings: dict[SchemaNode, Content],
        config: Branch | None,
        subject: object,
        steps: Steps,
        keys: Key,
        path: InstancePath,
    ) -> None:
        node, number = lens.node, len(lens.node.keys)
        if len(keys) < number and len(steps) == 1:
            self._replace(siblings, node, lens.capture(config, subject), path)
            return
        entries = siblings.setdefault(node, {})
        assert isinstance(entries, dict)
        chosen = [keys[:number]] if len(keys) >= number else [*dict.fromkeys([*entries, *lens.keys(config, subject)])]
        for key in chosen:
            self._visit_entry(lens, entries, key, *lens.find(config, subject, key), steps, keys[number:], path)
        if not entries:
            del siblings[node]

    def _visit_entry(
        self,
        lens: ListLens,
        entries: dict[Key, Seen],
        key: Key,
        config: Branch | None,
        subject: object,
        steps: Steps,
        keys: Key,
        path: InstancePath,
    ) -> None:
        """Look at one entry, or below it; one that is only seen if something is in it, is looked at as a whole."""
        before, step = entries.get(key), (*path, PathStep(lens.node, key))
        body = lens.body_of(key, config, subject)
        if len(steps) > 1 and before is not None and body is not None and body.bare:
            if (below := body.rest.get(steps[1])) is not None:
                self._visit(below, before.children, config, subject, steps[1:], keys, step)
            return
        after = lens.entry(key, config, subject)
        self._compare(step, before, after)
        if after is None:
            entries.pop(key, None)
        else:
            entries[key] = after

    # What has changed there

    def _note(
        self, operation: Operation, path: InstancePath, content: Content | None = None, after: PathStep | None = None
    ) -> None:
        self._edits.append(self._writer.edit(operation, path, content, after))

    def _replace(
        self, siblings: dict[SchemaNode, Content], node: SchemaNode, after: Content | None, path: InstancePath
    ) -> None:
        before = siblings.get(node)
        if node.kind is Kind.LIST:
            self._compare_entries(node, _entries(before), _entries(after), path)
        elif node.kind is Kind.LEAF_LIST:
            self._compare_values(node, _values(before), _values(after), path)
        else:
            self._compare((*path, PathStep(node)), before, after)
        if after is None:
            siblings.pop(node, None)
        else:
            siblings[node] = after

    def _compare(self, path: InstancePath, before: Content | None, after: Content | None) -> None:
        """Note what makes one instance of a container, list, leaf or anydata into what it is now."""
        if after is None:
            if before is not None:
                self._note(Operation.DELETE, path)
        elif before is None:
            self._note(Operation.CREATE, path, after)
        elif isinstance(before, Seen) and isinstance(after, Seen):
            for node in [node for node in before.children if node not in after.children]:
                self._replace(before.children, node, None, path)
            for node, content in after.children.items():
                self._replace(before.children, node, content, path)
        elif before != after:
            self._note(Operation.REPLACE, path, after)

    def _compare_entries(
        self, node: SchemaNode, before: Mapping[Key, Seen], after: Mapping[Key, Seen], path: InstancePath
    ) -> None:
        for key in [key for key in before if key not in after]:
            self._compare((*path, PathStep(node, key)), before[key], None)
        order = [key for key in before if key in after]
        for key, entry in after.items():
            if key in before or not node.ordered_by_user:
                self._compare((*path, PathStep(node, key)), before.get(key), entry)
        if node.ordered_by_user:
            self._reorder(node, order, after, path)

    def _compare_values(
        self, node: SchemaNode, before: tuple[str, ...], after: tuple[str, ...], path: InstancePath
    ) -> None:
        for value in dict.fromkeys(before):
            if value not in after:
                self._note(Operation.DELETE, (*path, PathStep(node, (value,))))
        if node.ordered_by_user:
            order: list[Key] = [(value,) for value in before if value in after]
            self._reorder(node, order, {(value,): value for value in after}, path)
            return
        for value in dict.fromkeys(after):
            if value not in before:
                self._note(Operation.CREATE, (*path, PathStep(node, (value,))), value)

    def _reorder(self, node: SchemaNode, order: list[Key], after: Mapping[Key, Content], path: InstancePath) -> None:
        """Note what makes an order of the user's into another: each that is not in its place goes there, from first."""
        sibling: PathStep | None = None
        for place, (key, content) in enumerate(after.items()):
            step = PathStep(node, key)
            if key not in order:
                self._note(Operation.INSERT, (*path, step), content, sibling)
                order.insert(place, key)
            elif order[place] != key:
                self._note(Operation.MOVE, (*path, step), None, sibling)
                order.remove(key)
                order.insert(place, key)
            sibling = step


def _entries(content: Content | None) -> Mapping[Key, Seen]:
    return content if isinstance(content, dict) else {}


def _values(content: Content | None) -> tuple[str, ...]:
    return content if isinstance(content, tuple) else ()
