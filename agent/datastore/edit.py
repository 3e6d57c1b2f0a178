"""Edits of a configuration: an edit-config applied to a tree (RFC 6241 section 7.2, RFC 7950 sections 7.5 to 7.9).

The tree that is edited is not changed: the edit makes a new one that shares what it does not touch. All that is wrong
is found in one pass; an element that is wrong is left out of the new tree, and whoever asked decides whether the rest
counts. Constraints between nodes are not judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeVar

from lxml import etree

from agent.datastore import errors
from agent.datastore.errors import ErrorInfo, ErrorType, InstancePath, PathStep, RpcError, RpcErrors
from agent.datastore.level import Level
from agent.datastore.ordering import BadPlace, attributes, move, parse_place
from agent.datastore.parsing import Reading, Seal, content_of, unsealed
from agent.datastore.plain_entries import PlainEntries
from agent.datastore.schema import Kind, Schema, SchemaNode
from agent.datastore.tree import Anydata, Branch, Item, Key

BASE: Final = "urn:ietf:params:xml:ns:netconf:base:1.0"
WITH_DEFAULTS: Final = "urn:ietf:params:xml:ns:netconf:default:1.0"
OPERATION: Final = f"{{{BASE}}}operation"
IS_DEFAULT: Final = f"{{{WITH_DEFAULTS}}}default"
XML: Final = "{http://www.w3.org/XML/1998/namespace}"
_TRUE: Final = ("true", "1")
_BOOLEANS: Final = (*_TRUE, "false", "0")
_WITH_DEFAULTS: Final = (Kind.LEAF, Kind.LEAF_LIST)

K = TypeVar("K")
V = TypeVar("V")


class Operation(Enum):
    """What is to be done with a node (RFC 6241 section 7.2); NONE only stands as the default operation."""

    MERGE = "merge"
    REPLACE = "replace"
    CREATE = "create"
    DELETE = "delete"
    REMOVE = "remove"
    NONE = "none"

    @property
    def takes_away(self) -> bool:
        """Whether the node is not there afterwards."""
        return self in (Operation.DELETE, Operation.REMOVE)

    @property
    def starts_anew(self) -> bool:
        """Whether nothing that was below the node is there afterwards."""
        return self in (Operation.REPLACE, Operation.CREATE)


_BY_ATTRIBUTE: Final = MappingProxyType({one.value: one for one in Operation if one is not Operation.NONE})


@dataclass(frozen=True, slots=True)
class Edited:
    """The tree after an edit, and what was wrong with the edit; `repeated` are values that it set to what they were.

    An edit with so many errors that not all of them are told leaves the tree as it was.
    """

    root: Branch
    errors: tuple[RpcError, ...] = ()
    repeated: tuple[InstancePath, ...] = ()


def edit(schema: Schema, root: Branch, config: etree._Element, default: Operation, seal: Seal = unsealed) -> Edited:
    """Apply the elements below `config` to a tree; `default` holds where no operation attribute says otherwise.

    With the default operation 'replace' nothing is left but what they give.
    """
    editor = _Editor(schema, ErrorType.APPLICATION, seal)
    level = Level(root.children, {} if default is Operation.REPLACE else root.children)
    editor.edit_children(level, schema.roots, config, default, ())
    after = root if editor.is_full else Branch(None, level.result())
    return Edited(after, tuple(editor.errors), tuple(editor.repeated))


def parse_configuration(schema: Schema, config: etree._Element, seal: Seal = unsealed) -> Branch:
    """Return the configuration below `config` as a tree of its own; RpcErrors lists all that is wrong."""
    edited = edit(schema, Branch(None), config, Operation.MERGE, seal)
    if edited.errors:
        raise RpcErrors(edited.errors)
    return edited.root


class _Editor(Reading):
    """One edit."""

    def __init__(self, schema: Schema, structure: ErrorType, seal: Seal) -> None:
        super().__init__(schema, structure, seal)
        self.repeated: list[InstancePath] = []
        self._plain = PlainEntries(seal)

    def edit_children(
        self,
        level: Level,
        nodes: Mapping[str, SchemaNode],
        parent: etree._Element,
        inherited: Operation,
        path: InstancePath,
    ) -> None:
        """Edit the children of one node by the elements below `parent`."""
        self.check_text(parent, path)
        for element in parent.iterchildren(etree.Element):
            if self.is_full:
                break
            node = nodes.get(element.tag)
            if node is None or not node.config:
                self.errors.append(self.unknown(element, node, path))
                continue
            operation = self._operation(node, element, inherited, path)
            if operation is not None:
                self._edit(level, node, element, operation, path)

    def _operation(
        self, node: SchemaNode, element: etree._Element, inherited: Operation, path: InstancePath
    ) -> Operation | None:
        """Return what is to be done with an element; None, with the error reported, where its attributes are wrong."""
        if not element.attrib:
            return inherited
        wrong = _wrong_attribute(node, element)
        if wrong is None:
            return _BY_ATTRIBUTE.get(element.get(OPERATION, ""), inherited)
        tag, attribute = wrong
        name = etree.QName(attribute).localname
        what = "is unknown" if tag == "unknown-attribute" else "has a value that is not acceptable"
        self._refuse_attribute(tag, name, f"attribute {name!r} of {node.name!r} {what}", (*path, PathStep(node)))
        return None

    def _refuse_attribute(
        self, tag: str, attribute: str, message: str, path: InstancePath, app_tag: str | None = None
    ) -> None:
        info = [ErrorInfo("bad-attribute", attribute), ErrorInfo("bad-element", path[-1].node.name)]
        self.errors.append(RpcError(ErrorType.APPLICATION, tag, message, app_tag=app_tag, path=path, info=info))

    def _edit(
        self, level: Level, node: SchemaNode, element: etree._Element, operation: Operation, path: InstancePath
    ) -> None:
        key = self._key_of(node, element, path)
        if key is None:
            return
        step = (*path, PathStep(node, key))
        if not level.is_first(node, key):
            self.twice(node, step)
        elif not operation.takes_away and not level.is_alone(node):
            message = f"{node.name!r} stands beside data of another case of the same choice"
            self.errors.append(errors.bad_element(node.name, message, step, self.structure))
        elif node.kind is Kind.LIST:
            self._edit_entry(level, node, element, operation, step)
        elif node.kind is Kind.LEAF_LIST:
            self._edit_value(level, node, element, operation, step)
        elif node.kind is Kind.CONTAINER:
            self._edit_container(level, node, element, operation, step)
        elif not _is_key(node):
            self._edit_leaf(level, node, element, operation, step)

    def _key_of(self, node: SchemaNode, element: etree._Element, path: InstancePath) -> Key | None:
        """Return what tells an instance from others of its node; None, with the errors reported, where it has none."""
        if node.kind is Kind.LIST:
            return self.key(node, element, path)
        if node.kind is Kind.LEAF_LIST:
            value = self.value(node, element, path)
            return None if value is None else (value,)
        return ()

    def _permitted(self, operation: Operation, *, exists: bool, path: InstancePath) -> bool:
        """Tell whether an operation suits what was there (RFC 6241 section 7.2)."""
        name = path[-1].node.name
        if operation is Operation.CREATE and exists:
            self._refuse_data("data-exists", f"{name!r} exists already", path)
        elif operation in (Operation.DELETE, Operation.NONE) and not exists:
            self._refuse_data("data-missing", f"{name!r} does not exist", path)
        else:
            return True
        return False

    def _refuse_data(self, tag: str, message: str, path: InstancePath) -> None:
        self.errors.append(RpcError(ErrorType.APPLICATION, tag, message, path=path))

    def _edit_leaf(
        self, level: Level, node: SchemaNode, element: etree._Element, operation: Operation, path: InstancePath
    ) -> None:
        before = level.before(node)
        if not self._permitted(operation, exists=before is not None, path=path) or operation is Operation.NONE:
            return
        if operation.takes_away:
            level.drop(node)
        elif node.kind is Kind.ANYDATA:
            self.check_text(element, path)
            level.put(node, Anydata(content_of(element)))
        elif (value := self.value(node, element, path[:-1])) is None:
            return
        elif not _is_marked(element):
            level.put(node, value)
            if value == before:
                self.repeated.append(path)
        elif self._is_default(node, value, path):
            level.drop(node)

    def _is_default(self, node: SchemaNode, value: str, path: InstancePath) -> bool:
        """Tell whether a value that is marked as the default is it: then nothing is set (RFC 6243 section 4.5.1)."""
        if value not in node.defaults:
            self.errors.append(errors.invalid_value(f"{value!r} is not the default of {node.name!r}", path=path))
        return value in node.defaults

    def _edit_container(
        self, level: Level, node: SchemaNode, element: etree._Element, operation: Operation, path: InstancePath
    ) -> None:
        present = level.before(node)
        before = present.children if isinstance(present, Branch) else None
        exists = before is not None or (not node.presence and operation is Operation.NONE)
        if not self._permitted(operation, exists=exists, path=path):
            return
        if operation.takes_away:
            level.drop(node)
            return
        inner = Level(before or {}, {} if operation.starts_anew else before or {})
        self.edit_children(inner, node.children, element, operation, path)
        below = inner.result()
        if below or node.presence:
            level.put(node, Branch(node, below))
        else:
            level.drop(node)

    def _edit_entry(
        self, level: Level, node: SchemaNode, element: etree._Element, operation: Operation, path: InstancePath
    ) -> None:
        key, listed = path[-1].keys, level.entries(node)
        present = listed.before.get(key)
        if not self._permitted(operation, exists=present is not None, path=path):
            return
        if operation.takes_away:
            listed.after.pop(key, None)
            return
        keys: dict[SchemaNode, Item] = dict(zip(node.keys, key, strict=True))
        if present is None and not node.ordered_by_user and (leaves := self._plain.leaves(node, element)) is not None:
            level.choose(node)
            listed.after[key] = Branch(node, {**keys, **leaves})
            return
        before: Mapping[SchemaNode, Item] = present.children if present is not None else {}
        inner = Level(before, keys if operation.starts_anew or present is None else before)
        self.edit_children(inner, node.children, element, operation, path)
        entry = Branch(node, inner.result())
        if operation is Operation.NONE:
            listed.after[key] = entry
        else:
            level.choose(node)
            self._arrange(listed.after, key, entry, element, path)

    def _edit_value(
        self, level: Level, node: SchemaNode, element: etree._Element, operation: Operation, path: InstancePath
    ) -> None:
        (value,), values = path[-1].keys, level.values(node)
        exists = value in values.before
        if not self._permitted(operation, exists=exists, path=path) or operation is Operation.NONE:
            return
        if operation.takes_away or (_is_marked(element) and self._is_default(node, value, path)):
            values.after.pop(value, None)
        elif not _is_marked(element):
            level.choose(node)
            self._arrange(values.after, value, None, element, path)
            if exists:
                self.repeated.append(path)

    def _arrange(self, ordered: dict[K, V], key: K, item: V, element: etree._Element, path: InstancePath) -> None:
        """Set an entry and put it where its element says, else where it stands, or at the end."""
        try:
            place = parse_place(path[-1].node, element, key, ordered)
        except BadPlace as error:
            self._refuse_attribute(error.tag, error.attribute, str(error), path, error.app_tag)
            return
        ordered[key] = item
        if place is not None:
            move(ordered, key, place)


def _wrong_attribute(node: SchemaNode, element: etree._Element) -> tuple[str, str] | None:
    """Return the error tag and the name of an attribute that an element of a node must not have, or not so."""
    known = {OPERATION, *attributes(node), *((IS_DEFAULT,) if node.kind in _WITH_DEFAULTS else ())}
    for name in map(str, element.attrib):
        if name not in known and not name.startswith(XML):
            return "unknown-attribute", name
    given = element.get(OPERATION)
    operation = _BY_ATTRIBUTE.get(given) if given is not None else Operation.MERGE
    if operation is None or (operation.takes_away and _is_key(node)):
        return "bad-attribute", OPERATION
    return None if element.get(IS_DEFAULT, "true") in _BOOLEANS else ("bad-attribute", IS_DEFAULT)


def _is_marked(element: etree._Element) -> bool:
    """Tell whether a value is marked as the default of its node (RFC 6243 section 6)."""
    return element.get(IS_DEFAULT) in _TRUE


def _is_key(node: SchemaNode) -> bool:
    """Tell whether a leaf is a key of its list entry: it has been read with the entry, and cannot change."""
    return node.parent is not None and node in node.parent.keys
