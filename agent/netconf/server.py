"""The NETCONF server of one device: its sessions, its access rules, and what all sessions share.

Two clocks come in: device time for what is shown, management time for timers. Nothing here reads a clock by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.datastore.nacm import NACM, AccessControl, AccessCounters
from agent.datastore.registry import Caller, Registry
from agent.datastore.rendering import Compiler, Plan, Roots
from agent.datastore.schema import SchemaNode
from agent.datastore.stores import Stores
from agent.datastore.tree import Branch
from agent.netconf.capabilities import server_capabilities
from agent.netconf.session import EndReason, NetconfSession, SessionCounters, SessionLimits


@dataclass(frozen=True, slots=True)
class Clocks:
    """Device time in microseconds since the Unix epoch, and management time in monotonic seconds."""

    device: Callable[[], int]
    management: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Client:
    """Who opens a session: as the transport authenticated them, with the groups it knows of."""

    user: str
    source: str
    transport: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session and what monitoring shows of it (RFC 6022 section 2.1.4); `login_at` is device time."""

    session: NetconfSession
    client: Client
    login_at: int


@dataclass(slots=True)
class ServerCounters:
    """The counters of ietf-netconf-monitoring for the whole server; `ended` sums those of sessions that are over."""

    in_bad_hellos: int = 0
    in_sessions: int = 0
    dropped_sessions: int = 0
    ended: SessionCounters = field(default_factory=SessionCounters)


class Server:
    """What sessions share; satisfies the Keeper that a session needs."""

    def __init__(
        self, registry: Registry, stores: Stores, clocks: Clocks, limits: SessionLimits, protocol: Sequence[str] = ()
    ) -> None:
        """Start without sessions; `protocol` are the capabilities announced beside the modules'."""
        self.registry = registry
        self.stores = stores
        self.counters = ServerCounters()
        self.access_counters = AccessCounters()
        self.started_at = clocks.device()
        self.capabilities = server_capabilities(registry.schema, protocol)
        self.sessions: dict[int, OpenSession] = {}
        self._clocks = clocks
        self._limits = limits
        self._subjects: dict[str, object] = {}
        self._last_session_id = 0
        self.access = AccessControl(Branch(registry.schema.node(NACM)))
        self._compilers: dict[tuple[frozenset[str], bool], Compiler] = {}

    @property
    def subjects(self) -> Mapping[str, object]:
        """What the bindings of each module take, by module name."""
        return self._subjects

    def attach(self, module: str, subject: object) -> None:
        """Say what the bindings of a module take."""
        self._subjects[module] = subject

    def prepare(self, values: Mapping[str, object]) -> Callable[[], None]:
        """Return what takes over the access rules of a configuration: satisfies datastore.transaction.Configured."""
        access = values[NACM]
        if not isinstance(access, AccessControl):
            raise TypeError(f"{NACM} was built into {type(access).__name__}")
        return lambda: self._adopt(access)

    def _adopt(self, access: AccessControl) -> None:
        """Judge by new rules from now on, the requests of open sessions too."""
        self.access = access
        self._compilers.clear()
        for session_id, opened in self.sessions.items():
            opened.session.caller = self._caller(session_id, opened.client)

    def _caller(self, session_id: int, client: Client) -> Caller:
        return Caller(session_id, client.user, self.access.groups(client.user, client.groups), client.source)

    def open_session(self, client: Client, wake: Callable[[], None]) -> NetconfSession:
        """Open a session for an authenticated client; its id is larger than any before it (RFC 6241 section 8.1)."""
        self._last_session_id += 1
        caller = self._caller(self._last_session_id, client)
        session = NetconfSession(self, caller, wake, self._limits, self._clocks.management)
        self.sessions[caller.session_id] = OpenSession(session, client, self._clocks.device())
        self.counters.in_sessions += 1
        return session

    def require_execute(self, caller: Caller, rpc: SchemaNode) -> None:
        """Raise access-denied where the caller may not execute an operation."""
        self.access.require_execute(caller, rpc, self.access_counters)

    def plan(self, caller: Caller, roots: Roots, *, state: bool) -> Plan:
        """Return the rendering of a selection for a reader; readers of the same groups share what was compiled."""
        access, reader = self.access, (caller.groups, state)
        if reader not in self._compilers:
            self._compilers[reader] = Compiler(self.registry, lambda node: access.may_read(caller, node), state=state)
        return self._compilers[reader].plan(roots)

    def kill(self, session_id: int, by: int) -> bool:
        """End a session at the request of another; False when there is none with this id."""
        opened = self.sessions.get(session_id)
        if opened is not None:
            opened.session.kill()
        return opened is not None

    def ended(self, session: NetconfSession, reason: EndReason) -> None:
        """Forget a session: release its locks and keep its counts."""
        self.sessions.pop(session.caller.session_id, None)
        self.stores.release(session.caller.session_id)
        if reason is EndReason.BAD_HELLO:
            self.counters.in_bad_hellos += 1
        if reason not in (EndReason.CLOSED, EndReason.KILLED):
            self.counters.dropped_sessions += 1
        total, counted = self.counters.ended, session.counters
        total.in_rpcs += counted.in_rpcs
        total.in_bad_rpcs += counted.in_bad_rpcs
        total.out_rpc_errors += counted.out_rpc_errors
        total.out_notifications += counted.out_notifications
