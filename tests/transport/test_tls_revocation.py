"""Clients over TLS whose certificates are looked up in revocation lists (RFC 5280 section 6.3)."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from agent.transport.tls import make_context
from tests.support.client_certificates import DAY, NOW, Identity, authority, identity, revocation_list
from tests.support.tls_server import TlsFolder, TlsServer, TlsStage

REFUSED = (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)


@pytest.fixture
def folder(tmp_path: Path) -> TlsFolder:
    return TlsFolder(tmp_path)


def let_in(folder: TlsFolder, who: Identity | None = None) -> bool:
    """Tell whether somebody, ann unless said otherwise, is let in; who is not has no session, and is counted."""
    context = folder.client_context(who or folder.ann)
    answers: list[bytes] = []

    async def scene(server: TlsServer) -> None:
        try:
            async with server.connect(context) as (reader, writer):
                writer.write(b"hello")
                answers.append(await reader.readexactly(5))
        except REFUSED:
            assert server.sessions == []
            assert server.counters.abandoned == 1

    TlsStage(folder).run(scene)
    return answers == [b"hello"]


def test_who_is_not_in_the_list_is_let_in(folder: TlsFolder) -> None:
    folder.revocation_lists.write_bytes(revocation_list(folder.clients, identity("ben", folder.clients)))
    assert let_in(folder)


def test_who_is_in_the_list_is_not_let_in(folder: TlsFolder) -> None:
    folder.revocation_lists.write_bytes(revocation_list(folder.clients, folder.ann))
    assert not let_in(folder)
    assert let_in(folder, identity("ann", folder.clients)), "with another certificate the same user is"


def test_a_list_that_is_out_of_date_lets_nobody_in(folder: TlsFolder) -> None:
    folder.revocation_lists.write_bytes(revocation_list(folder.clients, until=NOW - DAY))
    assert not let_in(folder)


def test_the_list_of_somebody_else_lets_nobody_in(folder: TlsFolder) -> None:
    folder.revocation_lists.write_bytes(revocation_list(authority("another")))
    assert not let_in(folder)


def test_a_list_that_the_issuer_has_not_signed_lets_nobody_in(folder: TlsFolder) -> None:
    folder.revocation_lists.write_bytes(revocation_list(authority("clients")))
    assert not let_in(folder)


def test_without_lists_nobody_is_looked_up(folder: TlsFolder) -> None:
    assert let_in(folder)


@pytest.mark.parametrize("with_list", [True, False])
def test_a_certificate_among_the_lists_is_refused_and_not_trusted(folder: TlsFolder, with_list: bool) -> None:
    folder.revocation_lists.write_bytes(
        (revocation_list(folder.clients) if with_list else b"") + authority("another").pem
    )
    server, clients = folder.server.write(folder.path, "server"), folder.clients.write(folder.path, "clients")
    with pytest.raises(ValueError, match="something else than revocation lists"):
        make_context(*server, clients[0], folder.revocation_lists)
