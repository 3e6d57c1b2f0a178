"""The schema of the server: the YANG modules, loaded once per process (RFC 7950).

pyang resolves the modules into a tree of `SchemaNode`; libyang judges whole trees of data. Both read the same texts,
which are also the ones that get-schema serves. Invariant: a schema never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from agent.datastore.modules import ALL_FEATURES, ModuleRequest, ParsedModules, SchemaError, parse_modules
from agent.datastore.node_statements import NodeReader
from agent.datastore.nodes import Access, Kind, Module, SchemaNode, Submodule
from agent.datastore.references import ModuleNames
from agent.datastore.statements import ModuleStatement, argument, revision_of
from agent.datastore.type_statements import TypeReader
from agent.datastore.validation import ValidationError, Validator, Violation

__all__ = [
    "ALL_FEATURES",
    "Access",
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


def load_schema(paths: Sequence[Path] = (), modules: Sequence[ModuleRequest] = ()) -> Schema:
    """Loads the `modules` asked for, and every module of the user's files and directories `paths` with all features.

    Modules are found in `paths`, among our own, and in pyang's distribution. Raises SchemaError.
    """
    parsed = parse_modules(paths, modules)
    implemented = {name: _module(parsed, statement) for name, statement in parsed.implemented.items()}
    imported = tuple(_module(parsed, statement) for statement in parsed.imported)
    names = ModuleNames.of({name: (module.prefix, module.namespace) for name, module in implemented.items()})
    types = TypeReader(parsed.context, parsed.implemented, names)
    reader = NodeReader(implemented, types)
    nodes = [node for statement in parsed.implemented.values() for node in reader.read_roots(statement)]
    return Schema(
        modules=MappingProxyType(implemented),
        imported=imported,
        by_namespace=MappingProxyType({module.namespace: module for module in implemented.values()}),
        roots=_by_tag(node for node in nodes if node.kind not in (Kind.RPC, Kind.NOTIFICATION)),
        rpcs=_by_tag(node for node in nodes if node.kind is Kind.RPC),
        notifications=_by_tag(node for node in nodes if node.kind is Kind.NOTIFICATION),
        content_id=_content_id([*implemented.values(), *imported]),
        validator=Validator([implemented[name] for name in parsed.by_imports()], parsed.bound_sources()),
        identities=types.ancestry,
    )


def _by_tag(nodes: Iterable[SchemaNode]) -> Mapping[str, SchemaNode]:
    return MappingProxyType({node.tag: node for node in nodes})


def _module(parsed: ParsedModules, statement: ModuleStatement) -> Module:
    implemented = parsed.implemented.get(statement.arg) is statement
    return Module(
        name=statement.arg,
        revision=revision_of(statement),
        namespace=argument(statement, "namespace"),
        prefix=argument(statement, "prefix"),
        implemented=implemented,
        features=parsed.features[statement.arg] if implemented else (),
        source=parsed.sources[statement.pos.ref],
        submodules=tuple(
            Submodule(part.arg, revision_of(part), parsed.sources[part.pos.ref])
            for part in parsed.submodules_of(statement.arg)
        ),
        deviated_by=parsed.deviating(statement.arg) if implemented else (),
    )


def _content_id(modules: Iterable[Module]) -> str:
    facts = [
        (
            (module.name, module.revision, module.implemented, module.features, module.deviated_by),
            [(part.name, part.revision) for part in module.submodules],
        )
        for module in modules
    ]
    return sha256(repr(sorted(facts)).encode()).hexdigest()[:16]
