"""XPath 1.0 expressions as trees (XPath 1.0 sections 2 and 3, with the functions of RFC 7950 section 10).

Every expression has a type that does not depend on data, since there are no variables. Invariant: what `parse` returns
is well-typed: every function is known and has as many arguments as it takes, every prefix is declared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeAlias


class Type(Enum):
    """What an expression evaluates to."""

    NODES = "node-set"
    BOOLEAN = "boolean"
    NUMBER = "number"
    STRING = "string"


class Axis(Enum):
    """Where a step leads from a node (section 2.2)."""

    ANCESTOR = "ancestor"
    ANCESTOR_OR_SELF = "ancestor-or-self"
    ATTRIBUTE = "attribute"
    CHILD = "child"
    DESCENDANT = "descendant"
    DESCENDANT_OR_SELF = "descendant-or-self"
    FOLLOWING = "following"
    FOLLOWING_SIBLING = "following-sibling"
    NAMESPACE = "namespace"
    PARENT = "parent"
    PRECEDING = "preceding"
    PRECEDING_SIBLING = "preceding-sibling"
    SELF = "self"


class NodeType(Enum):
    """The node tests that are no names (section 2.3)."""

    NODE = "node"
    TEXT = "text"
    COMMENT = "comment"
    INSTRUCTION = "processing-instruction"


@dataclass(frozen=True, slots=True)
class NameTest:
    """A name in a namespace ('' is none); None stands for all names, or for all namespaces."""

    namespace: str | None
    name: str | None

    def accepts(self, tag: str) -> bool:
        """Tell whether it is the test of an element with this tag, {namespace}name."""
        namespace, _, name = tag.removeprefix("{").rpartition("}")
        return self.namespace in (None, namespace) and self.name in (None, name)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One step of a path. It is equal to itself alone: the same words elsewhere lead elsewhere."""

    axis: Axis
    test: NameTest | NodeType
    predicates: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """Steps from the root, from what `start` evaluates to, or (None) from the context node.

    `filters` are the predicates of `start`.
    """

    steps: tuple[Step, ...]
    is_absolute: bool = False
    start: Expression | None = None
    filters: tuple[Expression, ...] = ()


@dataclass(frozen=True, slots=True)
class Literal:
    """A string."""

    value: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function call."""

    name: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operator between two expressions; of 'or', 'and' and '|' between any number."""

    operator: str
    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The unary minus."""

    operand: Expression


Expression: TypeAlias = Path | Literal | Number | Call | Operation | Negation
COMPARISON_OPERATORS: Final = frozenset({"=", "!=", "<", "<=", ">", ">="})
LOGICAL_OPERATORS: Final = frozenset({"or", "and"})


@dataclass(frozen=True, slots=True)
class Signature:
    """How many arguments a function takes (None: any number), whether the first is a node-set, what it returns."""

    least: int
    most: int | None
    result: Type
    takes_nodes: bool = False


def _signatures() -> Iterator[tuple[str, Signature]]:
    boolean, number, string, nodes = Type.BOOLEAN, Type.NUMBER, Type.STRING, Type.NODES
    yield from ((name, Signature(0, 0, number)) for name in ("last", "position"))
    yield from ((name, Signature(0, 0, boolean)) for name in ("true", "false"))
    yield from ((name, Signature(1, 1, boolean)) for name in ("boolean", "not", "lang"))
    yield from ((name, Signature(1, 1, number)) for name in ("floor", "ceiling", "round"))
    yield from ((name, Signature(0, 1, number)) for name in ("number", "string-length"))
    yield from ((name, Signature(0, 1, string)) for name in ("string", "normalize-space"))
    yield from ((name, Signature(2, 2, boolean)) for name in ("starts-with", "contains", "re-match"))
    yield from ((name, Signature(2, 2, string)) for name in ("substring-before", "substring-after"))
    yield from ((name, Signature(1, 1, number, takes_nodes=True)) for name in ("count", "sum", "enum-value"))
    yield from ((name, Signature(0, 1, string, takes_nodes=True)) for name in ("local-name", "namespace-uri", "name"))
    yield from (
        (name, Signature(2, 2, boolean, takes_nodes=True))
        for name in ("derived-from", "derived-from-or-self", "bit-is-set")
    )
    yield "substring", Signature(2, 3, string)
    yield "translate", Signature(3, 3, string)
    yield "concat", Signature(2, None, string)
    yield "id", Signature(1, 1, nodes)
    yield "current", Signature(0, 0, nodes)
    yield "deref", Signature(1, 1, nodes, takes_nodes=True)


FUNCTIONS: Final[Mapping[str, Signature]] = MappingProxyType(dict(_signatures()))


def type_of(expression: Expression) -> Type:
    """Return what an expression evaluates to."""
    match expression:
        case Path():
            return Type.NODES
        case Literal():
            return Type.STRING
        case Number() | Negation():
            return Type.NUMBER
        case Call(name=name):
            return FUNCTIONS[name].result
        case Operation(operator="|"):
            return Type.NODES
        case Operation(operator=operator):
            return Type.BOOLEAN if operator in COMPARISON_OPERATORS | LOGICAL_OPERATORS else Type.NUMBER


def is_positional(predicate: Expression) -> bool:
    """Tell whether a predicate depends on where in its set a node stands; True too where one within it might."""
    return type_of(predicate) is Type.NUMBER or any(
        isinstance(part, Call) and part.name in ("position", "last") for part in parts_of(predicate)
    )


def parts_of(expression: Expression) -> Iterator[Expression]:
    """Iterate over an expression and all that it is made of."""
    yield expression
    for operand in operands_of(expression):
        yield from parts_of(operand)


def operands_of(expression: Expression) -> Iterator[Expression]:
    """Iterate over the expressions directly within one."""
    match expression:
        case Path(steps=steps, start=start, filters=filters):
            if start is not None:
                yield start
            yield from filters
            yield from (predicate for step in steps for predicate in step.predicates)
        case Call(arguments=arguments):
            yield from arguments
        case Operation(operands=operands):
            yield from operands
        case Negation(operand=operand):
            yield operand
        case _:
            return
