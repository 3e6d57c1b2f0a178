"""One request: the operation of an rpc with all that is needed to carry it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from lxml import etree

from agent.datastore import errors
from agent.datastore.changes import Changes
from agent.datastore.defaults import DefaultsMode
from agent.datastore.errors import ErrorType, InstancePath, PathStep, RpcError, input_path
from agent.datastore.kept_texts import KeptTexts
from agent.datastore.origins import PLAIN, OriginView
from agent.datastore.parsing import Seal
from agent.datastore.registry import Authorisation, Caller, Pending
from agent.datastore.rendering import Plan, Roots
from agent.datastore.schema import SchemaNode
from agent.datastore.stores import Datastore
from agent.datastore.transaction import Transactions
from agent.datastore.tree import Branch
from agent.netconf.filters import Filters
from agent.netconf.messages import BASE_NAMESPACE
from agent.netconf.subscribed.delivery import Receiver
from agent.netconf.subscribed.publisher import Publisher, Publishing
from agent.netconf.subscriptions import Subscription
from agent.netconf.url import Folder, NamedFile, named_file

NMDA: Final = "urn:ietf:params:xml:ns:yang:ietf-netconf-nmda"
Reply = Iterator[str] | Pending
"""The body of a reply as a lazy stream, or an answer that comes later."""


class Host(Publishing, Protocol):
    """What operations need of the server, beside what subscriptions do."""

    @property
    def transactions(self) -> Transactions:
        """The way of every change to the running datastore."""

    @property
    def changes(self) -> Changes:
        """The way of every change that a client makes of a datastore."""

    @property
    def seal(self) -> Seal:
        """What makes plain secrets into those that are kept."""

    @property
    def folder(self) -> Folder:
        """The files that URLs name."""

    @property
    def filters(self) -> Filters:
        """The filters of operations that read."""

    @property
    def texts(self) -> KeptTexts:
        """The texts of the running configuration that were read."""

    @property
    def publisher(self) -> Publisher:
        """The dynamic subscriptions."""

    def require_execute(self, caller: Caller, rpc: SchemaNode) -> None:
        """Raise access-denied where the caller may not execute it."""

    def require_action(self, caller: Caller, action: SchemaNode, instance: InstancePath) -> None:
        """Raise access-denied where the caller may not invoke an action on an instance."""

    def require_permitted(self, caller: Caller, authorisation: Authorisation) -> None:
        """Raise access-denied where the caller may not do what has no schema itself."""

    def authorize(self, caller: Caller, old: Branch, new: Branch, repeated: Sequence[InstancePath] = ()) -> None:
        """Raise access-denied where the caller may not make a difference that there is between two trees.

        Nor may it learn of a value that it cannot read that this is what it sets it to: those are `repeated`.
        """

    def concealed(self, caller: Caller, refused: Sequence[RpcError]) -> Sequence[RpcError]:
        """Return the errors of an edit as the caller may know them."""

    def readable(self, caller: Caller, root: Branch) -> Branch:
        """Return what the caller may read of a configuration."""

    def plan(
        self, caller: Caller, roots: Roots, mode: DefaultsMode, *, state: bool, origins: OriginView = PLAIN
    ) -> Plan:
        """Return the rendering of a selection for a reader."""

    def kill(self, session_id: int, by: int) -> bool:
        """End another session; False when there is none with this id."""

    def exceeded(self, limit: str) -> None:
        """Count something that was over a limit, which is named as the settings name it."""


class Requester(Protocol):
    """What operations need of the session they came in on."""

    @property
    def caller(self) -> Caller:
        """On whose behalf."""

    @property
    def receiver(self) -> Receiver:
        """Its dynamic subscriptions."""

    @property
    def is_subscribed(self) -> bool:
        """Whether it has a subscription of create-subscription."""

    @property
    def maximum_subscriptions(self) -> int:
        """How many dynamic subscriptions it may have."""

    @property
    def maximum_partial_locks(self) -> int:
        """How many partial locks it may have."""

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
    selected: Roots | None = None
    """What its filter selects, where that is known from a request before."""

    @property
    def caller(self) -> Caller:
        """On whose behalf."""
        return self.session.caller

    def given(self, name: str) -> str | None:
        """Return the value of a leaf of the input that the client has given; None for its default, too."""
        for node, item in self.input.children.items():
            if node.name == name and isinstance(item, str):
                return item
        return None

    def parameter(self, name: str) -> etree._Element | None:
        """Return a parameter's element, in the namespace of the operation."""
        return self.element.find(f"{{{etree.QName(self.element).namespace}}}{name}")

    def datastore(self, parameter: str) -> Datastore | None:
        """Return the datastore that source or target names, None for something else; RpcError for nothing at all."""
        container = self.input.container(parameter)
        named = list(container.children.items()) if container is not None else []
        if len(named) != 1:
            raise errors.missing_element(parameter, f"{parameter!r} names one datastore")
        (node, value) = named[0]
        if node.module.namespace == NMDA:
            return self.conventional(str(value), (*input_path(self.input, parameter), PathStep(node)))
        return self._stored(node.name)

    def conventional(self, identity: str, path: InstancePath) -> Datastore:
        """Return the datastore of an identity, as RFC 8526 names them; invalid-value for none that can be written."""
        datastore = self._stored(identity.removeprefix("ietf-datastores:"))
        if datastore is None:
            message = f"{self.rpc.name} is not for the datastore {identity!r}"
            raise errors.invalid_value(message, path=path, kind=ErrorType.PROTOCOL)
        return datastore

    def _stored(self, name: str) -> Datastore | None:
        try:
            return Datastore(name)
        except ValueError:
            return None

    def file(self, parameter: str | None = None) -> NamedFile | None:
        """Return the file that a URL names: that of source or target, or of the operation itself; None for no URL."""
        operation = (PathStep(self.rpc),)
        if parameter is None:
            return named_file(self.host.folder, self.input, operation)
        container = self.input.container(parameter)
        path = (*operation, PathStep(self.input.node(parameter)))
        return None if container is None else named_file(self.host.folder, container, path)

    def named_datastore(self, parameter: str) -> Datastore:
        """Return the datastore that source or target names; RpcError where it names none that this server has."""
        datastore = self.datastore(parameter)
        if datastore is None:
            raise errors.operation_not_supported(f"{self.rpc.name} takes no other {parameter} than a datastore")
        return datastore

    @property
    def defaults_mode(self) -> DefaultsMode:
        """How defaults are to be shown (RFC 6243 section 4.5)."""
        given = self.given("with-defaults")
        return DefaultsMode.EXPLICIT if given is None else DefaultsMode(given)


Operation = Callable[[Request], Reply]
BASE = BASE_NAMESPACE
