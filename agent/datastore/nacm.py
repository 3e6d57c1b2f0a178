"""The access decision for a user, an operation and a node (RFC 8341 section 3.4).

The rules are the ietf-netconf-acm configuration of the running datastore, compiled once per change of it. Where a rule
means single instances, a question about a node of the schema alone gets the answer that permits least.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from agent.datastore import errors
from agent.datastore.access_rules import NACM, AccessOperation, Rule, in_canonical_form, misleading, rule_lists
from agent.datastore.errors import InstancePath, RpcError, RpcErrors
from agent.datastore.registry import Caller
from agent.datastore.schema import Access, Schema, SchemaNode
from agent.datastore.tree import Branch, Item, Key, lineage

__all__ = ["NACM", "AccessControl", "AccessCounters", "AccessOperation", "Rights"]

NETCONF_MODULE: Final = "ietf-netconf"
ALWAYS_PERMITTED: Final = "close-session"
"""RFC 8341 section 3.2.4: whoever has a session may end it."""
ALWAYS_TOLD: Final = frozenset({"/nc-notifications:replayComplete", "/nc-notifications:notificationComplete"})
"""Notifications that no rule can withhold: they tell of the subscription itself (RFC 8341 section 3.2.6)."""
WRITES: Final = (AccessOperation.CREATE, AccessOperation.UPDATE, AccessOperation.DELETE)
DENIED_BY_DEFAULT: Final = frozenset({"kill-session", "delete-config"})
"""Operations of ietf-netconf that RFC 8341 section 3.2.5 denies by default, though the module does not say so."""


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
        self._nacm = nacm
        self.is_enabled = nacm.leaf("enable-nacm") == "true"
        self._defaults = {
            AccessOperation.READ: nacm.leaf("read-default") == "permit",
            AccessOperation.EXECUTE: nacm.leaf("exec-default") == "permit",
        }
        self._write_default = nacm.leaf("write-default") == "permit"
        self._takes_external_groups = nacm.leaf("enable-external-groups") == "true"
        self._members = dict(_members(nacm))
        self._rule_lists = tuple(rule_lists(nacm))
        self._rights: dict[tuple[tuple[Rule, ...], str, bool], Rights] = {}
        self._executions: dict[tuple[frozenset[str], bool, SchemaNode], bool] = {}
        self._of_callers: dict[tuple[frozenset[str], str, bool], Rights] = {}

    def resolve(self, schema: Schema) -> None:
        """Read the values in the paths of rules as the schema has them; to be called before anybody is judged.

        RpcErrors, invalid-value, for rules whose paths lead nowhere.
        """
        if problems := tuple(misleading(self._nacm, schema)):
            raise RpcErrors(problems)
        self._rule_lists = tuple(in_canonical_form(self._rule_lists, schema))

    def groups(self, user: str, external: Sequence[str] = ()) -> frozenset[str]:
        """Return the groups of a user: the configured ones and, where these are taken, those known from elsewhere."""
        outside = external if self._takes_external_groups else ()
        return frozenset({*outside, *(group for group, members in self._members.items() if user in members)})

    def may_execute(self, caller: Caller, rpc: SchemaNode) -> bool:
        """Decide about a protocol operation (RFC 8341 section 3.4.4)."""
        asked = (caller.groups, caller.is_recovering, rpc)
        if (decided := self._executions.get(asked)) is None:
            decided = self._executions[asked] = self._may_execute(caller, rpc)
        return decided

    def _may_execute(self, caller: Caller, rpc: SchemaNode) -> bool:
        always = rpc.name == ALWAYS_PERMITTED and rpc.module.name == NETCONF_MODULE
        if not self._governs(caller) or always:
            return True
        for rule in self._rules(caller):
            named = rule.rpc in (None, "*", rpc.name)
            if rule.for_operations and named and rule.covers(rpc.module.name, AccessOperation.EXECUTE):
                return rule.permits
        by_default = rpc.module.name == NETCONF_MODULE and rpc.name in DENIED_BY_DEFAULT
        if by_default or rpc.access is Access.DENY_ALL:
            return False
        return self._defaults[AccessOperation.EXECUTE]

    def may_access(self, caller: Caller, node: SchemaNode, operation: AccessOperation, path: InstancePath = ()) -> bool:
        """Decide about one data node (RFC 8341 section 3.4.5): about its instance, where `path` leads to that."""
        rights = self.rights(caller)
        for step in path:
            rights = rights.at(step.node, step.keys)
        return rights.may_access(node, operation)

    def rights(self, caller: Caller) -> Rights:
        """Return what a caller may do with data, as far as no keys are known."""
        who = (caller.groups, caller.user, caller.is_recovering)
        if who not in self._of_callers:
            governs = self._governs(caller)
            rules = tuple(rule for rule in self._rules(caller) if rule.for_data) if governs else ()
            user = caller.user if any(rule.predicates for rule in rules) else ""
            self._of_callers[who] = self.rights_of(rules, user, is_free=not governs)
        return self._of_callers[who]

    def rights_of(self, rules: tuple[Rule, ...], user: str, *, is_free: bool = False) -> Rights:
        """Return the rights that rules give; they are one object for all who have them."""
        what = (rules, user, is_free)
        if what not in self._rights:
            self._rights[what] = Rights(self, rules, user, is_free=is_free)
        return self._rights[what]

    def default(self, node: SchemaNode, operation: AccessOperation) -> bool:
        """Decide about a node, or a notification, of which no rule speaks."""
        marks = {step.access for step in lineage(node)}
        if Access.DENY_ALL in marks:
            return False
        if operation in self._defaults:
            return self._defaults[operation]
        return self._write_default and Access.DENY_WRITE not in marks

    def _governs(self, caller: Caller) -> bool:
        """Tell whether the rules hold for a caller (RFC 8341 section 3.4.5, steps 1 and 2)."""
        return self.is_enabled and not caller.is_recovering

    def may_read(self, caller: Caller, node: SchemaNode) -> bool:
        """Decide about reading one data node."""
        return self.may_access(caller, node, AccessOperation.READ)

    def permits(self, caller: Caller, reads: Iterable[SchemaNode], executes: SchemaNode | None) -> bool:
        """Decide about what shows whole subtrees of data, or stands for an operation, and has no schema itself."""
        if executes is not None and not self.may_execute(caller, executes):
            return False
        return all(self.may_read(caller, node) for top in reads for node in (*lineage(top), *_below(top)))

    def may_notify(self, caller: Caller, notification: SchemaNode) -> bool:
        """Decide about telling of a notification (RFC 8341 section 3.4.6)."""
        if not self._governs(caller) or notification.path in ALWAYS_TOLD:
            return True
        for rule in self._rules(caller):
            named = rule.notification in (None, "*", notification.name)
            if rule.for_notifications and named and rule.covers(notification.module.name, AccessOperation.READ):
                return rule.permits
        return self.default(notification, AccessOperation.READ)

    def require_execute(self, caller: Caller, rpc: SchemaNode, counters: AccessCounters) -> None:
        """Raise access-denied, and count it, where the caller may not execute the operation."""
        if not self.may_execute(caller, rpc):
            counters.operations += 1
            raise errors.access_denied(f"user {caller.user!r} may not execute {rpc.name!r}")

    def require_action(
        self, caller: Caller, action: SchemaNode, instance: InstancePath, counters: AccessCounters
    ) -> None:
        """Raise access-denied, and count it, where the caller may not invoke an action (RFC 8341 section 3.1.3).

        It takes the right to read the instance and all that is above it, and that to execute the node of the action.
        """
        may_execute = self.may_access(caller, action, AccessOperation.EXECUTE, instance)
        if not self.may_see(caller, instance) or not may_execute:
            counters.operations += 1
            raise errors.access_denied(f"user {caller.user!r} may not invoke {action.name!r} here")

    def require_write(
        self, caller: Caller, node: SchemaNode, operation: AccessOperation, path: InstancePath, counters: AccessCounters
    ) -> None:
        """Raise access-denied, and count it, where the caller may not write the node so."""
        if not self.may_access(caller, node, operation, path):
            counters.data_writes += 1
            raise self._denied(caller, path)

    def concealed(self, caller: Caller, error: RpcError) -> RpcError:
        """Return an error as a caller may know it: whether what it cannot read is there, no error tells."""
        if error.tag in ("data-exists", "data-missing") and not self.may_see(caller, error.path):
            return self._denied(caller, error.path)
        return error

    def may_see(self, caller: Caller, path: InstancePath) -> bool:
        """Tell whether the caller may read a node and all that is above it."""
        rights = self.rights(caller)
        for step in path:
            rights = rights.at(step.node, step.keys)
            if not rights.may_read(step.node):
                return False
        return True

    def readable(self, caller: Caller, branch: Branch) -> Branch:
        """Return what the caller may read of a tree; an entry whose keys are hidden is hidden."""
        return self.rights(caller).readable(branch)

    def _denied(self, caller: Caller, path: InstancePath) -> RpcError:
        """Return access-denied; neither its path nor its words tell of what the caller cannot read."""
        return errors.access_denied(
            f"user {caller.user!r} may not change this", path if self.may_see(caller, path) else ()
        )

    def _rules(self, caller: Caller) -> Iterator[Rule]:
        """Iterate over the rules for a caller; there are none for one without a group (section 3.4.4, step 4)."""
        for rule_list in self._rule_lists if caller.groups else ():
            if "*" in rule_list.groups or rule_list.groups & caller.groups:
                yield from rule_list.rules


class Rights:
    """What somebody may do with the data below some instance: the rules, without what the keys so far have settled.

    Made by `AccessControl.rights_of`, so that those who have the same rights have the same object, which remembers what
    it has decided.
    """

    def __init__(self, control: AccessControl, rules: tuple[Rule, ...], user: str, *, is_free: bool) -> None:
        """`user` matters only where a rule depends on keys; one who `is_free` may do everything."""
        self._control = control
        self._rules = rules
        self._user = user
        self._is_free = is_free
        self._narrowed = frozenset(predicate.of for rule in rules for predicate in rule.predicates)
        self._decided: dict[tuple[SchemaNode, AccessOperation], bool] = {}
        self._written: dict[SchemaNode, bool] = {}

    def may_read(self, node: SchemaNode) -> bool:
        """Decide about reading one data node."""
        return self.may_access(node, AccessOperation.READ)

    def may_access(self, node: SchemaNode, operation: AccessOperation) -> bool:
        """Decide about one data node."""
        if (decided := self._decided.get((node, operation))) is None:
            decided = self._decided[node, operation] = self._decide(node, operation)
        return decided

    def may_write_below(self, node: SchemaNode) -> bool:
        """Tell whether every change of a node and of all that is below it is permitted, whatever the keys are."""
        if (decided := self._written.get(node)) is None:
            decided = self._written[node] = not self.depends_on(node) and (
                all(self.may_access(node, operation) for operation in WRITES)
                and all(map(self.may_write_below, node.children.values()))
            )
        return decided

    def _decide(self, node: SchemaNode, operation: AccessOperation) -> bool:
        if self._is_free:
            return True
        for rule in self._rules:
            if rule.covers(node.module.name, operation) and rule.reaches(node):
                return rule.permits
        return self._control.default(node, operation)

    def depends_on(self, node: SchemaNode) -> bool:
        """Tell whether the rights differ from one entry of a list, or one value of a leaf-list, to another."""
        return node.path in self._narrowed

    def at(self, node: SchemaNode, key: Key) -> Rights:
        """Return the rights at one instance of a node, and below it."""
        if not key or not self.depends_on(node):
            return self
        left = (rule.at(node, key, self._user) for rule in self._rules)
        return self._control.rights_of(tuple(rule for rule in left if rule is not None), self._user)

    def readable(self, branch: Branch) -> Branch:
        """Return what may be read of a tree; an entry whose keys are hidden is hidden."""
        kept: dict[SchemaNode, Item] = {}
        for node, item in branch.children.items():
            if (shown := self._readable(node, item)) is not None:
                kept[node] = shown
        return Branch(branch.schema, kept)

    def _readable(self, node: SchemaNode, item: Item) -> Item | None:
        if isinstance(item, Mapping):
            below = ((key, entry, self.at(node, key)) for key, entry in item.items())
            entries = {key: rights.readable(entry) for key, entry, rights in below if rights.may_see_entry(node)}
            return entries or None
        if isinstance(item, tuple):
            values = tuple(value for value in item if self.at(node, (value,)).may_read(node))
            return values or None
        if not self.may_read(node):
            return None
        return self.readable(item) if isinstance(item, Branch) else item

    def may_see_entry(self, node: SchemaNode) -> bool:
        """Tell whether an entry of a list can be shown at all: it and its keys."""
        return all(self.may_read(needed) for needed in (node, *node.keys))


def _below(node: SchemaNode) -> Iterator[SchemaNode]:
    for each in node.children.values():
        yield each
        yield from _below(each)


def _members(nacm: Branch) -> Iterator[tuple[str, frozenset[str]]]:
    groups = nacm.container("groups")
    for (name,), group in (groups.entries("group") if groups is not None else {}).items():
        yield name, frozenset(group.leaf_list("user-name"))
