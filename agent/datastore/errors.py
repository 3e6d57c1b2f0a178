"""What the server refuses, as values: RFC 6241 section 4.3 and appendix A.

An `RpcError` knows nothing of XML; netconf/errors.py renders it. Its path is structured, so that the renderer binds
prefixes and quotes keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from agent.datastore.schema import SchemaNode
from agent.datastore.tree import Branch


class ErrorType(Enum):
    """The layer at which an error happened (RFC 6241 section 4.3)."""

    TRANSPORT = "transport"
    RPC = "rpc"
    PROTOCOL = "protocol"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True)
class PathStep:
    """One node of an instance path with the keys that choose the list entry, if any."""

    node: SchemaNode
    keys: tuple[str, ...] = ()


InstancePath = tuple[PathStep, ...]


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """One element of error-info: a text, the path of a node, or other elements, its `children`.

    `namespace` is None for elements of RFC 6241 itself, and for those in the namespace of the element around them.
    """

    name: str
    value: str | InstancePath = ""
    namespace: str | None = None
    children: tuple[ErrorInfo, ...] = ()


def input_path(parameters: Branch, name: str) -> InstancePath:
    """Return the path of an RPC's input leaf: the operation and the leaf (RFC 6241 section 4.3)."""
    node = parameters.node(name)
    above = node.parent.parent if node.parent is not None else None
    return (*((PathStep(above),) if above is not None else ()), PathStep(node))


class RpcError(Exception):
    """One rpc-error: type, tag, app-tag, path, message and info, severity always 'error'."""

    def __init__(
        self,
        error_type: ErrorType,
        tag: str,
        message: str,
        *,
        app_tag: str | None = None,
        path: InstancePath = (),
        info: Sequence[ErrorInfo] = (),
        place: str | None = None,
    ) -> None:
        """Keep the parts; `tag` is one of RFC 6241 appendix A. `place` is what is said in the place of a path."""
        super().__init__(message)
        self.type = error_type
        self.tag = tag
        self.message = message
        self.app_tag = app_tag
        self.path = path
        self.info = tuple(info)
        self.place = place

    @property
    def errors(self) -> tuple[RpcError, ...]:
        """Itself, so that one error and several are read alike."""
        return (self,)


class RpcErrors(Exception):
    """Several rpc-errors of one request: all that is wrong, not the first of it."""

    def __init__(self, errors: Iterable[RpcError]) -> None:
        """Keep them in the order found; there is at least one."""
        self.errors = tuple(errors)
        super().__init__("; ".join(error.message for error in self.errors))


def _about(element: str, namespace: str | None = None) -> list[ErrorInfo]:
    info = [ErrorInfo("bad-element", element)]
    return info if namespace is None else [*info, ErrorInfo("bad-namespace", namespace)]


def unknown_element(name: str, message: str, path: InstancePath = (), kind: ErrorType = ErrorType.PROTOCOL) -> RpcError:
    """An element that the schema or the protocol does not have at this place."""
    return RpcError(kind, "unknown-element", message, path=path, info=_about(name))


def unknown_namespace(
    name: str, namespace: str, path: InstancePath = (), kind: ErrorType = ErrorType.PROTOCOL
) -> RpcError:
    """An element of a namespace that no loaded module has."""
    message = f"element {name!r}: no module with the namespace {namespace!r} is loaded"
    return RpcError(kind, "unknown-namespace", message, path=path, info=_about(name, namespace))


def missing_element(name: str, message: str, path: InstancePath = (), kind: ErrorType = ErrorType.PROTOCOL) -> RpcError:
    """A mandatory element, or the key of a list entry, that was left out."""
    return RpcError(kind, "missing-element", message, path=path, info=_about(name))


def bad_element(name: str, message: str, path: InstancePath = (), kind: ErrorType = ErrorType.PROTOCOL) -> RpcError:
    """An element that is known and whose value or place is wrong."""
    return RpcError(kind, "bad-element", message, path=path, info=_about(name))


def missing_attribute(attribute: str, element: str, message: str, kind: ErrorType = ErrorType.RPC) -> RpcError:
    """A mandatory attribute that was left out."""
    info = [ErrorInfo("bad-attribute", attribute), ErrorInfo("bad-element", element)]
    return RpcError(kind, "missing-attribute", message, info=info)


def invalid_value(
    message: str,
    *,
    path: InstancePath = (),
    app_tag: str | None = None,
    kind: ErrorType = ErrorType.APPLICATION,
    info: Sequence[ErrorInfo] = (),
) -> RpcError:
    """A value that the type, or the device, does not accept."""
    return RpcError(kind, "invalid-value", message, app_tag=app_tag, path=path, info=info)


def access_denied(message: str, path: InstancePath = ()) -> RpcError:
    """What access control refuses (RFC 8341 section 3.4); says nothing of what is hidden."""
    return RpcError(ErrorType.APPLICATION, "access-denied", message, path=path)


def operation_not_supported(message: str, kind: ErrorType = ErrorType.PROTOCOL) -> RpcError:
    """A known operation that this server does not carry out."""
    return RpcError(kind, "operation-not-supported", message)


def operation_failed(message: str, *, app_tag: str | None = None, path: InstancePath = ()) -> RpcError:
    """What could not be done for a reason no other tag covers."""
    return RpcError(ErrorType.APPLICATION, "operation-failed", message, app_tag=app_tag, path=path)


def malformed_message(message: str) -> RpcError:
    """A message that is not well-formed or not an rpc (base:1.1 only, RFC 6241 appendix A)."""
    return RpcError(ErrorType.RPC, "malformed-message", message)


def lock_denied(message: str, owner: int) -> RpcError:
    """A lock that another session (or 0: no session) holds, with its id (RFC 6241 section 7.5)."""
    return RpcError(ErrorType.PROTOCOL, "lock-denied", message, info=[ErrorInfo("session-id", str(owner))])


def in_use(message: str, path: InstancePath = ()) -> RpcError:
    """A datastore, or a node of it, that another session has locked (RFC 6241 section 7.5)."""
    return RpcError(ErrorType.PROTOCOL, "in-use", message, path=path)


def resource_denied(message: str) -> RpcError:
    """What would take more of the server than it gives to one request."""
    return RpcError(ErrorType.APPLICATION, "resource-denied", message)
