"""Whether the ends are there: what one end does about it, and what it does not do unasked."""

import pytest

from agent.core.config import DeadPeerDetection
from agent.core.events import DropReason
from agent.core.identifiers import Cookie
from agent.core.ike import dpd
from agent.core.ike.exchange import Discarded
from agent.core.ike.liveness import Liveness
from agent.core.ike.message import CookiePair
from agent.core.ike.payloads import Notification
from agent.core.world import SECOND, World

COOKIES = CookiePair(Cookie(b"initiato"), Cookie(b"responde"))


class End:
    """One end of an IKE SA, and what it did."""

    def __init__(self) -> None:
        self.world = World(now=0, seed=0)
        self.liveness = Liveness(self.world, lambda purpose, count: bytes(count), COOKIES)
        self.asked: list[Notification] = []
        self.kept_alive: list[int] = []
        self.dead_at: list[int] = []

    def watch(self) -> None:
        self.liveness.watch(DeadPeerDetection(), self.asked.append, lambda: self.dead_at.append(self.world.now))

    def keep_alive(self) -> None:
        self.liveness.keep_alive(20 * SECOND, lambda: self.kept_alive.append(self.world.now // SECOND))

    def run_to(self, seconds: int) -> None:
        self.world.advance(seconds * SECOND)


def test_unless_it_is_told_to_it_asks_nothing_and_sends_nothing() -> None:
    end = End()
    end.liveness.note_heard(end.world.now)
    end.liveness.note_sent()
    assert end.world.next_deadline() is None


def test_it_answers_every_new_question_whether_it_watches_or_not() -> None:
    end = End()
    for number in (5, 6, 9):
        assert end.liveness.on_notification(dpd.probe(COOKIES, number)) == dpd.acknowledgement(COOKIES, number)
    for number in (9, 7, 0):
        with pytest.raises(Discarded) as raised:
            end.liveness.on_notification(dpd.probe(COOKIES, number))
        assert raised.value.reason is DropReason.REPLAYED_MESSAGE


def test_an_answer_is_not_answered() -> None:
    end = End()
    assert end.liveness.on_notification(dpd.acknowledgement(COOKIES, 0)) is None
    end.watch()
    end.run_to(10)
    assert end.asked == [dpd.probe(COOKIES, 0)]
    assert end.liveness.on_notification(dpd.acknowledgement(COOKIES, 0)) is None
    end.run_to(19)
    assert len(end.asked) == 1


def test_another_notification_is_none_of_its_business() -> None:
    assert End().liveness.on_notification(Notification(1, b"", 16384)) is None


def test_to_hear_puts_the_question_off_and_to_send_the_keepalive() -> None:
    end = End()
    end.watch()
    end.keep_alive()
    end.run_to(9)
    end.liveness.note_heard(end.world.now)
    end.liveness.note_sent()
    end.run_to(18)
    assert end.asked == []
    assert end.kept_alive == []
    end.run_to(29)
    assert len(end.asked) > 0
    assert end.kept_alive == [29]


def test_one_that_is_closed_does_nothing_any_more() -> None:
    end = End()
    end.watch()
    end.keep_alive()
    end.run_to(11)
    end.liveness.close()
    end.liveness.note_heard(end.world.now)
    end.run_to(100)
    assert len(end.asked) == 1
    assert end.kept_alive == []
    assert end.dead_at == []
    assert end.world.next_deadline() is None
