"""XML into a data tree: structure and types from the schema, all errors reported (RFC 7950 sections 7 and 8.3.1).

What libyang judges over a whole configuration (must, when, leafref, unique, mandatory, counts) is not judged here; of
an RPC's input, which libyang does not take, mandatory nodes and choices are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from lxml import etree

from agent.datastore import errors
from agent.datastore.errors import ErrorType, InstancePath, PathStep, RpcError, RpcErrors
from agent.datastore.schema import Kind, Schema, SchemaNode
from agent.datastore.tree import Anydata, Branch, Item, Key, instances
from agent.datastore.values import InvalidValue

MAXIMUM_ERRORS: Final = 100
"""How many errors of one message are reported: a message full of nonsense is not worth a reply of its size."""
Seal = Callable[[SchemaNode, str], str]
"""Turns the plain value of a secret leaf into what is kept and shown; other values come back as they are."""


def unsealed(node: SchemaNode, value: str) -> str:
    """Keep every value as it is: a tree without secrets."""
    return value


def parse_configuration(schema: Schema, parent: etree._Element, seal: Seal = unsealed) -> Branch:
    """Read the top-level configuration nodes below `parent`; RpcErrors lists all that is wrong."""
    reader = _Reader(schema, ErrorType.APPLICATION, seal, config=True)
    children = reader.read_children(schema.roots, parent, ())
    return Branch(None, reader.checked(children))


def parse_input(schema: Schema, node: SchemaNode, element: etree._Element) -> Branch:
    """Read the input of an RPC: `node` is its INPUT, `element` the operation; RpcErrors lists all that is wrong."""
    reader = _Reader(schema, ErrorType.PROTOCOL, unsealed, config=False)
    path = (PathStep(node.parent),) if node.parent is not None else ()
    children = reader.read_children(node.children, element, path)
    reader.require(Branch(node, children), path)
    return Branch(node, reader.checked(children))


class _Reader:
    """One reading: carries what every level needs and gathers the errors."""

    def __init__(self, schema: Schema, structure: ErrorType, seal: Seal, *, config: bool) -> None:
        self._schema = schema
        self._structure = structure
        self._seal = seal
        self._config = config
        self._errors: list[RpcError] = []

    def checked(self, children: dict[SchemaNode, Item]) -> dict[SchemaNode, Item]:
        """Return what was read, unless something was wrong with it."""
        if self._errors:
            raise RpcErrors(self._errors)
        return children

    def read_children(
        self, nodes: Mapping[str, SchemaNode], parent: etree._Element, path: InstancePath
    ) -> dict[SchemaNode, Item]:
        """Read the children of one element against the schema nodes that may stand there."""
        found: dict[SchemaNode, Item] = {}
        leaf_lists: dict[SchemaNode, list[str]] = {}
        if has_text(parent):
            name = etree.QName(parent).localname
            message = f"element {name!r} holds text beside its elements"
            self._errors.append(errors.bad_element(name, message, path, self._structure))
        for element in parent.iterchildren(etree.Element):
            if len(self._errors) >= MAXIMUM_ERRORS:
                break
            node = nodes.get(element.tag)
            if node is None or (self._config and not node.config):
                self._errors.append(self._unknown(element, node, path))
            elif node.kind is Kind.LEAF_LIST:
                leaf_lists.setdefault(node, []).append(self._value(node, element, path))
            else:
                self._read(node, element, path, found)
        for node, values in leaf_lists.items():
            found[node] = self._distinct(node, values, path) if node.config else tuple(values)
        return found

    def _unknown(self, element: etree._Element, node: SchemaNode | None, path: InstancePath) -> RpcError:
        name = etree.QName(element)
        if name.namespace and name.namespace not in self._schema.by_namespace:
            return errors.unknown_namespace(name.localname, name.namespace, path, self._structure)
        where = f"in {path[-1].node.path}" if path else "at the top level"
        what = "is state and cannot be configured" if node is not None else "is not known"
        message = f"element {name.localname!r} {what} {where}"
        return errors.unknown_element(name.localname, message, path, self._structure)

    def _distinct(self, node: SchemaNode, values: list[str], path: InstancePath) -> tuple[str, ...]:
        """Return the values of a configured leaf-list, and report those that are there twice (RFC 7950 section 7.7)."""
        if len(set(values)) != len(values):
            twice = [value for value, count in Counter(values).items() if count > 1]
            self._errors += [self._twice(node, (*path, PathStep(node, (value,)))) for value in twice]
        return tuple(values)

    def _read(
        self, node: SchemaNode, element: etree._Element, path: InstancePath, found: dict[SchemaNode, Item]
    ) -> None:
        if node.kind is Kind.LIST:
            listed = found.setdefault(node, {})
            if isinstance(listed, dict):
                self._read_entry(node, element, path, listed)
        elif node in found:
            self._errors.append(self._twice(node, (*path, PathStep(node))))
        elif node.kind is Kind.LEAF:
            found[node] = self._value(node, element, path)
        elif node.kind is Kind.ANYDATA:
            found[node] = Anydata(b"".join(etree.tostring(child, with_tail=False) for child in element))
        else:
            step = (*path, PathStep(node))
            found[node] = Branch(node, self.read_children(node.children, element, step))

    def _read_entry(
        self, node: SchemaNode, element: etree._Element, path: InstancePath, listed: dict[Key, Branch]
    ) -> None:
        """Read one entry of a list; those of a list without keys are numbered."""
        key = self._key(node, element, path) if node.keys else (str(len(listed)),)
        children = self.read_children(node.children, element, (*path, PathStep(node, key or ())))
        if key is None:
            return
        if key in listed:
            self._errors.append(self._twice(node, (*path, PathStep(node, key))))
        listed[key] = Branch(node, children)

    def _key(self, node: SchemaNode, element: etree._Element, path: InstancePath) -> Key | None:
        """Return the key of an entry, None where it has none. Missing leafs are reported here, wrong ones elsewhere."""
        given = [(leaf, element.find(leaf.tag)) for leaf in node.keys]
        for leaf, value in given:
            if value is None:
                message = f"an entry of {node.path} needs its key {leaf.name!r}"
                self._errors.append(
                    errors.missing_element(leaf.name, message, (*path, PathStep(node)), self._structure)
                )
        try:
            key = tuple(parse_leaf(leaf, value) for leaf, value in given if value is not None)
        except InvalidValue:
            return None
        return key if len(key) == len(node.keys) else None

    def _value(self, node: SchemaNode, element: etree._Element, path: InstancePath) -> str:
        step = (*path, PathStep(node))
        if len(element):
            message = f"leaf {node.name!r} holds elements where a value is expected"
            self._errors.append(errors.bad_element(node.name, message, step, self._structure))
            return ""
        try:
            return self._seal(node, parse_leaf(node, element))
        except InvalidValue as error:
            message = f"{node.name}: {error.message}"
            info = [errors.ErrorInfo("bad-element", node.name)]
            self._errors.append(errors.invalid_value(message, path=step, app_tag=error.app_tag or None, info=info))
            return ""

    def _twice(self, node: SchemaNode, path: InstancePath) -> RpcError:
        return errors.bad_element(node.name, f"{node.path} is given twice", path, self._structure)

    def require(self, branch: Branch, path: InstancePath) -> None:
        """Report mandatory nodes that are missing and cases of one choice that stand together, at every level."""
        self._require_choices(branch, path)
        for wanted in branch.schema.children.values() if branch.schema is not None else ():
            item = branch.children.get(wanted)
            if item is None and wanted.kind is Kind.CONTAINER and not wanted.presence and not wanted.cases:
                item = Branch(wanted)
            if item is None and wanted.mandatory and not wanted.cases:
                message = f"{wanted.name!r} is mandatory"
                self._errors.append(errors.missing_element(wanted.name, message, path, self._structure))
            for key, below in instances(item):
                self.require(below, (*path, PathStep(wanted, key)))

    def _require_choices(self, branch: Branch, path: InstancePath) -> None:
        chosen: dict[str, str] = {}
        for present in branch.children:
            for choice, case in present.cases:
                if chosen.setdefault(choice, case) != case:
                    message = f"{present.name!r} stands beside {chosen[choice]!r}: choose one"
                    self._errors.append(errors.bad_element(present.name, message, path, self._structure))


def parse_leaf(node: SchemaNode, element: etree._Element) -> str:
    """Return the canonical value of a leaf element; InvalidValue when the type does not have it."""
    if node.type is None:
        raise TypeError(f"{node.path} has no type")
    return node.type.parse(element.text or "", element.nsmap)


def has_text(element: etree._Element) -> bool:
    """Tell whether an element that should hold elements alone holds other text than white space."""
    if element.text and element.text.strip():
        return True
    return any(child.tail and child.tail.strip() for child in element)
