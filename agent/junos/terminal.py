"""What a terminal may be shown: text, and nothing that it would take for a command of its own (ECMA-48).

Names of a configuration, subjects of certificates and the words of a device elsewhere are somebody else's. Invariant: a
line that has come through here moves no cursor, changes no colour and hides nothing of what stands in it.
"""

from __future__ import annotations

from typing import Final
from unicodedata import category

_HARMLESS: Final = "\t\n"
"""What is not printable and yet does no more than part words and lines."""
_SPACE: Final = "Zs"
"""The category of Unicode of what is not printable for Python, and no more than room: the no-break space, for one."""


def visible(text: str) -> str:
    r"""Return a text with what is not printable in the notation \x9b."""
    if text.isprintable():
        return text
    return "".join(each if _is_harmless(each) else f"\\x{ord(each):02x}" for each in text)


def _is_harmless(character: str) -> bool:
    return character.isprintable() or character in _HARMLESS or category(character) == _SPACE
