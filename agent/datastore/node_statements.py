"""From pyang's resolved statements to `SchemaNode`.

Choices are flattened, augments are in their place, and what lacks its feature is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from agent.datastore.modules import SchemaError
from agent.datastore.nodes import Access, Kind, Module, SchemaNode
from agent.datastore.restrictions import InvalidValue
from agent.datastore.statements import ModuleStatement, Statement, argument, is_supported
from agent.datastore.type_statements import TypeReader
from agent.datastore.values import ValueType

_KINDS: Final = MappingProxyType({kind.value: kind for kind in Kind} | {"anyxml": Kind.ANYDATA})
_OPERATIONS: Final = (Kind.RPC, Kind.ACTION, Kind.NOTIFICATION)
_ACCESS_MODULE: Final = "ietf-netconf-acm"
_NO_CASES: Final[tuple[tuple[str, str], ...]] = ()


class NodeReader:
    """Builds the trees below the implemented `modules`."""

    def __init__(self, modules: Mapping[str, Module], types: TypeReader) -> None:
        """`modules` are the implemented ones by name; what others would add to the trees is left out."""
        self._modules = modules
        self._types = types

    def read_roots(self, module: ModuleStatement) -> Iterator[SchemaNode]:
        """The top-level data nodes, rpcs and notifications of a module, in schema order. Raises SchemaError."""
        for statement, cases in self._flattened(module.i_children, ""):
            yield self._node(statement, None, cases)

    def _supported(self, statements: Iterable[Statement]) -> Iterator[Statement]:
        for statement in statements:
            if is_supported(statement) and statement.i_module.i_modulename in self._modules:
                yield statement

    def _flattened(
        self, statements: Iterable[Statement], module: str
    ) -> Iterator[tuple[Statement, tuple[tuple[str, str], ...]]]:
        """The statements that become nodes below one of this `module`, each with the choices and cases it sits in."""
        for statement in self._supported(statements):
            if statement.keyword != "choice":
                yield statement, _NO_CASES
                continue
            for case in self._supported(statement.i_children):
                pair = (_local_name(statement, module), _local_name(case, module))
                for inner, cases in self._flattened(case.i_children, module):
                    yield inner, (pair, *cases)

    def _default_cases(self, statements: Iterable[Statement], module: str) -> Iterator[tuple[str, str]]:
        for choice in self._supported(statements):
            if choice.keyword != "choice":
                continue
            default = argument(choice, "default").rpartition(":")[2]
            for case in self._supported(choice.i_children):
                if case.arg == default:
                    yield _local_name(choice, module), _local_name(case, module)
                yield from self._default_cases(case.i_children, module)

    def _node(self, statement: Statement, parent: SchemaNode | None, cases: tuple[tuple[str, str], ...]) -> SchemaNode:
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
            cases=cases,
            access=_access(statement),
            children=MappingProxyType(children),
            operations=MappingProxyType(operations),
            default_cases=MappingProxyType(dict(self._default_cases(below, module.name))),
        )
        for inner, inner_cases in self._flattened(below, module.name):
            child = self._node(inner, node, inner_cases)
            (operations if child.kind in _OPERATIONS else children)[child.tag] = child
        node.set_keys(tuple(children[f"{{{module.namespace}}}{key}"] for key in _key_names(statement)))
        return node

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
