"""Unmodified clients over TLS (RFC 7589): ncclient and netconf-client do their whole range, openssl sees the rest."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ncclient import NCClientError, manager
from ncclient.operations import RPCError
from netconf_client.connect import connect_tls
from netconf_client.error import NetconfClientException

from tests.support.client_certificates import identity
from tests.support.manager_work import MONITORING, WORK, Work, has_proposal, text
from tests.support.served import Served, served
from tests.support.tls_managers import TlsManager
from tests.support.tls_settings import TlsSettingsFile

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@dataclass(frozen=True)
class Over:
    """A running server, and how clients come in over TLS."""

    server: Served
    settings: TlsSettingsFile

    @property
    def authority(self) -> str:
        return str(self.settings.server_certificate(self.server.state_directory))

    def ncclient(self, user: str = "admin") -> AbstractContextManager[Any]:
        host, port = self.server.tls[0]
        certificate, key = self.settings.user(user)
        session: AbstractContextManager[Any] = manager.connect_tls(
            host=host,
            port=port,
            certfile=str(certificate),
            keyfile=str(key),
            ca_certs=self.authority,
            protocol=ssl.PROTOCOL_TLS_CLIENT,
        )
        return session

    def netconf_client(self, user: str = "admin") -> AbstractContextManager[Any]:
        host, port = self.server.tls[0]
        certificate, key = self.settings.user(user)
        session = connect_tls(host=host, port=port, certfile=certificate, keyfile=key, ca_certs=self.authority)
        opened: AbstractContextManager[Any] = TlsManager(session)
        return opened


GONE = (NCClientError, NetconfClientException, OSError)
Client = Callable[[Over], AbstractContextManager[Any]]
CLIENTS: dict[str, Client] = {"ncclient": Over.ncclient, "netconf-client": Over.netconf_client}


@pytest.fixture(scope="module")
def over(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Over]:
    folder = tmp_path_factory.mktemp("tls")
    settings = TlsSettingsFile(folder)
    options = ("--scenario", "chapter", "--listen", "tls:127.0.0.1:0", "--settings", str(settings.write()))
    with served(folder / "state", *options) as server:
        yield Over(server, settings)


@pytest.fixture(scope="module", params=CLIENTS)
def sessions(request: pytest.FixtureRequest, over: Over) -> Iterator[tuple[Any, Any]]:
    """Two sessions of one client."""
    connect = CLIENTS[request.param]
    with connect(over) as session, connect(over) as other:
        yield session, other


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)
def test_over_tls_a_client_can(work: Work, sessions: tuple[Any, Any]) -> None:
    work(*sessions)


@pytest.mark.parametrize("connect", CLIENTS.values(), ids=CLIENTS)
def test_a_session_over_tls_is_killed_and_counted_as_such(connect: Client, over: Over) -> None:
    with connect(over) as survivor:
        victim = connect(over)
        victim_id = victim.session_id  # type: ignore[attr-defined]
        survivor.kill_session(victim_id)
        subtree = f'<netconf-state xmlns="{MONITORING}"><sessions/></netconf-state>'
        sessions = text(survivor.get(filter=("subtree", subtree)).data_xml)
        assert f"<session-id>{victim_id}</session-id>" not in sessions
        assert "netconf-tls</transport>" in sessions


def test_who_one_is_decides_what_one_may(over: Over) -> None:
    with over.ncclient("operator") as session:
        assert has_proposal(session, "ike-proposal")
        with pytest.raises(RPCError) as refused:
            session.lock("running")
        assert refused.value.tag == "access-denied"


def test_a_certificate_of_a_name_that_nobody_has_given_rights_does_nothing(over: Over) -> None:
    with over.ncclient("stranger") as session:
        with pytest.raises(RPCError) as refused:
            session.get_config("running")
        assert refused.value.tag == "access-denied"


def test_a_certificate_of_another_authority_does_not_come_in(over: Over, tmp_path: Path) -> None:
    stranger = TlsSettingsFile(tmp_path)
    with pytest.raises(GONE):
        Over(over.server, stranger).ncclient()


def test_nothing_is_sent_before_the_client_has_shown_a_certificate(over: Over) -> None:
    host, port = over.server.tls[0]
    context = ssl.create_default_context(cafile=over.authority)
    received = b""
    with (
        suppress(OSError),
        socket.create_connection((host, port)) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        received = secured.recv(100)
    assert received == b""


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the system package openssl is missing")
def test_openssl_verifies_the_servers_own_certificate(over: Over, tmp_path: Path) -> None:
    host, port = over.server.tls[0]
    certificate, key = identity("admin", over.settings.clients).write(tmp_path, "admin")
    done = subprocess.run(
        [
            *("openssl", "s_client", "-connect", f"{host}:{port}", "-quiet", "-no_ign_eof", "-verify_return_error"),
            *("-CAfile", over.authority, "-verify_ip", host, "-cert", str(certificate), "-key", str(key)),
        ],
        input=b"",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert b"verify error" not in done.stderr
    assert b"depth=0 CN = ipsec-agent" in done.stderr.replace(b"CN=", b"CN = ")
