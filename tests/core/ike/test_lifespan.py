"""The life of an IKE SA, which seconds and kilobytes end."""

from agent.core.ike.lifespan import Lifespan
from agent.core.ike.lifetime import Lifetimes
from agent.core.world import SECOND, World


class Watched:
    """A lifespan that began at second 100, and when it was over."""

    def __init__(self, lifetimes: Lifetimes) -> None:
        self.world = World(now=100 * SECOND, seed=0)
        self.ends: list[int] = []
        self.lifespan = Lifespan(self.world, lifetimes, lambda: self.ends.append(self.world.now // SECOND))

    def run_to(self, seconds: int) -> None:
        self.world.advance(seconds * SECOND)


def test_it_is_over_after_its_seconds_and_once() -> None:
    watched = Watched(Lifetimes(60))
    assert (watched.lifespan.began_at, watched.lifespan.ends_at) == (100 * SECOND, 160 * SECOND)
    watched.run_to(159)
    assert watched.lifespan.remaining_seconds == 1
    assert watched.ends == []
    watched.run_to(500)
    assert watched.ends == [160]
    assert watched.lifespan.remaining_seconds == 0


def test_it_can_be_shortened_and_not_made_longer() -> None:
    watched = Watched(Lifetimes(60))
    assert not watched.lifespan.shorten(Lifetimes(90))
    assert watched.lifespan.ends_at == 160 * SECOND
    assert watched.lifespan.shorten(Lifetimes(30))
    assert not watched.lifespan.shorten(Lifetimes())
    watched.run_to(500)
    assert watched.ends == [130]


def test_one_that_is_shortened_to_what_has_passed_is_over_at_once() -> None:
    watched = Watched(Lifetimes(60))
    watched.run_to(150)
    watched.lifespan.shorten(Lifetimes(30))
    assert watched.ends == []
    watched.run_to(150)
    assert watched.ends == [150]


def test_its_volume_ends_it_but_not_from_within() -> None:
    watched = Watched(Lifetimes(60, 2))
    watched.lifespan.note_volume(2047)
    watched.run_to(110)
    assert watched.ends == []
    watched.lifespan.note_volume(2048)
    watched.lifespan.note_volume(4096)
    assert watched.ends == []
    watched.run_to(110)
    assert watched.ends == [110]
    watched.run_to(500)
    assert watched.ends == [110]


def test_without_a_lifetime_in_kilobytes_no_volume_ends_it_until_there_is_one() -> None:
    watched = Watched(Lifetimes(60))
    watched.lifespan.note_volume(2**40)
    watched.run_to(120)
    assert watched.ends == []
    watched.lifespan.shorten(Lifetimes(None, 1))
    watched.lifespan.note_volume(2**40)
    watched.run_to(120)
    assert watched.ends == [120]


def test_one_that_is_closed_never_ends() -> None:
    watched = Watched(Lifetimes(60))
    watched.lifespan.close()
    watched.run_to(500)
    assert watched.ends == []
    assert watched.world.next_deadline() is None
