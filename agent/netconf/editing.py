"""The operations that write: edit-config, copy-config, delete-config, and validate (RFC 6241 sections 7.2 to 7.4, 8.6).

A file that a URL names can stand for a datastore (section 8.8); no lock, and no rule for data, speaks of it.

Locks and access control are asked first, and whatever is written is judged whole before any of it counts.
"""

from __future__ import annotations

from typing import Final

from lxml import etree

from agent.datastore import errors
from agent.datastore.defaults import DefaultsMode, settled, without_defaults
from agent.datastore.edit import Operation, edit, parse_configuration
from agent.datastore.errors import ErrorType, RpcError, RpcErrors
from agent.datastore.output import OK
from agent.datastore.stores import Datastore
from agent.datastore.tree import Branch
from agent.netconf.request import BASE, Reply, Request
from agent.netconf.url import NamedFile

STOP: Final = "stop-on-error"
CONTINUE: Final = "continue-on-error"
TEST_ONLY: Final = "test-only"
TEST_THEN_SET: Final = "test-then-set"


def edit_config(request: Request) -> Reply:
    """Change a part of a datastore (section 7.2).

    The test-options 'set' and 'test-then-set' are the same here: nothing is set that has not been validated. An edit
    with an error changes nothing, and with stop-on-error its first error is told, else all of them; with
    continue-on-error what is right is done all the same. The candidate is not validated unless that is asked for: it
    can take several edits to make it valid (RFC 7950 section 8.3.3).
    """
    return change(request, request.named_datastore("target"), request.input.leaf("error-option"))


def change(request: Request, target: Datastore, option: str | None = None) -> Reply:
    """Carry out an edit of a datastore as the error-option says; without one as rollback-on-error."""
    config = _edits(request)
    request.host.stores.require_unlocked(target, request.caller.session_id)
    host = request.host
    before = host.stores.root(target)
    default = Operation(str(request.input.leaf("default-operation")))
    edited = edit(host.registry.schema, before, config, default, host.seal)
    refused = host.concealed(request.caller, edited.errors)
    if refused and option != CONTINUE:
        raise RpcErrors(refused[:1] if option == STOP else refused)
    try:
        host.authorize(request.caller, before, edited.root, edited.repeated)
        if _is_tested(request, target):
            host.transactions.rehearse(edited.root)
        if request.given("test-option") != TEST_ONLY:
            host.changes.store(request.caller, target, edited.root)
    except (RpcError, RpcErrors) as error:
        raise RpcErrors((*refused, *error.errors)) from error
    if refused:
        raise RpcErrors(refused)
    return iter((OK,))


def _edits(request: Request) -> etree._Element:
    """Return the element below which the edits stand: in the request, or in the file that it names."""
    if (file := request.file()) is not None:
        return file.read()
    config = request.parameter("config")
    if config is None:
        raise errors.missing_element("config", f"{request.rpc.name} needs a config")
    return config


def _is_tested(request: Request, target: Datastore) -> bool:
    """Tell whether the result of an edit is to be validated before it is set, if it is to be set at all."""
    option = request.given("test-option")
    return option == TEST_ONLY or (target is Datastore.CANDIDATE and option == TEST_THEN_SET)


def copy_config(request: Request) -> Reply:
    """Replace a whole datastore by another, or by a configuration given in full (section 7.3).

    What the caller may not read is not copied. A copy of running to startup shows nothing and changes nothing in use,
    so that the right to execute it is enough (RFC 8341 section 3.2.3).
    """
    if (file := request.file("target")) is not None:
        return _copy_to_file(request, file)
    target, source = request.named_datastore("target"), request.datastore("source")
    if source is target:
        message = f"{target.value} is both source and target"
        raise errors.invalid_value(message, kind=ErrorType.PROTOCOL)
    request.host.stores.require_unlocked(target, request.caller.session_id)
    host, root = request.host, _source(request, source)
    saves = (source, target) == (Datastore.RUNNING, Datastore.STARTUP)
    if source is not None and not saves:
        root = host.readable(request.caller, root)
    root = _with_defaults(request, root)
    if not saves:
        host.authorize(request.caller, host.stores.root(target), root)
    host.changes.store(request.caller, target, root)
    return iter((OK,))


def _copy_to_file(request: Request, target: NamedFile) -> Reply:
    """Write a configuration, as far as the caller may read it, to a file; secrets are sealed there as everywhere."""
    source, file = request.datastore("source"), request.file("source")
    if file is not None and file.name == target.name:
        message = f"the file {file.name!r} is both source and target"
        raise errors.invalid_value(message, kind=ErrorType.PROTOCOL)
    root = _source(request, source)
    if source is not None:
        root = request.host.readable(request.caller, root)
    target.write(request.host.transactions.serialize(_with_defaults(request, root)))
    return iter((OK,))


def delete_config(request: Request) -> Reply:
    """Empty a datastore, or remove a file (section 7.4); of the datastores the model leaves only startup."""
    if (file := request.file("target")) is not None:
        file.remove()
        return iter((OK,))
    target = request.named_datastore("target")
    request.host.stores.require_unlocked(target, request.caller.session_id)
    request.host.authorize(request.caller, request.host.stores.root(target), Branch(None))
    request.host.changes.keep(request.caller, target, Branch(None))
    return iter((OK,))


def validate(request: Request) -> Reply:
    """Judge a datastore, or a configuration given in full, as a commit would (section 8.6)."""
    request.host.transactions.rehearse(_source(request, request.datastore("source")))
    return iter((OK,))


def _source(request: Request, source: Datastore | None) -> Branch:
    return _given(request) if source is None else request.host.stores.root(source)


def _with_defaults(request: Request, root: Branch) -> Branch:
    """Return what is copied (RFC 6243 section 4.5): a default that is tagged is none that is set."""
    mode = request.defaults_mode
    if mode is DefaultsMode.REPORT_ALL:
        return settled(request.host.with_defaults(root))
    return without_defaults(root) if mode is DefaultsMode.TRIM else root


def _given(request: Request) -> Branch:
    """Return a configuration that is given in full: in a file, or in the request itself."""
    if (file := request.file("source")) is not None:
        return parse_configuration(request.host.registry.schema, file.read(), request.host.seal)
    source = request.parameter("source")
    config = source.find(f"{{{BASE}}}config") if source is not None else None
    if config is None:
        raise errors.operation_not_supported(f"{request.rpc.name} takes no such source")
    return parse_configuration(request.host.registry.schema, config, request.host.seal)
