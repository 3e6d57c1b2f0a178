"""Who watches what of which datastore, and when each is told (RFC 8641 section 3.1).

An event, or a commit, marks what it may have changed. What is marked is looked at when the instant is over, since an
event may come in the middle of what it tells of. Invariant: nothing is looked at that nothing has marked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Protocol

from agent.datastore.changes import ConfigurationChanged
from agent.datastore.nacm import AccessControl, Rights
from agent.datastore.observed import Lens, LensMaker
from agent.datastore.observer import Observer
from agent.datastore.patch import PatchWriter
from agent.datastore.registry import Caller, Registry
from agent.datastore.rendering import Roots
from agent.datastore.schema import SchemaNode
from agent.datastore.stores import Datastore, Stores
from agent.datastore.touched import Touched, touched_by_commit, touched_by_event
from agent.datastore.tree import Branch
from agent.netconf.subscribed.on_change import OnChangeSubscription, Watch, WatchKey
from agent.netconf.subscribed.terms import CENTISECOND, OnChange, PushTerms

OPERATIONAL: Final = "ietf-datastores:operational"
INTENDED: Final = "ietf-datastores:intended"
PREFIX: Final = "ietf-datastores:"


class Surroundings(Protocol):
    """What the server knows."""

    @property
    def registry(self) -> Registry:
        """The compiled bindings."""

    @property
    def now(self) -> int:
        """Device time in microseconds."""

    @property
    def stores(self) -> Stores:
        """The datastores."""

    @property
    def subjects(self) -> Mapping[str, object]:
        """What bindings take, by module name."""

    @property
    def access(self) -> AccessControl:
        """The rules that decide now."""

    def with_defaults(self, root: Branch) -> Branch:
        """Return a configuration with the defaults in use filled in."""

    def management_now(self) -> float:
        """Management time in seconds."""

    def call_after_this(self, callback: Callable[[], object]) -> None:
        """Call back at the device time that it is, when what happens now is over."""


def stored(datastore: str) -> Datastore | None:
    """Return the datastore that an identity names; None for one that is not kept as such."""
    name = datastore.removeprefix(PREFIX)
    if datastore in (OPERATIONAL, INTENDED):
        return Datastore.RUNNING
    return next((each for each in Datastore if each.value == name), None)


def _is_watched(watches: Sequence[Watch], node: SchemaNode) -> bool:
    return any(watch.interest.reaches(node) for watch in watches)


class Watches:
    """All watches of one server."""

    def __init__(self, surroundings: Surroundings, on_rescheduled: Callable[[], None]) -> None:
        """Begin without any; `on_rescheduled` is called when `next_deadline` is earlier than before."""
        self._around = surroundings
        self._on_rescheduled = on_rescheduled
        self._writer = PatchWriter()
        self._watches: dict[WatchKey, Watch] = {}
        self._marked: dict[Watch, None] = {}
        self._waiting: dict[Watch, None] = {}
        self._filled: Branch | None = None
        self._is_call_arranged = False
        self._has_access_changed = False

    # Who watches

    def lenses(self, caller: Caller, datastore: str, selected: Roots) -> Mapping[SchemaNode, Lens]:
        """Return what a caller can see of a selection."""
        rights = self._around.access.rights(caller)
        return LensMaker(self._around.registry, rights, state=datastore == OPERATIONAL).lenses(selected)

    def join(self, subscription: OnChangeSubscription, terms: PushTerms, selected: Roots) -> None:
        """Have a subscription told from now on; those that see the same share what they see."""
        caller, trigger = subscription.receiver.caller, terms.trigger
        assert isinstance(trigger, OnChange)
        period = trigger.dampening_period
        alone = subscription.id if period else None
        self.settle()
        key = WatchKey(terms.datastore, terms.given.content, self._around.access.rights(caller), period, alone)
        watch = self._watches.get(key)
        if watch is None:
            observer = Observer(self.lenses(caller, terms.datastore, selected), self._writer)
            watch = self._watches[key] = Watch(key, selected, observer)
            observer.look(self._config(watch), self._subjects(watch))
        watch.admit((subscription,))

    def leave(self, subscription: OnChangeSubscription) -> None:
        """Have a subscription told no longer."""
        watch = subscription.watch
        if watch is None:
            return
        watch.dismiss(subscription)
        if not watch.members:
            self._watches.pop(watch.key, None)
            self._marked.pop(watch, None)
            self._waiting.pop(watch, None)

    # What happens

    def on_event(self, event: object) -> None:
        """Hear of an event."""
        watches = self._of({OPERATIONAL})
        if watches:
            self._mark(watches, touched_by_event(self._around.registry, event, partial(_is_watched, watches)))

    def on_commit(self, event: ConfigurationChanged) -> None:
        """Hear of a commit."""
        watched = {watch.key.datastore for watch in self._watches.values()}
        affected = {datastore for datastore in watched if stored(datastore) is event.datastore} - {OPERATIONAL}
        if affected:
            self._mark(self._of(affected), touched_by_commit(event.before, event.after))
        if event.datastore is Datastore.RUNNING:
            before, self._filled = self._filled, None
            if OPERATIONAL in watched:
                touched = touched_by_commit(before or Branch(None), self._operational())
                self._mark(self._of({OPERATIONAL}), touched)

    def _of(self, datastores: Collection[str]) -> list[Watch]:
        return [watch for watch in self._watches.values() if watch.key.datastore in datastores]

    def on_access_changed(self) -> None:
        """Hear that other rules decide from now on, or that users are in other groups."""
        if self._watches:
            self._has_access_changed = True
            self._arrange_call()
            for watch in self._watches.values():
                watch.wake()

    def _mark(self, watches: Sequence[Watch], touched: Iterable[Touched]) -> None:
        for each in touched:
            for watch in watches:
                if each not in watch.touched and watch.interest.includes(each):
                    watch.touched[each] = None
                    if watch not in self._marked and watch not in self._waiting:
                        self._marked[watch] = None
                        self._arrange_call()
                        watch.wake()

    def _arrange_call(self) -> None:
        if not self._is_call_arranged:
            self._is_call_arranged = True
            self._around.call_after_this(self._on_called)

    def _on_called(self) -> None:
        self._is_call_arranged = False
        self.settle()

    # When they are told

    def settle(self) -> int:
        """Look at all that is marked and tell of it, but for those who are not to be told yet; return the time."""
        if self._has_access_changed:
            self._regroup()
        if not self._marked:
            return self._around.now
        marked, self._marked = self._marked, {}
        now = self._around.management_now()
        for watch in marked:
            if now < watch.not_before:
                self._waiting[watch] = None
                self._on_rescheduled()
            else:
                self._look(watch, now)
        return self._around.now

    def next_deadline(self) -> float | None:
        """When those who wait are to be told, in seconds of management time."""
        return min((watch.not_before for watch in self._waiting), default=None)

    def advance(self, now: float) -> None:
        """Tell those who have waited for long enough at a management time."""
        for watch in [watch for watch in self._waiting if watch.not_before <= now]:
            del self._waiting[watch]
            self._look(watch, now)

    def _look(self, watch: Watch, now: float) -> None:
        touched, watch.touched = watch.touched, {}
        config, subjects = self._config(watch), self._subjects(watch)
        edits = [edit for each in touched for edit in watch.observer.refresh(each, config, subjects)]
        if edits and watch.key.dampening_period:
            watch.not_before = now + watch.key.dampening_period * CENTISECOND
        watch.tell(self._around.now, edits)

    def _regroup(self) -> None:
        """Have everybody see what the new rules permit: what is gained is created, what is lost is deleted."""
        self._has_access_changed = False
        before = list(self._watches.values())
        for kept in (self._watches, self._marked, self._waiting):
            kept.clear()
        for old in before:
            by_rights: dict[Rights, list[OnChangeSubscription]] = {}
            for member in old.members:
                by_rights.setdefault(self._around.access.rights(member.receiver.caller), []).append(member)
            for rights, members in by_rights.items():
                self._regrouped(old, rights, members)

    def _regrouped(self, old: Watch, rights: Rights, members: list[OnChangeSubscription]) -> None:
        """Have members of one watch, who may now see the same, told of what is different for them, and go on."""
        caller = members[0].receiver.caller
        observer = Observer(
            self.lenses(caller, old.key.datastore, old.selected), self._writer, old.observer.seen.copy()
        )
        watch = Watch(replace(old.key, rights=rights), old.selected, observer, old.number)
        watch.admit(members)
        watch.tell(self._around.now, observer.look(self._config(watch), self._subjects(watch)))
        shared = self._watches.setdefault(watch.key, watch)
        if shared is not watch:
            shared.number = max(shared.number, watch.number)
            shared.admit(members)

    # What is seen

    def _config(self, watch: Watch) -> Branch:
        if watch.key.datastore == OPERATIONAL:
            return self._operational()
        datastore = stored(watch.key.datastore)
        assert datastore is not None
        return self._around.stores.root(datastore)

    def _operational(self) -> Branch:
        if self._filled is None:
            self._filled = self._around.with_defaults(self._around.stores.running)
        return self._filled

    def _subjects(self, watch: Watch) -> Mapping[str, object]:
        return self._around.subjects if watch.key.datastore == OPERATIONAL else {}
