"""The operations that a scenario has carried out: as a user of the device, without a session and without a wire.

Everything else is as for a client: the same schema, the same access rules, the same errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from lxml import etree

from agent.app.document import DocumentError, Tree
from agent.app.scenario.plan import Action
from agent.datastore.errors import RpcError, RpcErrors, operation_failed
from agent.datastore.parsing import parse_input
from agent.datastore.registry import Caller, Pending
from agent.datastore.schema import Kind, Schema, SchemaNode
from agent.netconf.messages import BASE_NAMESPACE, MalformedMessage, parse_document
from agent.netconf.operations import execute
from agent.netconf.server import Client, Server
from agent.netconf.subscribed.delivery import Receiver
from agent.netconf.subscriptions import Subscription

SOURCE: Final = "scenario"
HAND: Final = "hand of the test"
"""Who does what a test does to its device: nobody that logs in, and whom no access rule holds."""
OF_TIME: Final = frozenset({"advance-time", "advance-to-next-timer", "load-scenario"})
"""What cannot be done within the time that it moves."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an operation: the body of its reply as text, and the errors, if it was refused."""

    body: str
    refused: tuple[RpcError, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """What the outcome may be called: 'ok', or the tags and app-tags of its errors."""
        tags = (tag for error in self.refused for tag in (error.tag, error.app_tag) if tag is not None)
        return tuple(dict.fromkeys(tags)) or ("ok",)


class _Insider:
    """Somebody who asks from within; satisfies netconf.request.Requester."""

    maximum_subscriptions = 0
    maximum_partial_locks = 0

    def __init__(self, caller: Caller) -> None:
        self.caller = caller

    def finish_after_reply(self) -> None:
        """Do nothing: there is no session."""

    @property
    def is_subscribed(self) -> bool:
        """False: there is nobody to tell."""
        return False

    @property
    def receiver(self) -> Receiver:
        """Refuse: there is nobody to tell."""
        raise operation_failed("a scenario subscribes to nothing")

    def subscribe(self, subscription: Subscription) -> None:
        """Refuse: there is nobody to tell."""
        raise operation_failed("a scenario subscribes to nothing")


def perform(server: Server, user: str, operation: etree._Element) -> Outcome:
    """Carry out an operation at once, and return what came of it."""
    caller = server.caller(Client(user, SOURCE, SOURCE))
    try:
        reply, _ = execute(server, _Insider(caller), operation)
        return _of_pending(reply) if isinstance(reply, Pending) else Outcome("".join(reply))
    except (RpcError, RpcErrors) as error:
        return Outcome("", tuple(error.errors))


def act(server: Server, operation: etree._Element) -> Outcome:
    """Carry out what a test does to its device, and tell whoever follows that."""
    outcome = perform(server, HAND, operation)
    server.acted(HAND, etree.tostring(operation), outcome.refused)
    return outcome


def _of_pending(pending: Pending) -> Outcome:
    """Return how an operation has begun that is answered later: refused, or not."""
    outcome = pending.outcome
    return Outcome("", tuple(outcome.errors) if isinstance(outcome, (RpcError, RpcErrors)) else ())


def operation_of(action: Action, schema: Schema) -> etree._Element:
    """Return the operation of an action; DocumentError at its place for one that the schema does not have."""
    try:
        element = _given(action) if action.xml is not None else _made(action, schema)
    except (MalformedMessage, ValueError) as error:
        raise action.place.error(str(error)) from error
    rpc = schema.rpcs.get(element.tag)
    if rpc is None:
        raise action.place.error(f"there is no RPC {etree.QName(element).localname!r}")
    if rpc.name in OF_TIME:
        raise action.place.error(f"{rpc.name!r} cannot be done within the time that it moves")
    try:
        parse_input(schema, rpc.input, element)
    except (RpcError, RpcErrors) as error:
        raise _refused(action, error.errors) from error
    return element


def _refused(action: Action, reasons: tuple[RpcError, ...]) -> DocumentError:
    return action.place.error("; ".join(reason.message for reason in reasons))


def _given(action: Action) -> etree._Element:
    """Return an operation that is given as XML; that of NETCONF itself needs no namespace."""
    root = parse_document((action.xml or "").encode())
    if etree.QName(root).namespace is None:
        for element in [each for each in root.iter(etree.Element) if etree.QName(each).namespace is None]:
            element.tag = f"{{{BASE_NAMESPACE}}}{element.tag}"
    return root


def _made(action: Action, schema: Schema) -> etree._Element:
    """Make the element of an RPC, called 'name' or 'module:name'."""
    module, _, name = action.name.rpartition(":")
    named = [rpc for rpc in schema.rpcs.values() if rpc.name == name and module in ("", rpc.module.name)]
    if len(named) != 1:
        which = "there is no RPC" if not named else "more than one module has the RPC"
        raise ValueError(f"{which} {action.name!r}")
    (rpc,) = named
    root = etree.Element(rpc.tag)
    root.extend(_elements(action.input, rpc.input))
    return root


def _elements(values: Mapping[str, Tree], parent: SchemaNode) -> Iterator[etree._Element]:
    for name, value in values.items():
        node = next((each for each in parent.children.values() if each.name == name), None)
        if node is None:
            raise ValueError(f"{parent.path} has no {name!r}")
        for each in value if isinstance(value, list) else [value]:
            yield _element(node, each)


def _element(node: SchemaNode, value: Tree) -> etree._Element:
    element = etree.Element(node.tag)
    if isinstance(value, dict):
        element.extend(_elements(value, node))
    elif isinstance(value, str) and node.kind in (Kind.LEAF, Kind.LEAF_LIST):
        element.text = value
    else:
        raise ValueError(f"{node.path} is not given so")
    return element
