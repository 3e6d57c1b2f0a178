"""Certificates, and who is known by them, read again on SIGHUP: for who comes from then on, and for nobody before."""

from __future__ import annotations

import asyncio
import json
import signal
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.app.audit import FILE_NAME
from tests.app.test_operations import until_logged
from tests.load.client import LoadClient
from tests.support.client_certificates import identity, ip, read_identity, revocation_list
from tests.support.served import Served, served
from tests.support.tls_settings import TlsSettingsFile

GET = "<get-config><source><running/></source></get-config>"
REFUSED = (OSError, asyncio.IncompleteReadError)


@asynccontextmanager
async def visit(
    server: Served,
    settings: TlsSettingsFile,
    authority: Path | None = None,
    files: tuple[Path, Path] | None = None,
) -> AsyncIterator[LoadClient]:
    """Come in as admin with a certificate from some settings, a new one unless there are `files`.

    `authority` is who vouches for the server.
    """
    context = ssl.create_default_context(cafile=authority or settings.server_certificate(server.state_directory))
    context.load_cert_chain(*(files or settings.user("admin")))
    reader, writer = await asyncio.open_connection(*server.tls[0], ssl=context)
    try:
        client = LoadClient(reader, writer)
        await client.greet()
        yield client
    finally:
        writer.transport.abort()


async def reload(server: Served, said: str) -> str:
    """Have the settings read again, and return the line of the log that has some words."""
    server.process.send_signal(signal.SIGHUP)
    return await asyncio.to_thread(until_logged, server, said)


@pytest.fixture
def settings(tmp_path: Path) -> TlsSettingsFile:
    return TlsSettingsFile(tmp_path)


@pytest.fixture
def server(tmp_path: Path, settings: TlsSettingsFile) -> Iterator[Served]:
    """The chapter over TLS, for clients of the authority of these settings."""
    options = ("--scenario", "chapter", "--listen", "tls:127.0.0.1:0", "--settings", str(settings.write()))
    with served(tmp_path / "state", *options) as running:
        yield running


def test_another_authority_of_clients_holds_for_those_who_come(
    server: Served, settings: TlsSettingsFile, tmp_path: Path
) -> None:
    others = TlsSettingsFile(tmp_path)

    async def play() -> None:
        async with visit(server, settings) as before:
            others.write()
            await reload(server, "read again")
            with pytest.raises(REFUSED):
                async with visit(server, settings):
                    pass
            async with visit(server, others) as after:
                await after.do(GET)
            await before.do(GET)

    asyncio.run(play())


def test_another_certificate_of_our_own_is_shown_to_those_who_come(
    server: Served, settings: TlsSettingsFile, tmp_path: Path
) -> None:
    renewed = identity("localhost", names=[ip("127.0.0.1")])
    certificate, _ = renewed.write(tmp_path, "renewed")
    path = settings.write()
    path.write_text(path.read_text().replace("[tls]", '[tls]\ncertificate = "renewed.pem"\nkey = "renewed.key"'))

    async def play() -> None:
        with pytest.raises(ssl.SSLCertVerificationError):
            async with visit(server, settings, certificate):
                pass
        await reload(server, "read again")
        async with visit(server, settings, certificate) as after:
            await after.do(GET)

    asyncio.run(play())


def test_a_certificate_that_is_revoked_lets_nobody_in_from_the_next_hangup_on(
    server: Served, settings: TlsSettingsFile, tmp_path: Path
) -> None:
    path, lists = settings.write(), tmp_path / "crls.pem"
    path.write_text(path.read_text().replace("[tls]", '[tls]\nclient-revocations = "crls.pem"'))
    lists.write_bytes(revocation_list(settings.clients))
    admin = settings.user("admin")

    async def play() -> None:
        await reload(server, "read again")
        async with visit(server, settings, files=admin) as before:
            lists.write_bytes(revocation_list(settings.clients, read_identity(*admin)))
            await reload(server, "read again")
            with pytest.raises(REFUSED):
                async with visit(server, settings, files=admin):
                    pass
            await before.do(GET)
        lists.write_text("no list")
        assert "stay as they were" in await reload(server, "certificates of TLS")
        with pytest.raises(REFUSED):
            async with visit(server, settings, files=admin):
                pass
        async with visit(server, settings) as another:
            await another.do(GET)

    asyncio.run(play())
    lines = [json.loads(line) for line in (server.state_directory / FILE_NAME).read_text().splitlines()]
    logins = [line for line in lines if line["operation"] == "login" and line["result"] != "ok"]
    assert [(line["user"], line["source"], line["transport"]) for line in logins] == [
        ("", "127.0.0.1", "netconf-tls")
    ] * 2


def test_certificates_of_no_use_change_nothing_and_keep_nobody_from_the_rest(
    server: Served, settings: TlsSettingsFile, tmp_path: Path
) -> None:
    clients = (tmp_path / "clients.pem").read_bytes()

    async def play() -> None:
        (tmp_path / "clients.pem").write_text("no certificate")
        assert "stay as they were" in await reload(server, "certificates of TLS")
        (tmp_path / "clients.pem").write_bytes(clients)
        async with visit(server, settings) as client:
            await client.do(GET)

    asyncio.run(play())


def test_tls_where_there_was_none_needs_a_start(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("")
    with served(tmp_path / "state", "--settings", str(path)) as server:
        TlsSettingsFile(tmp_path).write()
        assert "tls: takes effect at the next start" in asyncio.run(reload(server, "next start"))
    assert not list((tmp_path / "state").glob("tls_*")), "nothing is made for what is not served"
