"""The comparison of two datastores (RFC 9144): the edits, as a YANG patch (RFC 8072), that make one the other.

Both are compared as the caller may read them, through the same filter, with the defaults that each of them shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from lxml import etree

from agent.datastore import errors
from agent.datastore.data_tree import parse_data
from agent.datastore.defaults import DefaultsMode
from agent.datastore.diff import Change, Difference, topmost
from agent.datastore.errors import InstancePath, PathStep, input_path
from agent.datastore.markup import escape_text
from agent.datastore.origins import NAMESPACE as ORIGIN
from agent.datastore.origins import PLAIN, OriginView
from agent.datastore.parsing import parse_leaf
from agent.datastore.patch import resource
from agent.datastore.rendering import Roots
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.selection import of_config
from agent.datastore.tree import Branch, Item, Key
from agent.netconf.filters import SUBTREE_FILTER, XPATH_FILTER, choose
from agent.netconf.nmda import INTENDED, OPERATIONAL
from agent.netconf.request import Reply, Request

NAMESPACE: Final = "urn:ietf:params:xml:ns:yang:ietf-nmda-compare"
MAXIMUM_CHARACTERS: Final = 32 * 1024 * 1024
"""How much of one datastore is compared."""
FILTERS: Final = (SUBTREE_FILTER, XPATH_FILTER)
_ORIGIN: Final = f"{{{ORIGIN}}}origin"
_SEVERAL: Final = (Kind.LIST, Kind.LEAF_LIST)


def compare(request: Request) -> Reply:
    """Tell what makes the source the target (section 4)."""
    given = {node.name for node in request.input.children}
    names = [str(request.input.leaf(name)) for name in ("source", "target")]
    only_config = "all" not in given and names.count(OPERATIONAL) == 1
    source, target = (
        _Side(request, name, only_config=only_config, shows_origin="report-origin" in given)
        for name in ("source", "target")
    )
    if given.intersection(FILTERS) and not source.tree.children and not target.tree.children:
        return iter((f'<no-matches xmlns="{NAMESPACE}"/>',))
    return _differences("-".join(name.rpartition(":")[2] for name in names), source, target)


class _Side:
    """One of the two datastores: as elements, and as a tree."""

    def __init__(self, request: Request, parameter: str, *, only_config: bool, shows_origin: bool) -> None:
        host, name = request.host, str(request.input.leaf(parameter))
        is_operational = name == OPERATIONAL
        root = host.stores.running
        if name not in (OPERATIONAL, INTENDED):
            root = host.stores.root(request.conventional(name, input_path(request.input, parameter)))
        mode = DefaultsMode.REPORT_ALL if is_operational else DefaultsMode.EXPLICIT
        shown = host.with_defaults(root) if is_operational else root

        def read(roots: Roots, view: OriginView = PLAIN) -> Iterator[str]:
            plan = host.plan(request.caller, roots, mode, state=is_operational, origins=view)
            return plan.pieces(shown, host.subjects)

        roots = choose(host.registry, request.element, read, host.xpath_budget).roots
        if only_config:
            roots = of_config(roots, config=True)
        text = _bounded(read(roots, OriginView(shown=True) if is_operational and shows_origin else PLAIN))
        self._root = etree.fromstring(f"<data>{text}</data>", etree.XMLParser(huge_tree=True))
        self._below: dict[tuple[etree._Element, SchemaNode], Mapping[Key, list[etree._Element]]] = {}
        self.tree: Branch = parse_data(host.registry.schema, self._root)

    def value(self, path: InstancePath) -> str:
        """Return the elements of a node, those of all entries for a list, each with its origin where that is shown."""
        elements = [self._root]
        for step in path:
            elements = [found for element in elements for found in self._children(element, step)]
        return "".join(_standing_alone(element) for element in elements)

    def keys(self, path: InstancePath) -> list[Key]:
        """Return the keys of a list, or the values of a leaf-list, in order; the last step of `path` has none."""
        item: Item | None = self.tree
        for step in path:
            item = item.children.get(step.node) if isinstance(item, Branch) else None
            if step.keys and isinstance(item, Mapping):
                item = item.get(step.keys)
        if isinstance(item, tuple):
            return [(value,) for value in item]
        return list(item) if isinstance(item, Mapping) else []

    def _children(self, parent: etree._Element, step: PathStep) -> list[etree._Element]:
        node = step.node
        if (parent, node) not in self._below:
            found: dict[Key, list[etree._Element]] = {}
            for element in parent.iterchildren(node.tag):
                found.setdefault(_key(node, element), []).append(element)
            self._below[parent, node] = found
        children = self._below[parent, node]
        if step.keys:
            return children.get(step.keys, [])
        return [element for elements in children.values() for element in elements]


def _key(node: SchemaNode, element: etree._Element) -> Key:
    if node.kind is Kind.LEAF_LIST:
        return (parse_leaf(node, element),)
    keys = ((leaf, element.find(leaf.tag)) for leaf in node.keys)
    return tuple(parse_leaf(leaf, key) for leaf, key in keys if key is not None)


def _standing_alone(element: etree._Element) -> str:
    """Return an element as text, with the origin that it has from above."""
    if element.get(_ORIGIN) is None:
        above = (one.get(_ORIGIN) for one in element.iterancestors())
        if (origin := next((one for one in above if one is not None), None)) is not None:
            element.set(_ORIGIN, origin)
    return etree.tostring(element, encoding="unicode", with_tail=False)


def _bounded(pieces: Iterator[str]) -> str:
    gathered, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > MAXIMUM_CHARACTERS:
            raise errors.resource_denied("there is too much to compare: a filter makes it less")
        gathered.append(piece)
    return "".join(gathered)


def _differences(patch_id: str, source: _Side, target: _Side) -> Iterator[str]:
    yield f'<differences xmlns="{NAMESPACE}"><yang-patch><patch-id>{escape_text(patch_id)}</patch-id>'
    edits = dict.fromkeys(_edits(source, target))
    for number, edit in enumerate(edits, 1):
        yield f"<edit><edit-id>{number}</edit-id>{edit}</edit>"
    yield "</yang-patch></differences>"


def _edits(source: _Side, target: _Side) -> Iterator[str]:
    """Iterate over the content of the edits; one may come again, where several differences cannot be told apart."""
    placed: set[InstancePath] = set()
    for difference in topmost(source.tree, target.tree):
        path, is_whole = _addressable(difference.path)
        last = path[-1].node
        whole_list = (*path[:-1], PathStep(last))
        if is_whole:
            yield _record("replace", path, target.value(path), source.value(path))
        elif last.ordered_by_user and last.kind in _SEVERAL and _places(difference):
            if whole_list not in placed:
                placed.add(whole_list)
                yield from _placements(whole_list, source, target)
        elif difference.change is Change.CREATED:
            yield _record("create", path, target.value(path))
        elif difference.change is Change.DELETED:
            yield _record("delete", path, source=source.value(path))
        else:
            yield _record("replace", path, target.value(path), source.value(path))


def _addressable(path: InstancePath) -> tuple[InstancePath, bool]:
    """Return the path of a node, or that of the topmost list without keys above it, and whether it is that."""
    for depth, step in enumerate(path):
        if step.node.kind is Kind.LIST and not step.node.keys:
            return (*path[:depth], PathStep(step.node)), True
    return path, False


def _places(difference: Difference) -> bool:
    """Tell whether a difference of a list that the user orders is one of the order: a new entry, or a new place."""
    return difference.change is Change.CREATED or not difference.path[-1].keys


def _placements(path: InstancePath, source: _Side, target: _Side) -> Iterator[str]:
    """Iterate over the edits that put the entries of a list that the user orders in the order of the target."""
    node, above = path[-1].node, path[:-1]
    wanted = target.keys(path)
    present, there = [key for key in source.keys(path) if key in set(wanted)], set(source.keys(path))
    for index, key in enumerate(wanted):
        if index < len(present) and present[index] == key:
            continue
        entry = (*above, PathStep(node, key))
        point = (*above, PathStep(node, wanted[index - 1])) if index else None
        if key in there:
            present.remove(key)
            yield _record("move", entry, point=point, is_placed=True)
        else:
            yield _record("insert", entry, target.value(entry), point=point, is_placed=True)
        present.insert(index, key)


def _record(
    operation: str,
    path: InstancePath,
    value: str = "",
    source: str = "",
    point: InstancePath | None = None,
    *,
    is_placed: bool = False,
) -> str:
    """Return the content of an edit after its id; one that is placed stands behind `point`, or first without one."""
    parts = [f"<operation>{operation}</operation><target>{escape_text(resource(path))}</target>"]
    if point is not None:
        parts.append(f"<point>{escape_text(resource(point))}</point>")
    if is_placed:
        parts.append(f"<where>{'first' if point is None else 'after'}</where>")
    if value:
        parts.append(f"<value>{value}</value>")
    if source:
        parts.append(f"<source-value>{source}</source-value>")
    return "".join(parts)
