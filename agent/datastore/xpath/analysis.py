"""What an expression can touch, found out from the schema alone.

Each step is taken over patterns instead of nodes. Where nothing but names and values of leaves decide, the patterns are
the answer, and no data needs to be looked at to find it (an *exact* expression). For any other expression they say
which part of the data has to be there for it to be evaluated: entries whose keys are given are looked up even then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from agent.datastore.references import NodePath
from agent.datastore.rendering import Roots
from agent.datastore.schema import SchemaNode
from agent.datastore.values import Leafref
from agent.datastore.xpath.matches import Identities, NeverHolds, narrow
from agent.datastore.xpath.parser import parse
from agent.datastore.xpath.patterns import ROOT, Pattern, SelectedPatterns, is_leaf, last
from agent.datastore.xpath.syntax import (
    LOGICAL_OPERATORS,
    Axis,
    Call,
    Expression,
    NameTest,
    NodeType,
    Operation,
    Path,
    Step,
    Type,
    is_positional,
    operands_of,
    type_of,
)

Patterns: TypeAlias = tuple[Pattern, ...]
Reach: TypeAlias = Mapping[Step, tuple[frozenset[SchemaNode | None], frozenset[SchemaNode | None]]]
MAXIMUM_PATTERNS: Final = 200_000
"""How many patterns an analysis looks at before it gives up."""
DOWNWARD: Final = frozenset({Axis.CHILD, Axis.DESCENDANT, Axis.DESCENDANT_OR_SELF, Axis.SELF})
_BY_EXISTENCE: Final = frozenset({"not", "boolean", "count", "local-name", "name", "namespace-uri"})
"""The functions that ask of nodes no more than whether they are there and what they are called."""
_OF_THE_CONTEXT: Final = frozenset({"string", "number", "string-length", "normalize-space"})
"""The functions that ask for the value of the context node where they are given no other."""


class TooComplex(Exception):
    """An expression that leads to more places than are worth looking at."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What an expression selects and touches; an exact one selects just `results`.

    `touched` is what must be there to evaluate any other. `reach` are the schema nodes before each step and those that
    it leads to, None the root.
    """

    results: Roots
    is_exact: bool
    touched: Roots
    reach: Reach


def analyse(expression: Expression, roots: Mapping[str, SchemaNode], namespaces: Mapping[str, str]) -> Analysis:
    """Return what an expression touches below the top-level nodes `roots`; TooComplex when that is too much."""
    analyser = _Analyser(roots, Identities(namespaces))
    results = analyser.touch(expression, (ROOT,), value=False)
    selected = SelectedPatterns(roots.values())
    for pattern in results:
        selected.add(pattern)
    reach = {step: (frozenset(before), frozenset(after)) for step, (before, after) in analyser.reach.items()}
    return Analysis(selected.selection(), analyser.is_exact, analyser.touched.selection(), reach)


def asks_for_values(expression: Expression) -> bool:
    """Tell whether an expression asks for the values of the nodes it is given, not only whether they are there."""
    match expression:
        case Operation(operator=operator):
            return operator not in LOGICAL_OPERATORS
        case Call(name=name):
            return name not in _BY_EXISTENCE
        case _:
            return True


class _Analyser:
    """Walks through an expression once, and remembers what it comes across."""

    def __init__(self, roots: Mapping[str, SchemaNode], identities: Identities) -> None:
        self._roots = roots
        self._identities = identities
        self._current: Patterns = (ROOT,)
        self._seen = 0
        self.is_exact = True
        self.touched = SelectedPatterns(roots.values())
        self.reach: dict[Step, tuple[set[SchemaNode | None], set[SchemaNode | None]]] = {}

    def touch(self, expression: Expression, context: Patterns, *, value: bool) -> Patterns:
        """Take note of what an expression touches; return the nodes it leads to, of which their value may be asked."""
        if type_of(expression) is Type.NODES:
            nodes = self._nodes(expression, context)
            self._add(nodes, whole=value)
            return nodes
        if isinstance(expression, Call) and not expression.arguments and expression.name in _OF_THE_CONTEXT:
            self._add(context, whole=True)
        for operand in operands_of(expression):
            self.touch(operand, context, value=asks_for_values(expression))
        return ()

    def _add(self, patterns: Patterns, *, whole: bool) -> None:
        for pattern in patterns:
            if pattern or whole:
                self.touched.add(pattern, whole=whole)

    def _nodes(self, expression: Expression, context: Patterns) -> Patterns:
        match expression:
            case Path():
                return self._path(expression, context)
            case Call(name="current"):
                return self._current
            case Call(name="deref", arguments=arguments):
                return self._dereferenced(self.touch(arguments[0], context, value=True))
            case Operation(operands=operands):
                found = [self._nodes(operand, context) for operand in operands]
                return _once(pattern for patterns in found for pattern in patterns)
            case _:  # id(): no node has one
                self.is_exact = False
                for operand in operands_of(expression):
                    self.touch(operand, context, value=True)
                return ()

    def _path(self, path: Path, context: Patterns) -> Patterns:
        if path.start is not None:
            patterns = self._filtered(self._nodes(path.start, context), path.filters)
        else:
            patterns = (ROOT,) if path.is_absolute else context
        for step in path.steps:
            patterns = self._step(step, patterns)
        return patterns

    def _step(self, step: Step, patterns: Patterns) -> Patterns:
        if step.axis not in DOWNWARD:
            self.is_exact = False
            self._add(patterns, whole=False)
        elif step.test is NodeType.TEXT or (step.test is NodeType.NODE and step.axis in (Axis.CHILD, Axis.DESCENDANT)):
            self.is_exact = False
            self._add(tuple(pattern for pattern in patterns if is_leaf(last(pattern))), whole=True)
        found = _once(self._counted(reached for pattern in patterns for reached in self._reached(step, pattern)))
        before, after = self.reach.setdefault(step, (set(), set()))
        before.update(map(last, patterns))
        after.update(map(last, found))
        return self._filtered(found, step.predicates)

    def _counted(self, patterns: Iterable[Pattern]) -> Iterator[Pattern]:
        for pattern in patterns:
            self._seen += 1
            if self._seen > MAXIMUM_PATTERNS:
                raise TooComplex
            yield pattern

    def _filtered(self, patterns: Patterns, predicates: tuple[Expression, ...]) -> Patterns:
        """Return where the predicates can hold: those before the first one of positions narrow what is looked at."""
        can_narrow = True
        for predicate in predicates:
            can_narrow = can_narrow and not is_positional(predicate)
            if can_narrow:
                patterns = _once(self._narrowed(predicate, patterns))
            else:
                self.is_exact = False
            self.touch(predicate, patterns, value=False)
        if predicates:
            self._add(patterns, whole=False)
        return patterns

    def _narrowed(self, predicate: Expression, patterns: Patterns) -> Iterator[Pattern]:
        for pattern in patterns:
            try:
                narrowed = narrow(predicate, pattern, self._identities)
            except NeverHolds:
                continue
            self.is_exact = self.is_exact and narrowed.is_exact
            yield narrowed.pattern

    def _reached(self, step: Step, pattern: Pattern) -> Iterator[Pattern]:
        """Iterate over where one step leads from a pattern; the text of a leaf counts as the leaf."""
        if step.test in (NodeType.TEXT, NodeType.NODE) and step.axis in (Axis.CHILD, Axis.DESCENDANT):
            yield from (pattern,) if is_leaf(last(pattern)) else ()
        for reached in self._along(step.axis, pattern):
            node = last(reached)
            if isinstance(step.test, NameTest):
                if node is not None and step.test.accepts(node.tag):
                    yield reached
            elif step.test is NodeType.NODE or (step.test is NodeType.TEXT and is_leaf(node)):
                yield reached

    def _along(self, axis: Axis, pattern: Pattern) -> Iterator[Pattern]:
        """Iterate over where an axis leads from a pattern."""
        match axis:
            case Axis.SELF:
                yield pattern
            case Axis.CHILD:
                yield from self._children(pattern)
            case Axis.DESCENDANT:
                yield from self._descendants(pattern)
            case Axis.DESCENDANT_OR_SELF:
                yield pattern
                yield from self._descendants(pattern)
            case Axis.PARENT:
                yield from (pattern[:-1],) if pattern else ()
            case Axis.ANCESTOR | Axis.ANCESTOR_OR_SELF:
                yield from (pattern[:length] for length in range(len(pattern) + (axis is Axis.ANCESTOR_OR_SELF)))
            case Axis.FOLLOWING_SIBLING | Axis.PRECEDING_SIBLING:
                yield from self._children(pattern[:-1]) if pattern else ()
            case Axis.FOLLOWING | Axis.PRECEDING:
                yield from self._descendants(ROOT)
            case Axis.ATTRIBUTE | Axis.NAMESPACE:
                return

    def _children(self, pattern: Pattern) -> Iterator[Pattern]:
        node = last(pattern)
        for child in (self._roots if node is None else node.children).values():
            yield (*pattern, (child, ()))

    def _descendants(self, pattern: Pattern) -> Iterator[Pattern]:
        for child in self._children(pattern):
            yield child
            yield from self._descendants(child)

    def _dereferenced(self, patterns: Patterns) -> Patterns:
        """Return where references lead (RFC 7950 section 10.3.1): along the path of a leafref, or anywhere."""
        self.is_exact = False
        found: list[Pattern] = []
        for pattern in patterns:
            node = last(pattern)
            type_ = node.type if node is not None else None
            if isinstance(type_, Leafref):
                found.extend(self._along_reference(type_, pattern))
            elif isinstance(type_, NodePath) and type_.base == "instance-identifier":
                self._add((ROOT,), whole=True)
                found.extend(self._descendants(ROOT))
        return _once(found)

    def _along_reference(self, type_: Leafref, pattern: Pattern) -> Patterns:
        outer, self._current = self._current, (pattern,)
        found = self.touch(parse(type_.path, type_.namespaces), (pattern,), value=True)
        self._current = outer
        return found


def _once(patterns: Iterable[Pattern]) -> Patterns:
    return tuple(dict.fromkeys(patterns))
