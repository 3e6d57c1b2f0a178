"""The protocol operations: element to function (RFC 6241 section 7), and RPCs through their bindings.

An operation returns the body of its reply as a lazy stream, or a Pending. Access control decides before the input is
looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol

from lxml import etree

from agent.datastore import errors
from agent.datastore.errors import ErrorType, input_path
from agent.datastore.nacm import AccessControl
from agent.datastore.output import OK, render_output
from agent.datastore.parsing import parse_input
from agent.datastore.registry import Caller, Pending, Registry
from agent.datastore.rendering import Plan, Roots
from agent.datastore.schema import SchemaNode
from agent.datastore.stores import Datastore, Stores
from agent.datastore.tree import Branch
from agent.netconf.filters import parse_filter
from agent.netconf.messages import BASE_NAMESPACE


class Host(Protocol):
    """What operations need of the server."""

    @property
    def registry(self) -> Registry:
        """The compiled bindings."""

    @property
    def stores(self) -> Stores:
        """The datastores."""

    @property
    def access(self) -> AccessControl:
        """The access rules of the running configuration."""

    @property
    def subjects(self) -> Mapping[str, object]:
        """What bindings take, by module name."""

    def require_execute(self, caller: Caller, rpc: SchemaNode) -> None:
        """Raise access-denied where the caller may not execute it."""

    def plan(self, caller: Caller, roots: Roots, *, state: bool) -> Plan:
        """Return the rendering of a selection for a reader."""

    def kill(self, session_id: int, by: int) -> bool:
        """End another session; False when there is none with this id."""


class Requester(Protocol):
    """What operations need of the session they came in on."""

    @property
    def caller(self) -> Caller:
        """On whose behalf."""

    def finish_after_reply(self) -> None:
        """End the session once the reply has been sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """One operation of one session."""

    host: Host
    session: Requester
    rpc: SchemaNode
    input: Branch
    element: etree._Element


Reply = Iterator[str] | Pending
Operation = Callable[[Request], Reply]


def execute(host: Host, session: Requester, element: etree._Element) -> tuple[Reply, SchemaNode]:
    """Carry out the operation of an rpc; return its reply and its schema node. Raises RpcError, RpcErrors."""
    rpc = _operation(host, element)
    host.require_execute(session.caller, rpc)
    schema = host.registry.schema
    request = Request(host, session, rpc, parse_input(schema, rpc.input, element), element)
    if (operation := OPERATIONS.get(element.tag)) is not None:
        return operation(request), rpc
    binding = host.registry.rpcs.get(rpc)
    if binding is None:
        raise errors.operation_not_supported(f"this server does not carry out {rpc.name!r}")
    output = binding.handle(host.subjects.get(rpc.module.name), session.caller, request.input)
    return (output if isinstance(output, Pending) else render_output(rpc.output, output)), rpc


def _operation(host: Host, element: etree._Element) -> SchemaNode:
    schema = host.registry.schema
    if (rpc := schema.rpcs.get(element.tag)) is not None:
        return rpc
    name = etree.QName(element)
    namespace = name.namespace or ""
    if namespace and namespace not in schema.by_namespace:
        raise errors.unknown_namespace(name.localname, namespace)
    raise errors.unknown_element(name.localname, f"there is no operation {name.localname!r}")


def get(request: Request) -> Reply:
    """Return configuration and state (RFC 6241 section 7.7)."""
    return _read(request, request.host.stores.running, state=True)


def get_config(request: Request) -> Reply:
    """Return the configuration of one datastore (RFC 6241 section 7.1)."""
    return _read(request, request.host.stores.root(_datastore(request, "source")), state=False)


def _read(request: Request, root: Branch, *, state: bool) -> Iterator[str]:
    host = request.host
    plan = host.plan(request.session.caller, parse_filter(host.registry, request.element), state=state)
    return _data(plan.pieces(root, host.subjects if state else {}))


def _data(pieces: Iterator[str]) -> Iterator[str]:
    first = next(pieces, None)
    if first is None:
        yield "<data/>"
        return
    yield "<data>" + first
    yield from pieces
    yield "</data>"


def lock(request: Request) -> Reply:
    """Lock a datastore for this session (RFC 6241 section 7.5)."""
    request.host.stores.lock(_datastore(request, "target"), request.session.caller.session_id)
    return iter((OK,))


def unlock(request: Request) -> Reply:
    """Release this session's lock (RFC 6241 section 7.6)."""
    request.host.stores.unlock(_datastore(request, "target"), request.session.caller.session_id)
    return iter((OK,))


def close_session(request: Request) -> Reply:
    """End this session after its reply (RFC 6241 section 7.8)."""
    request.session.finish_after_reply()
    return iter((OK,))


def kill_session(request: Request) -> Reply:
    """End another session at once (RFC 6241 section 7.9)."""
    wanted, own = int(str(request.input.leaf("session-id"))), request.session.caller.session_id
    path = input_path(request.input, "session-id")
    if wanted == own:
        raise errors.invalid_value("a session cannot kill itself", path=path, kind=ErrorType.PROTOCOL)
    if not request.host.kill(wanted, own):
        raise errors.invalid_value(f"there is no session {wanted}", path=path, kind=ErrorType.PROTOCOL)
    return iter((OK,))


def _datastore(request: Request, parameter: str) -> Datastore:
    """Return the datastore that source or target names."""
    container = request.input.container(parameter)
    names = [node.name for node in container.children] if container is not None else []
    if not names:
        raise errors.missing_element(parameter, f"{parameter!r} names no datastore")
    if len(names) > 1:
        raise errors.bad_element(parameter, f"{parameter!r} names several datastores")
    for datastore in request.host.stores.names:
        if datastore.value == names[0]:
            return datastore
    raise errors.operation_not_supported(f"this server has no datastore {names[0]!r} for {request.rpc.name}")


OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        f"{{{BASE_NAMESPACE}}}{name}": operation
        for name, operation in (
            ("get", get),
            ("get-config", get_config),
            ("lock", lock),
            ("unlock", unlock),
            ("close-session", close_session),
            ("kill-session", kill_session),
        )
    }
)
