"""Unmodified clients that are called (RFC 8071) by the running program, over SSH and over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from ncclient import manager
from netconf_client.connect import CallhomeManager
from netconf_client.ncclient import Manager

from tests.interop.test_ncclient import connect
from tests.support.free_port import free_port, free_ports
from tests.support.manager_work import WORK, Work, get
from tests.support.served import Served, served
from tests.support.tls_managers import TlsManager
from tests.support.tls_settings import TlsSettingsFile

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@contextmanager
def calling(folder: Path, *endpoints: str) -> Iterator[tuple[Served, TlsSettingsFile]]:
    """Serve the chapter, and call a client at some endpoints."""
    settings = TlsSettingsFile(folder)
    listed = ", ".join(f'"{endpoint}"' for endpoint in endpoints)
    path = settings.write(f"[call-home.client]\nendpoints = [{listed}]\nmax-attempts = 1\nmax-wait-seconds = 1")
    with served(folder / "state", "--scenario", "chapter", "--settings", str(path)) as server:
        yield server, settings


@pytest.fixture(scope="module")
def over_ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """A session of an ncclient that was called, and one that was opened as usual."""
    port = free_port()
    with ThreadPoolExecutor(1) as thread:
        called = thread.submit(
            manager.call_home,
            host="127.0.0.1",
            port=port,
            timeout=60,
            username="admin",
            password="admin",
            hostkey_verify=False,
            look_for_keys=False,
            allow_agent=False,
        )
        with (
            calling(tmp_path_factory.mktemp("ssh"), f"ssh:127.0.0.1:{port}") as (server, _),
            called.result(60) as session,
            connect(server) as other,
        ):
            yield session, other


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_an_ncclient_that_was_called_over_ssh_can(work: Work, over_ssh: tuple[Any, Any]) -> None:
    work(*over_ssh)


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any]]:
    """A session of a netconf-client that was called, and one that was opened as usual."""
    port = free_port()
    with (
        CallhomeManager("127.0.0.1", port) as home,
        calling(tmp_path_factory.mktemp("tls"), f"tls:127.0.0.1:{port}") as (server, settings),
    ):
        certificate, key = settings.user("admin")
        authority = settings.server_certificate(server.state_directory)
        called = home.accept_one_tls(certfile=certificate, keyfile=key, ca_certs=authority)
        with TlsManager(called) as session, connect(server) as other:
            yield session, other


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_a_netconf_client_that_was_called_over_tls_can(work: Work, over_tls: tuple[Any, Any]) -> None:
    work(*over_tls)


def test_a_client_is_called_wherever_it_is_and_again_after_every_end(tmp_path: Path) -> None:
    nobody, port = islice(free_ports(), 2)
    with CallhomeManager("127.0.0.1", port) as home, calling(tmp_path, f"127.0.0.1:{nobody}", f"127.0.0.1:{port}"):
        home.accept_one().close()
        for _ in range(2):
            with Manager(home.accept_one_ssh(username="admin", password="admin")) as session:
                get(session, None)
                session.close_session()
