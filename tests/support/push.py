"""Subscribers to datastores: how they ask, and a mirror that does with a datastore what it is told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

from lxml import etree

from agent.datastore.registry import Registry
from agent.datastore.schema import Kind, Schema, SchemaNode
from tests.support.netconf_wire import NAMESPACES, Wire

SN: Final = "urn:ietf:params:xml:ns:yang:ietf-subscribed-notifications"
YP: Final = "urn:ietf:params:xml:ns:yang:ietf-yang-push"
DS: Final = "urn:ietf:params:xml:ns:yang:ietf-datastores"
NMDA: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
PUSH: Final = {**NAMESPACES, "sn": SN, "yp": YP, "nmda": NMDA}
LEAVES: Final = (Kind.LEAF, Kind.LEAF_LIST, Kind.ANYDATA)
ON_CHANGE: Final = "<yp:on-change/>"


def establish(content: str) -> str:
    """Return an establish-subscription; the prefixes yp and ds are bound."""
    return f'<establish-subscription xmlns="{SN}" xmlns:yp="{YP}" xmlns:ds="{DS}">{content}</establish-subscription>'


def modify(id_: int, content: str) -> str:
    """Return a modify-subscription; the prefixes yp and ds are bound."""
    return (
        f'<modify-subscription xmlns="{SN}" xmlns:yp="{YP}" xmlns:ds="{DS}"><id>{id_}</id>{content}'
        "</modify-subscription>"
    )


def named(operation: str, id_: int) -> str:
    """Return delete-, kill- or resync-subscription."""
    name, namespace = f"{operation}-subscription", YP if operation == "resync" else SN
    return f'<{name} xmlns="{namespace}"><id>{id_}</id></{name}>'


def datastore(name: str, subtree: str | None = None, trigger: str = ON_CHANGE, xpath: str | None = None) -> str:
    """Return the terms of a subscription to a datastore."""
    chosen = "" if subtree is None else f"<yp:datastore-subtree-filter>{subtree}</yp:datastore-subtree-filter>"
    chosen += "" if xpath is None else f"<yp:datastore-xpath-filter>{xpath}</yp:datastore-xpath-filter>"
    return f"<yp:datastore>ds:{name}</yp:datastore>{chosen}{trigger}"


def on_change(content: str) -> str:
    """Return an on-change trigger."""
    return f"<yp:on-change>{content}</yp:on-change>"


def periodic(period: int, anchor: str | None = None) -> str:
    """Return a periodic trigger."""
    given = "" if anchor is None else f"<yp:anchor-time>{anchor}</yp:anchor-time>"
    return f"<yp:periodic><yp:period>{period}</yp:period>{given}</yp:periodic>"


def established(wire: Wire, content: str) -> int:
    """Establish a subscription that is granted, and return its id."""
    reply = wire.rpc(establish(content))
    id_ = reply.findtext("sn:id", None, PUSH)
    assert id_ is not None, etree.tostring(reply)
    return int(id_)


def messages(wire: Wire) -> Iterator[etree._Element]:
    """Iterate over the notifications that are there, as the elements after their eventTime."""
    while (message := wire.receive()) is not None:
        assert message.tag == "{urn:ietf:params:xml:ns:netconf:notification:1.0}notification"
        yield message[1]


def names(wire: Wire) -> list[str]:
    """Return the names of the notifications that are there."""
    return [etree.QName(content).localname for content in messages(wire)]


def edits(update: etree._Element) -> list[tuple[str, str]]:
    """Return the operations of a push-change-update with their targets."""
    assert update.tag == f"{{{YP}}}push-change-update"
    return [
        (edit.findtext("yp:operation", "", PUSH), edit.findtext("yp:target", "", PUSH))
        for edit in update.iterfind("yp:datastore-changes/yp:yang-patch/yp:edit", PUSH)
    ]


def told_edits(wire: Wire) -> list[tuple[str, str]]:
    """Return the edits of all updates that are there, which are all there is."""
    return [edit for content in messages(wire) for edit in edits(content)]


class Mirror:
    """A datastore as its subscriber knows it. What it cannot do as it is told is a fault of the publisher."""

    def __init__(self, schema: Schema) -> None:
        """Know nothing."""
        self.data = etree.Element("data")
        self.patches: list[int] = []
        self._schema = schema

    def follow(self, wire: Wire) -> int:
        """Do what the notifications say that are there, and return how many they were."""
        number = 0
        for content in messages(wire):
            number += 1
            self.take(content)
        return number

    def take(self, content: etree._Element) -> None:
        """Do what one notification says."""
        if content.tag == f"{{{YP}}}push-update":
            whole = content.find("yp:datastore-contents", PUSH)
            assert whole is not None
            self.data = etree.Element("data")
            self.data.extend(list(whole))
            self.patches.clear()
        elif content.tag == f"{{{YP}}}push-change-update":
            patch = content.find("yp:datastore-changes/yp:yang-patch", PUSH)
            assert patch is not None
            self.patches.append(int(patch.findtext("yp:patch-id", "", PUSH)))
            ids = [edit.findtext("yp:edit-id", "", PUSH) for edit in patch.iterfind("yp:edit", PUSH)]
            assert len(set(ids)) == len(ids) > 0
            for edit in patch.iterfind("yp:edit", PUSH):
                self._edit(edit)

    def _edit(self, edit: etree._Element) -> None:
        operation, target = (edit.findtext(f"yp:{name}", "", PUSH) for name in ("operation", "target"))
        parent, node, keys = self._find_parent(target)
        present = self._instance(parent, node, keys)
        value = edit.find("yp:value", PUSH)
        assert (present is None) == (operation in ("create", "insert")), f"{operation} {target}"
        if present is not None and operation != "move":
            parent.remove(present)
        if value is not None:
            (given,) = value
            assert given.tag == node.tag
            assert self._keys_of(given, node) == keys
            self._place(parent, node, given, edit, operation)
        elif operation == "move":
            assert present is not None
            parent.remove(present)
            self._place(parent, node, present, edit, operation)

    def _place(
        self, parent: etree._Element, node: SchemaNode, element: etree._Element, edit: etree._Element, operation: str
    ) -> None:
        """Put an element among its siblings: where the user wants it, or last."""
        if operation not in ("insert", "move"):
            parent.append(element)
            return
        siblings = parent.findall(node.tag)
        if edit.findtext("yp:where", "", PUSH) == "first":
            index = parent.index(siblings[0]) if siblings else len(parent)
            parent.insert(index, element)
            return
        _, _, keys = self._find_parent(edit.findtext("yp:point", "", PUSH))
        before = self._instance(parent, node, keys)
        assert before is not None
        before.addnext(element)

    def _find_parent(self, target: str) -> tuple[etree._Element, SchemaNode, tuple[str, ...]]:
        """Return the parent of a target, with containers that mean nothing by themselves made, and the target in it."""
        steps = list(self._steps(target))
        parent = self.data
        for node, keys in steps[:-1]:
            found = self._instance(parent, node, keys)
            if found is None:
                assert node.kind is Kind.CONTAINER
                assert not node.presence, target
                found = etree.SubElement(parent, node.tag)
            parent = found
        return (parent, *steps[-1])

    def _steps(self, target: str) -> Iterator[tuple[SchemaNode, tuple[str, ...]]]:
        path = ""
        for step in target.removeprefix("/").split("/"):
            name, _, given = step.partition("=")
            path = f"{path}/{name}"
            yield self._schema.node(path), tuple(map(unquote, given.split(","))) if "=" in step else ()

    def _instance(self, parent: etree._Element, node: SchemaNode, keys: tuple[str, ...]) -> etree._Element | None:
        found = [each for each in parent.iterfind(node.tag) if self._keys_of(each, node) == keys]
        assert len(found) <= 1
        return found[0] if found else None

    def _keys_of(self, element: etree._Element, node: SchemaNode) -> tuple[str, ...]:
        if node.kind is Kind.LEAF_LIST:
            return (value_of(element, node),)
        keys = [(leaf, element.find(leaf.tag)) for leaf in node.keys]
        return tuple(value_of(key, leaf) for leaf, key in keys if key is not None)


def value_of(element: etree._Element, node: SchemaNode) -> str:
    """Return the canonical value of a leaf's element."""
    if node.type is None:
        return "".join(etree.tostring(child, method="c14n", with_tail=False).decode() for child in element)
    return node.type.parse(element.text or "", element.nsmap)


Fact = tuple[str, str]
"""The path of an instance, keys in brackets, and its value; of an entry, a place where the user orders them."""


def facts(data: etree._Element, registry: Registry, *, notifiable: bool = False) -> dict[str, str]:
    """Return all that elements say, each leaf by its path; of what is `notifiable` only what changes with events.

    Entries stand by their keys, so that their order counts only where it is the user's.
    """
    found: dict[str, str] = {}
    for element in data.iterchildren(etree.Element):
        _add(found, element, registry.schema.roots[element.tag], "", registry, notifiable)
    return found


def _add(
    found: dict[str, str],
    element: etree._Element,
    node: SchemaNode,
    path: str,
    registry: Registry,
    notifiable: bool,
) -> None:
    if node.kind in LEAVES:
        if not notifiable or registry.is_notifiable(node):
            here = f"{path}/{node.name}"
            if node.kind is Kind.LEAF_LIST:
                here += f"[{_rank(element, node)}{value_of(element, node)}]"
            found[here] = value_of(element, node)
        return
    keys = ",".join(value_of(key, leaf) for leaf in node.keys if (key := element.find(leaf.tag)) is not None)
    here = f"{path}/{node.name}" + (f"[{_rank(element, node)}{keys}]" if node.keys else "")
    if node.presence:
        found[here] = ""
    for child in element.iterchildren(etree.Element):
        _add(found, child, node.children[child.tag], here, registry, notifiable)


def _rank(element: etree._Element, node: SchemaNode) -> str:
    """Return the place of an entry among its siblings, where the user orders them."""
    return f"{len(list(element.itersiblings(node.tag, preceding=True)))}:" if node.ordered_by_user else ""


def get_data(wire: Wire, name: str, subtree: str) -> etree._Element:
    """Return what get-data gives of a datastore."""
    reply = wire.rpc(
        f'<get-data xmlns="{NMDA}" xmlns:ds="{DS}"><datastore>ds:{name}</datastore>'
        f"<subtree-filter>{subtree}</subtree-filter></get-data>"
    )
    data = reply.find("nmda:data", PUSH)
    assert data is not None, etree.tostring(reply)
    return data
