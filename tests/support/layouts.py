"""The layouts of the router's displays: files that were written by hand, and what of them a test compares with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import unified_diff
from pathlib import Path

JUNOS = Path(__file__).parents[1] / "junos"
LAYOUTS = JUNOS / "layouts"
SAMPLES = JUNOS / "samples"
CASE = "== "


def layout(name: str) -> dict[str, list[str]]:
    """Return the cases of a layout: the lines of each, by what it is called."""
    cases: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in (LAYOUTS / f"{name}.txt").read_text("utf-8").splitlines():
        if line.startswith(CASE):
            lines = cases.setdefault(line.removeprefix(CASE), [])
        elif cases:
            lines.append(line)
    return {case: _without_blank_end(found) for case, found in cases.items()}


def _without_blank_end(lines: list[str]) -> list[str]:
    return lines[:-1] if lines and not lines[-1] else lines


def sample(name: str) -> Iterator[tuple[str, list[str]]]:
    """Iterate over the commands of one of the chapter's samples, each with what was printed after it."""
    text = (SAMPLES / f"{name}.txt").read_text("utf-8")
    for part in text.split("user@host> ")[1:]:
        command, *lines = part.rstrip().splitlines()
        yield command, lines


def difference(expected: Iterable[str], shown: Iterable[str]) -> list[str]:
    """Return the lines in which two displays differ: '-' only expected, '+' only shown."""
    lines = unified_diff([*expected], [*shown], n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]
