"""The operations partial-lock and partial-unlock (RFC 5717)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from lxml import etree

from agent.datastore import errors
from agent.datastore.defaults import DefaultsMode
from agent.datastore.errors import ErrorType, InstancePath, RpcError, input_path
from agent.datastore.instances import can_be_named, identifier, instances_of, topmost
from agent.datastore.output import OK, render_output
from agent.datastore.rendering import Roots
from agent.datastore.stores import Datastore
from agent.datastore.values import InvalidValue
from agent.datastore.xpath import XPathError, XPathFilter, XPathTooCostly
from agent.netconf.request import Reply, Request

NAMESPACE: Final = "urn:ietf:params:xml:ns:netconf:partial-lock:1.0"
SELECT: Final = "/ietf-netconf-monitoring:netconf-state/datastores/datastore/locks/partial-lock/select"


def partial_lock(request: Request) -> Reply:
    """Lock what expressions select of the running configuration, as far as the caller may read it (section 2.4.1)."""
    stores, session_id = request.host.stores, request.caller.session_id
    held, waiting = stores.lock_of(Datastore.RUNNING), stores.unconfirmed
    if held is not None:
        raise errors.lock_denied(f"session {held.session_id} holds the lock of running", held.session_id)
    if waiting is not None and waiting.session_id != session_id:
        raise _refused("in-use", "outstanding-confirmed-commit", "a commit waits to be confirmed")
    selects = request.element.findall(f"{{{NAMESPACE}}}select")
    if not selects:
        path = input_path(request.input, "select")
        raise errors.missing_element("select", "a partial lock needs an expression at least", path)
    nodes = topmost(node for select in selects for node in _selected(request, select))
    if not nodes:
        message, path = "the expressions select nothing", input_path(request.input, "select")
        raise _refused("operation-failed", "no-matches", message, path)
    if not all(can_be_named(step) for node in nodes for step in node):
        raise errors.operation_failed("one of the nodes has a key that no instance-identifier can name")
    if stores.partial_locks.count(session_id) >= request.session.maximum_partial_locks:
        request.host.exceeded("partial-locks")
        raise errors.resource_denied(f"a session has {request.session.maximum_partial_locks} partial locks at most")
    lock = stores.partial_locks.grant(session_id, [_canonical(request, select) for select in selects], nodes)
    return render_output(request.rpc.output, {"lock-id": lock.id, "locked-node": [identifier(node) for node in nodes]})


def partial_unlock(request: Request) -> Reply:
    """Give up a lock of this session (section 2.4.2)."""
    given, path = request.given("lock-id"), input_path(request.input, "lock-id")
    if given is None:
        raise errors.missing_element("lock-id", "a lock is given up by its id", path)
    if not request.host.stores.partial_locks.unlock(int(given), request.caller.session_id):
        raise errors.invalid_value(f"this session has no lock {given}", path=path, kind=ErrorType.PROTOCOL)
    return iter((OK,))


def _selected(request: Request, select: etree._Element) -> Iterator[InstancePath]:
    """Iterate over what an expression selects now; invalid-value for what selects no nodes."""
    host = request.host
    running = host.readable(request.caller, host.stores.running)

    def read(roots: Roots) -> Iterator[str]:
        return host.plan(request.caller, roots, DefaultsMode.EXPLICIT, state=False).pieces(running, host.subjects)

    try:
        expression = XPathFilter(host.registry.schema, select.text or "", select.nsmap, budget=host.xpath_budget)
        roots = expression.select(read)
    except XPathError as error:
        path = input_path(request.input, "select")
        raise _refused("invalid-value", "not-a-node-set", f"XPath {error}", path) from error
    except XPathTooCostly as error:
        raise errors.resource_denied(str(error)) from error
    return instances_of(running, roots)


def _canonical(request: Request, select: etree._Element) -> str:
    """Return an expression with module names in the place of prefixes, as monitoring keeps it."""
    type_ = request.host.registry.schema.node(SELECT).type
    try:
        return "" if type_ is None else type_.parse(select.text or "", select.nsmap)
    except InvalidValue as error:
        raise errors.invalid_value(error.message, path=input_path(request.input, "select")) from error


def _refused(tag: str, app_tag: str, message: str, path: InstancePath = ()) -> RpcError:
    kind = ErrorType.APPLICATION if tag == "operation-failed" else ErrorType.PROTOCOL
    return RpcError(kind, tag, message, app_tag=app_tag, path=path)
