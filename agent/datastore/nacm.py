"""The access decision for a user, an operation and a node (RFC 8341 section 3.4).

The rules are the ietf-netconf-acm configuration of the running datastore, compiled once per change of it. Invariant: a
rule this server cannot judge for one instance alone (a path with key predicates) denies more than it says and never
permits more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from agent.datastore import errors
from agent.datastore.errors import InstancePath, RpcError
from agent.datastore.registry import Caller
from agent.datastore.schema import Access, SchemaNode
from agent.datastore.tree import Branch, Item, lineage

NACM: Final = "/ietf-netconf-acm:nacm"
NETCONF_MODULE: Final = "ietf-netconf"
ALWAYS_PERMITTED: Final = "close-session"
"""RFC 8341 section 3.2.4: whoever has a session may end it."""
ALWAYS_TOLD: Final = frozenset({"/nc-notifications:replayComplete", "/nc-notifications:notificationComplete"})
"""Notifications that no rule can withhold: they tell of the subscription itself (RFC 8341 section 3.2.6)."""
DENIED_BY_DEFAULT: Final = frozenset({"kill-session", "delete-config"})
"""Operations of ietf-netconf that RFC 8341 section 3.2.5 denies by default, though the module does not say so."""


class AccessOperation(Enum):
    """What is to be done with a node or an operation (RFC 8341 section 3.2)."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    EXECUTE = "exec"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: empty names match everything; `path` is without predicates, `narrowed` tells that it had some."""

    module: str
    operations: frozenset[str]
    permits: bool
    rpc: str | None = None
    notification: str | None = None
    path: str | None = None
    narrowed: bool = False

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


@dataclass(frozen=True, slots=True)
class RuleList:
    """The rules of one rule-list and the groups they hold for."""

    groups: frozenset[str]
    rules: tuple[Rule, ...]


@dataclass(slots=True)
class AccessCounters:
    """How often access was denied since the server started (the counters of ietf-netconf-acm)."""

    operations: int = 0
    data_writes: int = 0
    notifications: int = 0


class AccessControl:
    """The rules of one running configuration."""

    def __init__(self, nacm: Branch) -> None:
        """Compile the rules of the nacm container; an empty one has the defaults of the module."""
        self.is_enabled = nacm.leaf("enable-nacm") == "true"
        self._defaults = {
            AccessOperation.READ: nacm.leaf("read-default") == "permit",
            AccessOperation.EXECUTE: nacm.leaf("exec-default") == "permit",
        }
        self._write_default = nacm.leaf("write-default") == "permit"
        self._takes_external_groups = nacm.leaf("enable-external-groups") == "true"
        self._members = dict(_members(nacm))
        self._rule_lists = tuple(_rule_lists(nacm))

    def groups(self, user: str, external: Sequence[str] = ()) -> frozenset[str]:
        """Return the groups of a user: the configured ones and, where these are taken, those known from elsewhere."""
        outside = external if self._takes_external_groups else ()
        return frozenset({*outside, *(group for group, members in self._members.items() if user in members)})

    def may_execute(self, caller: Caller, rpc: SchemaNode) -> bool:
        """Decide about a protocol operation (RFC 8341 section 3.4.4)."""
        if not self.is_enabled or (rpc.name == ALWAYS_PERMITTED and rpc.module.name == NETCONF_MODULE):
            return True
        for rule in self._rules(caller):
            named = rule.rpc in (None, "*", rpc.name)
            if rule.for_operations and named and rule.covers(rpc.module.name, AccessOperation.EXECUTE):
                return rule.permits
        by_default = rpc.module.name == NETCONF_MODULE and rpc.name in DENIED_BY_DEFAULT
        if by_default or rpc.access is Access.DENY_ALL:
            return False
        return self._defaults[AccessOperation.EXECUTE]

    def may_access(self, caller: Caller, node: SchemaNode, operation: AccessOperation) -> bool:
        """Decide about one data node (RFC 8341 section 3.4.5)."""
        if not self.is_enabled:
            return True
        for rule in self._rules(caller):
            if rule.for_data and rule.covers(node.module.name, operation) and _reaches(rule, node):
                return rule.permits
        return self._default(node, operation)

    def may_read(self, caller: Caller, node: SchemaNode) -> bool:
        """Decide about reading one data node."""
        return self.may_access(caller, node, AccessOperation.READ)

    def may_notify(self, caller: Caller, notification: SchemaNode) -> bool:
        """Decide about telling of a notification (RFC 8341 section 3.4.6)."""
        if not self.is_enabled or notification.path in ALWAYS_TOLD:
            return True
        for rule in self._rules(caller):
            named = rule.notification in (None, "*", notification.name)
            if rule.for_notifications and named and rule.covers(notification.module.name, AccessOperation.READ):
                return rule.permits
        return self._default(notification, AccessOperation.READ)

    def require_execute(self, caller: Caller, rpc: SchemaNode, counters: AccessCounters) -> None:
        """Raise access-denied, and count it, where the caller may not execute the operation."""
        if not self.may_execute(caller, rpc):
            counters.operations += 1
            raise errors.access_denied(f"user {caller.user!r} may not execute {rpc.name!r}")

    def require_write(
        self, caller: Caller, node: SchemaNode, operation: AccessOperation, path: InstancePath, counters: AccessCounters
    ) -> None:
        """Raise access-denied, and count it, where the caller may not write the node so."""
        if not self.may_access(caller, node, operation):
            counters.data_writes += 1
            raise self._denied(caller, path)

    def concealed(self, caller: Caller, error: RpcError) -> RpcError:
        """Return an error as a caller may know it: whether what it cannot read is there, no error tells."""
        if error.tag in ("data-exists", "data-missing") and not self.may_see(caller, error.path):
            return self._denied(caller, error.path)
        return error

    def may_see(self, caller: Caller, path: InstancePath) -> bool:
        """Tell whether the caller may read a node and all that is above it."""
        return all(self.may_read(caller, step.node) for step in path)

    def readable(self, caller: Caller, branch: Branch) -> Branch:
        """Return what the caller may read of a tree; a list whose keys are hidden is hidden."""
        kept: dict[SchemaNode, Item] = {}
        for node, item in branch.children.items():
            if all(self.may_read(caller, needed) for needed in (node, *node.keys)):
                kept[node] = self._readable(caller, item)
        return Branch(branch.schema, kept)

    def _readable(self, caller: Caller, item: Item) -> Item:
        if isinstance(item, Branch):
            return self.readable(caller, item)
        if isinstance(item, Mapping):
            return {key: self.readable(caller, entry) for key, entry in item.items()}
        return item

    def _denied(self, caller: Caller, path: InstancePath) -> RpcError:
        """Return access-denied; neither its path nor its words tell of what the caller cannot read."""
        return errors.access_denied(
            f"user {caller.user!r} may not change this", path if self.may_see(caller, path) else ()
        )

    def _rules(self, caller: Caller) -> Iterator[Rule]:
        for rule_list in self._rule_lists:
            if "*" in rule_list.groups or rule_list.groups & caller.groups:
                yield from rule_list.rules

    def _default(self, node: SchemaNode, operation: AccessOperation) -> bool:
        marks = {step.access for step in lineage(node)}
        if Access.DENY_ALL in marks:
            return False
        if operation is AccessOperation.READ:
            return self._defaults[AccessOperation.READ]
        return self._write_default and Access.DENY_WRITE not in marks


def _reaches(rule: Rule, node: SchemaNode) -> bool:
    """Tell whether a data rule's path is the node or above it; one narrowed to instances only ever denies."""
    if rule.path is None:
        return True
    within = node.path == rule.path or node.path.startswith(f"{rule.path}/")
    return within and not (rule.narrowed and rule.permits)


def _members(nacm: Branch) -> Iterator[tuple[str, frozenset[str]]]:
    groups = nacm.container("groups")
    for (name,), group in (groups.entries("group") if groups is not None else {}).items():
        yield name, frozenset(group.leaf_list("user-name"))


def _rule_lists(nacm: Branch) -> Iterator[RuleList]:
    for entry in nacm.entries("rule-list").values():
        rules = tuple(_rule(rule) for rule in entry.entries("rule").values())
        yield RuleList(frozenset(entry.leaf_list("group")), rules)


def _rule(entry: Branch) -> Rule:
    path = entry.leaf("path")
    return Rule(
        module=entry.leaf("module-name") or "*",
        operations=frozenset((entry.leaf("access-operations") or "*").split()),
        permits=entry.leaf("action") == "permit",
        rpc=entry.leaf("rpc-name"),
        notification=entry.leaf("notification-name"),
        path=_without_predicates(path) if path is not None else None,
        narrowed=path is not None and "[" in path,
    )


def _without_predicates(path: str) -> str:
    """Return the schema path, in the style of RFC 7951, of a canonical node-instance-identifier."""
    steps, depth, quote = [], 0, ""
    for character in path:
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"" and depth:
            quote = character
        elif character == "[":
            depth += 1
        elif character == "]":
            depth -= 1
        elif not depth:
            steps.append(character)
    return _module_where_it_changes("".join(steps))


def _module_where_it_changes(path: str) -> str:
    current, steps = "", []
    for step in path.strip("/").split("/"):
        module, _, name = step.rpartition(":")
        steps.append(name if module in ("", current) else f"{module}:{name}")
        current = module or current
    return "/" + "/".join(steps)
