"""The operations that write: edit-config, copy-config, delete-config, and validate (RFC 6241 sections 7.2 to 7.4, 8.6).

Locks and access control are asked first, and whatever is written is judged whole before any of it counts.
"""

from __future__ import annotations

from typing import Final

from agent.datastore import errors
from agent.datastore.defaults import DefaultsMode, settled, without_defaults
from agent.datastore.edit import Operation, edit, parse_configuration
from agent.datastore.errors import ErrorType, RpcError, RpcErrors
from agent.datastore.output import OK
from agent.datastore.stores import Datastore
from agent.datastore.tree import Branch
from agent.netconf.request import BASE, Reply, Request

STOP: Final = "stop-on-error"
CONTINUE: Final = "continue-on-error"
TEST_ONLY: Final = "test-only"


def edit_config(request: Request) -> Reply:
    """Change a part of a datastore (section 7.2).

    The test-options 'set' and 'test-then-set' are the same here: nothing is set that has not been validated. An edit
    with an error changes nothing, and with stop-on-error its first error is told, else all of them; with
    continue-on-error what is right is done all the same.
    """
    target = request.named_datastore("target")
    config = request.parameter("config")
    if config is None:
        raise errors.missing_element("config", "edit-config needs a config")
    require_unlocked(request, target)
    host, option = request.host, request.input.leaf("error-option")
    before = host.stores.root(target)
    default = Operation(str(request.input.leaf("default-operation")))
    edited = edit(host.registry.schema, before, config, default, host.seal)
    refused = host.concealed(request.caller, edited.errors)
    if refused and option != CONTINUE:
        raise RpcErrors(refused[:1] if option == STOP else refused)
    try:
        host.authorize(request.caller, before, edited.root, edited.repeated)
        if request.input.leaf("test-option") == TEST_ONLY:
            host.transactions.check(edited.root)
        else:
            store(request, target, edited.root)
    except (RpcError, RpcErrors) as error:
        raise RpcErrors((*refused, *error.errors)) from error
    if refused:
        raise RpcErrors(refused)
    return iter((OK,))


def copy_config(request: Request) -> Reply:
    """Replace a whole datastore by another, or by a configuration given in full (section 7.3).

    What the caller may not read is not copied. A copy of running to startup shows nothing and changes nothing in use,
    so that the right to execute it is enough (RFC 8341 section 3.2.3).
    """
    target, source = request.named_datastore("target"), request.datastore("source")
    if source is target:
        message = f"{target.value} is both source and target"
        raise errors.invalid_value(message, kind=ErrorType.PROTOCOL)
    require_unlocked(request, target)
    host, root = request.host, _source(request, source)
    saves = (source, target) == (Datastore.RUNNING, Datastore.STARTUP)
    if source is not None and not saves:
        root = host.readable(request.caller, root)
    root = _with_defaults(request, root)
    if not saves:
        host.authorize(request.caller, host.stores.root(target), root)
    store(request, target, root)
    return iter((OK,))


def delete_config(request: Request) -> Reply:
    """Empty a datastore (section 7.4); the model leaves only startup to be deleted."""
    target = request.named_datastore("target")
    require_unlocked(request, target)
    request.host.authorize(request.caller, request.host.stores.root(target), Branch(None))
    _keep(request, target, Branch(None))
    return iter((OK,))


def validate(request: Request) -> Reply:
    """Judge a datastore, or a configuration given in full, as a commit would (section 8.6)."""
    request.host.transactions.check(_source(request, request.datastore("source")))
    return iter((OK,))


def _source(request: Request, source: Datastore | None) -> Branch:
    return _inline(request) if source is None else request.host.stores.root(source)


def _with_defaults(request: Request, root: Branch) -> Branch:
    """Return what is copied (RFC 6243 section 4.5): a default that is tagged is none that is set."""
    mode = request.defaults_mode
    if mode is DefaultsMode.REPORT_ALL:
        return settled(request.host.with_defaults(root))
    return without_defaults(root) if mode is DefaultsMode.TRIM else root


def _inline(request: Request) -> Branch:
    source = request.parameter("source")
    config = source.find(f"{{{BASE}}}config") if source is not None else None
    if config is None:
        raise errors.operation_not_supported(f"{request.rpc.name} takes a datastore or a config as its source")
    return parse_configuration(request.host.registry.schema, config, request.host.seal)


def require_unlocked(request: Request, datastore: Datastore) -> None:
    """Raise in-use where another session has locked a datastore (section 7.5)."""
    lock = request.host.stores.lock_of(datastore)
    if lock is not None and lock.session_id != request.caller.session_id:
        raise errors.in_use(f"session {lock.session_id} has locked {datastore.value}")


def store(request: Request, target: Datastore, root: Branch) -> None:
    """Put a configuration in a datastore's place: only what is valid and can be applied (RFC 7950 section 8.3.3)."""
    if target is Datastore.RUNNING:
        request.host.transactions.commit(root)
    else:
        request.host.transactions.check(root)
        _keep(request, target, root)


def _keep(request: Request, target: Datastore, root: Branch) -> None:
    try:
        request.host.stores.replace(target, root)
    except OSError as error:
        raise errors.operation_failed(f"{target.value} cannot be stored: {error.strerror or error}") from error
