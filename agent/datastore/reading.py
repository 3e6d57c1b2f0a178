"""Reading the definitions of YANG modules: what pyang has resolved, as ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agent.datastore.definitions import Definitions
from agent.datastore.module_files import ModuleRequest
from agent.datastore.modules import ParsedModules, parse_modules
from agent.datastore.node_statements import NodeReader
from agent.datastore.nodes import Module, Submodule
from agent.datastore.references import ModuleNames
from agent.datastore.statements import ModuleStatement, argument, revision_of
from agent.datastore.type_statements import TypeReader


def read_definitions(paths: Sequence[Path], requests: Sequence[ModuleRequest]) -> Definitions:
    """Read the modules asked for, those of the user's files, and what they import. Raises SchemaError."""
    parsed = parse_modules(paths, requests)
    implemented = {name: _module(parsed, statement) for name, statement in parsed.implemented.items()}
    names = ModuleNames.of({name: (module.prefix, module.namespace) for name, module in implemented.items()})
    types = TypeReader(parsed.context, parsed.implemented, names)
    reader = NodeReader(implemented, types)
    return Definitions(
        implemented=tuple(implemented.values()),
        imported=tuple(_module(parsed, statement) for statement in parsed.imported),
        nodes=tuple(node for statement in parsed.implemented.values() for node in reader.read_roots(statement)),
        by_imports=tuple(parsed.by_imports()),
        sources=parsed.bound_sources(),
        identities=types.ancestry,
    )


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
