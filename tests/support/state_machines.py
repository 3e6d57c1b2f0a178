"""The state machines of the core as Mermaid text, drawn from their tables into the page on the architecture.

`python -m tests.support.state_machines` rewrites the part of the page between the two markers; `scripts/draw` calls it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from agent.core.ike import aggressive_mode, dpd, main_mode, quick_mode
from agent.core.pic import pic

PAGE = Path(__file__).parents[2] / "agent" / "README.md"
BEGIN = "<!-- scripts/draw begins here -->"
END = "<!-- scripts/draw ends here -->"


class Step(Protocol):
    """What is drawn of an entry of a table."""

    @property
    def next_state(self) -> Enum: ...


Table = Mapping[Any, Step]
"""Steps by state and input: enumerations, and of each machine its own."""

MACHINES: Mapping[str, Table] = MappingProxyType(
    {
        "Main mode, initiator": main_mode.INITIATOR,
        "Main mode, responder": main_mode.RESPONDER,
        "Aggressive mode, initiator": aggressive_mode.INITIATOR,
        "Aggressive mode, responder": aggressive_mode.RESPONDER,
        "Quick mode, initiator": quick_mode.INITIATOR,
        "Quick mode, responder": quick_mode.RESPONDER,
        "Dead peer detection, prober": dpd.INITIATOR,
        "PIC": pic.TABLE,
    }
)


def draw(table: Table) -> str:
    """Return a state diagram that begins in the first state; inputs with the same effect share an arrow."""
    arrows: dict[tuple[Enum, Enum], list[Enum]] = {}
    for (state, given), step in table.items():
        arrows.setdefault((state, step.next_state), []).append(given)
    drawn = dict.fromkeys(state for arrow in arrows for state in arrow)
    first = next(iter(type(next(iter(drawn)))))
    lines = [f'state "{_text(state)}" as {_key(state)}' for state in drawn]
    lines.append(f"[*] --> {_key(first)}")
    lines += [
        f"{_key(state)} --> {_key(following)}: {' / '.join(map(_text, given))}"
        for (state, following), given in arrows.items()
    ]
    return "\n    ".join(["stateDiagram-v2", *lines])


def render() -> str:
    """Return what belongs between the markers."""
    return "\n".join(_section(title, table) for title, table in MACHINES.items())


def drawn_into(page: str) -> str:
    """Return the page with the drawings as they have to be. Raises ValueError when it has not both markers."""
    before, opened, rest = page.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not (opened and closed):
        raise ValueError(f"the page does not have {BEGIN} and, behind it, {END}")
    return f"{before}{BEGIN}\n\n{render()}\n{END}{after}"


def _section(title: str, table: Table) -> str:
    return f"### {title}\n\n```mermaid\n{draw(table)}\n```\n"


def _key(state: Enum) -> str:
    return state.name.lower()


def _text(value: Enum) -> str:
    """Return how a state or an input is called: by its value, where that is a text."""
    return value.value if isinstance(value.value, str) else value.name.lower()


def main() -> None:
    """Bring the page up to date."""
    PAGE.write_text(drawn_into(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
