"""What the constraints of a schema read: found in their expressions, once, without any data (RFC 7950 section 8.1).

Every must, when and leafref becomes a `Constraint` with its `Read`s: schema nodes, each with the `anchor` from which
the way down to it begins, an instance of which the constrained node itself lies in. A list on that way is `pinned`
where the expression names the keys of the entries that it wants. Invariant: an expression never reads, in any data,
what its constraint does not say; one of which that cannot be known is opaque.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import Final, TypeAlias

from agent.datastore.nodes import Condition, Kind, SchemaNode
from agent.datastore.values import Leafref, Union, ValueType
from agent.datastore.xpath.parser import XPathError, parse
from agent.datastore.xpath.syntax import (
    Axis,
    Call,
    Expression,
    Literal,
    NameTest,
    NodeType,
    Operation,
    Path,
    Step,
    is_positional,
    operands_of,
)

LEAVES: Final = (Kind.LEAF, Kind.LEAF_LIST)
MAXIMUM_PLACES: Final = 2000
"""To how many schema nodes one step may lead: an expression with more is opaque."""


class Rule(Enum):
    """What a constraint is."""

    MUST = "must"
    WHEN = "when"
    LEAFREF = "leafref"


@dataclass(frozen=True, slots=True)
class Pointer:
    """A leaf or leaf-list that is reached from an instance of `anchor` (None: the root) without a list between."""

    anchor: SchemaNode | None
    node: SchemaNode


KeySource: TypeAlias = "str | Pointer"
Pins: TypeAlias = Mapping[SchemaNode, tuple[KeySource, ...]]
NO_PINS: Final[Pins] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Read:
    """A node that an expression reads; `route` are the nodes from below the anchor down to it."""

    node: SchemaNode | None
    anchor: SchemaNode | None
    pins: Pins = field(default_factory=lambda: NO_PINS)

    @property
    def route(self) -> tuple[SchemaNode, ...]:
        """The nodes from below the anchor down to the node that is read."""
        return below(self.anchor, self.node)


@dataclass(frozen=True, slots=True, eq=False)
class Constraint:
    """A constraint on every instance of a node; of a leafref, `targets` are the leaves one of which has its value."""

    node: SchemaNode
    rule: Rule
    reads: tuple[Read, ...]
    targets: tuple[Read, ...] = ()
    is_opaque: bool = False


def below(anchor: SchemaNode | None, node: SchemaNode | None) -> tuple[SchemaNode, ...]:
    """Return the nodes from below an ancestor (None: the root) down to a node."""
    route: list[SchemaNode] = []
    while node is not None and node is not anchor:
        route.append(node)
        node = node.parent
    return tuple(reversed(route))


def constraints_of(node: SchemaNode, roots: Mapping[str, SchemaNode]) -> Iterator[Constraint]:
    """Iterate over the constraints that stand at a node of the configuration."""
    for condition in node.conditions:
        rule = Rule.WHEN if condition.is_when else Rule.MUST
        yield _constraint(node, rule, _Reader(roots, node), condition)
    if node.type is not None:
        yield from _references(node, node.type, roots)


def _constraint(node: SchemaNode, rule: Rule, reader: _Reader, condition: Condition) -> Constraint:
    context = _Place(node, node)
    if condition.of_parent:
        context = _Place(node.parent, node.parent)
    try:
        reader.current = context
        reader.evaluate(parse(condition.text, condition.namespaces), context)
    except (XPathError, _Opaque):
        return Constraint(node, rule, (), is_opaque=True)
    return Constraint(node, rule, tuple(reader.reads))


def _references(node: SchemaNode, type_: ValueType, roots: Mapping[str, SchemaNode]) -> Iterator[Constraint]:
    if isinstance(type_, Union):
        for member in type_.members:
            yield from _references(node, member, roots)
    elif isinstance(type_, Leafref) and type_.require_instance:
        reader = _Reader(roots, node)
        try:
            targets = tuple(reader.targets(type_))
            yield Constraint(node, Rule.LEAFREF, tuple(reader.reads), targets)
        except (XPathError, _Opaque):
            yield Constraint(node, Rule.LEAFREF, (), is_opaque=True)
        yield from _references(node, type_.target, roots) if isinstance(type_.target, Union) else ()
    elif type_.base == "instance-identifier":
        yield Constraint(node, Rule.LEAFREF, (), is_opaque=True)


class _Opaque(Exception):
    """What an expression reads cannot be told from the schema."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an expression has got to."""

    node: SchemaNode | None
    anchor: SchemaNode | None
    pins: Pins = field(default_factory=lambda: NO_PINS)

    def parent(self) -> _Place:
        if self.node is None:
            raise _Opaque
        above = self.node.parent
        anchor = above if self.node is self.anchor else self.anchor
        return _Place(above, anchor, {node: pin for node, pin in self.pins.items() if node is not self.node})


class _Reader:
    """The walk of one expression over the schema."""

    def __init__(self, roots: Mapping[str, SchemaNode], node: SchemaNode) -> None:
        self._roots = roots
        self.current = _Place(node, node)
        self.reads: list[Read] = []

    def targets(self, type_: Leafref) -> Iterator[Read]:
        """Iterate over the leaves that a leafref may refer to, which are pinned by its own value if that can be."""
        for target in self.nodes(parse(type_.path, type_.namespaces), self.current):
            yield _read(self._pinned_by(target, self.current))

    def evaluate(self, expression: Expression, context: _Place, *, as_value: bool = False) -> None:
        """Take note of all that an expression reads."""
        if _is_node_set(expression):
            for place in self.nodes(expression, context):
                self._note(place, as_value=as_value)
            return
        is_logical = isinstance(expression, Operation) and expression.operator in ("and", "or")
        counts = isinstance(expression, Call) and expression.name in ("not", "boolean", "count")
        for operand in operands_of(expression):
            self.evaluate(operand, context, as_value=not (is_logical or counts))
        if isinstance(expression, Call) and not expression.arguments:
            self._note(context, as_value=True)  # string(), number(), … without an argument

    def nodes(self, expression: Expression, context: _Place) -> list[_Place]:
        """Return where a node-set may lead, and take note of what is read on the way."""
        match expression:
            case Call(name="current"):
                return [self.current]
            case Call(name="deref", arguments=(argument,)):
                return [target for place in self.nodes(argument, context) for target in self._dereferenced(place)]
            case Operation(operator="|", operands=operands):
                return [place for operand in operands for place in self.nodes(operand, context)]
            case Path(steps=steps, is_absolute=is_absolute, start=start, filters=filters):
                places = [_Place(None, None)] if is_absolute else [context] if start is None else []
                if start is not None:
                    places = self.nodes(start, context)
                for place in places:
                    self._predicates(filters, place)
                for step in steps:
                    places = self._step(step, places)
                return places
        raise _Opaque

    def _step(self, step: Step, places: list[_Place]) -> list[_Place]:
        found: dict[tuple[object, ...], _Place] = {}
        for place in places:
            for reached in self._reached(step.axis, place):
                if _accepts(step.test, reached):
                    pinned = self._predicates(step.predicates, reached)
                    found[pinned.node, pinned.anchor, tuple(pinned.pins.items())] = pinned
        if len(found) > MAXIMUM_PLACES:
            raise _Opaque
        return list(found.values())

    def _reached(self, axis: Axis, place: _Place) -> Iterator[_Place]:
        if axis is Axis.SELF:
            yield place
        elif axis is Axis.CHILD:
            yield from self._children(place)
        elif axis in (Axis.DESCENDANT, Axis.DESCENDANT_OR_SELF):
            if axis is Axis.DESCENDANT_OR_SELF:
                yield place
            for child in self._children(place):
                yield from self._reached(Axis.DESCENDANT_OR_SELF, child)
        elif axis in (Axis.PARENT, Axis.ANCESTOR, Axis.ANCESTOR_OR_SELF):
            yield from self._above(axis, place)
        elif axis not in (Axis.ATTRIBUTE, Axis.NAMESPACE):
            raise _Opaque

    def _above(self, axis: Axis, place: _Place) -> Iterator[_Place]:
        self._note(place)
        if axis is Axis.ANCESTOR_OR_SELF:
            yield place
        if place.node is not None:
            yield place.parent()
            if axis is not Axis.PARENT:
                yield from self._reached(Axis.ANCESTOR, place.parent())

    def _children(self, place: _Place) -> Iterator[_Place]:
        children = self._roots if place.node is None else place.node.children
        for child in children.values():
            if child.config:
                yield replace(place, node=child)

    def _predicates(self, predicates: tuple[Expression, ...], place: _Place) -> _Place:
        """Take note of what predicates read, and return the place pinned where they name the keys of a list."""
        pinned = self._pinned(predicates, place)
        for predicate in predicates:
            self.evaluate(predicate, pinned)
        return pinned

    def _pinned(self, predicates: tuple[Expression, ...], place: _Place) -> _Place:
        node = place.node
        if node is None or node.kind is not Kind.LIST or any(map(is_positional, predicates)):
            return place
        conjuncts = (conjunct for predicate in predicates for conjunct in _conjuncts(predicate))
        keys = dict(found for conjunct in conjuncts for found in self._key(conjunct, node))
        if not keys or any(key not in keys for key in node.keys):
            return place
        return replace(place, pins={**place.pins, node: tuple(keys[key] for key in node.keys)})

    def _key(self, predicate: Expression, node: SchemaNode) -> Iterator[tuple[SchemaNode, KeySource]]:
        """Iterate over the key of a list that a predicate names, if it does, with where its value comes from."""
        if not isinstance(predicate, Operation) or predicate.operator != "=":
            return
        for one, other in (predicate.operands, predicate.operands[::-1]):
            key = next((key for key in node.keys if key is _child_named(node, one)), None)
            if key is not None and (source := self._source(key, other)) is not None:
                yield key, source

    def _source(self, key: SchemaNode, expression: Expression) -> KeySource | None:
        """Return where the value of a key comes from, None for a value that depends on more than the reader."""
        if isinstance(expression, Literal):
            return expression.value if key.type is not None and not key.type.has_prefixes else None
        is_current = isinstance(expression, Call) and expression.name == "current"
        is_path = isinstance(expression, Path) and isinstance(expression.start, Call) and not expression.filters
        if not is_current and not (is_path and isinstance(expression, Path) and _is_plain(expression)):
            return None
        places = self.nodes(expression, self.current)
        return _pointer(places[0], key) if len(places) == 1 else None

    def _dereferenced(self, place: _Place) -> Iterator[_Place]:
        self._note(place)
        if place.node is None or not isinstance(place.node.type, Leafref):
            raise _Opaque
        type_ = place.node.type
        inner = _Reader(self._roots, place.node)
        inner.current = replace(place)
        for target in inner.nodes(parse(type_.path, type_.namespaces), inner.current):
            yield self._pinned_by(target, place)
        self.reads.extend(inner.reads)

    def _pinned_by(self, target: _Place, source: _Place) -> _Place:
        """Return the target of a leafref with its list pinned by the value of the reference, if that can be."""
        leaf = target.node
        if leaf is None or leaf.parent is None or leaf.parent.keys != (leaf,):
            return target
        pointer = _pointer(source, leaf)
        if pointer is None or leaf.parent not in below(target.anchor, leaf):
            return target
        return replace(target, pins={**target.pins, leaf.parent: (pointer,)})

    def _note(self, place: _Place, *, as_value: bool = False) -> None:
        self.reads.append(_read(place))
        if as_value and place.node is not None and place.node.kind not in LEAVES:
            for inner in self._children(place):
                self._note(inner, as_value=True)


def _read(place: _Place) -> Read:
    return Read(place.node, place.anchor, place.pins)


def _pointer(place: _Place, key: SchemaNode) -> Pointer | None:
    """Return what gives the value of a key, None where a list is on the way, or texts may differ for one value."""
    node = place.node
    if node is None or node.kind not in LEAVES or node.type is None or key.type is None:
        return None
    if any(passed.kind is Kind.LIST for passed in below(place.anchor, node)):
        return None
    return None if node.type.has_prefixes or key.type.has_prefixes else Pointer(place.anchor, node)


def _is_node_set(expression: Expression) -> bool:
    if isinstance(expression, Call):
        return expression.name in ("current", "deref", "id")
    return isinstance(expression, Path) or (isinstance(expression, Operation) and expression.operator == "|")


def _is_plain(path: Path) -> bool:
    """Tell whether a path begins with current() and has no predicate."""
    starts = isinstance(path.start, Call) and path.start.name == "current"
    return starts and not any(step.predicates for step in path.steps)


def _conjuncts(predicate: Expression) -> Iterator[Expression]:
    if isinstance(predicate, Operation) and predicate.operator == "and":
        for operand in predicate.operands:
            yield from _conjuncts(operand)
    else:
        yield predicate


def _child_named(node: SchemaNode, expression: Expression) -> SchemaNode | None:
    """Return the child that a path of one plain step names."""
    match expression:
        case Path(
            steps=(Step(axis=Axis.CHILD, test=NameTest() as test, predicates=()),), is_absolute=False, start=None
        ):
            return next((child for child in node.children.values() if test.accepts(child.tag)), None)
    return None


def _accepts(test: NameTest | NodeType, place: _Place) -> bool:
    if isinstance(test, NodeType):
        return test in (NodeType.NODE, NodeType.TEXT)
    return place.node is not None and test.accepts(place.node.tag)
