"""XML into values and trees: structure and types, all errors found in one pass (RFC 7950 section 8.3.1).

`Reading` is what the reading of an RPC's input, here, and the editing of a configuration (edit.py) have in common. What
libyang judges over a whole configuration (must, when, leafref, unique, mandatory, counts) is not judged here; of an
RPC's input, which libyang does not take, mandatory nodes and choices are.
"""

from __future__ import annotations

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


class Reading:
    """One pass over a message: reads keys and values, and gathers what is wrong in `errors`."""

    def __init__(self, schema: Schema, structure: ErrorType, seal: Seal) -> None:
        """`structure` is the type of errors of structure: protocol in an operation, application in a configuration."""
        self.errors: list[RpcError] = []
        self.structure = structure
        self._schema = schema
        self._seal = seal

    @property
    def is_full(self) -> bool:
        """Whether enough errors have been found to stop looking."""
        return len(self.errors) >= MAXIMUM_ERRORS

    def check_text(self, element: etree._Element, path: InstancePath) -> None:
        """Report text that stands beside elements."""
        if has_text(element):
            name = etree.QName(element).localname
            message = f"element {name!r} holds text beside its elements"
            self.errors.append(errors.bad_element(name, message, path, self.structure))

    def unknown(self, element: etree._Element, node: SchemaNode | None, path: InstancePath) -> RpcError:
        """Return the error of an element that has no place here; `node` is the state node that it names, if any."""
        name = etree.QName(element)
        if name.namespace and name.namespace not in self._schema.by_namespace:
            return errors.unknown_namespace(name.localname, name.namespace, path, self.structure)
        where = f"in {path[-1].node.path}" if path else "at the top level"
        what = "is state and cannot be configured" if node is not None else "is not known"
        message = f"element {name.localname!r} {what} {where}"
        return errors.unknown_element(name.localname, message, path, self.structure)

    def twice(self, node: SchemaNode, path: InstancePath) -> None:
        """Report an instance that one message gives twice."""
        self.errors.append(errors.bad_element(node.name, f"{node.path} is given twice", path, self.structure))

    def key(self, node: SchemaNode, element: etree._Element, path: InstancePath) -> Key | None:
        """Return the key of a list entry; None, with the errors reported, where it has none."""
        step = (*path, PathStep(node))
        values: list[str] = []
        for leaf in node.keys:
            given = element.find(leaf.tag)
            if given is None:
                message = f"an entry of {node.path} needs its key {leaf.name!r}"
                self.errors.append(errors.missing_element(leaf.name, message, step, self.structure))
            elif (value := self.value(leaf, given, step)) is not None:
                values.append(value)
        return tuple(values) if len(values) == len(node.keys) else None

    def value(self, node: SchemaNode, element: etree._Element, path: InstancePath) -> str | None:
        """Return the value of a leaf as it is kept; None, with the error reported, where it is none."""
        step = (*path, PathStep(node))
        if len(element):
            message = f"leaf {node.name!r} holds elements where a value is expected"
            self.errors.append(errors.bad_element(node.name, message, step, self.structure))
            return None
        try:
            return self._seal(node, parse_leaf(node, element))
        except InvalidValue as error:
            message = f"{node.name}: {error.message}"
            info = [errors.ErrorInfo("bad-element", node.name)]
            self.errors.append(errors.invalid_value(message, path=step, app_tag=error.app_tag or None, info=info))
            return None


def parse_input(schema: Schema, node: SchemaNode, element: etree._Element, above: InstancePath = ()) -> Branch:
    """Read the input of an RPC or action: `node` is its INPUT, `element` the operation, `above` an action's instance.

    RpcErrors lists all that is wrong.
    """
    reader = InputReader(schema, ErrorType.PROTOCOL, unsealed)
    path = (*above, PathStep(node.parent)) if node.parent is not None else above
    branch = Branch(node, reader.read_children(node.children, element, path))
    reader.require(branch, path)
    if reader.errors:
        raise RpcErrors(reader.errors)
    return branch


class InputReader(Reading):
    """The reading of an RPC's input, or of other data that is no edit, into a tree."""

    def read_children(
        self, nodes: Mapping[str, SchemaNode], parent: etree._Element, path: InstancePath
    ) -> dict[SchemaNode, Item]:
        """Read the children of one element against the schema nodes that may stand there."""
        found: dict[SchemaNode, Item] = {}
        leaf_lists: dict[SchemaNode, list[str]] = {}
        self.check_text(parent, path)
        for element in parent.iterchildren(etree.Element):
            if self.is_full:
                break
            node = nodes.get(element.tag)
            if node is None:
                self.errors.append(self.unknown(element, None, path))
            elif node.kind is Kind.LEAF_LIST:
                if (value := self.value(node, element, path)) is not None:
                    leaf_lists.setdefault(node, []).append(value)
            else:
                self._read(node, element, path, found)
        found.update({node: tuple(values) for node, values in leaf_lists.items()})
        return found

    def _read(
        self, node: SchemaNode, element: etree._Element, path: InstancePath, found: dict[SchemaNode, Item]
    ) -> None:
        step = (*path, PathStep(node))
        if node.kind is Kind.LIST:
            listed = found.setdefault(node, {})
            if isinstance(listed, dict):
                self._read_entry(node, element, path, listed)
        elif node in found:
            self.twice(node, step)
        elif node.kind is Kind.LEAF:
            found[node] = self.value(node, element, path) or ""
        elif node.kind is Kind.ANYDATA:
            found[node] = Anydata(content_of(element))
        else:
            found[node] = Branch(node, self.read_children(node.children, element, step))

    def _read_entry(
        self, node: SchemaNode, element: etree._Element, path: InstancePath, listed: dict[Key, Branch]
    ) -> None:
        """Read one entry of a list; those of a list without keys are numbered."""
        key = self.key(node, element, path) if node.keys else (str(len(listed)),)
        if key is None:
            return
        step = (*path, PathStep(node, key))
        if key in listed:
            self.twice(node, step)
        listed[key] = Branch(node, self.read_children(node.children, element, step))

    def require(self, branch: Branch, path: InstancePath) -> None:
        """Report mandatory nodes that are missing and cases of one choice that stand together, at every level."""
        self._require_choices(branch, path)
        for wanted in branch.schema.children.values() if branch.schema is not None else ():
            item = branch.children.get(wanted)
            if item is None and wanted.kind is Kind.CONTAINER and not wanted.presence and not wanted.cases:
                item = Branch(wanted)
            if item is None and wanted.mandatory and not wanted.cases:
                message = f"{wanted.name!r} is mandatory"
                self.errors.append(errors.missing_element(wanted.name, message, path, self.structure))
            for key, below in instances(item):
                self.require(below, (*path, PathStep(wanted, key)))

    def _require_choices(self, branch: Branch, path: InstancePath) -> None:
        chosen: dict[str, str] = {}
        for present in branch.children:
            for choice, case in present.cases:
                if chosen.setdefault(choice, case) != case:
                    message = f"{present.name!r} stands beside {chosen[choice]!r}: choose one"
                    self.errors.append(errors.bad_element(present.name, message, path, self.structure))


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


def content_of(element: etree._Element) -> bytes:
    """Return the content of an anydata element as serialised XML."""
    return b"".join(etree.tostring(child, with_tail=False) for child in element)
