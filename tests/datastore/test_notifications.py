"""The log of notifications: what it keeps, and what it has forgotten."""

from __future__ import annotations

from agent.datastore.notifications import LogLimits, Notification, NotificationLog
from tests.support.shop import toy_schema


def notification(at: int, article: str = "tea") -> Notification:
    """Return what is told of an article."""
    return Notification.of(at, toy_schema().node("/toy:sold-out"), {"article": article})


def times(log: NotificationLog, start: int = 0, stop: int | None = None) -> list[int]:
    """Return the times of what is kept."""
    return [kept.at for kept in log.between(start, stop)]


def test_a_notification_is_rendered_when_it_is_made() -> None:
    made = notification(5, "<tea>")
    assert made.content == '<sold-out xmlns="urn:toy"><article>&lt;tea&gt;</article></sold-out>'


def test_a_log_begins_empty_and_has_forgotten_nothing() -> None:
    log = NotificationLog(5)
    assert (log.created_at, log.aged_at, times(log)) == (5, None, [])


def test_a_log_gives_what_lies_between_two_times_both_included() -> None:
    log = NotificationLog(0)
    for at in (1, 2, 2, 3, 4):
        log.record(notification(at))
    assert times(log) == [1, 2, 2, 3, 4]
    assert times(log, 2) == [2, 2, 3, 4]
    assert times(log, 2, 3) == [2, 2, 3]
    assert times(log, 5) == []
    assert times(log, 0, 0) == []


def test_a_log_keeps_so_many_and_knows_the_last_that_it_forgot() -> None:
    log = NotificationLog(0, LogLimits(notifications=3))
    for at in (1, 2, 3):
        log.record(notification(at))
    assert (times(log), log.aged_at) == ([1, 2, 3], None)
    for at in (4, 5):
        log.record(notification(at))
    assert (times(log), log.aged_at) == ([3, 4, 5], 2)


def test_a_log_keeps_so_much_and_no_more() -> None:
    size = len(notification(0, "x" * 100).content)
    log = NotificationLog(0, LogLimits(characters=2 * size))
    for at in (1, 2):
        log.record(notification(at, "x" * 100))
    assert (times(log), log.aged_at) == ([1, 2], None)
    log.record(notification(3))
    assert (times(log), log.aged_at) == ([2, 3], 1)


def test_what_is_larger_than_the_log_is_forgotten_at_once() -> None:
    log = NotificationLog(0, LogLimits(characters=200))
    log.record(notification(1))
    log.record(notification(2, "x" * 200))
    log.record(notification(3))
    assert (times(log), log.aged_at) == ([3], 2)


def test_what_was_given_out_is_not_forgotten_with_the_log() -> None:
    log = NotificationLog(0, LogLimits(notifications=1))
    log.record(notification(1))
    given = log.between(0, None)
    log.record(notification(2))
    assert [kept.at for kept in given] == [1]
