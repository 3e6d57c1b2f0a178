"""How listeners close: sessions get some time for what they have to send, connections some for their goodbyes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

GRACE_SECONDS: Final = 2.0
"""How long the end of all sessions is waited for, and then that of all connections."""


async def wait_until(condition: Callable[[], bool], limit_seconds: float = GRACE_SECONDS) -> None:
    """Return when something is so, or the time is up."""
    loop = asyncio.get_running_loop()
    end = loop.time() + limit_seconds
    while not condition() and loop.time() < end:
        await asyncio.sleep(0.01)
