"""One request: the operation of an rpc with all that is needed to carry it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lxml import etree

from agent.datastore import errors
from agent.datastore.defaults import DefaultsMode
from agent.datastore.errors import InstancePath, RpcError
from agent.datastore.parsing import Seal
from agent.datastore.registry import Caller, Pending, Registry
from agent.datastore.rendering import Plan, Roots
from agent.datastore.schema import SchemaNode
from agent.datastore.stores import Datastore, Stores
from agent.datastore.transaction import Transactions
from agent.datastore.tree import Branch
from agent.netconf.messages import BASE_NAMESPACE
from agent.netconf.subscriptions import Subscription

Reply = Iterator[str] | Pending
"""The body of a reply as a lazy stream, or an answer that comes later."""


class Host(Protocol):
    """What operations need of the server."""

    @property
    def registry(self) -> Registry:
        """The compiled bindings."""

    @property
    def stores(self) -> Stores:
        """The datastores."""

    @property
    def transactions(self) -> Transactions:
        """The way of every change to the running datastore."""

    @property
    def seal(self) -> Seal:
        """What makes plain secrets into those that are kept."""

    @property
    def subjects(self) -> Mapping[str, object]:
        """What bindings take, by module name."""

    def require_execute(self, caller: Caller, rpc: SchemaNode) -> None:
        """Raise access-denied where the caller may not execute it."""

    def authorize(self, caller: Caller, old: Branch, new: Branch, repeated: Sequence[InstancePath] = ()) -> None:
        """Raise access-denied where the caller may not make a difference that there is between two trees.

        Nor may it learn of a value that it cannot read that this is what it sets it to: those are `repeated`.
        """

    def concealed(self, caller: Caller, refused: Sequence[RpcError]) -> Sequence[RpcError]:
        """Return the errors of an edit as the caller may know them."""

    def readable(self, caller: Caller, root: Branch) -> Branch:
        """Return what the caller may read of a configuration."""

    def plan(self, caller: Caller, roots: Roots, mode: DefaultsMode, *, state: bool) -> Plan:
        """Return the rendering of a selection for a reader."""

    def with_defaults(self, root: Branch) -> Branch:
        """Return a configuration with the defaults in use filled in; RpcErrors for one that is not valid."""

    def kill(self, session_id: int, by: int) -> bool:
        """End another session; False when there is none with this id."""


class Requester(Protocol):
    """What operations need of the session they came in on."""

    @property
    def caller(self) -> Caller:
        """On whose behalf."""

    def finish_after_reply(self) -> None:
        """End the session once the reply has been sent."""

    def subscribe(self, subscription: Subscription) -> None:
        """Send notifications from now on; RpcError when the session has a subscription."""


@dataclass(frozen=True, slots=True)
class Request:
    """One operation of one session."""

    host: Host
    session: Requester
    rpc: SchemaNode
    input: Branch
    element: etree._Element

    @property
    def caller(self) -> Caller:
        """On whose behalf."""
        return self.session.caller

    def parameter(self, name: str) -> etree._Element | None:
        """Return a parameter's element, in the namespace of the operation."""
        return self.element.find(f"{{{etree.QName(self.element).namespace}}}{name}")

    def datastore(self, parameter: str) -> Datastore | None:
        """Return the datastore that source or target names, None for something else; RpcError for nothing at all."""
        container = self.input.container(parameter)
        names = [node.name for node in container.children] if container is not None else []
        if len(names) != 1:
            raise errors.missing_element(parameter, f"{parameter!r} names one datastore")
        return next((datastore for datastore in self.host.stores.names if datastore.value == names[0]), None)

    def named_datastore(self, parameter: str) -> Datastore:
        """Return the datastore that source or target names; RpcError where it names none that this server has."""
        datastore = self.datastore(parameter)
        if datastore is None:
            raise errors.operation_not_supported(f"{self.rpc.name} takes no other {parameter} than a datastore")
        return datastore

    @property
    def defaults_mode(self) -> DefaultsMode:
        """How defaults are to be shown (RFC 6243 section 4.5)."""
        for node, item in self.input.children.items():
            if node.name == "with-defaults" and isinstance(item, str):
                return DefaultsMode(item)
        return DefaultsMode.EXPLICIT


Operation = Callable[[Request], Reply]
BASE = BASE_NAMESPACE
