"""The rules of the tree that no linter knows. Each takes a source or a module and returns what is wrong with it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from enum import Enum
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Protocol

MODULE_LINES = 500
FUNCTION_LINES = 50
EMPTY_NAMES = frozenset({"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"})
"""Names under which anything could be put."""
MUTABLE_MAKERS = frozenset({"bytearray", "defaultdict", "deque", "dict", "list", "set", "Counter", "OrderedDict"})
MUTABLE_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def long_modules(source: str) -> Iterator[str]:
    """A module is no longer than one can read in a sitting."""
    lines = source.count("\n")
    if lines > MODULE_LINES:
        yield f"has {lines} lines, more than {MODULE_LINES}"


def long_functions(source: str) -> Iterator[str]:
    """A function is no longer than a screen."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
            lines = node.end_lineno - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{node.name} has {lines} lines, more than {FUNCTION_LINES}"


def missing_docstring(source: str) -> Iterator[str]:
    """A module says what it is. (What a public class or function is, ruff asks.)"""
    if not ast.get_docstring(ast.parse(source)):
        yield "has no docstring"


def mutable_state(source: str) -> Iterator[str]:
    """Nothing at module level can be changed: two devices in one process share only what is constant."""
    tree = ast.parse(source)
    for statement in tree.body:
        targets = _assigned(statement)
        if targets and targets != ["__all__"]:
            yield f"{', '.join(targets)} is mutable"
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield f"global {', '.join(node.names)}"


def _assigned(statement: ast.stmt) -> list[str]:
    """The names that a statement gives something mutable to."""
    match statement:
        case ast.Assign(targets=targets, value=value) if _is_mutable(value):
            return [ast.unparse(target) for target in targets]
        case ast.AnnAssign(target=target, value=ast.expr() as value) if _is_mutable(value):
            return [ast.unparse(target)]
    return []


def _is_mutable(value: ast.expr) -> bool:
    if isinstance(value, ast.Call):
        called = value.func
        name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
        return name in MUTABLE_MAKERS
    return isinstance(value, MUTABLE_DISPLAYS)


def hidden_cycles(source: str) -> Iterator[str]:
    """An import is there or it is not; a cycle is not hidden from the interpreter."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node).endswith("TYPE_CHECKING"):
            yield f"line {node.lineno}: TYPE_CHECKING"


def broad_excepts(source: str) -> Iterator[str]:
    """An except clause names what it expects."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            caught = "" if node.type is None else ast.unparse(node.type)
            if node.type is None or {"Exception", "BaseException"} & set(caught.strip("()").split(", ")):
                yield f"line {node.lineno}: except {caught}".rstrip()


def empty_names(path: Path) -> Iterator[str]:
    """A file is named after what is in it."""
    for part in (*path.parent.parts, path.stem.removeprefix("test_")):
        if part in EMPTY_NAMES:
            yield f"{part!r} says nothing"


Pair = tuple[Enum, Enum]


class Step(Protocol):
    """What the rule needs of an entry of a machine's table."""

    next_state: Enum


def machine_faults(module: ModuleType) -> Iterator[str]:
    """Every (state, input) of a machine is a step of a table or in REJECTED, not both; every state can be reached."""
    tables: dict[str, Mapping[Pair, Step]] = {
        name: getattr(module, name) for name in ("INITIATOR", "RESPONDER") if hasattr(module, name)
    }
    rejected: frozenset[Pair] = getattr(module, "REJECTED", frozenset())
    pairs: set[Pair] = set()
    for name, table in tables.items():
        states, inputs = (list(type(value)) for value in next(iter(table)))
        pairs |= set(product(states, inputs))
        reached = _reachable(table, states[0])
        yield from (f"{name}: {state.name} cannot be reached" for state in states if state not in reached)
    steps = {pair for table in tables.values() for pair in table}
    yield from _say("{} is neither a step nor rejected", pairs - steps - rejected)
    yield from _say("{} is a step and rejected", steps & rejected)
    yield from _say("{} is rejected, but of no table", rejected - pairs)


def _reachable(table: Mapping[Pair, Step], first: Enum) -> set[Enum]:
    """The states that can be come to from the first of the enumeration."""
    reached = {first}
    while following := {step.next_state for (state, _), step in table.items() if state in reached} - reached:
        reached |= following
    return reached


def _say(complaint: str, pairs: AbstractSet[Pair]) -> Iterator[str]:
    """One complaint for each pair, in an order that does not change from run to run."""
    for state, given in sorted((state.name, given.name) for state, given in pairs):
        yield complaint.format(f"({state}, {given})")
