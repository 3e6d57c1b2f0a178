"""As much of DER as the library does not tell: the elements within an element (X.690 section 8.1).

What comes in was read by the library before, so it is well-formed.
"""

from typing import Final

SEQUENCE: Final = 0x30
"""The tag of a sequence."""
_LONG_FORM: Final = 0x80


def elements(octets: bytes) -> list[bytes]:
    """Return the elements within a constructed element, each with its tag and length."""
    at, end = _content(octets, 0)
    found = []
    while at < end:
        _, after = _content(octets, at)
        found.append(octets[at:after])
        at = after
    return found


def _content(octets: bytes, at: int) -> tuple[int, int]:
    """Return where the content of the element at `at` begins and ends."""
    start, length = at + 2, octets[at + 1]
    if length & _LONG_FORM:
        count = length & ~_LONG_FORM
        start, length = start + count, int.from_bytes(octets[start : start + count])
    return start, start + length
