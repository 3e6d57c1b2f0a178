"""What monitoring asks for over HTTP: `/metrics` for Prometheus, `/healthz` for whoever restarts what is not well.

Invariants: it is served on loopback addresses alone, so nobody logs in; nothing but GET and HEAD is answered; whoever
dawdles, or sends more than a request's head, is cut off; one connection is one answer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

HEAD_OCTETS: Final = 8192
HEAD_SECONDS: Final = 5.0
CONNECTIONS: Final = 16
"""How many are served at a time; one more is closed at once."""
METRICS: Final = "text/plain; version=1.0.0; charset=utf-8"
JSON: Final = "application/json"
TEXT: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a path is answered with."""

    status: HTTPStatus
    kind: str
    body: bytes


Page = Callable[[], Answer]


class Monitoring:
    """The HTTP listener."""

    def __init__(self, pages: Mapping[str, Page]) -> None:
        """Answer these paths, on nothing yet."""
        self._pages = pages
        self._server: asyncio.Server | None = None
        self._writers: dict[asyncio.StreamWriter, None] = {}

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Every (host, port) listened on."""
        return () if self._server is None else tuple(each.getsockname()[:2] for each in self._server.sockets)

    async def open(self, host: str, port: int) -> None:
        """Listen; port 0 takes a free one. OSError when it cannot be had."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=HEAD_OCTETS)

    async def close(self) -> None:
        """Answer nobody any more."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._writers) < CONNECTIONS:
            self._writers[writer] = None
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                async with asyncio.timeout(HEAD_SECONDS):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._reply(head))
                    await writer.drain()
            del self._writers[writer]
        writer.close()

    def _reply(self, head: bytes) -> bytes:
        """Return the octets that answer the head of a request."""
        words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _octets(_plain(HTTPStatus.BAD_REQUEST))
        method, target, _ = words
        if method not in ("GET", "HEAD"):
            return _octets(_plain(HTTPStatus.METHOD_NOT_ALLOWED))
        page = self._pages.get(target.partition("?")[0])
        answer = _plain(HTTPStatus.NOT_FOUND) if page is None else page()
        return _octets(answer, with_body=method == "GET")


def _plain(status: HTTPStatus) -> Answer:
    return Answer(status, TEXT, f"{status.phrase}\n".encode())


def _octets(answer: Answer, *, with_body: bool = True) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}",
        f"Content-Type: {answer.kind}",
        f"Content-Length: {len(answer.body)}",
        "Connection: close",
        "Cache-Control: no-store",
        *(["Allow: GET, HEAD"] if answer.status is HTTPStatus.METHOD_NOT_ALLOWED else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + (answer.body if with_body else b"")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that has to be well: `complaint` returns what is wrong, None for nothing."""

    name: str
    complaint: Callable[[], str | None]


def health(checks: tuple[Check, ...]) -> Answer:
    """Return 200 when all is well, else 503; which it is of each check, as JSON."""
    found = {check.name: check.complaint() for check in checks}
    is_well = not any(found.values())
    body = {"status": "ok" if is_well else "failing", "checks": {name: each or "ok" for name, each in found.items()}}
    status = HTTPStatus.OK if is_well else HTTPStatus.SERVICE_UNAVAILABLE
    return Answer(status, JSON, json.dumps(body).encode() + b"\n")
