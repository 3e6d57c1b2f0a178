"""The configurations that were committed last: what `rollback N` goes back to, and who committed it when.

Whatever changes running is recorded, in whichever syntax it came. The newest is number 0, the configuration in use.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from agent.datastore.changes import ConfigurationChanged
from agent.datastore.stores import Datastore, Stores
from agent.datastore.tree import Branch

KEPT: Final = 50
"""How many there are: as many as a router keeps."""
ROUTER: Final = "root"
"""Who commits what nobody asked for."""


@dataclass(frozen=True, slots=True)
class Committed:
    """A configuration, who committed it, by what, and what was said of it; `at` is device time in microseconds.

    `count` is how many commits there have been with this one.
    """

    count: int
    root: Branch
    at: int
    user: str
    client: str
    log: str = ""


class Rollbacks:
    """The committed configurations of one gateway, newest first."""

    def __init__(self, stores: Stores, at: int) -> None:
        """Begin with the configuration in use, which is that of the boot."""
        self._stores = stores
        self._committed = deque([Committed(1, stores.running, at, ROUTER, "other")], KEPT)
        self._log = ""

    def __len__(self) -> int:
        """How many there are."""
        return len(self._committed)

    def __getitem__(self, number: int) -> Committed:
        """Return one by its number; IndexError when there is none."""
        if number < 0:
            raise IndexError(number)
        return self._committed[number]

    def say(self, log: str) -> None:
        """Keep what is said of the commit that comes next."""
        self._log = log

    def on_changed(self, event: ConfigurationChanged) -> None:
        """Record what running has become."""
        if event.datastore is Datastore.RUNNING:
            user, client = (event.by.user, "netconf") if event.by is not None else (ROUTER, "other")
            count = self._committed[0].count + 1
            self._committed.appendleft(Committed(count, event.after, event.at, user, client, self._log))
