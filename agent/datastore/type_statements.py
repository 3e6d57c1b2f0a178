"""From type statements to `ValueType` (RFC 7950 sections 7.4 and 9): restrictions along the chain of typedefs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final

from pyang import statements as pyang_statements
from pyang.context import Context

from agent.datastore.canonical import CANONICAL_FORMS
from agent.datastore.module_files import SchemaError
from agent.datastore.references import Identityref, ModuleNames, NodePath
from agent.datastore.restrictions import Bounds, Pattern
from agent.datastore.statements import ModuleStatement, Statement, argument, error_texts, is_supported
from agent.datastore.values import (
    Binary,
    Bits,
    Boolean,
    Decimal64,
    Empty,
    Enumeration,
    Integer,
    Leafref,
    String,
    Union,
    ValueType,
    scale_decimal,
    schema_integer,
)

_INTEGERS: Final = MappingProxyType(
    {f"int{size}": (-(2 ** (size - 1)), 2 ** (size - 1) - 1) for size in (8, 16, 32, 64)}
    | {f"uint{size}": (0, 2**size - 1) for size in (8, 16, 32, 64)}
)
_LONGEST: Final = 2**64 - 1
_XPATH: Final = ("ietf-yang-types", "xpath1.0")


class TypeReader:
    """Builds types for the leafs of one set of resolved modules; equal typedefs share one type."""

    def __init__(self, context: Context, implemented: Mapping[str, ModuleStatement], names: ModuleNames) -> None:
        """`implemented` modules are those whose identities can be values."""
        self._context = context
        self._names = names
        self._identities = {
            f"{name}:{identity.arg}": identity
            for name, module in implemented.items()
            for identity in module.i_identities.values()
            if is_supported(identity)
        }
        self._typedefs: dict[int, ValueType] = {}
        self._followed: list[Statement] = []
        self._readers: Mapping[str, Callable[[list[Statement], Statement], ValueType]] = {
            **dict.fromkeys(_INTEGERS, _integer),
            "decimal64": _decimal64,
            "string": self._string,
            "boolean": lambda derivation, leaf: Boolean(),
            "enumeration": _enumeration,
            "bits": _bits,
            "binary": _binary,
            "empty": lambda derivation, leaf: Empty(),
            "leafref": self._leafref,
            "identityref": self._identityref,
            "instance-identifier": lambda derivation, leaf: NodePath(names=self._names),
            "union": self._union,
        }

    @property
    def ancestry(self) -> Mapping[str, frozenset[str]]:
        """The identities by their canonical names, each with those it is derived from and itself."""
        return MappingProxyType(
            {
                name: frozenset(f"{base.i_module.i_modulename}:{base.arg}" for base in _ancestors(identity))
                for name, identity in self._identities.items()
            }
        )

    def read(self, type_statement: Statement, leaf: Statement) -> ValueType:
        """The type of `leaf`, or of a member of its union. Raises SchemaError for a leafref that leads nowhere."""
        typedef = type_statement.i_typedef
        if typedef is not None and len(type_statement.substmts) == 0 and id(typedef) in self._typedefs:
            return self._typedefs[id(typedef)]
        derivation = _derivation(type_statement)
        builtin = derivation[0].arg
        value_type = self._readers[builtin](derivation, leaf)
        # A leafref's path starts at the leaf, so that its typedef can mean another type elsewhere.
        if typedef is not None and len(type_statement.substmts) == 0 and builtin not in ("leafref", "union"):
            self._typedefs[id(typedef)] = value_type
        return value_type

    def _string(self, derivation: list[Statement], leaf: Statement) -> ValueType:
        patterns = tuple(_pattern(pattern) for step in derivation for pattern in step.search("pattern"))
        derived_from = [(typedef.i_module.i_modulename, typedef.arg) for typedef in _typedefs(derivation)]
        if _XPATH in derived_from:
            return NodePath(base="string", names=self._names, patterns=patterns)
        forms = [CANONICAL_FORMS[name] for name in derived_from if name in CANONICAL_FORMS]
        return String(
            base="string",
            name=_name(derivation),
            length=_bounds(derivation, "length", schema_integer, 0, _LONGEST),
            patterns=patterns,
            canonical=forms[-1] if forms else None,
        )

    def _identityref(self, derivation: list[Statement], leaf: Statement) -> ValueType:
        bases = [base.i_identity for base in derivation[0].search("base")]
        allowed = (
            name
            for name, identity in self._identities.items()
            if all(identity is not base and base in _ancestors(identity) for base in bases)
        )
        return Identityref(identities=tuple(allowed), names=self._names)

    def _leafref(self, derivation: list[Statement], leaf: Statement) -> ValueType:
        # pyang has resolved it already where it is a leaf's type, but not where it is a member of a union.
        resolved = pyang_statements.validate_leafref_path(
            self._context,
            leaf,
            derivation[0].i_type_spec.path_spec,
            derivation[0].search_one("path"),
            accept_non_config_target=True,
        )
        target: Statement | None = resolved[0] if resolved else None
        target_type = target.search_one("type") if target else None
        if target is None or target_type is None:
            raise SchemaError(f"{leaf.pos}: the leafref of '{leaf.arg}' points to no leaf")
        if target in self._followed:
            raise SchemaError(f"{leaf.pos}: the leafref of '{leaf.arg}' leads back to itself")
        required = all(argument(step, "require-instance", "true") == "true" for step in derivation)
        path = derivation[0].search("path")[0]
        self._followed.append(target)
        leafref = Leafref(
            target=self.read(target_type, target),
            require_instance=required,
            path=path.arg,
            namespaces=self._namespaces(path, leaf),
        )
        self._followed.pop()
        return leafref

    def _namespaces(self, path: Statement, leaf: Statement) -> Mapping[str | None, str]:
        """The prefixes of a path; a name without one is of the module that the leaf is in (section 6.4.1)."""
        written = path.i_orig_module
        modules: dict[str | None, str] = {None: leaf.i_module.i_modulename, written.i_prefix: written.i_modulename}
        modules.update({prefix: module for prefix, (module, _) in written.i_prefixes.items()})
        known = self._names.prefixes
        return MappingProxyType({prefix: known[module][1] for prefix, module in modules.items() if module in known})

    def _union(self, derivation: list[Statement], leaf: Statement) -> ValueType:
        return Union(
            name=_name(derivation), members=tuple(self.read(member, leaf) for member in derivation[0].search("type"))
        )


def _derivation(type_statement: Statement) -> list[Statement]:
    """The type statements from the builtin type's own to the given one."""
    steps = [type_statement]
    while (typedef := steps[-1].i_typedef) is not None:
        base = typedef.search_one("type")
        if base is None:
            raise SchemaError(f"{typedef.pos}: typedef '{typedef.arg}' has no type")
        steps.append(base)
    return steps[::-1]


def _typedefs(derivation: list[Statement]) -> Iterator[Statement]:
    return (step.i_typedef for step in derivation if step.i_typedef is not None)


def _name(derivation: list[Statement]) -> str:
    """The name of the most derived typedef, or '' for a type that is written at the leaf."""
    typedef = derivation[-1].i_typedef
    return "" if typedef is None else typedef.arg


def _ancestors(identity: Statement) -> list[Statement]:
    found = [identity]
    for known in found:
        found.extend(base.i_identity for base in known.search("base") if base.i_identity not in found)
    return found


def _last(derivation: list[Statement], keyword: str) -> list[Statement]:
    """The statements of this keyword in the most derived type that has any, as far as features support them."""
    written = next((found for step in reversed(derivation) if (found := step.search(keyword))), [])
    return [statement for statement in written if is_supported(statement)]


def _integer(derivation: list[Statement], leaf: Statement) -> ValueType:
    low, high = _INTEGERS[derivation[0].arg]
    return Integer(
        base=derivation[0].arg,
        bounds=_bounds(derivation, "range", schema_integer, low, high) or Bounds(((low, high),)),
    )


def _decimal64(derivation: list[Statement], leaf: Statement) -> ValueType:
    fraction_digits = int(argument(derivation[0], "fraction-digits"))
    low, high = -(2**63), 2**63 - 1
    bounds = _bounds(derivation, "range", lambda text: scale_decimal(text, fraction_digits), low, high)
    return Decimal64(base="decimal64", fraction_digits=fraction_digits, bounds=bounds or Bounds(((low, high),)))


def _enumeration(derivation: list[Statement], leaf: Statement) -> ValueType:
    numbers = _enum_values(derivation[0])
    names = tuple(enum.arg for enum in _last(derivation, "enum"))
    return Enumeration(names=names, numbers=tuple(numbers[name] for name in names))


def _enum_values(builtin: Statement) -> Mapping[str, int]:
    """The values of the first type of a derivation, which the others keep (section 9.6.4.2).

    pyang has them too, but after a negative one it goes on with zero.
    """
    values: dict[str, int] = {}
    for enum in builtin.search("enum"):
        following = max(values.values(), default=-1) + 1
        values[enum.arg] = int(argument(enum, "value", str(following)))
    return values


def _bits(derivation: list[Statement], leaf: Statement) -> ValueType:
    # A derived type may leave positions out; they are the base type's (RFC 7950 section 9.7.4.2).
    positions = {bit.arg: bit.i_position for bit in derivation[0].search("bit")}
    return Bits(names=tuple(sorted((bit.arg for bit in _last(derivation, "bit")), key=positions.__getitem__)))


def _binary(derivation: list[Statement], leaf: Statement) -> ValueType:
    return Binary(length=_bounds(derivation, "length", schema_integer, 0, _LONGEST))


def _pattern(statement: Statement) -> Pattern:
    inverted = argument(statement, "modifier") == "invert-match"
    message, app_tag = error_texts(statement)
    return Pattern(statement.arg, inverted, message, app_tag)


def _bounds(
    derivation: list[Statement], keyword: str, number: Callable[[str], int], low: int, high: int
) -> Bounds | None:
    """The most derived range or length; it lies within the earlier ones, which give min and max their meaning."""
    bounds: Bounds | None = None
    for restriction in chain.from_iterable(step.search(keyword) for step in derivation):
        numbers = {"min": low, "max": high}

        def read(text: str, named: Mapping[str, int] = numbers) -> int:
            return named[text] if text in named else number(text)

        ends = [[read(end.strip()) for end in part.split("..")] for part in restriction.arg.split("|")]
        bounds = Bounds(tuple((pair[0], pair[-1]) for pair in ends), *error_texts(restriction))
        low, high = bounds.parts[0][0], bounds.parts[-1][1]
    return bounds
