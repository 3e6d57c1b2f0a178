"""In what order the endpoints of a client are called, and what is waited between the calls."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import pytest

from agent.transport.callhome import CallPlan, StartWith, call, connect


class Enough(Exception):
    """The story has been told."""


@dataclass
class Story:
    """What is called and waited for: `outcomes` are those of the calls, in their order."""

    outcomes: Iterable[bool]
    told: list[str] = field(default_factory=list)

    def play(self, plan: CallPlan, endpoints: str) -> list[str]:
        """Call the endpoints, named by letters, until the outcomes are used up."""
        left = iter(self.outcomes)

        async def pause(seconds: float) -> None:
            self.told.append(f"{seconds:g}")

        def dial(name: str) -> object:
            async def dialled() -> bool:
                for outcome in left:
                    self.told.append(name.upper() if outcome else name)
                    return outcome
                raise Enough

            return dialled

        with pytest.raises(Enough):
            asyncio.run(call(plan, [dial(name) for name in endpoints], pause))  # type: ignore[misc]
        return self.told


def test_a_persistent_connection_that_ends_is_made_anew() -> None:
    assert Story([True, True]).play(CallPlan(), "a") == ["A", "1", "A", "1"]


def test_the_pauses_between_tries_grow_up_to_the_longest() -> None:
    assert Story([False] * 5).play(CallPlan(longest_wait=6), "a") == ["a", "1", "a", "2", "a", "4", "a", "6", "a", "6"]


def test_they_are_short_again_after_somebody_has_logged_in() -> None:
    assert Story([False, False, True, False]).play(CallPlan(), "a") == ["a", "1", "a", "2", "A", "1", "a", "1"]


def test_each_endpoint_is_tried_a_few_times_before_the_next() -> None:
    told = Story([False] * 5).play(CallPlan(attempts=2), "ab")
    assert told[::2] == ["a", "a", "b", "b", "a"]


def test_after_a_connection_the_first_listed_endpoint_is_called_again() -> None:
    told = Story([False, True, True]).play(CallPlan(attempts=1), "ab")
    assert told[::2] == ["a", "B", "A"]


def test_or_the_one_that_was_connected_last() -> None:
    plan = CallPlan(attempts=1, start_with=StartWith.LAST_CONNECTED)
    told = Story([False, True, False, False, True]).play(plan, "abc")
    assert told[::2] == ["a", "B", "b", "c", "A"]


def test_a_periodic_connection_is_made_when_the_period_is_over() -> None:
    assert Story([True, False, True]).play(CallPlan(period=3600), "a") == ["A", "3600", "a", "1", "A", "3600"]


@pytest.fixture
def refused_port() -> Iterator[int]:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and nobody listens
        yield bound.getsockname()[1]


def test_a_socket_is_connected_without_holding_anybody_up() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        asyncio.run(connect("127.0.0.1", server.getsockname()[1])) as connected,
    ):
        assert connected.gettimeout() == 0.0
        assert connected.getpeername() == server.getsockname()


def test_an_endpoint_that_refuses_is_an_error(refused_port: int) -> None:
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(connect("127.0.0.1", refused_port))
