"""A change of the configuration, whole or not at all: validate, prepare, apply (RFC 6241 section 8.3.4).

Validating judges the tree, preparing builds the frozen values that the device is configured with, applying hands them
over in one call. Nothing is changed before all of it has been accepted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial
from types import MappingProxyType
from typing import Final, Protocol

from agent.datastore.constraints import Constraints
from agent.datastore.defaults import with_defaults
from agent.datastore.errors import ErrorInfo, ErrorType, InstancePath, PathStep, RpcError, RpcErrors, operation_failed
from agent.datastore.excerpt import Opaque, excerpt
from agent.datastore.instances import identifier, instance, is_same, with_value, without
from agent.datastore.ordering import YANG
from agent.datastore.registry import Built, ConfigBinding, Registry, Unseal
from agent.datastore.rendering import compile_plan, everything
from agent.datastore.schema import Kind, Schema, SchemaNode, ValidationError
from agent.datastore.stores import Datastore, Stores
from agent.datastore.tree import Branch, find
from agent.datastore.validation import Violation

Values = Mapping[str, object]
"""What the configuration bindings built, by their paths."""

TAGS: Final = MappingProxyType(
    {
        Violation.MUST: ("operation-failed", "must-violation"),
        Violation.LEAFREF: ("data-missing", "instance-required"),
        Violation.UNIQUE: ("operation-failed", "data-not-unique"),
        Violation.MANDATORY: ("data-missing", None),
        Violation.COUNT: ("operation-failed", None),
        Violation.WHEN: ("unknown-element", None),
        Violation.OTHER: ("operation-failed", None),
    }
)
"""Error tag and default app-tag for each violation (RFC 7950 sections 8.3.2 and 15)."""


LEADS_NOWHERE: Final = "Invalid instance-identifier "


class Configured(Protocol):
    """What a configuration is applied to."""

    def prepare(self, values: Values) -> Callable[[], None]:
        """Check the values together and return what applies them; ValueError says what cannot be."""


class Transactions:
    """Changes to the running datastore of one device."""

    def __init__(self, registry: Registry, stores: Stores, targets: Sequence[Configured], unseal: Unseal) -> None:
        """Remember what a change goes through and what it is applied to."""
        self._registry = registry
        self._stores = stores
        self._targets = tuple(targets)
        self._unseal = unseal
        self._whole = compile_plan(registry, everything(registry), lambda node: True, state=False)
        self._constraints = cache(partial(Constraints, registry.schema.roots))
        self._valid: Branch | None = None
        self._built: dict[SchemaNode, tuple[Branch | None, Built]] = {}

    def serialize(self, root: Branch) -> bytes:
        """Return a configuration as XML: its top-level elements, one after the other."""
        return "".join(self._whole.pieces(root, {})).encode()

    def check(self, root: Branch) -> list[Callable[[], None]]:
        """Judge a whole configuration, and return what applies it; RpcError, RpcErrors when it is refused."""
        self._require_valid(root)
        return self._prepare(root)

    def with_defaults(self, root: Branch) -> Branch:
        """Return a configuration with the defaults in use filled in; RpcErrors for one that is not valid."""
        self._require_valid(root)
        return with_defaults(self._registry.schema, root, self.serialize(root))

    def _require_valid(self, root: Branch) -> None:
        """Raise RpcErrors when a configuration is not valid."""
        if problems := self._problems(root):
            raise RpcErrors(refusal(self._registry.schema, problem) for problem in problems)

    def settle(self, root: Branch) -> Branch:
        """Return a configuration without what runs and has lost its condition: that goes (RFC 7950 section 8.2).

        RpcErrors when what is left is not valid: what somebody has set against its condition is refused.
        """
        schema, running = self._registry.schema, self._stores.running
        while problems := self._problems(root):
            lost = [locate(schema, problem.path) for problem in problems if problem.kind is Violation.WHEN]
            gone = [path for path in lost if path and is_same(instance(running, path), instance(root, path))]
            if not gone:
                raise RpcErrors(refusal(schema, problem) for problem in problems)
            for path in gone:
                root = without(root, path)
        return root

    def _problems(self, root: Branch) -> list[ValidationError]:
        """Return all that is wrong with a configuration.

        Of one that follows a valid one only that part is judged which the change can have made invalid.
        """
        if self._stores.running is not self._valid:
            return self._judged(root)
        if root is self._valid:
            return []
        with suppress(Opaque):
            return self._judged(excerpt(self._constraints(), self._valid, root))
        return self._judged(root)

    def _judged(self, root: Branch) -> list[ValidationError]:
        """Return what libyang finds wrong.

        At an instance-identifier that leads nowhere it stops: the rest is looked for with one that does.
        """
        schema = self._registry.schema
        found = list(schema.validate(self.serialize(root)))
        ends = [locate(schema, problem.path) for problem in found if problem.message.startswith(LEADS_NOWHERE)]
        mended = root
        for path in ends:
            if path and path[-1].node.kind is Kind.LEAF and instance(root, path) is not None:
                mended = with_value(mended, path, identifier(path))
        if mended is not root:
            found += [problem for problem in self._judged(mended) if problem not in found]
        return found

    def rehearse(self, root: Branch) -> None:
        """Judge a configuration as `commit` does, and change nothing; RpcError, RpcErrors when it is refused."""
        self._prepare(self.settle(root))

    def commit(self, root: Branch, permit: Callable[[Branch], None] = lambda root: None) -> None:
        """Make `root` the running configuration; RpcErrors when it is refused, and then nothing has changed.

        `permit` is shown what would be, once what goes by itself has gone, and raises RpcError where that must not be.
        """
        root = self.settle(root)
        permit(root)
        for apply in self._prepare(root):
            apply()
        self._stores.replace(Datastore.RUNNING, root)
        self._valid = root

    def _prepare(self, root: Branch) -> list[Callable[[], None]]:
        try:
            values = dict(self._values(root))
            return [target.prepare(values) for target in self._targets]
        except ValueError as error:
            raise operation_failed(str(error)) from error

    def _values(self, root: Branch) -> Iterator[tuple[str, object]]:
        """Build the values of a configuration; those of a part that is what it was the last time are kept."""
        schema = self._registry.schema
        for node, binding in self._registry.configs.items():
            branch = find(schema, root, node.path)
            if node not in self._built or self._built[node][0] is not branch:
                self._built[node] = (branch, self._build(node, binding, branch or Branch(node)))
            yield binding.path, self._built[node][1].value

    def _build(self, node: SchemaNode, binding: ConfigBinding, branch: Branch) -> Built:
        if binding.rebuild is None or node not in self._built:
            return Built(branch, binding.build(branch, self._unseal))
        return Built(branch, binding.rebuild(branch, self._unseal, self._built[node][1]))


def refusal(schema: Schema, problem: ValidationError) -> RpcError:
    """Return the rpc-error of one complaint of libyang."""
    tag, app_tag = TAGS[problem.kind]
    path = locate(schema, problem.path)
    if problem.kind is Violation.COUNT and path:
        path = (*path[:-1], PathStep(path[-1].node))  # The list is named, not the entry that is one too many.
    info = [
        *(ErrorInfo("bad-element", step.node.name) for step in path[-1:] if problem.kind is Violation.WHEN),
        *(ErrorInfo("missing-choice", choice, YANG) for choice in problem.choices),
        *(ErrorInfo("non-unique", leaf, YANG) for leaf in (locate(schema, at) for at in problem.leaves) if leaf),
    ]
    return RpcError(
        ErrorType.APPLICATION, tag, problem.message, app_tag=problem.app_tag or app_tag, path=path, info=info
    )


_STEP: Final = re.compile(r"""/(?P<name>[\w.:-]+)(?P<predicates>(?:\[[^\]'"]*(?:'[^']*'|"[^"]*")?[^\]'"]*\])*)""")
_VALUE: Final = re.compile(r"""=\s*(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)")""")


def locate(schema: Schema, path: str) -> InstancePath:
    """Read an instance path in the style of RFC 7951; empty for a path that the schema does not have."""
    steps: list[PathStep] = []
    schema_path = ""
    for match in _STEP.finditer(path):
        schema_path = f"{schema_path}/{match['name']}"
        try:
            node = schema.node(schema_path)
        except KeyError:
            return ()
        steps.append(PathStep(node, _keys(node, match["predicates"])))
    return tuple(steps)


def _keys(node: SchemaNode, predicates: str) -> tuple[str, ...]:
    if node.kind not in (Kind.LIST, Kind.LEAF_LIST):
        return ()
    found = _VALUE.finditer(predicates)
    return tuple(match["single"] if match["single"] is not None else match["double"] for match in found)
