"""A gateway that is killed comes back as its last answer said, or as the next one would have. Long: scripts/crash."""

from __future__ import annotations

from pathlib import Path

from tests.crash.killing import Killing

LIVES = 15


def test_a_killed_gateway_comes_back_as_it_was_before_or_after_what_it_was_doing(tmp_path: Path) -> None:
    with Killing(tmp_path, 7) as killing:
        for _ in range(LIVES):
            killing.live()
    assert killing.kills == LIVES
    assert killing.answered > 3
    assert 0 < killing.amid < LIVES, "some kills come before an answer, and some after it"
    assert killing.unconfirmed > 0, "a commit that waited to be confirmed is undone"
    assert killing.locked > 0, "a lock goes with who held it"
