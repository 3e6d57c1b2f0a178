"""A gateway that is killed comes back as its last answer said, or as the next one would have. Long: scripts/crash."""

from __future__ import annotations

from pathlib import Path

from tests.crash.killing import Killing

LIVES = 15
MOST_LIVES = 150
"""Where a kill falls is a matter of chance and of the machine: there are more until each kind was seen."""


def is_seen(killing: Killing) -> bool:
    """Whether kills fell before an answer and after it, amid a commit that was not confirmed, and under a lock."""
    return 0 < killing.amid < killing.kills and killing.unconfirmed > 0 and killing.locked > 0


def test_a_killed_gateway_comes_back_as_it_was_before_or_after_what_it_was_doing(tmp_path: Path) -> None:
    with Killing(tmp_path, 7) as killing:
        while killing.kills < LIVES or not (is_seen(killing) or killing.kills == MOST_LIVES):
            killing.live()
    assert killing.changes > 3
    assert killing.answered > killing.changes
    assert is_seen(killing)
