"""The HTTP of monitoring: two pages, no more than a head is read, and nobody holds it up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import pytest

from agent.app import monitoring
from agent.app.monitoring import TEXT, Answer, Check, Monitoring, health

PAGES = {"/metrics": lambda: Answer(HTTPStatus.OK, TEXT, b"up 1\n")}


def play(scene: Callable[[int], Awaitable[None]]) -> None:
    """Play a scene with a listener on a port of loopback."""

    async def played() -> None:
        server = Monitoring(PAGES)
        await server.open("127.0.0.1", 0)
        try:
            await scene(server.addresses[0][1])
        finally:
            await server.close()

    asyncio.run(played())


async def ask(port: int, octets: bytes) -> tuple[bytes, bytes]:
    """Send octets, and return the head and the body of what comes back until the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(octets)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()
    return head, body


def test_a_page_is_answered_and_the_connection_closed() -> None:
    async def scene(port: int) -> None:
        head, body = await ask(port, b"GET /metrics?x=1 HTTP/1.1\r\nHost: here\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Content-Length: 5" in head
        assert body == b"up 1\n"

    play(scene)


def test_head_has_no_body() -> None:
    async def scene(port: int) -> None:
        head, body = await ask(port, b"HEAD /metrics HTTP/1.1\r\n\r\n")
        assert b"Content-Length: 5" in head
        assert body == b""

    play(scene)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /other HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /../etc/passwd HTTP/1.1\r\n\r\n", b"404"),
        (b"POST /metrics HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", b"405"),
        (b"\x16\x03\x01\r\n\r\n", b"400"),
        (b"GET /metrics\r\n\r\n", b"400"),
    ],
)
def test_anything_else_is_refused(request_: bytes, status: bytes) -> None:
    async def scene(port: int) -> None:
        head, _ = await ask(port, request_)
        assert head.split(b" ")[1] == status

    play(scene)


def test_a_head_without_end_is_cut_off() -> None:
    async def scene(port: int) -> None:
        assert await ask(port, b"GET /" + b"x" * (2 * monitoring.HEAD_OCTETS)) == (b"", b"")

    play(scene)


def test_one_too_many_is_closed_at_once_and_the_others_are_served() -> None:
    async def scene(port: int) -> None:
        waiting = [await asyncio.open_connection("127.0.0.1", port) for _ in range(monitoring.CONNECTIONS)]
        assert await ask(port, b"") == (b"", b"")
        for reader, writer in waiting:
            writer.write(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert (await reader.read()).endswith(b"up 1\n")
            writer.close()

    play(scene)


def test_whoever_dawdles_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitoring, "HEAD_SECONDS", 0.05)

    async def scene(port: int) -> None:
        assert await ask(port, b"GET /metrics HTTP/1.1\r\n") == (b"", b"")

    play(scene)


def test_what_is_well_is_200_and_what_is_not_is_503_and_named() -> None:
    well, ill = Check("one", lambda: None), Check("two", lambda: "it burns")
    assert health((well,)).status is HTTPStatus.OK
    answer = health((well, ill))
    assert answer.status is HTTPStatus.SERVICE_UNAVAILABLE
    assert json.loads(answer.body) == {"status": "failing", "checks": {"one": "ok", "two": "it burns"}}
