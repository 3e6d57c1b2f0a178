"""When something is tried again."""

from agent.core.keying.retry import FIRST_RETRY_US, LONGEST_RETRY_US, Retry
from agent.core.world import SECOND, World


def test_delays_double_up_to_the_longest_and_begin_again_after_a_reset() -> None:
    world, tries = World(now=0, seed=1), list[int]()
    retry = Retry(world)

    def fail() -> None:
        tries.append(world.now // SECOND)
        retry.back_off(fail)

    retry.back_off(fail)
    world.advance(300 * SECOND)
    assert tries == [5, 15, 35, 75, 135, 195, 255]
    assert (FIRST_RETRY_US, LONGEST_RETRY_US) == (5 * SECOND, 60 * SECOND)
    retry.reset()
    retry.back_off(fail)
    world.advance(306 * SECOND)
    assert tries[-1] == 305


def test_there_is_one_try_at_a_time_and_none_after_cancel() -> None:
    world, tries = World(now=0, seed=1), list[str]()
    retry = Retry(world)
    retry.later(10, lambda: tries.append("first"))
    retry.later(20, lambda: tries.append("second"))
    world.advance(15)
    assert tries == []
    assert retry.is_armed
    world.advance(20)
    assert tries == ["second"]
    assert not retry.is_armed
    retry.later(10, lambda: tries.append("third"))
    retry.cancel()
    world.advance(100)
    assert tries == ["second"]
