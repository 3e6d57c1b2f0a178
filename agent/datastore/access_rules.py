"""The rules of an access control configuration, compiled (RFC 8341 sections 3.3 and 3.4, appendix A).

The path of a rule can name single instances by their keys. Invariant: as long as not all keys are known that a rule
depends on, it denies what it may deny, and permits nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from agent.datastore.errors import PathStep, RpcError, invalid_value
from agent.datastore.schema import Kind, Schema, SchemaNode, UnknownNode
from agent.datastore.tree import Branch, Key
from agent.datastore.values import InvalidValue

NACM: Final = "/ietf-netconf-acm:nacm"
EVERYTHING: Final = "/"
"""The path of a rule for all data there can be."""
_IN_BRACKETS: Final = r"""\[(?:[^\]'"]|'[^']*'|"[^"]*")*\]"""
_STEP: Final = re.compile(rf"/(?:(?P<module>[\w.-]+):)?(?P<name>[\w.-]+)(?P<predicates>(?:{_IN_BRACKETS})*)")
_PATH: Final = re.compile(rf"(?:/(?:[\w.-]+:)?[\w.-]+(?:{_IN_BRACKETS})*)+")
_BRACKETS: Final = re.compile(_IN_BRACKETS)
_POSITION: Final = re.compile(r"\[\s*[1-9][0-9]*\s*\]")
_PREDICATE: Final = re.compile(
    r"""\[\s*(?P<left>[\w.:-]+)\s*=\s*(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<user>\$USER))\s*\]"""
)


class AccessOperation(Enum):
    """What is to be done with a node or an operation (RFC 8341 section 3.2)."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    EXECUTE = "exec"


@dataclass(frozen=True, slots=True)
class Predicate:
    """One condition of a path: on a key of the entry of a list, by the list's schema path, or on a leaf-list's value.

    One that cannot be judged (a position) has no `leaf`. The value is as it was written, until `in_canonical_form` has
    seen to that; None is the name of the user, which a path calls $USER, without quotes (RFC 8341,
    node-instance-identifier).
    """

    of: str
    leaf: str | None
    value: str | None

    def holds(self, node: SchemaNode, key: Key, user: str) -> bool | None:
        """Tell whether it holds for the instance of its node with this key; None when that cannot be told."""
        names = [leaf.name for leaf in node.keys] or ["."]
        if self.leaf not in names or not key:
            return None
        return key[names.index(self.leaf)] == (user if self.value is None else self.value)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: an empty name matches everything; `path` is a schema path, `predicates` what it demands of keys."""

    module: str
    operations: frozenset[str]
    permits: bool
    rpc: str | None = None
    notification: str | None = None
    path: str | None = None
    predicates: tuple[Predicate, ...] = ()

    @property
    def for_operations(self) -> bool:
        """Whether it speaks of protocol operations: it names one, or names no kind of target at all."""
        return self.notification is None and self.path is None

    @property
    def for_notifications(self) -> bool:
        """Whether it speaks of notifications: it names one, or names no kind of target at all."""
        return self.rpc is None and self.path is None

    @property
    def for_data(self) -> bool:
        """Whether it speaks of data nodes."""
        return self.rpc is None and self.notification is None

    def covers(self, module: str, operation: AccessOperation) -> bool:
        """Tell whether it speaks of this module and this access."""
        return self.module in ("*", module) and bool(self.operations & {"*", operation.value})

    def at(self, node: SchemaNode, key: Key, user: str) -> Rule | None:
        """Return what is left of it for an instance of a node, which fulfils a part; None where that is not meant."""
        left = []
        for predicate in self.predicates:
            holds = predicate.holds(node, key, user) if predicate.of == node.path else None
            if holds is False:
                return None
            if holds is None:
                left.append(predicate)
        return self if len(left) == len(self.predicates) else replace(self, predicates=tuple(left))

    def reaches(self, node: SchemaNode) -> bool:
        """Tell whether its path leads to a node or above it.

        While that depends on keys, a rule that denies does so, and one that permits does not.
        """
        if self.path is None:
            return True
        is_within = node.path == self.path or node.path.startswith(f"{self.path}/")
        return is_within and not (self.permits and self.predicates)


@dataclass(frozen=True, slots=True)
class RuleList:
    """The rules of one rule-list and the groups they hold for."""

    groups: frozenset[str]
    rules: tuple[Rule, ...]


def rule_lists(nacm: Branch) -> Iterator[RuleList]:
    """Iterate over the rule lists of the nacm container, in order."""
    for entry in nacm.entries("rule-list").values():
        rules = tuple(_rule(rule) for rule in entry.entries("rule").values())
        yield RuleList(frozenset(entry.leaf_list("group")), rules)


def in_canonical_form(lists: Iterable[RuleList], schema: Schema) -> Iterator[RuleList]:
    """Iterate over rule lists whose predicates compare values as datastores keep them: 0x0A is 10, fe80::0 is fe80::.

    In the paths of their rules nothing is misleading.
    """
    for each in lists:
        yield replace(each, rules=tuple(_canonical(rule, schema) for rule in each.rules))


def _canonical(rule: Rule, schema: Schema) -> Rule:
    if not rule.predicates:
        return rule
    predicates = (replace(each, value=_value(schema, each)) for each in rule.predicates)
    return replace(rule, predicates=tuple(predicates))


def _value(schema: Schema, predicate: Predicate) -> str | None:
    """Return the value of a predicate in canonical form; InvalidValue for one that its leaf cannot have."""
    if predicate.leaf is None or predicate.value is None:
        return predicate.value
    node = schema.node(predicate.of)
    leaf = next((key for key in node.keys if key.name == predicate.leaf), node)
    if leaf.type is None:
        return predicate.value
    return leaf.type.parse(predicate.value, {module.name: module.namespace for module in schema.modules.values()})


def _rule(entry: Branch) -> Rule:
    path = entry.leaf("path")
    return Rule(
        module=entry.leaf("module-name") or "*",
        operations=frozenset((entry.leaf("access-operations") or "*").split()),
        permits=entry.leaf("action") == "permit",
        rpc=entry.leaf("rpc-name"),
        notification=entry.leaf("notification-name"),
        path=_schema_path(path) if path is not None else None,
        predicates=tuple(_predicates(path)) if path is not None else (),
    )


def _steps(path: str) -> Iterator[tuple[str, str]]:
    """Iterate over the schema paths of the steps of a canonical node-instance-identifier, with their predicates."""
    current, reached = "", ""
    for match in _STEP.finditer(path):
        module = match["module"] or current
        reached += f"/{match['name']}" if module == current else f"/{module}:{match['name']}"
        current = module
        yield reached, match["predicates"]


def misleading(nacm: Branch, schema: Schema) -> Iterator[RpcError]:
    """Iterate over what is wrong with the paths of rules: a rule for what there is not is taken for a mistake."""
    for list_key, rule_list in nacm.entries("rule-list").items():
        for key, rule in rule_list.entries("rule").items():
            problem = _problem(schema, rule.leaf("path") or EVERYTHING)
            if problem is not None:
                steps = ((nacm.node("rule-list"), list_key), (rule_list.node("rule"), key), (rule.node("path"), ()))
                where = (PathStep(schema.node(NACM)), *(PathStep(node, keys) for node, keys in steps))
                yield invalid_value(problem, path=where)


def _problem(schema: Schema, path: str) -> str | None:
    """Return what is wrong with a canonical path; a list need not be given all of its keys."""
    if path == EVERYTHING:
        return None
    if not _PATH.fullmatch(path):
        return f"{path!r} is not a path of nodes"
    for reached, predicates in _steps(path):
        try:
            node = schema.node(reached)
        except UnknownNode:
            return f"there is no node {reached}"
        names = [leaf.name for leaf in node.keys] or ["."]
        for bracket in _BRACKETS.findall(predicates):
            match = _PREDICATE.fullmatch(bracket)
            is_position = _POSITION.fullmatch(bracket) and node.kind is Kind.LIST and not node.keys
            if not is_position and (match is None or match["left"].rpartition(":")[2] not in names):
                return f"{bracket} says nothing of the keys of {reached}"
    try:
        for predicate in _predicates(path):
            _value(schema, predicate)
    except InvalidValue as error:
        return f"{path} is for what there cannot be: {error}"
    return None


def _schema_path(path: str) -> str:
    reached = [reached for reached, _ in _steps(path)]
    return reached[-1] if reached else ""


def _predicates(path: str) -> Iterator[Predicate]:
    for reached, text in _steps(path):
        for bracket in _BRACKETS.findall(text):
            match = _PREDICATE.fullmatch(bracket)
            if match is None:
                yield Predicate(reached, None, "")
                continue
            value = match["double"] if match["single"] is None else match["single"]
            yield Predicate(reached, match["left"].rpartition(":")[2], value)
