"""What is to be done with statements, as an edit of our configuration (RFC 6241 section 7.2).

The edit goes the way of every other one, so that types, secrets, access and errors are the same on both faces. What
only Junos can say is said in full here: a level without a node of its own stands for the nodes within, and a list
without a name for every entry. Nothing that the hierarchy does not cover is touched, whatever is replaced or deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from agent.datastore.edit import OPERATION, Operation
from agent.datastore.errors import InstancePath, PathStep
from agent.datastore.ordering import INSERT
from agent.datastore.tree import Branch, entries
from agent.junos.configuration.definitions import Definition, Shape
from agent.junos.configuration.statements import Given, below

_LAST: Final = "last"
_MANY: Final = (Shape.LIST, Shape.LEAF_LIST)


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit, as a config element; `missing` are the paths of what was to be deleted and is not there."""

    config: etree._Element
    missing: tuple[InstancePath, ...]


def edit_of(root: Given, before: Branch) -> Edit:
    """Return the edit that statements ask for, of a configuration as it is."""
    writer = _Writer()
    config = etree.Element("config")
    writer.write(_Target(config, before), root, root.operation)
    return Edit(config, tuple(writer.missing))


@dataclass(frozen=True, slots=True)
class _Target:
    """Where statements are written: the element of the node around them, and what that holds now, if it is there."""

    element: etree._Element
    branch: Branch | None
    path: InstancePath = ()

    def present(self, definition: Definition) -> Iterator[Given]:
        """Iterate over the statements of a definition that are there now."""
        if definition.shape is Shape.LEVEL:
            if any(True for each in definition.below for _ in self.present(each)):
                yield Given(definition)
            return
        item = below(self.branch, definition.nodes)
        if definition.shape is Shape.LIST:
            names = (name for (name, *_), entry in entries(item).items() if definition.covers(entry))
            yield from (Given(definition, name) for name in names)
        elif definition.shape is Shape.LEAF_LIST:
            yield from (Given(definition, value) for value in (item if isinstance(item, tuple) else ()))
        elif item is not None and definition.row.flag in (None, item):
            yield Given(definition)

    def has(self, given: Given) -> bool:
        """Tell whether a statement is there now."""
        item = below(self.branch, given.definition.nodes)
        if given.definition.shape is Shape.LIST:
            entry = entries(item).get((given.argument or "",))
            return entry is not None and given.definition.covers(entry)
        if given.definition.shape is Shape.LEAF_LIST:
            return isinstance(item, tuple) and given.argument in item
        return item is not None and given.definition.row.flag in (None, item)

    def within(self, given: Given, element: etree._Element) -> _Target:
        """Return the target of the statements within one."""
        item = below(self.branch, given.definition.nodes)
        if given.definition.shape is Shape.LIST:
            item = entries(item).get((given.argument or "",))
        return _Target(element, item if isinstance(item, Branch) else None, self.path_of(given))

    def path_of(self, given: Given) -> InstancePath:
        """Return the path of what a statement stands for; of a level, that of the first node within."""
        definition = given.definition
        while not definition.nodes:
            definition = definition.below[0]
        keys = (given.argument,) if given.argument is not None and definition.shape is Shape.LIST else ()
        above = tuple(PathStep(node) for node in definition.nodes[:-1])
        return (*self.path, *above, PathStep(definition.node, keys))


class _Writer:
    """Writes one edit."""

    def __init__(self) -> None:
        self.missing: list[InstancePath] = []

    def write(self, target: _Target, given: Given, operation: Operation) -> None:
        """Write a statement."""
        shape = given.definition.shape
        if operation.takes_away and (shape is Shape.LEVEL or (given.argument is None and shape in _MANY)):
            self._remove_all(target, given, operation)
        elif shape is Shape.LEVEL:
            self._write_within(target, given, operation)
        elif operation is Operation.DELETE and not target.has(given):
            self.missing.append(target.path_of(given))
        else:
            element = _element(target.element, given.definition, given.argument)
            if operation not in (Operation.MERGE, Operation.REPLACE):
                element.set(OPERATION, operation.value)
            if given.definition.holds_statements and not operation.takes_away:
                _imply(element, given.definition)
                self._write_within(target.within(given, element), given, operation)

    def _write_within(self, target: _Target, given: Given, operation: Operation) -> None:
        """Write the statements within one, and what its own operation says of those that are not given.

        To replace is to take away what is not given: what no statement stands for stays.
        """
        whole: dict[Definition, None] = {}
        for inner in given.children():
            own = operation if operation is Operation.REPLACE and not inner.operation.takes_away else inner.operation
            if inner.definition.shape is Shape.LEAF_LIST and own is Operation.REPLACE:
                whole[inner.definition] = None
            else:
                self.write(target, inner, own)
        for definition in whole:
            self._replace_values(target, definition, given)
        if operation is Operation.REPLACE:
            self._remove_others(target, given, whole)

    def _remove_others(self, target: _Target, given: Given, replaced: Collection[Definition]) -> None:
        """Remove the statements within one that are there and not given."""
        there = {
            (each.definition.identity, each.argument if each.definition.shape in _MANY else None)
            for each in given.children()
        }
        for definition in given.definition.below:
            for other in () if definition in replaced else target.present(definition):
                if (definition.identity, other.argument) not in there:
                    self.write(target, other, Operation.REMOVE)

    def _remove_all(self, target: _Target, given: Given, operation: Operation) -> None:
        """Remove every statement within a level, or every entry of a list."""
        definition = given.definition
        wanted = definition.below if definition.shape is Shape.LEVEL else (definition,)
        present = [each for one in wanted for each in target.present(one)]
        for each in present:
            self.write(target, each, Operation.REMOVE)
        if not present and operation is Operation.DELETE:
            self.missing.append(target.path_of(given))

    def _replace_values(self, target: _Target, definition: Definition, given: Given) -> None:
        """Write the values of a leaf-list that are all that there are to be, in their order."""
        values = [each.argument for each in given.children() if each.definition is definition]
        for other in target.present(definition):
            if other.argument not in values:
                self.write(target, other, Operation.REMOVE)
        for value in values:
            element = _element(target.element, definition, value)
            if definition.node.ordered_by_user:
                element.set(INSERT, _LAST)


def _imply(element: etree._Element, definition: Definition) -> None:
    """Add the leaves of an entry that Junos does not spell."""
    for leaf, value in definition.implied:
        text, namespaces = leaf.type.render(value) if leaf.type is not None else (value, {})
        etree.SubElement(element, leaf.tag, nsmap=dict(namespaces)).text = text


def _element(parent: etree._Element, definition: Definition, argument: str | None) -> etree._Element:
    """Add the element of a statement: the containers around it that are no statements are found or made."""
    for node in definition.nodes[:-1]:
        found = parent.find(node.tag)
        parent = etree.SubElement(parent, node.tag) if found is None else found
    element = etree.SubElement(parent, definition.node.tag)
    if definition.shape is Shape.LIST:
        etree.SubElement(element, definition.node.keys[0].tag).text = argument
    elif definition.shape is Shape.FLAG:
        element.text = definition.row.flag
    elif argument is not None:
        element.text = argument
    return element
