"""The YANG library of the server, and modules-state for older clients (RFC 8525)."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from agent.datastore.registry import Bindings, NotificationBinding, StateContainer, StateList
from agent.datastore.schema import Module, Schema, Submodule
from agent.datastore.tree import Key
from agent.netconf.base_notifications import CapabilitiesChanged
from agent.netconf.capabilities import YANG_LIBRARY as CAPABILITY
from agent.netconf.server import Server

MODULE: Final = "ietf-yang-library"
ALL: Final = "all"
"""The name of the one module-set and of the one schema."""
NMDA_MODULE: Final = "ietf-netconf-nmda"


@dataclass(frozen=True, slots=True)
class NamedSet:
    """The module-set, or the schema, of all modules."""

    name: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class DatastoreSchema:
    """A datastore and the schema it has."""

    name: str
    schema: str


@dataclass(frozen=True, slots=True)
class LibraryUpdated:
    """The server has another YANG library than before it was started; `at` is device time in microseconds."""

    at: int
    content_id: str


def tell_changes(server: Server, before: Collection[str]) -> None:
    """Tell in what the server announces something else than `before`, the capabilities of its last start."""
    change = CapabilitiesChanged.between(server.now, before, server.capabilities)
    if change is None:
        return
    server.publish(change)
    if any(uri.startswith(f"{CAPABILITY}?") for uri in (*change.added, *change.modified)):
        server.publish(LibraryUpdated(server.now, server.registry.schema.content_id))


def _datastores(server: Server) -> Iterator[DatastoreSchema]:
    """Iterate over the datastores: those of RFC 6241, and those that can be asked for with get-data alone."""
    names = [datastore.value for datastore in server.stores.names]
    names += ["intended"] if NMDA_MODULE in server.registry.schema.modules else []
    return (DatastoreSchema(f"ietf-datastores:{name}", ALL) for name in (*names, "operational"))


def _find_datastore(server: Server, key: Key) -> DatastoreSchema | None:
    return next((found for found in _datastores(server) if key == (found.name,)), None)


def _the_set(server: Server) -> Iterator[NamedSet]:
    yield NamedSet(ALL, server.registry.schema)


def _find_set(server: Server, key: Key) -> NamedSet | None:
    return NamedSet(ALL, server.registry.schema) if key == (ALL,) else None


@dataclass(frozen=True, slots=True)
class ListedModule:
    """A module in the library, with the schema in which those that deviate it are found."""

    module: Module
    schema: Schema

    @property
    def deviating(self) -> Iterator[Module]:
        """The modules whose deviations change it."""
        return (self.schema.modules[name] for name in self.module.deviated_by)


def _all_modules(server: Server) -> Iterator[ListedModule]:
    schema = server.registry.schema
    return (ListedModule(module, schema) for module in (*schema.modules.values(), *schema.imported))


def _find_module(server: Server, key: Key) -> ListedModule | None:
    return next((listed for listed in _all_modules(server) if _is(listed.module, key)), None)


def _find_imported(named: NamedSet, key: Key) -> Module | None:
    return next((module for module in named.schema.imported if _is(module, key)), None)


def _is(module: Module | Submodule, key: Key) -> bool:
    return (module.name, module.revision)[: len(key)] == key


def _submodules(path: str, location: str) -> StateList[Module, Submodule]:
    return StateList[Module, Submodule](
        f"{path}/submodule",
        lambda module: module.submodules,
        lambda module, key: next((part for part in module.submodules if _is(part, key)), None),
        {"name": lambda part: part.name, "revision": lambda part: part.revision or None, location: _nowhere},
    )


def _nowhere(entry: object) -> None:
    """Return no location: schemas are had from get-schema alone."""


LIBRARY: Final = f"/{MODULE}:yang-library"
SET: Final = f"{LIBRARY}/module-set"
STATE: Final = f"/{MODULE}:modules-state"

YANG_LIBRARY: Final = Bindings(
    module=MODULE,
    states=(
        StateContainer[Server, Server](
            LIBRARY, lambda server: server, {"content-id": lambda server: server.registry.schema.content_id}
        ),
        StateList[Server, NamedSet](SET, _the_set, _find_set, {"name": lambda named: named.name}),
        StateList[NamedSet, Module](
            f"{SET}/module",
            lambda named: named.schema.modules.values(),
            lambda named, key: named.schema.modules.get(key[0]),
            {
                "name": lambda module: module.name,
                "revision": lambda module: module.revision or None,
                "namespace": lambda module: module.namespace,
                "feature": lambda module: module.features,
                "deviation": lambda module: module.deviated_by,
                "location": _nowhere,
            },
        ),
        _submodules(f"{SET}/module", "location"),
        StateList[NamedSet, Module](
            f"{SET}/import-only-module",
            lambda named: named.schema.imported,
            _find_imported,
            {
                "name": lambda module: module.name,
                "revision": lambda module: module.revision,
                "namespace": lambda module: module.namespace,
                "location": _nowhere,
            },
        ),
        _submodules(f"{SET}/import-only-module", "location"),
        StateList[Server, NamedSet](
            f"{LIBRARY}/schema",
            _the_set,
            _find_set,
            {"name": lambda named: named.name, "module-set": lambda named: (ALL,)},
        ),
        StateList[Server, DatastoreSchema](
            f"{LIBRARY}/datastore",
            _datastores,
            _find_datastore,
            {"name": lambda stored: stored.name, "schema": lambda stored: stored.schema},
        ),
        StateContainer[Server, Server](
            STATE, lambda server: server, {"module-set-id": lambda server: server.registry.schema.content_id}
        ),
        StateList[Server, ListedModule](
            f"{STATE}/module",
            _all_modules,
            _find_module,
            {
                "name": lambda listed: listed.module.name,
                "revision": lambda listed: listed.module.revision,
                "schema": _nowhere,
                "namespace": lambda listed: listed.module.namespace,
                "feature": lambda listed: listed.module.features,
                "conformance-type": lambda listed: "implement" if listed.module.implemented else "import",
            },
        ),
        StateList[ListedModule, Module](
            f"{STATE}/module/deviation",
            lambda listed: listed.deviating,
            lambda listed, key: next((module for module in listed.deviating if _is(module, key)), None),
            {"name": lambda module: module.name, "revision": lambda module: module.revision},
        ),
        StateList[ListedModule, Submodule](
            f"{STATE}/module/submodule",
            lambda listed: listed.module.submodules,
            lambda listed, key: next((part for part in listed.module.submodules if _is(part, key)), None),
            {"name": lambda part: part.name, "revision": lambda part: part.revision, "schema": _nowhere},
        ),
    ),
    notifications=(
        NotificationBinding[LibraryUpdated](
            f"/{MODULE}:yang-library-update", LibraryUpdated, lambda event: {"content-id": event.content_id}
        ),
    ),
    deviations=(f"/{MODULE}:yang-library-change",),
)
"""The notification of RFC 7895, which is deprecated, would say the same once more."""
