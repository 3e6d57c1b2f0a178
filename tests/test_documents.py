"""What the documents say is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
CODE = re.compile(r"`((?:agent|scripts|tests|yang|\.ci)/[\w./-]*)`")


def documents() -> list[Path]:
    """Every Markdown file that is ours."""
    return sorted(
        path for path in ROOT.rglob("*.md") if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
    )


def dead_links(document: Path) -> Iterator[str]:
    """Relative links, and paths in code spans, that lead nowhere."""
    text = document.read_text(encoding="utf-8")
    for target in LINK.findall(text):
        if "://" not in target and not (document.parent / target).exists():
            yield target
    for target in CODE.findall(text):
        if not (ROOT / target).exists():
            yield target


@pytest.mark.parametrize("document", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_link_is_dead(document: Path) -> None:
    assert list(dead_links(document)) == []


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text("[here](page.md#top) [gone](gone.md) [out](https://example.com) `agent/gone.py` `agent/`")
    assert list(dead_links(document)) == ["gone.md", "agent/gone.py"]


def test_the_first_commands_of_the_readme_are_run_and_test() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\s*(?:\$ )?(scripts/\w+)", text, re.MULTILINE)
    assert commands[:2] == ["scripts/run", "scripts/test"]


def test_the_changelog_has_the_version() -> None:
    from agent import __version__

    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[(Unreleased|{re.escape(__version__)})\]", text, re.MULTILINE)
