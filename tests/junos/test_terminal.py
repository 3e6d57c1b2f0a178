"""What a terminal may be shown."""

from __future__ import annotations

import pytest

from agent.junos.terminal import visible


@pytest.mark.parametrize(
    "text", ["r1", "Zürich\tZH\n", "no\u00a0break", "10\u202f000", "\u2003wide", "\u3000", "日本", "\U0001f600"]
)
def test_text_is_shown_as_it_is_and_so_is_every_kind_of_room(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("a\x9b2J", "a\\x9b2J"),
        ("a\u00a0\x9b", "a\u00a0\\x9b"),
        ("\r", "\\x0d"),
        ("\x85", "\\x85"),
        ("\u202e", "\\x202e"),
        ("\u200b", "\\x200b"),
        ("\u2028", "\\x2028"),
        ("\u2029", "\\x2029"),
        ("\u00ad", "\\xad"),
        ("\ufeff", "\\xfeff"),
        ("\x00", "\\x00"),
    ],
)
def test_what_moves_or_hides_something_is_named_instead(text: str, shown: str) -> None:
    assert visible(text) == shown
