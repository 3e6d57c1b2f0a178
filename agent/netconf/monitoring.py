"""What the server shows of itself: ietf-netconf-monitoring with get-schema (RFC 6022), the access control counters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from agent.datastore import errors
from agent.datastore.date_and_time import date_and_time
from agent.datastore.errors import ErrorType, input_path
from agent.datastore.instances import identifier
from agent.datastore.nacm import NACM, AccessControl
from agent.datastore.partial_locks import PartialLock
from agent.datastore.registry import (
    Bindings,
    Caller,
    ConfigBinding,
    Output,
    RpcBinding,
    StateContainer,
    StateList,
    snapshot,
)
from agent.datastore.schema import Schema
from agent.datastore.stores import Datastore, Lock
from agent.datastore.tree import Branch, Key
from agent.netconf.server import OpenSession, Server
from agent.netconf.session import SessionCounters

MODULE: Final = "ietf-netconf-monitoring"
STATE: Final = f"/{MODULE}:netconf-state"
YANG: Final = f"{MODULE}:yang"


@dataclass(frozen=True, slots=True)
class ServedSchema:
    """One YANG module or submodule that get-schema gives out."""

    name: str
    version: str
    namespace: str
    source: str

    @property
    def key(self) -> Key:
        """Its key in the list of schemas."""
        return (self.name, self.version, YANG)


@dataclass(frozen=True, slots=True)
class LockedDatastore:
    """A datastore and its lock, if it is locked, or the locks of parts of it."""

    datastore: Datastore
    lock: Lock | None
    parts: tuple[PartialLock, ...]


def served_schemas(schema: Schema) -> Iterator[ServedSchema]:
    """Iterate over every module and submodule, implemented and imported."""
    for module in (*schema.modules.values(), *schema.imported):
        yield ServedSchema(module.name, module.revision, module.namespace, module.source)
        for part in module.submodules:
            yield ServedSchema(part.name, part.revision, module.namespace, part.source)


def get_schema(server: Server, caller: Caller, parameters: Branch) -> Output:
    """Return the text of one schema; RFC 6022 section 3.1 says when which error is due."""
    name, version = parameters.leaf("identifier"), parameters.leaf("version")
    format_ = parameters.leaf("format") or YANG
    found = [
        served
        for served in served_schemas(server.registry.schema)
        if served.name == name and version in (None, served.version) and format_ == YANG
    ]
    if len(found) == 1:
        return {"data": found[0].source}
    path = input_path(parameters, "identifier")
    if found:
        message, app_tag = f"there are several versions of {name!r}: name one", "data-not-unique"
        raise errors.RpcError(ErrorType.APPLICATION, "operation-failed", message, app_tag=app_tag, path=path)
    wanted = f"{name!r} version {version!r}" if version is not None else repr(name)
    raise errors.invalid_value(f"there is no schema {wanted} in the format {format_!r}", path=path)


def _datastores(server: Server) -> Iterator[LockedDatastore]:
    for datastore in server.stores.names:
        parts = tuple(server.stores.partial_locks) if datastore is Datastore.RUNNING else ()
        yield LockedDatastore(datastore, server.stores.lock_of(datastore), parts)


def _find_datastore(server: Server, key: Key) -> LockedDatastore | None:
    return next((found for found in _datastores(server) if found.datastore.value == key[0]), None)


def _find_schema(server: Server, key: Key) -> ServedSchema | None:
    return next((served for served in served_schemas(server.registry.schema) if served.key == key), None)


def _session_total(counter: Callable[[SessionCounters], int]) -> Callable[[Server], int]:
    """Return what sums a session counter over the open sessions and those that have ended."""

    def total(server: Server) -> int:
        counted = [server.counters.ended, *(opened.session.counters for opened in server.sessions.values())]
        return sum(counter(counters) for counters in counted)

    return total


def _session_leaves() -> Mapping[str, Callable[[OpenSession], str | int]]:
    return {
        "session-id": lambda opened: opened.session.caller.session_id,
        "transport": lambda opened: f"{MODULE}:{opened.client.transport}",
        "username": lambda opened: opened.client.user,
        "source-host": lambda opened: opened.client.source,
        "login-time": lambda opened: date_and_time(opened.login_at),
        "in-rpcs": lambda opened: opened.session.counters.in_rpcs,
        "in-bad-rpcs": lambda opened: opened.session.counters.in_bad_rpcs,
        "out-rpc-errors": lambda opened: opened.session.counters.out_rpc_errors,
        "out-notifications": lambda opened: opened.session.counters.out_notifications,
    }


MONITORING: Final = Bindings(
    module=MODULE,
    states=(
        StateContainer[Server, Server](
            f"{STATE}/capabilities", lambda server: server, {"capability": lambda server: server.capabilities}
        ),
        StateList[Server, LockedDatastore](
            f"{STATE}/datastores/datastore", _datastores, _find_datastore, {"name": lambda held: held.datastore.value}
        ),
        StateContainer[LockedDatastore, Lock](
            f"{STATE}/datastores/datastore/locks/global-lock",
            lambda held: held.lock,
            {
                "locked-by-session": lambda lock: lock.session_id,
                "locked-time": lambda lock: date_and_time(lock.locked_at),
            },
        ),
        StateList[LockedDatastore, PartialLock](
            f"{STATE}/datastores/datastore/locks/partial-lock",
            lambda held: held.parts,
            lambda held, key: next((part for part in held.parts if key == (str(part.id),)), None),
            {
                "lock-id": lambda part: part.id,
                "locked-by-session": lambda part: part.session_id,
                "locked-time": lambda part: date_and_time(part.locked_at),
                "select": lambda part: part.selects,
                "locked-node": lambda part: [identifier(node) for node in part.nodes],
            },
        ),
        StateList[Server, ServedSchema](
            f"{STATE}/schemas/schema",
            lambda server: served_schemas(server.registry.schema),
            _find_schema,
            {
                "identifier": lambda served: served.name,
                "version": lambda served: served.version,
                "format": lambda served: YANG,
                "namespace": lambda served: served.namespace,
                "location": lambda served: ("NETCONF",),
            },
        ),
        StateList[Server, OpenSession](
            f"{STATE}/sessions/session",
            lambda server: snapshot(server.sessions),
            lambda server, key: server.sessions.get(int(key[0])),
            _session_leaves(),
        ),
        StateContainer[Server, Server](
            f"{STATE}/statistics",
            lambda server: server,
            {
                "netconf-start-time": lambda server: date_and_time(server.started_at),
                "in-bad-hellos": lambda server: server.counters.in_bad_hellos,
                "in-sessions": lambda server: server.counters.in_sessions,
                "dropped-sessions": lambda server: server.counters.dropped_sessions,
                "in-rpcs": _session_total(lambda counted: counted.in_rpcs),
                "in-bad-rpcs": _session_total(lambda counted: counted.in_bad_rpcs),
                "out-rpc-errors": _session_total(lambda counted: counted.out_rpc_errors),
                "out-notifications": _session_total(lambda counted: counted.out_notifications),
            },
        ),
    ),
    rpcs=(RpcBinding[Server](f"/{MODULE}:get-schema", get_schema),),
)

ACCESS_CONTROL: Final = Bindings(
    module="ietf-netconf-acm",
    configs=(ConfigBinding(NACM, lambda branch, unseal: AccessControl(branch)),),
    states=(
        StateContainer[Server, Server](
            NACM,
            lambda server: server,
            {
                "denied-operations": lambda server: server.access_counters.operations,
                "denied-data-writes": lambda server: server.access_counters.data_writes,
                "denied-notifications": lambda server: server.access_counters.notifications,
            },
        ),
    ),
)
