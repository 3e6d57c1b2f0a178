"""From pyang's resolved statements to `SchemaNode`.

Choices are flattened, augments are in their place, and what lacks its feature is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from agent.datastore.module_files import SchemaError
from agent.datastore.nodes import Access, Condition, Kind, Module, SchemaNode
from agent.datastore.restrictions import InvalidValue
from agent.datastore.statements import ModuleStatement, Statement, argument, is_supported
from agent.datastore.type_statements import TypeReader
from agent.datastore.values import ValueType

_KINDS: Final = MappingProxyType({kind.value: kind for kind in Kind} | {"anyxml": Kind.ANYDATA})
_OPERATIONS: Final = (Kind.RPC, Kind.ACTION, Kind.NOTIFICATION)
_ACCESS_MODULE: Final = "ietf-netconf-acm"
_NO_CASES: Final[tuple[tuple[str, str], ...]] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """A statement that becomes a node, with the choices and cases that it sits in, and the whens of those."""

    statement: Statement
    cases: tuple[tuple[str, str], ...] = _NO_CASES
    whens: tuple[Statement, ...] = ()


class NodeReader:
    """Builds the trees below the implemented `modules`."""

    def __init__(self, modules: Mapping[str, Module], types: TypeReader) -> None:
        """`modules` are the implemented ones by name; what others would add to the trees is left out."""
        self._modules = modules
        self._types = types
        self._scopes: dict[tuple[int, str], Mapping[str | None, str]] = {}

    def read_roots(self, module: ModuleStatement) -> Iterator[SchemaNode]:
        """The top-level data nodes, rpcs and notifications of a module, in schema order. Raises SchemaError."""
        for found in self._flattened(module.i_children, ""):
            yield self._node(found, None)

    def _supported(self, statements: Iterable[Statement]) -> Iterator[Statement]:
        for statement in statements:
            if is_supported(statement) and statement.i_module.i_modulename in self._modules:
                yield statement

    def _flattened(self, statements: Iterable[Statement], module: str) -> Iterator[_Found]:
        """The statements that become nodes below one of this `module`."""
        for statement in self._supported(statements):
            if statement.keyword != "choice":
                yield _Found(statement)
                continue
            for case in self._supported(statement.i_children):
                pair = (_local_name(statement, module), _local_name(case, module))
                for inner in self._flattened(case.i_children, module):
                    whens = (*_whens(statement), *_whens(case), *inner.whens)
                    yield _Found(inner.statement, (pair, *inner.cases), whens)

    def _default_cases(self, statements: Iterable[Statement], module: str) -> Iterator[tuple[str, str]]:
        for choice in self._supported(statements):
            if choice.keyword != "choice":
                continue
            default = argument(choice, "default").rpartition(":")[2]
            for case in self._supported(choice.i_children):
                if case.arg == default:
                    yield _local_name(choice, module), _local_name(case, module)
                yield from self._default_cases(case.i_children, module)

    def _node(self, found: _Found, parent: SchemaNode | None) -> SchemaNode:
        statement = found.statement
        kind = _KINDS[str(statement.keyword)]
        module = self._modules[statement.i_module.i_modulename]
        value_type = self._type(statement) if kind in (Kind.LEAF, Kind.LEAF_LIST) else None
        name = statement.arg
        children: dict[str, SchemaNode] = {}
        operations: dict[str, SchemaNode] = {}
        below = getattr(statement, "i_children", ())
        node = SchemaNode(
            kind=kind,
            name=name,
            module=module,
            tag=f"{{{module.namespace}}}{name}",
            path=f"{parent.path}/{_local_name(statement, parent.module.name)}" if parent else f"/{module.name}:{name}",
            parent=parent,
            config=bool(getattr(statement, "i_config", False)),
            presence=statement.search_one("presence") is not None,
            mandatory=argument(statement, "mandatory") == "true",
            ordered_by_user=argument(statement, "ordered-by") == "user",
            defaults=self._defaults(statement, value_type) if value_type else (),
            type=value_type,
            units=_inherited(statement, "units") if value_type else "",
            min_elements=int(argument(statement, "min-elements", "0")),
            max_elements=_max_elements(statement),
            cases=found.cases,
            access=_access(statement),
            children=MappingProxyType(children),
            operations=MappingProxyType(operations),
            default_cases=MappingProxyType(dict(self._default_cases(below, module.name))),
            conditions=tuple(self._conditions(found, module)),
        )
        for inner in self._flattened(below, module.name):
            child = self._node(inner, node)
            (operations if child.kind in _OPERATIONS else children)[child.tag] = child
        keys = tuple(children[f"{{{module.namespace}}}{key}"] for key in _key_names(statement))
        node.set_keys(keys, tuple(self._unique(node, unique) for unique in statement.search("unique")))
        return node

    def _conditions(self, found: _Found, module: Module) -> Iterator[Condition]:
        for must in found.statement.search("must"):
            yield Condition(must.arg, self._scope(must, module))
        for when in found.statement.search("when"):
            of_parent = getattr(when, "i_origin", "") == "uses"
            yield Condition(when.arg, self._scope(when, module), is_when=True, of_parent=of_parent)
        for when in (*found.whens, *_augmenting(found.statement)):
            yield Condition(when.arg, self._scope(when, module), is_when=True, of_parent=True)

    def _scope(self, statement: Statement, module: Module) -> Mapping[str | None, str]:
        """The prefixes of an XPath; a name without one is of the module that the node is in (section 6.4.1)."""
        key = (id(statement.i_orig_module), module.name)
        if key not in self._scopes:
            scope = {**self._namespaces(statement.i_orig_module), None: module.namespace}
            self._scopes[key] = MappingProxyType(scope)
        return self._scopes[key]

    def _unique(self, node: SchemaNode, unique: Statement) -> tuple[SchemaNode, ...] | None:
        """The leaves of a unique statement; None where one is not there, or is in a list of its own."""
        scope = self._scope(unique, node.module)
        leaves: list[SchemaNode] = []
        for path in unique.arg.split():
            leaf = node
            for step in path.split("/"):
                prefix, _, name = step.rpartition(":")
                found = leaf.children.get(f"{{{scope.get(prefix or None, '')}}}{name}")
                if found is None or found.kind is Kind.LIST:
                    return None
                leaf = found
            leaves.append(leaf)
        return tuple(leaves)

    def _type(self, statement: Statement) -> ValueType:
        type_statement = statement.search_one("type")
        if type_statement is None:
            raise SchemaError(f"{statement.pos}: '{statement.arg}' has no type")
        return self._types.read(type_statement, statement)

    def _defaults(self, statement: Statement, value_type: ValueType) -> tuple[str, ...]:
        if getattr(statement, "i_is_key", False):
            return ()  # Section 7.8.2: a key is always given, so its default and its type's are ignored.
        if argument(statement, "mandatory") == "true" or int(argument(statement, "min-elements", "0")) > 0:
            return ()
        try:
            return tuple(
                value_type.parse_default(default.arg, self._namespaces(default.i_orig_module))
                for default in _written(statement, "default")
            )
        except InvalidValue as error:
            raise SchemaError(f"{statement.pos}: default of '{statement.arg}': {error.message}") from None

    def _namespaces(self, module: ModuleStatement) -> dict[str | None, str]:
        """The prefixes that a default statement of this module can use; without one it means its own module."""
        own = self._modules.get(module.i_modulename)
        scope: dict[str | None, str] = {} if own is None else {None: own.namespace, module.i_prefix: own.namespace}
        for prefix, (name, _revision) in module.i_prefixes.items():
            if name in self._modules:
                scope[prefix] = self._modules[name].namespace
        return scope


def _augmenting(statement: Statement) -> Iterator[Statement]:
    """The whens of the augment that has brought a statement."""
    augment: Statement | None = getattr(statement, "i_augment", None)
    if augment is not None:
        yield from augment.search("when")


def _whens(statement: Statement) -> Iterator[Statement]:
    """The whens of a choice or a case, whose context is the data node above it."""
    yield from statement.search("when")
    yield from _augmenting(statement)


def _local_name(statement: Statement, parent_module: str) -> str:
    """The name as RFC 7951 writes it: with its module where that differs from the parent's."""
    module = statement.i_module.i_modulename
    return statement.arg if parent_module == module else f"{module}:{statement.arg}"


def _written(statement: Statement, keyword: str) -> list[Statement]:
    """The substatements of a leaf, or else those of the first of its typedefs that has any."""
    here: Statement | None = statement
    while here is not None:
        if found := list(here.search(keyword)):
            return found
        type_statement = here.search_one("type")
        here = None if type_statement is None else type_statement.i_typedef
    return []


def _inherited(statement: Statement, keyword: str) -> str:
    found = _written(statement, keyword)
    return found[0].arg if found else ""


def _max_elements(statement: Statement) -> int | None:
    text = argument(statement, "max-elements", "unbounded")
    return None if text == "unbounded" else int(text)


def _access(statement: Statement) -> Access | None:
    for access in (Access.DENY_ALL, Access.DENY_WRITE):
        if statement.search_one((_ACCESS_MODULE, access.value)) is not None:
            return access
    return None


def _key_names(statement: Statement) -> list[str]:
    return argument(statement, "key").split() if statement.keyword == "list" else []
