"""The NETCONF server of one device: its sessions, its access rules, and what all sessions share.

Two clocks come in: device time for what is shown, management time for timers. Nothing here reads a clock by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from lxml import etree

from agent.datastore import errors
from agent.datastore.changes import Changes
from agent.datastore.defaults import DefaultsMode
from agent.datastore.diff import differences
from agent.datastore.errors import InstancePath, RpcError
from agent.datastore.faults import FaultRule, Faults
from agent.datastore.kept_texts import KeptTexts
from agent.datastore.nacm import NACM, AccessControl, AccessCounters, AccessOperation, Rights
from agent.datastore.notifications import LOG_LIMITS, LogLimits, Notification, NotificationLog
from agent.datastore.origins import PLAIN, OriginView
from agent.datastore.registry import Authorisation, Caller, Registry
from agent.datastore.rendering import Compiler, Plan, Roots
from agent.datastore.schema import SchemaNode
from agent.datastore.stores import Stores
from agent.datastore.transaction import Configured, Transactions
from agent.datastore.tree import Branch
from agent.datastore.xpath import Budget
from agent.netconf.base_notifications import SessionEnded, SessionStarted
from agent.netconf.capabilities import server_capabilities
from agent.netconf.filters import Filters
from agent.netconf.limits import SessionLimits
from agent.netconf.recording import Recorder
from agent.netconf.session import EndReason, NetconfSession, SessionCounters
from agent.netconf.subscribed.publisher import Publisher
from agent.netconf.subscriptions import NOTIFICATION_COMPLETE, REPLAY_COMPLETE, Alarm, Replay, Subscription
from agent.netconf.url import Files, Folder, NoFiles


class Event(Protocol):
    """Something that happened; `at` is device time in microseconds."""

    @property
    def at(self) -> int:
        """When it happened."""


class Secrecy(Protocol):
    """How secret leaves are kept."""

    def keep(self, node: SchemaNode, value: str) -> str:
        """Return a value as it is kept; InvalidValue for one that cannot be."""

    def open(self, node: SchemaNode, value: str) -> str:
        """Return the plain value of a kept one."""


class OpenSecrets:
    """No leaf is secret."""

    def keep(self, node: SchemaNode, value: str) -> str:
        """Keep a value as it is."""
        return value

    open = keep


OPEN: Final = OpenSecrets()
NO_FILES: Final = NoFiles()


class NoAlarm:
    """A call that never comes: that of a device whose time stands still."""

    def __init__(self, at: int, callback: Callable[[], object]) -> None:
        """Forget it."""

    def cancel(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """Device time in microseconds since the Unix epoch, and management time in monotonic seconds.

    `call_at` arranges a call at a device time that is to come.
    """

    device: Callable[[], int]
    management: Callable[[], float]
    call_at: Callable[[int, Callable[[], object]], Alarm] = NoAlarm


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
        self,
        registry: Registry,
        stores: Stores,
        clocks: Clocks,
        limits: SessionLimits,
        targets: Sequence[Configured] = (),
        secrets: Secrecy = OPEN,
        log_limits: LogLimits = LOG_LIMITS,
        files: Files = NO_FILES,
        recovery_users: Collection[str] = (),
    ) -> None:
        """Start without sessions; `targets` are what a running configuration is applied to, beside the access rules."""
        self.registry = registry
        self.stores = stores
        self.transactions = Transactions(registry, stores, (*targets, self), secrets.open)
        self.changes = Changes(self.transactions, stores, clocks.device, clocks.management, self.publish)
        self.seal = secrets.keep
        self._files = files
        self.recovery_users = frozenset(recovery_users)
        self.filters = Filters(registry)
        self.texts = KeptTexts()
        self.counters = ServerCounters()
        self.exceeded_limits: Counter[str] = Counter()
        self.access_counters = AccessCounters()
        self.started_at = clocks.device()
        self.log = NotificationLog(self.started_at, log_limits)
        self.capabilities = server_capabilities(registry.schema, registry.dialects)
        self.sessions: dict[int, OpenSession] = {}
        self._clocks = clocks
        self.limits = limits
        """Of the sessions to come."""
        self._subjects: dict[str, object] = {}
        self._last_session_id = 0
        self._subscribed: dict[NetconfSession, None] = {}
        self.faults = Faults()
        self._recorders: tuple[Recorder, ...] = ()
        self.access = AccessControl(Branch(registry.schema.node(NACM)))
        self._compilers: dict[tuple[Rights, bool, DefaultsMode, OriginView], Compiler] = {}
        self._filled = (Branch(None), Branch(None))
        self.publisher = Publisher(self)

    @property
    def subjects(self) -> Mapping[str, object]:
        """What the bindings of each module take, by module name."""
        return self._subjects

    @property
    def now(self) -> int:
        """Device time in microseconds."""
        return self._clocks.device()

    @property
    def xpath_budget(self) -> Budget:
        """What an XPath expression may take now."""
        return Budget(self.limits.xpath, self.exceeded)

    @property
    def folder(self) -> Folder:
        """The files that URLs name, within the limits of now."""
        return Folder(self._files, self.limits.files, self.exceeded)

    def attach(self, module: str, subject: object) -> None:
        """Say what the bindings of a module take."""
        self._subjects[module] = subject

    def prepare(self, values: Mapping[str, object]) -> Callable[[], None]:
        """Return what takes over the access rules of a configuration: satisfies datastore.transaction.Configured."""
        access = values[NACM]
        if not isinstance(access, AccessControl):
            raise TypeError(f"{NACM} was built into {type(access).__name__}")
        if access is not self.access:
            access.resolve(self.registry.schema)
        return self.texts.forget if access is self.access else (lambda: self._adopt(access))

    def _adopt(self, access: AccessControl) -> None:
        """Judge by new rules from now on, the requests of open sessions too."""
        self.access = access
        self._compilers.clear()
        self.texts.forget()
        for session_id, opened in self.sessions.items():
            opened.session.caller = self.caller(opened.client, session_id)
        self.publisher.on_access_changed()

    def let_recover(self, users: Collection[str]) -> None:
        """Have access control say nothing to these users from now on, and to no others (RFC 8341 section 3.2.2)."""
        self.recovery_users = frozenset(users)
        self._adopt(self.access)

    def caller(self, client: Client, session_id: int = 0) -> Caller:
        """Return on whose behalf a client acts: in a session of NETCONF, or (0) at another door."""
        groups = self.access.groups(client.user, client.groups)
        return Caller(session_id, client.user, groups, client.source, client.user in self.recovery_users)

    def open_session(self, client: Client, wake: Callable[[], None]) -> NetconfSession:
        """Open a session for an authenticated client; its id is larger than any before it (RFC 6241 section 8.1)."""
        self._last_session_id += 1
        caller = self.caller(client, self._last_session_id)
        session = NetconfSession(self, caller, wake, self.limits, self._clocks.management)
        self.sessions[caller.session_id] = OpenSession(session, client, self._clocks.device())
        self.counters.in_sessions += 1
        for recorder in self._recorders:
            recorder.opened(self.now, caller.session_id, client.user, client.source, client.transport, client.groups)
        return session

    def requested(self, session: NetconfSession, message: bytes) -> None:
        """Tell the recorders of a message."""
        now, session_id = self.now, session.caller.session_id
        for recorder in self._recorders:
            recorder.requested(now, session_id, message)

    def answered(self, session: NetconfSession, refused: Sequence[RpcError]) -> None:
        """Tell the recorders of what is answered."""
        now, session_id = self.now, session.caller.session_id
        for recorder in self._recorders:
            recorder.answered(now, session_id, refused)

    def strike(self, session: NetconfSession, operation: etree._Element) -> FaultRule | None:
        """Return the fault on purpose that strikes a request, and tell the recorders of both."""
        now, session_id = self.now, session.caller.session_id
        for recorder in self._recorders:
            recorder.called(now, session_id, operation)
        namespace, _, name = operation.tag.removeprefix("{").rpartition("}")
        module = self.registry.schema.by_namespace.get(namespace)
        fault = self.faults.strike(session.caller.user, module.name if module is not None else "", name)
        if fault is None:
            return None
        for recorder in self._recorders:
            recorder.struck(self.now, session.caller.session_id, fault)
        return fault.rule

    def acted(self, user: str, operation: bytes, refused: Sequence[RpcError]) -> None:
        """Tell the recorders of an operation that nobody outside has asked for."""
        for recorder in self._recorders:
            recorder.acted(self.now, user, operation, refused)

    def loaded(self, start: int) -> None:
        """Tell the recorders that the device has become that of a scenario that began at a device time."""
        for recorder in self._recorders:
            recorder.loaded(self.now, start)

    def commanded(self, client: Client, line: str, *, is_refused: bool) -> None:
        """Tell the recorders of a line that somebody has typed at another door."""
        for recorder in self._recorders:
            recorder.commanded(self.now, client.user, client.source, client.groups, line, is_refused=is_refused)

    def record(self, recorder: Recorder) -> None:
        """Tell somebody of everything from now on."""
        self._recorders = (*self._recorders, recorder)

    def hand_over(self, successor: Server) -> None:
        """Let another server take this one's place: the recorders follow it, and no session id comes again."""
        successor._recorders = tuple(recorder for recorder in self._recorders if recorder.follows)
        successor._last_session_id = self._last_session_id

    def retire(self, successor: Server) -> None:
        """Live by the clock of the server that has taken this one's place: what is left to tell is told in its time."""
        self._clocks = successor._clocks
        successor.limits, successor.recovery_users = self.limits, self.recovery_users
        successor.exceeded_limits = self.exceeded_limits

    def require_execute(self, caller: Caller, rpc: SchemaNode) -> None:
        """Raise access-denied where the caller may not execute an operation."""
        self.access.require_execute(caller, rpc, self.access_counters)

    def require_action(self, caller: Caller, action: SchemaNode, instance: InstancePath) -> None:
        """Raise access-denied where the caller may not invoke an action on an instance."""
        self.access.require_action(caller, action, instance, self.access_counters)

    def permits(self, caller: Caller, authorisation: Authorisation) -> bool:
        """Tell whether the caller may do what has no schema itself."""
        schema, executes = self.registry.schema, authorisation.executes
        reads = (schema.node(path) for path in authorisation.reads)
        return self.access.permits(caller, reads, None if executes is None else schema.node(executes))

    def require_permitted(self, caller: Caller, authorisation: Authorisation) -> None:
        """Raise access-denied, and count it, where the caller may not do what has no schema itself."""
        if not self.permits(caller, authorisation):
            self.access_counters.operations += 1
            raise errors.access_denied("permission denied")

    def authorize(self, caller: Caller, old: Branch, new: Branch, repeated: Sequence[InstancePath] = ()) -> None:
        """Raise access-denied where the caller may not make a difference that there is between two trees.

        Nor may it learn of a value that it cannot read that this is what it sets it to: those are `repeated`.
        """
        access, counters = self.access, self.access_counters
        for difference in differences(old, new, access.rights(caller).may_write_below):
            operation = AccessOperation(difference.change.value)
            access.require_write(caller, difference.node, operation, difference.path, counters)
        for path in repeated:
            if not access.may_see(caller, path):
                access.require_write(caller, path[-1].node, AccessOperation.UPDATE, path, counters)

    def concealed(self, caller: Caller, refused: Sequence[RpcError]) -> Sequence[RpcError]:
        """Return the errors of an edit as the caller may know them."""
        return [self.access.concealed(caller, error) for error in refused]

    def readable(self, caller: Caller, root: Branch) -> Branch:
        """Return what the caller may read of a configuration."""
        return self.access.readable(caller, root)

    def plan(
        self, caller: Caller, roots: Roots, mode: DefaultsMode, *, state: bool, origins: OriginView = PLAIN
    ) -> Plan:
        """Return the rendering of a selection for a reader; readers with the same rights share what was compiled."""
        rights = self.access.rights(caller)
        reader = (rights, state, mode, origins)
        compiler = self._compilers.get(reader)
        if compiler is None:
            compiler = Compiler(self.registry, rights, state=state, mode=mode, origins=origins)
            self._compilers[reader] = compiler
        return compiler.plan(roots)

    def with_defaults(self, root: Branch) -> Branch:
        """Return a configuration with the defaults in use filled in; what was asked for last is kept."""
        if self._filled[0] is not root:
            self._filled = (root, self.transactions.with_defaults(root))
        return self._filled[1]

    def publish(self, event: Event) -> None:
        """Record an event that has a notification, and tell everybody who subscribed."""
        for recorder in self._recorders:
            recorder.happened(event)
        self.publisher.on_event(event)
        found = self.registry.notifications.get(type(event))
        if found is None:
            return
        node, binding = found
        notification = Notification.of(event.at, node, binding.values(event))
        self.log.record(notification)
        for session in [session for session in self._subscribed if session.is_subscribed]:
            if self.is_permitted(session.caller, notification):
                session.notify(notification)
        self.publisher.on_notification(notification)

    def is_permitted(self, caller: Caller, notification: Notification) -> bool:
        """Tell whether somebody may be told of something, and count it where not."""
        if self.access.may_notify(caller, notification.node):
            return True
        self.access_counters.notifications += 1
        return False

    def replay(self, caller: Callable[[], Caller], subscription: Subscription) -> Replay | None:
        """Return what is to be told from the log, None for a subscription that does not ask for it."""
        if subscription.start_at is None:
            return None
        end = self._about_subscription(REPLAY_COMPLETE)
        logged = self.log.between(subscription.start_at, subscription.stop_at)
        return Replay(logged, lambda each: self.is_permitted(caller(), each) and subscription.wants(each), end)

    def end_of_subscription(self) -> Notification:
        """Return the word that a subscription has come to its stop time."""
        return self._about_subscription(NOTIFICATION_COMPLETE)

    def _about_subscription(self, path: str) -> Notification:
        """Return a notification that one subscriber alone is told, and that no log has (RFC 5277 section 3.3)."""
        return Notification.of(self.now, self.registry.schema.node(path), {})

    def call_at(self, at: int, callback: Callable[[], object]) -> Alarm:
        """Call back at a device time in microseconds; before this returns, if that is over."""
        if at > self.now:
            return self._clocks.call_at(at, callback)
        callback()
        return NoAlarm(at, callback)

    def next_deadline(self) -> float | None:
        """When `advance` has work to do whatever sessions there are, in seconds of management time; None for never."""
        deadlines = (self.changes.next_deadline(), self.publisher.next_deadline())
        return min((at for at in deadlines if at is not None), default=None)

    def advance(self, now: float) -> None:
        """Run what is due at the management time `now` in seconds.

        A commit that nobody has confirmed is undone, updates are sent for which it is time.
        """
        self.changes.advance(now)
        self.publisher.advance(now)

    def when_rescheduled(self, listener: Callable[[], None]) -> None:
        """Call `listener` from now on whenever `next_deadline` is another than before."""
        self.changes.when_rescheduled(listener)
        self.publisher.when_rescheduled(listener)

    def management_now(self) -> float:
        """Management time in seconds."""
        return self._clocks.management()

    def call_after_this(self, callback: Callable[[], object]) -> None:
        """Call back at the device time that it is, when what happens now is over."""
        self._clocks.call_at(self.now, callback)

    def settle(self) -> None:
        """Take in what has happened, before anything is sent."""
        self.publisher.settle()

    def kill(self, session_id: int, by: int) -> bool:
        """End a session at the request of another; False when there is none with this id."""
        opened = self.sessions.get(session_id)
        if opened is not None:
            opened.session.kill(by)
        return opened is not None

    def exceeded(self, limit: str) -> None:
        """Count something that was over a limit, which is named as the settings name it."""
        self.exceeded_limits[limit] += 1

    def started(self, session: NetconfSession) -> None:
        """Tell that a session has become usable."""
        for recorder in self._recorders:
            recorder.greeted(self.now, session.caller.session_id, is_chunked=session.is_chunked)
        self.publish(SessionStarted(self.now, session.caller))

    def subscribed(self, session: NetconfSession) -> None:
        """Tell a session of what happens, as long as it has its subscription."""
        self._subscribed[session] = None

    def ended(self, session: NetconfSession, reason: EndReason) -> None:
        """Forget a session: keep its counts, release its locks, undo what it had to confirm."""
        self.sessions.pop(session.caller.session_id, None)
        self._subscribed.pop(session, None)
        self._count(session, reason)
        self.stores.release(session.caller.session_id)
        self.publisher.on_session_ended(session.receiver)
        self.publish(SessionEnded(self.now, session.caller, reason, session.killed_by))
        self.changes.session_ended(session.caller.session_id)

    def _count(self, session: NetconfSession, reason: EndReason) -> None:
        if reason is EndReason.BAD_HELLO:
            self.counters.in_bad_hellos += 1
        if reason not in (EndReason.CLOSED, EndReason.KILLED):
            self.counters.dropped_sessions += 1
        total, counted = self.counters.ended, session.counters
        total.in_rpcs += counted.in_rpcs
        total.in_bad_rpcs += counted.in_bad_rpcs
        total.out_rpc_errors += counted.out_rpc_errors
        total.out_notifications += counted.out_notifications
        total.dropped_notifications += counted.dropped_notifications
