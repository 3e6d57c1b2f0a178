"""RFC 6241 section 7.2 over plain dictionaries: an independent reading of what an edit does, without schema and XML.

A leaf is a text, a container a dictionary, a list a dictionary of dictionaries by key, a leaf-list a dictionary of its
values. Whether something exists is asked of what there was before the edit; an edit is refused whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from xml.sax.saxutils import escape

from tests.support.edits import insert, op

Data: TypeAlias = "dict[str, str | Data]"


@dataclass(frozen=True)
class Node:
    """What the model knows of a schema node: its kind, its case, and the nodes below."""

    kind: str
    case: str | None = None
    ordered: bool = False
    below: Mapping[str, Node] = field(default_factory=dict)


LEAF, PRESENCE = Node("leaf"), "presence"
SHOP: Mapping[str, Node] = {
    "name": LEAF,
    "greeting": LEAF,
    "tag": Node("leaf-list"),
    "aisle": Node("leaf-list", ordered=True),
    "queue": Node("list", ordered=True, below={"since": LEAF}),
    "from": Node("leaf", "hours"),
    "until": Node("leaf", "hours"),
    "always": Node("leaf", "always"),
    "season": Node("list", "seasons"),
    "holiday": Node("leaf-list", "seasons"),
    "festival": Node(PRESENCE, "seasons"),
    "rules": Node("container", below={"limit": LEAF}),
    "open": Node(PRESENCE, below={"since": LEAF}),
}


@dataclass(frozen=True)
class Element:
    """An element of an edit: `key` is the key of an entry or the value of a leaf or leaf-list."""

    name: str
    key: str = ""
    operation: str | None = None
    below: tuple[Element, ...] = ()
    where: str | None = None
    anchor: str | None = None

    def render(self) -> str:
        """Return it as XML."""
        node = SHOP.get(self.name, LEAF)
        attributes = op(self.operation) if self.operation else ""
        if self.where is not None:
            by_key = None if self.anchor is None else f"[name='{self.anchor}']"
            placed = insert(self.where, by_key) if node.kind == "list" else insert(self.where, value=self.anchor)
            attributes += placed
        content = "".join(element.render() for element in self.below)
        if node.kind == "list":
            content = f"<name>{escape(self.key)}</name>{content}"
        elif node.kind in ("leaf", "leaf-list"):
            content = escape(self.key)
        return f"<{self.name}{attributes}>{content}</{self.name}>"


class Refused(Exception):
    """The edit cannot be done."""


def apply(nodes: Mapping[str, Node], before: Data, start: Data, elements: Sequence[Element], inherited: str) -> Data:
    """Return the children of a node after an edit of them; `start` is what is left of `before` when it begins."""
    after: Data = {name: dict(item) if isinstance(item, dict) else item for name, item in start.items()}
    check_whole(nodes, elements, inherited)
    for element in elements:
        apply_one(nodes, before, after, element, element.operation or inherited)
    return {name: item for name, item in after.items() if item != {} or nodes[name].kind == PRESENCE}


def check_whole(nodes: Mapping[str, Node], elements: Sequence[Element], inherited: str) -> None:
    """Refuse what is given twice, and data of two cases."""
    names = [(one.name, one.key if nodes[one.name].kind in ("list", "leaf-list") else "") for one in elements]
    given = [one for one in elements if (one.operation or inherited) not in ("delete", "remove")]
    cases = {nodes[one.name].case for one in given} - {None}
    if len(set(names)) < len(names) or len(cases) > 1:
        raise Refused


def apply_one(nodes: Mapping[str, Node], before: Data, after: Data, element: Element, operation: str) -> None:
    """Do what one element says."""
    node, name = nodes[element.name], element.name
    many = node.kind in ("list", "leaf-list")
    was, place = (before.get(name, {}), element.key) if many else (before, name)
    assert isinstance(was, dict)
    always = node.kind == "container" and operation == "none"
    if (operation == "create" and place in was) or (
        operation in ("delete", "none") and place not in was and not always
    ):
        raise Refused
    siblings = after.setdefault(name, {}) if many else after
    assert isinstance(siblings, dict)
    if operation in ("delete", "remove"):
        siblings.pop(place, None)
        return
    if node.kind in ("leaf", "leaf-list"):
        if operation != "none":
            end_other_cases(nodes, after, node)
            siblings[place] = element.key
    else:
        inner = was.get(place, {})
        assert isinstance(inner, dict)
        left = {} if operation in ("replace", "create") else inner
        made = apply(node.below, inner, left, element.below, operation)
        if node.kind == "container" and not made:
            siblings.pop(place, None)
            return
        end_other_cases(nodes, after, node)
        siblings[place] = made
    if node.ordered and element.where is not None and operation != "none":
        stand(siblings, place, element.where, element.anchor)


def end_other_cases(nodes: Mapping[str, Node], after: Data, chosen: Node) -> None:
    """Remove what belongs to another case."""
    for name in list(after):
        if chosen.case is not None and nodes[name].case not in (None, chosen.case):
            del after[name]


def stand(ordered: Data, key: str, where: str, anchor: str | None) -> None:
    """Put an entry where it is told to stand."""
    keys = [other for other in ordered if other != key]
    if where in ("before", "after") and anchor not in keys:
        raise Refused
    index = {"first": 0, "last": len(keys)}.get(where)
    if index is None:
        assert anchor is not None
        index = keys.index(anchor) + (where == "after")
    keys.insert(index, key)
    items = {one: ordered[one] for one in keys}
    ordered.clear()
    ordered.update(items)
