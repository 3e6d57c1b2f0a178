"""What goes by itself, without the garbage collector: nobody is held up to look for it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Let nothing be collected that refers to itself, until the block ends."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
