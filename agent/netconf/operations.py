"""The protocol operations: element to function (RFC 6241 section 7), and RPCs through their bindings.

An operation returns the body of its reply as a lazy stream, or a Pending. Access control decides before the input is
looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from lxml import etree

from agent.datastore import errors
from agent.datastore.date_and_time import microseconds
from agent.datastore.errors import ErrorType, input_path
from agent.datastore.output import OK, render_output
from agent.datastore.parsing import parse_input
from agent.datastore.registry import Pending
from agent.datastore.rendering import Roots
from agent.datastore.schema import SchemaNode
from agent.datastore.tree import Branch
from agent.netconf import actions, committing, compare, editing, nmda, partial_locks, subscriptions
from agent.netconf.filters import parse_wanted
from agent.netconf.messages import BASE_NAMESPACE
from agent.netconf.request import NMDA, Host, Operation, Reply, Request, Requester
from agent.netconf.subscribed import operations as subscribed
from agent.netconf.subscriptions import Subscription

GET_DATA: Final = f"{{{NMDA}}}get-data"
READING: Final = frozenset((f"{{{BASE_NAMESPACE}}}get", f"{{{BASE_NAMESPACE}}}get-config", GET_DATA))
"""The operations whose filters are remembered."""
CREATE_SUBSCRIPTION: Final = f"{{{subscriptions.NAMESPACE}}}create-subscription"


def execute(host: Host, session: Requester, element: etree._Element) -> tuple[Reply, SchemaNode | None]:
    """Carry out the operation of an rpc; return its reply and its schema node, if it has one.

    Raises RpcError, RpcErrors.
    """
    if element.tag == actions.ACTION:
        return actions.invoke(host, session.caller, element)
    rpc = host.registry.schema.rpcs.get(element.tag)
    if rpc is None:
        return _speak(host, session, element), None
    host.require_execute(session.caller, rpc)
    schema = host.registry.schema
    if element.tag == CREATE_SUBSCRIPTION:
        subscriptions.adopt_filter(element)
    if element.tag in READING and (known := host.filters.recall(element)) is not None:
        request = Request(host, session, rpc, known.input, element, known.roots)
    else:
        request = Request(host, session, rpc, parse_input(schema, rpc.input, element), element)
    if (operation := OPERATIONS.get(element.tag)) is not None:
        return operation(request), rpc
    binding = host.registry.rpcs.get(rpc)
    if binding is None:
        raise errors.operation_not_supported(f"this server does not carry out {rpc.name!r}")
    output = binding.handle(host.subjects.get(rpc.module.name), session.caller, request.input)
    return (output if isinstance(output, Pending) else render_output(rpc.output, output)), rpc


def _speak(host: Host, session: Requester, element: etree._Element) -> Iterator[str]:
    """Carry out what has no schema: an RPC of a dialect."""
    name = etree.QName(element)
    namespace = name.namespace or ""
    is_neutral = namespace in ("", BASE_NAMESPACE)
    dialects = [each for each in host.registry.dialects if is_neutral or namespace.startswith(each.namespaces)]
    for dialect in dialects:
        if (rpc := dialect.rpcs.get(name.localname)) is not None:
            host.require_permitted(session.caller, rpc.authorise(element))
            return rpc.handle(host.subjects.get(dialect.name), session.caller, element)
    if namespace and not dialects and namespace not in host.registry.schema.by_namespace:
        raise errors.unknown_namespace(name.localname, namespace)
    raise errors.unknown_element(name.localname, f"there is no operation {name.localname!r}")


def get(request: Request) -> Reply:
    """Return configuration and state (RFC 6241 section 7.7)."""
    return _read(request, request.host.stores.running, state=True)


def get_config(request: Request) -> Reply:
    """Return the configuration of one datastore (RFC 6241 section 7.1)."""
    return _read(request, request.host.stores.root(request.named_datastore("source")), state=False)


def _read(request: Request, root: Branch, *, state: bool) -> Iterator[str]:
    host, mode = request.host, request.defaults_mode
    shown = host.with_defaults(root) if mode.shows_defaults else root
    is_kept = not state and root is host.stores.running

    def pieces(roots: Roots) -> Iterator[str]:
        plan = host.plan(request.caller, roots, mode, state=state)
        return host.texts.pieces(plan, shown) if is_kept else plan.pieces(shown, host.subjects)

    roots = request.selected
    if roots is None:
        roots = host.filters.parse(request.element, request.input, pieces, host.xpath_budget)
    return _data(pieces(roots))


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
    request.host.stores.lock(request.named_datastore("target"), request.caller.session_id)
    return iter((OK,))


def unlock(request: Request) -> Reply:
    """Release this session's lock (RFC 6241 section 7.6)."""
    request.host.stores.unlock(request.named_datastore("target"), request.caller.session_id)
    return iter((OK,))


def close_session(request: Request) -> Reply:
    """End this session after its reply (RFC 6241 section 7.8)."""
    request.session.finish_after_reply()
    return iter((OK,))


def kill_session(request: Request) -> Reply:
    """End another session at once (RFC 6241 section 7.9)."""
    wanted, own = int(str(request.input.leaf("session-id"))), request.caller.session_id
    path = input_path(request.input, "session-id")
    if wanted == own:
        raise errors.invalid_value("a session cannot kill itself", path=path, kind=ErrorType.PROTOCOL)
    if not request.host.kill(wanted, own):
        raise errors.invalid_value(f"there is no session {wanted}", path=path, kind=ErrorType.PROTOCOL)
    return iter((OK,))


def create_subscription(request: Request) -> Reply:
    """Send the notifications of a stream on this session from now on, or from the log (RFC 5277 section 2.1.1)."""
    start, stop = _period(request)
    stream = str(request.input.leaf("stream"))
    if stream != subscriptions.STREAM:
        path = input_path(request.input, "stream")
        raise errors.invalid_value(f"there is no stream {stream!r}", path=path, kind=ErrorType.PROTOCOL)
    element = request.parameter("filter")
    host = request.host
    chosen = parse_wanted(host.registry.schema, element, host.xpath_budget) if element is not None else None
    request.session.subscribe(Subscription(stream, chosen, start, stop))
    return iter((OK,))


def _period(request: Request) -> tuple[int | None, int | None]:
    """Return the start time and the stop time of a subscription, in microseconds of device time."""
    start, stop = (_time(request, name) for name in ("startTime", "stopTime"))
    start_path, stop_path = (input_path(request.input, name) for name in ("startTime", "stopTime"))
    if start is None and stop is not None:
        raise errors.missing_element("startTime", "a stopTime needs a startTime", start_path)
    if start is not None and start > request.host.now:
        raise errors.bad_element("startTime", "a replay cannot start in the future", start_path)
    if start is not None and stop is not None and stop <= start:
        raise errors.bad_element("stopTime", "a stopTime is later than the startTime", stop_path)
    return start, stop


def _time(request: Request, name: str) -> int | None:
    given = request.given(name)
    return None if given is None else microseconds(given)


OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        **{
            f"{{{BASE_NAMESPACE}}}{name}": operation
            for name, operation in (
                ("get", get),
                ("get-config", get_config),
                ("edit-config", editing.edit_config),
                ("copy-config", editing.copy_config),
                ("delete-config", editing.delete_config),
                ("validate", editing.validate),
                ("commit", committing.commit),
                ("cancel-commit", committing.cancel_commit),
                ("discard-changes", committing.discard_changes),
                ("lock", lock),
                ("unlock", unlock),
                ("close-session", close_session),
                ("kill-session", kill_session),
            )
        },
        CREATE_SUBSCRIPTION: create_subscription,
        **subscribed.OPERATIONS,
        GET_DATA: nmda.get_data,
        f"{{{NMDA}}}edit-data": nmda.edit_data,
        f"{{{compare.NAMESPACE}}}compare": compare.compare,
        f"{{{partial_locks.NAMESPACE}}}partial-lock": partial_locks.partial_lock,
        f"{{{partial_locks.NAMESPACE}}}partial-unlock": partial_locks.partial_unlock,
    }
)
