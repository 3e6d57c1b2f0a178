"""Expressions as texts for libxml2, over a tree whose top-level elements have one element above them.

An XML document has one root element and the data has many, so there is an element above them that stands for the root
of the data: `$root`. Invariant: no expression can tell it from the root, which is no element and has no name.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from agent.datastore.xpath.syntax import (
    Axis,
    Call,
    Expression,
    Literal,
    NameTest,
    Negation,
    NodeType,
    Number,
    Operation,
    Path,
    Step,
)

ABOVE: Final = "urn:ipsec-agent:root-of-the-data"
"""The namespace of the element above the top-level ones; nobody has a prefix for it."""
_REACH_THE_ROOT: Final = frozenset(
    {Axis.SELF, Axis.PARENT, Axis.ANCESTOR, Axis.ANCESTOR_OR_SELF, Axis.DESCENDANT_OR_SELF}
)
_REACH_BEYOND: Final = frozenset({Axis.PARENT, Axis.ANCESTOR, Axis.ANCESTOR_OR_SELF})
_OF_TEXTS: Final = MappingProxyType({"re-match": 0, "derived-from": 1, "derived-from-or-self": 1, "bit-is-set": 1})
"""From which of their arguments on functions of our own are given texts."""


class Writer:
    """Writes expressions, and chooses prefixes for the namespaces in them."""

    def __init__(self) -> None:
        """Start without prefixes."""
        self._prefixes: dict[str, str] = {}

    @property
    def namespaces(self) -> dict[str, str]:
        """The namespaces by the prefixes that were written."""
        return {prefix: namespace for namespace, prefix in self._prefixes.items()}

    def write(self, expression: Expression) -> str:
        """Return the text of an expression, in parentheses where it might need them."""
        match expression:
            case Path():
                return self._path(expression)
            case Literal(value=value):
                return f'"{value}"' if "'" in value else f"'{value}'"
            case Number(text=text):
                return text
            case Call(name="current"):
                return "$current"
            case Call():
                return self._call(expression)
            case Operation(operator=operator, operands=operands):
                return f"({f' {operator} '.join(map(self.write, operands))})"
            case Negation(operand=operand):
                return f"(-{self.write(operand)})"

    def _call(self, call: Call) -> str:
        texts_from = _OF_TEXTS.get(call.name, len(call.arguments))
        written = [
            f"string({self.write(argument)})" if number >= texts_from else self.write(argument)
            for number, argument in enumerate(call.arguments)
        ]
        return f"{call.name}({', '.join(written)})"

    def _path(self, path: Path) -> str:
        steps = [self._step(step) for step in path.steps]
        if path.start is not None:
            return "/".join([f"({self.write(path.start)}){self._predicates(path.filters)}", *steps])
        return "/".join(["$root", *steps] if path.is_absolute else steps)

    def _step(self, step: Step) -> str:
        return f"{step.axis.value}::{self._test(step.test)}{_guard(step)}{self._predicates(step.predicates)}"

    def _predicates(self, predicates: tuple[Expression, ...]) -> str:
        return "".join(f"[{self.write(predicate)}]" for predicate in predicates)

    def _test(self, test: NameTest | NodeType) -> str:
        if isinstance(test, NodeType):
            return f"{test.value}()"
        name = test.name or "*"
        return f"{self._prefix(test.namespace)}:{name}" if test.namespace else name

    def _prefix(self, namespace: str) -> str:
        return self._prefixes.setdefault(namespace, f"n{len(self._prefixes)}")


def _guard(step: Step) -> str:
    """Return what keeps a step from the element above, where that would count as one, and from what is above it."""
    if step.test == NameTest(None, None) and step.axis in _REACH_THE_ROOT:
        return "[parent::*]"
    return "[parent::node()]" if step.test is NodeType.NODE and step.axis in _REACH_BEYOND else ""
