"""Where YANG meets a device: bindings as immutable tables, compiled once per schema, and the start-up audit.

A binding table names schema paths and functions that take a *subject*: the device, the server, or an entry of theirs.
No table knows a device; the subject comes in when something is read or called. The server refuses to start while a
node of an audited module is neither bound nor listed as a deviation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from lxml import etree

from agent.datastore.errors import InstancePath
from agent.datastore.schema import Kind, Schema, SchemaNode
from agent.datastore.tree import Anydata, Branch, Entries, Key, child, lineage

P = TypeVar("P")
E = TypeVar("E")
T = TypeVar("T")

Value = str | int | bool | Iterable[str] | Anydata | None
"""What a leaf's getter gives: text, a number, a truth, several texts (leaf-list, bits), or None for an absent leaf."""
Output: TypeAlias = "Mapping[str, Value | Output | Sequence[Output]]"
"""The output of an RPC or the body of a notification: values, containers and lists by node name."""


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf something is done: handed to every handler."""

    session_id: int
    user: str
    groups: frozenset[str]
    source: str
    is_recovering: bool = False
    """Whether no access rule holds for it (the recovery session of RFC 8341 section 3.1.1)."""


# The generic ones have no slots: typing cannot set __orig_class__ on a frozen slotted dataclass (CPython 3.11).
@dataclass(frozen=True)
class StateList(Generic[P, E]):
    """A state list, or the state of a configured list: from the parent's subject to its entries.

    `iterate` walks over a snapshot and skips what vanished; `find` looks one entry up by its canonical key values and
    returns None for one that does not exist; `leaves` maps paths below the entry ('statistics/input-bytes') to getters.
    A list with `few` entries never has more than a handful, none of them large: all of them are shown at once.
    """

    path: str
    iterate: Callable[[P], Iterable[E]]
    find: Callable[[P, Key], E | None]
    leaves: Mapping[str, Callable[[E], Value]]
    few: bool = False


@dataclass(frozen=True)
class StateContainer(Generic[P, E]):
    """The state leaves of a container; `select` goes from the parent's subject to its own, None when it is absent."""

    path: str
    select: Callable[[P], E | None]
    leaves: Mapping[str, Callable[[E], Value]]


@dataclass(frozen=True, slots=True)
class Built:
    """A subtree of the configuration and the value that it was built into."""

    branch: Branch
    value: object


def kept(entries: Entries, before: Entries, values: Iterable[T], build: Callable[[Branch], T]) -> tuple[T, ...]:
    """Return what each entry of a list is built into; `values` are those of the entries before, which share theirs."""
    known = dict(zip(before.values(), values, strict=True))
    return tuple([known[entry] if entry in known else build(entry) for entry in entries.values()])


@dataclass(frozen=True, slots=True)
class ConfigBinding:
    """A subtree of the configuration and the frozen value it is built into; ValueError names what cannot be.

    The tree holds secrets sealed: `build` gets what opens them.
    """

    path: str
    build: Callable[[Branch, Unseal], object]
    rebuild: Callable[[Branch, Unseal, Built], object] | None = None
    """Does the same with what was built before at hand: whatever has not changed since need not be built again."""


@dataclass(frozen=True)
class RpcBinding(Generic[P]):
    """An RPC: subject, caller and input to an output or a Pending; raises RpcError."""

    path: str
    handle: Callable[[P, Caller, Branch], Output | Pending]


@dataclass(frozen=True)
class ActionBinding(Generic[P]):
    """An action (RFC 7950 section 7.15): subject, caller, the instance it is invoked on, and input to an output.

    The instance exists, and the caller may see it. The answer may be a Pending; raises RpcError.
    """

    path: str
    handle: Callable[[P, Caller, InstancePath, Branch], Output | Pending]


@dataclass(frozen=True)
class NotificationBinding(Generic[E]):
    """A notification and the event it tells of."""

    path: str
    event: type[E]
    values: Callable[[E], Output]


def everywhere(event: object) -> Iterable[tuple[Value, ...]]:
    """Return the keys of a change that may be anywhere: none, which stands for every instance."""
    return ((),)


@dataclass(frozen=True)
class ChangeBinding(Generic[E]):
    """What an event may have changed of the state: the node at `path` and all that is below it.

    `keys` gives the keys of each instance, those of all lists on the path in one, the outermost first; where they end
    early, every entry from there on is meant.
    """

    path: str
    event: type[E]
    keys: Callable[[E], Iterable[tuple[Value, ...]]] = everywhere


@dataclass(frozen=True, slots=True)
class Bindings:
    """All bindings of one YANG module.

    State that no change names, or that is listed as `unobserved` with all that is below it, changes without an event.
    """

    module: str
    states: tuple[StateList[Any, Any] | StateContainer[Any, Any], ...] = ()
    configs: tuple[ConfigBinding, ...] = ()
    rpcs: tuple[RpcBinding[Any], ...] = ()
    actions: tuple[ActionBinding[Any], ...] = ()
    notifications: tuple[NotificationBinding[Any], ...] = ()
    changes: tuple[ChangeBinding[Any], ...] = ()
    unobserved: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    deviations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Authorisation:
    """What something without a schema is authorised as: the data that it shows, and the RPC that it stands for.

    `reads` are paths of data nodes, each of which is shown with all that is below it.
    """

    reads: tuple[str, ...] = ()
    executes: str | None = None


@dataclass(frozen=True)
class DialectRpc(Generic[P]):
    """An RPC without a schema, by its local name.

    `authorise` says, from its element, what it is authorised as. `handle` takes subject, caller and element and returns
    the content of the reply as a lazy stream of XML. Either raises RpcError, `handle` before the stream begins.
    """

    name: str
    authorise: Callable[[etree._Element], Authorisation]
    handle: Callable[[P, Caller, etree._Element], Iterator[str]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """RPCs without a schema that clients of one vendor send.

    They are meant where an element is in no namespace, in the protocol's own where that has no such operation, or in
    one that begins like one of `namespaces`. `name` is what their subject is attached under, `capabilities` are
    announced for them. `authorisations` are all that they are ever authorised as.
    """

    name: str
    namespaces: tuple[str, ...]
    capabilities: tuple[str, ...]
    rpcs: Mapping[str, DialectRpc[Any]]
    authorisations: tuple[Authorisation, ...]


Unseal = Callable[[SchemaNode, str], str]
"""Returns the plain value of a leaf as it is kept; ValueError for a secret that this device did not seal."""


class Pending:
    """An answer that comes later: its owner completes or fails it once, the session that asked is told."""

    def __init__(self) -> None:
        """Start without an answer."""
        self._outcome: Output | Exception | None = None
        self._listener: Callable[[], None] | None = None

    @property
    def outcome(self) -> Output | Exception | None:
        """The output, the error, or None while there is neither."""
        return self._outcome

    def complete(self, output: Output) -> None:
        """Answer; a second answer is an error of the owner."""
        self._settle(output)

    def fail(self, error: Exception) -> None:
        """Answer with an error."""
        self._settle(error)

    def when_settled(self, listener: Callable[[], None]) -> None:
        """Call `listener` when the answer is there, at once if it is there already."""
        self._listener = listener
        if self._outcome is not None:
            listener()

    def _settle(self, outcome: Output | Exception) -> None:
        if self._outcome is not None:
            raise ValueError("this answer was given already")
        self._outcome = outcome
        if self._listener is not None:
            self._listener()


class AuditFailed(Exception):
    """Nodes of audited modules that nothing is bound to, or bindings that fit no node; the message lists them."""


def snapshot(entries: Mapping[P, E]) -> Iterator[E]:
    """Iterate over the values of a mapping as it is now, skipping those that vanish on the way."""
    for key in tuple(entries):
        entry = entries.get(key)
        if entry is not None:
            yield entry


@dataclass(frozen=True, slots=True, eq=False)
class Registry:
    """All bindings resolved against one schema."""

    schema: Schema
    lists: Mapping[SchemaNode, StateList[Any, Any]]
    containers: Mapping[SchemaNode, StateContainer[Any, Any]]
    getters: Mapping[SchemaNode, Callable[[Any], Value]]
    configs: Mapping[SchemaNode, ConfigBinding]
    rpcs: Mapping[SchemaNode, RpcBinding[Any]]
    notifications: Mapping[type, tuple[SchemaNode, NotificationBinding[Any]]]
    secrets: frozenset[SchemaNode]
    dialects: tuple[Dialect, ...] = ()
    changes: Mapping[type, tuple[tuple[SchemaNode, ChangeBinding[Any]], ...]] = field(default_factory=dict)
    unobserved: frozenset[SchemaNode] = frozenset()
    actions: Mapping[SchemaNode, ActionBinding[Any]] = field(default_factory=dict)

    def is_notifiable(self, node: SchemaNode) -> bool:
        """Tell whether every change of a leaf comes with an event (RFC 8641 section 3.10): configuration's does."""
        if node.config:
            return True
        above = lineage(node)
        named = {named for changes in self.changes.values() for named, _ in changes}
        return not named.isdisjoint(above) and self.unobserved.isdisjoint(above)


def compile_bindings(schema: Schema, tables: Sequence[Bindings], dialects: Sequence[Dialect] = ()) -> Registry:
    """Resolve binding tables against a schema; AuditFailed lists paths that do not exist and nodes left unbound."""
    compiler = _Compiler(schema)
    for table in tables:
        compiler.add(table)
    for dialect in dialects:
        compiler.add_dialect(dialect)
    problems = [*compiler.problems, *_unbound(compiler, tables)]
    if problems:
        raise AuditFailed("the bindings do not fit the schema:\n" + "\n".join(f"  {problem}" for problem in problems))
    return compiler.registry()


class _Compiler:
    """Resolves paths; gathers what does not resolve."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.problems: list[str] = []
        self.lists: dict[SchemaNode, StateList[Any, Any]] = {}
        self.containers: dict[SchemaNode, StateContainer[Any, Any]] = {}
        self.getters: dict[SchemaNode, Callable[[Any], Value]] = {}
        self.configs: dict[SchemaNode, ConfigBinding] = {}
        self.rpcs: dict[SchemaNode, RpcBinding[Any]] = {}
        self.actions: dict[SchemaNode, ActionBinding[Any]] = {}
        self.notifications: dict[type, tuple[SchemaNode, NotificationBinding[Any]]] = {}
        self.secrets: set[SchemaNode] = set()
        self.deviations: set[SchemaNode] = set()
        self.dialects: list[Dialect] = []
        self.changes: dict[type, list[tuple[SchemaNode, ChangeBinding[Any]]]] = {}
        self.unobserved: set[SchemaNode] = set()

    def add(self, table: Bindings) -> None:
        for state in table.states:
            if (node := self.resolve(state.path)) is not None:
                self._add_state(node, state)
        self.configs.update(self._resolved((config.path, config) for config in table.configs))
        self.rpcs.update(self._resolved((rpc.path, rpc) for rpc in table.rpcs))
        self.actions.update(self._resolved((action.path, action) for action in table.actions))
        for node, notification in self._resolved((bound.path, bound) for bound in table.notifications):
            self.notifications[notification.event] = (node, notification)
        for node, change in self._resolved((change.path, change) for change in table.changes):
            self.changes.setdefault(change.event, []).append((node, change))
        self.unobserved.update(node for node, _ in self._resolved((path, path) for path in table.unobserved))
        self.secrets.update(node for node, _ in self._resolved((path, path) for path in table.secrets))
        self.deviations.update(node for node, _ in self._resolved((path, path) for path in table.deviations))

    def add_dialect(self, dialect: Dialect) -> None:
        self.dialects.append(dialect)
        for authorisation in dialect.authorisations:
            for path in authorisation.reads:
                self.resolve(path)
            if authorisation.executes is not None:
                self.resolve(authorisation.executes)

    def _resolved(self, bound: Iterable[tuple[str, P]]) -> Iterator[tuple[SchemaNode, P]]:
        for path, binding in bound:
            if (node := self.resolve(path)) is not None:
                yield node, binding

    def resolve(self, path: str) -> SchemaNode | None:
        try:
            return self.schema.node(path)
        except KeyError:
            self.problems.append(f"{path}: no such node exists")
            return None

    def _add_state(self, node: SchemaNode, state: StateList[Any, Any] | StateContainer[Any, Any]) -> None:
        if isinstance(state, StateList):
            self.lists[node] = state
        else:
            self.containers[node] = state
        for path, getter in state.leaves.items():
            leaf = node
            try:
                for name in path.split("/"):
                    leaf = child(leaf, name)
            except KeyError as error:
                self.problems.append(f"{node.path}: {error.args[0]}")
                continue
            self.getters[leaf] = getter

    def registry(self) -> Registry:
        return Registry(
            self.schema,
            self.lists,
            self.containers,
            self.getters,
            self.configs,
            self.rpcs,
            self.notifications,
            frozenset(self.secrets),
            tuple(self.dialects),
            {event: tuple(changes) for event, changes in self.changes.items()},
            frozenset(self.unobserved),
            self.actions,
        )


def _unbound(compiler: _Compiler, tables: Sequence[Bindings]) -> Iterator[str]:
    """Name every node of the tables' modules that is neither bound nor a deviation."""
    modules = {table.module for table in tables}
    schema, deviations = compiler.schema, compiler.deviations
    bound_events = {node for node, _ in compiler.notifications.values()}
    for node in _walk(schema.roots.values()):
        if node.module.name in modules and not deviations.intersection(lineage(node)):
            yield from _unbound_data(compiler, node)
    for rpc in schema.rpcs.values():
        if rpc.module.name in modules and rpc not in compiler.rpcs and rpc not in deviations:
            yield f"{rpc.path}: an RPC without a binding"
    for action in (operation for node in _walk(schema.roots.values()) for operation in node.operations.values()):
        known = action in compiler.actions or action in deviations
        if action.kind is Kind.ACTION and action.module.name in modules and not known:
            yield f"{action.path}: an action without a binding"
    for notification in schema.notifications.values():
        if notification.module.name in modules and notification not in {*bound_events, *deviations}:
            yield f"{notification.path}: a notification without a binding"


def _unbound_data(compiler: _Compiler, node: SchemaNode) -> Iterator[str]:
    if node.config:
        if node.kind in (Kind.LEAF, Kind.LEAF_LIST) and not set(lineage(node)) & compiler.configs.keys():
            yield f"{node.path}: a configuration leaf without a binding"
    elif node.kind is Kind.LIST and node not in compiler.lists:
        yield f"{node.path}: a state list without a binding"
    elif node.kind in (Kind.LEAF, Kind.LEAF_LIST, Kind.ANYDATA) and node not in compiler.getters:
        yield f"{node.path}: a state leaf without a binding"


def _walk(nodes: Iterable[SchemaNode]) -> Iterator[SchemaNode]:
    for node in nodes:
        yield node
        yield from _walk(node.children.values())
