"""The drawings of the state machines, and that they are what the tables say."""

from __future__ import annotations

from enum import Enum

import pytest

from agent.core.ike.exchange import Step
from tests.support.state_machines import BEGIN, END, PAGE, draw, drawn_into


class State(Enum):
    OFF = "switched off"
    ON = 1


class Input(Enum):
    PUSH = 0
    PULL = "pull, or let go"


def test_the_drawings_on_the_page_are_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == drawn_into(page), "scripts/draw brings the page up to date"


def test_a_table_is_drawn_with_one_arrow_for_all_inputs_that_lead_to_the_same() -> None:
    on, off = Step(None, State.ON), Step(None, State.OFF)
    table = {(State.ON, Input.PULL): off, (State.OFF, Input.PUSH): on, (State.OFF, Input.PULL): on}
    assert draw(table).splitlines() == [
        "stateDiagram-v2",
        '    state "on" as on',
        '    state "switched off" as off',
        "    [*] --> off",
        "    on --> off: pull, or let go",
        "    off --> on: push / pull, or let go",
    ]


def test_what_is_around_the_markers_stays() -> None:
    page = drawn_into(f"above {BEGIN} obsolete {END} below")
    assert page.startswith(f"above {BEGIN}\n\n### Main mode, initiator\n")
    assert page.endswith(f"```\n\n{END} below")
    assert "obsolete" not in page


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END} {BEGIN}"])
def test_a_page_without_both_markers_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="does not have"):
        drawn_into(page)
