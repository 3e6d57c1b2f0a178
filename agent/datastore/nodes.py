"""The schema tree: what the loaded YANG modules say of each node (RFC 7950).

Choices and cases never appear in data, so they are flattened: `SchemaNode.children` holds data nodes only, and
`SchemaNode.cases` names the choices a node sits in. Invariant: a tree is complete and immutable once `load_schema`
has returned it; nodes are equal by identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from types import MappingProxyType

from agent.datastore.values import ValueType

NO_NODES: Mapping[str, SchemaNode] = MappingProxyType({})
NO_CASES: Mapping[str, str] = MappingProxyType({})


class Kind(Enum):
    """The kinds of schema node; anyxml counts as anydata."""

    CONTAINER = "container"
    LIST = "list"
    LEAF = "leaf"
    LEAF_LIST = "leaf-list"
    ANYDATA = "anydata"
    RPC = "rpc"
    ACTION = "action"
    NOTIFICATION = "notification"
    INPUT = "input"
    OUTPUT = "output"


class Access(StrEnum):
    """The access-control extensions of RFC 8341 that a node can carry."""

    DENY_WRITE = "default-deny-write"
    DENY_ALL = "default-deny-all"


@dataclass(frozen=True, slots=True)
class Submodule:
    """A submodule as served by get-schema: `revision` is empty if it states none, `source` is its YANG text."""

    name: str
    revision: str
    source: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Module:
    """A module as announced and served.

    `revision` is empty if it states none; `features` are those that are supported, sorted; `source` is its YANG text;
    `deviated_by` names the modules whose deviations change it.
    """

    name: str
    revision: str
    namespace: str
    prefix: str
    implemented: bool
    features: tuple[str, ...]
    source: str = field(repr=False)
    submodules: tuple[Submodule, ...] = ()
    deviated_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A must or a when (RFC 7950 sections 7.5.3 and 7.21.5): an XPath, with the prefixes of `namespaces`.

    One that is `of_parent` stands at a choice, a case, an augment or a uses: its context is the parent of the node.
    """

    text: str
    namespaces: Mapping[str | None, str] = field(repr=False)
    is_when: bool = False
    of_parent: bool = False


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SchemaNode:
    """One node of the schema tree.

    `tag` is the Clark name `{namespace}name` that lxml gives. `config` is false for state and everywhere inside rpcs,
    actions and notifications. `children` are the data nodes below, in schema order; `operations` the actions and
    notifications. `keys` are a list's keys, in the order of its key statement. `defaults` are canonical values.
    `cases` are the (choice, case) pairs this node sits in below its parent, outermost first, and `default_cases` names
    the default case of each choice among the children that has one. `access` is the RFC 8341 extension written on this
    very node. `max_elements` is None where unbounded. `uniques` are the leaves of each unique statement of a list, None
    for one that cannot be told. `path` is in the style of RFC 7951, with the module's name where it changes:
    '/ipsec-agent-ike:ike/policy/peer-address'; choices and cases are not part of it.
    """

    kind: Kind
    name: str
    module: Module
    tag: str
    path: str
    parent: SchemaNode | None
    config: bool = False
    presence: bool = False
    mandatory: bool = False
    ordered_by_user: bool = False
    defaults: tuple[str, ...] = ()
    type: ValueType | None = None
    units: str = ""
    min_elements: int = 0
    max_elements: int | None = None
    cases: tuple[tuple[str, str], ...] = ()
    access: Access | None = None
    children: Mapping[str, SchemaNode] = field(default_factory=lambda: NO_NODES)
    operations: Mapping[str, SchemaNode] = field(default_factory=lambda: NO_NODES)
    keys: tuple[SchemaNode, ...] = ()
    default_cases: Mapping[str, str] = field(default_factory=lambda: NO_CASES)
    conditions: tuple[Condition, ...] = ()
    uniques: tuple[tuple[SchemaNode, ...] | None, ...] = ()

    def __repr__(self) -> str:
        """Short, since the values of all fields are a tree."""
        return f"<{self.kind.value} {self.path}>"

    def set_keys(self, keys: tuple[SchemaNode, ...], uniques: tuple[tuple[SchemaNode, ...] | None, ...] = ()) -> None:
        """For the builder of the tree alone: a list's leaves have it as their parent, so that they come after it."""
        object.__setattr__(self, "keys", keys)
        object.__setattr__(self, "uniques", uniques)

    @property
    def input(self) -> SchemaNode:
        """The input of an rpc or action; KeyError for other kinds."""
        return self.children[f"{{{self.module.namespace}}}input"]

    @property
    def output(self) -> SchemaNode:
        """The output of an rpc or action; KeyError for other kinds."""
        return self.children[f"{{{self.module.namespace}}}output"]
