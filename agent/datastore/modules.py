"""Parsing YANG modules with pyang, and telling which of them are implemented (RFC 7950 section 5.6.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from pyang import error as pyang_error
from pyang.context import Context

from agent.datastore.module_files import ALL_FEATURES, FILE_NAME, ModuleRequest, SchemaError, directories, user_requests
from agent.datastore.statements import ModuleStatement, Statement, argument, revision_of

_LENIENT_PATHS = (" type node-instance-identifier;", " type yang:xpath1.0;")
_REFERRING = ("augment", "deviation", "path")
_PREFIX = re.compile(r"([A-Za-z_][\w.-]*):")


@dataclass(frozen=True, slots=True)
class ParsedModules:
    """What pyang has read and resolved without an error.

    `implemented` are modules by name; `imported` the other ones, of which one may be there in several revisions;
    `submodules` belong to either. `features` are the supported ones of each implemented module. `sources` are the
    texts by file, as `pos.ref` of a statement names it.
    """

    context: Context
    implemented: Mapping[str, ModuleStatement]
    imported: tuple[ModuleStatement, ...]
    submodules: tuple[ModuleStatement, ...]
    features: Mapping[str, tuple[str, ...]]
    sources: Mapping[str, str]

    def bound_sources(self) -> dict[str, str]:
        """The texts by file name, in which every import says the revision that it has been resolved to.

        The paths of access control rules are any XPath there: libyang would have them name all keys of a list, against
        RFC 8341 appendix A. Whether they lead anywhere is judged by `access_rules`.
        """
        read = (*self.implemented.values(), *self.imported, *self.submodules)
        return {_file_name(module): self._bound_source(module) for module in read}

    def _bound_source(self, module: ModuleStatement) -> str:
        text = self.sources[module.pos.ref]
        for statement in module.search("import"):
            revision = revision_of(self.context.get_module(statement.arg))
            if revision and statement.search_one("revision-date") is None:
                # Behind the brace, so that line numbers stay; the module may import another revision as well.
                opening = rf"""\bimport\s+["']?{re.escape(statement.arg)}["']?\s*{{(?![^}}]*revision-date)"""
                text = re.sub(opening, rf"\g<0> revision-date {revision};", text)
        return text.replace(*_LENIENT_PATHS) if module.arg == "ietf-netconf-acm" else text

    def by_imports(self) -> list[str]:
        """The names of the implemented modules, each behind those that it imports.

        A module that libyang meets first as somebody's import has none of its features when it resolves the importer.
        """
        imports = {
            name: {
                statement.arg
                for part in (module, *self.submodules_of(name))
                for statement in part.search("import")
                if statement.arg in self.implemented
            }
            for name, module in self.implemented.items()
        }
        return list(TopologicalSorter(imports).static_order())

    def submodules_of(self, name: str) -> tuple[ModuleStatement, ...]:
        """The submodules of this module."""
        return tuple(part for part in self.submodules if argument(part, "belongs-to") == name)

    def deviating(self, name: str) -> tuple[str, ...]:
        """The implemented modules that deviate this one."""
        return tuple(
            module.arg
            for module in self.implemented.values()
            for part in (module, *self.submodules_of(module.arg))
            if any(_first_module(deviation) == name for deviation in part.search("deviation"))
        )


def parse_modules(paths: Sequence[Path], requests: Sequence[ModuleRequest]) -> ParsedModules:
    """Reads the modules asked for, those of the user's files and directories, and what they import. Raises SchemaError.

    The features and the revision of a request hold also for a module that is among the user's files.
    """
    repository = _Repository(directories(paths))
    context = Context(repository)
    asked = {request.name: request for request in (*user_requests(paths), *requests)}
    for request in asked.values():
        _read(context, request)
    _read_imports(context)
    _refuse_errors(context)
    # pyang takes a module that is missing here to support all its features.
    features = {module.arg: () for module in _read_modules(context)} | {name: asked[name].features for name in asked}
    context.features.update({name: chosen for name, chosen in features.items() if chosen != ALL_FEATURES})
    context.validate()
    _refuse_errors(context)
    implemented = _implemented(context, asked)
    for path in paths:
        if path.is_file() and path.name.partition("@")[0].removesuffix(".yang") not in implemented:
            raise SchemaError(f"{path}: a submodule is loaded with its module")
    return ParsedModules(
        context=context,
        implemented=implemented,
        imported=tuple(m for m in _read_modules(context, "module") if implemented.get(m.arg) is not m),
        submodules=tuple(_read_modules(context, "submodule")),
        features={name: _chosen_features(module, features[name]) for name, module in implemented.items()},
        sources=repository.texts,
    )


class _Repository:
    """What pyang asks for modules: the files of a list of directories, the first of equal ones before the others."""

    class ReadError(Exception):
        """What pyang would catch, and in places drop; a file that cannot be read is a SchemaError instead."""

    def __init__(self, directories: Sequence[Path]) -> None:
        self.texts: dict[str, str] = {}
        self._files = [file for directory in directories for file in sorted(directory.glob("*.yang"))]

    def get_modules_and_revisions(self, _context: Context) -> list[tuple[str, str | None, tuple[str, str]]]:
        """Each file, as (module, revision, handle)."""
        matches = [(FILE_NAME.fullmatch(file.name), file) for file in self._files]
        return [(match[1], match[2], ("yang", str(file))) for match, file in matches if match]

    def get_module_from_handle(self, handle: tuple[str, str]) -> tuple[str, str, str]:
        """The file's name, format and text."""
        try:
            text = Path(handle[1]).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SchemaError(f"{handle[1]}: {error}") from None
        self.texts[handle[1]] = text
        return handle[1], handle[0], text


def _read(context: Context, request: ModuleRequest) -> None:
    if not context.revs.get(request.name):
        raise SchemaError(f"module '{request.name}' is not found")
    position = pyang_error.Position(f"module '{request.name}'")
    context.search_module(position, request.name, request.revision or None)


def _read_modules(context: Context, keyword: str = "") -> list[ModuleStatement]:
    """The modules and submodules that were read, or those of one of the two keywords."""
    read: list[ModuleStatement] = [module for module in context.modules.values() if module is not None]
    return [module for module in read if keyword in ("", module.keyword)]


def _read_imports(context: Context) -> None:
    """Reads ahead of pyang's own checks, which want to know the features of every module."""
    pending = _read_modules(context)
    while pending:
        module = pending.pop()
        for statement in (*module.search("import"), *module.search("include")):
            known = set(context.modules)
            context.search_module(statement.pos, statement.arg, argument(statement, "revision-date") or None)
            pending.extend(context.modules[new] for new in context.modules.keys() - known if context.modules[new])


def _implemented(context: Context, asked: Mapping[str, ModuleRequest]) -> dict[str, ModuleStatement]:
    """The modules asked for, and those whose nodes they augment, deviate or refer to."""
    implemented: dict[str, ModuleStatement] = {}
    pending = [(name, asked[name].revision) for name in asked]
    while pending:
        name, revision = pending.pop()
        module = context.get_module(name, revision or None)
        if module is None or module.keyword != "module" or name in implemented:
            continue
        implemented[name] = module
        submodules = _read_modules(context, "submodule")
        parts = [module, *(part for part in submodules if argument(part, "belongs-to") == name)]
        pending.extend(target for part in parts for target in (*_named_modules(part), *_leafref_modules(part)))
    return dict(sorted(implemented.items()))


def _file_name(module: ModuleStatement) -> str:
    revision = revision_of(module)
    return f"{module.arg}@{revision}.yang" if revision else f"{module.arg}.yang"


def _first_module(deviation: Statement) -> str:
    """The module of the first step of a deviation's path."""
    prefix, _, _ = deviation.arg.removeprefix("/").partition(":")
    return deviation.i_orig_module.i_prefixes.get(prefix, ("", None))[0]


def _named_modules(module: Statement) -> Iterator[tuple[str, str]]:
    """The modules and revisions that the prefixes in augments, deviations and paths mean, where these are in force."""
    imports = {argument(statement, "prefix"): statement for statement in module.search("import")}
    pending = list(module.substmts)
    while pending:
        statement = pending.pop()
        if getattr(statement, "i_not_implemented", False):
            continue  # Of a feature that is not supported.
        pending.extend(statement.substmts)
        if statement.keyword in _REFERRING:
            for prefix in _PREFIX.findall(statement.arg or ""):
                if prefix in imports:
                    yield imports[prefix].arg, argument(imports[prefix], "revision-date")


def _leafref_modules(module: ModuleStatement) -> Iterator[tuple[str, str]]:
    """The modules that the leafrefs of a module's own nodes point into, also by a typedef or a grouping of another."""
    pending = [*module.i_children, *(node for augment in module.search("augment") for node in augment.i_children)]
    while pending:
        node = pending.pop()
        if node.i_module.i_modulename != module.i_modulename or getattr(node, "i_not_implemented", False):
            continue
        pending.extend(getattr(node, "i_children", ()))
        pointer = getattr(node, "i_leafref_ptr", None)
        if pointer is not None:
            target: Statement = pointer[0]
            yield target.i_module.i_modulename, ""


def _chosen_features(module: ModuleStatement, chosen: tuple[str, ...]) -> tuple[str, ...]:
    if chosen == ALL_FEATURES:
        return tuple(sorted(module.i_features))
    for feature in chosen:
        if feature not in module.i_features:
            raise SchemaError(f"module '{module.arg}' has no feature '{feature}'")
    return tuple(sorted(chosen))


def _refuse_errors(context: Context) -> None:
    complaints = [
        (position.ref, position.line, f"{position}: {pyang_error.err_to_str(tag, arguments)}")
        for position, tag, arguments in context.errors
        if pyang_error.is_error(pyang_error.err_level(tag))
    ]
    if complaints:
        raise SchemaError("\n".join(complaint for _, _, complaint in sorted(complaints)))
