"""What a benchmark yields, and how it is measured: rows beside their limit, medians of interleaved rounds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median

RIGHT_ALIGNED = (2, 3, 5)
"""The columns of figures in the table."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``limit`` is what nobody could better on this machine, measured in the same run."""

    bench: str
    case: str
    unit: str
    value: float
    limit: float | None = None
    peers: Mapping[str, float] = field(default_factory=dict)
    """The same figure of other programs, by name."""
    target: float | None = None
    """What the value has to reach: at most this for a time, at least this for a rate."""

    @property
    def is_time(self) -> bool:
        """Whether less is better: times, memory, and how many times more one thing takes than another."""
        return self.unit in {"s", "ms", "us", "MB", "kB", "x"}

    @property
    def ok(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.is_time else self.value >= self.target

    def as_json(self) -> dict[str, object]:
        """The row as its JSON object."""
        return {
            "bench": self.bench,
            "case": self.case,
            "unit": self.unit,
            "value": self.value,
            "limit": self.limit,
            "peers": dict(self.peers),
            "target": self.target,
            "ok": self.ok,
        }


SLOW_SECONDS = 1.0
"""A case that takes longer is measured once."""


def medians(cases: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Measure every case once in each round, so that what disturbs the machine disturbs all, and take medians."""
    figures: dict[str, list[float]] = {case: [] for case in cases}
    slow: set[str] = set()
    for _ in range(rounds):
        for case in [case for case in cases if case not in slow]:
            began = time.perf_counter()
            figures[case].append(cases[case]())
            if time.perf_counter() - began > SLOW_SECONDS:
                slow.add(case)
    return {case: median(values) for case, values in figures.items()}


def render_table(rows: list[Row]) -> str:
    """The rows as a table for people, the value beside its share of the limit."""
    cells = [("bench", "case", "value", "limit", "unit", "of limit", "peers, target"), *map(_cells, rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in RIGHT_ALIGNED else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )


def _cells(row: Row) -> tuple[str, ...]:
    limit = "" if row.limit is None else f"{row.limit:.4g}"
    return row.bench, row.case, f"{row.value:.4g}", limit, row.unit, _share(row), _notes(row)


def _share(row: Row) -> str:
    """How much of the limit is reached; for a time, the limit as a share of the value."""
    if not row.limit or not row.value:
        return ""
    return f"{(row.limit / row.value if row.is_time else row.value / row.limit):.0%}"


def _notes(row: Row) -> str:
    notes = [f"{name} {value:.4g}" for name, value in row.peers.items()]
    if row.target is not None:
        notes.append(f"target {row.target:.4g} {'reached' if row.ok else 'MISSED'}")
    return ", ".join(notes)
