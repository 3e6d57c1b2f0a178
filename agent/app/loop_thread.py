"""An event loop that is reached from other threads: in a thread of its own, or as it runs already.

Invariant: what is called through a bridge runs in the loop's thread, between two turns of it or within one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class Bridge:
    """The way to a running loop, from whatever thread. Made in the loop's thread."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    @property
    def is_here(self) -> bool:
        """Whether this is the loop's thread."""
        return threading.get_ident() == self._thread

    def call(self, work: Callable[[], T]) -> T:
        """Do something in the loop's thread, and return or raise what comes of it."""
        if self.is_here:
            return work()

        async def run() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result()


class LoopThread:
    """A loop in a thread of its own, until it is closed."""

    def __init__(self, name: str) -> None:
        """Begin at once. It does not keep the process from ending."""
        self._started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), name=name, daemon=True)
        self._thread.start()
        self._loop, self._stop = self._started.result()

    async def _live(self) -> None:
        stop = asyncio.Event()
        self._started.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()

    def run(self, coroutine: Coroutine[object, object, T]) -> T:
        """Run a coroutine on the loop, and return or raise what comes of it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        """End the loop with everything on it, and the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
