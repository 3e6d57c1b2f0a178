"""The seven commands of the chapter as any client gives them, in an order that shows what each has done."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

SEVEN_COMMANDS = (
    "show ike security-associations",
    "clear ike security-associations 4.4.4.4",
    "show ike security-associations 4.4.4.4",
    "show ipsec security-associations sa-dynamic",
    "clear ipsec security-associations sa-dynamic",
    "show ipsec security-associations sa-dynamic",
    "show ipsec redundancy interface",
    "request ipsec switch interface",
    "show ipsec redundancy interface",
    "show ipsec certificates",
    "show ipsec security-associations sa-manual detail",
)
"""What changes something stands between two looks at it."""
DENIED = "permission denied"


def check_seven(outputs: Sequence[str]) -> None:
    """Check what SEVEN_COMMANDS have printed, in the chapter's device, whoever else has been there before."""
    shown = dict(enumerate(outputs))
    assert len(shown) == len(SEVEN_COMMANDS)
    assert re.search(r"^4\.4\.4\.4 +Matured ", shown[0], re.MULTILINE), shown[0]
    assert [shown[at].strip() for at in (1, 4, 7)] == ["", "", ""], "what is carried out without a word"
    _differ(_cookies, shown[0], shown[2])
    _differ(_spis, shown[3], shown[5])
    assert _counter(shown[8]) == _counter(shown[6]) + 1
    assert _active(shown[8]) != _active(shown[6])
    assert "Database: Total entries: 3 Active entries: 3 Locked entries: 1" in shown[9]
    assert re.search(r"^1 +1538512 +C=FI, O=Company-ABC$", shown[9], re.MULTILINE)
    assert "Direction: inbound, SPI: 2908734119, AUX-SPI: 0, State: Installed" in shown[10]
    assert "sa-dynamic" not in shown[10]


def _differ(values: Callable[[str], set[str]], before: str, after: str) -> None:
    assert values(before), before
    assert not values(before) & values(after), (before, after)


def _cookies(text: str) -> set[str]:
    return set(re.findall(r"\b[0-9a-f]{16}\b", text)) - {"0" * 16}


def _spis(text: str) -> set[str]:
    return set(re.findall(r"^(?:inbound|outbound) +(\d+)", text, re.MULTILINE))


def _counter(text: str) -> int:
    found = re.search(r"Failure counter: (\d+)", text)
    assert found is not None, text
    return int(found[1])


def _active(text: str) -> str:
    found = re.search(r"interface *: (\S+), State: Active", text)
    assert found is not None, text
    return found[1]
