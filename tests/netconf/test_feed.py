"""A feed: each reads everything once, in order, however late; what is kept is bounded; only the idle are woken."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from agent.netconf.subscribed.feed import FEW_CHARACTERS, Change, Feed

READERS = 4


@dataclass(eq=False)
class Reading:
    """A reader that counts how often it is woken, and leaves when it has too much to read."""

    feed: Feed
    room: int = 10 * FEW_CHARACTERS
    woken: int = 0
    overflows: int = 0
    unread: list[str] = field(default_factory=list)
    """What it has not read, as it should be."""

    def wake(self) -> None:
        self.woken += 1

    def on_overflow(self) -> None:
        self.overflows += 1
        self.feed.leave(self)


def feed_with(*rooms: int) -> tuple[Feed, list[Reading]]:
    """Return a feed and those who read it."""
    feed = Feed(frozenset())
    readers = [Reading(feed, room) for room in rooms]
    for reader in readers:
        feed.follow(reader)
    return feed, readers


def text_of(change: Change | None) -> str | None:
    return None if change is None else change.text


def test_changes_that_were_not_read_are_read_together_as_of_the_last() -> None:
    feed, (one, other) = feed_with(1000, 1000)
    feed.append(Change(1, "a"))
    assert feed.read(one) == Change(1, "a")
    feed.append(Change(2, "b"))
    assert feed.read(one) == Change(2, "b")
    assert feed.read(other) == Change(2, "ab")
    assert feed.read(one) is feed.read(other) is None


def test_who_comes_later_reads_nothing_of_before() -> None:
    feed, (one,) = feed_with(1000)
    feed.append(Change(1, "a"))
    late = Reading(feed)
    feed.follow(late)
    assert not feed.has_news(late)
    feed.append(Change(2, "b"))
    assert text_of(feed.read(late)) == "b"
    assert text_of(feed.read(one)) == "ab"


def test_who_leaves_takes_along_what_it_has_not_read() -> None:
    feed, (one, other) = feed_with(1000, 1000)
    for at, text in enumerate("abc"):
        feed.append(Change(at, text))
        if text == "a":
            feed.read(one)
    assert feed.leave(one) == [Change(1, "b"), Change(2, "c")]
    assert feed.leave(one) == []
    assert not feed.follows(one)
    assert feed.read(one) is None
    assert text_of(feed.read(other)) == "abc"


def test_only_who_has_read_everything_is_woken_and_only_once() -> None:
    feed, (idle, busy) = feed_with(1000, 1000)
    feed.rest(idle)
    feed.append(Change(1, "a"))
    feed.append(Change(2, "b"))
    feed.wake()
    assert (idle.woken, busy.woken) == (1, 0)
    feed.read(idle)
    feed.append(Change(3, "c"))
    assert idle.woken == 1, "it has not said that it has nothing more to do"
    feed.read(idle)
    feed.rest(idle)
    feed.append(Change(4, "d"))
    assert idle.woken == 2


def test_who_has_left_is_not_woken() -> None:
    feed, (gone, _) = feed_with(1000, 1000)
    feed.rest(gone)
    feed.leave(gone)
    feed.rest(gone)
    feed.append(Change(1, "a"))
    assert gone.woken == 0


@pytest.mark.parametrize("size", [1, 10, 40])
def test_more_than_there_is_room_for_is_too_much_at_once(size: int) -> None:
    feed, (slow, quick, patient) = feed_with(100, 100, 10**9)
    for count in range(1, 100 // size + 2):
        assert slow.overflows == (count * size > 100 + size)
        feed.append(Change(count, "x" * size))
        feed.read(quick)
        assert slow.overflows == (count * size > 100)
    assert (quick.overflows, patient.overflows) == (0, 0)
    assert not feed.follows(slow)
    assert text_of(feed.read(patient)) == "x" * size * (100 // size + 1)


def test_without_a_reader_nothing_is_kept() -> None:
    feed = Feed(frozenset())
    feed.append(Change(1, "a"))
    late = Reading(feed)
    feed.follow(late)
    assert feed.leave(late) == []


class FeedModel(RuleBasedStateMachine):
    """Readers that come, read, overflow and go, against lists of what each has not read."""

    def __init__(self) -> None:
        super().__init__()
        self.feed = Feed(frozenset())
        rooms = (150_000, 150_000, 400_000, 10**9)
        self.readers = [Reading(self.feed, room) for room in rooms]
        self.at = 0

    @rule(size=st.sampled_from((1, 7, 30_000, 90_000)))
    def append(self, size: int) -> None:
        self.at += 1
        text = chr(ord("a") + self.at % 26) * size
        before = [reader.overflows for reader in self.readers]
        followed = [self.feed.follows(reader) for reader in self.readers]
        self.feed.append(Change(self.at, text))
        for reader, overflows, does_follow in zip(self.readers, before, followed, strict=True):
            if does_follow:
                reader.unread.append(text)
                is_too_much = sum(map(len, reader.unread)) > reader.room
                assert reader.overflows == overflows + is_too_much
                if is_too_much:
                    reader.unread.clear()

    @rule(number=st.integers(0, READERS - 1))
    def follow(self, number: int) -> None:
        reader = self.readers[number]
        if not self.feed.follows(reader):
            self.feed.follow(reader)

    @rule(number=st.integers(0, READERS - 1))
    def read(self, number: int) -> None:
        reader = self.readers[number]
        expected = "".join(reader.unread) or None
        reader.unread.clear()
        change = self.feed.read(reader)
        assert text_of(change) == expected
        assert change is None or change.at == self.at

    @precondition(lambda self: self.at > 0)
    @rule(number=st.integers(0, READERS - 1))
    def leave(self, number: int) -> None:
        reader = self.readers[number]
        assert [change.text for change in self.feed.leave(reader)] == reader.unread
        reader.unread.clear()

    @invariant()
    def news_is_what_was_not_read(self) -> None:
        for reader in self.readers:
            assert self.feed.has_news(reader) == bool(reader.unread)


TestFeed = FeedModel.TestCase
TestFeed.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
