"""Predicates as matches: what can be decided by the value of a leaf alone, and so be pushed down to a look-up.

XPath compares texts. Invariant: a predicate becomes matches only where comparing canonical values gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agent.datastore.references import Identityref
from agent.datastore.schema import Kind, SchemaNode
from agent.datastore.selection import Match
from agent.datastore.values import Integer, Leafref, String, ValueType
from agent.datastore.xpath.patterns import Pattern
from agent.datastore.xpath.syntax import (
    Axis,
    Expression,
    Literal,
    NameTest,
    NodeType,
    Number,
    Operation,
    Path,
    Step,
    operands_of,
)

_EXACT_INTEGERS: Final = 2**53
"""Up to here every integer is a number of XPath, which are floating-point."""
_LEAVES: Final = (Kind.LEAF, Kind.LEAF_LIST)


class NeverHolds(Exception):
    """A predicate that no instance fulfils."""


@dataclass(frozen=True, slots=True)
class Identities:
    """How the names of identities are written beside an expression: with the prefixes that are declared for it."""

    namespaces: Mapping[str, str]

    def text(self, canonical: str, type_: Identityref) -> str:
        """Return the name of an identity; where no prefix is declared for its module, with the module's own."""
        module, _, name = canonical.partition(":")
        own, namespace = type_.names.prefixes[module]
        declared = (prefix for prefix, declared in self.namespaces.items() if declared == namespace)
        return f"{next(declared, own)}:{name}"

    def find(self, text: str, type_: Identityref) -> str | None:
        """Return the canonical name of the identity that a text names, None when it is not how one is written."""
        return next((canonical for canonical in type_.identities if self.text(canonical, type_) == text), None)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A pattern and whether its matches say all that the predicate does."""

    pattern: Pattern
    is_exact: bool


def narrow(predicate: Expression, pattern: Pattern, identities: Identities) -> Narrowed:
    """Return a pattern with what a predicate, which does not depend on positions, demands of leaves.

    Raises NeverHolds for a predicate that no instance of the pattern can fulfil.
    """
    is_and = isinstance(predicate, Operation) and predicate.operator == "and"
    demands = predicate.operands if is_and and isinstance(predicate, Operation) else (predicate,)
    matches = [_match(demand, pattern, identities) for demand in demands]
    found = [match for match in matches if match is not None]
    return Narrowed(_with(pattern, found), len(found) == len(matches))


def compared_literals(expression: Expression) -> tuple[str, ...] | None:
    """Return the literals, in their order, of a path whose predicates do nothing but to compare nodes with one each.

    None for any other expression. Where such a path is exact, each literal is one match.
    """
    if not isinstance(expression, Path) or expression.start is not None:
        return None
    literals: list[str] = []
    for predicate in (predicate for step in expression.steps for predicate in step.predicates):
        is_and = isinstance(predicate, Operation) and predicate.operator == "and"
        for demand in predicate.operands if is_and and isinstance(predicate, Operation) else (predicate,):
            compared = _compared(demand)
            if compared is None:
                return None
            literals.append(compared)
    return tuple(literals)


def _compared(demand: Expression) -> str | None:
    if not isinstance(demand, Operation) or demand.operator != "=":
        return None
    paths = [each for each in demand.operands if isinstance(each, Path) and not any(operands_of(each))]
    literals = [each for each in demand.operands if isinstance(each, Literal)]
    return literals[0].value if paths and literals else None


def _with(pattern: Pattern, matches: list[Match]) -> Pattern:
    if not matches:
        return pattern
    node, before = pattern[-1]
    if node.parent is not None and node in node.parent.keys:  # What a key has to be is said of its entry.
        return (*_with(pattern[:-1], matches), (node, ()))
    together = tuple(dict.fromkeys((*before, *matches)))
    if node.kind in _LEAVES and len(together) > 1:
        raise NeverHolds  # One value is not two.
    return (*pattern[:-1], (node, together))


def _match(demand: Expression, pattern: Pattern, identities: Identities) -> Match | None:
    """Return the match that one demand is, None for one that is none."""
    if not pattern or not isinstance(demand, Operation) or demand.operator != "=":
        return None
    left, right = demand.operands
    path, constant = (left, right) if isinstance(left, Path) else (right, left)
    if not isinstance(path, Path) or not isinstance(constant, Literal | Number):
        return None
    leaf = _leaf(path, pattern[-1][0])
    if leaf is None or leaf.type is None:
        return None
    value = _value(leaf.type, constant, identities)
    return None if value is None else Match(leaf, value, shown=False)


def _leaf(path: Path, node: SchemaNode) -> SchemaNode | None:
    """Return the leaf that a path leads to from an instance of a node: itself or a child; None for any other path."""
    if path.is_absolute or path.start is not None:
        return None
    steps = [step for step in path.steps if not _is_here(step)]
    if not steps:
        return node if node.kind in _LEAVES else None
    test = steps[0].test
    if len(steps) > 1 or steps[0].axis is not Axis.CHILD or steps[0].predicates or not isinstance(test, NameTest):
        return None
    if test.namespace is None or test.name is None:
        return None
    leaf = node.children.get(f"{{{test.namespace}}}{test.name}")
    if leaf is None:
        raise NeverHolds
    return leaf if leaf.kind in _LEAVES else None


def _is_here(step: Step) -> bool:
    return step.axis is Axis.SELF and step.test is NodeType.NODE and not step.predicates


def _value(type_: ValueType, constant: Literal | Number, identities: Identities) -> str | None:
    """Return the canonical value that equals a constant, None where several may."""
    if isinstance(type_, Leafref):
        return _value(type_.target, constant, identities)
    if isinstance(constant, Number):
        return _integer(type_, float(constant.text)) if isinstance(type_, Integer) else None
    if isinstance(type_, String):
        return constant.value
    if isinstance(type_, Identityref):
        return _required(identities.find(constant.value, type_))
    if type_.has_prefixes:
        return None
    return _required(constant.value if type_.is_canonical(constant.value) else None)


def _integer(type_: Integer, number: float) -> str | None:
    if abs(number) > _EXACT_INTEGERS:
        return None
    return _required(str(int(number)) if number.is_integer() and type_.is_canonical(str(int(number))) else None)


def _required(value: str | None) -> str:
    if value is None:
        raise NeverHolds
    return value
