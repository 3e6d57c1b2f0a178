"""Records a session at the prompt of the chapter's device into README.md, between two markers.

`scripts/record` calls it. The scenario's seed decides everything: the same keys give the same page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from agent.core.world import SECOND
from tests.support.chapter import Emulation
from tests.support.terminal import Typist

PAGE: Final = Path(__file__).parents[2] / "README.md"
BEGIN: Final = "<!-- scripts/record begins here -->"
END: Final = "<!-- scripts/record ends here -->"
LOGIN: Final = "$ ssh -p 8830 admin@127.0.0.1"

KEYS: Final = (
    "sh", " ", "ike", " ", "sec", " ", "\r",
    "clear ike security-associations 4.4.4.4\r",
    "show ike security-associations\r",
    "request ipsec switch ", "?", "interface\r",
    "show ipsec redundancy interface\r",
    "show ipsec security-associations sa-m\t", "\r",
    "show ipsec certificates | match x\r",
    "show ike sa-manual\r",
    "quit\r",
)  # fmt: skip
"""What is typed: the blank and the tab that stand alone complete a word."""


def record() -> str:
    """Return what is on the screen at the end of the session."""
    emulation = Emulation()
    world = emulation.gateway.world
    typist = Typist(emulation, rows=100)
    for keys in KEYS:
        typist.type(keys)
        world.advance(world.now + SECOND)
    assert typist.console.is_finished
    return f"{LOGIN}\n{typist.screen.text.strip()}"


def recorded_into(page: str) -> str:
    """Return the page with the session as it has to be. Raises ValueError when it has not both markers."""
    before, opened, rest = page.partition(BEGIN)
    _, closed, after = rest.partition(END)
    if not (opened and closed):
        raise ValueError(f"the page does not have {BEGIN} and, behind it, {END}")
    return f"{before}{BEGIN}\n\n```console\n{record()}\n```\n\n{END}{after}"


def main() -> None:
    """Bring the page up to date."""
    PAGE.write_text(recorded_into(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
