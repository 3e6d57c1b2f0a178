"""Actions: operations on one instance of a data node (RFC 7950 section 7.15).

Who may not see the instance is not told whether there is one; that comes before the input is looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lxml import etree

from agent.datastore import errors
from agent.datastore.defaults import DefaultsMode
from agent.datastore.errors import ErrorType, InstancePath, PathStep, RpcError, RpcErrors
from agent.datastore.output import render_output
from agent.datastore.parsing import Reading, parse_input, unsealed
from agent.datastore.registry import Caller, Pending
from agent.datastore.schema import Kind, Schema, SchemaNode
from agent.datastore.selection import Match, Selection
from agent.netconf.request import Host, Reply

ACTION: Final = "{urn:ietf:params:xml:ns:yang:1}action"
_WAY: Final = (Kind.CONTAINER, Kind.LIST, Kind.ACTION)


def invoke(host: Host, caller: Caller, element: etree._Element) -> tuple[Reply, SchemaNode]:
    """Carry out the action in an element 'action'; return its reply and its schema node. Raises RpcError, RpcErrors."""
    walk = _Walk(host.registry.schema)
    inner, action = walk.to_action(element)
    instance = walk.path
    host.require_action(caller, action, instance)
    if not _exists(host, caller, instance):
        raise RpcError(ErrorType.APPLICATION, "data-missing", "there is no such instance", path=instance)
    parameters = parse_input(host.registry.schema, action.input, inner, instance)
    binding = host.registry.actions.get(action)
    if binding is None:
        raise errors.operation_not_supported(f"this server does not carry out {action.name!r}")
    subject = host.subjects.get(instance[0].node.module.name)
    output = binding.handle(subject, caller, instance, parameters)
    return (output if isinstance(output, Pending) else render_output(action.output, output)), action


class _Walk(Reading):
    """The way from an element 'action' down to the action: one element for each node, with the keys of entries."""

    def __init__(self, schema: Schema) -> None:
        super().__init__(schema, ErrorType.PROTOCOL, unsealed)
        self.path: InstancePath = ()

    def to_action(self, root: etree._Element) -> tuple[etree._Element, SchemaNode]:
        """Return the element and the schema node of the action; RpcErrors for a way that leads nowhere."""
        element, nodes = root, self._schema.roots
        keys: tuple[str, ...] = ()
        while True:
            element, node = self._only_child(element, nodes, keys)
            if node.kind is Kind.ACTION:
                return element, node
            key = self.key(node, element, self.path) if node.kind is Kind.LIST else ()
            self._require()
            self.path = (*self.path, PathStep(node, key or ()))
            nodes, keys = {**node.children, **node.operations}, tuple(leaf.tag for leaf in node.keys)

    def _only_child(
        self, parent: etree._Element, nodes: Mapping[str, SchemaNode], keys: tuple[str, ...]
    ) -> tuple[etree._Element, SchemaNode]:
        """Return the one element below another that goes on, and its node."""
        self.check_text(parent, self.path)
        children = [child for child in parent.iterchildren(etree.Element) if child.tag not in keys]
        for child in children:
            node = nodes.get(child.tag)
            if node is None or node.kind not in _WAY:
                self.errors.append(self.unknown(child, None, self.path))
        self._require()
        if not children:
            name = etree.QName(parent).localname
            raise errors.missing_element("action", f"{name!r} leads to no action", self.path)
        if len(children) > 1:
            name = etree.QName(children[1]).localname
            raise errors.bad_element(name, "one action is invoked at a time", self.path)
        return children[0], nodes[children[0].tag]

    def _require(self) -> None:
        if self.errors:
            raise RpcErrors(self.errors)


def _exists(host: Host, caller: Caller, instance: InstancePath) -> bool:
    """Tell whether there is an instance in the operational state; a container without presence always is."""
    telling = [depth for depth, step in enumerate(instance, 1) if step.node.presence or step.node.kind is Kind.LIST]
    if not telling:
        return True
    selection = Selection(bare=True, matches=_matches(instance[telling[-1] - 1]))
    for below, above in zip(reversed(instance[1 : telling[-1]]), reversed(instance[: telling[-1] - 1]), strict=True):
        selection = Selection(matches=_matches(above), children={below.node: (selection,)})
    running = host.stores.running
    plan = host.plan(caller, {instance[0].node: (selection,)}, DefaultsMode.EXPLICIT, state=True)
    return next(plan.pieces(running, host.subjects), None) is not None


def _matches(step: PathStep) -> tuple[Match, ...]:
    return tuple(Match(leaf, value, shown=False) for leaf, value in zip(step.node.keys, step.keys, strict=True))
