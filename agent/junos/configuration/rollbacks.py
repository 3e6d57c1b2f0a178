"""The configurations that were committed last: what `rollback N` goes back to, and who committed it when.

Whatever changes running is recorded, in whichever syntax it came. The newest is number 0, the configuration in use.
What was recorded is kept, for a restart to find, with each commit, whenever the startup is written, and at the end: a
commit that was answered is found again however the program ends, and an edit of running by itself costs nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from agent.datastore.changes import ConfigurationChanged
from agent.datastore.stores import Datastore, Stores
from agent.datastore.tree import Branch

KEPT: Final = 50
"""How many there are: as many as a router keeps."""
ROUTER: Final = "root"
"""Who commits what nobody asked for."""


@dataclass(frozen=True, slots=True)
class Committed:
    """Who committed a configuration, by what, and what was said of it; `at` is device time in microseconds.

    `count` is how many commits there have been with this one.
    """

    count: int
    at: int
    user: str
    client: str
    log: str = ""


class History(Protocol):
    """Where commits are found after a restart."""

    def load(self) -> Sequence[Committed]:
        """Return those that are found, newest first."""

    def is_of(self, committed: Committed, root: Branch) -> bool:
        """Tell whether a configuration is the one that was committed."""

    def read(self, committed: Committed) -> Branch:
        """Return the configuration of one that is kept; RpcError when it is of no use any more."""

    def keep(self, committed: Committed, root: Branch) -> bool:
        """Keep one; False when that cannot be done."""

    def excess(self) -> Sequence[int]:
        """Return the counts of those that there is no room for any more."""

    def forget(self, committed: Committed) -> None:
        """Keep one no longer."""


class NoHistory:
    """What keeps nothing; satisfies History."""

    def load(self) -> Sequence[Committed]:
        """Find nothing."""
        return ()

    def is_of(self, committed: Committed, root: Branch) -> bool:
        """Know nothing."""
        return False

    def read(self, committed: Committed) -> Branch:
        """Is never asked: nothing was found."""
        raise AssertionError(committed)

    def keep(self, committed: Committed, root: Branch) -> bool:
        """Keep nothing."""
        return False

    def excess(self) -> Sequence[int]:
        """Have nothing that takes room."""
        return ()

    def forget(self, committed: Committed) -> None:
        """Have nothing to forget."""


class Rollbacks:
    """The committed configurations of one gateway, newest first."""

    def __init__(self, stores: Stores, at: int, history: History) -> None:
        """Begin with what was kept, and with the configuration in use, which is that of the boot."""
        found = history.load()[:KEPT]
        self._stores = stores
        self._history = history
        self._committed = deque(found, KEPT)
        self._kept = {each.count: each for each in found}
        self._roots: dict[int, Branch] = {}
        self._log = ""
        if not found or not history.is_of(found[0], stores.running):
            self._record(stores.running, at, ROUTER, "other")

    def __len__(self) -> int:
        """How many there are."""
        return len(self._committed)

    def __getitem__(self, number: int) -> Committed:
        """Return one by its number; IndexError when there is none."""
        if number < 0:
            raise IndexError(number)
        return self._committed[number]

    def root(self, number: int) -> Branch:
        """Return its configuration; IndexError when there is none, RpcError for one that is of no use any more."""
        committed = self[number]
        root = self._roots.get(committed.count)
        if root is None:
            root = self._roots[committed.count] = self._history.read(committed)
        return root

    def say(self, log: str) -> None:
        """Keep what is said of the commit that comes next."""
        self._log = log

    def on_changed(self, event: ConfigurationChanged) -> None:
        """Record what running has become; and keep what was recorded, once it was committed or is the startup."""
        if event.datastore is Datastore.RUNNING:
            user, client = (event.by.user, "netconf") if event.by is not None else (ROUTER, "other")
            self._record(event.after, event.at, user, client)
        if event.is_commit or event.datastore is Datastore.STARTUP:
            self.keep()

    def keep(self) -> None:
        """Have a restart find what has been recorded up to now, if that is more than what it begins with anyway."""
        if len(self._committed) == 1 and not self._kept:
            return
        for committed in [each for each in self._committed if each.count not in self._kept]:
            if not self._history.keep(committed, self._roots[committed.count]):
                break  # for the older ones there is no more room than for this
            self._kept[committed.count] = committed
        oldest = self._committed[-1].count
        for count in {*(count for count in self._kept if count < oldest), *self._history.excess()}:
            self._history.forget(self._kept.pop(count))

    def _record(self, root: Branch, at: int, user: str, client: str) -> None:
        count = self._committed[0].count + 1 if self._committed else 1
        if len(self._committed) == KEPT:
            self._roots.pop(self._committed[-1].count, None)
        self._committed.appendleft(Committed(count, at, user, client, self._log))
        self._roots[count] = root
