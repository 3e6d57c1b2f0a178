"""A loop that is reached from other threads."""

from __future__ import annotations

import asyncio
import threading

import pytest

from agent.app.loop_thread import Bridge, LoopThread


async def bridge() -> Bridge:
    """The way to the loop that this runs on."""
    return Bridge()


def test_what_is_called_runs_in_the_thread_of_the_loop() -> None:
    thread = LoopThread("loop")
    way = thread.run(bridge())
    assert way.call(lambda: threading.current_thread().name) == "loop"
    assert not way.is_here
    assert way.call(lambda: way.is_here)
    thread.close()


def test_what_is_called_in_the_thread_of_the_loop_runs_at_once() -> None:
    async def scene() -> list[str]:
        done: list[str] = []
        (await bridge()).call(lambda: done.append("called"))
        return done

    assert asyncio.run(scene()) == ["called"]


def test_what_goes_wrong_there_is_raised_here() -> None:
    thread = LoopThread("loop")
    way = thread.run(bridge())
    with pytest.raises(ZeroDivisionError):
        way.call(lambda: 1 // 0)
    assert way.call(lambda: 1) == 1, "the loop goes on"
    thread.close()


def test_the_thread_ends_with_the_loop_and_whatever_is_on_it() -> None:
    before = set(threading.enumerate())
    thread = LoopThread("loop")

    async def begin() -> asyncio.Task[bool]:
        return asyncio.create_task(asyncio.Event().wait())

    task = thread.run(begin())
    thread.close()
    assert task.cancelled()
    assert set(threading.enumerate()) <= before
