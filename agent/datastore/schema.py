"""The schema of the server: the YANG modules, loaded once per process (RFC 7950).

pyang resolves the modules into a tree of `SchemaNode`; libyang judges whole trees of data. Both read the same texts,
which are also the ones that get-schema serves. Invariant: a schema never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from agent.datastore.definitions import Definitions, decode_definitions, encode_definitions
from agent.datastore.module_files import ALL_FEATURES, ModuleRequest, SchemaError, fingerprint
from agent.datastore.nodes import Access, Kind, Module, SchemaNode, Submodule
from agent.datastore.validation import ValidationError, Validator, Violation

__all__ = [
    "ALL_FEATURES",
    "Access",
    "DefinitionsKeeper",
    "Kind",
    "Module",
    "ModuleRequest",
    "Schema",
    "SchemaError",
    "SchemaNode",
    "Submodule",
    "UnknownNode",
    "ValidationError",
    "Violation",
    "load_schema",
]


class UnknownNode(KeyError):
    """No schema node has this path."""

    def __str__(self) -> str:
        """The message without the quotes that KeyError puts around it."""
        return str(self.args[0])


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Schema:
    """All loaded modules and what they define.

    `modules` are the implemented ones by name, `imported` the others, `by_namespace` the implemented ones again.
    `roots` are the top-level data nodes, `rpcs` and `notifications` the top-level ones of those, each by tag and in
    the order of the modules' names. `content_id` changes whenever the set of modules, revisions and features does
    (RFC 8525). `identities` are those of the implemented modules by their canonical names, 'module:name', each with
    itself and all that it is derived from.
    """

    modules: Mapping[str, Module]
    imported: tuple[Module, ...]
    by_namespace: Mapping[str, Module]
    roots: Mapping[str, SchemaNode]
    rpcs: Mapping[str, SchemaNode]
    notifications: Mapping[str, SchemaNode]
    content_id: str
    validator: Validator
    identities: Mapping[str, frozenset[str]]

    def __repr__(self) -> str:
        """Short, since it holds everything."""
        return f"<Schema {self.content_id}: {', '.join(self.modules)}>"

    def node(self, path: str) -> SchemaNode:
        """The node at an RFC 7951 style path; UnknownNode if there is none.

        It may be a data node ('/ipsec-agent-ike:ike/policy'), an rpc or a notification, or lie inside one
        ('/ipsec-agent-ike:clear-ike-security-associations/input/peer-address').
        """
        first, *names = path.removeprefix("/").split("/")
        module, _, name = first.partition(":")
        if module not in self.modules:
            raise UnknownNode(f"{path}: no module '{module}' is implemented")
        tag = f"{{{self.modules[module].namespace}}}{name}"
        node = self.roots.get(tag) or self.rpcs.get(tag) or self.notifications.get(tag)
        for name in names:
            node = self._below(node, name) if node else None
        if node is None:
            raise UnknownNode(f"{path}: no such schema node")
        return node

    def _below(self, parent: SchemaNode, name: str) -> SchemaNode | None:
        module, _, local = name.rpartition(":")
        owner = self.modules.get(module) if module else parent.module
        tag = f"{{{owner.namespace if owner else ''}}}{local}"
        return parent.children.get(tag) or parent.operations.get(tag)

    def validate(self, xml: bytes) -> tuple[ValidationError, ...]:
        """What libyang finds wrong with a whole configuration: its top-level elements, canonical; () if it is valid."""
        return self.validator.check_configuration(xml)

    def with_defaults(self, xml: bytes) -> bytes:
        """Return a valid configuration, given as its top-level elements, with every default in use filled in."""
        return self.validator.with_defaults(xml)

    def xml_of_json(self, json: bytes) -> bytes:
        """Return data in JSON (RFC 7951) as XML, below one element `config`; ValueError says what is wrong with it."""
        return b"<config>%b</config>" % self.validator.xml_of_json(json)

    def parse_data(self, xml: bytes, *, whole: bool = True) -> tuple[ValidationError, ...]:
        """What is wrong with a reply's top-level elements: a whole one is validated, with its state, a part parsed."""
        return self.validator.check_data(xml) if whole else self.validator.check_syntax(xml)


class DefinitionsKeeper(Protocol):
    """Where definitions are kept that were read, so that they need not be read again."""

    def load(self, key: str) -> bytes | None:
        """Return what was kept under a key; None where there is nothing, or nothing that can be trusted."""

    def keep(self, key: str, definitions: bytes) -> None:
        """Keep definitions under a key."""


def load_schema(
    paths: Sequence[Path] = (), modules: Sequence[ModuleRequest] = (), keeper: DefinitionsKeeper | None = None
) -> Schema:
    """Loads the `modules` asked for, and every module of the user's files and directories `paths` with all features.

    Modules are found in `paths`, among our own, and in pyang's distribution; those that `keeper` knows, which nothing
    about has changed, are not parsed again. Raises SchemaError.
    """
    definitions = _read(paths, modules) if keeper is None else _known(paths, modules, keeper)
    implemented = {module.name: module for module in definitions.implemented}
    nodes = definitions.nodes
    return Schema(
        modules=MappingProxyType(implemented),
        imported=definitions.imported,
        by_namespace=MappingProxyType({module.namespace: module for module in implemented.values()}),
        roots=_by_tag(node for node in nodes if node.kind not in (Kind.RPC, Kind.NOTIFICATION)),
        rpcs=_by_tag(node for node in nodes if node.kind is Kind.RPC),
        notifications=_by_tag(node for node in nodes if node.kind is Kind.NOTIFICATION),
        content_id=_content_id([*implemented.values(), *definitions.imported]),
        validator=Validator([implemented[name] for name in definitions.by_imports], definitions.sources),
        identities=definitions.identities,
    )


def _known(paths: Sequence[Path], modules: Sequence[ModuleRequest], keeper: DefinitionsKeeper) -> Definitions:
    key = fingerprint(paths, modules)
    kept = keeper.load(key)
    if kept is not None:
        with suppress(ValueError):  # Damaged: what is read anew takes its place.
            return decode_definitions(kept)
    definitions = _read(paths, modules)
    with suppress(RecursionError):  # Nodes that are too deep within one another are read each time.
        keeper.keep(key, encode_definitions(definitions))
    return definitions


def _read(paths: Sequence[Path], modules: Sequence[ModuleRequest]) -> Definitions:
    from agent.datastore.reading import read_definitions  # Brings pyang, which takes a while, and is mostly not needed.

    return read_definitions(paths, modules)


def _by_tag(nodes: Iterable[SchemaNode]) -> Mapping[str, SchemaNode]:
    return MappingProxyType({node.tag: node for node in nodes})


def _content_id(modules: Iterable[Module]) -> str:
    facts = [
        (
            (module.name, module.revision, module.implemented, module.features, module.deviated_by),
            [(part.name, part.revision) for part in module.submodules],
        )
        for module in modules
    ]
    return sha256(repr(sorted(facts)).encode()).hexdigest()[:16]
