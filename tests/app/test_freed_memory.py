"""Memory goes back to the system once after changes and ends of sessions, and after nothing else."""

from __future__ import annotations

from collections.abc import Callable

from agent.app.freed_memory import DELAY_SECONDS, FreedMemory
from agent.datastore.changes import CommitStage, ConfigurationChanged, ConfirmedCommitProgressed
from agent.datastore.registry import Caller
from agent.datastore.stores import Datastore
from agent.datastore.tree import Branch
from agent.netconf.base_notifications import SessionEnded
from agent.netconf.session import EndReason


class Timers:
    """Keeps what is arranged."""

    def __init__(self) -> None:
        self.arranged: list[tuple[float, Callable[[], None]]] = []

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        self.arranged.append((seconds, callback))

    def run(self) -> None:
        arranged, self.arranged = self.arranged, []
        for _, callback in arranged:
            callback()


class Trims:
    """Counts how often memory goes back."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, left: int) -> int:
        assert left == 0
        self.count += 1
        return 1


CHANGE = ConfigurationChanged(0, None, Datastore.RUNNING, Branch(None), Branch(None))


def test_memory_goes_back_once_after_several_changes() -> None:
    timers, trims = Timers(), Trims()
    memory = FreedMemory(timers.call_later, trims)
    memory.happened(CHANGE)
    memory.happened(CHANGE)
    assert [seconds for seconds, _ in timers.arranged] == [DELAY_SECONDS]
    assert trims.count == 0
    timers.run()
    assert trims.count == 1
    memory.happened(CHANGE)
    timers.run()
    assert trims.count == 2


def test_memory_goes_back_after_the_end_of_sessions() -> None:
    timers, trims = Timers(), Trims()
    memory = FreedMemory(timers.call_later, trims)
    for number in range(3):
        memory.happened(SessionEnded(0, Caller(number, "ann", frozenset(), "::1"), EndReason.CLOSED, None))
    assert [seconds for seconds, _ in timers.arranged] == [DELAY_SECONDS]
    timers.run()
    assert trims.count == 1


def test_nothing_is_arranged_for_another_event_or_another_library() -> None:
    timers, trims = Timers(), Trims()
    FreedMemory(timers.call_later, trims).happened(ConfirmedCommitProgressed(0, CommitStage.STARTED, None))
    FreedMemory(timers.call_later, None).happened(CHANGE)
    assert timers.arranged == []
