"""A change of the configuration, whole or not at all: validate, prepare, apply (RFC 6241 section 8.3.4).

Validating judges the tree, preparing builds the frozen values that the device is configured with, applying hands them
over in one call. Nothing is changed before all of it has been accepted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol

from agent.datastore.defaults import with_defaults
from agent.datastore.errors import ErrorInfo, ErrorType, InstancePath, PathStep, RpcError, RpcErrors, operation_failed
from agent.datastore.ordering import YANG
from agent.datastore.registry import Registry, Unseal
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
        Violation.OTHER: ("operation-failed", None),
    }
)
"""Error tag and default app-tag for each violation (RFC 7950 section 15)."""


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

    def serialize(self, root: Branch) -> bytes:
        """Return a configuration as XML: its top-level elements, one after the other."""
        return "".join(self._whole.pieces(root, {})).encode()

    def check(self, root: Branch) -> list[Callable[[], None]]:
        """Judge a whole configuration, and return what applies it; RpcError, RpcErrors when it is refused."""
        self._judged(root)
        return self._prepare(root)

    def with_defaults(self, root: Branch) -> Branch:
        """Return a configuration with the defaults in use filled in; RpcErrors for one that is not valid."""
        return with_defaults(self._registry.schema, root, self._judged(root))

    def _judged(self, root: Branch) -> bytes:
        """Return a configuration as XML; RpcErrors when it is not valid."""
        xml = self.serialize(root)
        problems = self._registry.schema.validate(xml)
        if problems:
            raise RpcErrors(refusal(self._registry.schema, problem) for problem in problems)
        return xml

    def commit(self, root: Branch) -> None:
        """Make `root` the running configuration; RpcErrors when it is refused, and then nothing has changed."""
        for apply in self.check(root):
            apply()
        self._stores.replace(Datastore.RUNNING, root)

    def _prepare(self, root: Branch) -> list[Callable[[], None]]:
        try:
            values = dict(self._values(root))
            return [target.prepare(values) for target in self._targets]
        except ValueError as error:
            raise operation_failed(str(error)) from error

    def _values(self, root: Branch) -> Iterator[tuple[str, object]]:
        schema = self._registry.schema
        for node, binding in self._registry.configs.items():
            yield binding.path, binding.build(find(schema, root, node.path) or Branch(node), self._unseal)


def refusal(schema: Schema, problem: ValidationError) -> RpcError:
    """Return the rpc-error of one complaint of libyang."""
    tag, app_tag = TAGS[problem.kind]
    path = locate(schema, problem.path)
    if problem.kind is Violation.COUNT and path:
        path = (*path[:-1], PathStep(path[-1].node))  # The list is named, not the entry that is one too many.
    info = [
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
