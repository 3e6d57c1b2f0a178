"""NETCONF over SSH (RFC 6242), on asyncssh: the addresses that are listened on, and connections that we make ourselves.

Invariants: only what is safe today is offered: nothing with SHA-1, no CBC; new keys are agreed on while sessions go on;
nothing of this machine's SSH configuration is used.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import asyncssh

from agent.transport.closing import GRACE_SECONDS, wait_until
from agent.transport.ssh_connection import Connection, Connections, SshLimits, SshService

RECEIVE_WINDOW_BYTES: Final = 262_144
"""What a client may send ahead on one channel while its session wants no input."""
SOFTWARE_VERSION: Final = "ipsec_agent"

KEY_EXCHANGES: Final = (
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group14-sha256",
)
CIPHERS: Final = (
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)
"""Not chacha20-poly1305, which clients prefer: it is what Terrapin (CVE-2023-48795) is about, and takes asyncssh five
times as long for each packet as AES-GCM."""
MACS: Final = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
SIGNATURES: Final = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-256",
    "rsa-sha2-512",
)
"""By users' keys. One with SHA-1, which a client may make all the same, is refused."""
KEEPALIVE_SECONDS: Final = 30.0
"""How often a connection that we have made is asked for a sign of life (RFC 8071 section 4.1)."""


class Listener:
    """The addresses that are listened on, and every connection, whoever has made it."""

    def __init__(self, service: SshService, host_keys: Sequence[Path]) -> None:
        """Listen on nothing yet; `host_keys` are private key files of ours, which were judged when they were found."""
        self._place = Connections(service)
        self._acceptors: list[asyncssh.SSHAcceptor] = []
        self._options = _server_options(service, self._place, host_keys)

    @property
    def service(self) -> SshService:
        """What connections to come are served."""
        return self._place.service

    def limit(self, limits: SshLimits) -> None:
        """Give connections to come other limits, but for how much traffic new keys are agreed on after."""
        self._place.service = replace(self.service, limits=limits)
        for acceptor in self._acceptors:
            acceptor.update(login_timeout=limits.login_seconds)
        self._options.update(login_timeout=limits.login_seconds)

    @property
    def connections(self) -> int:
        """How many connections there are, logged in or not."""
        return len(self._place.connections)

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Every (host, port) listened on, with the ports that were taken for 0."""
        return tuple(address[:2] for acceptor in self._acceptors for address in acceptor.get_addresses())

    async def open(self, host: str, port: int) -> None:
        """Listen on one more address; port 0 takes a free one. OSError when it cannot be had."""
        self._acceptors.append(await asyncssh.listen(host, port, options=self._options))

    async def adopt(self, connected: socket.socket) -> bool:
        """Serve a connection that we have made (RFC 8071), until it ends; return whether anybody logged in."""
        try:
            connection = await asyncssh.run_server(connected, options=self._options)
        except (OSError, asyncssh.Error):
            return False
        connection.set_keepalive(KEEPALIVE_SECONDS)
        await connection.wait_closed()
        return True

    async def close(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Take no more connections, let sessions send what they have, and disconnect; return when all is closed."""
        for acceptor in self._acceptors:
            acceptor.close()
        for channel in self._place.channels:
            channel.drain()
        await wait_until(lambda: not self._place.channels, grace_seconds)
        for connection in self._place.connections:
            connection.close()
        await wait_until(lambda: not self._place.connections, grace_seconds)


def _own_key(path: Path) -> asyncssh.SSHKey:
    """Read a key of ours. Whether its numbers are those of an RSA key is for its keeper to judge: it takes a while."""
    return asyncssh.read_private_key(path, unsafe_skip_rsa_key_validation=True)


def _server_options(
    service: SshService, place: Connections, host_keys: Sequence[Path]
) -> asyncssh.SSHServerConnectionOptions:
    return asyncssh.SSHServerConnectionOptions(
        server_factory=lambda: Connection(place),
        server_host_keys=[_own_key(path) for path in host_keys],  # read once: not at each login
        server_version=SOFTWARE_VERSION,
        login_timeout=service.limits.login_seconds,
        rekey_bytes=service.limits.rekey_bytes,
        kex_algs=KEY_EXCHANGES,
        encryption_algs=CIPHERS,
        mac_algs=MACS,
        signature_algs=SIGNATURES,
        compression_algs=("none",),
        encoding=None,
        window=RECEIVE_WINDOW_BYTES,
        line_editor=False,
        agent_forwarding=False,
        x11_forwarding=False,
        gss_host=None,
    )
