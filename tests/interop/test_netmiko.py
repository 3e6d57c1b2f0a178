"""An unmodified Netmiko, which types at the prompt as a person would."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clients import needs, tour
from tests.support.served import Served
from tests.support.seven_commands import DENIED, check_seven

pytestmark = needs("junos")


@pytest.fixture(scope="module")
def seen(chapter: Served) -> Any:
    """What a script sees, from one tour for all tests."""
    return tour("junos", "netmiko_tour.py", chapter)


def test_the_prompt_is_found(seen: Any) -> None:
    assert seen["prompt"] == "admin@host>"


def test_the_seven_commands_do_what_they_say(seen: Any) -> None:
    check_seven(seen["outputs"])


def test_a_long_display_comes_whole_and_without_pages(seen: Any) -> None:
    assert len(seen["long"].splitlines()) > 24
    assert "more" not in seen["long"]


def test_a_syntax_error_is_marked(seen: Any) -> None:
    mark, message = seen["unknown"].splitlines()[:2]
    assert mark.endswith("^")
    assert message.startswith("syntax error")


def test_a_guest_is_denied(seen: Any) -> None:
    assert seen["guest"].strip() == f"error: {DENIED}"
