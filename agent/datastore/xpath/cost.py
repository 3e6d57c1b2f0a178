"""How long an expression would take over a tree, in visits of nodes: estimated before it is evaluated.

libxml2 cannot be stopped, and a few words of XPath can keep it busy for hours. The estimate counts with averages: how
many nodes a step finds from one node is how many there are, by how many there are above them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from agent.datastore.schema import SchemaNode
from agent.datastore.xpath.analysis import DOWNWARD, Reach, asks_for_values
from agent.datastore.xpath.document import Document
from agent.datastore.xpath.syntax import (
    COMPARISON_OPERATORS,
    Axis,
    Call,
    Expression,
    Operation,
    Path,
    Step,
    Type,
    operands_of,
    type_of,
)

_CALL: Final = 500.0
"""What a call of a function of ours costs, in visits."""
_COMPARISONS: Final = 30.0
"""How many comparisons of two nodes cost as much as one visit."""
_DEPTH: Final = 10.0
"""How many ancestors a node has, at most."""
_OWN: Final = frozenset({"deref", "derived-from", "derived-from-or-self", "enum-value", "bit-is-set", "re-match"})
Nodes: TypeAlias = frozenset[SchemaNode | None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """The visits that one evaluation takes, how many nodes it finds, and of which schema nodes."""

    visits: float
    found: float = 0.0
    nodes: Nodes = frozenset()


class Estimator:
    """Estimates over one document."""

    def __init__(self, document: Document, reach: Reach) -> None:
        """Count the elements of the document once."""
        self._reach = reach
        self._counts = document.count()
        self._tops = document.tops
        self._total = float(sum(self._counts.values()))

    def visits(self, expression: Expression) -> float:
        """Return how many nodes are visited to evaluate an expression once."""
        return self._estimate(expression).visits

    def _estimate(self, expression: Expression) -> Estimate:
        if isinstance(expression, Path):
            return self._path(expression)
        operands = [self._estimate(operand) for operand in operands_of(expression)]
        visits, found = sum(operand.visits for operand in operands), sum(operand.found for operand in operands)
        if isinstance(expression, Call) and expression.name in _OWN:
            visits += _CALL + (self._total if expression.name == "deref" else 0.0)
        if type_of(expression) is Type.NODES:
            nodes: Nodes = frozenset().union(*(operand.nodes for operand in operands))
            return Estimate(visits + found * found / _COMPARISONS, max(found, 1.0), nodes)
        if isinstance(expression, Operation) and expression.operator in COMPARISON_OPERATORS:
            visits += operands[0].found * operands[1].found / _COMPARISONS
        if asks_for_values(expression):
            visits += sum(operand.found * self._below(operand.nodes) for operand in operands)
        return Estimate(visits)

    def _path(self, path: Path) -> Estimate:
        visits, found, nodes = 0.0, 1.0, Nodes()
        if path.start is not None:
            start = self._estimate(path.start)
            visits, found, nodes = start.visits + self._judging(path.filters, start.found), start.found, start.nodes
        for step in path.steps:
            taken = self._step(step, found)
            visits, found, nodes = visits + taken.visits, taken.found, taken.nodes
        return Estimate(visits, found, nodes)

    def _judging(self, predicates: tuple[Expression, ...], found: float) -> float:
        return found * sum(1.0 + self._estimate(predicate).visits for predicate in predicates)

    def _step(self, step: Step, size: float) -> Estimate:
        """Estimate a step from `size` nodes."""
        before, after = self._reach.get(step, (Nodes(), Nodes()))
        origins, targets = self._count(before), self._count(after)
        seen, found = self._along(step.axis, before, targets / origins)
        total = min(size * found, max(targets, 1.0))
        visits = size * (1.0 + seen)
        if step.axis not in DOWNWARD and size > 1.0:  # Nodes that several others lead to are found among the found.
            visits += size * found * total / _COMPARISONS
        return Estimate(visits + self._judging(step.predicates, size * found), total, after)

    def _along(self, axis: Axis, before: Nodes, average: float) -> tuple[float, float]:
        """Return how many nodes are seen from one node, and how many are found if on average there are so many."""
        match axis:
            case Axis.CHILD:
                return self._per_node(before, self._children), average
            case Axis.DESCENDANT | Axis.DESCENDANT_OR_SELF:
                return self._below(before), average
            case Axis.SELF | Axis.PARENT:
                return 1.0, 1.0
            case Axis.ANCESTOR | Axis.ANCESTOR_OR_SELF:
                return _DEPTH, _DEPTH
            case Axis.FOLLOWING_SIBLING | Axis.PRECEDING_SIBLING:
                parents = frozenset(node.parent for node in before if node is not None)
                siblings = self._per_node(parents, self._children)
                return siblings, siblings
            case Axis.FOLLOWING | Axis.PRECEDING:
                return self._total, self._total
            case Axis.ATTRIBUTE | Axis.NAMESPACE:
                return 1.0, 1.0

    def _count(self, nodes: Nodes) -> float:
        return float(max(1, sum(self._counts[node] for node in nodes)))

    def _per_node(self, nodes: Nodes, of_one: Callable[[SchemaNode | None], int]) -> float:
        return sum(map(of_one, nodes)) / self._count(nodes)

    def _children(self, node: SchemaNode | None) -> int:
        below = self._tops if node is None else node.children
        return sum(self._counts[child] for child in below.values())

    def _below(self, nodes: Nodes) -> float:
        """Return how many elements are below one of the nodes, on average."""
        return self._per_node(nodes, self._descendants)

    def _descendants(self, node: SchemaNode | None) -> int:
        below = self._tops if node is None else node.children
        return sum(self._counts[child] + self._descendants(child) for child in below.values())
