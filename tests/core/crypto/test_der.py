"""Elements within an element, in the short and the long form of lengths."""

from __future__ import annotations

import pytest

from agent.core.crypto.der import SEQUENCE, elements


def element(tag: int, content: bytes) -> bytes:
    """Return an element, its length in the form that DER asks for."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + content


@pytest.mark.parametrize("sizes", [(), (0,), (1, 0, 5), (127, 128), (255, 256, 3), (65535, 65536)])
def test_the_elements_are_those_that_were_put_together(sizes: tuple[int, ...]) -> None:
    parts = [element(4, bytes(size)) for size in sizes]
    assert elements(element(SEQUENCE, b"".join(parts))) == parts
